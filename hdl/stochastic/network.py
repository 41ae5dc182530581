"""A stochastic network between AXI4-Streams. Bits: `golden.stochastic.network`."""

import numpy as np
from amaranth.hdl import Cat, Const, EnableInserter, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.stochastic.timing import FOLDED_STAGES, PLACES, depth, out_beats
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.formats import shape
from hdl.frame import FrameInput, input_layout
from hdl.stochastic.faults import flipped
from hdl.stochastic.folded import FLAGS, FoldedInput, FoldedLayer
from hdl.stochastic.generators import NumberBank
from hdl.stochastic.head import Head
from hdl.stochastic.layer import LayerSums, StateMachine, rotated
from hdl.stream import Queue

__all__ = ["MOST_WEIGHTS", "Network", "NetworkCore", "check_hardware"]

#: Weights x m of the largest network that is laid out in parallel: beyond, its Verilog takes tens
#: of megabytes, and tools give up on it.
MOST_WEIGHTS = 1 << 17


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
    """Counts a frame's stream cycles, each of ``fold`` clock cycles.

    **Latency** none: the first stream cycle is that of ``begin``.

    Members
    -------
    begin : In(1)
    stop : In(1)
        The frame is decided.
    room : In(1)
        A stream cycle may begin; a frame's first one is for whoever says ``begin`` to hold back.
    free : Out(1)
        A frame may begin.
    o : Out(FLAGS)
        In a stream cycle's first clock cycle.
    """

    def __init__(self, length, fold):
        self.length, self.fold = length, fold
        super().__init__({"begin": In(1), "stop": In(1), "room": In(1, init=1),
                          "free": Out(1), "o": Out(FLAGS)})

    def elaborate(self, _platform):
        m = Module()
        running = Signal()
        cycle = Signal(range(max(2, self.length)))
        clock = Signal(range(max(2, self.fold)))
        over = clock == self.fold - 1
        final = cycle == self.length - 1
        m.d.comb += [
            self.free.eq(~running), self.o.first.eq(self.begin),
            self.o.step.eq(self.begin | (running & (clock == 0) & self.room)),
            self.o.last.eq(self.begin if self.length == 1 else
                           self.o.step & ~self.begin & final),
        ]
        with m.If(self.begin):
            m.d.sync += [running.eq(int(self.length * self.fold > 1)),
                         clock.eq(int(self.fold > 1)), cycle.eq(int(self.fold == 1))]
        with m.Elif((clock != 0) | self.room):
            m.d.sync += clock.eq(Mux(over, 0, clock + 1))
            with m.If(over):
                m.d.sync += cycle.eq(cycle + 1)
            with m.If(self.stop | (over & final)):
                m.d.sync += running.eq(0)
        return m


