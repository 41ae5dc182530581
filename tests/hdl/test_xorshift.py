# amaranth: UnusedElaboratable=no
import pytest
from amaranth.sim import Simulator

from golden.xorshift import sequence, states
from hdl.xorshift import Xorshift


@pytest.mark.parametrize("word", [32, 64])
@pytest.mark.parametrize("seed", [1, 0xFEDCBA9876543210])
def test_sequence(word, seed):
    component = Xorshift(word, seed)
    values = sequence(word, [seed], 60)[:, 0].tolist()
    old, new = (half[:, 0].tolist() for half in states(word, [seed], 60))

    async def testbench(ctx):
        for index in range(60):
            assert ctx.get(component.value) == values[index]
            assert ctx.get(component.state) == old[index] | new[index] << word
            ctx.set(component.enable, 0)
            await ctx.tick()
            assert ctx.get(component.value) == values[index]
            ctx.set(component.enable, 1)
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("arguments, message", [
    ((16, 1), r"^Xorshift word must be one of 32, 64, not 16$"),
    ((32, 0), r"^Xorshift seed must be between 1 and 18446744073709551615, not 0$"),
    ((32, 2**64), r"^Xorshift seed must be between 1 and 18446744073709551615, not 1844"),
])
def test_init_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        Xorshift(*arguments)
