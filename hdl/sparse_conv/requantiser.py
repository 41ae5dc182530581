"""Sums of products to codes of the output map. Bits: `golden.sparse_conv.convolution`."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.sparse_conv.params import REQUANTISER
from hdl.delay import delayed
from hdl.formats import requantise, shape
from hdl.store import Store, index_width

__all__ = ["Requantiser", "named"]


def named(m, value, name):
    """A signal of an expression, so that it can be delayed."""
    found = Signal(value.shape(), name=name)
    m.d.comb += found.eq(value)
    return found


class Requantiser(wiring.Component):
    """Scales, biases, rounds and pools sums that come side by side, so many at a time.

    **Latency** `golden.sparse_conv.params.REQUANTISER` cycles from ``start`` to the first values:
    sums, rows, products, totals, values. **Throughput** ``many`` values a cycle:
    sums may come again after ``steps`` cycles. **Back-pressure** none.

    Parameters
    ----------
    layer : ConvParams
    tensors : dict of int64 arrays
    lanes, many : int
        Sums that come, and how many of them are worked on in a cycle.
    sum_width : int
        Bits of a sum, where the layer's are too few.
    shared : bool
        All sums are of filter ``row``; otherwise sum n is of filter ``row * lanes + n``.

    Members
    -------
    start : In(1), sums : In
    row : In
    first, last : In(1)
        The sums are the first, the last ones of a pool.
    end : In(1)
    value : Out, `many` codes of the output
    step : Out
        They are of sums ``step * many`` and so on.
    made : Out(1)
        They are there, and the last of their pool.
    ended : Out(1)
        They are the last ones of sums that came with ``end``.
    """

    def __init__(self, layer, tensors, *, lanes, many, shared, sum_width=None):
        self.layer, self.lanes, self.many, self.shared = layer, lanes, many, shared
        self.sum = signed(sum_width or layer.sum_width)
        self.steps = ceil_div(lanes, many)
        scaled = layer.scale_width > 0
        width = layer.bias_width + layer.scale_width
        rows = [(bias & (1 << layer.bias_width) - 1) | (
            (int(tensors["scale"][f]) & (1 << layer.scale_width) - 1) << layer.bias_width
            if scaled else 0) for f, bias in enumerate(tensors["bias"].tolist())]
        if not shared:
            # A word for each step; lanes behind the last filter, or the last lane, are not used.
            count = ceil_div(layer.filters, lanes)
            at = [[block * lanes + lane if lane < lanes else layer.filters
                   for lane in range(step * many, step * many + many)]
                  for block in range(count) for step in range(self.steps)]
            rows = [sum((rows[f] if f < layer.filters else 0) << n * width
                        for n, f in enumerate(word)) for word in at]
            width *= many
        self.store = Store(width, len(rows), rows)
        super().__init__({
            "start": In(1),
            "sums": In(data.ArrayLayout(self.sum, lanes)),
            "row": In(index_width(layer.filters if shared else ceil_div(layer.filters, lanes))),
            "first": In(1), "last": In(1), "end": In(1),
            "value": Out(data.ArrayLayout(shape(layer.output), many)),
            "step": Out(range(max(2, self.steps))), "made": Out(1), "ended": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        layer, many, steps = self.layer, self.many, self.steps
        m.submodules.rows = store = self.store
        # The sums wait in a chain that moves on by ``many``.
        chain = [Signal(self.sum, name=f"held_{n}", reset_less=True)
                 for n in range(many * steps)]
        step, going = Signal.like(self.step), Signal()
        row, first, last, end = (Signal.like(port, name=f"{name}_held") for name, port in (
            ("row", self.row), ("first", self.first), ("last", self.last), ("end", self.end)))
        with m.If(going):
            for n, held in enumerate(chain):
                m.d.sync += held.eq(chain[n + many] if n + many < len(chain) else 0)
            m.d.sync += step.eq(step + 1)
            with m.If(step == steps - 1):
                m.d.sync += [going.eq(0), step.eq(0)]
        with m.If(self.start):
            m.d.sync += [chain[n].eq(self.sums[n]) for n in range(self.lanes)]
            m.d.sync += [going.eq(1), step.eq(0), row.eq(self.row), first.eq(self.first),
                         last.eq(self.last), end.eq(self.end)]
        # A row's word stands beside its sums, so that its address comes a cycle before.
        now = Mux(self.start, self.row, row)
        coming = Mux(self.start, 0, step + 1)
        m.d.comb += store.address.eq(now if self.shared else now * steps + coming)

        final = step == steps - 1
        late = delayed(m, named(m, Cat(going & last, going & end & final, ~first, going, step),
                                "flags"), REQUANTISER - 1, "flags_late")
        m.d.comb += [self.made.eq(late[0]), self.ended.eq(late[1]), self.step.eq(late[4:])]
        width = layer.bias_width + layer.scale_width
        best = [Signal(shape(layer.output), name=f"best_{n}", reset_less=True)
                for n in range(many * steps)]
        words = delayed(m, store.word, 1, "row_word")
        for n in range(many):
            word = words.word_select(0 if self.shared else n, width)
            bias = word[:layer.bias_width].as_signed()
            product = delayed(m, chain[n], 1, f"sum_{n}")
            if layer.scale_width:
                product *= word[layer.bias_width:].as_signed()
            total = (delayed(m, named(m, product, f"product_{n}"), 1, f"scaled_{n}")
                     + delayed(m, named(m, bias, f"bias_{n}"), 1, f"biased_{n}"))
            total = delayed(m, named(m, total, f"total_{n}"), 1, f"total_late_{n}")
            if layer.relu:
                total = Mux(total < 0, 0, total)
            value = delayed(m, named(m, requantise(total, layer.shift, layer.output),
                                     f"value_{n}"), 1, f"rounded_{n}")
            m.d.comb += self.value[n].eq(
                Mux(late[2] & (best[n] > value), best[n], value) if layer.pool > 1 else value)
        if layer.pool > 1:
            with m.If(late[3]):
                for n, kept in enumerate(best):
                    m.d.sync += kept.eq(best[n + many] if n + many < len(best)
                                        else self.value[n + many - len(best)])
        return m
