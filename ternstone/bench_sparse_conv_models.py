"""The trained network: every dataflow runs it; its accuracy; what it stores and moves."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from golden.design import Block
from golden.sparse_conv import compressed, convolution
from golden.sparse_conv.array import Array
from golden.sparse_conv.feed import feed
from golden.sparse_conv.joint import Joint
from golden.sparse_conv.nullhop import Nullhop
from golden.sparse_conv.nullhop_params import NullhopParams
from golden.sparse_conv.params import ArrayParams
from golden.sparse_conv.synthetic import TASKS
from golden.training import paired
from ternstone.bench import Row, Say, at_least, at_most, figure, side_by_side, verified
from ternstone.catalogue import DESIGNS
from ternstone.designs import MODELS, open_design

__all__ = ["accuracy", "compression", "networks", "synthetic"]

DESIGN = "digits-sparse-cnn"
TABLE = MODELS.parent / "docs" / "results" / "sparse-conv-accuracy.json"
#: Digits that the engine runs, and those whose maps the other dataflows are given.
ALL, SOME = 1797, 200
#: Maps that a synthetic layer is given.
FRAMES = 4
#: Layers that differ by no more than this from the float network's accuracy, in points.
POINTS = 1.0

#: Dataflow -> block of a layer's parameters and tensors.
LAYERS = ("array, dense", "array, lists", "nullhop")


def _engine() -> Joint:
    block = open_design(DESIGN, None, {}).block
    assert isinstance(block, Joint)
    return block


def networks(say: Say) -> Iterator[Row]:
    """The whole network on its engine, and each layer on every other dataflow, on real digits."""
    count = len(_engine().params.layers)
    items = [("joint", 0), *((name, n) for name in LAYERS for n in range(count))]
    return side_by_side(_network, items, say, "the trained network")


def _network(item: tuple[str, int]) -> Row:
    name, n = item
    engine = _engine()
    count = ALL if name == "joint" else SOME
    fed = feed("digits", engine.params, count)
    if name == "joint":
        block: Block = engine
        frames, setting = fed.frames, f"{DESIGN}, sparse_conv.joint"
    else:
        layer, tensors = engine.params.layers[n], engine.own[n]
        maps = engine.maps(fed.frames)[n]
        block, frames = _layer(name, layer, tensors, maps)
        setting = f"{DESIGN}, layer {n}, {block.name}" + (
            f" {block.params.index}" if isinstance(block, Array) else "")
    verdict = verified(f"bench-{DESIGN}-{name}-{n}".replace(", ", "-"), block, frames)
    if not verdict["passed"]:
        return figure("trained network, mismatches", setting, None, verdict["failure"],
                      target="<= 0", met=False)
    return at_most("trained network, mismatches", setting, verdict["mismatches"], 0,
                   f"{count:,} digits, {verdict['beats']:,} beats, {verdict['cycles']:,} cycles "
                   "as golden says")


def synthetic(say: Say) -> Iterator[Row]:
    """Layers of VGG-16's and MobileNet's shapes, with as many zeros as their designs state."""
    names = [name for name, entry in DESIGNS.items() if entry.task in TASKS]
    return side_by_side(_synthetic, names, say, "synthetic layers")


def _synthetic(name: str) -> Row:
    design = open_design(name, None, {})
    block: Any = design.block
    frames = design.feed(FRAMES, 0).frames
    verdict = verified(f"bench-{name}", block, frames)
    if not verdict["passed"]:
        return figure("synthetic layer, mismatches", name, None, verdict["failure"],
                      target="<= 0", met=False)
    weight, maps = (np.concatenate([np.ravel(value) for value in values]) for values in (
        [value for key, value in block.tensors.items() if key.endswith("weight")],
        block.maps(frames)[0] if isinstance(block, Joint) else block.maps(frames)))
    return at_most("synthetic layer, mismatches", name, verdict["mismatches"], 0,
                   f"{DESIGNS[name].summary}: {(weight == 0).mean():.1%} of its weights and "
                   f"{(maps == 0).mean():.1%} of {FRAMES} maps are 0; {verdict['cycles']:,} cycles "
                   f"as golden says, utilisation {block.utilisation(frames):.3f}")


def _layer(name: str, layer: Any, tensors: dict[str, np.ndarray], maps: np.ndarray
           ) -> tuple[Block, list[np.ndarray]]:
    if name == "nullhop":
        word = 8 if max(layer.input.width, layer.output.width) <= 8 else 16
        block = Nullhop(NullhopParams(layer, macs=32, word=word), tensors)
        return block, block.encode(maps)
    array = ArrayParams(layer, min(16, layer.channels), min(4, layer.out_height),
                        "list" if name == "array, lists" else "dense")
    return Array(array, tensors), convolution.to_frames(maps, array.beat)


def accuracy(say: Say) -> Iterator[Row]:
    """The committed network on what it was not trained on, then the cross-validated table."""
    say("accuracy")
    engine = _engine()
    fed = feed("digits", engine.params, 360)
    value, number = fed.score(engine.params, engine.run(fed.frames))
    assert value is not None
    info = open_design(DESIGN, None, {}).info["figures"]
    yield at_least("accuracy", DESIGN, round(value, 2), info["accuracy_float"] - POINTS,
                   f"% of {number} held-out digits, integer network; float "
                   f"{info['accuracy_float']:.2f}")
    found = json.loads(TABLE.read_text())
    before = next(iter(found["variants"].values()))["accuracy_float"]
    how = "5 folds, 5 seeds, spread {:.2f}: python -m golden.sparse_conv.accuracy"
    yield at_least("accuracy, cross-validated", "float", round(before["mean"], 2), 98,
                   how.format(before["spread"]))
    for name, row in found["variants"].items():
        yield at_least("accuracy, cross-validated", name, round(row["accuracy"]["mean"], 2),
                       round(before["mean"] - POINTS, 2), how.format(row["accuracy"]["spread"]))
    dense, masked = (found["connected"][name]["accuracy"] for name in ("dense", "masked"))
    yield at_least("accuracy, masked layer", "64-512-10, a tenth of the connections",
                   round(masked["mean"], 2), round(dense["mean"], 2),
                   "the dense network's; seed by seed the difference is {:.2f} with a standard "
                   "error of {:.2f}".format(*paired(masked, dense)))


def compression(say: Say) -> Iterator[Row]:
    """Of each layer: bits of weights with their places, and of maps as they are moved."""
    say("compression")
    engine = _engine()
    p = engine.params
    fed = feed("digits", p, 360)
    maps = engine.maps(fed.frames)
    for n, (layer, own) in enumerate(zip(p.layers, engine.own, strict=True)):
        weight = own["weight"]
        dense, kept = weight.size * layer.kind.bits, np.count_nonzero(weight)
        stored = int(kept) * p.entry
        yield figure("dense weight bits over stored", f"{DESIGN}, layer {n}",
                     round(dense / stored, 3), f"{kept:,} of {weight.size:,} weights, {p.entry} "
                     f"bits each with their places, against {layer.kind.bits}")
        word = 8
        moved = compressed.count_bits(maps[n], word)
        dense = maps[n].size * word
        yield figure("dense map bits over moved", f"{DESIGN}, layer {n}'s input",
                     round(dense / moved, 3), f"{moved / len(fed.frames):,.0f} of "
                     f"{dense / len(fed.frames):,.0f} bits a frame in NullHop's stream, "
                     f"{(maps[n] == 0).mean():.0%} zeros, {len(fed.frames)} held-out digits")
