"""The rows of the engine that skips both kinds of zeros, without simulator and synthesis."""

import dataclasses

import numpy as np
import pytest

from golden.sparse_conv.joint import groups
from golden.sparse_conv.joint_params import balance
from golden.sparse_conv.params import ConvParams
from ternstone import bench_sparse_conv_joint as bench

PASSED = {"passed": True, "mismatches": 0, "beats": 7, "failure": None}
FAILED = {**PASSED, "passed": False, "mismatches": 2, "failure": "2 beats differ"}
AREA = {"LUT4": 30, "FF": 20, "carry": 5, "RAM": 1, "MULT18": 0, "tool": "a tool", "version": "1"}


@pytest.fixture
def verdict(monkeypatch):
    """What simulations are said to show, of golden's cycles; synthesis gives `AREA`."""
    said = dict(PASSED)
    monkeypatch.setattr(bench, "verified", lambda _name, block, frames, **_: {
        **said, "cycles": block.cycles(frames)})
    monkeypatch.setattr(bench, "ecp5", lambda *_, **__: AREA)
    return said


def test_random_networks_are_of_all_kinds():
    found = [bench._random(np.random.default_rng(seed)) for seed in range(60)]
    assert {len(params.layers) for params in found} == {1, 2, 3}
    layers = [layer for params in found for layer in params.layers]
    assert {layer.pool for layer in layers} == {1, 2}
    assert {layer.kernel for layer in layers} >= set(range(1, 7))
    assert len({layer.weights for layer in layers}) > 10


def test_equality(verdict):
    assert bench._equal(0) == (0, 14)
    verdict.update(FAILED)
    assert bench._equal(0) == (4, 14)
    verdict["mismatches"] = 0
    assert bench._equal(0)[0] == 2


@pytest.mark.parametrize("how, fill", [("rows", 0), ("lists", 0)])
def test_pruned_weights_are_balanced(how, fill):
    layer = ConvParams(4, 6, 6, 8, padding=1)
    weight = bench.pruned(layer, how, 0.5, np.random.default_rng(0), lanes=4)
    assert (weight == 0).mean() == 0.5 and balance(layer, 4, weight)[1] == fill
    (sets,) = groups(layer, 4)
    rows = (weight.ravel()[sets] != 0).reshape(4, 4, 3, -1).sum(-1)
    assert (rows == 3).all() == (how == "rows")


def test_weights_pruned_anywhere_are_not():
    layer = ConvParams(4, 6, 6, 8, padding=1)
    weight = bench.pruned(layer, "random", 0.5, np.random.default_rng(0), lanes=4)
    assert balance(layer, 4, weight)[1] > 0.1


def test_utilisation(verdict):
    case = bench.Case(4, "rows")
    share, stored = bench._utilisation(case)
    assert 0 < share["measured"] < 1 and share["met"] == (share["measured"] >= 0.9)
    assert stored["met"] is None and "bits" in stored["how"]
    assert bench._utilisation(dataclasses.replace(case, target=None))[0]["met"] is None
    verdict.update(FAILED)
    (row,) = bench._utilisation(case)
    assert (row["measured"], row["met"], row["how"]) == (None, False, "2 beats differ")


def test_beside_the_peer(verdict):
    cycles, cells = bench._beside(bench.PEER[0])
    assert cycles["met"] and cycles["target"] == "<= 2,400"
    assert (cells["measured"], cells["met"], cells["target"]) == (40, True, "<= 8,000")
    verdict.update(FAILED)
    (row,) = bench._beside(bench.PEER[0])
    assert row["met"] is False


def test_beside_the_peer_without_yosys(verdict, monkeypatch):
    def missing(*_, **__):
        raise bench.ToolError("a yosys must be there")
    monkeypatch.setattr(bench, "ecp5", missing)
    _, cells = bench._beside(bench.PEER[1])
    assert (cells["measured"], cells["met"]) == (None, None)
    assert "a yosys must be there" in cells["how"]


def test_network(verdict):
    rows = list(bench.network(lambda _: None))
    assert rows[0]["met"] and rows[1]["measured"] > 1000
    verdict.update(FAILED)
    assert next(bench.network(lambda _: None))["met"] is False
