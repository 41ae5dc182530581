"""A stochastic multiply-accumulate of numbers. Bits: `golden.stochastic.mac`."""

from amaranth.hdl import Cat, Const, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi import AxiStreamTop
from hdl.formats import shape
from hdl.frame import FrameCheck, beat_in, beat_out
from hdl.tree import tree_sum

__all__ = ["Mac", "MacCore"]


class MacCore(wiring.Component):
    """A shift register for the operands; per input a multiplexer, a comparator and a gate; one
    counter, one sum of bits and one accumulator for all of them.

    A negative product's bit is inverted, so that the sum's bits have no sign; for what that adds,
    ``length`` each, the accumulator starts lower.

    **Latency** ``length + 2`` cycles from a frame's last beat to its answer. **Throughput** a frame
    every ``inputs + length + 2`` cycles. **Back-pressure** by frames: the next one is taken when
    the answer has left.

    Parameters
    ----------
    params : golden.stochastic.mac.MacParams

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
        From registers.
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"i": In(stream.Signature(beat_in(params.input))),
                          "o": Out(stream.Signature(beat_out(params.output)))})

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.frame = frame = FrameCheck(p.inputs)
        operands = Signal(data.ArrayLayout(data.ArrayLayout(unsigned(p.bits), 2), p.inputs))
        count = Signal(p.count_width)
        busy, adds, valid, error = Signal(), Signal(), Signal(), Signal()
        taken, begins, wrong, given = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            i.ready.eq(~(busy | adds | valid)), taken.eq(i.valid & i.ready),
            frame.step.eq(taken), frame.last.eq(i.payload.last),
            begins.eq(taken & i.payload.last & ~frame.wrong),
            wrong.eq(taken & i.payload.last & frame.wrong), given.eq(o.valid & o.ready),
        ]
        m.d.sync += [busy.eq(begins | (busy & ~count.all())), adds.eq(busy),
                     count.eq(count + busy)]
        with m.If(given):
            m.d.sync += valid.eq(0)
        with m.Elif(wrong | (adds & ~busy)):
            m.d.sync += [valid.eq(1), error.eq(wrong)]
        with m.If(taken):
            m.d.sync += operands.eq(Cat(operands.as_value()[2 * p.bits:],
                                        *(Cat(v[:-1] ^ v[-1].replicate(p.bits - 1), v[-1])
                                          for v in i.payload.data)))
        bits = Signal(p.inputs)
        m.d.sync += bits.eq(Cat(self._bits(m, operands, count)))
        total = Signal(range(p.inputs + 1))
        m.d.comb += total.eq(tree_sum(bits))
        sums = Signal(shape(p.output.format))
        below = Const(-p.length, len(sums))
        negative = i.payload.data[0][-1] ^ i.payload.data[1][-1]
        with m.If(given | wrong):
            m.d.sync += sums.eq(0)
        with m.Elif(taken | adds):
            m.d.sync += sums.eq(sums + ((total & adds.replicate(len(total)))
                                        | (below & (taken & negative).replicate(len(sums)))))
        m.d.comb += [o.valid.eq(valid), o.payload.last.eq(1), o.payload.error.eq(error),
                     o.payload.data[0].eq(sums)]
        return m

    def _bits(self, m, operands, count):
        """Every product's bit of a stream cycle, inverted if it is negative."""
        digits = self.params.bits - 1
        used = min(len(count), digits)
        ramp = (count << digits)[len(count):]
        # One-hot, the number of the count's trailing zeros: which bit of x; below them its sign.
        zeros = Signal(used + 1)
        m.d.comb += zeros.eq(Cat(*(count[:n] == 0 if n == used else count[:n + 1] == 1 << n
                                   for n in range(used + 1))))
        for x, w in operands:
            of_x = (Cat(x[:-1][::-1], x[-1])[:used + 1] & zeros).any()
            of_w = w.rotate_left(1) > Cat(Const(0, 1), ramp)
            yield (of_x & of_w) ^ x[-1] ^ w[-1]


class Mac(AxiStreamTop):
    """`golden.stochastic.mac.Mac` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(MacCore(params), output_register=False)  # it ends in registers
