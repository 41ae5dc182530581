"""Cyclic layers in hardware equal golden in every bit and cycle."""

import shutil

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st

import sim
from golden.sparse_conv.cyclic import Cyclic, cyclic, dilations
from golden.sparse_conv.lists import connections, cyclic_words
from golden.sparse_conv.params import CyclicParams
from hdl.sparse_conv.cyclic import Cyclic as Top
from hdl.verilog import emit
from tests.golden.sparse_conv.test_convolution import layers
from tests.hdl.bench import WORKDIR, check, in_icarus
from tests.hdl.sparse_conv import checks


def top(block):
    return Top(block.params, block.tensors)


@st.composite
def cyclics(draw, frames=3):
    """A small layer of any fan-in and dilation, and frames."""
    nodes = draw(st.sampled_from([1, 4, 6, 8]))
    layer = draw(layers(largest=3)).replace(channels=nodes, filters=nodes)
    dilation = draw(st.integers(1, nodes))
    params = CyclicParams(
        layer, draw(st.integers(1, nodes // np.gcd(nodes, dilation).item())), dilation,
        draw(st.sampled_from([n for n in range(1, nodes + 1) if nodes % n == 0])))
    assume(params.sums * params.terms * frames < 2500)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    block = Cyclic.random(params, rng)
    return block, block.random_frames(frames, rng)


(test_bits_order_tlast_and_cycles, test_stalls, test_frames_of_wrong_length,
 test_resets_leave_no_trace) = checks.on_random(cyclics, top)


CORNERS = {
    "dense": cyclic(8, fan_in=8, lanes=4),
    "depthwise": cyclic(8, 5, 5, kernel=3, padding=1, fan_in=1, lanes=4, pool=2),
    "a sum a cycle": cyclic(4, 4, 4, fan_in=1, lanes=4),
    "no turn": cyclic(16, fan_in=4, dilation=4, lanes=4),
    "every turn": cyclic(8, fan_in=8, dilation=3, lanes=8, weights="ternary"),
    "one lane": cyclic(4, 2, 2, fan_in=2, dilation=3, lanes=1, weights="powers3"),
    "lanes that are no power of two": cyclic(12, 3, 3, fan_in=4, dilation=5, lanes=6),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    block = Cyclic.random(CORNERS[name], np.random.default_rng(1))
    frames = block.random_frames(6, np.random.default_rng(3))
    checks.plain(block, top, frames)
    checks.stalled(block, top, frames, 3)
    checks.wrong_lengths(block, top, frames, 1)


@pytest.mark.parametrize("nodes, fan_in", [(16, 2), (27, 3), (16, 4), (64, 8)])
def test_layers_connect_all_with_all_once(nodes, fan_in):
    paths = np.eye(nodes, dtype=int)
    stored = 0
    for dilation in dilations(nodes, fan_in):
        params = cyclic(nodes, fan_in=fan_in, dilation=dilation, lanes=1)
        paths = connections(params).astype(int) @ paths
        stored += cyclic_words(params, np.zeros((nodes, nodes, 1, 1), int)).size
    assert (paths == 1).all()
    assert stored == nodes * fan_in * round(np.log(nodes) / np.log(fan_in))


def test_every_lane_in_every_cycle():
    """Frames follow each other at compute alone."""
    block = Cyclic.random(cyclic(16, 4, 4, kernel=3, padding=1, lanes=8), np.random.default_rng(1))
    frames = block.random_frames(3, np.random.default_rng(2))
    cycles = [check(block, top(block), frames[:n], limit=20000).cycles for n in (2, 3)]
    products = 4 * 4 * 16 * 4 * 9
    assert cycles[1] - cycles[0] == products / 8 + 1  # and one to begin


def test_the_check_sees_what_it_should():
    block = Cyclic.random(cyclic(shift=2), np.random.default_rng(1))
    frames = block.random_frames(3, np.random.default_rng(1))
    check(block, top(block), frames)
    other = block.params.replace(dilation=5)
    moved = Cyclic.random(other, np.random.default_rng(1))
    with pytest.raises(AssertionError):
        check(block, top(moved), frames)


def test_stall_grid_and_resets():
    """In Verilator; -Wall finds nothing."""
    block = Cyclic.random(cyclic(12, 6, 6, kernel=3, padding=1, pool=2, fan_in=3, dilation=5,
                                 lanes=4, scale_width=12, shift=14), np.random.default_rng(1))
    verdicts = sim.check(block, emit(top(block), asserts=True),
                         frames=block.random_frames(8, np.random.default_rng(1)),
                         name="sparse-conv-cyclic", workdir=WORKDIR)
    assert len(verdicts) == 11


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    block = Cyclic.random(cyclic(4, 3, 3, fan_in=2, lanes=2), np.random.default_rng(1))
    in_icarus(block, top(block))


@pytest.mark.parametrize("changes, message", [
    ({"fan_in": 0}, r"^Cyclic fan_in must be between 1 and 16, not 0$"),
    ({"dilation": 17}, r"^Cyclic dilation must be between 1 and 16, not 17$"),
    ({"dilation": 8}, r"^Cyclic fan_in must be at most 2 for 16 channels at dilation 8, not 4 "
                      r"\(a channel would come twice\)$"),
    ({"lanes": 3}, r"^Cyclic lanes must divide the 16 channels, not 3$"),
])
def test_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        cyclic(**changes)


def test_wrong_layers_and_tensors():
    params = cyclic()
    with pytest.raises(ValueError, match=r"^Cyclic filters must be as many as channels \(16\), "
                                         r"not 8$"):
        params.replace(layer=params.layer.replace(filters=8))
    with pytest.raises(ValueError, match=r"^Cyclic nodes must be a power of the fan-in 4, not 32 "
                                         r"\(16 and 64 are\)$"):
        dilations(32, 4)
    tensors = Cyclic.random(params, np.random.default_rng(1)).tensors
    with pytest.raises(ValueError, match=r"^Cyclic weight must be 0 where filters have no "
                                         r"connection$"):
        Cyclic(params, {**tensors, "weight": np.ones((16, 16, 1, 1), int)})
    with pytest.raises(ValueError, match=r"^Cyclic weight must hold binary values only$"):
        Cyclic(cyclic(weights="binary"), {**tensors, "weight": np.zeros((16, 16, 1, 1), int)})
