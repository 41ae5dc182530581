"""The way in: frames of the right length, and those of a wrong one."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FrameInput", "input_layout"]


def input_layout(element, columns):
    """An input beat: ``columns`` codes, and ``last``."""
    return data.StructLayout({"data": data.ArrayLayout(element, columns), "last": 1})


class FrameInput(wiring.Component):
    """Takes frames beat by beat and says when one is complete; whoever holds the codes stores them.

    A frame that ends too early, or goes on too long, is dropped up to its ``last`` and then stands
    there with ``error``; so does one whose last beat comes with ``wrong``.

    **Latency** 1 cycle from a frame's last beat to ``full``. **Throughput** a beat a cycle.
    **Back-pressure**: while ``full``.

    Parameters
    ----------
    words, columns : int
        Beats of a frame, codes of a beat.
    element : Shape

    Members
    -------
    i : In, stream of `input_layout`
    wrong : In(1)
    write : Out(1)
        A beat to store, number ``word`` of its frame; beats of a wrong frame are among them.
    full, error : Out(1)
        A frame is complete; it is a wrong one.
    begin : In(1)
        The frame begins, or, if it is a wrong one, has been answered: the next one may load.
    """

    def __init__(self, *, words, columns, element):
        self.words = words
        super().__init__({
            "i": In(stream.Signature(input_layout(element, columns))), "wrong": In(1),
            "write": Out(1), "word": Out(range(max(2, words))),
            "full": Out(1), "error": Out(1), "begin": In(1)})

    def elaborate(self, _platform):
        m = Module()
        dropping = Signal()  # the frame is too long: wait for its end
        final = self.word == self.words - 1
        m.d.comb += [self.i.ready.eq(~self.full), self.write.eq(self.i.valid & self.i.ready)]
        with m.If(self.write):
            with m.If(self.i.payload.last):
                m.d.sync += [self.word.eq(0), dropping.eq(0), self.full.eq(1),
                             self.error.eq(dropping | ~final | self.wrong)]
            with m.Elif(final):
                m.d.sync += dropping.eq(1)
            with m.Else():
                m.d.sync += self.word.eq(self.word + 1)
        with m.If(self.begin):
            m.d.sync += self.full.eq(0)
        return m
