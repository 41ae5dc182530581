"""Lists of weights: what a group of an array walks. Torch-free: hardware bakes them in."""

import numpy as np

__all__ = ["lists", "sets"]


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
