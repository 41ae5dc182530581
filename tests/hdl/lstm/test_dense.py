import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.lstm.dense import Dense
from golden.lstm.params import DenseParams
from hdl.lstm.dense import Dense as Top
from hdl.verilog import emit
from tests.golden.lstm.networks import dense_params
from tests.hdl.bench import RANDOM, WORKDIR, check, wrong_frames


@settings(RANDOM, max_examples=40)
@given(dense_params(), st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(params, seed, levels):
    """Bits, order, tlast and cycles; under stalls never more than those and the stalled ones."""
    rng = np.random.default_rng(seed)
    block = Dense.random(params, rng)
    check(block, Top(params, block.tensors), block.random_frames(5, rng), idle=levels[0],
          stall=levels[1], seed=seed)


@settings(RANDOM, max_examples=20)
@given(dense_params(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(params, seed, stall):
    rng, choice = np.random.default_rng(seed), random.Random(seed)
    block = Dense.random(params, rng)
    wrong = [n for n in (1, params.words_x - 1, params.words_x + 1, 2 * params.words_x, 40)
             if 1 <= n != params.words_x]
    lengths = [choice.choice([None, *wrong]) for _ in range(5)] + [None]
    sent, answers = wrong_frames(block, block.random_frames(6, rng), lengths, rng)
    check(block, Top(params, block.tensors), sent, answers=answers, idle=stall, stall=stall,
          seed=seed)


@pytest.mark.parametrize("raw", [False, True])
def test_worst_values(raw):
    """Every operand, weight, scale and bias at the end of its format."""
    params = DenseParams(9, 4, input=Format(6), weights="int4", raw=raw, scale_width=5,
                         bias_width=9, shift=2, output=Format(12), lanes=3)
    tensors = {"weight": np.array([[7], [-7], [7], [-7]]).repeat(9, axis=1)}
    if not raw:
        tensors |= {"scale": np.array([15, 15, -16, -16]), "bias": np.array([255, -256, 255, -256])}
    block = Dense(params, tensors)
    frames = [np.full((9, 1), value) for value in (-32, 31, 0)]
    check(block, Top(params, tensors), frames)


@pytest.mark.parametrize("inputs, columns", [(1, 1), (2, 2), (1, 3)])
def test_one_word_and_one_row(inputs, columns):
    """A vector every cycle: its end comes as the rows of the one before leave."""
    params = DenseParams(inputs, 1, raw=True, columns=columns)
    block = Dense(params, {"weight": np.arange(1, inputs + 1)[None]})
    frames = [np.full((1, columns), value) for value in range(-10, 10)]
    check(block, Top(params, block.tensors), frames)
    check(block, Top(params, block.tensors), frames, idle=0.2, stall=0.2)


def test_vectors_follow_each_other_without_a_gap():
    """Words in a group of lanes that takes them all: a vector every `words` cycles."""
    params = DenseParams(16, 8, weights="ternary", lanes=8, raw=True)
    block = Dense.random(params, np.random.default_rng(1))
    frames = [np.full((16, 1), value) for value in range(1, 41)]
    cycles = [check(block, Top(params, block.tensors), frames[:count]).cycles
              for count in (20, 40)]
    assert cycles[1] - cycles[0] == 20 * 16


def test_stall_grid_and_resets():
    params = DenseParams(64, 30, weights="ternary", lanes=16, columns=2, batch=2, shift=6,
                         output=Format(12))
    block = Dense.random(params, np.random.default_rng(1))
    sim.check(block, emit(Top(params, block.tensors), asserts=True), name="dense", workdir=WORKDIR,
              frames=block.random_frames(20, np.random.default_rng(2)))
