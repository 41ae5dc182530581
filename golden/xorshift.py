"""The xorshift+ generators: two words, three shifts, exclusive ors, and one addition.

``xorshift64+`` has words of 32 bits and shifts (17, 7, 16); ``xorshift128+`` words of 64 bits and
shifts (23, 18, 5).
"""

import numpy as np

from golden.check import require_choice, require_int

__all__ = ["SHIFTS", "check_xorshift", "seeds", "sequence", "states", "step"]

#: Bits of a word -> shifts (a, b, c).
#: 64: S. Vigna, "Further scramblings of Marsaglia's xorshift generators", J. Comput. Appl. Math.
#: 315 (2017), xorshift128+. 32: the triple of Go's runtime (`fastrand`), chosen as in G. Marsaglia,
#: "Xorshift RNGs", J. Stat. Softw. 8(14), 2003. The tests prove both lengths, 2**(2 words) - 1.
SHIFTS = {32: (17, 7, 16), 64: (23, 18, 5)}

_ALL = (1 << 64) - 1


def check_xorshift(word, seed):
    """Raise unless there is such a generator; the all-zero seed would never leave zero."""
    require_choice("Xorshift word", word, tuple(SHIFTS))
    require_int("Xorshift seed", seed, 1, (1 << (2 * word)) - 1)


def seeds(word, seed, count):
    """Seeds of ``count`` generators from one of 64 bits, by SplitMix64, as Vigna recommends.

    Source: G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number generators",
    OOPSLA 2014, with the constants of Vigna's splitmix64.c.

    >>> [f"{value:x}" for value in seeds(32, 0, 2)]
    ['e220a8397b1dcdaf', '6e789e6aa1b965f4']
    """
    def split(at):
        z = (seed + 0x9E3779B97F4A7C15 * (at + 1)) & _ALL
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _ALL
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _ALL
        return z ^ (z >> 31)

    each = 2 * word // 64
    found = [sum(split(n * each + half) << 64 * half for half in range(each))
             for n in range(count)]
    return [value or 1 for value in found]


def step(word, old, new):
    """The state after (``old``, ``new``): uint64 arrays of any shape, the older word first."""
    a, b, c = (np.uint64(shift) for shift in SHIFTS[word])
    t = old ^ (old << a)
    if word < 64:
        t &= np.uint64((1 << word) - 1)
    return new, t ^ (t >> b) ^ new ^ (new >> c)


def states(word, seeds, count):
    """The first ``count`` states from each of ``seeds``, the seed first: two uint64 arrays
    [count, seeds], the older word (low half of the seed) and the newer."""
    for seed in seeds:
        check_xorshift(word, int(seed))
    mask = (1 << word) - 1
    old = np.array([int(seed) & mask for seed in seeds], dtype=np.uint64)
    new = np.array([int(seed) >> word for seed in seeds], dtype=np.uint64)
    result = np.empty((2, count, len(old)), dtype=np.uint64)
    for index in range(count):
        result[:, index] = old, new
        old, new = step(word, old, new)
    return result[0], result[1]


def sequence(word, seeds, count):
    """The first ``count`` words from each of ``seeds``, from the seed's own sum on: uint64
    [count, seeds].

    >>> sequence(32, [1], 4).ravel().tolist()
    [1, 132097, 264196, 135529483]
    """
    old, new = states(word, seeds, count)
    return (old + new) & np.uint64((1 << word) - 1)
