import dataclasses

import numpy as np
import pytest
import torch

from golden import modelfile
from golden.stochastic import tasks
from golden.stochastic.network import Network
from golden.stochastic.tasks import MODELS, TASKS, Task, evaluate, load_data, train

QUICK = TASKS["digits"].replace(epochs=15, tune=2, length=32, hidden=(16,))


@pytest.fixture(scope="module")
def digits():
    return load_data(QUICK)


def test_tables():
    for name, task in (TASKS | MODELS).items():
        params = tasks.network_params(task)
        assert [part.outputs for part in params.layers] == [*task.hidden, 10], name
    folded = tasks.network_params(MODELS["mnist-stochastic"])
    first, *others = folded.layers
    assert (first.neurons, first.synapses) == (8, 16)
    assert all(part.fold <= first.fold for part in others)


def test_load_data(digits):
    assert digits.x.shape == (1797, 64) and len(digits.splits) == 5
    assert digits.x.max() == 16


def test_wrong_task():
    with pytest.raises(ValueError, match=r"^Task data must be one of digits, mnist, not 'x'$"):
        Task("x")
    with pytest.raises(ValueError, match=r"^Task epochs must be at least 1, not 0$"):
        QUICK.replace(epochs=0)
    with pytest.raises(ValueError, match=r"^Task must be one of digits, mnist, .*, not 'rows'$"):
        train("rows")
    with pytest.raises(ValueError, match=r"^Folds must be as many as seeds \(2\), not 1$"):
        train(QUICK, seeds=(0, 1), folds=(0,))
    with pytest.raises(ValueError, match=r"^Training data digits must fill at least one .* 2000$"):
        train(QUICK.replace(batch=2000))


@pytest.mark.parametrize("changes", [
    {}, {"m": 4}, {"coding": "bipolar", "m": 2, "weights": 64},
    {"coding": "bipolar", "product": "xnor", "weights": 64, "length": 128},
    {"hidden": (24, 16), "scales": (2, 2, 4), "kind": "lfsr", "length": 64}], ids=str)
def test_train_learns(digits, changes):
    seen = []
    network = train(QUICK.replace(**changes), data=digits,
                    progress=lambda epoch, epochs, figures: seen.append((epoch, epochs, figures)))
    result, = evaluate(network, digits)
    assert [entry[:2] for entry in seen] == [(n + 1, 17) for n in range(17)]
    assert seen[14][2]["loss"] < seen[0][2]["loss"]
    assert result["accuracy_float"] > 90
    assert result["accuracy"] > result["accuracy_float"] - 8
    assert result["cycles"] == changes.get("length", 32)


def test_tuning_gains(digits):
    """Few cycles: a point at the least, the mean over members."""
    gains = []
    for tune in (0, 4):
        results = tasks.cross_validate(QUICK.replace(length=16, tune=tune), seeds=(0,),
                                       data=digits)
        gains.append(np.mean([result["accuracy"] for result in results]))
    assert gains[1] > gains[0] + 1


@pytest.mark.parametrize("stop", [1, 3, 4])
def test_resume_equals_uninterrupted(digits, tmp_path, stop):
    """Stopped before the float network is done, when it is, and while it is tuned."""
    class Interrupt(Exception):
        pass

    def interrupt(epoch, *_):
        if epoch == stop:
            raise Interrupt

    task, path = QUICK.replace(epochs=3, batch=256), tmp_path / "checkpoint"
    with pytest.raises(Interrupt):
        train(task, data=digits, progress=interrupt, resume=path)
    seen = []
    resumed = train(task, data=digits, resume=path,
                    progress=lambda epoch, *_: seen.append(epoch))
    assert seen == list(range(stop + 1, 6))
    whole = train(task, data=digits)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_resume_wrong_checkpoint(digits, tmp_path):
    path, task = tmp_path / "checkpoint", QUICK.replace(epochs=1, tune=0, batch=512)
    train(task, data=digits, resume=path)
    with pytest.raises(ValueError, match=r"^Checkpoint .* must be of the same seeds, folds and "):
        train(task, data=digits, seeds=(1,), resume=path)
    with pytest.raises(ValueError, match=r"^Checkpoint .* must be a whole one of this network: "):
        train(task.replace(hidden=(8,)), data=digits, resume=path)


def test_members_train_as_alone(digits):
    task = QUICK.replace(epochs=2, tune=0)
    together = train(task, data=digits, seeds=(0, 7), folds=(1, 2))
    alone = train(task, data=digits, seeds=(7,), folds=(2,))
    for (name, value), one in zip(together.state_dict().items(), alone.state_dict().values(),
                                  strict=True):
        member = value[1:] if name.startswith(("weights", "float")) else value[:, 1:]
        torch.testing.assert_close(member, one, rtol=1e-2, atol=1e-3, msg=name)


def test_cross_validate(digits):
    results = tasks.cross_validate(QUICK.replace(tune=0), seeds=(0, 1), epochs=2, data=digits)
    assert [(r["seed"], r["fold"]) for r in results] == [(s, f) for s in (0, 1) for f in range(5)]
    assert set(tasks.summary(results)) == {"accuracy_float", "accuracy", "cycles", "states"}


def test_make_model(digits, tmp_path, monkeypatch):
    task = QUICK.replace(epochs=2, tune=1)
    monkeypatch.setitem(MODELS, "digits-stochastic", task)
    path, info = tasks.make_model("digits-stochastic", tmp_path, data=digits)
    block, params, tensors, found = modelfile.load(path)
    assert block == "stochastic.network"
    assert found == {**info, "task": {**info["task"], "hidden": [16], "scales": [2, 2],
                                      "neurons": [], "synapses": []}}
    assert info["task"] == dataclasses.asdict(task) and Task(**found["task"]) == task
    held = digits.splits[0][1]
    result = Network(params, tensors).simulate(digits.x[held].numpy()[:, :, None])
    right = 100 * (result.classes == digits.y[held].numpy()).mean()
    assert info["figures"]["accuracy"] == pytest.approx(right, abs=1e-3)
    with pytest.raises(ValueError, match=r"^Model must be one of .*, not 'x'$"):
        tasks.make_model("x", tmp_path)
