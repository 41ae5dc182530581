"""The reference of all dataflows against loops over its equation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.sparse_conv import convolution
from golden.sparse_conv.params import ConvParams
from golden.weights import WEIGHT_KINDS


@st.composite
def layers(draw, largest=7):
    """`ConvParams` of every kernel, stride, padding, pooling, format and kind of weights."""
    kernel = draw(st.integers(1, 7))
    padding = draw(st.integers(0, kernel - 1))
    least = max(1, kernel - 2 * padding)
    height, width = (draw(st.integers(least, least + largest)) for _ in range(2))
    stride = draw(st.integers(1, 3))
    rows, columns = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
    signed = draw(st.booleans())
    return ConvParams(
        draw(st.integers(1, 5)), height, width, draw(st.integers(1, 6)), kernel=kernel,
        stride=stride, padding=padding, pool=draw(st.sampled_from([1, 2]))
        if min(rows, columns) > 1 else 1, relu=draw(st.booleans()),
        weights=draw(st.sampled_from(WEIGHT_KINDS)),
        input=Format(draw(st.integers(2, 9)), 0, signed),
        output=Format(draw(st.integers(2, 12)), 0, draw(st.booleans())),
        scale_width=draw(st.sampled_from([0, 8, 16])), shift=draw(st.integers(0, 12)))


def one(p, tensors, image, f, y, x):
    """A single output before pooling, by the equation."""
    total = 0
    for c, ky, kx in itertools.product(range(p.channels), range(p.kernel), range(p.kernel)):
        at_y, at_x = y * p.stride + ky - p.padding, x * p.stride + kx - p.padding
        if 0 <= at_y < p.height and 0 <= at_x < p.width:
            total += int(tensors["weight"][f, c, ky, kx]) * int(image[c, at_y, at_x])
    total = total * int(tensors["scale"][f] if p.scale_width else 1) + int(tensors["bias"][f])
    if p.relu:
        total = max(total, 0)
    half = (1 << p.shift) >> 1
    return p.output.saturate((total + half) >> p.shift)


@settings(max_examples=40, deadline=None)
@given(layers(largest=4), st.integers(0, 99))
def test_equation(p, seed):
    rng = np.random.default_rng(seed)
    tensors = convolution.random(p, rng, zeros=0.3)
    convolution.check(p, tensors)
    maps = convolution.random_maps(p, 2, rng)
    found = convolution.convolve(p, tensors, maps)
    assert found.shape == (2, p.filters, p.out_height, p.out_width)
    for image, f, y, x in itertools.product(range(2), range(p.filters), range(p.out_height),
                                            range(p.out_width)):
        wanted = max(one(p, tensors, maps[image], f, y * p.pool + i, x * p.pool + j)
                     for i in range(p.pool) for j in range(p.pool))
        assert found[image, f, y, x] == wanted


def test_largest_sum_is_exact():
    """Beyond 2**24 single floats would round."""
    p = ConvParams(4096, 7, 7, 1, kernel=7, weights="int12", input=Format(16, 0, False),
                   output=Format(32), relu=False, shift=13)
    weight = np.full((1, 4096, 7, 7), 2047)
    weight[0, 0, 0, 0] = 2046
    maps = np.full((1, 4096, 7, 7), 65535)
    total = convolution.sums(p, weight, maps)
    assert total.item() == 65535 * (2047 * 4096 * 49 - 1) < 1 << p.sum_width - 1
    p = ConvParams(1, 1, 1, 1, kernel=1, weights="int12", input=Format(14, 0, False))
    assert p.sum_width == 26
    assert convolution.sums(p, np.full((1, 1, 1, 1), 2047), np.full((1, 1, 1, 1), 16383)) == (
        2047 * 16383)


@pytest.mark.parametrize("name, value, message", [
    ("weight", 2, r"^Convolution weight must hold ternary values only$"),
    ("bias", 128, r"^Convolution bias must fit 8 signed bits, not 128\.\.128$"),
    ("scale", -9, r"^Convolution scale must fit 4 signed bits, not -9\.\.-9$"),
])
def test_wrong_tensors(name, value, message):
    p = ConvParams(1, 3, 3, 1, weights="ternary", bias_width=8, scale_width=4)
    tensors = {key: np.zeros(shape, np.int64) for key, shape in convolution.shapes(p).items()}
    convolution.check(p, tensors)
    with pytest.raises(ValueError, match=message):
        convolution.check(p, {**tensors, name: np.full_like(tensors[name], value)})


@pytest.mark.parametrize("beat", [1, 2, 3, 8])
def test_frames(beat):
    rng = np.random.default_rng(1)
    maps = rng.integers(-9, 9, (3, 5, 2, 4))
    frames = convolution.to_frames(maps, beat)
    beats = -(-5 // beat)
    assert len(frames) == 3 and frames[0].shape == (2 * 4 * beats, beat)
    assert frames[1][(1 * 4 + 2) * beats + (3 // beat), 3 % beat] == maps[1, 3, 1, 2]
    assert (convolution.to_maps(frames, 5, 2, 4) == maps).all()


@settings(max_examples=20, deadline=None)
@given(layers(largest=3), st.integers(0, 99))
def test_useful_macs(p, seed):
    rng = np.random.default_rng(seed)
    weight = convolution.random(p, rng, zeros=0.5)["weight"]
    maps = convolution.random_maps(p, 2, rng)
    exact = p.replace(weights="int2", input=Format(1, 0, False))
    ones = convolution.sums(exact, (weight != 0).astype(int), (maps != 0).astype(int))
    assert convolution.useful_macs(p, weight, maps).tolist() == ones.sum((1, 2, 3)).tolist()
    assert convolution.useful_macs(p, np.ones_like(weight), np.ones_like(maps)).tolist() == (
        [p.macs] * 2)
