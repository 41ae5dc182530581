"""Designs beside their baselines: which are compared, what is saved, and that a miss is a miss."""

import json

import numpy as np
import pytest

from golden.formats import Format
from ternstone import bench_asic_baselines as bench
from ternstone.bench_stochastic_models import RESULTS


def said(_what):
    pass


def row(coding, length, mean, m=1):
    return {"coding": coding, "m": m, "length": length, "tune": 0, "accuracy": {"mean": mean}}


def test_streams_of_equal_accuracy():
    """The best classic design that ours reaches, and the shortest of ours that does; never one
    that is less accurate."""
    table = {"length": {"rows": [row("classic", 512, 97.0), row("classic", 1024, 98.0),
                                 row("sign", 32, 96.9), row("sign", 64, 97.1),
                                 row("sign", 128, 97.5), row("sign", 16, 99, m=4)]},
             "goal": {"rows": [{"accuracy_float": {"mean": 97.7}}]},
             "early": {"rows": [
                 {"m": 1, "stop": "margin", "accuracy": 97.59, "cycles": 10, "margin": 8},
                 {"m": 1, "stop": "margin", "accuracy": 97.61, "cycles": 20, "margin": 16},
                 {"m": 1, "stop": "never", "accuracy": 97.7, "cycles": 5}]}}
    classic, ours, stopping, real = bench._equal(table)
    assert (classic["length"], ours["length"], stopping["margin"], real) == (512, 64, 16, 97.7)
    committed = json.loads((RESULTS / "stochastic-accuracy.json").read_text())
    classic, ours, stopping, real = bench._equal(committed)
    assert ours["accuracy"]["mean"] >= classic["accuracy"]["mean"] > 97
    assert stopping["accuracy"] >= real - bench.NEAR


def test_saved():
    found = {"a": {"nj": 2.0}, "b": {"nj": 4.0}}
    assert bench._saved(found, "nj", "a", "b", 0.5)["met"] is True
    missed = bench._saved(found, "nj", "a", "b", 0.6)
    assert (missed["measured"], missed["met"]) == (0.5, False)
    assert bench._saved(found, "nj", "a", "b", None)["met"] is None


def test_radix_is_the_float_layer():
    rng = np.random.default_rng(0)
    weight = rng.uniform(-2, 2, (9, 5))
    layer = bench.radix(weight, 2, Format(5, 4, signed=False), 6)
    frames = list(rng.integers(0, 17, (20, 8, 1)))
    real = np.array(frames)[:, :, 0] / 16 @ weight[:-1] + weight[-1]
    made = np.array(layer.run(frames)).reshape(20, 5) / 64
    assert np.abs(made - 1 / (1 + np.exp(-real))).max() < 0.06


def answer(core, weights, maps):
    return {"um2": 1000.0, "fmax_mhz": 200.0, "power": {"blocks": {
        "core": core, "core.weights_3": weights, "core.pixels_0.contents.0": maps, "top": 0.5}},
        "regression": {"passed": True, "failure": None, "mismatches": 0, "beats": 9}}


@pytest.mark.parametrize("after, saved, met", [(1.0, 0.9, True), (3.0, 0.7, False)])
def test_masks(monkeypatch, after, saved, met):
    """Neurons are what stands in the core itself and the weights; maps are apart."""
    made = iter([answer(4.0, 6.0, 50.0), answer(after, 0.0, 50.0)])
    monkeypatch.setattr(bench, "missing", lambda: None)
    monkeypatch.setattr(bench, "run", lambda *args, **kwargs: next(made))
    rows = list(bench.masks(said))
    neurons, layer, memory = (r for r in rows if "saved" in r["figure"])
    assert (neurons["measured"], neurons["met"]) == (pytest.approx(saved), met)
    assert layer["target"] == "-" and layer["measured"] < neurons["measured"]
    assert memory["measured"] == pytest.approx(0.9, abs=0.01)


def test_a_mismatch_ends_it(monkeypatch):
    broken = answer(1, 1, 1)
    broken["regression"] |= {"passed": False, "failure": "beat 3 differs", "mismatches": 1}
    monkeypatch.setattr(bench, "missing", lambda: None)
    monkeypatch.setattr(bench, "run", lambda *args, **kwargs: broken)
    last, = bench.masks(said)
    assert (last["met"], last["how"]) == (False, "beat 3 differs")
