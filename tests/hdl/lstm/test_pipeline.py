import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.lstm.pipeline import UnitPipeline, word_fields
from tests.hdl.bench import play


class Products(wiring.Component):
    """Two products of a unit's ``a``, right in cycle 1, wanted in other cycles; their sum in 8."""

    start: In(1)
    a: In(6)
    total: Out(20)
    valid: Out(1)

    def __init__(self, interval, times):
        self.interval, self.times, self.multipliers = interval, times, None
        super().__init__()

    def elaborate(self, _platform):
        m = Module()
        late = Signal(6)
        m.d.sync += late.eq(self.a)
        pipe = UnitPipeline(m, self.start, self.interval)
        uses = [(time, pipe.hold(late, 1, time, f"a_{time}"), n + 3)
                for n, time in enumerate(self.times)]
        self.multipliers = len(pipe.share(uses))
        products = pipe.multiply(uses, "product")
        held = [pipe.hold(product, time + 1, 8, f"p_{n}")
                for n, (product, time) in enumerate(zip(products, self.times, strict=True))]
        m.d.comb += [self.total.eq(held[0] + held[1]), self.valid.eq(pipe.at(8))]
        return m


@pytest.mark.parametrize("times, interval, multipliers", [
    ((2, 3), 1, 2), ((2, 3), 2, 1), ((2, 4), 2, 2), ((2, 4), 3, 1), ((5, 2), 4, 1), ((3, 3), 4, 2)])
@pytest.mark.parametrize("gap", [0, 3])
def test_sim(times, interval, multipliers, gap):
    """A multiplier is shared just as long as no two units can want it at once."""
    component = Products(interval, times)
    rng, values, sums = random.Random(1), [], []

    async def testbench(ctx):
        wait = 0
        for cycle in range(120):
            starts = wait == 0 and cycle < 100
            wait = interval + rng.randint(0, gap) - 1 if starts else max(0, wait - 1)
            value = rng.randrange(64)   # also in cycles that belong to no unit
            ctx.set(component.a, value)
            ctx.set(component.start, starts)
            if starts:
                values.append(value)
            if ctx.get(component.valid):
                sums.append(ctx.get(component.total))
            await ctx.tick()

    play(component, testbench)
    assert component.multipliers == multipliers
    assert len(values) > 15 and sums == [7 * value for value in values]


def test_word_fields():
    fields = word_fields(Signal(9), [4, 5])
    assert [(len(field), field.shape().signed) for field in fields] == [(4, True), (5, True)]
