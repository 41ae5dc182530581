import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.lstm.dense import Dense
from golden.lstm.params import DenseParams
from tests.golden.lstm import naive
from tests.golden.lstm.networks import dense_params

PARAMS = DenseParams(5, 3, weights="ternary", scale_width=8, bias_width=10)


def tensors(**changes):
    return {"weight": np.zeros((3, 5)), "scale": np.zeros(3), "bias": np.zeros(3), **changes}


@pytest.mark.parametrize("given, message", [
    ({"weight": np.full((3, 5), 2)}, r"Dense weight must hold ternary values only"),
    ({"scale": np.array([0, 128, 0])}, r"Dense scale must fit 8 signed bits, not 0\.\.128"),
    ({"scale": np.array([0, -129, 1])}, r"Dense scale must fit 8 signed bits, not -129\.\.1"),
    ({"bias": np.array([0, 512, 0])}, r"Dense bias must fit 10 signed bits, not 0\.\.512"),
    ({"weight": np.zeros((5, 3))}, r"Tensor weight must have shape \(3, 5\), not \(5, 3\)"),
    ({"bias": np.zeros((3, 1))}, r"Tensor bias must have shape \(3,\), not \(3, 1\)"),
    ({"offset": np.zeros(3)}, r"Tensors must not have 'offset'"),
])
def test_init_wrong_tensors(given, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        Dense(PARAMS, tensors(**given))


@pytest.mark.parametrize("name", ["weight", "scale", "bias"])
def test_init_missing_tensor(name):
    given = tensors()
    del given[name]
    with pytest.raises(ValueError, match=rf"^Tensors must have '{name}', which is missing$"):
        Dense(PARAMS, given)


def test_a_raw_product_has_weights_only():
    assert Dense.shapes(PARAMS.replace(raw=True)) == {"weight": (3, 5)}
    with pytest.raises(ValueError, match=r"^Tensors must not have 'bias'$"):
        Dense(PARAMS.replace(raw=True), tensors())


def test_limits_of_tensors():
    given = tensors(weight=np.ones((3, 5)), scale=np.array([-128, 127, 0]),
                    bias=np.array([-512, 511, 0]))
    assert Dense(PARAMS, given).run([np.full((5, 1), 127)])[0].shape == (3, 1)


@settings(max_examples=150, deadline=None)
@given(dense_params(), st.integers(0, 2**32 - 1))
def test_run(params, seed):
    rng = np.random.default_rng(seed)
    block = Dense.random(params, rng)
    frames = block.random_frames(4, rng)
    answers = block.run(frames)
    assert [frame.shape for frame in answers] == [(params.outputs, params.batch)] * 4
    for frame, answer in zip(frames, answers, strict=True):
        items = naive.vectors(frame, params.inputs, params.columns, params.batch)
        assert answer.T.tolist() == [naive.dense(params, block.tensors, x) for x in items]


def test_frames_are_of_the_formats():
    params = DenseParams(7, 4, columns=3, batch=2, input=Format(5, 0, False), raw=True)
    block = Dense.random(params, np.random.default_rng(1))
    assert re.fullmatch(r"u5\.0", str(block.input.format)) and block.input.elements == 6
    assert block.output.format == Format(params.width_x) and block.output.elements == 2
    frames = block.random_frames(20, np.random.default_rng(1))
    assert {frame.shape for frame in frames} == {(3, 6)}
    values = np.stack(frames)
    assert values.min() == 0 and values.max() == 31
    assert (values == 0).all(axis=(1, 2)).any()  # whole vectors of zeros are among them


def test_random_tensors_reach_the_format():
    for weights in ("binary", "ternary", "int8"):
        params = DenseParams(20, 10, weights=weights, shift=8, output=Format(12, 4))
        block = Dense.random(params, np.random.default_rng(1))
        values = np.concatenate(block.run(block.random_frames(50, np.random.default_rng(2))))
        assert values.min() < -1000 and values.max() > 1000 and len(np.unique(values)) > 100
