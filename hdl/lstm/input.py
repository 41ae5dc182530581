"""The way in: beats to vectors, and frames of a wrong length to one error."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from hdl.lstm.columns import Symbols, VectorSignature
from hdl.store import index_width

__all__ = ["VectorInput", "input_layout"]


def input_layout(element, columns, batch):
    """An input beat: ``columns`` elements of every batch item, item by item, and ``last``."""
    return data.StructLayout({"data": data.ArrayLayout(element, columns * batch), "last": 1})


class VectorInput(wiring.Component):
    """Takes frames of ``steps`` vectors, a word a beat, and hands the vectors to an engine.

    A frame that ends too early, or goes on too long, is dropped up to its ``last``; what was
    dropped of it arrives as one vector with ``error``, which the output answers with one beat.
    Surplus elements of a vector's last beat are ignored.

    **Latency** none. **Throughput** a beat a cycle (with symbols, one batch item a cycle).
    **Back-pressure** by whole vectors.

    Parameters
    ----------
    size, columns, batch, steps : int
        Elements in a vector; a beat holds ``columns`` of each batch item.
    given, element : Shape
        As it comes, and as the array wants it.
    one_hot : bool
        A vector is one beat of symbol codes.

    Members
    -------
    i : In, stream of `input_layout`
    fault : In(1)
        Beside a beat: its frame is wrong for a reason of its own.
    settled : In(1)
        A wrong frame may end now; 1 unless the engine is `hdl.lstm.direct`.
    o : Out, `VectorSignature` of words
    position, keep : Out, with one_hot: see `hdl.lstm.columns.ColumnList`
    """

    def __init__(self, *, size, columns, batch, steps, given, element, one_hot=False):
        self.size, self.columns, self.batch = size, columns, batch
        self.steps, self.one_hot = steps, one_hot
        self.element = element
        beat = input_layout(given, 1 if one_hot else columns, batch)
        self._given = given
        members = {"i": In(stream.Signature(beat)), "fault": In(1), "settled": In(1),
                   "o": Out(VectorSignature(element, columns, batch))}
        if one_hot:
            members |= {"position": Out(index_width(size)), "keep": Out(1)}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        words = 1 if self.one_hot else ceil_div(self.size, self.columns)
        word = Signal(range(words))
        step = Signal(range(self.steps))
        started = Signal()               # this vector has its buffer
        dropping = Signal()              # the frame is too long: wait for its end
        take = Signal()
        # In registers: what a beat's position means for it is known before it comes.
        word_last = Signal(init=words == 1)
        step_last = Signal(init=self.steps == 1)
        frame_last = Signal()
        finished = Signal(init=1)        # the beat's last cycle
        payload = self.i.payload
        wrong = Signal()
        able = Signal()
        m.d.comb += [
            frame_last.eq(word_last & step_last),
            wrong.eq(dropping | self.fault | (payload.last != frame_last)),
            able.eq((started | self.o.free) & (~(wrong & payload.last) | self.settled)),
            take.eq(self.i.valid & able),
            self.i.ready.eq(able & finished),
            self.o.reserve.eq(take & ~started),
        ]
        if self.one_hot:
            m.submodules.symbols = symbols = Symbols(
                inputs=self.size, columns=self.columns, batch=self.batch, code=self._given,
                element=self.element)
            m.d.comb += [
                symbols.valid.eq(take), finished.eq(symbols.ready),
                self.position.eq(symbols.o_position), self.keep.eq(symbols.o_keep & ~wrong),
                self.o.data.eq(symbols.o_data),
            ]
            m.d.comb += [symbols.codes[item].eq(payload.data[item]) for item in range(self.batch)]
        else:
            surplus = words * self.columns - self.size
            for item in range(self.batch):
                for column in range(self.columns):
                    value = payload.data[item * self.columns + column]
                    if column >= self.columns - surplus:
                        value = Mux(word_last, 0, value)
                    m.d.comb += self.o.data[item][column].eq(value)
        # A wrong frame's beat ends a vector only together with its frame.
        ends = Mux(wrong, payload.last, word_last)
        m.d.comb += [
            self.o.valid.eq(take & (~wrong | payload.last)),
            self.o.last.eq(ends & finished),
            self.o.final.eq(payload.last), self.o.error.eq(wrong),
        ]
        with m.If(take):
            m.d.sync += started.eq(1)
            with m.If(finished):
                with m.If(payload.last):
                    m.d.sync += [word.eq(0), step.eq(0), dropping.eq(0), started.eq(0),
                                 word_last.eq(words == 1), step_last.eq(self.steps == 1)]
                with m.Elif(wrong):
                    m.d.sync += dropping.eq(1)
                with m.Else():
                    m.d.sync += [word.eq(word + 1), word_last.eq(word == words - 2)]
                    with m.If(word_last):
                        m.d.sync += [word.eq(0), word_last.eq(words == 1), started.eq(0),
                                     step.eq(step + 1), step_last.eq(step == self.steps - 2)]
        return m
