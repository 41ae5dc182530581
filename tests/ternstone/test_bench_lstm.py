"""The LSTM family's bench: what it measures is what it says, and it can fail."""

import json
from dataclasses import replace

import numpy as np
import pytest

from golden.lstm.build import network
from golden.lstm.network import Network
from golden.lstm.params import DenseParams
from sim.tools import ToolError
from ternstone import bench_lstm, bench_lstm_area, bench_lstm_models
from ternstone.bench_lstm_area import DESIGNS, PEERS
from ternstone.bench_lstm_models import variant
from ternstone.bench_lstm_states import set_states
from ternstone.designs import open_design


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_states_are_as_sparse_as_asked(share):
    params = network(inputs=4, hidden=64, outputs=0, steps=5)
    zero = np.arange(64) < share * 64
    block = set_states(Network.random(params, np.random.default_rng(0)), zero)
    frames = list(np.random.default_rng(1).integers(1, 128, (1, 20, 1)))
    assert ((block.trace(frames)[0] == 0) == zero[:, None].T).all()
    assert bench_lstm._columns(block, frames) == 20 + 4 * int((~zero).sum())


# -- trained networks

def test_variant():
    design = open_design("digits-lstm-binary", None, {})
    made = variant(design, 0.8, 8)
    feed = made.feed(4, 0)
    assert feed.frames[0].shape[1] == made.block.input.elements
    assert made.block.params.batch == made.block.params.head.batch == 8
    assert (made.block.trace(feed.frames)[0] == 0).mean() > 0.5
    same = variant(design, None, 1)
    feed = design.feed(4, 0)
    assert all((a == b).all() for a, b in zip(same.block.run(feed.frames),
                                              design.block.run(feed.frames), strict=True))


def _table(tmp_path, **figures):
    table = {name: {"task": {"data": "digits", "view": "rows", "hidden": 64}, "results": [{}],
                    "command": "made so",
                    "figures": {key: {"mean": value} for key, value in values.items()}}
             for name, values in figures.items()}
    path = tmp_path / "table.json"
    path.write_text(json.dumps({name.replace("_", "-"): entry for name, entry in table.items()}))
    return {row["figure"]: row for row in bench_lstm_models._table(path)
            if row["measured"] is not None}


def test_table_rows(tmp_path):
    rows = _table(tmp_path, digits_float={"accuracy_float": 98.0, "accuracy_step": 98.5},
                  digits_ternary={"accuracy_integer": 97.5, "accuracy_fixed": 98.25},
                  text_float={"bpc_float": 2.2}, text_float_6={"bpc_float": 2.0},
                  text_ternary={"bpc_integer": 2.1})
    below = rows["digits, ternary, points below float"]
    assert (below["measured"], below["met"]) == (1.0, True)  # below the better of the two
    assert "by: made so" in below["how"]
    between = rows["digits, points between integer and fake-quantised"]
    assert (between["measured"], between["met"]) == (0.75, False)
    # Above the better float network.
    assert rows["text, ternary, bits above float"]["met"] is False
    assert rows["text, float LSTM, bits per character"]["measured"] == 2.0
    assert "digits, binary, points below float" not in rows


def test_table_that_is_not_there(tmp_path):
    rows = list(bench_lstm_models._table(tmp_path / "none.json"))
    assert len(rows) == 10
    for row in rows:
        assert (row["measured"], row["met"]) == (None, None)
        assert "python -m golden.lstm.accuracy" in row["how"]


# -- beside the peers

def test_peers_are_quoted_with_their_source():
    for peer in PEERS.values():
        assert peer.keys() >= {"peer", "source", "work", "tool", "version", "trust", "cycles",
                               "exactness"}
        assert peer["source"].startswith("https://")
        assert peer["trust"] in ("measured", "published")
        # A synthesis that did not end says so.
        assert peer.keys() & {"LUT4", "LUT", "area"} or (
            "synthesis did not end" in peer["exactness"])
        assert "FF" in peer or peer["trust"] == "published" or "LUT4" not in peer
    assert {case.peer for case in DESIGNS} == {
        name for name, peer in PEERS.items()
        if name.startswith(("lstm", "dense")) and "synth_ice40" in peer["flow"]}


AREA = {"LUT4": 30, "FF": 20, "carry": 0, "RAM": 1, "MAC16": 0, "tool": "a tool", "version": "1",
        "flow": "synth_ice40 -top top"}
PASSED = {"passed": True, "mismatches": 0, "beats": 7, "cycles": 9}


@pytest.fixture
def case(monkeypatch):
    """A small design beside a peer whose figures are chosen, without simulator and synthesis."""
    monkeypatch.setattr(bench_lstm_area, "verified", lambda *_, **__: PASSED)
    monkeypatch.setattr(bench_lstm_area, "ice40", lambda *_, **__: AREA)
    monkeypatch.setitem(PEERS, "small", {**PEERS["dense-64-64"], "LUT4": 100, "cycles": 10})
    return bench_lstm_area.Beside("small", "small", DenseParams(
        8, 8, weights="ternary", raw=True, lanes=8, store="stream"), {"LUT4": 0.5, "cycles": 1})


def test_beside(case):
    rows = bench_lstm_area._beside(case)
    assert [(r["figure"], r["measured"], r["target"], r["met"]) for r in rows] == [
        ("mismatches", 0, "0", True), ("mismatches", 0, "0", True),
        ("LUT4", 30, "<= 50", True), ("cycles", 8, "<= 10", True)]
    product = replace(case, limits={"LUT4 x cycles": 0.2})
    assert [(r["measured"], r["target"], r["met"]) for r in bench_lstm_area._beside(product)[2:]
            ] == [(240, "<= 200", False)]


def test_beside_with_a_mismatch(case, monkeypatch):
    monkeypatch.setattr(bench_lstm_area, "verified", lambda *_, **__: {
        "passed": False, "mismatches": 3, "failure": "3 of 7 beats differ"})
    row = bench_lstm_area._beside(case)[0]
    assert (row["measured"], row["met"], row["how"]) == (3, False, "3 of 7 beats differ")


def _no_yosys(*_, **__):
    raise ToolError("Yosys must be there (pip install pyosys)")


def test_without_yosys_the_rest_is_measured(case, monkeypatch):
    monkeypatch.setattr(bench_lstm_area, "ice40", _no_yosys)
    monkeypatch.setattr(bench_lstm_area, "find_yosys", _no_yosys)
    luts, cycles = bench_lstm_area._beside(case)[2:]
    assert (luts["measured"], luts["met"]) == (None, None)
    assert luts["how"] == "not measured: Yosys must be there (pip install pyosys)"
    assert cycles["met"]
    rows = list(bench_lstm_area.array(lambda what: None))
    assert [row["how"] for row in rows] == [luts["how"]]


def test_array(monkeypatch):
    monkeypatch.setattr(bench_lstm_area, "ice40", lambda *_, **__: {**AREA, "LUT4": 800})
    row = bench_lstm_area._array(("binary", 4))
    assert row["measured"] == 800 / bench_lstm_area.LANES / 4
    assert "accumulators of 17 bits for 256 terms" in row["how"]
