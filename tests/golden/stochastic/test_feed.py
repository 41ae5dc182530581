"""Images as frames, and the score of the answers."""

from pathlib import Path

import numpy as np
import pytest

from golden import data
from golden.formats import Format
from golden.modelfile import load
from golden.stochastic.build import network
from golden.stochastic.feed import TASKS, feed, task_of
from golden.stochastic.network import Network

MODELS = Path(__file__).resolve().parents[3] / "models"
DIGITS = {"inputs": 64, "outputs": 10, "length": 16, "input": Format(5, 4, signed=False)}


@pytest.mark.parametrize("columns", [1, 7, 64])
def test_digits_reach_the_network_as_they_are(columns):
    params = network(**DIGITS, columns=columns)
    fed = feed("digits", params, 5, seed=1)
    assert fed.frames[0].shape == (params.words, columns)
    images = data.digits()
    codes = Network.random(params, np.random.default_rng(0)).codes(fed.frames)
    for picture, label in zip(codes.reshape(5, 8, 8), fed.targets, strict=True):
        (same,) = np.nonzero((images.pixels == picture).all(axis=(1, 2)))
        assert label in images.labels[same]


def test_held_out_first_then_all():
    images = data.digits()
    held = len(images.splits[0][1])
    fed = feed("digits", network(**DIGITS), 2000)
    assert fed.counted[:1797].tolist() == [True] * held + [False] * (1797 - held)
    assert fed.counted[1797:].all()     # from the start again
    assert len(np.unique(np.stack(fed.frames), axis=0)) == len(np.unique(images.pixels, axis=0))
    assert not np.array_equal(fed.targets, feed("digits", network(**DIGITS), 2000, 1).targets)


def test_score():
    params = network(**DIGITS)
    fed = feed("digits", params, 400)
    right = [np.array([[target, 16]]) for target in fed.targets]
    assert fed.score(params, right) == (100.0, 360)
    wrong = [(answer + 1) % 10 for answer in right]
    assert fed.score(params, wrong) == (0.0, 360)
    scores = params.replace(answer="scores")
    assert fed.score(scores, [np.eye(10, dtype=int)[target][:, None] for target in fed.targets]
                     ) == (100.0, 360)
    assert fed.score(params.replace(answer="trace"), right) == (None, 0)
    fed.counted[:] = False
    assert fed.score(params, right) == (None, 0)


@pytest.mark.parametrize("task, changes, message", [
    ("weather", {}, r"^Task must be one of digits, mnist, not 'weather'$"),
    ("digits", {"inputs": 63}, r"^Network for digits must take 64 inputs, not 63$"),
    ("digits", {"outputs": 9}, r"^Network for digits must have 10 outputs, not 9$"),
    ("digits", {"input": Format(4, 4, signed=False)},
     r"^Network input for digits must hold 0\.\.16, not u4\.4$"),
])
def test_wrong_network(task, changes, message):
    with pytest.raises(ValueError, match=message):
        feed(task, network(**DIGITS | changes), 1)


def test_mnist(tmp_path, monkeypatch):
    params = network(inputs=784, outputs=10, columns=16)
    monkeypatch.delenv("TERNSTONE_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"^Data folder must be given: set TERNSTONE_DATA"):
        feed("mnist", params, 1)
    (tmp_path / "mnist").mkdir()
    pixels = np.arange(100 * 784).reshape(100, 784) % 251
    labels = np.arange(100) % 10
    for part, magic, shape, values in (("images-idx3", 3, (100, 28, 28), pixels),
                                       ("labels-idx1", 1, (100,), labels)):
        head = bytes((0, 0, 8, magic)) + np.array(shape, ">u4").tobytes()
        (tmp_path / "mnist" / f"t10k-{part}-ubyte").write_bytes(
            head + values.astype(np.uint8).tobytes())
    monkeypatch.setenv("TERNSTONE_DATA", str(tmp_path))
    fed = feed("mnist", params, 3)
    for frame, target in zip(fed.frames, fed.targets, strict=True):
        at = np.nonzero((pixels == frame.ravel()).all(1))[0]
        assert labels[at].tolist() == [target]


def test_task_of():
    assert task_of({"task": {"data": "mnist"}}) == "mnist"
    assert task_of({"task": "digits"}) == "digits"
    assert task_of({"task": {"data": "stdlib"}}) is task_of({}) is task_of({"task": 3}) is None


@pytest.mark.parametrize("name", TASKS)
def test_trained_networks(name):
    """The committed networks do on their task what their files say."""
    path = MODELS / f"{name}-stochastic.safetensors"
    block_name, params, tensors, info = load(path)
    block = Network(params, tensors)
    assert block_name == block.name and task_of(info) == name in TASKS
    if name == "mnist":
        try:
            data.mnist()
        except FileNotFoundError as error:
            pytest.skip(str(error))
    fed = feed(name, params, 200)
    value, number = fed.score(params, block.run(fed.frames))
    assert number == 200
    assert value > 93
