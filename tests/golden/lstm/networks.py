"""Random parameters of the recurrent family, small enough for a simulator in Python."""

import numpy as np
from hypothesis import strategies as st

from golden.formats import Format
from golden.lstm.network import Network
from golden.lstm.params import CELLS, WEIGHT_KINDS, DenseParams, LayerParams, NetworkParams

__all__ = ["dense_params", "layer_params", "network_params", "networks", "one_layer"]


def one_layer(head=None, steps=3, per_step=False, stateful=False, batch=1, inputs=5, hidden=6,
              **layer):
    """A network of one layer; ``head`` is None or a dict of `DenseParams` fields."""
    layer = LayerParams(inputs, hidden, batch=batch, **{"shift": 10, "lanes": 12, **layer})
    if head is not None:
        head = DenseParams(hidden, **{"outputs": 3, "shift": 8, "lanes": 2, "batch": batch,
                                      "input": layer.activation, **head})
    return NetworkParams((layer,), head, steps, batch, per_step, stateful)


@st.composite
def layer_params(draw, inputs=None, given=None, batch=1, activation=None, one_hot=False):
    """A layer; ``given`` is the format of the layer before, where there is one."""
    cell = draw(st.sampled_from(list(CELLS)))
    gates = len(CELLS[cell])
    inputs = inputs or draw(st.integers(1, 9))
    if activation is None:
        width = draw(st.sampled_from([4, 6, 8, 10]))
        activation = Format(width, width - 1)
    joint = cell == "lstm" and not one_hot and draw(st.booleans())
    if one_hot:
        given = Format(draw(st.integers(max(1, (inputs - 1).bit_length()), 6)), 0, False)
    elif given is None:
        given = Format(draw(st.integers(1, 9)), activation.fraction, draw(st.booleans()))
    pre_fraction = draw(st.integers(2, 5))
    fraction = max(pre_fraction, activation.fraction) + draw(st.integers(0, 3))
    return LayerParams(
        inputs, draw(st.integers(1, 13)), cell=cell, joint=joint, one_hot=one_hot, batch=batch,
        sum_shift=draw(st.sampled_from([0, 0, 1])),
        weights=draw(st.sampled_from(WEIGHT_KINDS)), input=given, activation=activation,
        pre=Format(pre_fraction + draw(st.integers(4, 5)), pre_fraction),
        state=Format(fraction + draw(st.integers(1, 5)), fraction),
        scale_width=draw(st.sampled_from([8, 12, 16])), bias_width=draw(st.sampled_from([12, 32])),
        shift=draw(st.integers(max(4, fraction - pre_fraction), 10)),
        cell_norm=cell == "lstm" and draw(st.booleans()),
        cell_shift=draw(st.integers(6, 12)),
        threshold=draw(st.sampled_from([0, 0, 1, activation.maximum // 3])),
        lanes=gates * draw(st.integers(1, 5)), columns=draw(st.sampled_from([1, 1, 2, 3])),
        interval=draw(st.sampled_from([1, 2, 4, 5, 7] if gates == 4 else [1, 3, 4, 6])))


@st.composite
def dense_params(draw, inputs=None, given=None, batch=None):
    """A dense layer, or a head behind a layer whose format is ``given``."""
    raw = draw(st.booleans())
    return DenseParams(
        inputs or draw(st.integers(1, 9)), draw(st.integers(1, 7)), raw=raw,
        sum_shift=0 if raw else draw(st.sampled_from([0, 0, 1])),
        weights=draw(st.sampled_from(WEIGHT_KINDS)),
        input=given or Format(draw(st.integers(1, 9)), 0, draw(st.booleans())),
        output=Format(draw(st.integers(2, 16)), 4, draw(st.booleans())),
        scale_width=draw(st.sampled_from([2, 8, 16])),
        bias_width=draw(st.sampled_from([2, 16, 32])), shift=draw(st.integers(0, 12)),
        lanes=draw(st.integers(1, 5)), columns=draw(st.sampled_from([1, 1, 2, 3])),
        batch=batch or draw(st.sampled_from([1, 1, 2, 3])))


@st.composite
def network_params(draw):
    batch = draw(st.sampled_from([1, 1, 2, 3]))
    width = draw(st.sampled_from([4, 6, 8, 10]))
    activation = Format(width, width - 1)
    first = draw(layer_params(batch=batch, activation=activation, one_hot=draw(st.booleans())))
    layers = [first]
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        layers.append(draw(layer_params(inputs=layers[-1].hidden, given=activation, batch=batch,
                                        activation=activation)))
    head = None
    if draw(st.booleans()):
        head = draw(dense_params(inputs=layers[-1].hidden, given=activation, batch=batch))
    return NetworkParams(tuple(layers), head, draw(st.integers(1, 4)), batch,
                         per_step=draw(st.booleans()), stateful=draw(st.booleans()))


@st.composite
def networks(draw, frames=3):
    """A `Network` with random tensors, and random frames."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    block = Network.random(draw(network_params()), rng)
    return block, block.random_frames(frames, rng)
