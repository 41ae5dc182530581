"""Numbers to streams. Bits: `golden.stochastic.converter`."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi import AxiStreamTop
from hdl.frame import FrameCheck, beat_in, beat_out
from hdl.stochastic.generators import NumberBank
from hdl.tree import tree_sum

__all__ = ["Converter", "ConverterCore"]


class ConverterCore(wiring.Component):
    """A register for the numbers, the generators, a comparator for every stream.

    **Latency** 1 cycle from the numbers to the streams' first beat. **Throughput** a beat a cycle;
    the next frame's numbers are taken with the last beat. **Back-pressure**: generators wait.

    Parameters
    ----------
    params : golden.stochastic.arithmetic.ConverterParams

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"i": In(stream.Signature(beat_in(params.input))),
                          "o": Out(stream.Signature(beat_out(params.output)))})

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.frame = frame = FrameCheck(1)
        m.submodules.bank = bank = NumberBank(p.x, p.width, p.length)
        beat = Signal(range(p.length))
        codes = Signal(i.payload.data.shape())
        wrong = Signal()
        end = Signal()
        taken, given, begins = Signal(), Signal(), Signal()
        m.d.comb += [
            taken.eq(i.valid & i.ready), given.eq(o.valid & o.ready),
            begins.eq(taken & i.payload.last), frame.step.eq(taken),
            frame.last.eq(i.payload.last), end.eq(wrong | (beat == p.length - 1)),
            i.ready.eq(~o.valid | (o.ready & end)),
            bank.first.eq(begins), bank.step.eq(begins | given),
            o.payload.last.eq(end), o.payload.error.eq(wrong),
        ]
        valid = Signal()
        m.d.comb += o.valid.eq(valid)
        with m.If(given):
            m.d.sync += [beat.eq(Mux(end, 0, beat + 1)), valid.eq(~end)]
        with m.If(begins):
            m.d.sync += [codes.eq(i.payload.data), wrong.eq(frame.wrong), valid.eq(1)]
        shared = iter(p.x.shared(p.inputs * p.m))
        for code, out in zip(codes, o.payload.data, strict=True):
            levels = {"unipolar": code, "bipolar": code + (1 << p.bits), "sign": abs(code)}
            level = Signal.like(levels[p.coding], name="level")
            m.d.comb += level.eq(levels[p.coding])
            ones = tree_sum([level > bank.o[generator].rotate_left(rotation)
                             for generator, rotation in (next(shared) for _ in range(p.m))])
            if p.coding == "sign":
                ones = Mux(code < 0, -ones, ones)
            elif p.coding == "bipolar" and not p.is_sign:
                ones = (ones << 1) - p.m
            m.d.comb += out.eq(Mux(wrong, 0, ones))
        return m


class Converter(AxiStreamTop):
    """`golden.stochastic.converter.Converter` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(ConverterCore(params))
