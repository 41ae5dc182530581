"""``ternstone anneal``: what it finds, what it says, what it writes; the bench of maximum cuts."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from golden.invertible.graph import Graph, of_graph, random_graph, read
from golden.invertible.ising import Ising
from ternstone import bench_invertible_maxcut as bench
from ternstone.anneal import run

TORUS = Path(__file__).resolve().parents[2] / "examples" / "anneal" / "torus.txt"


def test_example(ternstone, tmp_path):
    said = ternstone("anneal", TORUS, "--sweeps", 60, "--seeds", 3, "-o", tmp_path / "out",
                     "--json")
    assert said.status == 0
    answer, graph = json.loads(said.out), read(TORUS)
    search = answer["search"]
    assert graph.cut(np.array([int(part) for part in search["parts"]])) == search["best"] > 150
    assert search["best"] == max(one["cut"] for one in search["runs"])
    assert "module" in Path(answer["verilog"]).read_text()


def test_table(ternstone, tmp_path):
    said = ternstone("anneal", TORUS, "--sweeps", 2, "--seeds", 1, "-o", tmp_path / "out")
    assert said.status == 0 and "Maximum cut" in said.out and "anneal-torus.v" in said.out


def test_run_is_what_hardware_does():
    """The frame of the answer, given to the block, is answered by the first seed's run."""
    graph = random_graph(30, 90, (-1, 2), seed=2)
    params = of_graph(graph, replicas=4)
    found = run(graph, params, 10, seeds=2)
    block = Ising(params, {})
    job = np.array(found["frame"])[:, None]
    answer = params.read(block.run([job])[0])
    first = found["runs"][0]
    assert graph.cut_of(answer["energy"]) == graph.cut(answer["bits"]) == first["cut"]
    assert answer["sweep"] * params.sweep_cycles == first["cycles"] <= found["cycles"]
    assert block.cycles([job]) == found["cycles"]


@pytest.mark.parametrize("text, options, error", [
    ("3 2\n1 2 1\n", [], "Graph file must have 2 edges, as it says, not 1"),
    ("2 1\n1 2 1\n", [], "Ising spins must be between 4 and 65536, not 2"),
    ("4 1\n1 2 0\n", [], "Ising couplings must be at least 1, not 0"),
    ("4 1\n1 2 1\n", ["--sweeps", 0], "--sweeps must be between 1 and 100000, not 0"),
    ("4 1\n1 2 1\n", ["--seeds", 0], "--seeds must be at least 1, not 0"),
])
def test_bad_input(ternstone, tmp_path, text, options, error):
    path, out = tmp_path / "graph.txt", tmp_path / "out"
    path.write_text(text)
    said = ternstone("anneal", path, "-o", out, *options)
    assert said.status == 2 and said.err.strip().endswith(error) and said.err.count("\n") == 1
    assert not out.exists()


def test_no_file(ternstone, tmp_path):
    said = ternstone("anneal", tmp_path / "none.txt")
    assert said.status == 2 and said.err.strip().endswith("no such file or directory")


@pytest.fixture
def small(monkeypatch):
    """The bench on a small graph, without a simulator."""
    graph = random_graph(40, 200, seed=3)
    monkeypatch.setattr(bench.graphs, "graph_of", lambda name: (graph, "generated"))
    monkeypatch.setattr(bench, "RUNS", {"g1": 8})
    monkeypatch.setattr(bench, "verified", lambda *given: {"passed": True})
    return graph


def figures(rows):
    return {row["figure"]: row for row in rows}


def test_bench_without_the_software(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "dwave.samplers", None)
    rows = figures(bench.maximum_cut(lambda what: None))
    for name in ("share of the best cut", "clock that equals the software, MHz"):
        assert rows[name]["measured"] is rows[name]["met"] is None
        assert "pip install dwave-samplers" in rows[name]["how"]


def test_bench_with_the_software(small):
    pytest.importorskip("dwave.samplers")
    rows = figures(bench.maximum_cut(lambda what: None))
    assert rows["share of the best cut"]["measured"] > 0.98
    assert 0.9 < rows["software: share of the best cut"]["measured"] <= 1
    assert rows["clock that equals the software, MHz"]["measured"] > 0


def test_bench_of_hardware_that_differs(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "dwave.samplers", None)
    monkeypatch.setattr(bench, "verified", lambda *given: {"passed": False, "failure": "beat 3"})
    last = list(bench.maximum_cut(lambda what: None))[-1]
    assert (last["met"], last["how"]) == (False, "beat 3")


def test_cut_of_software_is_of_this_graph():
    pytest.importorskip("dwave.samplers")
    square = Graph(4, ((0, 1, 1), (0, 3, 1), (1, 2, 1), (2, 3, 1)))
    assert bench.software(square, 50, 4)["cuts"].max() == 4
