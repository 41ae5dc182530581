# amaranth: UnusedElaboratable=no
import numpy as np
import pytest
from amaranth.sim import Simulator

from golden.activation import Lines, lookup, sigmoid, tanh
from golden.formats import Format
from hdl.activation import ActivationTable, PiecewiseLinear
from hdl.verilog import emit


def results(component, pre, latency):
    """Every code, one a cycle, and what comes exactly ``latency`` cycles later."""
    codes = np.random.default_rng(1).permutation(np.arange(pre.minimum, pre.maximum + 1))
    seen = []

    async def testbench(ctx):
        for code in [*codes.tolist(), *[0] * latency]:
            ctx.set(component.z, code)
            seen.append(ctx.get(component.y))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return codes, np.array(seen[latency:])


@pytest.mark.parametrize("pre, width", [(Format(10, 6), 8), (Format(10, 6), 9), (Format(8, 3), 12),
                                        (Format(2, 1), 2), (Format(6, 6), 5)], ids=str)
@pytest.mark.parametrize("function, table", [("sigmoid", sigmoid), ("tanh", tanh)])
def test_table(function, table, pre, width):
    codes, seen = results(ActivationTable(function, pre, width), pre, latency=2)
    np.testing.assert_array_equal(seen, lookup(table(pre, width), codes))


@pytest.mark.parametrize("pre, width, segments", [
    (Format(10, 6), 8, 16), (Format(12, 7), 10, 32), (Format(8, 3), 6, 2), (Format(3, 1), 4, 2)])
@pytest.mark.parametrize("function", ["sigmoid", "tanh"])
def test_lines(function, pre, width, segments):
    component = PiecewiseLinear(function, pre, width, segments)
    codes, seen = results(component, pre, latency=2)
    np.testing.assert_array_equal(seen, Lines(function, pre, width, segments)(codes))


@pytest.mark.parametrize("width, stored", [(8, 8), (9, 8)])
def test_half_table_without_its_constant_bit(width, stored):
    """In its place a bit of use, where a small block RAM has one: 512 words of 8, not of 9."""
    text = emit(ActivationTable("sigmoid", Format(10, 6), width)).text
    assert f"reg [{stored - 1}:0] contents [0:511];" in text


def test_init_wrong():
    with pytest.raises(ValueError, match=r"^Activation pre must be signed, not u8\.4$"):
        ActivationTable("tanh", Format(8, 4, False), 8)
    with pytest.raises(ValueError, match=r"^Activation segments must be a power of two, not 6$"):
        PiecewiseLinear("tanh", Format(8, 4), 8, 6)
