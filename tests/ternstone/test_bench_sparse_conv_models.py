"""The rows of synthetic layers and of accuracy, without simulator."""

import json

import pytest

from golden.sparse_conv.synthetic import TASKS
from ternstone import bench_sparse_conv_models as bench
from ternstone.catalogue import DESIGNS


def test_synthetic_layers(monkeypatch):
    said = {"passed": True, "mismatches": 0, "cycles": 7, "failure": "it differs"}
    monkeypatch.setattr(bench, "verified", lambda *_, **__: said)
    monkeypatch.setattr(bench, "side_by_side", lambda function, items, *_: map(function, items))
    rows = {row["setting"]: row for row in bench.synthetic(lambda what: None)}
    assert list(rows) == [name for name, entry in DESIGNS.items() if entry.task in TASKS]
    assert all(row["met"] and row["measured"] == 0 for row in rows.values())
    assert "50.0% of its weights and 50.0% of 4 maps are 0" in rows["vgg16-conv2-2"]["how"]
    assert "75.0% of its weights and 0.0% of 4 maps are 0" in rows["vgg16-conv2-1"]["how"]
    said.update(passed=False)
    assert all(row["met"] is False for row in bench.synthetic(lambda what: None))


@pytest.mark.parametrize("masked, met", [(98.0, False), (99.0, True)])
def test_masked_layers_are_judged_by_the_dense_network(monkeypatch, tmp_path, masked, met):
    found = json.loads(bench.TABLE.read_text())
    for name, mean in (("dense", 98.5), ("masked", masked)):
        found["connected"][name]["accuracy"] = {
            "mean": mean, "spread": 0.1, "seeds": [mean - 0.25, mean + 0.25]}
    table = tmp_path / "accuracy.json"
    table.write_text(json.dumps(found))
    monkeypatch.setattr(bench, "TABLE", table)
    row = list(bench.accuracy(lambda what: None))[-1]
    assert (row["measured"], row["met"]) == (masked, met)
    assert row["how"].endswith(f"{masked - 98.5:.2f} with a standard error of 0.00")
