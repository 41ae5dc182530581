"""Real data as frames, and the score of the answers."""

from pathlib import Path

import numpy as np
import pytest

from golden import data
from golden.formats import Format
from golden.lstm.build import network
from golden.lstm.feed import TASKS, feed, task_of
from golden.lstm.network import Network
from golden.lstm.tasks import MODELS as TRAINED
from golden.modelfile import load

MODELS = Path(__file__).resolve().parents[3] / "models"
ROWS = {"inputs": 8, "steps": 8, "outputs": 10, "input": Format(5, 4, False)}
TEXT = {"inputs": 96, "steps": 16, "outputs": 96, "one_hot": True, "per_step": True}


@pytest.mark.parametrize("batch, columns", [(1, 1), (3, 1), (1, 3), (2, 8)])
def test_digits_reach_the_network_as_they_are(batch, columns):
    params = network(**ROWS, batch=batch, columns=columns)
    fed = feed("digits-rows", params, 5, seed=1)
    block = Network.random(params, np.random.default_rng(0))
    assert fed.targets.shape == (5, batch)
    seen = block.sequences(fed.frames).swapaxes(1, 2).reshape(-1, 8, 8)
    images = data.digits()
    for picture, label in zip(seen, fed.targets.ravel(), strict=True):
        (same,) = np.nonzero((images.pixels == picture).all(axis=(1, 2)))
        assert label in images.labels[same]


def test_digits_held_out_first_then_all():
    images = data.digits()
    held = len(images.splits[0][1])
    fed = feed("digits-rows", network(**ROWS), 1797)
    assert fed.counted.ravel().tolist() == [True] * held + [False] * (1797 - held)
    assert len(np.unique(np.stack(fed.frames), axis=0)) == len(np.unique(images.pixels, axis=0))
    assert not np.array_equal(fed.targets, feed("digits-rows", network(**ROWS), 1797, 1).targets)


@pytest.mark.parametrize("batch", [1, 4])
def test_text_follows_on(batch):
    fed = feed("text", network(**TEXT, batch=batch), 3)
    symbols = np.concatenate(fed.frames)
    assert symbols.shape == (48, batch)
    assert np.array_equal(symbols[1:], fed.targets.reshape(48, batch)[:-1])
    sample = data.text("sample")
    assert symbols[:, 0].tolist() == sample[:48].tolist()
    assert len({tuple(column) for column in symbols.T.tolist()}) == batch


def test_score_of_right_and_wrong_answers():
    params = network(**ROWS, batch=2)
    fed = feed("digits-rows", params, 6)
    right = [np.eye(10, dtype=np.int64)[target].T * 100 for target in fed.targets]
    assert fed.score(params, right) == (100.0, 12)
    assert fed.score(params, [np.roll(answer, 1, axis=0) for answer in right]) == (0.0, 12)


def test_score_of_text_is_entropy():
    params = network(**TEXT)
    fed = feed("text", params, 2)
    even = [np.zeros((16 * 96, 1), dtype=np.int64)] * 2
    value, number = fed.score(params, even)
    assert (round(value, 6), number) == (round(float(np.log2(96)), 6), 32)
    sure = [np.eye(96, dtype=np.int64)[target[:, 0]].reshape(-1, 1) * 32767
            for target in fed.targets]
    assert fed.score(params, sure)[0] < 1e-6


def test_nothing_held_out():
    params = network(**ROWS)
    fed = feed("digits-rows", params, 1)
    fed.counted[:] = False
    assert fed.score(params, [np.zeros((10, 1), dtype=np.int64)]) == (None, 0)


@pytest.mark.parametrize("task, changes, message", [
    ("weather", ROWS, r"^Task must be one of digits-rows, .*, not 'weather'$"),
    ("digits-rows", ROWS | {"inputs": 9}, r"^Network for digits-rows must take 8 steps of 8 "
                                          r"values, not 8 of 9$"),
    ("digits-rows", ROWS | {"outputs": 9}, r"^Network for digits-rows must answer each frame "),
    ("digits-rows", ROWS | {"per_step": True}, r"^Network for digits-rows must answer each "),
    ("digits-rows", ROWS | {"input": Format(4, 4, False)},
     r"^Network input for digits-rows must hold 0\.\.16, not u4\.4$"),
    ("digits-pixels", ROWS, r"^Network for digits-pixels must take 64 steps of 1 values, not 8 "),
    ("text", ROWS, r"^Network for text must take and give 96 symbols, one-hot$"),
    ("text", TEXT | {"per_step": False}, r"^Network for text must answer after every step$"),
])
def test_wrong_network(task, changes, message):
    with pytest.raises(ValueError, match=message):
        feed(task, network(**changes), 1)


def test_mnist_that_is_not_there(monkeypatch):
    monkeypatch.delenv("TERNSTONE_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"^Data folder must be given: set TERNSTONE_DATA"):
        feed("mnist-rows", network(), 1)


@pytest.mark.parametrize("model", TRAINED)
def test_trained_networks(model):
    """The committed networks do on their task what their files say, here on a part of it."""
    name, params, tensors, info = load(MODELS / f"{model}.safetensors")
    block = Network(params, tensors)
    assert name == block.name
    task = task_of(info)
    assert task in TASKS
    fed = feed(task, params, 100)
    value, number = fed.score(params, block.run(fed.frames))
    assert number > 0
    assert value > 90 if fed.metric == "accuracy" else value < 4.5
