"""Layers whose neurons and synapses take turns: the same bits in less hardware, more slowly."""

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.stochastic.timing import input_beats
from hdl.delay import delayed
from hdl.memory import NO_COLLISION
from hdl.popcount import BitSum
from hdl.stochastic.generators import NumberBank
from hdl.stochastic.layer import product, rotated, subtrahend, transition
from hdl.store import Store, index_width

__all__ = ["FLAGS", "FoldedInput", "FoldedLayer"]

#: A stream cycle passes from part to part: there it is, it is its frame's first, its last.
FLAGS = data.StructLayout({"step": 1, "first": 1, "last": 1})


def chosen(m, numbers, word):
    """The number that a lane compares with at ``word``; ``numbers``: one for every word, each as
    (key, value)."""
    values = dict(numbers)
    if len(values) == 1:
        return numbers[0][1]
    result = Signal.like(numbers[0][1], name="number")
    with m.Switch(word):
        for key, value in values.items():
            with m.Case(*[n for n, (other, _) in enumerate(numbers) if other == key]):
                m.d.comb += result.eq(value)
    return result


def _rom(width, words):
    """A `Store` of ``words``; at least two, since an address of no bits breaks other tools."""
    words = [*words, *[0] * (2 - len(words))]
    return Store(width, len(words), words)


class Slots(wiring.Component):
    """Counts the clock cycles in which a part works on a stream cycle: from the one after ``step``,
    ``groups`` times ``words`` of them. A ``step`` before the end begins anew.

    Members
    -------
    i : In(FLAGS)
    active, begin, end : Out(1)
        A slot; the stream cycle's first one, its last one.
    word : Out
    flags : Out(FLAGS)
        Of the stream cycle at work.
    """

    def __init__(self, groups, words):
        self.groups, self.words = groups, words
        super().__init__({"i": In(FLAGS), "active": Out(1), "begin": Out(1), "end": Out(1),
                          "word": Out(index_width(words)), "flags": Out(FLAGS)})

    def elaborate(self, _platform):
        m = Module()
        group = Signal(range(max(2, self.groups)))
        over = self.word == self.words - 1
        m.d.comb += self.end.eq(self.active & over & (group == self.groups - 1))
        m.d.sync += self.begin.eq(self.i.step)
        with m.If(self.i.step):
            m.d.sync += [self.active.eq(1), self.word.eq(0), group.eq(0), self.flags.eq(self.i)]
        with m.Elif(self.active):
            m.d.sync += [self.active.eq(~self.end), self.word.eq(Mux(over, 0, self.word + 1)),
                         group.eq(group + over)]
        return m


class FoldedInput(wiring.Component):
    """Input codes to bits, so many beats (`golden.stochastic.timing.input_beats`) in a clock cycle,
    once in a stream cycle.

    Two buffers: one is written while the other is read.

    **Latency** ``words + 2`` cycles from ``i.step`` to ``o_flags.step``, when all bits stand in
    ``o``; they stay until 2 cycles after the next ``i.step``. It never waits.

    Parameters
    ----------
    params : NetworkParams

    Members
    -------
    write, last, data : In
        A beat of the frame that loads, and whether it is its last.
    begin : In(1)
        Before a frame's first ``i.step``, or with it: the loaded frame is the one to read.
    i, o_flags : In(FLAGS), Out(FLAGS)
    o : Out(inputs)
    """

    def __init__(self, params):
        self.params, self.beats = params, input_beats(params)
        self.words = ceil_div(params.words, self.beats)
        super().__init__({
            "write": In(1), "last": In(1),
            "data": In(params.columns * params.input.width), "begin": In(1),
            "i": In(FLAGS), "o_flags": Out(FLAGS), "o": Out(params.inputs)})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.slots = slots = Slots(1, self.words)
        m.submodules.bank = bank = NumberBank(p.x, p.input.fraction, p.length)
        m.d.comb += [slots.i.eq(self.i), bank.step.eq(slots.begin),
                     bank.first.eq(slots.flags.first)]
        reading = Signal()
        with m.If(self.begin):
            m.d.sync += reading.eq(~reading)
        width = index_width(self.words)
        line = Signal(width)     # of the word, and the beat in it
        beat = Signal(range(max(2, self.beats)))
        with m.If(self.write):
            with m.If(self.last):
                m.d.sync += [beat.eq(0), line.eq(0)]
            with m.Elif(beat == self.beats - 1):
                m.d.sync += [beat.eq(0), line.eq(line + 1)]
            with m.Else():
                m.d.sync += beat.eq(beat + 1)
        codes = []
        for index in range(self.beats):
            m.submodules[f"codes_{index}"] = memory = Memory(
                shape=unsigned(len(self.data)), depth=2 << width, init=[], attrs=NO_COLLISION)
            write, read = memory.write_port(), memory.read_port()
            m.d.comb += [write.addr.eq(Cat(line, ~reading)), write.data.eq(self.data),
                         write.en.eq(self.write & (beat == index)),
                         read.addr.eq(Cat(slots.word, reading))]
            codes += [read.data.word_select(column, p.input.width) for column in range(p.columns)]
        word = delayed(m, slots.word, 1)
        shared = p.x.shared(p.inputs)
        bits = []
        for lane, code in enumerate(codes):
            keys = [shared[min(w * len(codes) + lane, p.inputs - 1)] for w in range(self.words)]
            bits.append(code > chosen(m, [
                (key, rotated(bank.o[key[0]], key[1])) for key in keys], word))
        collected = Signal(self.words * len(codes))
        with m.If(delayed(m, slots.active, 1)):
            m.d.sync += collected.eq(Cat(collected, *bits)[len(bits):])
        m.d.comb += [self.o.eq(collected)]
        m.d.comb += self.o_flags.eq(delayed(
            m, Mux(slots.end, slots.flags.as_value(), 0), 2, "flags"))
        return m


