"""Lists of the column words that are not all zero: what the array has to look at, and no more."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hdl.memory import NO_COLLISION
from hdl.store import index_width

__all__ = ["ColumnList", "Gather", "Symbols", "VectorSignature"]


class VectorSignature(wiring.Signature):
    """Vectors on their way to an engine, one element (of every batch item) at a time.

    There is no ``ready``: the sender takes a whole buffer (``reserve``) when there is one
    (``free``), and may then send that vector's elements in any cycles.

    valid, data:  an element of every batch item, [batch][elements]
    last:         it is the vector's last
    final, error: with ``last``: the vector ends its frame; the frame is a wrong one
    """

    def __init__(self, element, elements, batch):
        super().__init__({
            "valid": Out(1), "last": Out(1), "final": Out(1), "error": Out(1),
            "data": Out(data.ArrayLayout(data.ArrayLayout(element, elements), batch)),
            "reserve": Out(1), "free": In(1),
        })


class ColumnList(wiring.Component):
    """Two buffers of kept column words: one is filled while the other is read.

    A word whose elements are all zero, in every batch item, is dropped on the way in. What is kept
    is stored with its position, the offset of its weights within the group's. Reading follows
    writing: a word can be read in the cycle after it was written.

    A cursor goes over the buffer that is read, as often as asked for. What is known of its place
    stands in registers, so that who decides in a cycle whether to go on need not compare counts.

    **Latency** 1 cycle from the cursor to ``word``. **Throughput** one word in and one out a cycle.
    **Back-pressure** by whole buffers, see `VectorSignature`.

    Parameters
    ----------
    words : int
        Words in a vector.
    columns, batch : int
    element : Shape
    addressed : bool
        The writer says each word's position (``i_position``) and whether it is kept (``i_keep``).
    sparse : bool
        Drop zero words; otherwise every word is kept.

    Members
    -------
    i : In, `VectorSignature` of words
    word : Out
        What the cursor stood at in the cycle before: ``position`` and ``data``.
    ready, last, over : Out(1)
        Whether the cursor stands at a word of which it is known whether it is the last one; at the
        last one; behind it, or the complete vector has no word.
    empty : Out(1)
        The complete vector has no word.
    done : Out(1)
        The vector is complete.
    final, error : Out(1)
        Of the complete vector.
    advance, rewind : In(1)
        The cursor goes on by a word, which must be ``ready``, or back to the first one.
    release : In(1), beside ``rewind``
        The buffer being read is given back; the cursor stands at the first word of the other one.
    skip : In(1)
        In the next cycle, take what the cursor is in for a complete vector without a word.
    """

    def __init__(self, *, words, columns, batch, element, addressed=False, sparse=True):
        self.words, self.addressed, self.sparse = words, addressed, sparse
        self._data = data.ArrayLayout(data.ArrayLayout(element, columns), batch)
        self._word = data.StructLayout({"position": index_width(words), "data": self._data})
        members = {
            "i": In(VectorSignature(element, columns, batch)),
            "word": Out(self._word),
            "ready": Out(1), "last": Out(1), "over": Out(1), "empty": Out(1),
            "done": Out(1), "final": Out(1), "error": Out(1),
            "advance": In(1), "rewind": In(1), "release": In(1), "skip": In(1),
        }
        if addressed:
            members |= {"i_position": In(index_width(words)), "i_keep": In(1)}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        width = index_width(self.words)
        m.submodules.memory = memory = Memory(
            shape=unsigned(self._word.size), depth=2 << width, init=[], attrs=NO_COLLISION)
        write = memory.write_port()
        read = memory.read_port()

        # Of the buffer that is read, and of the other one: what has come so far. Whether there are
        # some words, or several, stands beside their count, so that nobody need compare it.
        state = data.StructLayout({"count": range(self.words + 1), "some": 1, "several": 1,
                                   "done": 1, "final": 1, "error": 1})
        this, other = Signal(state), Signal(state)
        reading = Signal()
        ahead = Signal()             # the other one is being filled
        free = Signal(2, init=2)
        m.d.sync += free.eq(free + self.release - self.i.reserve)
        m.d.comb += self.i.free.eq(free != 0)

        position = Signal(width)
        keep = Signal()
        if self.addressed:
            m.d.comb += [position.eq(self.i_position), keep.eq(self.i_keep)]
        else:
            with m.If(self.i.valid):
                m.d.sync += position.eq(Mux(self.i.last, 0, position + 1))
            m.d.comb += keep.eq(self.i.data.as_value().any() if self.sparse else 1)
        ends = self.i.valid & self.i.last
        m.d.comb += [
            write.addr.eq(Cat(Mux(ahead, other.count, this.count)[:width], reading ^ ahead)),
            write.data.eq(Cat(position, self.i.data)),
            write.en.eq(self.i.valid & keep),
        ]

        def following(buffer, filled, name):
            """Its state in the next cycle."""
            after = Signal(state, name=name)
            wrote = write.en & filled
            m.d.comb += [
                after.count.eq(buffer.count + wrote), after.some.eq(buffer.some | wrote),
                after.several.eq(buffer.several | (buffer.some & wrote)),
                after.done.eq(buffer.done | (ends & filled)),
                after.final.eq(Mux(ends & filled, self.i.final, buffer.final)),
                after.error.eq(Mux(ends & filled, self.i.error, buffer.error)),
            ]
            return after

        this_after = following(this, ~ahead, "this_after")
        other_after = following(other, ahead, "other_after")
        m.d.sync += [this.eq(this_after), other.eq(other_after), ahead.eq(ahead ^ ends)]
        with m.If(self.release):  # what is given back is complete: nothing comes for it
            m.d.sync += [this.eq(other_after), other.eq(0), reading.eq(~reading),
                         ahead.eq(~ahead ^ ends)]

        # The cursor.
        index = Signal(range(self.words + 1))
        here = Signal()              # a word has been written that it stands at
        more = Signal()              # another behind it
        behind = Signal()            # there are two words behind the cursor's
        m.d.comb += behind.eq(index + 2 < this.count)

        def stand(buffer, there, another):
            """The cursor's place from the next cycle on."""
            m.d.sync += [
                here.eq(there), more.eq(another),
                self.ready.eq(there & (another | buffer.done) & ~self.skip),
                self.last.eq(there & buffer.done & ~another & ~self.skip),
                self.over.eq((buffer.done & ~there) | self.skip),
                self.empty.eq((buffer.done & ~buffer.some) | self.skip),
            ]

        # Each case by itself, for which of them it is comes last in a cycle.
        now = write.en & ~ahead
        with m.If(self.release):
            m.d.sync += index.eq(0)
            stand(other_after, other_after.some, other_after.several)
        with m.Elif(self.rewind):
            m.d.sync += index.eq(0)
            stand(this_after, this_after.some, this_after.several)
        with m.Elif(self.advance):
            m.d.sync += index.eq(index + 1)
            stand(this_after, more | now, Mux(now, more, behind))
        with m.Else():
            stand(this_after, here | now, Mux(now, here, more))

        m.d.comb += [
            read.addr.eq(Cat(index[:width], reading)),
            self.word.eq(read.data),
            self.done.eq(this.done), self.final.eq(this.final), self.error.eq(this.error),
        ]
        return m


