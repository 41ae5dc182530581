"""The engine that skips zero weights and zero activations together: equality, utilisation, memory,
a whole network, cells beside the closest peer's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fpga.area import ecp5
from golden.formats import Format
from golden.sparse_conv import convolution
from golden.sparse_conv.joint import Joint, build, groups
from golden.sparse_conv.joint_params import JointParams, balance, memories
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.weights import WEIGHT_KINDS
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone.bench import PEERS, Row, Say, at_least, at_most, figure, side_by_side, verified
from ternstone.designs import Design

__all__ = ["PEER", "beside", "bits", "engine", "equality", "layer_of", "network", "peer", "pruned",
           "utilisation"]

NAME = "both zeros"

# -- equality

#: Random networks, and frames of each.
DESIGNS, FRAMES = 6, 4


def _random(rng: np.random.Generator) -> JointParams:
    """Up to three layers of random shapes, strides, paddings, pooling, formats and weights."""
    layers: list[ConvParams] = []
    channels, height, width = (int(n) for n in rng.integers(2, 9, 3))
    given = Format(int(rng.integers(2, 10)), 0, bool(rng.integers(2)))
    weights = str(rng.choice(WEIGHT_KINDS))
    for _ in range(int(rng.integers(1, 4))):
        kernel = int(rng.integers(1, 8))
        padding = int(rng.integers(max(0, kernel - min(height, width, kernel)), kernel))
        layer = ConvParams(
            channels, height, width, int(rng.integers(1, 9)), kernel, int(rng.integers(1, 4)),
            padding, relu=bool(rng.integers(2)), weights=weights, input=given,
            output=Format(int(rng.integers(2, 10)), 0, bool(rng.integers(2))),
            scale_width=int(rng.choice([0, 10])), shift=int(rng.integers(2, 14)))
        if min(layer.rows, layer.columns) > 1:
            layer = layer.replace(pool=int(rng.integers(1, 3)))
        layers.append(layer)
        channels, height, width = layer.filters, layer.out_height, layer.out_width
        given = layer.output
    clusters = int(rng.choice([1, 2, 4]))
    return JointParams(NetworkParams(tuple(layers)), lanes=2 * int(rng.integers(1, 5)),
                       clusters=clusters, beat=4, requantisers=int(rng.integers(1, 3)))


def equality(say: Say) -> Iterator[Row]:
    """Random networks, with idles and stalls and without; cycles are golden's."""
    wrong, beats = zip(*side_by_side(_equal, range(DESIGNS), say, f"{NAME}, random networks"),
                       strict=True)
    yield at_most("mismatches", f"sparse_conv.joint, {DESIGNS} random networks", sum(wrong), 0,
                  f"{sum(beats):,} beats, plain and with idles and stalls; cycles equal")


def _equal(seed: int) -> tuple[int, int]:
    """(Mismatches, or 1 where anything else failed; beats)."""
    rng = np.random.default_rng(seed)
    block = Joint.random(_random(rng), rng)
    frames = block.random_frames(FRAMES, rng)
    wrong = beats = 0
    for idle, stall in ((0.0, 0.0), (0.3, 0.3)):
        verdict = verified(f"bench-joint-{seed}", block, frames, idle=idle, stall=stall)
        wrong += verdict.get("mismatches", 0) or (not verdict["passed"])
        beats += verdict.get("beats", 0)
    return wrong, beats


# -- utilisation

@dataclass(frozen=True)
class Case:
    """A layer of 128 to 128 maps, 3x3, and how its zero weights lie: equally many in each lane's
    list (``lists``), in each row of taps of it (``rows``), or anywhere (``random``)."""

    size: int
    how: str
    zeros: float = 0.5
    target: float | None = 0.9


CASES = (Case(28, "rows"), Case(28, "lists"), Case(14, "rows"), Case(14, "random", target=None))
LANES = 64


def layer_of(size: int, channels: int = 128) -> JointParams:
    """A layer of as many filters as channels on its engine."""
    layer = ConvParams(channels, size, size, channels, padding=1, shift=14)
    return JointParams(NetworkParams((layer,)), lanes=LANES, beat=16, requantisers=16)


