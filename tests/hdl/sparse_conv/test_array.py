"""The array in hardware equals golden in every bit and cycle, whatever its index."""

import math
import shutil

import numpy as np
import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

import sim
from golden.sparse_conv import convolution
from golden.sparse_conv.array import Array, array
from golden.sparse_conv.lists import lists, numbers, sets
from golden.sparse_conv.params import ArrayParams, ConvParams
from golden.sparse_conv.patterns import prune_to_patterns
from golden.sparse_conv.trainable import keep_largest
from hdl.sparse_conv.array import Array as Top
from hdl.verilog import emit
from tests.golden.sparse_conv.test_convolution import layers
from tests.hdl.bench import WORKDIR, check, in_icarus
from tests.hdl.sparse_conv import checks


def top(block):
    return Top(block.params, block.tensors)


def block_of(params, zeros=0.0, seed=1):
    return Array.random(params, np.random.default_rng(seed), zeros)


@st.composite
def arrays(draw, frames=3):
    """A small array with weights of any sparsity, and frames."""
    layer = draw(layers(largest=4))
    index = draw(st.sampled_from(["dense", "list", "shift", "pattern", "comb"]))
    if index in ("list", "comb") and layer.weights == "binary":
        index = "dense"
    params = ArrayParams(layer, draw(st.integers(1, 6)),
                         draw(st.integers(1, min(4, layer.out_height))), "dense", 1, 1)
    if index == "comb" and params.rows % 2:
        params = params.replace(tiles=1)
    params = params.replace(index=index)
    if index == "pattern":
        kept = draw(st.integers(1, layer.taps))
        most = min(6, math.comb(layer.taps, kept))
        params = params.replace(kept=kept, patterns=draw(st.integers(1, most)))
    if index == "dense":
        params = params.replace(block_scale_width=draw(st.sampled_from([0, 1, 5])))
    block = block_of(params, draw(st.sampled_from([0.0, 0.5, 0.9, 1.0])), draw(st.integers(0, 99)))
    assume(block.compute * frames < 2000)
    return block, block.random_frames(frames, np.random.default_rng(draw(st.integers(0, 99))))


(test_bits_order_tlast_and_cycles, test_stalls, test_frames_of_wrong_length,
 test_resets_leave_no_trace) = checks.on_random(arrays, top)


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
    "patterns": array(7, 5, 5, 4, groups=3, tiles=2, pool=2, index="pattern", kept=4),
    "patterns of one tap": array(4, 5, 5, 3, groups=4, tiles=2, index="pattern", patterns=9,
                                 kept=1, weights="binary"),
    "a pattern of all taps": array(3, 4, 4, 3, groups=2, tiles=2, index="pattern", patterns=1,
                                   kept=9),
    "combs": array(5, 6, 5, 4, groups=2, tiles=3, index="comb"),
    "combs of more filters than channels": array(3, 4, 5, 8, groups=4, tiles=1, stride=2,
                                                 index="comb", scale_width=6),
    "pooled combs": array(4, 7, 7, 3, groups=3, tiles=3, pool=2, index="comb"),
    "a comb of one weight": array(1, 4, 3, 2, kernel=1, padding=0, groups=1, tiles=2,
                                  index="comb"),
    "scales of blocks": array(7, 5, 5, 4, groups=3, tiles=2, weights="int4", scale_width=6,
                              block_scale_width=6, shift=12),
    "scales of every channel": array(3, 4, 4, 3, groups=1, tiles=3, weights="binary",
                                     block_scale_width=4),
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


def test_comb():
    """Sums and copies by turns, as on a chessboard whose colours change with the filter."""
    params = array(3, 4, 6, 5, groups=2, tiles=2, index="comb", relu=False)
    block = block_of(params)
    maps = block.maps(block.random_frames(1, np.random.default_rng(2)))
    image = np.pad(maps[0], ((0, 0), (1, 1), (1, 1)))
    total = np.zeros((5, 4, 6), int)
    for f, y, x in np.ndindex(5, 4, 6):
        own, pixels = block.tensors["weight"][f], image[:, y:y + 3, x:x + 3]
        total[f, y, x] = ((own * pixels).sum() if (f + y + x) % 2 == 0 else
                          block.tensors["copy"][f] * maps[0, f % 3, y, x])
    wanted = convolution.requantise(params.layer, block.tensors, total)
    assert (block.run(convolution.to_frames(maps, 2))[0]
            == convolution.to_frames(wanted[None], 2)[0]).all()
    # Half of a strip's 12 positions take 18 cycles, the others one.
    assert block.compute == 5 * (6 * 18 + 6 * 1)
    assert params.index_bits(len(block.lengths) * 19) == 5 * params.place_bits
    with pytest.raises(ValueError, match=r"^Array copy must hold int8 values only$"):
        Array(params, {**block.tensors, "copy": np.full(5, 128)})


