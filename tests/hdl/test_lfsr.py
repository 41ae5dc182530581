# amaranth: UnusedElaboratable=no
import pytest
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.lfsr import sequence
from hdl.lfsr import Lfsr


def words(component, count):
    """The first ``count`` words, held in every third cycle."""
    seen = []

    async def testbench(ctx):
        for cycle in range(count * 3 // 2):
            ctx.set(component.enable, cycle % 3 != 2)
            if cycle % 3 != 2:
                seen.append(ctx.get(component.value))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 32), st.integers(1, 8), st.data())
def test_sequence(width, steps, drawn):
    seed = drawn.draw(st.integers(1, (1 << width) - 1))
    assert words(Lfsr(width, seed, steps), 60) == sequence(width, [seed], 60, steps)[:, 0].tolist()


@pytest.mark.parametrize("arguments, message", [
    ((2,), r"^LFSR width must be between 3 and 32, not 2$"),
    ((8, 0), r"^LFSR seed must be between 1 and 255, not 0$"),
    ((8, 1, 0), r"^LFSR steps must be between 1 and 256, not 0$"),
])
def test_init_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        Lfsr(*arguments)
