"""Frames of a fixed length: their beats, and what tells the wrong ones."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.formats import shape

__all__ = ["FrameCheck", "FrameInput", "beat_in", "beat_out", "input_layout"]


def input_layout(element, columns):
    """An input beat: ``columns`` codes, and ``last``."""
    return data.StructLayout({"data": data.ArrayLayout(element, columns), "last": 1})


def beat_in(port):
    """Payload of an input beat of the `golden.design.Stream`."""
    return input_layout(shape(port.format), port.elements)


def beat_out(port):
    """Payload of an output beat of the `golden.design.Stream`."""
    return data.StructLayout({"data": data.ArrayLayout(shape(port.format), port.elements),
                              "last": 1, "error": 1})


class FrameCheck(wiring.Component):
    """Counts a frame's beats.

    **Latency** none: ``inner`` and ``wrong`` are about the beat that is there, which passes with
    ``step``.

    Parameters
    ----------
    length : int
        Beats of a right frame.

    Members
    -------
    step, last : In(1)
    inner : Out(1)
        More beats must follow it.
    wrong : Out(1)
        If the frame ends with it, its length is wrong.
    """

    def __init__(self, length):
        self.length = length
        super().__init__({"step": In(1), "last": In(1), "inner": Out(1), "wrong": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        position = Signal(range(max(2, self.length)))
        end = Signal()   # it is the last one that is due
        over = Signal()  # that one has passed
        m.d.comb += [end.eq(position == self.length - 1), self.inner.eq(~end),
                     self.wrong.eq(over | ~end)]
        with m.If(self.step):
            with m.If(self.last):
                m.d.sync += [position.eq(0), over.eq(0)]
            with m.Elif(end):
                m.d.sync += over.eq(1)
            with m.Else():
                m.d.sync += position.eq(position + 1)
        return m


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
