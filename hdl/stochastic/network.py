"""A stochastic network between AXI4-Streams. Bits: `golden.stochastic.network`."""

import numpy as np
from amaranth.hdl import Cat, EnableInserter, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.stochastic.timing import PLACES, depth
from hdl.axi import AxiStreamTop
from hdl.formats import shape
from hdl.stochastic.generators import NumberBank
from hdl.stochastic.head import Head
from hdl.stochastic.input import FrameInput, input_layout
from hdl.stochastic.layer import LayerSums, StateMachine, delayed, rotated
from hdl.stream import Queue

__all__ = ["Network", "NetworkCore"]


def terms(params, tensors):
    """For every layer int64 [outputs, terms], the bias as last term."""
    found = []
    for n, part in enumerate(params.layers):
        weight = tensors[f"layers.{n}.weight"]
        if part.bias:
            weight = np.concatenate([weight, tensors[f"layers.{n}.bias"][:, None]], 1)
        found.append(weight)
    return found


class Pacer(wiring.Component):
    """Counts a frame's stream cycles.

    **Latency** none: the first stream cycle is that of ``begin``.

    Members
    -------
    begin : In(1)
    stop : In(1)
        The frame is decided.
    free : Out(1)
        A frame may begin.
    step, first, last : Out(1)
        A stream cycle; a frame's first, its last.
    """

    def __init__(self, length):
        self.length = length
        super().__init__({"begin": In(1), "stop": In(1), "free": Out(1), "step": Out(1),
                          "first": Out(1), "last": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        length = self.length
        running = Signal()
        cycle = Signal(range(max(2, length)))
        m.d.comb += [
            self.free.eq(~running), self.step.eq(running | self.begin), self.first.eq(self.begin),
            self.last.eq(running & (cycle == length - 1) if length > 1 else self.begin),
        ]
        m.d.sync += cycle.eq(Mux(self.begin, 1, cycle + 1))
        with m.If(self.begin):
            m.d.sync += running.eq(int(length > 1))
        with m.Elif(self.stop | self.last):
            m.d.sync += running.eq(0)
        return m


class NetworkCore(wiring.Component):
    """A network whose layers, one pipeline, take a stream cycle in every clock cycle.

    A frame loads while the one before is worked on, and begins as soon as its answer has a place;
    frames follow each other without a gap. An early decision ends its frame at once.

    **Latency, throughput**: `golden.stochastic.timing`. **Back-pressure** on both sides, in any
    cycle; with answer "trace" a beat that waits holds everything up.

    Parameters
    ----------
    params : NetworkParams
    tensors : dict of int64 arrays as `golden.stochastic.network.Network.shapes`

    Members
    -------
    i : In, stream of `hdl.stochastic.input.input_layout`
    o : Out, stream of ``data``, ``last``, ``error``
    """

    def __init__(self, params, tensors):
        self.params, self.weights = params, terms(params, tensors)
        p = params
        element, elements = {"class": (unsigned(16), 2), "scores": (shape(p.score_format), 1),
                             "trace": (unsigned(1), p.hidden)}[p.answer]
        beat = data.StructLayout({"data": data.ArrayLayout(element, elements), "last": 1,
                                  "error": 1})
        super().__init__({"i": In(stream.Signature(input_layout(shape(p.input), p.columns))),
                          "o": Out(stream.Signature(beat))})

    def elaborate(self, _platform):
        body = Module()
        p = self.params
        body.submodules.input = source = FrameInput(
            inputs=p.inputs, columns=p.columns, element=shape(p.input))
        body.submodules.pacer = pacer = Pacer(p.length)
        begin = Signal()       # a frame begins
        wrong = Signal()       # a wrong frame is answered
        decided = Signal()     # an answer is final
        room = Signal()
        most = PLACES.get(p.answer) or ceil_div(depth(p), p.length) + 1
        pending = Signal(range(most + 1))  # begun and not decided
        body.d.sync += pending.eq(pending + begin - decided)
        body.d.comb += [
            begin.eq(source.full & ~source.error & pacer.free & room),
            # In order: all frames before have been decided.
            wrong.eq(source.full & source.error & (pending == 0) & room),
            source.begin.eq(begin | wrong), pacer.begin.eq(begin),
            # An answer in the pipeline's last stage may be that of a frame before the one at work.
            pacer.stop.eq(decided & (pending == 1)),
        ]
        flags = Cat(pacer.step, pacer.first, pacer.last)

        bits = self._input_bits(body, source.codes, pacer)
        hidden = []
        for n, part in enumerate(p.layers[:-1] if p.answer == "trace" else p.layers):
            sums = LayerSums(part, self.weights[n], p.length)
            body.submodules[f"layer_{n}"] = sums
            body.d.comb += [sums.step.eq(flags[0]), sums.first.eq(flags[1]), sums.x.eq(bits)]
            early = delayed(body, flags, part.tree_stages + 1, f"flags_{n}")
            flags = delayed(body, early, 1, f"flags_{n}")
            if part.head:
                break
            bits = Signal(part.outputs, name=f"bits_{n}")
            for neuron in range(part.outputs):
                machine = StateMachine(part)
                body.submodules[f"state_{n}_{neuron}"] = machine
                body.d.comb += [machine.step.eq(flags[0]), machine.restart.eq(early[1]),
                                machine.sum.eq(sums.o[neuron]), bits[neuron].eq(machine.o)]
            flags = early
            hidden.append(bits)
        if p.answer == "trace":
            return self._trace(body, source, hidden, flags, wrong, decided, room)
        body.submodules.head = head = Head(p)
        body.d.comb += [head.step.eq(flags[0]), head.first.eq(flags[1]), head.last.eq(flags[2]),
                        head.sums.eq(sums.o), decided.eq(head.decided)]
        wiring.connect(body, wiring.flipped(self.i), source.i)
        if p.answer == "class":
            self._class(body, head, begin, wrong, room)
        else:
            self._scores(body, head, begin, wrong, room)
        return body

    def _input_bits(self, m, codes, pacer):
        p = self.params
        m.submodules.x = bank = NumberBank(p.x, p.input.fraction, p.length)
        m.d.comb += [bank.step.eq(pacer.step), bank.first.eq(pacer.first)]
        bits = Signal(p.inputs, name="bits")
        for index, (generator, rotation) in enumerate(p.x.shared(p.inputs)):
            m.d.sync += bits[index].eq(codes[index] > rotated(bank.o[generator], rotation))
        return bits

    def _places(self, m, begin, wrong, room):
        """Places of answers; returns a signal: one of them has left."""
        places = PLACES[self.params.answer]
        left = Signal(range(places + 1), init=places)
        returned = Signal()
        m.d.sync += left.eq(left + returned - (begin | wrong))
        m.d.comb += [room.eq(left != 0),
                     returned.eq(self.o.valid & self.o.ready & self.o.payload.last)]

    def _class(self, m, head, begin, wrong, room):
        self._places(m, begin, wrong, room)
        answer = data.StructLayout({"index": head.index.shape(), "cycles": head.cycles.shape(),
                                    "error": 1})
        m.submodules.queue = queue = Queue(answer, PLACES["class"])
        given, taken = queue.i.payload, queue.o.payload
        m.d.comb += [
            queue.i.valid.eq(head.decided | wrong), given.error.eq(wrong),
            given.index.eq(Mux(wrong, 0, head.index)), given.cycles.eq(Mux(wrong, 0, head.cycles)),
            self.o.valid.eq(queue.o.valid), queue.o.ready.eq(self.o.ready),
            self.o.payload.data[0].eq(taken.index), self.o.payload.data[1].eq(taken.cycles),
            self.o.payload.last.eq(1), self.o.payload.error.eq(taken.error),
        ]

    def _scores(self, m, head, begin, wrong, room):
        """The scores move up as they leave; they have all left when the next answer comes."""
        self._places(m, begin, wrong, room)
        p = self.params
        held = Signal(head.scores.shape(), reset_less=True)
        count = Signal(range(p.outputs + 1))
        m.d.comb += [self.o.valid.eq(count != 0), self.o.payload.last.eq(count == 1),
                     self.o.payload.data[0].eq(Mux(self.o.payload.error, 0, held[0]))]
        with m.If(head.decided):
            m.d.sync += [held.eq(head.scores), count.eq(p.outputs), self.o.payload.error.eq(0)]
        with m.Elif(wrong):
            m.d.sync += [count.eq(1), self.o.payload.error.eq(1)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [held.eq(held.as_value() >> len(held[0])), count.eq(count - 1)]

    def _trace(self, body, source, hidden, flags, wrong, decided, room):
        """All bits of a stream cycle in one beat: those of the first layers wait for the last's."""
        p = self.params
        m = Module()
        enable = Signal()
        error = Signal()
        late = [0]
        for part in p.layers[-2:0:-1]:
            late.insert(0, late[0] + part.tree_stages + 1)
        beat = [delayed(body, bits, cycles) for bits, cycles in zip(hidden, late, strict=True)]
        step, _, last = delayed(body, flags, 2)
        body.d.comb += [decided.eq(step & last), room.eq(~error)]
        body.d.sync += error.eq(wrong)
        m.submodules.body = EnableInserter(enable)(body)
        m.d.comb += [
            self.o.valid.eq(step | error), self.o.payload.data.eq(Mux(error, 0, Cat(beat))),
            self.o.payload.last.eq(last | error), self.o.payload.error.eq(error),
            enable.eq(self.o.ready | ~self.o.valid),
            source.i.payload.eq(self.i.payload), source.i.valid.eq(self.i.valid),
            self.i.ready.eq(source.i.ready & enable),
        ]
        return m


class Network(AxiStreamTop):
    """`golden.stochastic.network.Network` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(NetworkCore(params, tensors), output_register=params.answer == "trace")
