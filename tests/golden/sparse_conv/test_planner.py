"""Plans: what the formulas say is what hardware takes, and no array in reach is better."""

import itertools

import numpy as np
import pytest
from amaranth.hdl import Fragment, Module
from amaranth.sim import Simulator

from golden.sparse_conv import convolution
from golden.sparse_conv.array import Array, array, schedule
from golden.sparse_conv.lists import lists
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.sparse_conv.planner import fuse, memory, plan, traffic
from hdl.sparse_conv.array import ArrayCore
from hdl.store import Store


@pytest.mark.parametrize("params", [
    array(4, 5, 6, 5, groups=2, tiles=2, index="list", pool=2),
    array(3, 4, 4, 3, groups=3, tiles=4),
    array(3, 4, 5, 3, groups=2, tiles=2, index="comb")], ids=["list", "dense", "comb"])
def test_traffic_is_what_hardware_counts(params):
    """Cycles with an issue, writes of pixels and of outputs, counted in simulation."""
    block = Array.random(params, np.random.default_rng(1), 0.4)
    core = ArrayCore(params, block.tensors)
    m = Module()
    m.submodules.core = core
    frame, = block.random_frames(1, np.random.default_rng(2))
    beats = block.input.pack(frame)
    counts = dict.fromkeys(["weights", "pixel writes", "output writes"], 0)

    async def testbench(ctx):
        ctx.set(core.o.ready, 1)
        sent, last = 0, False
        while not last:
            ctx.set(core.i.valid, sent < len(beats))
            if sent < len(beats):
                ctx.set(core.i.payload.data.as_value(), beats[sent])
                ctx.set(core.i.payload.last, sent == len(beats) - 1)
            for name, signal in core.counted.items():
                counts[name] += ctx.get(signal)
            sent += ctx.get(core.i.valid) and ctx.get(core.i.ready)
            last = ctx.get(core.o.valid) and ctx.get(core.o.payload.last)
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    wanted = traffic(params, block.lengths)
    steps = -(-params.tiles // core.requantisers)
    assert counts["weights"] == wanted["weights"] == block.compute
    assert wanted["pixels"] == block.compute * params.groups
    assert counts["pixel writes"] == wanted["pixel writes"]
    # A step writes a code of each of its strips.
    assert counts["output writes"] * params.tiles == wanted["output writes"] * steps


def test_memory_is_what_hardware_has():
    params = array(4, 6, 6, 5, groups=2, tiles=3, index="list")
    block = Array(params, convolution.random(params.layer, np.random.default_rng(1), 0.4))
    values = lists(params, block.tensors["weight"])[0]
    bits = memory(params, len(values))
    assert bits["weights"] == values.size * (8 + params.place_bits)
    assert params.index_bits(len(values)) == values.size * params.place_bits
    assert bits["pixels"] == 2 * params.groups * params.pixels * params.tiles * 8


@pytest.mark.parametrize("index, stores, beside", [
    ("dense", 0, 0), ("shift", 1, 0), ("pattern", 1, 4 * 3 * 4)])
def test_index_is_what_hardware_has(monkeypatch, index, stores, beside):
    """The last store of an array; of patterns the taps besides, in logic."""
    bits = []

    class Counted(Store):
        def __init__(self, width, depth, words):
            super().__init__(width, depth, words)
            bits.append(width * depth)

    monkeypatch.setattr("hdl.sparse_conv.array.Store", Counted)
    block = Array.random(array(5, groups=2, index=index, patterns=4, kept=3),
                         np.random.default_rng(1))
    Fragment.get(ArrayCore(block.params, block.tensors), None)
    assert block.params.index_bits(8 * 9) == stores * bits[-1] + beside


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_no_array_is_faster(share):
    layer = ConvParams(6, 6, 6, 8, padding=1)
    limit = 60_000
    found = plan(layer, 12, limit, share=share)
    assert found.params.lanes <= 12 and sum(found.memory.values()) <= limit
    for groups, tiles, index in itertools.product(range(1, 7), range(1, 7), ("dense", "list")):
        if groups * tiles > 12 or (index == "list" and share == 1):
            continue
        params = array(6, 6, 6, 8, groups=groups, tiles=tiles, index=index)
        length = params.depth * 9 if index == "dense" else -(-params.depth * 9 * share // 1)
        lengths = np.full(8, int(length))
        if sum(memory(params, int(length) * 8).values()) <= limit:
            steady = schedule(params, lengths, 8) - schedule(params, lengths, 6)
            assert found.interval <= steady // 2
    assert found.cycles == schedule(found.params, np.full(
        8, found.traffic["weights"] // (8 * found.params.out_pixels)), 1)


@pytest.mark.parametrize("index", ["pattern", "shift", "comb"])
def test_plans_of_structured_weights(index):
    """Fewer cycles than a dense array's, as many as golden's block takes, and none in reach is
    faster."""
    layer = ConvParams(8, 6, 6, 8, padding=1, pool=1)
    found = plan(layer, 12, 10**6, index=index, patterns=4, kept=3)
    assert found.params.index == index
    block = Array.random(found.params, np.random.default_rng(1))
    assert found.cycles == block.cycles([None])
    assert found.interval == (block.cycles([None] * 8) - block.cycles([None] * 6)) // 2
    assert found.interval < plan(layer, 12, 10**6).interval
    values = lists(found.params, *(block.tensors.get(name)
                                   for name in ("weight", "patterns", "copy")))[0]
    assert found.memory == memory(found.params, len(values))
    for groups, tiles in itertools.product(range(1, 9), (1, 2, 3, 6)):
        if groups * tiles <= 12 and (index != "comb" or tiles in (1, 3)):
            other = Array.random(found.params.replace(groups=groups, tiles=tiles),
                                 np.random.default_rng(1))
            assert found.interval <= (other.cycles([None] * 8) - other.cycles([None] * 6)) // 2


def test_zeros_make_lists_worth_it():
    layer = ConvParams(16, 8, 8, 16, padding=1)
    dense = plan(layer, 32, 10**7)
    sparse = plan(layer, 32, 10**7, share=0.25)
    assert (dense.params.index, sparse.params.index) == ("dense", "list")
    assert dense.interval > 3.5 * sparse.interval


def test_wrong():
    layer = ConvParams(4, 4, 4, 4, padding=1)
    with pytest.raises(ValueError, match=r"^Plan memory_bits must be at least [\d,]+ for this "
                                         r"layer, not 100 \(fewer channels .*\)$"):
        plan(layer, 4, 100)
    with pytest.raises(ValueError, match=r"^Plan share must be above 0 and at most 1, not 0$"):
        plan(layer, 4, 10**6, share=0)
    with pytest.raises(ValueError, match=r"^Plan share must be 1 for index 'shift', not 0\.5$"):
        plan(layer, 4, 10**6, share=0.5, index="shift")
    with pytest.raises(ValueError, match=r"^Plan index must be one of pattern, shift, comb, not "
                                         r"'list'$"):
        plan(layer, 4, 10**6, index="list")


def test_fused_layers_move_least():
    layers = NetworkParams((
        ConvParams(1, 8, 8, 4, padding=1), ConvParams(4, 8, 8, 8, padding=1, pool=2),
        ConvParams(8, 4, 4, 16, padding=1), ConvParams(16, 4, 4, 4))).layers
    between = [p.filters * p.out_height * p.out_width * 8 for p in layers]
    fixed = 512 + between[-1] + sum(8 * p.filters * p.terms for p in layers)
    for buffer in (0, 1023, 1024, 2048, 3071, 3072, 5000):
        stays, moved = fuse(layers, buffer)
        best = min(
            fixed + sum(2 * size for size, kept in zip(between, choice, strict=False) if not kept)
            for choice in itertools.product([False, True], repeat=3)
            if all(size * kept + before * held <= buffer or not (kept or held)
                   for size, kept, before, held in zip(between, choice, [0, *between],
                                                       [False, *choice], strict=False)))
        assert moved == best
        assert moved == fixed + sum(2 * size for size, kept in zip(between, stays, strict=False)
                                    if not kept)
    assert fuse(layers, 5000)[0] == [True] * 3 and fuse(layers, 0)[0] == [False] * 3
