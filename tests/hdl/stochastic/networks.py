"""Random stochastic networks, small enough for a simulator in Python."""

import numpy as np
from hypothesis import strategies as st

from golden.formats import Format
from golden.stochastic.cascade import Cascade
from golden.stochastic.network import Network
from golden.stochastic.params import CascadeParams, Generators, LayerParams, NetworkParams

__all__ = ["cascades", "lengths", "networks", "small"]


def small(sizes=(6, 5, 3), length=16, network=None, **layer):
    """A network of equal layers; ``network``: further fields of `NetworkParams`."""
    pairs = list(zip(sizes, sizes[1:], strict=False))
    layers = [LayerParams(*pair, **{"weight_bits": 3, "states": 6, **layer}) for pair in pairs]
    layers[-1] = layers[-1].replace(states=0, threshold=0, start=0)
    return NetworkParams(tuple(layers), length=length, **(network or {}))


@st.composite
def generators(draw, streams, width, length):
    kind = draw(st.sampled_from(["net", "net", "vdc", "lfsr"]))
    count = draw(st.integers(1, 5))
    rotations = draw(st.integers(1, width))
    table = None
    if draw(st.integers(0, 3)) == 0:
        table = tuple((draw(st.integers(0, count - 1)), draw(st.integers(0, rotations - 1)))
                      for _ in range(streams))
    least = max(3, width, (length + 1).bit_length())
    return Generators(kind, count, rotations, draw(st.integers(0, 99)),
                      draw(st.integers(least, least + 3)), table)


@st.composite
def networks(draw, frames=4, folded=False):
    """A `Network` with random tensors, and random frames."""
    return _random(draw, Network, _network(draw, folded), frames)


@st.composite
def cascades(draw, frames=4, folded=False):
    """A `Cascade` of two or three sections with random tensors, and random frames."""
    sections = []
    for _ in range(draw(st.integers(1, 2))):
        sections.append(_network(draw, folded, sections[-1:], "ones"))
    sections.append(_network(draw, folded, sections[-1:]))
    return _random(draw, Cascade, CascadeParams(tuple(sections)), frames)


def _random(draw, golden, params, frames):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    block = golden.random(params, rng)
    return block, block.random_frames(frames, rng)


def _network(draw, folded, before=(), answer=None):
    """Random parameters; ``before``: the network, if any, whose counts are the inputs."""
    ones = answer == "ones"
    length = draw(st.sampled_from([2, 4, 8, 16, 32] if ones else [1, 2, 3, 8, 13, 16, 32]))
    product = draw(st.sampled_from(["and", "and", "xnor"]))
    sizes = draw(st.lists(st.integers(1, 9), min_size=2, max_size=3 if before or ones else 4))
    if before:
        sizes[0] = before[0].outputs
    elif len(sizes) > 2:
        sizes[0] = max(sizes[0], 2)
    layers = []
    for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False)):
        coding = "bipolar" if product == "xnor" else draw(st.sampled_from(["sign", "bipolar"]))
        bits, m, bias = draw(st.integers(1, 5)), draw(st.sampled_from([1, 1, 2, 4])), (
            draw(st.booleans()))
        hidden = ones or n < len(sizes) - 2
        states = draw(st.integers(2, 20)) if hidden else 0
        terms = inputs + bias
        layers.append(LayerParams(
            inputs, outputs, m, bits, coding, product, bias, states,
            draw(st.none() | st.integers(0, states)) if hidden else 0,
            draw(st.none() | st.integers(0, states - 1)) if hidden else 0,
            draw(generators(terms * m, bits + (coding == "bipolar"), length)),
            draw(st.integers(0, outputs)) if folded else 0,
            draw(st.integers(0, terms)) if folded else 0, levels=draw(st.integers(1, 5))))
    fraction = draw(st.integers(1, 6))
    form = Format(draw(st.integers(1, fraction + 2)), fraction, signed=False)
    columns = draw(st.integers(1, 4))
    if before:
        form, columns = before[0].ones_format, before[0].out_columns
    stop = "never" if ones else draw(st.sampled_from(["never", "never", "certain", "margin"]))
    if not ones:
        answer = draw(st.sampled_from(
            ["class", "scores", "trace"] if stop == "never" and len(layers) > 1 and not before else
            ["class", "scores"]))
    return NetworkParams(
        tuple(layers), length, form, draw(generators(sizes[0], form.fraction, length)), columns,
        stop, draw(st.integers(0, 12)), draw(st.integers(1, length)) if stop == "margin" else 1,
        answer, draw(st.integers(1, 4)) if ones else 1)


def lengths(block, count, rng):
    """For some frames a wrong number of beats; at least one frame is right and one wrong."""
    right = block.params.words
    wrong = [n for n in (1, right - 1, right + 1, 2 * right, 2 * right + 1) if 1 <= n != right]
    return [*(rng.choice([None, *wrong]) for _ in range(count - 2)), rng.choice(wrong), None]
