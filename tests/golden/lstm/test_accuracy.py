import json

import pytest

from golden.lstm import accuracy
from golden.lstm.accuracy import EXPERIMENTS, main, measure
from golden.lstm.tasks import load_data


@pytest.fixture
def quick(monkeypatch):
    for name in ("digits-float", "digits-ternary"):
        monkeypatch.setitem(EXPERIMENTS, name, EXPERIMENTS[name].replace(hidden=8, batch=256,
                                                                        epochs=1))


def test_measure(quick):
    data = load_data(EXPERIMENTS["digits-ternary"])
    record = measure("digits-ternary", seeds=(0, 1), data=data)
    assert len(record["results"]) == 10 and record["seeds"] == [0, 1]
    assert record["figures"].keys() >= {"accuracy_step", "accuracy_float", "accuracy_fixed",
                                        "accuracy_integer", "zeros", "agreement"}


def test_main_keeps_what_is_there(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy, "measure", lambda name, progress: {
        "figures": {"accuracy_float": {"mean": 1.0}}, "name": name})
    path = tmp_path / "table.json"
    main([str(path), "digits-ternary"])
    main([str(path), "digits-float"])
    table = json.loads(path.read_text())
    assert list(table) == ["digits-float", "digits-ternary"]     # in the order of the table


def test_wrong_experiment(tmp_path):
    with pytest.raises(ValueError, match=r"^Experiment must be one of digits-float, .*, not 'x'$"):
        main([str(tmp_path / "table.json"), "x"])
    assert not list(tmp_path.iterdir())
