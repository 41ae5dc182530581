"""The invertible family's bench, factoring and area: what its rows say, and that they can fail."""

import json

import numpy as np
import pytest

from docs import pages
from fpga.tools import find_yosys
from golden.invertible.network import Job, simulate
from hdl.invertible.network import Network
from hdl.verilog import Verilog, emit
from sim.tools import ToolError
from ternstone import bench_invertible_area as area
from ternstone import bench_invertible_factoring as factoring
from ternstone.bench import PEERS
from ternstone.catalogue import DESIGNS

CELLS = {"LUT": 200, "LUT4": 500, "FF": 150, "carry": 20, "tool": "a tool", "version": "1",
         "flow": "synth -top top", "spins": 12}


def said(_what):
    pass


@pytest.fixture
def without_processes(monkeypatch):
    for module in (area, factoring):
        monkeypatch.setattr(module, "side_by_side", lambda of, items, *_: map(of, items))


# -- factoring

def test_goals():
    """Of the results that the page shows: the same runs as the bench's, and those of the ready
    design with its stages."""
    data = json.loads((pages.RESULTS / "invertible-factoring.json").read_text())
    rows = {(row["rule"], row["bits"], row["set"], row["replicas"], row["stages"]): row
            for row in data["rows"]}
    ready = int(DESIGNS["factor-5x5"].params["stages"])
    goals = {(*name, 1): goal for name, goal in factoring.GOALS.items()} | {
        (*name, ready): factoring.GOALS[name]
        for name in (("steps", 5, "general", 1), ("steps", 5, "semiprimes", 1))}
    for name, (bound, quantile) in goals.items():
        assert rows[name]["seeds"] >= 100
        assert rows[name]["bound"] <= bound, name
        assert quantile is None or rows[name]["q99"] <= quantile, name


def row_of(bound, q99):
    return {"mean": bound - 1, "bound": bound, "q99": q99, "worst": 999, "seeds": 100,
            "per_seed": 66, "products": 66}


@pytest.mark.parametrize("bound, q99, met", [(15, 80, [True, True]), (15.1, 80, [False, True]),
                                             (12, 81, [True, False])])
def test_a_goal_can_be_missed(without_processes, monkeypatch, bound, q99, met):
    monkeypatch.setattr(factoring, "CASES", [("steps", 5, "general", 1)])
    monkeypatch.setattr(factoring, "measure", lambda *_, **__: row_of(bound, q99))
    rows = list(factoring.factoring(said))
    assert [row["met"] for row in rows] == met
    assert [row["target"] for row in rows] == ["<= 15", "<= 80"]
    assert rows[0]["setting"] == "5 x 5, general" and rows[0]["measured"] == bound
    for words in ("random pair 451.87", "saddleback scan 19.29",
                  "one exact division a cycle 12.12", "the published chip 430"):
        assert words in rows[0]["how"]


def test_cases():
    """Goals with the study's runs, all other sizes with fewer; none twice."""
    assert len(set(factoring.CASES)) == len(factoring.CASES)
    assert set(factoring.GOALS) < set(factoring.CASES)
    assert {("steps", bits, kind, 1) for bits, kind in factoring.SIZES} <= set(factoring.CASES)
    assert {case[0] for case in factoring.CASES} == set(factoring.NAMES) == set(factoring.SMALL)


def test_a_real_case():
    row = factoring._measure(("weighted", 4, "semiprimes", 1))
    assert row["seeds"] >= 100 and row["mean"] < row["bound"] < 60


def test_yardsticks(monkeypatch):
    monkeypatch.setattr(factoring, "SIZES", [(4, "semiprimes")])
    monkeypatch.setattr(factoring, "_yardstick", lambda name, kind, bits: {
        "mean": 7.5, "q99": 30.0, "worst": None, "products": 21})
    rows = list(factoring.yardsticks(said))
    assert len(rows) == 2 * len(factoring.YARDSTICKS) + 2
    assert all(row["met"] is None for row in rows)
    assert [row["measured"] for row in rows[-2:]] == [430, 219]


# -- area

def test_published(without_processes, monkeypatch):
    monkeypatch.setattr(area, "_missing", lambda: None)
    monkeypatch.setattr(area, "xc7", lambda *_, **__: CELLS)
    monkeypatch.setattr(area, "emit", lambda *_: None)
    monkeypatch.setattr(area, "Network", lambda _: None)
    rows = list(area.published(said))
    assert [row["target"] for row in rows[:2]] == ["<= 256", "<= 306"]
    assert len(rows) == 6 and all(row["met"] for row in rows)
    monkeypatch.setattr(area, "xc7", lambda *_, **__: {**CELLS, "LUT": 257})
    assert [row["met"] for row in area.published(said)][:2] == [False, True]
    rows = list(area.multipliers(said))
    assert len(rows) == 4 * len(area.MULTIPLIERS) and all(row["met"] is None for row in rows)
    assert "19,290 um2, 1,608 a node, as 1,116 NAND2" in rows[0]["how"]