class FoldedLayer(wiring.Component):
    """``neurons`` times ``synapses`` weights of a layer in every clock cycle, from a memory.

    A sum begins at minus what its negative weights count too much: their bits are added inverted.

    **Latency** ``params.fold + params.tree_stages + 5`` cycles from ``i.step``, when ``x`` must be
    there, to ``o_flags.step``, when all bits (of a head: all sums) stand in ``o``. **Throughput** a
    stream cycle every ``params.fold`` cycles. It never waits.

    Parameters
    ----------
    params : LayerParams
    weight : int64 array [outputs, terms], the bias as last term
    length : int

    Members
    -------
    i, o_flags : In(FLAGS), Out(FLAGS)
    x : In(inputs)
    o : Out, ArrayLayout(unsigned(1) or the shape of a sum, outputs)
    """

    def __init__(self, params, weight, length):
        self.params, self.weight, self.length = params, weight, length
        p = params
        self.neurons, self.synapses = p.neurons or p.outputs, p.synapses or p.terms
        self.groups = ceil_div(p.outputs, self.neurons)
        self.words = ceil_div(p.terms, self.synapses)
        self._element = signed(p.sum_format.width) if p.head else unsigned(1)
        super().__init__({"i": In(FLAGS), "o_flags": Out(FLAGS), "x": In(p.inputs),
                          "o": Out(data.ArrayLayout(self._element, p.outputs))})

    def _weights(self):
        """Codes and signs, lane after lane: int64 [groups, words, neurons, synapses] each."""
        p = self.params
        padded = np.zeros((self.groups * self.neurons, self.words * self.synapses), dtype=np.int64)
        # What is not there has a stream without ones.
        padded[:p.outputs, :p.terms] = (
            self.weight if p.coding == "sign" else self.weight + p.largest)
        lanes = padded.reshape(self.groups, self.neurons, self.words, self.synapses)
        lanes = lanes.transpose(0, 2, 1, 3)
        return np.abs(lanes), (lanes < 0).astype(np.int64)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.slots = slots = Slots(self.groups, self.words)
        m.submodules.bank = bank = NumberBank(p.w, p.width, self.length)
        m.d.comb += [slots.i.eq(self.i), bank.step.eq(slots.begin),
                     bank.first.eq(slots.flags.first)]

        # Slot: the inputs' bits turn by a word in each; the weights are addressed.
        given = [*self.x, *[Const(1, 1)] * p.bias]
        # Beyond the last term: what makes, with no ones, a product of 0.
        given += [Const(int(p.product == "xnor"), 1)] * (self.words * self.synapses - p.terms)
        bits = Signal(len(given))
        with m.If(self.i.step):
            m.d.sync += bits.eq(Cat(given))
        with m.Elif(slots.active):
            m.d.sync += bits.eq(bits.rotate_right(self.synapses % len(bits)))
        x = delayed(m, bits[:self.synapses], 2, "x")
        word = delayed(m, slots.word, 1, "word")
        codes, signs = self._weights()
        code_bits = p.width + 1
        lane_bits = code_bits + (p.coding == "sign")
        rom = [sum((int(code) | int(sign) << code_bits) << lane * lane_bits for lane, (code, sign)
                   in enumerate(zip(c.ravel(), s.ravel(), strict=True)))
               for c, s in zip(codes.reshape(-1, self.neurons, self.synapses),
                               signs.reshape(-1, self.neurons, self.synapses), strict=True)]
        m.submodules.weights = store = _rom(
            self.neurons * self.synapses * lane_bits, rom)
        address = Signal(len(store.address))
        with m.If(self.i.step):
            m.d.sync += address.eq(0)
        with m.Elif(slots.active):
            m.d.sync += address.eq(address + 1)
        m.d.comb += store.address.eq(address)
        weights = delayed(m, store.word, 1, "weights")

        # Two cycles on: products; then partial sums.
        numbers = p.w.shared(p.terms * p.m)
        compared = []
        for lane in range(self.synapses):
            terms = [min(w * self.synapses + lane, p.terms - 1) for w in range(self.words)]
            compared.append([delayed(m, chosen(m, [
                (numbers[t * p.m + k], rotated(bank.o[numbers[t * p.m + k][0]],
                                               numbers[t * p.m + k][1])) for t in terms], word),
                1, "compared") for k in range(p.m)])
        x_later = Signal.like(x, name="x_later")
        m.d.sync += x_later.eq(x)
        less = subtrahend(m, p, x_later, p.tree_stages)
        partial = []
        for neuron in range(self.neurons):
            products, terms = [], []
            for lane in range(self.synapses):
                at = (neuron * self.synapses + lane) * lane_bits
                code = weights[at:at + code_bits]
                ones = Signal(range(p.m + 1), name="ones")
                m.d.comb += ones.eq(sum((code > number for number in compared[lane]),
                                        start=Const(0, 1)))
                made = product(m, p, x[lane], ones)
                if p.coding == "sign":
                    made = made ^ weights[at + code_bits].replicate(len(made))
                products.append(made)
                terms += [(e + (p.coding == "bipolar"), 1) for e in range(len(made))]
            m.submodules[f"tree_{neuron}"] = tree = BitSum(
                terms, p.tree_stages, less=0 if less is None else p.m * self.synapses)
            m.d.sync += tree.i.eq(Cat(products))
            if less is not None:
                m.d.comb += tree.less.eq(less)
            partial.append(tree.o)

        # Beside the partial sums: whose they are.
        stage = data.StructLayout({"active": 1, "begin": 1, "opens": 1, "closes": 1, "end": 1,
                                   "flags": FLAGS})
        now = Signal(stage)
        m.d.comb += [now.active.eq(slots.active), now.begin.eq(slots.begin),
                     now.opens.eq(slots.word == 0), now.closes.eq(slots.word == self.words - 1),
                     now.end.eq(slots.end), now.flags.eq(slots.flags)]
        before = delayed(m, now, p.tree_stages + 2, "before")
        here = delayed(m, before, 1, "here")
        done = delayed(m, here, 1, "done")

        group = Signal(index_width(self.groups))
        at = Signal.like(group)
        m.d.comb += at.eq(Mux(before.begin, 0, group))
        with m.If(before.active):
            m.d.sync += group.eq(at + before.closes)
        group_here = delayed(m, at, 1, "group_here")
        group_done = delayed(m, group_here, 1, "group_done")
        sums = self._sums(m, partial, signs, at, here)
        element = sums
        if not p.head:
            element = self._states(m, sums, group_here, group_done, done)
        collected = Signal(self.groups * self.neurons * self._element.width)
        with m.If(done.active & done.closes):
            m.d.sync += collected.eq(Cat(collected, *element)[len(Cat(*element)):])
        m.d.comb += self.o.as_value().eq(collected)
        m.d.sync += self.o_flags.eq(Mux(done.end, done.flags.as_value(), 0))
        return m

    def _sums(self, m, partial, signs, group, here):
        """The neurons' sums, complete one cycle after a group's last partial ones."""
        p = self.params
        # An inverted number of so many bits is too large by this; xnor counts lanes without a term.
        excess = (1 << p.m.bit_length()) - 1 if p.coding == "sign" else 0
        begin = -excess * signs.sum(axis=(1, 3))       # [groups, neurons]
        if p.product == "xnor":
            begin += p.m * (self.words * self.synapses - p.terms)
        most = int(np.abs(begin).max())
        shape = signed(max(most, p.m * self.words * self.synapses).bit_length() + 1)
        width = most.bit_length() + 1
        m.submodules.begin = store = _rom(width * self.neurons, [
            sum((int(v) & (1 << width) - 1) << n * width for n, v in enumerate(row))
            for row in begin])
        m.d.comb += store.address.eq(group)
        sums = []
        for neuron, value in enumerate(partial):
            total = Signal(shape, name=f"total_{neuron}")
            begins = store.word.word_select(neuron, width).as_signed()
            with m.If(here.active):
                m.d.sync += total.eq(Mux(here.opens, begins, total) + value)
            sums.append(Signal(signed(p.sum_format.width), name=f"sum_{neuron}"))
            m.d.comb += sums[-1].eq(total)
        return sums

    def _states(self, m, sums, reading, writing, done):
        """States of the neurons' groups in a memory; returns the neurons' bits."""
        p = self.params
        width = (p.states - 1).bit_length()
        m.submodules.states = memory = Memory(
            shape=unsigned(width * self.neurons), depth=1 << len(reading), init=[],
            attrs=NO_COLLISION)
        read, write = memory.read_port(), memory.write_port()
        bits, states = [], []
        for neuron, total in enumerate(sums):
            state = Mux(done.flags.first, p.start, read.data.word_select(neuron, width))
            after, bit = transition(m, p, state, total)
            states.append(after)
            bits.append(bit)
        m.d.comb += [read.addr.eq(reading), write.addr.eq(writing), write.data.eq(Cat(states)),
                     write.en.eq(done.active & done.closes)]
        return bits