def pruned(layer: ConvParams, how: str, zeros: float, rng: np.random.Generator,
           lanes: int = LANES) -> np.ndarray:
    """Weights, a share of which is 0 as a `Case` has it, as near as whole numbers come."""
    shape = convolution.shapes(layer)["weight"]
    weight = rng.choice(layer.kind.values[layer.kind.values != 0], shape)
    if how == "random":
        return weight * (rng.random(shape) >= zeros)
    for sets in groups(layer, lanes):
        if how == "rows":   # entries are in the order of the taps' rows
            sets = sets.reshape(*sets.shape[:2], layer.kernel, -1)
        convolution.zero_out(weight, sets, zeros, rng)
    return weight


def engine(params: JointParams, how: str, zeros: float, dark: float) -> tuple[Joint, list]:
    """A layer with zero weights, and a frame with zero activations."""
    (layer,), rng = params.layers, np.random.default_rng(0)
    block = Joint(params, {"layers.0.weight": pruned(layer, how, zeros, rng),
                           "layers.0.bias": np.zeros(layer.filters, np.int64)})
    return block, convolution.to_frames(convolution.random_maps(layer, 1, rng, zeros=dark),
                                        params.beat)


def utilisation(say: Say) -> Iterator[Row]:
    """Products of two non-zeros over lanes and cycles, loading and requantising included; and what
    the weights take."""
    for rows in side_by_side(_utilisation, CASES, say, f"{NAME}, utilisation"):
        yield from rows


def _utilisation(case: Case) -> list[Row]:
    params = layer_of(case.size)
    (layer,) = params.layers
    block, frames = engine(params, case.how, case.zeros, 0.5)
    setting = (f"128 to 128 maps, 3x3, {case.size}x{case.size}, {case.zeros:.0%} zero weights "
               f"({case.how}), 50% zero activations, {LANES} lanes")
    verdict = verified(f"bench-joint-{case.size}-{case.how}", block, frames)
    if not verdict["passed"]:
        return [figure(f"{NAME}, utilisation", setting, None, verdict["failure"],
                       target="0 mismatches", met=False)]
    slots = verdict["cycles"] * LANES
    valid, made = block.products(frames)
    lengths, fill = balance(layer, LANES, block.own[0]["weight"])
    how = (f"{valid:,} products in {verdict['cycles']:,} cycles of one frame; {made / slots:.4f} "
           f"with those beyond the map's edges; {fill:.1%} of the lists' entries fill them up")
    value = round(valid / slots, 4)
    rows = [figure(f"{NAME}, utilisation", setting, value, how) if case.target is None else
            at_least(f"{NAME}, utilisation", setting, value, case.target, how)]
    stored, dense = bits(block)
    rows.append(figure(f"{NAME}, stored bits over dense", setting, round(stored / dense, 3),
                       f"{stored:,} bits of weights, their places and the lists' table; dense "
                       f"{dense:,}"))
    return rows


def bits(block: Joint) -> tuple[int, int]:
    """What stands in the memories of weights, lists and rows; and dense weights."""
    stored = sum(width * len(words) for name, (width, words)
                 in memories(block.params, block.tensors).items()
                 if name.startswith(("weights", "lists", "rows")))
    return stored, sum(own["weight"].size * layer.kind.bits
                       for layer, own in zip(block.params.layers, block.own, strict=True))


# -- a whole network

