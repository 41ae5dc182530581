"""The training loop: what it learns, the budgets that it meets, and what it refuses."""

import numpy as np
import pytest

from golden import modelfile
from golden.sparse_conv import tasks
from golden.sparse_conv.convolution import to_maps
from golden.sparse_conv.feed import feed, task_of
from golden.sparse_conv.joint import Joint
from golden.sparse_conv.joint_params import JointParams
from golden.sparse_conv.params import NetworkParams
from golden.sparse_conv.tasks import TASKS, Task, evaluate, load_data, train

QUICK = TASKS["digits"].replace(filters=(8, 8), pools=(2, 2), epochs=8, tune=8)


@pytest.fixture(scope="module")
def digits():
    return load_data(QUICK)


@pytest.fixture(scope="module")
def floats(digits):
    return train(QUICK.replace(tune=1), data=digits)


def test_tables():
    for task in TASKS.values():
        params = tasks.network_params(task)
        assert params.last.filters == 10 and (params.last.out_height, params.last.relu) == (1, 0)


def test_load_data(digits):
    assert digits.x.shape == (1797, 1, 8, 8) and len(digits.splits) == 5 and digits.x.max() == 16


def test_wrong_task():
    with pytest.raises(ValueError, match=r"^Task data must be one of digits, mnist, not 'x'$"):
        Task("x")
    with pytest.raises(ValueError, match=r"^Task share must be above 0 and at most 1, not 0$"):
        Task(share=0)
    with pytest.raises(ValueError, match=r"^Task must be one of digits, mnist, not 'rows'$"):
        train("rows")
    with pytest.raises(ValueError, match=r"^Folds must be as many as seeds \(2\), not 1$"):
        train(QUICK, seeds=(0, 1), folds=(0,))
    with pytest.raises(ValueError, match=r"^Training data digits must fill at least one .* 2000$"):
        train(QUICK.replace(batch=2000))
    with pytest.raises(ValueError, match=r"^Pruning units must divide the 8 filters, not 3$"):
        train(QUICK.replace(units=3, share=0.5, filters=(8, 8, 8), pools=(2, 2, 1)))


@pytest.mark.parametrize("weights", ["int8", "int4", "ternary", "binary", "powers3", "powers4"])
def test_train_learns(digits, floats, weights):
    seen = []
    result, = evaluate(train(QUICK.replace(weights=weights), data=digits, floats=floats,
                             progress=lambda *given: seen.append(given)), digits)
    assert [entry[:2] for entry in seen] == [(n, 8) for n in range(1, 9)]
    assert seen[7][2]["loss"] < seen[0][2]["loss"]
    assert result["accuracy_float"] > 88
    assert result["accuracy"] > result["accuracy_float"] - (15 if weights == "binary" else 8)


def test_units_are_balanced(digits):
    """Every unit and channel keeps the same number of weights, the budget's."""
    task = QUICK.replace(units=4, share=0.3, filters=(8, 8, 8), pools=(2, 2, 1), epochs=1)
    network, = train(task, data=digits)
    weight = network.quantise()[1]["layers.1.weight"]
    kept = (weight != 0).reshape(2, 4, 8, 9).sum((0, 3))  # filters f of unit f mod 4
    mask = network.layers[1].mask.numpy().reshape(2, 4, 8, 9).sum((0, 3))
    assert (mask == round(0.3 * 18)).all()
    assert (kept <= mask).all() and kept.sum() > 0.95 * mask.sum()


def test_cross_validate(digits):
    results = tasks.cross_validate(QUICK.replace(epochs=1, tune=1), seeds=(0,), data=digits)
    assert [r["fold"] for r in results] == list(range(5))
    assert all(np.isfinite(r["accuracy"]) for r in results)


def test_resumed_training_ends_the_same(digits, tmp_path):
    task = QUICK.replace(epochs=2, tune=3, share=0.5, units=4)
    whole, = train(task, data=digits)
    for stop in (1, 3):
        path = tmp_path / f"{stop}.checkpoint"

        def interrupt(epoch, *_, at=stop):
            if epoch == at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(task, data=digits, progress=interrupt, resume=path)
        resumed, = train(task, data=digits, resume=path)
        assert evaluate([resumed], digits) == evaluate([whole], digits)
        for (name, value), other in zip(whole.quantise()[1].items(),
                                        resumed.quantise()[1].values(), strict=True):
            assert (value == other).all(), name


def test_make_model(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(tasks.MODELS, "digits-sparse-cnn", tasks.MODELS[
        "digits-sparse-cnn"].replace(epochs=2, tune=2))
    path, info = tasks.make_model("digits-sparse-cnn", tmp_path, data=digits)
    block, params, tensors, saved = modelfile.load(path)
    assert block == "sparse_conv.joint" and params.answer == "class"
    assert saved["figures"] == info["figures"]
    engine = Joint(params, tensors)
    fed = feed("digits", params, 30)
    value, number = fed.score(params, engine.run(fed.frames))
    assert number == 30
    scores = tasks.integers(params.network, tensors, to_maps(fed.frames, 1, 8, 8))
    assert value == pytest.approx(100 * np.mean(scores.argmax(1) == fed.targets))
    assert task_of(info) == "digits"
    with pytest.raises(ValueError, match=r"^Model must be one of digits-sparse-cnn, .*, not 'x'$"):
        tasks.make_model("x", tmp_path)


def test_wrong_feed():
    params = JointParams(tasks.network_params(QUICK))
    with pytest.raises(ValueError, match=r"^Task must be one of digits, mnist, zeros-0, .*, "
                                         r"not 'rows'$"):
        feed("rows", params, 1)
    small = params.network.first.replace(height=7, width=7, padding=1)
    with pytest.raises(ValueError, match=r"^Network for digits must take a map of 1 x 8 x 8, not "
                                         r"1 x 7 x 7$"):
        feed("digits", JointParams(NetworkParams((small,))), 1)
    with pytest.raises(ValueError, match=r"^Network for digits must make a map of 10 x 1 x 1, not "
                                         r"8 x 4 x 4$"):
        feed("digits", JointParams(NetworkParams((params.network.first,))), 1)
