import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.stochastic.arithmetic import RadixParams
from golden.stochastic.radix import Radix
from hdl.stochastic.radix import Radix as Top
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, WORKDIR, check, wrong_frames


@st.composite
def radix_params(draw):
    return RadixParams(
        draw(st.integers(1, 9)), draw(st.integers(1, 6)), shift=draw(st.integers(2, 9)),
        weights=draw(st.sampled_from(["binary", "ternary", "int4", "int8"])),
        input=Format(draw(st.integers(1, 8)), 0, draw(st.booleans())), scale_width=8,
        output=Format(draw(st.sampled_from([4, 6, 10])), draw(st.integers(2, 4))), bias_width=14,
        width=draw(st.sampled_from([3, 8, 12])), lanes=draw(st.integers(1, 7)),
        columns=draw(st.integers(1, 3)), batch=draw(st.sampled_from([1, 1, 2])))


@settings(RANDOM, max_examples=30)
@given(radix_params(), st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(params, seed, levels):
    rng = np.random.default_rng(seed)
    block = Radix.random(params, rng)
    check(block, Top(params, block.tensors), block.random_frames(5, rng), idle=levels[0],
          stall=levels[1], seed=seed)


@settings(RANDOM, max_examples=15)
@given(radix_params(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(params, seed, stall):
    rng, choice = np.random.default_rng(seed), random.Random(seed)
    block = Radix.random(params, rng)
    wrong = [n for n in (1, params.words_x - 1, params.words_x + 1, 2 * params.words_x)
             if 1 <= n != params.words_x]
    lengths = [choice.choice([None, *wrong]) for _ in range(4)] + [None]
    sent, answers = wrong_frames(block, block.random_frames(5, rng), lengths, rng)
    check(block, Top(params, block.tensors), sent, answers=answers, idle=stall, stall=stall,
          seed=seed)


def test_loaded_weights_and_stalls_and_resets():
    params = RadixParams(32, 10, input=Format(8, 8, False), shift=14, scale_width=8, bias_width=24,
                         lanes=10, columns=4, store="load")
    block = Radix.random(params, np.random.default_rng(1))
    sim.check(block, emit(Top(params, block.tensors), asserts=True), name="stochastic-radix",
              workdir=WORKDIR, frames=block.random_frames(20, np.random.default_rng(2)))


def test_it_is_a_sigmoid():
    """One input, one weight: from one end to the other, in floats."""
    params = RadixParams(1, 1, input=Format(8, 5), shift=1, scale_width=8, width=10)
    block = Radix(params, {"weight": [[1]], "scale": [1], "bias": [-1]})  # 1: half a unit
    x = np.arange(-128, 128)
    y = np.concatenate(block.run(list(x[:, None, None]))).ravel() / 1024
    assert np.abs(y - 1 / (1 + np.exp(-x / 32))).max() < 0.01
    assert block.output.format == Format(10, 10, False)


def test_dict():
    params = RadixParams(3, 2, columns=2)
    assert RadixParams.from_dict(params.to_dict()) == params
    assert type(params.dense).__name__ == "DenseParams" and params.dense.columns == 2


@pytest.mark.parametrize("given, error", [
    ({"raw": True}, r"^Radix raw must be False, because the table is of 'output', not True$"),
    ({"width": 1}, r"^Activation width must be between 2 and 24, not 1$"),
    ({"output": Format(8, 4, False)}, r"^Activation pre must be signed, not u8\.4$")])
def test_wrong(given, error):
    with pytest.raises(ValueError, match=error):
        RadixParams(3, 2, **given)
