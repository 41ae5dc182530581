"""The array, cyclic and masked layers: equality, cycles against the ideal, cells beside a peer."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from fpga.area import ecp5
from golden.design import Block
from golden.sparse_conv import convolution
from golden.sparse_conv.array import Array, array
from golden.sparse_conv.cyclic import Cyclic, cyclic, dilations
from golden.sparse_conv.lists import sets
from golden.sparse_conv.masked import Masked, masked
from golden.sparse_conv.params import ArrayParams
from golden.sparse_conv.trainable import keep_largest
from golden.weights import WEIGHT_KINDS
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone.bench import PEERS, Row, Say, at_least, at_most, figure, side_by_side, verified
from ternstone.designs import Design

__all__ = ["PEER", "balanced", "beside", "connections", "equality", "peer"]

#: Random designs of each block, and frames of each.
DESIGNS, FRAMES = 12, 4


def _random(name: str, rng: np.random.Generator) -> Block:
    """A block of random shape, sparsity, stride, padding and pooling."""
    kernel = int(rng.integers(1, 8))
    size: dict[str, Any] = {
        "height": int(rng.integers(4, 10)), "width": int(rng.integers(4, 10)), "kernel": kernel,
        "stride": int(rng.integers(1, 4)), "padding": int(rng.integers(max(0, kernel - 4), kernel)),
        "weights": str(rng.choice(WEIGHT_KINDS)), "relu": bool(rng.integers(2)),
        "scale_width": int(rng.choice([0, 10])), "shift": int(rng.integers(2, 14))}
    size["pool"] = 1
    if name == "sparse_conv.array":
        index = "dense" if size["weights"] == "binary" else str(rng.choice(["dense", "list"]))
        params = array(int(rng.integers(1, 12)), filters=int(rng.integers(1, 12)), **size,
                       groups=int(rng.integers(1, 9)), tiles=1, index=index)
        if params.layer.rows > 1 and params.layer.columns > 1:
            params = params.replace(layer=params.layer.replace(pool=int(rng.integers(1, 3))))
        params = params.replace(tiles=int(rng.integers(1, params.layer.out_height + 1)))
        return Array(params, convolution.random(params.layer, rng,
                                                float(rng.choice([0, 0.5, 0.9, 1]))))
    if name == "sparse_conv.cyclic":
        nodes, fan_in = ((16, 4), (8, 2), (9, 3))[rng.integers(3)]
        return Cyclic.random(cyclic(
            nodes, **size, fan_in=fan_in, dilation=int(rng.choice(dilations(nodes, fan_in))),
            lanes=int(rng.choice([n for n in range(1, nodes + 1) if nodes % n == 0]))), rng)
    return Masked.random(masked(
        int(rng.integers(8, 64)), int(rng.integers(1, 64)), float(rng.choice([0.1, 0.5])),
        size["weights"], size["relu"], size["scale_width"], shift=size["shift"],
        seed=int(rng.integers(99)), lanes=int(rng.integers(1, 9))), rng)


def equality(say: Say) -> Iterator[Row]:
    """Random designs of each block, with idles and stalls and without; cycles are golden's."""
    names = [block.name for block in (Array, Cyclic, Masked)]
    items = [(name, seed) for name in names for seed in range(DESIGNS)]
    found: dict[str, list[int]] = {name: [] for name in names}
    for (name, _), (wrong, beats) in zip(items, side_by_side(
            _equal, items, say, "random layers"), strict=True):
        found[name] += [wrong, beats]
    for name, counts in found.items():
        yield at_most("mismatches", f"{name}, {DESIGNS} random designs", sum(counts[::2]), 0,
                      f"{sum(counts[1::2]):,} beats, plain and with idles and stalls; cycles equal")


def _equal(item: tuple[str, int]) -> tuple[int, int]:
    """(Mismatches, or 1 where anything else failed; beats)."""
    name, seed = item
    rng = np.random.default_rng(seed)
    block = _random(name, rng)
    frames = block.random_frames(FRAMES, rng)
    wrong = beats = 0
    for idle, stall in ((0.0, 0.0), (0.3, 0.3)):
        verdict = verified(f"bench-{name}-{seed}".replace(".", "-"), block, frames, idle=idle,
                           stall=stall)
        wrong += verdict.get("mismatches", 0) or (not verdict["passed"])
        beats += verdict.get("beats", 0)
    return wrong, beats