class Gather(wiring.Component):
    """Makes words of ``columns`` elements out of single elements; the last one is padded with 0.

    **Latency** none: a word leaves with its last element. It does not hold anything back.

    Parameters
    ----------
    columns, batch : int
    element, to : Shape
        An element as it comes, and as wide as the receiver wants it.

    Members
    -------
    i, o : In, Out, `VectorSignature` of elements and of words
    """

    def __init__(self, *, columns, batch, element, to):
        self.columns, self.batch, self.element = columns, batch, element
        super().__init__({"i": In(VectorSignature(element, 1, batch)),
                          "o": Out(VectorSignature(to, columns, batch))})

    def elaborate(self, _platform):
        m = Module()
        m.d.comb += [
            self.o.last.eq(self.i.last), self.o.final.eq(self.i.final),
            self.o.error.eq(self.i.error), self.o.reserve.eq(self.i.reserve),
            self.i.free.eq(self.o.free),
        ]
        if self.columns == 1:
            m.d.comb += self.o.valid.eq(self.i.valid)
            m.d.comb += [self.o.data[item][0].eq(self.i.data[item][0])
                         for item in range(self.batch)]
            return m
        place = Signal(range(self.columns))
        full = self.i.last | (place == self.columns - 1)
        m.d.comb += self.o.valid.eq(self.i.valid & full)
        with m.If(self.i.valid):
            m.d.sync += place.eq(Mux(full, 0, place + 1))
        for item in range(self.batch):
            for column in range(self.columns):
                now = self.i.data[item][0]
                if column == self.columns - 1:
                    m.d.comb += self.o.data[item][column].eq(Mux(place == column, now, 0))
                    continue
                kept = Signal(self.element, name=f"element_{item}_{column}")
                with m.If(self.i.valid):
                    with m.If(full):
                        m.d.sync += kept.eq(0)
                    with m.Elif(place == column):
                        m.d.sync += kept.eq(self.i.data[item][0])
                m.d.comb += self.o.data[item][column].eq(Mux(place == column, now, kept))
        return m


class Symbols(wiring.Component):
    """Turns a beat of symbol codes, one a batch item, into addressed one-hot words.

    Each code's word is written once, with a 1 for every batch item that has it. A code that is no
    column writes nothing.

    **Latency** and **throughput**: ``batch`` cycles a beat, the beat leaves in the last of them.
    **Back-pressure** by ``ready``.

    Parameters
    ----------
    inputs, columns, batch : int
    code : Shape

    Members
    -------
    valid, codes, ready : In, In, Out
        The beat.
    o_valid, o_keep, o_position, o_data, o_last : Out
        Writes of a `ColumnList`.
    """

    def __init__(self, *, inputs, columns, batch, code, element):
        self.inputs, self.columns, self.batch = inputs, columns, batch
        super().__init__({
            "valid": In(1), "codes": In(data.ArrayLayout(code, batch)), "ready": Out(1),
            "o_valid": Out(1), "o_keep": Out(1), "o_last": Out(1),
            "o_position": Out(index_width(inputs)),
            "o_data": Out(data.ArrayLayout(data.ArrayLayout(element, columns), batch)),
        })

    def elaborate(self, _platform):
        m = Module()
        turn = Signal(range(self.batch)) if self.batch > 1 else 0
        last = turn == self.batch - 1 if self.batch > 1 else 1
        code = Signal.like(self.codes[0], name="code")
        seen = Signal()
        m.d.comb += code.eq(self.codes[0])
        if self.batch > 1:
            with m.If(self.valid):
                m.d.sync += turn.eq(Mux(last, 0, turn + 1))
            with m.Switch(turn):
                for item in range(1, self.batch):
                    with m.Case(item):
                        m.d.comb += code.eq(self.codes[item])
                        m.d.comb += seen.eq(Cat(self.codes[before] == self.codes[item]
                                                for before in range(item)).any())
        m.d.comb += [
            self.o_valid.eq(self.valid), self.o_last.eq(last), self.ready.eq(last),
            self.o_position.eq(code),
            self.o_keep.eq(~seen & (code < self.inputs)),
        ]
        m.d.comb += [self.o_data[item][0].eq(self.codes[item] == code)
                     for item in range(self.batch)]
        return m