def test_without_a_yosys(monkeypatch):
    def missing():
        raise ToolError("Yosys must be there")
    monkeypatch.setattr(area, "find_yosys", missing)
    monkeypatch.setattr(area, "shares", lambda products: dict.fromkeys(products, (1.0, area.RUNS)))
    for part in (area.published, area.multipliers, area.peer):
        *_, row = part(said)
        assert (row["measured"], row["met"]) == (None, None)
        assert row["how"] == "not measured: Yosys must be there"


def test_peer(monkeypatch):
    """Its rows, and that each can be missed."""
    good = {9: (0.99, area.RUNS), 3: (0.95, area.RUNS), 6: (0.9, area.RUNS), 2: (0.7, area.RUNS),
            4: (0.5, area.RUNS)}
    monkeypatch.setattr(area, "_missing", lambda: None)
    monkeypatch.setattr(area, "find_yosys", lambda: "yosys")
    monkeypatch.setattr(area, "system_yosys", lambda: None)
    monkeypatch.setattr(area, "_loops", lambda *_: 0)
    monkeypatch.setattr(area, "ecp5", lambda *_, **__: CELLS)
    monkeypatch.setattr(area, "emit", lambda *_: None)
    monkeypatch.setattr(area, "Network", lambda _: None)
    monkeypatch.setattr(area, "shares", lambda products: good)
    rows = list(area.peer(said))
    assert all(row["met"] for row in rows) and len(rows) == 5 + 3 + 1 + 4
    bad = {**good, 9: (0.947, area.RUNS), 6: (0.9, area.RUNS - 1)}
    monkeypatch.setattr(area, "shares", lambda products: bad)
    monkeypatch.setattr(area, "ecp5", lambda *_, **__: {**CELLS, "LUT4": 806})
    monkeypatch.setattr(area, "_loops", lambda *_: 1)
    missed = [(row["figure"], row["setting"]) for row in area.peer(said) if not row["met"]]
    assert missed == [("share of cycles with a b = P", "P = 9"),
                      ("runs in which both orders came up", "P = 6"), ("LUT4", "2 x 2, Yosys 1"),
                      ("combinational loops, undriven wires, latches", "2 x 2, Yosys 1")]


def test_shares(monkeypatch):
    """Against a count by hand, and of a network that stands still."""
    monkeypatch.setattr(area, "RUNS", 3)
    monkeypatch.setattr(area, "CYCLES", 500)
    share, seen = area.shares([6])[6]
    clamps = np.array([Job((), {"product": 6}).bits(area.PEER)] * 3)
    trace = simulate(area.PEER, ((500, area.NOISE, 0),), clamps, seeds=[1, 2, 3], trace=True).trace
    pairs = [[(s[0] + 2 * s[1], s[2] + 2 * s[3]) for s in run[1:, 0].tolist()] for run in trace]
    assert share == sum(a * b == 6 for run in pairs for a, b in run) / 1500 > 0.5
    assert seen == sum({(2, 3), (3, 2)} <= set(run) for run in pairs)
    monkeypatch.setattr(area, "NOISE", 0)
    assert area.shares([6, 9])[6][1] == 0


def test_the_peers_network_moves_all_spins_in_a_cycle():
    p = area.PEER
    assert p.turns == (tuple(range(12)),) and not p.rest and not p.gates
    assert dict(p.ports).keys() == {"a", "b", "product"}
    assert list(map(int, PEERS["invertible-multiplier-2"]["shares"])) == [9, 3, 6, 2, 4]


def test_loops():
    try:
        tool = find_yosys()
    except ToolError:
        pytest.skip("no Yosys (pip install pyosys)")
    assert area._loops(emit(Network(area.PEER), "top"), tool) == 0
    assert area._loops(Verilog("module top(input a, output b); wire c = a ^ d; wire d = ~c; "
                               "assign b = d; endmodule"), tool) == 1


# -- on standard cells

def test_standard_cells(monkeypatch, without_processes):
    """A spin's NAND2 equivalents, and that they can be too many."""
    other = PEERS["invertible-multipliers"]
    theirs = other["area"]["2"] / 12 / other["NAND2"]
    for factor, met in ((0.5, True), (2, False)):
        monkeypatch.setattr(area, "no_kit", lambda: "")
        monkeypatch.setattr(area, "MULTIPLIERS", (2,))
        monkeypatch.setattr(area, "_on_cells", lambda width, times=factor: {
            "spins": 12, "NAND2": 12 * theirs * times, "um2": 1.0, "ns": 1, "timing": "a tool",
            "pdk": "a kit", "tool": "a tool", "version": "1"})
        row, = area.standard_cells(said)
        assert row["met"] is met
        assert row["measured"] == round(theirs * factor, 1)


def test_standard_cells_without_a_kit(monkeypatch):
    monkeypatch.setattr(area, "no_kit", lambda: "PDK_ROOT must be set")
    row, = area.standard_cells(said)
    assert (row["met"], row["how"]) == (None, "not measured: PDK_ROOT must be set")
