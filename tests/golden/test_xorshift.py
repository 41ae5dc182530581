import math

import numpy as np
import pytest

from golden.xorshift import SHIFTS, sequence, states

#: Primes of 2**64 - 1 and 2**128 - 1: the Fermat numbers F0 .. F5, and F6.
PRIMES = {32: [3, 5, 17, 257, 641, 65537, 6700417],
          64: [3, 5, 17, 257, 641, 65537, 6700417, 274177, 67280421310721]}


def step(word, state):
    """One step by plain integers, as in the paper's listing."""
    a, b, c = SHIFTS[word]
    mask = (1 << word) - 1
    s1, s0 = state & mask, state >> word
    s1 ^= s1 << a & mask
    return s0 | (s1 ^ s0 ^ (s1 >> b) ^ (s0 >> c)) << word


def after(columns, vector):
    """The image of ``vector`` under a linear map, given as the images of the unit vectors."""
    image = 0
    for bit, column in enumerate(columns):
        image ^= column if vector >> bit & 1 else 0
    return image


@pytest.mark.parametrize("word", SHIFTS)
def test_length_is_maximal(word):
    """The step is a linear map; its order is 2**(2 word) - 1, and no proper divisor of that."""
    size = 2 * word
    order, units = (1 << size) - 1, [1 << bit for bit in range(size)]
    assert math.prod(PRIMES[word]) == order
    squares = [[step(word, unit) for unit in units]]
    while len(squares) < size:
        squares.append([after(squares[-1], column) for column in squares[-1]])

    def steps(count, vector):
        for bit, columns in enumerate(squares):
            vector = after(columns, vector) if count >> bit & 1 else vector
        return vector

    assert [steps(order, unit) for unit in units] == units
    for p in PRIMES[word]:
        assert steps(order // p, 1) != 1


@pytest.mark.parametrize("word", SHIFTS)
def test_sequence_is_the_listing(word):
    seeds = [1, 12345678901234567, (1 << (2 * word)) - 1]
    old, new = states(word, seeds, 100)
    values = sequence(word, seeds, 100)
    for column, seed in enumerate(seeds):
        state = seed
        for row in range(100):
            assert int(old[row, column]) | int(new[row, column]) << word == state
            assert int(values[row, column]) == sum(divmod(state, 1 << word)) % (1 << word)
            state = step(word, state)


def test_words_look_random():
    values = sequence(32, np.random.default_rng(1).integers(1, 2**62, 64), 4000)
    bits = values[..., None] >> np.arange(32, dtype=np.uint64) & np.uint64(1)
    assert abs(bits.mean(axis=(0, 1)) - 0.5).max() < 0.01


@pytest.mark.parametrize("arguments, message", [
    ((16, [1]), r"^Xorshift word must be one of 32, 64, not 16$"),
    ((32, [0]), r"^Xorshift seed must be between 1 and 18446744073709551615, not 0$"),
])
def test_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        sequence(*arguments, 5)
