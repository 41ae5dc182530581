# amaranth: UnusedElaboratable=no
import pytest
from amaranth.hdl import Module, Shape, Signal, signed, unsigned
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from hdl.tree import tree_sum

SHAPES = st.builds(Shape, st.integers(1, 12), st.booleans())


@settings(max_examples=30, deadline=None)
@given(st.lists(SHAPES, min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_sum(shapes, source):
    m = Module()
    terms = [Signal(shape, name=f"term_{i}") for i, shape in enumerate(shapes)]
    total = tree_sum(terms)
    result = Signal(total.shape())
    m.d.comb += result.eq(total)
    low = [-(1 << (s.width - 1)) if s.signed else 0 for s in shapes]
    high = [(1 << (s.width - s.signed)) - 1 for s in shapes]
    # Exact: the result's shape holds both ends, and a bit less would not.
    shape = result.shape()
    assert shape.signed == (sum(low) < 0)
    assert Format(shape.width, 0, shape.signed).minimum <= sum(low)
    assert Format(shape.width, 0, shape.signed).maximum >= sum(high)
    if shape.width > 1:
        narrower = Format(shape.width - 1, 0, shape.signed)
        assert narrower.minimum > sum(low) or narrower.maximum < sum(high)
    rows = [low, high] + [[source.randint(a, b) for a, b in zip(low, high, strict=True)]
                          for _ in range(20)]

    async def testbench(ctx):
        for row in rows:
            for term, value in zip(terms, row, strict=True):
                ctx.set(term, value)
            assert ctx.get(result) == sum(row)

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("shapes, result", [
    ([unsigned(1)] * 64, unsigned(7)),
    ([unsigned(1)] * 3, unsigned(2)),
    ([signed(8), unsigned(8)], signed(10)),
    ([signed(8)] * 4, signed(10)),
    ([signed(5)], signed(5)),
])
def test_width(shapes, result):
    assert tree_sum([Signal(s, name=f"x{i}") for i, s in enumerate(shapes)]).shape() == result


def test_nothing_to_sum():
    with pytest.raises(ValueError, match=r"^Values must be at least one, not none$"):
        tree_sum([])
