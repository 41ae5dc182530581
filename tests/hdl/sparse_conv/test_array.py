"""The array in hardware equals golden in every bit and cycle, dense and with lists."""

import shutil

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sim
from golden.sparse_conv import convolution
from golden.sparse_conv.array import Array, array
from golden.sparse_conv.lists import kept, lists, sets
from golden.sparse_conv.params import ArrayParams, ConvParams
from golden.sparse_conv.trainable import keep_largest
from hdl.sparse_conv.array import Array as Top
from hdl.verilog import emit
from tests.golden.sparse_conv.test_convolution import layers
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus
from tests.hdl.sparse_conv import checks


def top(block):
    return Top(block.params, block.tensors)


def block_of(params, zeros=0.0, seed=1):
    tensors = convolution.random(params.layer, np.random.default_rng(seed), zeros)
    return Array(params, {**tensors, "weight": np.where(kept(params), tensors["weight"], 0)})


@st.composite
def arrays(draw, frames=3):
    """A small array with weights of any sparsity, and frames."""
    layer = draw(layers(largest=4))
    index = draw(st.sampled_from(["dense", "list", "shift"]))
    if (index, layer.weights) == ("list", "binary"):
        index = "dense"
    params = ArrayParams(layer, draw(st.integers(1, 6)),
                         draw(st.integers(1, min(4, layer.out_height))), index)
    block = block_of(params, draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])), draw(st.integers(0, 99)))
    assume(block.compute * frames < 2000)
    return block, block.random_frames(frames, np.random.default_rng(draw(st.integers(0, 99))))


@settings(RANDOM, max_examples=15)
@given(arrays())
def test_bits_order_tlast_and_cycles(made):
    checks.plain(made[0], top, made[1])


@settings(RANDOM, max_examples=8)
@given(arrays(), st.integers(0, 2**16))
def test_stalls(made, seed):
    checks.stalled(made[0], top, made[1], seed)


@settings(RANDOM, max_examples=8)
@given(arrays(frames=6), st.integers(0, 2**16))
def test_frames_of_wrong_length(made, seed):
    checks.wrong_lengths(made[0], top, made[1], seed)


@settings(RANDOM, max_examples=6)
@given(arrays(), st.integers(0, 2**16))
def test_resets_leave_no_trace(made, seed):
    checks.resets(made[0], top, made[1], seed)


