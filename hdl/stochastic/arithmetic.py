"""What the blocks of stream arithmetic share. Formats: `golden.stochastic.arithmetic`."""

from abc import ABC, abstractmethod

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.frame import FrameCheck, beat_in, beat_out

__all__ = ["PerBeat", "value"]


def value(code, params):
    """What a code stands for: itself, but for a bipolar bit."""
    return Cat(Const(1, 1), ~code).as_signed() if params.is_sign else code


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
