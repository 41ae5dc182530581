import numpy as np
import pytest

from golden import lfsr
from golden.stochastic import numbers
from golden.stochastic.params import Generators


@pytest.mark.parametrize("kind", ["net", "vdc"])
@pytest.mark.parametrize("width, length", [(4, 16), (3, 16), (8, 256), (6, 64)])
def test_evenly_spread(kind, width, length):
    """Over 2**k cycles each of 2**k equal intervals is met once, or equally often."""
    made = numbers.numbers(Generators(kind, 6, seed=3), width, length)
    assert made.shape == (length, 6)
    for column in made.T:
        counts = np.bincount(column, minlength=1 << width)
        assert (counts == length >> width).all()


def test_wider_than_the_count():
    """64 cycles of 8-bit numbers: each interval of four holds one."""
    for kind in ("net", "vdc"):
        made = numbers.numbers(Generators(kind, 5), 8, 64)
        for column in made.T:
            assert sorted(column >> 2) == list(range(64)), kind


def test_vdc_by_hand():
    made = numbers.numbers(Generators("vdc", 2, seed=5), 3, 8)
    assert made[:, 0].tolist() == [0, 4, 2, 6, 1, 5, 3, 7]
    assert len(set(made[:, 0] ^ made[:, 1])) == 1    # each further one has a shift of its own


def test_net_by_hand():
    """Number bit b is the parity of the masked count, and a constant."""
    bank = Generators("net", 3, seed=9)
    made = numbers.numbers(bank, 5, 32)
    for generator, (masks, constant) in enumerate(numbers.rows(bank, 5, 32)):
        for t in range(32):
            bits = [bin(t & mask).count("1") % 2 for mask in masks]
            assert made[t, generator] == int("".join(map(str, bits)), 2) ^ constant


def test_nets_differ():
    made = numbers.numbers(Generators("net", 20), 6, 64)
    assert len({tuple(column) for column in made.T}) == 20
    other = numbers.numbers(Generators("net", 20, seed=2), 6, 64)
    assert not np.array_equal(made, other)


def test_lfsr_is_the_registers_top():
    bank = Generators("lfsr", 3, register=9)
    made, seeds = numbers.numbers(bank, 4, 50), numbers.seeds(bank)
    assert len(set(seeds)) == 3 and all(0 < seed < 512 for seed in seeds)
    for column, seed in zip(made.T, seeds, strict=True):
        states = lfsr.sequence(9, [seed], 50 * 4)[::4, 0]
        assert column.tolist() == [state >> 5 for state in states]


@pytest.mark.parametrize("register", [3, 8, 11])
def test_lfsr_spreads_over_its_period(register):
    """Every number comes as often as any other, but 0 once less."""
    width = min(register, 4)
    period = (1 << register) - 1
    made = numbers.numbers(Generators("lfsr", 1, register=register), register, period)
    # As many steps as bits; they visit all states when that has no factor in common.
    if np.gcd(register, period) == 1:
        assert sorted(made[:, 0]) == list(range(1, 1 << register))
    counts = np.bincount(made[:, 0] >> (register - width), minlength=1 << width)
    assert counts.sum() == period


def test_rotate():
    assert [numbers.rotate(0b0110, by, 4) for by in range(4)] == [0b0110, 0b1100, 0b1001, 0b0011]
    assert numbers.rotate(np.array([1, 8]), 1, 4).tolist() == [2, 1]


def test_streams_follow_the_map():
    bank = Generators("net", 2, 3)
    made = numbers.numbers(bank, 4, 16)
    found = numbers.streams(bank, 8, 4, 16)
    for stream in range(8):
        expected = numbers.rotate(made[:, stream % 2], stream // 2 % 3, 4)
        assert np.array_equal(found[:, stream], expected)
    table = ((1, 2), (0, 0), (1, 0))
    found = numbers.streams(Generators("net", 2, 3, table=table), 3, 4, 16)
    for stream, (generator, rotation) in enumerate(table):
        assert np.array_equal(found[:, stream], numbers.rotate(made[:, generator], rotation, 4))


@pytest.mark.parametrize("register, width, length, count, kind, message", [
    (8, 9, 16, 1, ValueError, r"^X lfsr register must be between 9 and 32, not 8$"),
    (8, 4, 256, 1, ValueError, r"^X stream length must be at most 255, the period of an LFSR of 8 "
                               r"stages, not 256$"),
    (4, 4, 15, 16, ValueError, r"^X count must be at most 15, the seeds of an LFSR of 4 stages, "
                               r"not 16$"),
])
def test_wrong_generators(register, width, length, count, kind, message):
    with pytest.raises(kind, match=message):
        numbers.check_generators(Generators("lfsr", count, register=register), "X", width, length)
    numbers.check_generators(Generators("net", count, register=register), "X", width, length)
