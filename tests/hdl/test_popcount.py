# amaranth: UnusedElaboratable=no
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.popcount import BitSum
from tests.hdl.bench import RANDOM, play

TERMS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1, 1, -1])), min_size=1, max_size=40)


def check(terms, stages, less, seed, count=25):
    """Sums of random bits, and of all bits of either sign, a vector in every cycle."""
    tree = BitSum(terms, stages, less=less)
    rng = random.Random(seed)
    plus = sum(1 << n for n, (_, sign) in enumerate(terms) if sign > 0)
    both = (1 << len(terms)) - 1
    given = [plus, both ^ plus, both, 0, *(rng.randint(0, both) for _ in range(count))]
    taken = [0, less, less, 0, *(rng.randint(0, less) for _ in range(count))]
    expected = [sum(sign << e for n, (e, sign) in enumerate(terms) if bits >> n & 1) - minus
                for bits, minus in zip(given, taken, strict=True)]

    async def testbench(ctx):
        for cycle in range(len(given) + stages):
            if cycle < len(given):
                ctx.set(tree.i, given[cycle])
            if less and 0 <= cycle - (max(stages, 1) - 1) < len(given):
                ctx.set(tree.less, taken[cycle - (max(stages, 1) - 1)])
            if cycle >= stages:
                assert ctx.get(tree.o) == expected[cycle - stages]
            await ctx.tick()
    play(tree, testbench)


@settings(RANDOM, max_examples=100)
@given(TERMS, st.integers(0, 5), st.sampled_from([0, 0, 1, 13]), st.integers(0, 2**16))
def test_sim(terms, stages, less, seed):
    check(terms, stages, less, seed)


@pytest.mark.parametrize("count", [*range(1, 24), 63, 64, 65, 127, 128])
@pytest.mark.parametrize("stages", [1, 2])
def test_bits_of_one_weight(count, stages):
    check([(0, 1)] * count, stages, 0, count, 4)


def test_width():
    """That of the range: -2 .. 5, and -7 .. 5."""
    terms = [(0, 1), (2, 1), (1, -1)]
    assert len(BitSum(terms, 1).o) == 4
    assert len(BitSum(terms, 1, less=5).o) == 4
    assert len(BitSum(terms, 1, less=7).o) == 5


def test_wrong():
    with pytest.raises(ValueError, match=r"^Sum terms must be at least 1, not 0$"):
        BitSum([], 1)
    with pytest.raises(ValueError, match=r"^Sum stages must be at least 0, not -1$"):
        BitSum([(0, 1)], -1)
