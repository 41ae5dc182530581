# amaranth: UnusedElaboratable=no
import random

import pytest
from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import formats as golden
from golden.formats import Format, Rounding
from hdl import formats


def evaluate(own, expressions, codes):
    """For every code of the format ``own``: what each of ``expressions(signal)`` gives."""
    m = Module()
    code = Signal(formats.shape(own))
    values = [Value.cast(value) for value in expressions(code)]
    outputs = [Signal(value.shape()) for value in values]
    m.d.comb += [output.eq(value) for output, value in zip(outputs, values, strict=True)]
    seen = []

    async def testbench(ctx):
        for value in codes:
            ctx.set(code, value)
            seen.append([ctx.get(output) for output in outputs])

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen


@pytest.mark.parametrize("own", [Format(1), Format(1, 0, False), Format(2), Format(5),
                                 Format(5, 0, False), Format(7), Format(6, 0, False)], ids=str)
def test_requantise_exhaustively(own):
    targets = [Format(width, 0, signed) for width in (1, 2, 3, 5, 8) for signed in (True, False)]
    cases = [(shift, to, rounding) for shift in (-2, 0, 1, 2, 3, 6, 8) for to in targets
             for rounding in Rounding]
    codes = range(own.minimum, own.maximum + 1)
    seen = evaluate(own, lambda code: [formats.requantise(code, *case) for case in cases], codes)
    for code, results in zip(codes, seen, strict=True):
        for case, result in zip(cases, results, strict=True):
            assert result == golden.requantise(code, *case), (code, case)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 64), st.booleans(), st.integers(-8, 70), st.integers(1, 64), st.booleans(),
       st.sampled_from(Rounding), st.randoms(use_true_random=False))
def test_requantise_wide(width, signed, shift, to_width, to_signed, rounding, source):
    own, to = Format(width, 0, signed), Format(to_width, 0, to_signed)
    edges = {own.minimum, own.maximum, 0, -1, 1, to.minimum << max(shift, 0),
             to.maximum << max(shift, 0), 1 << max(0, shift - 1)}
    near = {edge + step for edge in edges for step in (-1, 0, 1)}
    codes = [code for code in near if own.minimum <= code <= own.maximum]
    codes += [source.randint(own.minimum, own.maximum) for _ in range(20)]
    seen = evaluate(own, lambda code: [formats.requantise(code, shift, to, rounding),
                                       formats.shift_right(code, shift, rounding),
                                       formats.saturate(code, to)], codes)
    for code, results in zip(codes, seen, strict=True):
        assert results == [golden.requantise(code, shift, to, rounding),
                           golden.shift_right(code, shift, rounding), to.saturate(code)]


def test_saturate_of_a_wide_sum():
    def expressions(code):
        return [formats.saturate(code * code * code, Format(8, 0))]

    codes = random.Random(1).sample(range(-2**39, 2**39), 50) + [-5, 5, -6, 6, 0]
    for code, (result,) in zip(codes, evaluate(Format(40), expressions, codes), strict=True):
        assert result == Format(8, 0).saturate(code**3)


def test_shapes():
    assert formats.shape(Format(8, 7)) == Shape(8, signed=True)
    assert formats.shape(Format(8, 8, signed=False)) == Shape(8, signed=False)
    code = Signal(8)
    assert formats.saturate(code, Format(8, 3)).shape() == Shape(8, signed=True)
    assert formats.requantise(code, 9, Format(3, 0, False)).shape() == Shape(3, signed=False)
