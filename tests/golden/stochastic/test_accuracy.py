import json

import pytest

from golden.stochastic import accuracy
from golden.stochastic.accuracy import EXPERIMENTS, Lab, main, measure


@pytest.fixture
def quick(monkeypatch):
    """Digits alone, in few cycles, little trained."""
    task = accuracy._DIGITS.replace(hidden=(8,), length=16, tune=1)
    monkeypatch.setattr(accuracy, "_DIGITS", task)
    monkeypatch.setitem(accuracy.TASKS, "digits", task)
    return Lab(range(2), epochs=5)


def test_goal(quick):
    record = measure("goal", quick)
    assert [(row["m"], row["tune"]) for row in record["rows"]] == [
        (m, tune) for m in (1, 2, 4) for tune in (0, 1)]
    floats = {row["accuracy_float"]["mean"] for row in record["rows"]}
    assert len(floats) == 1 and floats.pop() > 30    # one float network for all
    assert record["seeds"] == [0, 1] and record["command"].endswith(".json goal")
    assert all(row["accuracy"]["spread"] > 0 for row in record["rows"])


def test_early(quick):
    rows = accuracy.early(quick)
    for m in (1, 4):
        never, certain, *margins = [row for row in rows if row["m"] == m]
        assert certain["accuracy"] == never["accuracy"]
        assert certain["cycles"] <= never["cycles"] == 16
        assert all(row["cycles"] == 16 for row in margins)    # not before the sixteenth


def test_main_keeps_what_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy, "measure", lambda name, lab: {"seconds": 1, "name": name})
    path = tmp_path / "table.json"
    main([str(path), "states"])
    main([str(path), "goal"])
    assert list(json.loads(path.read_text())) == ["goal", "states"]     # in the order of the table


def test_wrong_experiment(tmp_path):
    with pytest.raises(ValueError, match=r"^Experiment must be one of goal, .*, not 'x'$"):
        main([str(tmp_path / "table.json"), "x"])
    assert not list(tmp_path.iterdir())
    assert all(experiment.__doc__ for experiment in EXPERIMENTS.values())