# -- zero weights

#: Zero weights, and channels of a layer like those of VGG-16, cropped in height and width.
BALANCED = [(0.75, 64), (0.75, 128), (0.9, 128)]
CROP, FILTERS, GROUPS, TILES = 8, 32, 16, 4
#: Frames of the two runs whose difference is the steady state.
FEW, MANY = 2, 3


def balanced(say: Say) -> Iterator[Row]:
    """Cycles of balanced lists against those of the dense array, of as many multipliers."""
    for rows in side_by_side(_balanced, BALANCED, say, "balanced weights"):
        yield from rows


def _pruned(dense: ArrayParams, zeros: float) -> np.ndarray:
    """Weights of which each group of each filter keeps as many."""
    rng = np.random.default_rng(0)
    weight = convolution.random(dense.layer, rng)["weight"]
    weight += (weight == 0)
    mask = keep_largest(torch.as_tensor(weight).float(), 1 - zeros, sets(dense))
    return weight * mask.numpy().astype(np.int64)


def _balanced(case: tuple[float, int]) -> list[Row]:
    zeros, channels = case
    dense = array(channels, CROP, CROP, FILTERS, groups=GROUPS, tiles=TILES, shift=14)
    weight = _pruned(dense, zeros)
    tensors = {"weight": weight, "bias": np.zeros(FILTERS, np.int64)}
    cycles = {}
    for params in (dense, dense.replace(index="list")):
        block = Array(params, tensors)
        taken = []
        for count in (FEW, MANY):
            frames = block.random_frames(count, np.random.default_rng(1))
            verdict = verified(f"bench-{params.index}-{channels}-{round(100 * zeros)}", block,
                               frames)
            if not verdict["passed"]:
                return [figure("balanced weights", f"{zeros:.0%} zeros, {params.index}", None,
                               verdict["failure"], target="0 mismatches", met=False)]
            taken.append(verdict["cycles"])
        cycles[params.index] = (taken[1] - taken[0]) / (MANY - FEW)
    real = float((weight == 0).mean())
    speed = cycles["dense"] / cycles["list"]
    setting = f"{channels} to {FILTERS} maps, 3x3, {CROP}x{CROP}, {zeros:.0%} zero weights"
    how = (f"{cycles['dense']:,.0f} and {cycles['list']:,.0f} cycles a frame in the steady state, "
           f"{GROUPS * TILES} multipliers both; {real:.2%} of the weights are 0")
    return [at_least("balanced weights, share of the ideal speed-up", setting,
                     round(speed * (1 - real), 4), 0.95, how),
            at_least("balanced weights, work per multiplier over dense", setting, round(speed, 3),
                     2.4, how)]


# -- connections without indices

