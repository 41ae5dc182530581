import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.mac.array import Array
from golden.mac.params import STRUCTURES, ArrayParams
from hdl.mac.array import Array as Top
from hdl.mac.array import Shared
from hdl.verilog import emit
from tests.golden.mac.kinds import KINDS, SERIAL
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus, play


@st.composite
def params(draw):
    serial = draw(st.booleans())
    kind, share = draw(st.sampled_from(SERIAL if serial else KINDS))
    terms = share * draw(st.integers(1, 3))
    return ArrayParams(kind, Format(draw(st.integers(2, 9)), 0, draw(st.booleans())),
                       draw(st.integers(1, 5)), terms,
                       terms * (1 if serial else draw(st.integers(1, 4))), share,
                       draw(st.sampled_from(STRUCTURES)), draw(st.integers(1, 3)), serial)


@settings(RANDOM, max_examples=30)
@given(params(), st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(p, seed, levels):
    rng = np.random.default_rng(seed)
    block = Array.random(p, rng)
    check(block, Top(p, block.tensors), block.random_frames(4, rng), idle=levels[0],
          stall=levels[1], seed=seed)


@pytest.mark.parametrize("kind, share, serial", [
    *((*one, False) for one in KINDS), *((*one, True) for one in SERIAL)])
def test_every_kind(kind, share, serial):
    """Random parameters meet few of them in a run."""
    rng = np.random.default_rng(share)
    block = Array.random(ArrayParams(kind, Format(5), 4, 3 * share, (3 if serial else 12) * share,
                                     share, serial=serial), rng)
    check(block, Top(block.params, block.tensors), block.random_frames(6, rng))


@settings(RANDOM, max_examples=10)
@given(params(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(p, seed, stall):
    rng = np.random.default_rng(seed)
    block = Array.random(p, rng)
    frames = block.random_frames(6, rng)
    lengths = [n if n and n != p.beats else None
               for n in (None, 1, p.beats + 1, 3 * p.beats + 1, p.beats - 1, None)]
    sent, answers = [], []
    for frame, length, answer in zip(frames, lengths, block.run(frames), strict=True):
        sent.append(frame if length is None else np.tile(frame, (5, 1))[:length])
        answers.append(answer if length is None else (answer[:0], "wrong"))
    check(block, Top(p, block.tensors), sent, answers=answers, idle=stall, stall=stall, seed=seed)


#: Shared sums and one selection a group, two rows; several selections a weight, one row.
LARGE = {
    "binary": ArrayParams("binary", Format(12, 11), 2, 6, 48, 3, "carry-save", 3),
    "int8": ArrayParams("int8", Format(8, 8, signed=False), 2, 2, 16),
    "serial": ArrayParams("ternary", Format(8), 3, 24, 24, 2, serial=True),
}


@pytest.mark.parametrize("name", LARGE)
def test_stalls_and_resets(name):
    block = Array.random(LARGE[name], np.random.default_rng(1))
    sim.check(block, emit(Top(block.params, block.tensors), asserts=True), name=f"mac-{name}",
              workdir=WORKDIR, frames=block.random_frames(20, np.random.default_rng(2)))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_icarus():
    block = Array.random(ArrayParams("binary", Format(6), 3, 6, 12, 3, stages=3),
                         np.random.default_rng(1))
    in_icarus(block, Top(block.params, block.tensors))


def test_shared_sums_stay_without_a_beat():
    shared = Shared(ArrayParams("binary", Format(6), 1, 6, 12, 3))

    async def testbench(ctx):
        rng, kept = np.random.default_rng(0), None
        for step in (1, 0, 0, 1, 0):
            ctx.set(shared.values, rng.integers(-32, 32, 6).tolist())
            ctx.set(shared.step, step)
            await ctx.tick()
            now = ctx.get(shared.sums.as_value())
            assert (now != kept) == step
            kept = now

    play(shared, testbench)
