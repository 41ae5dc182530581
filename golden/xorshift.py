"""The xorshift+ generators: two words, three shifts, exclusive ors, and one addition.

``xorshift64+`` has words of 32 bits and shifts (17, 7, 16); ``xorshift128+`` words of 64 bits and
shifts (23, 18, 5).
"""

import numpy as np

from golden.check import require_choice, require_int

__all__ = ["SHIFTS", "check_xorshift", "sequence", "states"]

#: Bits of a word -> shifts (a, b, c).
#: 64: S. Vigna, "Further scramblings of Marsaglia's xorshift generators", J. Comput. Appl. Math.
#: 315 (2017), xorshift128+. 32: the triple of Go's runtime (`fastrand`), chosen as in G. Marsaglia,
#: "Xorshift RNGs", J. Stat. Softw. 8(14), 2003. The tests prove both lengths, 2**(2 words) - 1.
SHIFTS = {32: (17, 7, 16), 64: (23, 18, 5)}


def check_xorshift(word, seed):
    """Raise unless there is such a generator; the all-zero seed would never leave zero."""
    require_choice("Xorshift word", word, tuple(SHIFTS))
    require_int("Xorshift seed", seed, 1, (1 << (2 * word)) - 1)


def states(word, seeds, count):
    """The first ``count`` states from each of ``seeds``, the seed first: two uint64 arrays
    [count, seeds], the older word (low half of the seed) and the newer."""
    for seed in seeds:
        check_xorshift(word, int(seed))
    a, b, c = (np.uint64(shift) for shift in SHIFTS[word])
    mask = np.uint64((1 << word) - 1)
    old = np.array([int(seed) & int(mask) for seed in seeds], dtype=np.uint64)
    new = np.array([int(seed) >> word for seed in seeds], dtype=np.uint64)
    result = np.empty((2, count, len(old)), dtype=np.uint64)
    for index in range(count):
        result[:, index] = old, new
        t = (old ^ (old << a)) & mask
        old, new = new, t ^ (t >> b) ^ new ^ (new >> c)
    return result[0], result[1]


def sequence(word, seeds, count):
    """The first ``count`` words from each of ``seeds``, from the seed's own sum on: uint64
    [count, seeds].

    >>> sequence(32, [1], 4).ravel().tolist()
    [1, 132097, 264196, 135529483]
    """
    old, new = states(word, seeds, count)
    return (old + new) & np.uint64((1 << word) - 1)
