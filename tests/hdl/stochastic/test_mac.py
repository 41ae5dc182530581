import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.stochastic.mac import Mac, MacParams
from hdl.stochastic.mac import Mac as Top
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, WORKDIR, check

PARAMS = st.builds(MacParams, st.integers(1, 5), st.integers(2, 6),
                   st.sampled_from([2, 4, 8, 16, 32, 64]))


@settings(RANDOM, max_examples=40)
@given(PARAMS, st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(params, seed, levels):
    rng = np.random.default_rng(seed)
    block = Mac.random(params, rng)
    check(block, Top(params, {}), block.random_frames(4, rng), idle=levels[0], stall=levels[1],
          seed=seed)


@settings(RANDOM, max_examples=20)
@given(PARAMS, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(params, seed, stall):
    """Nothing of them is left in the next frame's sum."""
    rng = np.random.default_rng(seed)
    block = Mac.random(params, rng)
    frames = block.random_frames(6, rng)
    lengths = [int(rng.choice([params.inputs, n]))
               for n in (1, params.inputs + 1, 3 * params.inputs, max(1, params.inputs - 1), 1)]
    sent = [np.tile(frame, (3, 1))[:length]
            for frame, length in zip(frames, [*lengths, params.inputs], strict=True)]
    answers = [answer if len(frame) == params.inputs else (answer[:0], "wrong")
               for frame, answer in zip(sent, block.run(frames), strict=True)]
    check(block, Top(params, {}), sent, answers=answers, idle=stall, stall=stall, seed=seed)


def test_stalls_and_resets():
    block = Mac.random(MacParams(16, 8, 64), np.random.default_rng(1))
    sim.check(block, emit(Top(block.params, {}), asserts=True), name="stochastic-mac",
              workdir=WORKDIR, frames=block.random_frames(20, np.random.default_rng(2)))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_icarus():
    block = Mac.random(MacParams(16, 8, 64), np.random.default_rng(1))
    sim.check(block, emit(Top(block.params, {})), name="stochastic-mac", workdir=WORKDIR,
              frames=block.random_frames(3, np.random.default_rng(2)), simulator="icarus",
              scenarios=[sim.Scenario(stall=0.3)])
