import re

import numpy as np
import pytest

from golden.invertible import graph
from golden.invertible.graph import Graph, random_graph, read
from golden.invertible.ising import Ising, anneal, energy, generators
from golden.invertible.network import Job, simulate

TRIANGLE = "3 3\n1 2 1\n2 3 -2\n1 3 4\n"


def written(tmp_path, text):
    path = tmp_path / "graph.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_read(tmp_path):
    found = read(written(tmp_path, TRIANGLE))
    assert found == Graph(3, ((0, 1, 1), (0, 2, 4), (1, 2, -2)))
    assert found.weight == 3


def test_read_either_end_first(tmp_path):
    assert read(written(tmp_path, "3 1\n\n 3 1 7 \n\n")).edges == ((0, 2, 7),)


@pytest.mark.parametrize("text, error", [
    ("", r"Graph file must begin with the numbers of nodes and edges, not be empty"),
    (b"\x80\x03}", r"Graph file must be text in the G-set's format, not binary"),
    ("p cnf 3 2\n1 2 0\n", r"Line 1 must be the numbers of nodes and edges, not 'p cnf 3 2'"),
    ("3 4\n1 2 1\n", r"Graph file must have 4 edges, as it says, not 1"),
    ("3 1\n1 2 1\n2 3 1\n", r"Graph file must have 1 edges, as it says, not 2"),
    ("1 0\n", r"Line 1 must have between 2 and 65536 nodes, not 1"),
    ("3 1\n1 2\n", r"Line 2 must be an edge's two nodes and its weight, whole numbers, not '1 2'"),
    ("3 1\n1 2 0.5\n", r"Line 2 must be .* whole numbers, not '1 2 0.5'"),
    ("3 1\n1 4 1\n", r"Line 2 must have nodes between 1 and 3, not 4"),
    ("3 1\n0 2 1\n", r"Line 2 must have nodes between 1 and 3, not 0"),
    ("3 1\n2 2 1\n", r"Line 2 must have two different nodes, not 2 twice"),
    ("3 2\n1 2 1\n2 1 3\n", r"Line 3 must have an edge that is not there yet, not 2 1 again"),
    ("3 1\n1 2 40000\n", r"Line 2 must have a weight between -32767 and 32767, not 40000"),
])
def test_read_wrong(tmp_path, text, error):
    with pytest.raises(ValueError, match=f"^{error}$"):
        read(written(tmp_path, text))


@pytest.mark.parametrize("edges, error", [
    (((1, 0, 1),), r"Graph edge must be \(i, j, weight\) with i < j, .*, not \(1, 0, 1\)"),
    (((0, 1, 1), (0, 1, 2)), r"Graph edge must be .*, not \(0, 1, 2\)"),
    (((0, 3, 1),), r"Graph edge's node must be between 0 and 2, not 3"),
    (((0, 1, 1 << 15),), r"Graph edge's weight must be between -32767 and 32767, not 32768"),
])
def test_init_wrong_edges(edges, error):
    with pytest.raises(ValueError, match=f"^{error}$"):
        Graph(3, edges)


def test_random_graph_of_the_kind_of_g1():
    made, where = graph.graph_of("g1")
    assert (where, made.nodes, len(made.edges)) == ("generated", 800, 19176)
    assert {weight for _, _, weight in made.edges} == {1}
    assert made == random_graph(800, 19176, seed=1) != random_graph(800, 19176, seed=2)
    mixed = graph.graph_of("g6")[0]
    assert abs(mixed.weight) < 600 and {w for _, _, w in mixed.edges} == {-1, 1}


def test_graph_of_a_folder_of_data(tmp_path, monkeypatch):
    (tmp_path / "gset").mkdir()
    (tmp_path / "gset" / "G1").write_text(TRIANGLE)
    monkeypatch.setenv("TERNSTONE_DATA", str(tmp_path))
    assert graph.graph_of("g1") == (Graph(3, ((0, 1, 1), (0, 2, 4), (1, 2, -2))), "G1")
    assert graph.graph_of("g6")[1] == "generated"


def test_graph_of_wrong_name():
    with pytest.raises(ValueError, match=re.escape("Graph must be one of g1, g6, small, or a file, "
                                                   "not 'g7'") + "$"):
        graph.graph_of("g7")


def test_cut_and_energy():
    rng = np.random.default_rng(0)
    made = random_graph(30, 100, (-3, 1, 2), seed=3)
    params = graph.of_graph(made)
    bits = rng.integers(0, 2, (50, 30))
    by_hand = [sum(w for i, j, w in made.edges if state[i] != state[j]) for state in bits]
    assert made.cut(bits).tolist() == by_hand
    assert made.cut_of(energy(params, bits)).tolist() == by_hand


def best_cut(made):
    codes = np.arange(1 << made.nodes - 1)
    return int(made.cut(codes[:, None] >> np.arange(made.nodes) & 1).max())


@pytest.mark.parametrize("weights", [(1,), (-1, 1), (-900, 40, 1000)])
def test_finds_maximum_cuts(weights):
    """Of small graphs, where brute force says what is best."""
    made = random_graph(16, 60, weights, seed=1)
    params = graph.of_graph(made)
    found = anneal(params, graph.schedule(params, 40), *generators(params, range(10)))
    assert (made.cut_of(found.energy) == best_cut(made)).all()
    assert (made.cut(found.bits) == best_cut(made)).all()


def test_network_of_a_small_graph():
    """All spins in parallel, each resting every second cycle at random: the same maximum."""
    made = random_graph(16, 60, seed=1)
    params = graph.network(made, rest=(1,) * 16, range=0, draws=4, noise_bits=4)
    job = Job(tuple((60, noise, 0) for noise in (8, 4, 2, 1)))
    found = simulate(params, job.schedule, np.tile(job.bits(params), (20, 1)), seeds=range(20))
    assert (made.cut(found.bits) == best_cut(made)).sum() >= 8


def test_schedule_falls():
    params = graph.ising("g1")
    for sweeps in (1, 5, 100):
        segments = graph.schedule(params, sweeps)
        assert sum(count for count, _, _ in segments) == sweeps
        noises = [noise for _, noise, _ in segments]
        assert noises == sorted(noises, reverse=True) and noises[0] == 12
    assert noises[-1] == 1
    assert Ising(params, {}).params.asked(params.ask(segments)) == segments
