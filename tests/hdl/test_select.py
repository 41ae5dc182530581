"""A tree of multiplexers chooses as an index does."""

import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.sim import Simulator

from hdl.select import selected


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12, 16])
def test_every_index(count):
    m = Module()
    index, chosen = Signal(range(max(2, count))), Signal(8)
    m.d.comb += chosen.eq(selected([Const(7 * n + 3, 8) for n in range(count)], index))

    async def testbench(ctx):
        for n in range(count):
            ctx.set(index, n)
            assert ctx.get(chosen) == 7 * n + 3

    sim = Simulator(m)
    sim.add_testbench(testbench)
    sim.run()