CORNERS = {
    "one lane": array(2, 4, 4, 2, groups=1, tiles=1),
    "a strip a row": array(4, 8, 5, 3, groups=4, tiles=8, weights="ternary"),
    "a strip of pooled rows": array(3, 8, 6, 4, pool=2, groups=2, tiles=4),
    "rows that no strip needs": array(2, 9, 9, 2, kernel=1, padding=0, stride=4, groups=2, tiles=2),
    "as much padding as there is": array(1, 2, 2, 2, kernel=5, padding=4, groups=1, tiles=3),
    "fewer channels than groups": array(3, 4, 4, 9, groups=8, tiles=2),
    "sums as fast as they can come": array(1, 6, 6, 5, kernel=1, padding=0, groups=1, tiles=6,
                                           index="list"),
    "lists of one": array(2, 6, 6, 5, groups=2, tiles=5, index="list"),
    "a shift a channel": array(13, 5, 5, 4, groups=4, tiles=2, index="shift"),
    "shifts of binary weights": array(11, 6, 4, 3, groups=3, tiles=3, weights="binary",
                                      index="shift"),
    "no channel is moved": array(3, 4, 4, 3, groups=3, tiles=2, index="shift"),
    "scaled": array(4, 5, 5, 6, groups=4, tiles=2, scale_width=8, weights="int4", pool=2),
    "powers of two": array(4, 4, 4, 3, groups=4, tiles=2, weights="powers4", relu=False),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    """Plain, with stalls, and with wrong frames between."""
    block = block_of(CORNERS[name], 0.95 if name == "lists of one" else 0.3)
    frames = block.random_frames(6, np.random.default_rng(3))
    checks.plain(block, top, frames)
    checks.stalled(block, top, frames, 2)
    checks.wrong_lengths(block, top, frames, 1)


def test_zeros_cost_nothing():
    """Balanced weights: a quarter of them takes a quarter of the cycles, at the same lanes."""
    dense = array(8, 8, 8, 8, groups=4, tiles=4)
    weight = block_of(dense).tensors["weight"]
    mask = keep_largest(torch.as_tensor(weight).float(), 1 / 3, sets(dense)).numpy().astype(int)
    for params, compute in ((dense, 18 * 8 * 16), (dense.replace(index="list"), 6 * 8 * 16)):
        block = Array(params, {"weight": weight * mask, "bias": np.zeros(8, int)})
        assert block.compute == compute
        assert (np.unique(block.lengths) == (18 if params.index == "dense" else 6)).all()
        check(block, top(block), block.random_frames(2, np.random.default_rng(1)), limit=20000)


def test_shifts():
    """Nine parts of one size, the rest stays where it is; a tap a channel, and a cycle."""
    params = array(20, groups=4, index="shift")
    assert params.shifts == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 4, 4]
    assert ArrayParams(ConvParams(3, 4, 4, 1, kernel=2), 1, 1, "shift").shifts == [3, 3, 3]
    block = Array.random(params, np.random.default_rng(1))
    assert (block.lengths == 5).all()
    maps = block.maps(block.random_frames(2, np.random.default_rng(1)))
    moved = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    moved = np.stack([moved[:, c, tap // 3:tap // 3 + 8, tap % 3:tap % 3 + 8]
                      for c, tap in enumerate(params.shifts)], 1)
    pointwise = block.tensors["weight"].sum((2, 3))
    total = np.einsum("fc,ncyx->nfyx", pointwise, moved)
    assert (convolution.sums(params.layer, block.tensors["weight"], maps) == total).all()


@pytest.mark.parametrize("index", ["dense", "list", "shift"])
def test_lists_hold_every_weight(index):
    params = array(5, 6, 6, 3, groups=2, tiles=2, index=index)
    weight = block_of(params, 0.6).tensors["weight"]
    values, places, counts = lists(params, weight)
    found = np.zeros_like(weight)
    starts = np.concatenate([[0], np.cumsum(counts)])
    for f in range(3):
        for entry in range(starts[f], starts[f + 1]):
            for group in range(2):
                channel, rest = divmod(int(places[entry, group]), params.plane)
                row, column = divmod(rest, params.pitch)
                if values[entry, group]:
                    found[f, channel * 2 + group, row, column] += values[entry, group]
    assert (found == weight).all()


def test_the_check_sees_what_it_should():
    block = block_of(array(4, 5, 5, 3, groups=2, tiles=2, weights="int4", shift=4))
    frames = block.random_frames(2, np.random.default_rng(1))
    check(block, top(block), frames, limit=20000)
    changed = block.tensors["weight"].copy()
    changed[2, 3, 1, 1] += 1 if changed[2, 3, 1, 1] < 7 else -1
    for tensors, params in (({**block.tensors, "weight": changed}, block.params),
                            (block.tensors, block.params.replace(tiles=3))):
        with pytest.raises(AssertionError):
            check(block, Top(params, tensors), frames, limit=20000)


def test_stall_grid_and_resets():
    """In Verilator; -Wall finds nothing."""
    block = block_of(array(5, 8, 8, 6, pool=2, groups=4, tiles=3, index="list", scale_width=12,
                           shift=14), 0.6)
    verdicts = sim.check(block, emit(top(block), asserts=True),
                         frames=block.random_frames(8, np.random.default_rng(1)),
                         name="sparse-conv-array", workdir=WORKDIR)
    assert len(verdicts) == 11


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    block = block_of(array(3, 4, 4, 3, groups=2, tiles=2, index="list"), 0.5)
    in_icarus(block, top(block))


@pytest.mark.parametrize("changes, message", [
    ({"groups": 0}, r"^Array groups must be between 1 and 256, not 0$"),
    ({"tiles": 257}, r"^Array tiles must be between 1 and 256, not 257$"),
    ({"tiles": 9}, r"^Array tiles must be at most the output's rows \(8\), not 9$"),
    ({"index": "map"}, r"^Array index must be one of dense, list, shift, not 'map'$"),
    ({"index": "list", "weights": "binary"},
     r"^Array index must be 'dense' for binary weights, which are never 0, not 'list'$"),
])
def test_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        array(**changes)


def test_wrong_weights():
    block = block_of(array(index="shift"))
    with pytest.raises(ValueError, match=r"^Array weight must be 0 beside the taps that its kernel "
                                         r"keeps$"):
        Array(block.params, {**block.tensors, "weight": np.ones((8, 8, 3, 3), int)})
    params = array(weights="binary", index="shift")
    with pytest.raises(ValueError, match=r"^Array weight must hold binary values only$"):
        Array(params, {**block.tensors, "weight": np.zeros((8, 8, 3, 3), int)})


def test_sets_need_whole_groups():
    with pytest.raises(ValueError, match=r"^Array groups must divide the 6 channels for lists of "
                                         r"one length, not 4$"):
        sets(array(6, groups=4))
