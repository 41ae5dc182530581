import numpy as np
import pytest

from golden.formats import Format
from golden.lstm.params import WEIGHT_KINDS
from golden.weights import WeightKind, accumulator_width, product_stages, random_weights
from hdl.lstm.mac_array import MacArray
from tests.hdl.bench import play


def run(array, words, rows_between, lanes=None):
    """Feed words (weights [lanes, columns], values [batch, columns], phase that it ends or None);
    after a phase's last word shift its rows out, or those of the first lanes. Returns (phase, sums
    [batch, lanes]) of each."""
    lanes = lanes or array.lanes
    bits = array.kind.bits
    collected = []

    async def testbench(ctx):
        await ctx.tick()    # in the first cycle the memory has given no weights yet
        for weights, values, ends in words:
            codes = array.kind.encode(weights).reshape(-1)
            ctx.set(array.weights, sum(int(c) << (n * bits) for n, c in enumerate(codes)))
            ctx.set(array.values, values.tolist())
            for phase in array.widths:
                ctx.set(getattr(array, f"last_{phase}"), int(phase == ends))
            await ctx.tick()
            if ends is None:
                continue
            ctx.set(getattr(array, f"last_{ends}"), 0)
            ctx.set(array.values, [[0] * array.columns] * array.batch)
            for _ in range(product_stages(array.kind, array.columns) + 1):
                await ctx.tick()
            # Rows wait for the shift for as long as it takes.
            for _ in range(rows_between):
                await ctx.tick()
            port, sums = getattr(array, f"rows_{ends}"), []
            for _ in range(-(-lanes // array.rows)):
                sums.append([[ctx.get(port[item][row]) for row in range(array.rows)]
                             for item in range(array.batch)])
                ctx.set(array.shift, 1)
                await ctx.tick()
                ctx.set(array.shift, 0)
            collected.append((ends, np.concatenate(sums, axis=1)[:, :lanes]))

    play(array, testbench)
    return collected


def expected(words, batch, lanes):
    sums = np.zeros((batch, lanes), dtype=np.int64)
    for weights, values, ends in words:
        sums += values @ weights.T
        if ends is not None:
            yield ends, sums
            sums = np.zeros_like(sums)


@pytest.mark.parametrize("kind", WEIGHT_KINDS)
@pytest.mark.parametrize("operand", [Format(5), Format(4, 0, False)], ids=str)
def test_sim(kind, operand):
    """Sums of both phases, several columns and batch items, rows that do not divide the lanes."""
    rng = np.random.default_rng(1)
    kind = WeightKind(kind)
    widths = {"h": accumulator_width(operand, kind, 24), "x": accumulator_width(operand, kind, 12)}
    array = MacArray(kind=kind, lanes=5, columns=3, batch=2, operand=operand, widths=widths, rows=2)
    words = []
    for phase, count in (("h", 8), ("x", 1), ("x", 4), ("h", 1), ("h", 5)):
        for n in range(count):
            words.append((random_weights(kind, (5, 3), rng),
                          rng.integers(operand.minimum, operand.maximum + 1, (2, 3)),
                          phase if n == count - 1 else None))
    got = run(array, words, rows_between=1)
    for (phase, sums), (wanted_phase, wanted) in zip(got, expected(words, 2, 5), strict=True):
        assert phase == wanted_phase and sums.tolist() == wanted.tolist()


@pytest.mark.parametrize("taken", [None, 1, 3])
@pytest.mark.parametrize("lanes, rows", [(3, 1), (3, 3), (5, 1), (7, 1), (9, 1), (19, 2)])
def test_rows_leave_in_the_order_of_lanes(lanes, rows, taken):
    """However many chains there are, of whatever lengths; also where not all rows are taken."""
    rng = np.random.default_rng(2)
    kind, operand = WeightKind("int4"), Format(5)
    width = accumulator_width(operand, kind, 1)
    array = MacArray(kind=kind, lanes=lanes, columns=1, batch=1, operand=operand,
                     widths={"h": width, "x": width}, rows=rows)
    words = [(random_weights(kind, (lanes, 1), rng), np.array([[n + 1]]), "hx"[n % 2])
             for n in range(6)]
    got = run(array, words, rows_between=0, lanes=taken)
    for (phase, sums), (wanted_phase, wanted) in zip(got, expected(words, 1, lanes), strict=True):
        assert phase == wanted_phase and sums.tolist() == wanted[:, :taken].tolist()


@pytest.mark.parametrize("kind", ["binary", "ternary", "int2", "int8"])
@pytest.mark.parametrize("operand", [Format(8), Format(8, 0, False)], ids=str)
@pytest.mark.parametrize("sign", [1, -1])
def test_accumulators_hold_the_largest_sums(kind, operand, sign):
    """As wide as the parameters say, with every term at the end of its format."""
    kind, terms = WeightKind(kind), 12
    width = accumulator_width(operand, kind, terms)
    array = MacArray(kind=kind, lanes=2, columns=4, batch=1, operand=operand, widths={"x": width})
    extreme = operand.minimum if operand.signed else operand.maximum
    words = [(np.full((2, 4), sign * kind.maximum), np.full((1, 4), extreme), end)
             for end in (None, None, "x")]
    assert run(array, words, 0)[0][1].tolist() == [[sign * kind.maximum * extreme * terms] * 2]


def test_a_phase_begins_in_the_cycle_after_the_other_ends():
    """Also beside rows that are still leaving: a word a cycle, without a gap."""
    operand, kind = Format(4), WeightKind("ternary")
    array = MacArray(kind=kind, lanes=2, columns=1, batch=1, operand=operand,
                     widths={"h": 8, "x": 8})
    seen = []

    async def testbench(ctx):
        await ctx.tick()
        ctx.set(array.weights, 0b0101)              # both lanes +1
        for value, last_h, last_x in ((3, 0, 0), (4, 1, 0), (5, 0, 0), (2, 0, 1), (1, 1, 0),
                                      (0, 0, 0)):
            ctx.set(array.values, [[value]])
            ctx.set(array.last_h, last_h)
            ctx.set(array.last_x, last_x)
            await ctx.tick()
            seen.append((ctx.get(array.rows_h[0][0]), ctx.get(array.rows_x[0][0])))

    play(array, testbench)
    assert [h for h, _ in seen[2:]] == [7, 7, 7, 1]
    assert seen[4][1] == 7 and seen[5][1] == 7


@pytest.mark.parametrize("name", WEIGHT_KINDS)
@pytest.mark.parametrize("operand", [Format(4), Format(4, 0, False)], ids=str)
def test_a_zero_operand_adds_nothing_whatever_the_weight(name, operand):
    """Between words the weights are whatever stands in the memory."""
    kind = WeightKind(name)
    array = MacArray(kind=kind, lanes=1, columns=1, batch=1, operand=operand, widths={"x": 20})

    async def testbench(ctx):
        ctx.set(array.values, [[0]])
        for code in kind.encode(np.unique(random_weights(kind, 10_000, np.random.default_rng(0)))):
            ctx.set(array.weights, int(code))
            await ctx.tick()
        ctx.set(array.last_x, 1)
        for _ in range(2 + product_stages(kind, 1)):
            await ctx.tick()
        assert ctx.get(array.rows_x[0][0]) == 0

    play(array, testbench)