class NetworkCore(wiring.Component):
    """A network in parallel (``params.fold`` is 1), one pipeline that takes a stream cycle in every
    clock cycle; or folded, its layers side by side on successive stream cycles.

    A frame loads while the one before is worked on, and begins as soon as its answer has a place;
    frames follow each other without a gap. An early decision ends its frame at once.

    **Latency, throughput**: `golden.stochastic.timing`. **Back-pressure** on both sides, in any
    cycle; with answer "trace" a beat that waits holds everything up, of a folded network the next
    stream cycles.

    Parameters
    ----------
    params : NetworkParams
    tensors : dict of int64 arrays as `golden.stochastic.network.Network.shapes`

    Members
    -------
    i : In, stream of `hdl.frame.input_layout`
    wrong : In(1)
        Beside the last beat of a frame that is wrong, whatever its length.
    o : Out, stream of ``data``, ``last``, ``error``
    """

    def __init__(self, params, tensors):
        self.params, self.weights = params, terms(params, tensors)
        p = params
        element, elements = {"class": (unsigned(16), 2), "scores": (shape(p.score_format), 1),
                             "trace": (unsigned(1), p.hidden),
                             "ones": (shape(p.ones_format), p.out_columns)}[p.answer]
        beat = data.StructLayout({"data": data.ArrayLayout(element, elements), "last": 1,
                                  "error": 1})
        super().__init__({"i": In(stream.Signature(input_layout(shape(p.input), p.columns))),
                          "wrong": In(1),
                          "o": Out(stream.Signature(beat))})

    def elaborate(self, _platform):
        body = Module()
        p = self.params
        body.submodules.input = source = FrameInput(
            words=p.words, columns=p.columns, element=shape(p.input))
        body.submodules.pacer = pacer = Pacer(p.length, p.fold)
        begin = Signal()       # a frame begins
        wrong = Signal()       # a wrong frame is answered
        decided = Signal()     # an answer is final
        room = Signal()
        most = PLACES.get(p.answer) or ceil_div(depth(p), p.length * p.fold) + 1
        pending = Signal(range(most + 1))  # begun and not decided
        body.d.sync += pending.eq(pending + begin - decided)
        body.d.comb += [
            begin.eq(source.full & ~source.error & pacer.free & room),
            # In order: all frames before have been decided.
            wrong.eq(source.full & source.error & (pending == 0) & room),
            source.begin.eq(begin | wrong), pacer.begin.eq(begin),
            # An answer in the pipeline's last stage may be that of a frame before the one at work.
            pacer.stop.eq(decided & (pending == 1)),
            source.wrong.eq(self.wrong),
        ]
        parts = (self._parallel if p.fold == 1 else self._folded)(body, source, begin, pacer.o)
        if p.answer == "trace":
            if p.fold > 1:
                wiring.connect(body, wiring.flipped(self.i), source.i)
                return self._folded_trace(body, pacer, parts, wrong, decided, room)
            return self._trace(body, source, parts, wrong, decided, room)
        wiring.connect(body, wiring.flipped(self.i), source.i)
        if p.answer == "ones":
            self._ones(body, *parts, begin, wrong, decided, room)
            return body
        flags, sums = parts
        body.submodules.head = head = Head(p)
        body.d.comb += [head.step.eq(flags.step), head.first.eq(flags.first),
                        head.last.eq(flags.last), head.sums.eq(sums), decided.eq(head.decided)]
        if p.answer == "class":
            self._class(body, head, begin, wrong, room)
        else:
            self._scores(body, head, begin, wrong, room)
        return body

    def _parallel(self, m, source, begin, flags):
        """All layers, one pipeline: flags and sums of the head; or flags and bits of the trace, or
        of the last layer."""
        p = self.params
        beat = source.i.payload.data.as_value()
        loaded = Signal(p.words * len(beat), reset_less=True)
        codes = Signal(data.ArrayLayout(shape(p.input), p.inputs), reset_less=True)
        # Inverted, as is the number that all are compared with: of two unsigned values, an iCE40's
        # carry chain compares with the inverse of one, and so with what they share.
        with m.If(source.write):
            m.d.sync += loaded.eq(Cat(loaded, ~beat)[len(beat):])
        with m.If(begin):
            m.d.sync += codes.as_value().eq(loaded)
        m.submodules.x = bank = NumberBank(p.x, p.input.fraction, p.length)
        m.d.comb += [bank.step.eq(flags.step), bank.first.eq(flags.first)]
        bits, compared = Signal(p.inputs, name="bits"), []
        for index, (generator, rotation) in enumerate(p.x.shared(p.inputs)):
            code, number = codes[index], rotated(bank.o[generator], rotation)
            wide = max(len(code), len(number))
            code, number = (Cat(value, *[Const(1, 1)] * (wide - len(value)))
                            for value in (code, ~number))
            above = Signal(name="above")
            m.d.comb += above.eq(code < number)
            compared.append(above)
        m.d.sync += bits.eq(flipped(m, p, 0, "streams", Cat(compared),
                                    delayed(m, flags.step, 1, "compares")))

        hidden = []
        for n, part in enumerate(p.layers[:-1] if p.answer == "trace" else p.layers):
            sums = LayerSums(part, self.weights[n], p.length)
            m.submodules[f"layer_{n}"] = sums
            if n:
                bits = flipped(m, p, n, "streams", bits, delayed(m, flags.step, 2, "enters"))
            m.d.comb += [sums.step.eq(flags.step), sums.first.eq(flags.first), sums.x.eq(bits)]
            # Two cycles before the bits of the next layer, and one cycle later, beside the sums.
            early = delayed(m, flags, part.tree_stages + 1, f"flags_{n}")
            flags = delayed(m, early, 1, f"flags_{n}")
            given = sums.o
            if p.faults:
                given = Signal.like(sums.o, name="given")
                m.d.comb += given.eq(flipped(m, p, n, "sums", sums.o.as_value(), flags.step))
            if part.head:
                return flags, given
            flips = flipped(m, p, n, "states", None, flags.step)
            bits = Signal(part.outputs, name=f"bits_{n}")
            for neuron in range(part.outputs):
                machine = StateMachine(part, faults=flips is not None)
                m.submodules[f"state_{n}_{neuron}"] = machine
                m.d.comb += [machine.step.eq(flags.step), machine.restart.eq(early.first),
                             machine.sum.eq(given[neuron]), bits[neuron].eq(machine.o)]
                if flips is not None:
                    m.d.comb += machine.flips.eq(flips.word_select(neuron, part.state_width))
            flags = early
            # The bits of the layers before wait for this one's.
            if p.answer == "trace":
                hidden = [delayed(m, h, part.tree_stages + 1, "bits_later") for h in hidden]
                hidden.append(bits)
        return delayed(m, flags, 2, "flags"), Cat(hidden) if p.answer == "trace" else bits

    def _folded(self, m, source, begin, flags):
        """As `_parallel`; each part begins with a stream cycle when the one before is done."""
        p = self.params
        m.submodules.x = part = FoldedInput(p)
        m.d.comb += [part.write.eq(source.write), part.last.eq(source.i.payload.last),
                     part.data.eq(source.i.payload.data.as_value()), part.begin.eq(begin),
                     part.i.eq(flags)]
        hidden = []
        for n, params in enumerate(p.layers[:-1] if p.answer == "trace" else p.layers):
            layer = FoldedLayer(params, self.weights[n], p.length)
            m.submodules[f"layer_{n}"] = layer
            m.d.comb += [layer.i.eq(part.o_flags), layer.x.eq(part.o)]
            part = layer
            hidden.append(layer)
        if p.answer != "trace":
            return part.o_flags, part.o
        bits = []
        for n, layer in enumerate(hidden[:-1]):
            late = sum(x.params.fold + x.params.tree_stages + FOLDED_STAGES for x in hidden[n + 1:])
            queue = Queue(len(layer.o.as_value()), max(2, ceil_div(late, p.fold) + 1))
            m.submodules[f"bits_{n}"] = queue
            m.d.comb += [queue.i.valid.eq(layer.o_flags.step), queue.o.ready.eq(part.o_flags.step),
                         queue.i.payload.eq(layer.o.as_value())]
            bits.append(queue.o.payload)
        return part.o_flags, Cat(bits, part.o.as_value())

    def _places(self, m, begin, wrong, room):
        """A frame needs a place for its answer, and gives it back when that has left."""
        places = PLACES[self.params.answer]
        left = Signal(range(places + 1), init=places)
        returned = self.o.valid & self.o.ready & self.o.payload.last
        m.d.sync += left.eq(left + returned - (begin | wrong))
        m.d.comb += room.eq(left != 0)

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

    def _ones(self, m, flags, bits, begin, wrong, decided, room):
        """The counts move up as they leave. A frame's counts wait in the counters, if need be: two
        places, so the frame behind does not begin before they have left."""
        self._places(m, begin, wrong, room)
        p = self.params
        element = shape(p.ones_format)
        counts = Signal(data.ArrayLayout(element, p.outputs), reset_less=True)
        with m.If(flags.step):
            m.d.sync += [count.eq(Mux(flags.first, 0, count) + bit)
                         for count, bit in zip(counts, bits, strict=True)]
        m.d.comb += decided.eq(delayed(m, flags.step & flags.last, 1, "decided"))
        beats, beat = out_beats(p), p.out_columns * element.width
        held = Signal(beats * beat, reset_less=True)
        left = Signal(range(beats + 1))
        waits, error = Signal(), Signal()      # an answer behind the one that leaves
        free, load = Signal(), Signal()
        leaves = self.o.valid & self.o.ready
        m.d.comb += [
            free.eq((left == 0) | (leaves & self.o.payload.last)),
            load.eq((decided | wrong | waits) & free),
            self.o.valid.eq(left != 0), self.o.payload.last.eq(left == 1),
            self.o.payload.data.eq(Mux(self.o.payload.error, 0, held[:beat])),
        ]
        m.d.sync += [waits.eq((decided | wrong | waits) & ~load), error.eq((wrong | error) & ~load)]
        with m.If(load):
            m.d.sync += [held.eq(counts), self.o.payload.error.eq(wrong | error),
                         left.eq(Mux(wrong | error, 1, beats))]
        with m.Elif(leaves):
            m.d.sync += [held.eq(held >> beat), left.eq(left - 1)]

    def _folded_trace(self, m, pacer, parts, wrong, decided, room):
        """All bits of a stream cycle in one beat; a stream cycle begins when its beat has a place.

        Here is no enable: it would not reach the memories."""
        flags, bits = parts
        m.submodules.queue = queue = Queue(
            self.o.payload.shape(), ceil_div(depth(self.params), self.params.fold) + 3)
        left = Signal(range(queue.depth + 1), init=queue.depth)
        m.d.sync += left.eq(left + (self.o.valid & self.o.ready) - (pacer.o.step | wrong))
        given = queue.i.payload
        m.d.comb += [
            room.eq(left != 0), pacer.room.eq(room), decided.eq(flags.step & flags.last),
            queue.i.valid.eq(flags.step | wrong), given.data.eq(Mux(wrong, 0, bits)),
            given.last.eq(flags.last | wrong), given.error.eq(wrong),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m

    def _trace(self, body, source, parts, wrong, decided, room):
        """All bits of a stream cycle in one beat; while it waits, so does everything."""
        m = Module()
        flags, bits = parts
        enable = Signal()
        error = Signal()
        body.d.comb += [decided.eq(flags.step & flags.last), room.eq(~error)]
        body.d.sync += error.eq(wrong)
        m.submodules.body = EnableInserter(enable)(body)
        m.d.comb += [
            self.o.valid.eq(flags.step | error), self.o.payload.data.eq(Mux(error, 0, bits)),
            self.o.payload.last.eq(flags.last | error), self.o.payload.error.eq(error),
            enable.eq(self.o.ready | ~self.o.valid),
            source.i.payload.eq(self.i.payload), source.i.valid.eq(self.i.valid),
            self.i.ready.eq(source.i.ready & enable),
        ]
        return m


def check_hardware(params):
    """Raise ValueError for what golden can do and hardware cannot."""
    weights = sum(part.terms * part.outputs * part.m for part in params.layers)
    if params.fold == 1 and weights > MOST_WEIGHTS:
        raise ValueError(f"Network in parallel must have at most {MOST_WEIGHTS} weights x m, "
                         f"not {weights}: fold it, by neurons and synapses of its layers")
    if params.faults and params.fold > 1:
        raise ValueError("Network faults must be None in hardware that is folded, "
                         f"not {params.faults}")


class Network(AxiStreamTop):
    """`golden.stochastic.network.Network` as an AXI4-Stream top."""

    def __new__(cls, params, tensors):
        # Before there is an object: Amaranth warns of one that is made and not used.
        check_hardware(params)
        return super().__new__(cls, params, tensors)

    def __init__(self, params, tensors):
        super().__init__(NetworkCore(params, tensors),
                         output_register=params.answer == "trace" and params.fold == 1)
