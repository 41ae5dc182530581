"""Number generators of a stochastic network. Bits: `golden.stochastic.numbers`."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.lfsr import jump
from golden.params import ceil_log2
from golden.stochastic.numbers import rows, seeds

__all__ = ["NumberBank"]


class NumberBank(wiring.Component):
    """A bank of number generators that begin anew with every frame.

    Kinds net and vdc are exclusive ors of the bits of one counter, kind lfsr a register each. What
    nobody reads of them vanishes in synthesis.

    **Latency** 1 cycle from ``step`` to the number of that stream cycle. **Throughput** a number of
    each generator in every cycle. It never waits.

    Parameters
    ----------
    bank : golden.stochastic.params.Generators
    width : int
        Of the numbers.
    length : int
        Stream cycles of a frame.

    Members
    -------
    step : In(1)
        The next stream cycle; between two of them the numbers stay.
    first : In(1)
        With ``step``: it is a frame's first one.
    o : Out, ArrayLayout(unsigned(width), count)
        The numbers, not rotated.
    """

    def __init__(self, bank, width, length):
        self.bank, self.width, self.length = bank, width, length
        super().__init__({"step": In(1), "first": In(1),
                          "o": Out(data.ArrayLayout(unsigned(width), bank.count))})

    def elaborate(self, _platform):
        m = Module()
        (self._registers if self.bank.kind == "lfsr" else self._nets)(m)
        return m

    def _nets(self, m):
        count = Signal(max(1, ceil_log2(self.length)))
        with m.If(self.step):
            m.d.sync += count.eq(Mux(self.first, 1, count + 1))
        for number, (masks, constant) in zip(self.o, rows(self.bank, self.width, self.length),
                                             strict=True):
            bits = Cat((count & mask).xor() for mask in masks[::-1]) ^ constant
            with m.If(self.step):
                m.d.sync += number.eq(Mux(self.first, constant, bits))

    def _registers(self, m):
        size = self.bank.register
        masks = jump(size, self.width)
        for index, (number, seed) in enumerate(zip(self.o, seeds(self.bank), strict=True)):
            state = Signal(size, init=seed, name=f"state_{index}")
            m.d.comb += number.eq(state[size - self.width:])
            with m.If(self.step):
                m.d.sync += state.eq(Mux(self.first, seed,
                                         Cat((state & mask).xor() for mask in masks)))
