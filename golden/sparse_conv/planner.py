"""Which array a layer gets, and which layers share a chip: cycles and memory traffic by formulas.

The formulas are the cycle models of golden, which hardware meets exactly, so a plan is no estimate.

Source: Ma et al., "Optimizing the Convolution Operation to Accelerate Deep Neural Networks on
FPGA", TVLSI 26(7), 2018: loop unrolling, tiling and interchange as design variables, and what each
costs in cycles and traffic. Here channels are unrolled by ``groups`` and rows by ``tiles``, the
map is the tile, and sums stay where they are made.
"""

from dataclasses import dataclass

import numpy as np

from golden.check import require_choice, require_int
from golden.params import ceil_div
from golden.sparse_conv.array import schedule
from golden.sparse_conv.params import ArrayParams

__all__ = ["Plan", "fuse", "memory", "plan", "traffic"]


@dataclass(frozen=True)
class Plan:
    """An array for a layer, and what it takes.

    cycles:  of one frame alone, and from frame to frame when they follow each other
    memory:  bits of weights, pixels and outputs
    traffic: words read and written for a frame
    """

    params: ArrayParams
    cycles: int
    interval: int
    memory: dict
    traffic: dict


def memory(params, entries):
    """Bits of an array's memories: both halves of the pixels' and of the outputs', and the weights'
    with their index; ``entries`` as in `golden.sparse_conv.lists.lists`."""
    p, layer = params, params.layer
    return {
        "weights": (entries * (p.groups * layer.kind.bits + p.block_scale_width)
                    + p.index_bits(entries)),
        "pixels": 2 * p.pixels * p.lanes * layer.input.width,
        "outputs": 2 * p.tiles * p.out_pixels * p.out_beats * p.beat * layer.output.width}


def traffic(params, lengths):
    """Words of an array's memories that a frame takes: weight words (one a cycle for all groups),
    pixel words (a strip's pixel each, one a cycle and group), writes of pixels (a beat's copies)
    and of output codes. ``lengths``: cycles of each filter's sum at a position."""
    p, layer = params, params.layer
    issued = p.issued(lengths)
    return {"weights": issued, "pixels": issued * p.groups,
            "pixel writes": layer.beats(p.beat)[0] * p.copies,
            "output writes": layer.filters * p.tiles * p.out_pixels}


def plan(layer, multipliers, memory_bits, *, share=1.0, index=None, patterns=8, kept=4):
    """The fastest array for a layer, of those with at most so many multipliers and memory bits; of
    equally fast ones the one with the fewest multipliers, then with the least memory.

    share:  of the weights that are not 0, balanced over the groups; below 1 lists are allowed
    index:  how the layer's weights are structured: ``pattern`` or ``shift``, which dense arrays can
            run as well, or ``comb``, which no other array can
    patterns, kept: of ``pattern``, as `ArrayParams` has them

    Errors: ValueError where none fits.
    """
    require_int("Plan multipliers", multipliers, 1)
    require_int("Plan memory_bits", memory_bits, 1)
    if not 0 < share <= 1:
        raise ValueError(f"Plan share must be above 0 and at most 1, not {share}")
    if index is not None:
        require_choice("Plan index", index, ("pattern", "shift", "comb"))
        if share < 1:
            raise ValueError(f"Plan share must be 1 for index {index!r}, not {share}")
    allowed = {None: ("dense", "list") if share < 1 else ("dense",), "comb": ("comb",)}.get(
        index, ("dense", index))
    best, least = None, None
    for groups in range(1, min(multipliers, layer.channels, 256) + 1):
        for tiles in range(1, min(multipliers // groups, layer.out_height, 256) + 1):
            # Strips that the same rows would fill are lanes for nothing.
            if tiles != ceil_div(layer.out_height, ceil_div(layer.out_height, tiles)):
                continue
            for one in allowed:
                if one == "comb" and tiles > 1 and ceil_div(layer.out_height, tiles) * (
                        layer.pool) % 2:
                    continue
                params = ArrayParams(layer, groups, tiles, one, patterns, kept)
                length = params.depth * {"pattern": kept, "shift": 1}.get(one, layer.taps)
                if one == "list":
                    length = max(1, ceil_div(round(share * 1_000_000) * length, 1_000_000))
                lengths = np.full(layer.filters, length)
                # A copy is an entry of its own.
                bits = memory(params, (length + (one == "comb")) * layer.filters)
                least = min(least or sum(bits.values()), sum(bits.values()))
                if sum(bits.values()) > memory_bits:
                    continue
                one, more = schedule(params, lengths, 6), schedule(params, lengths, 8)
                found = ((more - one) // 2, schedule(params, lengths, 1), groups * tiles,
                         sum(bits.values()))
                if best is None or found < best[0]:
                    best = found, Plan(params, found[1], found[0], bits, traffic(params, lengths))
    if best is None:
        raise ValueError(f"Plan memory_bits must be at least {least:,} for this layer, "
                         f"not {memory_bits:,} (fewer channels or filters, or a smaller map)")
    return best[1]


def fuse(layers, buffer_bits):
    """Which maps between layers stay on the chip, so that least is moved: (bools, bits).

    While a layer runs, what it reads and what it makes are in the buffer, as far as they stay on
    the chip; a map that does not is written once and read once. Moved are besides, for each frame,
    the first and the last map, and all weights.
    """
    require_int("Plan buffer_bits", buffer_bits, 0)
    maps = [p.filters * p.out_height * p.out_width * p.output.width for p in layers]
    first, between = layers[0], maps[:-1]
    fixed = (first.channels * first.height * first.width * first.input.width + maps[-1]
             + sum(p.filters * p.terms * p.kind.bits for p in layers))
    # Best choices so far, by whether the map before stays: (bits moved, choices).
    best = {False: (0, ())}
    for size, before in zip(between, [0, *between], strict=False):
        options = {}
        for stays in (False, True):
            for kept, (moved, chosen) in best.items():
                if stays and size + kept * before > buffer_bits:
                    continue
                found = (moved + (0 if stays else 2 * size), (*chosen, stays))
                options[stays] = min(options.get(stays, found), found)
        best = options
    moved, chosen = min(best.values())
    return list(chosen), moved + fixed
