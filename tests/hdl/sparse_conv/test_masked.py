"""Layers masked by shift registers in hardware equal golden in every bit and cycle."""

import shutil

import numpy as np
import pytest
from hypothesis import strategies as st

import sim
from golden.sparse_conv.lists import mask, masked_words
from golden.sparse_conv.masked import Masked, masked
from golden.weights import WEIGHT_KINDS
from hdl.sparse_conv.masked import Masked as Top
from hdl.verilog import emit
from tests.hdl.bench import WORKDIR, check, in_icarus
from tests.hdl.sparse_conv import checks


def top(block):
    return Top(block.params, block.tensors)


@st.composite
def layers(draw, frames=3):
    inputs = draw(st.integers(1, 20))
    register = draw(st.integers(4, 12))
    params = masked(
        inputs, draw(st.integers(1, 20)), draw(st.sampled_from([0.1, 0.4, 1.0])),
        draw(st.sampled_from(WEIGHT_KINDS)), draw(st.booleans()), draw(st.sampled_from([0, 8])),
        shift=draw(st.integers(0, 6)), register=register, steps=draw(st.integers(1, register)),
        seed=draw(st.integers(0, 99)), lanes=draw(st.integers(1, min(inputs, 5))))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    block = Masked.random(params, rng)
    return block, block.random_frames(frames, rng)


(test_bits_order_tlast_and_cycles, test_stalls, test_frames_of_wrong_length,
 test_resets_leave_no_trace) = checks.on_random(layers, top)


CORNERS = {
    "everything kept": masked(8, 8, 1.0, lanes=4),
    "as many lanes as inputs": masked(6, 18, 0.3, lanes=6),
    "a last block of one": masked(12, 9, 0.2, lanes=4),
    "one input": masked(1, 3, 0.5, lanes=1),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    block = Masked.random(CORNERS[name], np.random.default_rng(1))
    frames = block.random_frames(6, np.random.default_rng(3))
    checks.plain(block, top, frames)
    checks.stalled(block, top, frames, 3)
    checks.wrong_lengths(block, top, frames, 1)


def test_share():
    """As many weights as the threshold says, and only those are stored."""
    params = masked(256, 128, 0.1)
    kept = mask(params)
    assert params.share == 102 / 1023
    assert abs(kept.mean() - params.share) < 0.005
    assert (kept.sum(1) > 0).all()
    block = Masked.random(params, np.random.default_rng(1))
    words = masked_words(params, block.tensors["weight"])
    assert block.stored == sum(map(len, words)) == kept.sum()


def test_the_check_sees_what_it_should():
    block = Masked.random(masked(shift=2), np.random.default_rng(1))
    frames = block.random_frames(3, np.random.default_rng(1))
    check(block, top(block), frames)
    for changes in ({"seed": 2}, {"steps": 3}, {"threshold": 200}):
        other = Masked.random(block.params.replace(**changes), np.random.default_rng(1))
        with pytest.raises(AssertionError):
            check(block, top(other), frames)


def test_stall_grid_and_resets():
    """In Verilator; -Wall finds nothing."""
    block = Masked.random(masked(20, 14, 0.3, scale_width=12, shift=12, lanes=4),
                          np.random.default_rng(1))
    verdicts = sim.check(block, emit(top(block), asserts=True),
                         frames=block.random_frames(8, np.random.default_rng(1)),
                         name="sparse-conv-masked", workdir=WORKDIR)
    assert len(verdicts) == 11


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    block = Masked.random(masked(6, 5, 0.4, lanes=2), np.random.default_rng(1))
    in_icarus(block, top(block))


@pytest.mark.parametrize("changes, message", [
    ({"register": 2}, r"^Masked register must be between 3 and 24, not 2$"),
    ({"threshold": 1}, r"^Masked threshold must be between 2 and 1024, not 1$"),
    ({"steps": 11}, r"^Masked steps must be between 1 and 10, not 11$"),
    ({"lanes": 65}, r"^Masked lanes must be between 1 and 64, not 65$"),
])
def test_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        masked().replace(**changes)


def test_wrong_layers_and_tensors():
    params = masked()
    with pytest.raises(ValueError, match=r"^Masked layer must have a map and a kernel of 1 x 1, "
                                         r"not 2 x 1 and 1 x 1$"):
        params.replace(layer=params.layer.replace(height=2))
    tensors = Masked.random(params, np.random.default_rng(1)).tensors
    with pytest.raises(ValueError, match=r"^Masked weight must be 0 where the mask keeps none$"):
        Masked(params, {**tensors, "weight": np.ones((16, 64, 1, 1), int)})
