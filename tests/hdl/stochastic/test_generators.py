import random

import pytest

from golden.stochastic.numbers import numbers
from golden.stochastic.params import Generators
from hdl.stochastic.generators import NumberBank
from tests.hdl.bench import play


@pytest.mark.parametrize("kind", ["net", "vdc", "lfsr"])
@pytest.mark.parametrize("width, length", [(1, 1), (1, 8), (3, 2), (4, 13), (5, 32), (9, 40)])
def test_numbers(kind, width, length):
    """Golden's, frame after frame, also when a frame ends early, and held between two steps."""
    bank = Generators(kind, count=3, seed=width, register=max(6, width))
    expected = numbers(bank, width, length)
    device = NumberBank(bank, width, length)
    rng = random.Random(length)

    async def testbench(ctx):
        for cycles in (length, 1, max(1, length // 2), length):
            for cycle in range(cycles):
                while rng.random() < 0.3:
                    ctx.set(device.step, 0)
                    ctx.set(device.first, rng.getrandbits(1))
                    await ctx.tick()
                ctx.set(device.step, 1)
                ctx.set(device.first, int(cycle == 0))
                await ctx.tick()
                for _ in range(2):
                    assert [ctx.get(number) for number in device.o] == expected[cycle].tolist()
                    ctx.set(device.step, 0)
                    await ctx.tick()
    play(device, testbench)
