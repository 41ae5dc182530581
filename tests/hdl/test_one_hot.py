# amaranth: UnusedElaboratable=no
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from hdl.one_hot import index, lowest


@pytest.mark.parametrize("width", [1, 2, 5, 8])
def test_one_after_another(width):
    m = Module()
    bits = Signal(width)
    first, rest, place = Signal(width), Signal(width), Signal(8)
    m.d.comb += [first.eq(lowest(bits)[0]), rest.eq(lowest(bits)[1]), place.eq(index(first))]
    assert len(lowest(bits)[0]) == len(lowest(bits)[1]) == width

    async def testbench(ctx):
        for word in range(1 << width):
            ctx.set(bits, word)
            least = (word & -word).bit_length() - 1 if word else 0
            assert ctx.get(first) == (1 << least if word else 0)
            assert ctx.get(rest) == word & (word - 1) if word else ctx.get(rest) == 0
            assert ctx.get(place) == least

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
