import dataclasses

import numpy as np
import pytest
import torch

from golden import modelfile
from golden.lstm import tasks
from golden.lstm.network import Network
from golden.lstm.tasks import MODELS, TASKS, Streams, Task, evaluate, load_data, train

ROWS = TASKS["digits-rows"].replace(hidden=16)
TEXT = TASKS["text"].replace(hidden=16, batch=8, window=16)


@pytest.fixture(scope="module")
def digits():
    return load_data(ROWS)


def small_text(repeats=400):
    codes = torch.as_tensor(np.tile(np.arange(8), repeats))
    return Streams(codes[:-320], codes[-320:], "counting")


def test_tables():
    for task in (*TASKS.values(), *MODELS.values()):
        params = tasks.network_params(task)
        assert params.layers[0].hidden == task.hidden and len(params.layers) == task.layers
    assert {task.weights for task in MODELS.values()} >= {"binary", "ternary"}


def test_load_data(digits):
    assert digits.x.shape == (1797, 8, 8) and len(digits.splits) == 5
    pixels = load_data(TASKS["digits-pixels"])
    assert pixels.x.shape == (1797, 64, 1)
    assert torch.equal(pixels.x.flatten(1), digits.x.flatten(1))
    with pytest.raises(ValueError, match=r"^Task data must be digits or mnist for rows, not 'x'$"):
        load_data(ROWS.replace(data="x"))


def test_wrong_task():
    with pytest.raises(ValueError, match=r"^Task view must be one of rows, pixels, text, not 'x'$"):
        Task("digits", "x")
    with pytest.raises(ValueError, match=r"^Task weights must be one of float, .*, not 'int13'$"):
        ROWS.replace(weights="int13")
    with pytest.raises(ValueError, match=r"^Task hidden must be at least 1, not 0$"):
        ROWS.replace(hidden=0)
    with pytest.raises(ValueError, match=r"^Task must be one of digits-rows, .*, not 'rows'$"):
        train("rows")
    with pytest.raises(ValueError, match=r"^Folds must be as many as seeds \(2\), not 1$"):
        train(ROWS, seeds=(0, 1), folds=(0,))


@pytest.mark.parametrize("changes", [
    {}, {"weights": "binary", "statistics": "shared"}, {"cell": "gru"}, {"weights": "float"},
    {"stochastic": True}, {"cell_norm": True, "layers": 2}, {"sparsity": 0.5}], ids=str)
def test_train_learns(digits, changes):
    seen = []
    network = train(ROWS.replace(**changes), data=digits, epochs=6,
                    progress=lambda epoch, epochs, figures: seen.append((epoch, epochs, figures)))
    result, = evaluate(network, digits)
    assert [entry[:2] for entry in seen] == [(n + 1, 6) for n in range(6)]
    assert seen[-1][2]["loss"] < seen[0][2]["loss"]
    assert result["accuracy_float"] > 60
    if changes.get("weights") != "float":
        # 360 held-out digits: within 0.5 points is one digit.
        assert abs(result["accuracy_integer"] - result["accuracy_fixed"]) < 0.6
        assert result["agreement"] > 99
    assert ("accuracy_step" in result) == (changes.get("statistics") != "shared")
    if "sparsity" in changes:
        assert result["zeros"] > 0.3


def test_train_text():
    data = small_text()
    network = train(TEXT.replace(rate=2e-2), data=data, epochs=8)
    result, = evaluate(network, data, streams=4)
    # Eight symbols in turn: 3 bits at first, nearly none once learnt.
    assert result["bpc_fixed"] < 1 and abs(result["bpc_integer"] - result["bpc_fixed"]) < 0.02
    assert result["agreement"] > 99


def test_text_windows_follow_one_another():
    data = small_text()
    batches = list(tasks._text_batches(data, (0, 1), 0, 8, 16))
    assert len(batches) == tasks._windows(data, 8, 16)
    for (x, y), (later, _) in zip(batches, batches[1:], strict=False):
        assert x.shape == y.shape == (2, 8, 16)
        assert torch.equal(x[..., 1:], y[..., :-1]) and torch.equal(y[..., -1], later[..., 0])
    with pytest.raises(ValueError, match=r"^Training data counting must fill at least one .* 64$"):
        train(TEXT.replace(window=10_000, batch=64), data=data, epochs=1)