def network(say: Say) -> Iterator[Row]:
    """Four layers on one engine, from a small program; frames in, classes out."""
    say(f"{NAME}, a network")
    params = build(1, 28, 28, 16, layers=3, pool=2, outputs=10, lanes=16, beat=4, requantisers=2,
                   shift=9, answer="class")
    rng = np.random.default_rng(0)
    tensors: dict[str, np.ndarray] = {}
    for n, layer in enumerate(params.layers):
        own = convolution.random(layer, rng)
        if layer.kernel < layer.height:
            own["weight"] = pruned(layer, "lists", 0.5, rng, params.lanes)
        tensors |= {f"layers.{n}.{name}": value for name, value in own.items()}
    block = Joint(params, tensors)
    frames = convolution.to_frames(convolution.random_maps(params.network.first, 3, rng, 0.5), 4)
    verdict = verified("bench-joint-network", block, frames)
    share = np.mean([(own["weight"] == 0).mean() for own in block.own[:-1]])
    setting = (f"28x28, three layers of 16 maps, 10 classes, {share:.0%} zero weights in the "
               "convolutions, 16 lanes")
    yield figure(f"{NAME}, a network: mismatches", setting, verdict.get("mismatches"),
                 verdict["failure"] or f"{len(frames)} frames, cycles equal", target="0",
                 met=verdict["passed"])
    dense = params.network.macs * len(frames) / params.lanes
    yield figure(f"{NAME}, a network: cycles a frame", setting,
                 round(verdict["cycles"] / len(frames)),
                 f"utilisation {block.utilisation(frames):.3f}; {dense / len(frames):,.0f} cycles "
                 f"for every product of {params.lanes} busy lanes")


# -- beside the closest peer

#: The peer's figures, the weights, and the engine's size: clusters of 16 lanes, requantisers.
PEER = [("conv-8x8-ternary", "ternary", 4, 8), ("conv-8x8-int8", "int8", 4, 8)]
CYCLES, LUTS = {"ternary": 2400, "int8": 3050}, {"ternary": 8000, "int8": 14682}


def beside(weights: str, clusters: int, requantisers: int) -> tuple[Joint, list]:
    """The peer's convolution, with weights of which none is zero, and one frame of random codes."""
    layer = ConvParams(16, 8, 8, 16, padding=1, weights=weights, bias_width=16,
                       shift=4 if weights == "ternary" else 10)
    params = JointParams(NetworkParams((layer,)), 16, clusters, 16, requantisers)
    rng = np.random.default_rng(0)
    own = convolution.random(layer, rng)
    own["weight"] += own["weight"] == 0
    block = Joint(params, {f"layers.0.{name}": value for name, value in own.items()})
    return block, convolution.to_frames(convolution.random_maps(layer, 1, rng, 0.0), params.beat)


def peer(say: Say) -> Iterator[Row]:
    """The same convolution as the closest peer's: bits, cycles of one frame, cells."""
    for rows in side_by_side(_beside, PEER, say, f"{NAME}, beside the peer"):
        yield from rows


def _beside(case: tuple[str, str, int, int]) -> list[Row]:
    name, weights, clusters, requantisers = case
    narrow, wide = PEERS[name], PEERS[f"{name}-wide"]
    block, frames = beside(weights, clusters, requantisers)
    verdict = verified(f"bench-joint-{name}", block, frames)
    setting = f"8x8x16 to 16, 3x3, {weights}, {16 * clusters} lanes"
    if not verdict["passed"]:
        return [figure(f"{NAME}, beside NNgen", setting, None, verdict["failure"],
                       target="0 mismatches", met=False)]
    rows = [at_most(f"{NAME}, beside NNgen, cycles", setting, verdict["cycles"], CYCLES[weights],
                    "one frame, from its first beat to the last of the answer, nothing zero that "
                    f"could be skipped; the peer: {wide['cycles']:,} at its widest, "
                    f"{narrow['cycles']:,} at its narrowest")]
    try:
        area: dict[str, Any] = ecp5(emit(Design(name, block).component()))
    except ToolError as error:
        return [*rows, figure(f"{NAME}, beside NNgen, LUTs", setting, None,
                              f"not measured: {error}")]
    rows.append(at_most(
        f"{NAME}, beside NNgen, LUTs", setting, area["LUT4"] + 2 * area["carry"], LUTS[weights],
        f"{area['LUT4']:,} LUT4 and {area['carry']:,} CCU2C of two; {area['FF']:,} FF, "
        f"{area['RAM']} DP16KD, {area['MULT18']} MULT18; the peer at its narrowest "
        f"{narrow['LUT4']:,} LUT4 and {narrow['carry']:,} CCU2C, {narrow['RAM']} DP16KD, "
        f"{narrow['MULT18']} MULT18; {area['tool']} {area['version']}"))
    return rows
