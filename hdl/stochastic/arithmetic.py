"""What the blocks of stream arithmetic share. Formats: `golden.stochastic.arithmetic`."""

from abc import ABC, abstractmethod

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.formats import shape

__all__ = ["FrameCheck", "PerBeat", "beat_in", "beat_out", "value"]


def beat_in(port):
    """Payload of an input beat of the `golden.design.Stream`."""
    return data.StructLayout({"data": data.ArrayLayout(shape(port.format), port.elements),
                              "last": 1})


def beat_out(port):
    """Payload of an output beat of the `golden.design.Stream`."""
    return data.StructLayout({"data": data.ArrayLayout(shape(port.format), port.elements),
                              "last": 1, "error": 1})


def value(code, params):
    """What a code stands for: itself, but for a bipolar bit."""
    return Cat(Const(1, 1), ~code).as_signed() if params.is_sign else code


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


class PerBeat(wiring.Component, ABC):
    """Frames of ``params.length`` beats in; a beat out for each of them, or one for all.

    **Latency** none, so that `hdl.axi.AxiStreamTop`'s register is the only one. **Throughput** a
    beat a cycle. **Back-pressure**: it takes a beat when its answer can leave.

    A frame of a wrong length is answered up to the beat in which its last one is due or comes;
    the rest is dropped, and one beat with ``error`` closes it.

    Parameters
    ----------
    params : golden.stochastic.arithmetic.StreamParams
        With ``input`` and ``output``.

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
    """

    #: Whether a frame is answered by one beat.
    gathers = False

    def __init__(self, params):
        self.params = params
        super().__init__({"i": In(stream.Signature(beat_in(params.input))),
                          "o": Out(stream.Signature(beat_out(params.output)))})

    @abstractmethod
    def answer(self, m, codes, step, last):
        """The answer's value to a beat's ``codes``; state moves on with ``step``, and begins anew
        after the ``last`` beat."""

    def elaborate(self, _platform):
        m = Module()
        i, o = self.i, self.o
        step = Signal()
        m.submodules.frame = frame = FrameCheck(self.params.length)
        m.d.comb += [
            step.eq(i.valid & i.ready), frame.step.eq(step), frame.last.eq(i.payload.last),
            i.ready.eq(o.ready),
            o.valid.eq(i.valid & (i.payload.last | (Const(0) if self.gathers else frame.inner))),
            o.payload.last.eq(i.payload.last), o.payload.error.eq(i.payload.last & frame.wrong),
        ]
        answer = self.answer(m, i.payload.data, step, i.payload.last)
        m.d.comb += o.payload.data[0].eq(Mux(o.payload.error, 0, answer))
        return m
