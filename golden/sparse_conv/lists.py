"""What weight memories hold, in order. Torch-free: hardware bakes it in."""

import numpy as np

from golden import lfsr

__all__ = ["connections", "cyclic_words", "first_states", "lists", "mask", "masked_words", "sets"]


def sets(params):
    """Flat indices of the weights that share one list, of each filter and group: int64 [count,
    size]. Lists of a filter are equally long where each of its sets keeps as many weights.

    Errors: ValueError where channels do not fill the groups.
    """
    layer = params.layer
    if layer.channels % params.groups:
        raise ValueError(f"Array groups must divide the {layer.channels} channels for lists of one "
                         f"length, not {params.groups}")
    index = np.arange(layer.filters * layer.terms).reshape(
        layer.filters, params.depth, params.groups, layer.taps)
    return index.transpose(0, 2, 1, 3).reshape(layer.filters * params.groups, -1)


def lists(params, weight):
    """What the groups walk: for each filter an entry a cycle.

    Returns ``(values, places, lengths)``: int64 [entries, groups] weights and places, 0 behind a
    list's end; int64 [filters] entries of each filter, at least 1.
    """
    p, layer = params, params.layer
    padded = np.zeros((layer.filters, p.depth * p.groups, layer.kernel, layer.kernel), np.int64)
    padded[:, :layer.channels] = weight
    # [filters, groups, channels of a group x taps]
    own = padded.reshape(layer.filters, p.depth, p.groups, -1).transpose(0, 2, 1, 3).reshape(
        layer.filters, p.groups, -1)
    tap = np.arange(layer.kernel)
    place = (np.arange(p.depth)[:, None, None] * p.plane + tap[:, None] * p.pitch + tap).ravel()
    if p.index == "dense":
        return (own.transpose(0, 2, 1).reshape(-1, p.groups),
                np.tile(place[:, None], (layer.filters, p.groups)),
                np.full(layer.filters, own.shape[2]))
    kept = own != 0
    lengths = np.maximum(1, kept.sum(2).max(1))
    order = np.argsort(~kept, axis=2, kind="stable")
    sorted_ = np.take_along_axis(own, order, 2)
    placed = np.where(np.take_along_axis(kept, order, 2), place[order], 0)
    return (np.concatenate([sorted_[f, :, :n].T for f, n in enumerate(lengths)]),
            np.concatenate([placed[f, :, :n].T for f, n in enumerate(lengths)]), lengths)


def connections(params):
    """Which channels the filters of a cyclic layer have: bool [filters, channels]."""
    found = np.zeros((params.layer.filters, params.layer.channels), bool)
    filters = np.arange(params.layer.filters)
    for number in range(params.fan_in):
        found[filters, params.channel(filters, number)] = True
    return found


def cyclic_words(params, weight):
    """A cyclic layer's weights: int64 [blocks x fan_in x taps, lanes]."""
    p = params
    filters = np.arange(p.layer.filters).reshape(p.blocks, p.lanes)
    own = np.stack([weight[filters, p.channel(filters, n)] for n in range(p.fan_in)], 1)
    return own.reshape(p.blocks, p.fan_in, p.lanes, -1).transpose(0, 1, 3, 2).reshape(-1, p.lanes)


def first_states(params):
    """Of every lane's shift register, all different: list of ints."""
    most = (1 << params.register) - 1
    rng = np.random.default_rng(params.seed)
    return (rng.choice(most, params.lanes, replace=params.lanes > most) + 1).tolist()


def mask(params):
    """What the shift registers of a masked layer keep: bool [filters, inputs]."""
    p = params
    states = lfsr.sequence(p.register, first_states(p), p.blocks * p.layer.channels, p.steps)
    kept = (states < p.threshold).reshape(p.blocks, p.layer.channels, p.lanes)
    return kept.transpose(0, 2, 1).reshape(-1, p.layer.channels)[:p.layer.filters]


def masked_words(params, weight):
    """Every lane's kept weights, in order: lists of ints."""
    kept, values = mask(params), weight[:, :, 0, 0]
    return [[int(value) for f in range(lane, params.layer.filters, params.lanes)
             for value in values[f, kept[f]]] for lane in range(params.lanes)]
