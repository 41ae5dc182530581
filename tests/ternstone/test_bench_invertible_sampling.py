"""The rows on networks of spins: what is among them, and that they can fail."""

import numpy as np
import pytest

from golden.invertible import sampling
from golden.invertible.build import network
from golden.invertible.hamiltonian import GATES
from ternstone import bench_invertible_sampling as bench


def said(_what):
    pass


def in_turn(function, items, say, what):
    return map(function, items)


def test_cases_have_every_variant():
    made = [network(**case) for case in bench.CASES]
    assert {case["circuit"] for case in bench.CASES} == {*GATES, "adder", "multiplier",
                                                         "comparator"}
    for name, values in (("update", {"synchronous", "chromatic", "sequential"}),
                         ("coding", {"bipolar", "unipolar"}), ("random", {"xorshift", "lfsr"}),
                         ("stop", {"never", "hit"}), ("answer", {"states", "trace", "histogram"})):
        assert {getattr(p, name) for p in made} == values
    assert {(p.replicas > 1, bool(p.ring)) for p in made} == {
        (False, False), (True, False), (True, True)}


@pytest.mark.parametrize("passed, wrong", [(True, 0), (False, 3)])
def test_equality(monkeypatch, passed, wrong):
    def verified(name, block, frames, *, idle=0, stall=0):
        return {"passed": passed or not idle, "mismatches": wrong if idle else 0, "beats": 7,
                "failure": None}

    monkeypatch.setattr(bench, "verified", verified)
    monkeypatch.setattr(bench, "side_by_side", in_turn)
    monkeypatch.setattr(bench, "CASES", bench.CASES[:2])
    rows = list(bench.equality(said))
    assert [(row["measured"], row["met"]) for row in rows] == [(wrong, passed)] * 2


def measured(valid, least):
    def measure(params, chosen, plan=sampling.plan, seed=1):
        stuck = not any(level for _, level, _ in plan(params, 1)[0])
        own = (1.0, 0.0) if stuck else (valid, least)
        return [sampling.Sampled(*own, 1, np.zeros(1)) for _ in chosen]
    return measure


@pytest.mark.parametrize("valid, least, met", [
    (0.96, 0.6, {True}), (0.94, 0.6, {True, False}), (0.96, 0.4, {True, False})])
def test_sampled(monkeypatch, valid, least, met):
    monkeypatch.setattr(sampling, "measure", measured(valid, least))
    monkeypatch.setattr(bench, "side_by_side", in_turn)
    rows = list(bench.sampled(said))
    assert len(rows) == 3 * len(sampling.NAMES)
    assert {row["met"] for row in rows[:16]} == met
    assert all(row["met"] and row["measured"] for row in rows[16:])


def test_a_frozen_network_that_passes_is_a_miss(monkeypatch):
    monkeypatch.setattr(sampling, "measure", lambda params, chosen, plan=None: [
        sampling.Sampled(1, 1, 1, np.zeros(1)) for _ in chosen])
    monkeypatch.setattr(bench, "side_by_side", in_turn)
    assert [row["met"] for row in bench.sampled(said)][-8:] == [False] * 8


def test_speed():
    rows = list(bench.speed(said))
    assert len(rows) == 2 and all(row["measured"] > 0 for row in rows)
