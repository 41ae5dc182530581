"""The binary-radix network of the fault study, and what the committed study shows."""

import json
from pathlib import Path

import numpy as np
import pytest

from golden.stochastic.fault_study import NETS, RATES, _flipped, _mask, radix

RESULTS = Path(__file__).resolve().parents[3] / "docs" / "results" / "stochastic-faults.json"


def network(rng):
    return [rng.normal(0, 0.7, (7, 5)).clip(-2, 2), rng.normal(0, 0.7, (6, 4)).clip(-2, 2)]


@pytest.mark.parametrize("serial", [True, False])
def test_radix_without_faults_is_the_float_network(serial):
    rng = np.random.default_rng(1)
    weights, x = network(rng), rng.integers(0, 17, (300, 6))
    hidden = 1 / (1 + np.exp(-(np.c_[x / 16, np.ones(300)] @ weights[0])))
    logits = np.c_[hidden, np.ones(300)] @ weights[1]
    best = np.sort(logits, axis=1)
    clear = best[:, -1] - best[:, -2] > 0.2
    found = radix(weights, (2, 2), x, 4, serial=serial, rng=rng)
    assert clear.sum() > 100 and (found == logits.argmax(1))[clear].all()


@pytest.mark.parametrize("faults", [{"streams": 0.3}, {"sums": 0.3}])
def test_faults_change_answers(faults):
    rng = np.random.default_rng(4)  # a network that gives more than one class
    weights, x = network(rng), rng.integers(0, 17, (300, 6))
    clean, hit = (radix(weights, (2, 2), x, 4, rng=np.random.default_rng(0), **given)
                  for given in ({}, faults))
    assert (clean != hit).mean() > 0.1


def test_flips_have_their_rate_and_stay_in_range():
    rng = np.random.default_rng(3)
    mask = _mask((4000,), 10, 0.2, rng)
    assert abs(np.bitwise_count(mask).mean() / 10 - 0.2) < 0.01
    flipped = _flipped(np.full(4000, -3), 5, 0.5, rng)
    assert (flipped.min(), flipped.max()) == (-16, 15)


def test_the_study_has_every_net_and_rate():
    rows = json.loads(RESULTS.read_text())["rows"]
    for net in NETS:
        kinds = {row["network"] for row in rows if row["net"] == net}
        assert len(kinds) == (2 if net == "states" else 4)
        for kind in kinds:
            rates = [row["rate"] for row in rows if (row["net"], row["network"]) == (net, kind)]
            assert rates == list(RATES)