@pytest.mark.parametrize("changes", [{}, {"stochastic": True, "sparsity": 0.5}], ids=str)
def test_resume_equals_uninterrupted(digits, tmp_path, changes):
    class Interrupt(Exception):
        pass

    def interrupt(epoch, *_):
        if epoch == 2:
            raise Interrupt

    task, path = ROWS.replace(batch=256, **changes), tmp_path / "checkpoint"
    with pytest.raises(Interrupt):
        train(task, data=digits, epochs=4, progress=interrupt, resume=path)
    seen = []
    resumed = train(task, data=digits, epochs=4, resume=path,
                    progress=lambda epoch, *_: seen.append(epoch))
    assert seen == [3, 4]
    whole = train(task, data=digits, epochs=4)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_resume_wrong_checkpoint(digits, tmp_path):
    path = tmp_path / "checkpoint"
    train(ROWS.replace(batch=512), data=digits, epochs=1, resume=path)
    whole = path.read_bytes()
    with pytest.raises(ValueError, match=r"^Checkpoint .* must be of the same seeds, folds and "):
        train(ROWS.replace(batch=512), data=digits, seeds=(1,), epochs=1, resume=path)
    with pytest.raises(ValueError, match=r"^Checkpoint .* must be a whole one of this network: "):
        train(ROWS.replace(hidden=8), data=digits, epochs=1, resume=path)
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match=r"^Checkpoint .* must be a whole one of this network: "):
        train(ROWS, data=digits, epochs=1, resume=path)


def test_members_train_as_alone(digits):
    # Float weights: a few-bit weight on its threshold would turn rounding into another network.
    task = ROWS.replace(batch=128, weights="float")
    together = train(task, data=digits, seeds=(0, 7), folds=(1, 2), epochs=1)
    alone = train(task, data=digits, seeds=(7,), folds=(2,), epochs=1)
    for (name, value), one in zip(together.state_dict().items(), alone.state_dict().values(),
                                  strict=True):
        if value.dim():
            torch.testing.assert_close(value[1:], one, rtol=1e-3, atol=1e-4, msg=name)


def test_cross_validate(digits):
    results = tasks.cross_validate(ROWS.replace(batch=128), seeds=(0, 1), epochs=2, data=digits)
    assert [(r["seed"], r["fold"]) for r in results] == [(s, f) for s in (0, 1) for f in range(5)]
    figures = tasks.summary(results)
    expected = [np.mean([r["accuracy_integer"] for r in results if r["seed"] == s]) for s in (0, 1)]
    assert figures["accuracy_integer"]["mean"] == pytest.approx(np.mean(expected))
    assert figures["accuracy_integer"]["spread"] == pytest.approx(np.std(expected, ddof=1))


def test_make_model(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(MODELS, "digits-lstm-ternary", ROWS.replace(lanes=8))
    path, info = tasks.make_model("digits-lstm-ternary", tmp_path, epochs=1, data=digits)
    block, params, tensors, found = modelfile.load(path)
    assert block == "lstm.network" and found == info and params.layers[0].lanes == 8
    assert found["task"] == dataclasses.asdict(ROWS.replace(lanes=8))
    network = Network(params, tensors)
    # The reference on frames and the batched one are the same.
    x = digits.x[:5]
    frames = list(x.numpy().reshape(5, -1, 1))
    expected, _, _ = tasks.integer_outputs(params, tensors, x)
    assert (np.stack(network.run(frames))[..., 0] == expected.numpy()).all()
    with pytest.raises(ValueError, match=r"^Model must be one of .*, not 'x'$"):
        tasks.make_model("x", tmp_path)


def test_integer_outputs_run_on():
    """Text in two halves, the state handed over, is the text in one piece."""
    task = TEXT.replace(layers=2, cell="gru")
    params, tensors = train(task, data=small_text(), epochs=1).quantise()
    x = torch.arange(40).reshape(2, 20) % 96
    whole, final, _ = tasks.integer_outputs(params, tensors, x)
    first, middle, _ = tasks.integer_outputs(params, tensors, x[:, :7])
    second, last, _ = tasks.integer_outputs(params, tensors, x[:, 7:], middle)
    assert torch.equal(whole, torch.cat([first, second], 1))
    assert all(torch.equal(a, b) for one, other in zip(final, last, strict=True)
               for a, b in zip(one, other, strict=True))
