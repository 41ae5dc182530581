"""Weights pruned to a few patterns of taps.

Source: "PCNN: Pattern-based Fine-Grained Regular Pruning towards Optimized CNN Accelerators" (arXiv
2002.04997): kernels that keep the taps of a few patterns. Ours: how they are chosen.
"""

import itertools
from collections import Counter

import numpy as np

from golden.check import require_int

__all__ = ["patterns_of", "prune_to_patterns"]


def prune_to_patterns(weight, kept, patterns):
    """Weights [filters, channels, kernel, kernel], real or integer, of which every kernel keeps as
    many taps, in one of ``patterns`` patterns: (weights, int64 [patterns, kept] ascending taps).

    The patterns are those which most kernels would keep if they kept their largest weights; of
    equally many the ones of earlier taps come first, as they do where more are asked for than there
    are. Of these a kernel keeps the one with the largest sum of squares.
    """
    flat = weight.reshape(-1, weight.shape[2] * weight.shape[3])
    require_int("Pruning kept", kept, 1, flat.shape[1])
    require_int("Pruning patterns", patterns, 1)
    largest = np.sort(np.argsort(-np.abs(flat), axis=1, kind="stable")[:, :kept], axis=1)
    counts = Counter(map(tuple, largest.tolist()))
    chosen = sorted(counts, key=lambda taps: (-counts[taps], taps))[:patterns]
    others = (taps for taps in itertools.combinations(range(flat.shape[1]), kept)
              if taps not in counts)
    chosen += itertools.islice(others, patterns - len(chosen))
    if len(chosen) < patterns:
        raise ValueError(f"Pruning patterns must be at most {len(chosen)}, which there are of "
                         f"{kept} among {flat.shape[1]} taps, not {patterns}")
    table = np.array(chosen)
    energy = (flat[:, table].astype(float) ** 2).sum(2)
    mask = np.zeros(flat.shape, bool)
    np.put_along_axis(mask, table[energy.argmax(1)], True, 1)
    return np.where(mask, flat, 0).reshape(weight.shape), table


def patterns_of(mask, kept, patterns):
    """The patterns of weights that are pruned: int64 [patterns, kept] ascending taps, as an array
    takes them (`golden.sparse_conv.array`).

    mask: [filters, channels, kernel, kernel], in every kernel 1 at ``kept`` taps, 0 elsewhere
    """
    return prune_to_patterns(np.asarray(mask), kept, patterns)[1]
