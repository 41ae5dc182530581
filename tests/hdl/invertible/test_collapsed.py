import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.invertible.collapsed import Collapsed, CollapsedParams, factoring
from golden.invertible.job import words
from hdl.invertible.collapsed import Collapsed as Top
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus, nothing_of_machine


@st.composite
def params_of(draw):
    bits = draw(st.integers(2, 4))
    weights = draw(st.lists(st.integers(1, 40), min_size=2 * bits - 1, max_size=2 * bits - 1))
    return CollapsedParams(bits, tuple(weights), draw(st.integers(0, 255)),
                           draw(st.integers(1, 8)), draw(st.integers(1, 8)),
                           draw(st.integers(0, 2**64 - 1)), draw(st.integers(1, 4)))


@settings(RANDOM, max_examples=14)
@given(params_of(), st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(params, seed, levels):
    block = Collapsed(params, {})
    check(block, Top(params, {}), block.random_frames(4, np.random.default_rng(seed)),
          idle=levels[0], stall=levels[1], seed=seed)


@settings(RANDOM, max_examples=8)
@given(params_of(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(params, seed, stall):
    block, beats = Collapsed(params, {}), words(params.job)
    frames = block.random_frames(5, np.random.default_rng(seed))
    lengths = [beats - 1, beats, beats + 1, 2 * beats, beats]
    sent = [np.tile(frame, (2, 1))[:length] for frame, length in zip(frames, lengths, strict=True)]
    right = iter(block.run([frame for frame in sent if len(frame) == beats]))
    answers = [next(right) if length == beats else (np.zeros((0, 1), int), "wrong")
               for length in lengths]
    check(block, Top(params, {}), sent, answers=answers, idle=stall, stall=stall, seed=seed)


@pytest.mark.parametrize("stages", [1, 3])
def test_stalls_and_resets(stages):
    block = Collapsed(CollapsedParams(3, (16, 8, 4, 8, 16), stages=stages), {})
    sim.check(block, emit(Top(block.params, {}), asserts=True), name="collapsed", workdir=WORKDIR,
              frames=block.random_frames(40, np.random.default_rng(2)))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_icarus():
    block = Collapsed(CollapsedParams(3, (4, 2, 1, 2, 4), stages=2), {})
    in_icarus(block, Top(block.params, {}))


def test_verilog_is_clean():
    nothing_of_machine(emit(Top(factoring(4), {})).text)