def test_a_copy_can_be_exact():
    """Weight and bias that undo the shift: the other positions are the input's."""
    params = array(4, 4, 4, 4, groups=4, tiles=2, index="comb", shift=6)
    block = block_of(params)
    tensors = {**block.tensors, "copy": np.full(4, 64), "bias": np.zeros(4, int)}
    maps = convolution.random_maps(params.layer, 2, np.random.default_rng(1), 0.0)
    out = Array(params, tensors).run(convolution.to_frames(maps, 4))
    out = convolution.to_maps(out, 4, 4, 4)
    assert (out == maps)[:, ~block.summed].all() and not (out == maps)[:, block.summed].all()


def test_scales_of_blocks():
    """Each block's sum at each tap, times its scale."""
    params = array(5, 4, 4, 2, groups=2, tiles=2, weights="ternary", block_scale_width=5)
    block = Array.random(params, np.random.default_rng(1))
    frames = block.random_frames(1, np.random.default_rng(2))
    image = np.pad(block.maps(frames)[0], ((0, 0), (1, 1), (1, 1)))
    weight, scale = block.tensors["weight"], block.tensors["block_scale"]
    assert scale.shape == (2, 3, 3, 3)
    total = np.zeros((1, 2, 4, 4), int)
    for f, part, j, i in np.ndindex(2, 3, 3, 3):
        own = weight[f, 2 * part:2 * part + 2, j, i]
        pixels = image[2 * part:2 * part + 2, j:j + 4, i:i + 4]
        total[0, f] += scale[f, part, j, i] * np.tensordot(own, pixels, 1)
    wanted = convolution.requantise(params.layer, block.tensors, total)
    assert (block.run(frames)[0] == convolution.to_frames(wanted, 2)[0]).all()
    with pytest.raises(ValueError, match=r"^Array block_scale must fit 5 signed bits, "
                                         r"not 16\.\.16$"):
        Array(params, {**block.tensors, "block_scale": np.full_like(scale, 16)})


def test_the_widest_sums_are_exact():
    """Beyond 2**24 single floats would round."""
    params = array(64, 3, 3, 1, groups=64, tiles=1, weights="int8", relu=False, shift=40,
                   bias_width=48, block_scale_width=16)
    full = {"weight": np.full((1, 64, 3, 3), -127), "bias": np.zeros(1, int),
            "block_scale": np.full((1, 1, 3, 3), 32767)}
    full["weight"][0, 0, 0, 0] = -126
    block = Array(params, full)
    total = convolution.sums(params.layer, block.weight, np.full((1, 64, 3, 3), 255),
                             params.sum_width)
    assert total[0, 0, 1, 1] == -255 * 32767 * (127 * 576 - 1)


@pytest.mark.parametrize("kept, patterns", [(1, 9), (4, 3), (4, 200), (9, 1)])
def test_pruned_to_patterns(kept, patterns):
    """As many taps in every kernel, of the patterns the best."""
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(4, 6, 3, 3))
    weight[0] = 0
    patterns = min(patterns, math.comb(9, kept))
    pruned, table = prune_to_patterns(weight, kept, patterns)
    assert table.shape == (patterns, kept) == np.unique(table, axis=0).shape
    assert ((pruned == weight) | (pruned == 0)).all()
    assert (np.count_nonzero(pruned[1:], axis=(2, 3)) == kept).all()
    own = numbers(pruned, table)
    for f, c in np.ndindex(4, 6):
        squares = weight[f, c].ravel()[table] ** 2
        assert (pruned[f, c] ** 2).sum() == pytest.approx(squares.sum(1).max())
        assert set(np.flatnonzero(pruned[f, c])) <= set(table[own[f, c]])
    if patterns == math.comb(9, kept):
        largest = np.sort(np.abs(weight).reshape(24, 9))[:, 9 - kept:]
        assert (pruned ** 2).sum() == pytest.approx((largest ** 2).sum())


