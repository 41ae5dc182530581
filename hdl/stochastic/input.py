"""The way in: beats to the input codes of a frame, held while the frame is worked on."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div

__all__ = ["FrameInput", "input_layout"]


def input_layout(element, columns):
    """An input beat: ``columns`` codes, and ``last``."""
    return data.StructLayout({"data": data.ArrayLayout(element, columns), "last": 1})


class FrameInput(wiring.Component):
    """Takes a frame's codes into a shift register while those of the frame before are worked on.

    A frame that ends too early, or goes on too long, is dropped up to its ``last`` and then stands
    there with ``error``. Surplus codes of the last beat are ignored.

    **Latency** 1 cycle from a frame's last beat to ``full``, 1 from ``begin`` to ``codes``.
    **Throughput** a beat a cycle. **Back-pressure**: while ``full``.

    Parameters
    ----------
    inputs, columns : int
    element : Shape

    Members
    -------
    i : In, stream of `input_layout`
    full, error : Out(1)
        A frame is complete; it is a wrong one.
    begin : In(1)
        Take it over, or, if it is a wrong one, take note of it.
    codes : Out, ArrayLayout(element, inputs)
    """

    def __init__(self, *, inputs, columns, element):
        self.inputs, self.columns, self.element = inputs, columns, element
        super().__init__({
            "i": In(stream.Signature(input_layout(element, columns))),
            "full": Out(1), "error": Out(1), "begin": In(1),
            "codes": Out(data.ArrayLayout(element, inputs))})

    def elaborate(self, _platform):
        m = Module()
        words = ceil_div(self.inputs, self.columns)
        word = Signal(range(max(2, words)))
        dropping = Signal()  # the frame is too long: wait for its end
        take = Signal()
        beat = self.i.payload.data.as_value()
        loaded = Signal(words * len(beat), reset_less=True)
        m.d.comb += [self.i.ready.eq(~self.full), take.eq(self.i.valid & self.i.ready)]
        final = word == words - 1
        with m.If(take):
            m.d.sync += loaded.eq(Cat(loaded, beat)[len(beat):])
            with m.If(self.i.payload.last):
                m.d.sync += [word.eq(0), dropping.eq(0), self.full.eq(1),
                             self.error.eq(dropping | ~final)]
            with m.Elif(final):
                m.d.sync += dropping.eq(1)
            with m.Else():
                m.d.sync += word.eq(word + 1)
        with m.If(self.begin):
            m.d.sync += [self.full.eq(0), self.codes.as_value().eq(loaded)]
        return m
