"""Layers with structured connections: equality, and the bits that say where weights belong."""

from collections.abc import Iterator

import numpy as np

from golden.design import Block
from golden.formats import Format
from golden.params import ceil_div
from golden.sparse_conv.array import Array, array
from golden.sparse_conv.lists import lists
from golden.sparse_conv.params import ArrayParams, WinnersParams
from golden.sparse_conv.patterns import prune_to_patterns
from golden.sparse_conv.winners import Winners
from golden.weights import WEIGHT_KINDS
from ternstone.bench import Row, Say, at_most, figure, side_by_side, verified

__all__ = ["structured"]

#: Random designs of each kind, and frames of each.
DESIGNS, FRAMES = 4, 4
KINDS = ("sparse_conv.winners", "sparse_conv.array, shift", "sparse_conv.array, pattern",
         "sparse_conv.array, scales", "sparse_conv.array, comb")


def structured(say: Say) -> Iterator[Row]:
    """Random designs, with idles and stalls and without; then the index of one layer."""
    items = [(kind, seed) for kind in KINDS for seed in range(DESIGNS)]
    found = dict(zip(items, side_by_side(_equal, items, say, "structured layers"), strict=True))
    for kind in KINDS:
        wrong, beats = map(sum, zip(*(found[kind, seed] for seed in range(DESIGNS)), strict=True))
        yield at_most("mismatches", f"{kind}, {DESIGNS} random designs", wrong, 0,
                      f"{beats:,} beats, plain and with idles and stalls; cycles equal")
    yield from _index()


def _random(kind: str, rng: np.random.Generator) -> Block:
    channels = int(rng.integers(1, 24))
    if kind == "sparse_conv.winners":
        return Winners(WinnersParams(
            channels, int(rng.integers(1, 8)), int(rng.integers(1, 8)),
            int(rng.integers(1, channels + 1)),
            Format(int(rng.integers(1, 12)), 0, bool(rng.integers(2))),
            int(rng.integers(1, 9))), {})
    index, scale = kind.rpartition(" ")[2], 0
    if index == "scales":
        index, scale = "dense", int(rng.integers(1, 9))
    kernel = int(rng.integers(2, 6))
    kinds = [kind for kind in WEIGHT_KINDS if (index, kind) != ("comb", "binary")]
    params = array(
        channels, int(rng.integers(4, 9)), int(rng.integers(4, 9)), int(rng.integers(1, 10)),
        kernel, int(rng.integers(1, 3)), int(rng.integers(max(0, kernel - 4), kernel)),
        weights=str(rng.choice(kinds)), scale_width=int(rng.choice([0, 10])),
        shift=int(rng.integers(2, 14)), groups=int(rng.integers(1, 9)), tiles=1, index=index,
        patterns=4, kept=min(3, kernel**2 - 1), block_scale_width=scale)
    rows = params.layer.out_height
    tiles = [n for n in range(1, rows + 1)
             if index != "comb" or n == 1 or ceil_div(rows, n) % 2 == 0]
    return Array.random(params.replace(tiles=int(rng.choice(tiles))), rng)


def _equal(item: tuple[str, int]) -> tuple[int, int]:
    """(Mismatches, or 1 where anything else failed; beats)."""
    kind, seed = item
    rng = np.random.default_rng([KINDS.index(kind), seed])
    block = _random(kind, rng)
    frames = block.random_frames(FRAMES, rng)
    name = f"bench-structured-{kind.rpartition('.')[2].replace(', ', '-')}-{seed}"
    wrong = beats = 0
    for idle, stall in ((0.0, 0.0), (0.3, 0.3)):
        verdict = verified(name, block, frames, idle=idle, stall=stall)
        wrong += verdict.get("mismatches", 0) or (not verdict["passed"])
        beats += verdict.get("beats", 0)
    return wrong, beats


def _index() -> Iterator[Row]:
    """One layer like those of VGG-16: what says where weights belong, beside lists of the same
    weights."""
    dense = array(64, 8, 8, 64, groups=16, tiles=4, shift=14)
    weight = np.random.default_rng(0).integers(1, 128, (64, 64, 3, 3))
    pruned, table = prune_to_patterns(weight, 4, 8)
    moved = Array.random(dense.replace(index="shift"), np.random.default_rng(0)).tensors["weight"]
    for index, own, patterns in (("pattern", pruned, table), ("shift", moved, None)):
        params = dense.replace(index=index)
        bits, cycles = zip(*(_bits(p, own, patterns) for p in (
            dense, dense.replace(index="list"), params)), strict=True)
        yield figure(
            "index bits saved against lists", f"64 to 64 maps, 3x3, {index}",
            round(1 - bits[2] / bits[1], 4),
            f"{bits[2]:,} bits for {np.count_nonzero(own):,} weights, {bits[1]:,} in lists; "
            f"{cycles[2]:,} cycles of products a frame, {cycles[1]:,} with lists, "
            f"{cycles[0]:,} dense")


def _bits(params: ArrayParams, weight: np.ndarray,
          patterns: np.ndarray | None) -> tuple[int, int]:
    """(Bits of the index, cycles of products of a frame)."""
    values, _, lengths = lists(params, weight, patterns)
    return params.index_bits(len(values)), int(lengths.sum()) * params.out_pixels