def test_most_frequent_patterns():
    weight = np.zeros((1, 6, 2, 2), int)
    for c, taps in enumerate([(2, 3), (0, 1), (2, 3), (0, 2), (2, 3), (0, 1)]):
        weight[0, c].flat[list(taps)] = c + 1
    pruned, table = prune_to_patterns(weight, 2, 2)
    assert table.tolist() == [[2, 3], [0, 1]]
    assert pruned[0, 3].tolist() == [[0, 0], [4, 0]]     # as good as (0, 1), which comes later
    with pytest.raises(ValueError, match=r"^Pruning patterns must be at most 6, which there are of "
                                         r"2 among 4 taps, not 7$"):
        prune_to_patterns(weight, 2, 7)


@pytest.mark.parametrize("index", ["dense", "list", "shift", "pattern", "comb"])
def test_lists_hold_every_weight(index):
    params = array(5, 6, 6, 3, groups=2, tiles=3, index=index)
    tensors = block_of(params, 0.6).tensors
    weight = tensors["weight"]
    values, places, counts = lists(params, weight, tensors.get("patterns"), tensors.get("copy"))
    found = np.zeros_like(weight)
    if index == "comb":
        counts = counts + 1
        for f in range(3):
            weight[f, f % 5, 1, 1] += tensors["copy"][f]
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


@pytest.mark.parametrize("index", ["list", "pattern", "comb"])
def test_stall_grid_and_resets(index):
    """In Verilator; -Wall finds nothing."""
    block = block_of(array(5, 8, 8, 6, pool=2, groups=4, tiles=3, index=index, scale_width=12,
                           shift=14), 0.6)
    verdicts = sim.check(block, emit(top(block), asserts=True),
                         frames=block.random_frames(8, np.random.default_rng(1)),
                         name=f"sparse-conv-array-{index}", workdir=WORKDIR)
    assert len(verdicts) == 11


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    block = block_of(array(3, 4, 4, 3, groups=2, tiles=2, index="list"), 0.5)
    in_icarus(block, top(block))


@pytest.mark.parametrize("changes, message", [
    ({"groups": 0}, r"^Array groups must be between 1 and 256, not 0$"),
    ({"tiles": 257}, r"^Array tiles must be between 1 and 256, not 257$"),
    ({"tiles": 9}, r"^Array tiles must be at most the output's rows \(8\), not 9$"),
    ({"index": "map"}, r"^Array index must be one of dense, list, shift, pattern, comb, not "
                       r"'map'$"),
    ({"block_scale_width": 17}, r"^Array block_scale_width must be between 0 and 16, not 17$"),
    ({"block_scale_width": 4, "index": "shift"},
     r"^Array index must be 'dense' for scales of blocks, not 'shift'$"),
    ({"index": "pattern", "kept": 10}, r"^Array kept must be between 1 and 9, not 10$"),
    ({"index": "pattern", "patterns": 37, "kept": 2},
     r"^Array patterns must be between 1 and 36, not 37$"),
    *(({"index": index, "weights": "binary"},
       rf"^Array index must be 'dense' for binary weights, which are never 0, not '{index}'$")
      for index in ("list", "comb")),
    ({"index": "comb", "tiles": 3},
     r"^Array tiles must make strips of an even number of rows for index 'comb', not 3 of 3 "
     r"rows$"),
])
def test_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        array(**changes)


def test_wrong_weights():
    block = block_of(array(index="shift"))
    with pytest.raises(ValueError, match=r"^Array weight must be 0 beside the taps that its kernel "
                                         r"keeps$"):
        Array(block.params, {**block.tensors, "weight": np.ones((8, 8, 3, 3), int)})
    block = block_of(array(index="pattern", patterns=2))
    with pytest.raises(ValueError, match=r"^Array weight must be 0 beside the taps of a pattern, "
                                         r"and is not for filter 0 and channel 0$"):
        Array(block.params, {**block.tensors, "weight": np.ones((8, 8, 3, 3), int)})
    for wrong in ([[0, 1, 2, 9]] * 2, [[0, 1, 3, 2]] * 2, [[-1, 1, 2, 3]] * 2):
        with pytest.raises(ValueError, match=r"^Array patterns must hold ascending taps between 0 "
                                             r"and 8$"):
            Array(block.params, {**block.tensors, "patterns": np.array(wrong)})
    params = array(weights="binary", index="shift")
    block = block_of(params)
    with pytest.raises(ValueError, match=r"^Array weight must hold binary values only$"):
        Array(params, {**block.tensors, "weight": np.zeros((8, 8, 3, 3), int)})


def test_sets_need_whole_groups():
    with pytest.raises(ValueError, match=r"^Array groups must divide the 6 channels for lists of "
                                         r"one length, not 4$"):
        sets(array(6, groups=4))