def connections(say: Say) -> Iterator[Row]:
    """Cyclic layers: memory and multipliers; masked ones: what is stored."""
    nodes, fan_in, lanes = 64, 4, 16
    steps = dilations(nodes, fan_in)
    for height, kernel in ((1, 1), (6, 3)):
        blocks = [Cyclic.random(cyclic(nodes, height, height, kernel, padding=kernel // 2,
                                       fan_in=fan_in, dilation=step, lanes=lanes),
                                np.random.default_rng(step)) for step in steps]
        cycles = []
        say(f"cyclic layers, {kernel}x{kernel}")
        for block in blocks:
            for count in (2, 4):
                verdict = verified(f"bench-cyclic-{kernel}-{block.params.dilation}", block,
                                   block.random_frames(count, np.random.default_rng(1)))
                if not verdict["passed"]:
                    yield figure("cyclic layers", f"{kernel}x{kernel}", None, verdict["failure"],
                                 target="0 mismatches", met=False)
                    return
                cycles.append(verdict["cycles"])
        steady = sum(after - before for before, after in zip(cycles[::2], cycles[1::2],
                                                             strict=True)) / 2
        products = sum(block.compute for block in blocks)
        setting = f"{nodes} nodes, fan-in {fan_in}, {kernel}x{kernel}, {lanes} lanes"
        # One cycle of a frame begins it.
        yield at_least("cyclic layers, lanes in use in the steady state", setting,
                       round(products / (steady - len(steps)), 4), 1,
                       f"{products:,} cycles of products of {steady:,.0f} a frame over "
                       f"{len(steps)} layers, {len(steps)} of which begin a frame")
        stored = sum(block.compute // block.params.sums * nodes for block in blocks)
        bits = sum(np.count_nonzero(block.tensors["weight"]) for block in blocks)
        yield figure("cyclic layers, weights", setting, stored,
                     f"{nodes} x {fan_in} x {len(steps)} layers x {kernel**2} taps, no index; "
                     f"{bits:,} of them are not 0; dense layers have "
                     f"{nodes**2 * kernel**2 * len(steps):,}",
                     target=f"= {nodes * fan_in * len(steps) * kernel**2:,}",
                     met=stored == nodes * fan_in * len(steps) * kernel**2)
    block = Masked.random(masked(256, 128, 0.1, lanes=16), np.random.default_rng(1))
    verdict = verified("bench-masked", block, block.random_frames(3, np.random.default_rng(1)))
    yield at_least("masked layer, weights that are not stored", "256 to 128, a tenth kept",
                   round(1 - block.stored / (256 * 128), 4) if verdict["passed"] else 0.0, 0.9,
                   f"{block.stored:,} of {256 * 128:,}; {verdict['cycles']:,} cycles, equal")


# -- beside the closest peer

PEER = [("conv-8x8-ternary", "ternary", 8), ("conv-8x8-int8", "int8", 4)]
CYCLES, LUTS = {"ternary": 2400, "int8": 3050}, {"ternary": 8000, "int8": 14682}


def peer(say: Say) -> Iterator[Row]:
    """The same convolution as the closest peer's: bits, cycles of one frame, cells."""
    for rows in side_by_side(_beside, PEER, say, "beside the peer"):
        yield from rows


def beside(weights: str, tiles: int) -> tuple[Array, list[np.ndarray]]:
    """The peer's convolution, with weights of which none is zero, and one random frame."""
    params = array(16, 8, 8, 16, groups=16, tiles=tiles, weights=weights,
                   shift=4 if weights == "ternary" else 10)
    rng = np.random.default_rng(0)
    tensors = convolution.random(params.layer, rng)
    # Nothing is zero that could be skipped.
    tensors["weight"] += (tensors["weight"] == 0)
    block = Array(params, tensors)
    return block, block.random_frames(1, rng)


def _beside(case: tuple[str, str, int]) -> list[Row]:
    name, weights, tiles = case
    narrow, wide = PEERS[name], PEERS[f"{name}-wide"]
    block, frames = beside(weights, tiles)
    verdict = verified(f"bench-{name}", block, frames)
    setting = f"8x8x16 to 16, 3x3, {weights}, {block.params.lanes} lanes"
    if not verdict["passed"]:
        return [figure("beside NNgen", setting, None, verdict["failure"], target="0 mismatches",
                       met=False)]
    rows = [at_most("beside NNgen, cycles", setting, verdict["cycles"], CYCLES[weights],
                    f"one frame, from its first beat to the last of the answer; the peer: "
                    f"{wide['cycles']:,} at its widest, {narrow['cycles']:,} at its narrowest")]
    try:
        area = ecp5(emit(Design(name, block).component()))
    except ToolError as error:
        return [*rows, figure("beside NNgen, LUTs", setting, None, f"not measured: {error}")]
    total = area["LUT4"] + 2 * area["carry"]
    rows.append(at_most(
        "beside NNgen, LUTs", setting, total, LUTS[weights],
        f"{area['LUT4']:,} LUT4 and {area['carry']:,} CCU2C of two; {area['FF']:,} FF, "
        f"{area['RAM']} DP16KD, {area['MULT18']} MULT18; the peer at its narrowest "
        f"{narrow['LUT4']:,} LUT4 and {narrow['carry']:,} CCU2C, {narrow['RAM']} DP16KD, "
        f"{narrow['MULT18']} MULT18; {area['tool']} {area['version']}"))
    return rows
