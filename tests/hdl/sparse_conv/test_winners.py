"""k winners in hardware equal golden in every bit and cycle."""

import itertools
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.sparse_conv.params import WinnersParams
from golden.sparse_conv.winners import Winners, winners
from hdl.sparse_conv.winners import Winners as Top
from hdl.verilog import emit
from tests.hdl.bench import WORKDIR, check, in_icarus
from tests.hdl.sparse_conv import checks


def top(block):
    return Top(block.params, block.tensors)


@st.composite
def layers(draw, frames=3):
    channels = draw(st.integers(1, 12))
    params = WinnersParams(
        channels, draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, channels)),
        Format(draw(st.integers(1, 9)), 0, draw(st.booleans())), draw(st.integers(1, 6)))
    block = Winners(params, {})
    return block, block.random_frames(frames, np.random.default_rng(draw(st.integers(0, 99))))


(test_bits_order_tlast_and_cycles, test_stalls, test_frames_of_wrong_length,
 test_resets_leave_no_trace) = checks.on_random(layers, top)


CORNERS = {
    "the largest alone": WinnersParams(9, winners=1),
    "all of them": WinnersParams(8, winners=8, beat=3),
    "a bit, a beat": WinnersParams(5, winners=2, format=Format(1, 0, False), beat=5),
    "signed": WinnersParams(7, winners=3, format=Format(4), beat=2),
    "one channel": WinnersParams(1, winners=1, beat=1),
    "more beats than bits": WinnersParams(20, 2, 3, 6, Format(3, 0, False), 1),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    block = Winners(CORNERS[name], {})
    frames = block.random_frames(6, np.random.default_rng(3))
    checks.plain(block, top, frames)
    checks.stalled(block, top, frames, 3)
    checks.wrong_lengths(block, top, frames, 1)


@settings(max_examples=30, deadline=None)
@given(layers(), st.integers(0, 99))
def test_definition(made, seed):
    """A code stays where fewer than k are larger, or equal and of a lower channel."""
    p = made[0].params
    maps = np.random.default_rng(seed).integers(-3, 4, (2, p.channels, p.height, p.width))
    out = winners(p, maps)
    for image, y, x in itertools.product(range(2), range(p.height), range(p.width)):
        codes = maps[image, :, y, x].tolist()
        for c, code in enumerate(codes):
            before = sum(v > code for v in codes) + codes[:c].count(code)
            assert out[image, c, y, x] == (code if before < p.winners else 0)


@pytest.mark.parametrize("channels, bits, interval", [(32, 6, 8), (8, 6, 6)])
def test_a_pixel_in_its_beats_or_bits(channels, bits, interval):
    block = Winners(WinnersParams(channels, 3, 4, 4, Format(bits, 0, False), 4), {})
    frames = block.random_frames(3, np.random.default_rng(2))
    cycles = [check(block, top(block), frames[:n]).cycles for n in (2, 3)]
    assert cycles[1] - cycles[0] == 12 * interval


def test_the_check_sees_what_it_should():
    block = Winners(WinnersParams(), {})
    frames = block.random_frames(3, np.random.default_rng(1))
    check(block, top(block), frames)
    for changes in ({"winners": 5}, {"format": Format(8)}, {"channels": 15}):
        with pytest.raises(AssertionError):
            check(block, Top(block.params.replace(**changes), {}), frames)
    other_ties = [frame[:, ::-1] for frame in frames]
    answers = [frame[:, ::-1] for frame in block.run(other_ties)]
    with pytest.raises(AssertionError, match="beats differ"):
        check(block, top(block), frames, answers=answers)


def test_stall_grid_and_resets():
    """In Verilator; -Wall finds nothing."""
    block = Winners(WinnersParams(14, 4, 5, 5, Format(6), 4), {})
    verdicts = sim.check(block, emit(top(block), asserts=True),
                         frames=block.random_frames(8, np.random.default_rng(1)),
                         name="sparse-conv-winners", workdir=WORKDIR)
    assert len(verdicts) == 11


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    block = Winners(WinnersParams(6, 2, 2, 2, beat=4), {})
    in_icarus(block, top(block))


@pytest.mark.parametrize("changes, error, message", [
    ({"channels": 0}, ValueError, r"^Winners channels must be between 1 and 1024, not 0$"),
    ({"height": 0}, ValueError, r"^Winners height must be between 1 and 4096, not 0$"),
    ({"winners": 17}, ValueError, r"^Winners winners must be between 1 and 16, not 17$"),
    ({"format": 8}, TypeError, r"^Winners format must be a Format, not 8$"),
    ({"format": Format(33)}, ValueError,
     r"^Winners format width must be between 1 and 32, not 33$"),
    ({"beat": 257}, ValueError, r"^Winners beat must be between 1 and 256, not 257$"),
])
def test_wrong(changes, error, message):
    with pytest.raises(error, match=message):
        WinnersParams(**changes)
