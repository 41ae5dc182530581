"""Figures of the compressed-activation dataflow, simulated; cycles must equal golden's.

Layers are 3 x 3 with 64 to 512 maps either way, as VGG-16's, on 128 MACs, cropped so that all
simulate. Work is what a product of a non-zero activation and a weight is, taps in the padding left
out; it is counted over a period of two images in the steady state.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from golden.formats import Format
from golden.sparse_conv import compressed, convolution
from golden.sparse_conv.nullhop import Nullhop, layer
from golden.sparse_conv.nullhop_cycles import busy
from ternstone.bench import Part, Row, Say, at_least, figure, side_by_side, verified

__all__ = ["PARTS", "SHAPES", "ZEROS", "steady"]

#: Maps -> height and width.
SHAPES = {64: 14, 128: 10, 256: 8, 512: 7}
ZEROS = (0.0, 0.5, 0.75, 0.9)
#: Images that are counted, one after the other, and how often they come.
IMAGES, SHORT, LONG = 2, 1, 3


def vgg(maps: int) -> Nullhop:
    """A layer's block, with random weights."""
    size = SHAPES[maps]
    params = layer(maps, size, size, maps, macs=128, lanes=4, shift=14)
    return Nullhop.random(params, np.random.default_rng(maps))


def steady(block: Nullhop, zeros: float, spread: float = 0) -> tuple[list[np.ndarray], int, int]:
    """Frames with that share of zeros, of each channel another one up to ``spread`` away; cycles of
    a period of `IMAGES` of them, and multiplications over all controllers' MACs meanwhile."""
    p, rng = block.params, np.random.default_rng(1)
    shares = zeros + rng.uniform(-spread, spread, (p.layer.channels, 1, 1))
    maps = convolution.random_maps(p.layer, IMAGES, rng, zeros=shares)
    frames = block.encode(maps) * LONG
    period = block.cycles(frames) - block.cycles(frames[:SHORT * IMAGES])
    return frames, int(period) // (LONG - SHORT), int(busy(p, maps).sum()) * p.filters_pass


def equality(say: Say) -> Iterator[Row]:
    """Layers of every kind, without and with stalls."""
    cases: list[tuple[str, dict[str, Any]]] = [
        ("3x3, pooled", {"pool": 2, "lanes": 2}),
        ("5x5, stride 2, raw", {"kernel": 5, "padding": 2, "stride": 2, "relu": False,
                                "output": Format(8, 0), "channels": 20}),
        ("7x7, ternary, 4-bit words", {"kernel": 7, "padding": 3, "weights": "ternary", "word": 4,
                                       "input": Format(4, 4, signed=False), "channels": 6,
                                       "output": Format(4, 4, signed=False)}),
        ("1x1, passes, 16-bit words", {"kernel": 1, "padding": 0, "filters": 48, "word": 16,
                                       "order": "pairs", "scale_width": 8})]
    for rows in side_by_side(_equality, cases, say, "compressed activations: equality"):
        yield from rows


def _equality(case: tuple[str, dict[str, Any]]) -> list[Row]:
    name, arguments = case
    block = Nullhop.random(layer(**arguments), np.random.default_rng(0))
    rng, rows = np.random.default_rng(1), []
    for pause, count in ((0.0, 24), (0.4, 8)):
        maps = np.concatenate([
            convolution.random_maps(block.params.layer, count // 8, rng, zeros=zeros)
            for zeros in (0, 0.2, 0.5, 0.75, 0.9, 0.95, 0.99, 1)])
        verdict = verified(f"bench-nullhop-{name}", block, block.encode(maps), idle=pause,
                           stall=pause)
        setting = f"nullhop, {name}, {'stalled' if pause else 'back to back'}"
        if not verdict["passed"]:
            rows.append(figure("mismatches", setting, verdict.get("mismatches"),
                               verdict["failure"], target="0", met=False))
            continue
        cycles = "" if pause else f", {verdict['cycles']} cycles as golden says"
        rows.append(figure("mismatches", setting, verdict["mismatches"],
                           f"{verdict['beats']} beats of {count} frames, 0 to 100 % zeros{cycles}",
                           target="0", met=verdict["mismatches"] == 0))
    return rows


def utilisation(say: Say) -> Iterator[Row]:
    """Useful products over MACs x cycles, and dense work over it, at each share of zeros."""
    for rows in side_by_side(_utilisation, tuple(SHAPES), say, "compressed activations"):
        yield from rows


def _utilisation(maps: int) -> list[Row]:
    block, rows = vgg(maps), []
    p = block.params
    for zeros, spread in [*((zeros, 0) for zeros in ZEROS), (0.75, 0.25)]:
        setting = f"nullhop, {maps} maps, {zeros:.0%} zeros" + (
            ", channels unequal" if spread else "")
        frames, period, useful = steady(block, zeros, spread)
        verdict = verified(f"bench-nullhop-{maps}", block, frames)
        if not verdict["passed"]:
            rows.append(figure("utilisation", setting, None, verdict["failure"],
                               target="0 mismatches", met=False))
            continue
        size = p.layer.height
        how = (f"{maps} to {maps} maps of {size} x {size}, {p.macs} MACs, {p.cluster} for each "
               f"channel, {p.passes} passes: {useful} products, {period} cycles for {IMAGES} "
               f"images; {verdict['cycles']} cycles for {len(frames)} as golden says, "
               f"{block.cycles(frames[:1])} for one alone")
        if spread:
            how += f"; of a channel {zeros - spread:.0%} to {zeros + spread:.0%} zeros"
        # What the targets are for: no more than three quarters of zeros, wherever they are.
        judged = zeros <= 0.75 and not spread
        share = round(useful / (p.macs * period), 4)
        rows.append(at_least("utilisation", setting, share, 0.98, how) if judged else
                    figure("utilisation", setting, share, how))
        gain = round(IMAGES * p.layer.macs / (p.macs * period), 4)
        how = f"of an ideal {1 / (1 - zeros):g}; padding is no work"
        rows.append(at_least("efficiency", setting, gain, 3.68, how) if judged and zeros == 0.75
                    else figure("efficiency", setting, gain, how))
    return rows


def compression(say: Say) -> Iterator[Row]:
    """Bits of the streams against dense maps."""
    say("compressed activations: bits")
    count = 8
    for maps, size in SHAPES.items():
        p = layer(maps, size, size, maps)
        for zeros in ZEROS:
            images = convolution.random_maps(p.layer, count, np.random.default_rng(0), zeros=zeros)
            dense = images.size * p.word
            bits = compressed.count_bits(images, p.word)
            assert bits == sum(len(compressed.encode(image, p.word)) for image in images) * p.word
            yield figure("dense bits over moved", f"nullhop, {maps} maps, {zeros:.0%} zeros",
                         round(dense / bits, 4), f"{bits // count} of {dense // count} bits an "
                         f"image of {size} x {size}: 16 for each 16 elements, {p.word} for each "
                         "that is not 0; moved and stored alike")


#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {
    "nullhop equality": equality,
    "nullhop utilisation": utilisation,
    "nullhop compression": compression,
}
