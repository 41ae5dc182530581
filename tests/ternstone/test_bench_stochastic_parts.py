"""The stochastic bench's rows on accuracy, faults and area: from what they come, how they fail."""

import json

import pytest

from golden.stochastic.tasks import TASKS, network_params
from ternstone import bench_stochastic_area as area
from ternstone import bench_stochastic_models as models
from ternstone.bench import PEERS
from ternstone.designs import open_design


def said(_what):
    pass


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A folder of results in place of the committed ones; call with a file's name and contents."""
    for module in (models, area):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    return lambda name, contents: (tmp_path / name).write_text(json.dumps(contents))


def test_cases_are_of_all_digits_and_every_bit():
    design = open_design(models.DESIGN, None, {})
    for _, changes, layer, _ in models.CASES:
        made = models.variant(design, changes, layer)
        assert (made.block.params.fold > 1) == bool(layer)
    assert sum(count == 1797 for *_, count in models.CASES) >= 3
    assert {changes.get("answer", "class") for _, changes, _, _ in models.CASES} == {
        "class", "scores", "trace"}


def fault_rows(**curves):
    rates = (0, 0.01, 0.1)
    return {"rows": [{"network": name.replace("_", ", "), "net": "sums", "rate": rate,
                      "accuracy": value}
                     for name, values in curves.items()
                     for rate, value in zip(rates, values, strict=True)]}


@pytest.mark.parametrize("stochastic, lost, met", [((98, 97.5, 50), 0.5, True),
                                                   ((98, 96.5, 98), 0.0, True),
                                                   ((98, 96, 60), 2.0, False)])
def test_faults(results, stochastic, lost, met):
    """At the best of the rates at which binary radix has lost 10 points."""
    results("stochastic-faults.json", fault_rows(**{"stochastic": stochastic,
                                                    "radix_serial": (98, 88, 10)}))
    (row,) = models.faults(said)
    assert (row["measured"], row["met"]) == (lost, met)


def test_no_rate_wrecks_binary_radix(results):
    results("stochastic-faults.json", fault_rows(stochastic=(98, 97, 96),
                                                 radix_serial=(98, 97, 96)))
    assert list(models.faults(said)) == []


def test_nothing_measured(results):
    (row,) = models.faults(said)
    assert (row["measured"], row["met"]) == (None, None) and "fault_study" in row["how"]
    rows = list(models.accuracy(said))[1:]
    assert [row["measured"] for row in rows] == [None, None]
    (row,) = area.baselines(said)
    assert row["measured"] is None


@pytest.mark.parametrize("stated, met", [(97.9, True), (97.4, False)])
def test_points_below_float(results, stated, met):
    row = {"m": 4, "tune": 8, "accuracy_float": {"mean": 98.0}, "accuracy": {"mean": stated}}
    results("stochastic-accuracy.json", {"goal": {"what": "x", "command": "y", "rows": [row]}})
    rows = {r["figure"]: r for r in models.accuracy(said) if r["setting"] != models.DESIGN}
    assert rows["accuracy, float network, %"]["met"] is None  # MNIST's, which is not there
    below = rows["points below float at 256 cycles"]
    assert (below["measured"], below["met"]) == (pytest.approx(98 - stated), met)


def test_shortest_streams_that_are_accurate_enough():
    rows = [{"length": length, "accuracy": {"mean": mean}}
            for length, mean in ((64, 97), (16, 95), (256, 98), (128, 97.5))]
    assert area._shortest(rows, 97)["length"] == 64
    assert area._shortest(rows, 99)["length"] == 256  # none is: the best
    assert area._saved(30, 100) == 0.7


def test_estimate_adds_the_parts_up(monkeypatch):
    monkeypatch.setattr(area, "side_by_side", lambda function, items, *_: map(function, items))
    monkeypatch.setattr(area, "_part", lambda job: {"LUT": 1000, "FF": 10})
    params = network_params(TASKS["mnist"].replace(length=16))
    block, whence = area._weights(params)
    assert whence == "of mnist-stochastic" and block.params.layers[0].states >= 2
    total, latency = area._estimate(said, "here", 1, 16, PEERS["stochastic-784-m1"])
    assert f"{3000:,} numbers and levels of weights" in total["how"]
    weights = [block.tensors[f"layers.{n}.weight"] for n in range(3)]
    products = sum(len(set(column.tolist()) - {0}) for weight in weights for column in weight.T)
    assert 8000 + products <= total["measured"] <= 8000 + products + 400  # biases are terms, too
    assert total["target"] == f"<= {round(437461 * 2 / 3):,}"
    assert latency["measured"] > 16


def test_synthesised_parts_are_what_a_network_is_made_of(monkeypatch):
    """Each of them elaborates."""
    monkeypatch.setattr(area, "xc7", lambda verilog: {"LUT": verilog.text.count("assign"),
                                                      "FF": verilog.text.count("always")})
    monkeypatch.setattr(area, "SAMPLE", 1)
    params = network_params(TASKS["digits"].replace(m=2))
    block, _ = area.Network.random(params, area.np.random.default_rng(0)), None
    for part, n in (("inputs", 0), ("weights", 0), ("weights", 1), ("neurons", 0), ("neurons", 1),
                    ("head", 1)):
        cells = area._part((part, params, block.tensors, n))
        assert cells["LUT"] > 0 and cells["FF"] > 0


def test_streams_made_anew(monkeypatch):
    """Both are simulated against golden, and both are counted."""
    def cells(text):
        return {"LUT": 7 if "section_1" in text.text else 5, "FF": 1, "flow": "x"}

    monkeypatch.setattr(area, "xc7", cells)
    monkeypatch.setattr(area, "verified", lambda *_: {
        "passed": False, "mismatches": 3, "failure": "3 beats differ"})
    rows = list(area.regenerated(said))
    assert [row["measured"] for row in rows] == [3, 5, 3, 7]
    assert [row["met"] for row in rows] == [False, None, False, None]
