"""What weight memories hold, in order. Torch-free: hardware bakes it in."""

import numpy as np

from golden import lfsr

__all__ = ["connections", "cyclic_words", "first_states", "kept", "lists", "mask", "masked_words",
           "numbers", "sets", "taps"]


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


def numbers(weight, patterns):
    """Of every kernel the first pattern that has all its weights: int64 [filters, channels].

    Errors: ValueError where none has.
    """
    beside = np.ones((len(patterns), weight.shape[2] * weight.shape[3]), bool)
    np.put_along_axis(beside, patterns, False, 1)
    there = (weight != 0).reshape(*weight.shape[:2], 1, -1)
    fits = ~(there & beside).any(3)
    if not fits.any(2).all():
        f, c = np.argwhere(~fits.any(2))[0]
        raise ValueError("Array weight must be 0 beside the taps of a pattern, and is not for "
                         f"filter {f} and channel {c}")
    return fits.argmax(2)


def taps(params, weight=None, patterns=None):
    """What is taken of every kernel in a fixed order: int64 [filters, channels, n] taps. Only
    patterns, int64 [patterns, kept] taps, need the weights."""
    layer = params.layer
    if params.index == "pattern":
        return patterns[numbers(weight, patterns)]
    own = np.array(params.shifts)[:, None] if params.index == "shift" else np.arange(layer.taps)
    return np.broadcast_to(own, (layer.filters, layer.channels, own.shape[-1]))


def kept(params, weight=None, patterns=None):
    """Which weights of an array are in memory, whatever they are: bool as the weights."""
    layer = params.layer
    found = np.zeros((layer.filters, layer.channels, layer.taps), bool)
    np.put_along_axis(found, taps(params, weight, patterns), True, 2)
    return found.reshape(layer.filters, layer.channels, layer.kernel, layer.kernel)


def lists(params, weight, patterns=None, copy=None):
    """What the groups walk: for each filter an entry a cycle.

    Returns ``(values, places, lengths)``: int64 [entries, groups] weights and places, 0 behind a
    list's end; int64 [filters] entries of each filter's sum, at least 1. With a comb a filter has
    one entry more, its copy's, behind the others.
    """
    p, layer = params, params.layer
    chosen = taps(p, weight, patterns)
    count = p.depth * chosen.shape[2]   # entries of a group, channel by channel
    behind = ((0, 0), (0, p.depth * p.groups - layer.channels), (0, 0))
    values = np.pad(np.take_along_axis(weight.reshape(*chosen.shape[:2], -1), chosen, 2), behind)
    down, right = np.divmod(np.pad(chosen, behind), layer.kernel)
    first = np.arange(p.depth * p.groups) // p.groups * p.plane
    own, place = (
        of.reshape(layer.filters, p.depth, p.groups, -1).transpose(0, 1, 3, 2).reshape(
            layer.filters, count, p.groups)
        for of in (values, first[:, None] + down * p.pitch + right))
    if p.index == "comb":
        part, group = np.divmod(np.arange(layer.filters) % layer.channels, p.groups)
        copied = np.zeros((layer.filters, 1, p.groups), np.int64)
        copied[np.arange(layer.filters), 0, group] = copy
        own = np.concatenate([own, copied], 1)
        at = part * p.plane + layer.kernel // 2 * (p.pitch + 1)
        place = np.concatenate([place, np.broadcast_to(at[:, None, None], copied.shape)], 1)
    if p.index != "list":
        return (own.reshape(-1, p.groups), place.reshape(-1, p.groups),
                np.full(layer.filters, count))
    there = own != 0
    lengths = np.maximum(1, there.sum(1).max(1))
    order = np.argsort(~there, axis=1, kind="stable")
    sorted_ = np.take_along_axis(own, order, 1)
    placed = np.take_along_axis(np.where(there, place, 0), order, 1)
    return (np.concatenate([sorted_[f, :n] for f, n in enumerate(lengths)]),
            np.concatenate([placed[f, :n] for f, n in enumerate(lengths)]), lengths)


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
