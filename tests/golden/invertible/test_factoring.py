"""The study: its yardsticks by hand, its cases, and the figures that must be reached."""

import json
from pathlib import Path

import numpy as np
import pytest

from golden.invertible import factoring
from golden.invertible.factoring import case, cycles, measure, products, yardstick
from golden.invertible.network import Job, Network

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results" / "invertible-factoring.json"


def test_products():
    """339 and the zero product are the 340 that the paper names; 66 are its semiprimes."""
    assert len(products("general", 5)) == 339
    assert len(products("semiprimes", 5)) == 66


def test_yardsticks_by_hand():
    # 6 = 1 x 6 = 2 x 3 = 3 x 2 = 6 x 1, of 8 x 8 pairs; each with its 6 neighbours, some in common.
    assert factoring._chance(6, 3) == 4 / 64
    near = {(a ^ i, b ^ j) for a, b in ((1, 6), (2, 3), (3, 2), (6, 1))
            for i, j in ((0, 0), (1, 0), (2, 0), (4, 0), (0, 1), (0, 2), (0, 4))}
    assert factoring._chance_beside(6, 3) == len(near) / 64
    # (7, 1), (6, 1).
    assert factoring._saddleback(6, 3) == 2 and factoring._division(35, 3) == 5


def test_random_pair():
    """The quantile by brute force."""
    row = yardstick("random pair", "general", 3)
    chances = np.array([factoring._chance(int(p), 3) for p in products("general", 3)])
    later = [((1 - chances)**t).mean() for t in range(400)]
    assert row["q99"] == next(t for t, share in enumerate(later) if share <= 0.01)
    assert row["mean"] == round((1 / chances).mean(), 2)


@pytest.mark.parametrize("rule", ["steps", "flips", "circuit", "collapsed", "weighted",
                                  "published"])
def test_cases(rule):
    """Every job is factored, by each seed as it is by that seed alone."""
    params = case(rule, 4)
    jobs = np.array([(p, s) for p in (15, 143, 225) for s in (1, 2)])
    ran = cycles(params, jobs)
    assert ran.tolist() == [int(cycles(params, job[None])[0]) for job in jobs]


def test_a_network_is_cut_short_and_run_again(monkeypatch):
    """As in one run, and as its hardware counts."""
    spins = case("weighted", 4)
    jobs = np.array([(p, s) for p in (143, 121, 169) for s in (1, 2, 3)])
    ran = cycles(spins, jobs)
    monkeypatch.setattr(factoring, "ROUND", 7)
    assert cycles(spins, jobs).tolist() == ran.tolist() and ran.max() > 28
    network = Network(spins.params.replace(seed=2), {})
    frame = Job(((5000, spins.noise, 0),), {"product": 121}).frame(network.params)
    assert network.run([frame])[0][1, 0] == ran[4]


def test_measure():
    row = measure("steps", 4, "semiprimes", seeds=100, budget=20000)
    assert row["mean"] < row["bound"] < 1.2 * row["mean"] and row["q99"] <= row["worst"]
    assert row["per_seed"] <= row["products"] == 21


def test_results_are_those_of_the_code():
    """A case of the file again: nothing was tuned behind its back."""
    for rule in ("steps", "collapsed", "weighted"):
        (row,) = [row for row in json.loads(RESULTS.read_text())["rows"]
                  if (row["rule"], row["bits"], row["set"]) == (rule, 4, "semiprimes")]
        assert measure(rule, 4, "semiprimes") == row
