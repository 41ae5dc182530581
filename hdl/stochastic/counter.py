"""Stochastic to binary. Bits: `golden.stochastic.counter`."""

from amaranth.hdl import Mux, Signal

from hdl.axi import AxiStreamTop
from hdl.formats import shape
from hdl.stochastic.arithmetic import PerBeat, value

__all__ = ["Counter", "CounterCore"]


class CounterCore(PerBeat):
    """A `PerBeat` of `golden.stochastic.arithmetic.CounterParams`."""

    gathers = True

    def answer(self, m, codes, step, last):
        form = shape(self.params.output.format)
        before, total = Signal(form), Signal(form)
        m.d.comb += total.eq(before + value(codes[0], self.params))
        with m.If(step):
            m.d.sync += before.eq(Mux(last, 0, total))
        return total


class Counter(AxiStreamTop):
    """`golden.stochastic.counter.Counter` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(CounterCore(params))
