import json
from pathlib import Path

import numpy as np
import pytest

from golden.stochastic import study
from golden.stochastic.arithmetic import FsmParams
from golden.stochastic.fsm import walk
from golden.stochastic.study import stationary

FILE = Path(__file__).parents[3] / "docs" / "results" / "stochastic-arithmetic.json"


@pytest.mark.parametrize("params", [
    FsmParams(20000, 1, "bipolar", "tanh", 6), FsmParams(20000, 3, "bipolar", "exp", 12, gain=1)])
def test_stationary_is_where_walks_go(params):
    s = np.array([-0.6, 0.0, 0.3, 0.8]) * params.m
    ones = np.random.default_rng(0).binomial(
        params.m, (1 + s[:, None] / params.m) / 2, (4, params.length))
    codes = ones if params.is_sign else 2 * ones - params.m
    assert np.abs(walk(params, codes).mean(1) - stationary(params, s)).max() < 0.03


def _functions(function):
    return [row for row in study.functions() if row["function"] == function]


def test_threshold_rule():
    """> is far off where states are few; by >= the error is a tenth of that."""
    worst = {(row["rule"], row["m"], row["n"]): row["max"] for row in _functions("tanh")}
    for (m, n), more, least in (((1, 4), 0.56, 0.06), ((2, 4), 0.24, 0.016), ((4, 4), 0.14, 0.024)):
        assert worst["C > threshold", m, n] == pytest.approx(more, abs=0.02)
        assert worst["C >= threshold", m, n] <= least


def test_exp():
    """Within 0.03 for s of 0.1 and more; at 0, where states are equally likely, 1 - gain / n."""
    for row in _functions("exp"):
        assert row["max_from_0.1"] < 0.03
    params = FsmParams(1, 1, "bipolar", "exp", 16, gain=2)
    assert stationary(params, 0.0) == pytest.approx(1 - 2 / 16)


def test_evenly_spread_numbers_are_better(monkeypatch):
    monkeypatch.setattr(study, "LENGTHS", (64, 256))
    rows = {(r["kind"], r["coding"], r["m"], r["length"]): r["rmse"] for r in study.converters()}
    for coding in ("unipolar", "sign", "bipolar"):
        for length in (64, 256):
            assert rows["net", coding, 1, length] < rows["lfsr", coding, 1, length] / 4
            assert rows["net", coding, 4, length] <= rows["net", coding, 1, length]
    assert rows["net", "sign", 1, 256] == 0


def test_main(monkeypatch, tmp_path):
    monkeypatch.setattr(study, "LENGTHS", (16,))
    monkeypatch.setattr(study, "SEEDS", range(1))
    study.main([str(tmp_path / "study.json")])
    found = json.loads((tmp_path / "study.json").read_text())
    assert found.keys() == {"command", "bits", "seeds", "lengths", *study.PARTS}
    assert found["converter"][0] == {"kind": "net", "coding": "unipolar", "m": 1,
                                     "rmse": [pytest.approx(0.03, abs=0.02)]}
    assert len(found["product"]) == 4 * 3 * 2


def test_the_file_is_what_the_command_writes():
    """The parts that take no time."""
    kept = json.loads(FILE.read_text())
    assert kept["lengths"] == list(study.LENGTHS)
    for row, made in zip(kept["fsm in the long run"], study.functions(), strict=True):
        assert row == pytest.approx(made, abs=1e-4)
    assert kept["mac"][0]["rmse"] == pytest.approx([row["rmse"] for row in study.macs()], abs=1e-4)


def test_exp_starts_near_its_end(monkeypatch):
    """From states / 2 short frames are off by three times as much."""
    monkeypatch.setattr(study, "LENGTHS", (16,))
    monkeypatch.setattr(study, "KINDS", ("lfsr",))
    errors = {(r["function"], r["m"]): r["rmse"] for r in study.fsms()}
    assert errors["exp", 4] < 0.25
    params = FsmParams(16, 4, "bipolar", "exp", 64, gain=2)
    assert (params.start, params.replace(start=None).start) == (56, 56)
