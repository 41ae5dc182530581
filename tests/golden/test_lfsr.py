import numpy as np
import pytest

from golden.lfsr import TAPS, jump, sequence


def factors(n):
    found, p = set(), 2
    while p * p <= n:
        while n % p == 0:
            found.add(p)
            n //= p
        p += 1
    return found | {n} - {1}


def identity(width):
    return [1 << bit for bit in range(width)]


@pytest.mark.parametrize("width", TAPS)
def test_length_is_maximal(width):
    """The step is a linear map; its order is 2**width - 1, and no proper divisor of that."""
    order = (1 << width) - 1
    assert jump(width, order) == identity(width)
    for p in factors(order):
        assert jump(width, order // p) != identity(width)


@pytest.mark.parametrize("width", range(3, 17))
def test_every_state_comes_once(width):
    states = sequence(width, [1], 1 << width)[:, 0]
    assert states[-1] == states[0]
    assert sorted(states[:-1].tolist()) == list(range(1, 1 << width))


@pytest.mark.parametrize("width, steps", [(5, 1), (8, 3), (12, 12), (17, 40), (32, 1)])
def test_sequence_is_the_recurrence(width, steps):
    seeds = [1, 5, (1 << width) - 1]
    states = sequence(width, seeds, 50, steps)
    for column, seed in enumerate(seeds):
        state = seed
        for row in range(50):
            assert states[row, column] == state
            for _ in range(steps):
                bit = 0
                for tap in TAPS[width]:
                    bit ^= state >> (tap - 1) & 1
                state = (state << 1 | bit) & ((1 << width) - 1)


def test_long_sequence():
    states = sequence(32, [1, 2**31], 200_000)
    assert states.shape == (200_000, 2)
    assert len(np.unique(states[:, 0])) == 200_000
    assert abs(states.mean() / 2**32 - 0.5) < 0.005
    assert sequence(8, [3], 0).shape == (0, 1)


@pytest.mark.parametrize("arguments, message", [
    ((2, [1]), r"^LFSR width must be between 3 and 32, not 2$"),
    ((33, [1]), r"^LFSR width must be between 3 and 32, not 33$"),
    ((8, [0]), r"^LFSR seed must be between 1 and 255, not 0$"),
    ((8, [1, 256]), r"^LFSR seed must be between 1 and 255, not 256$"),
])
def test_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        sequence(*arguments, 5)
