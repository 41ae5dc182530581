"""From words of a map to lists of weights: the scanner, and the walk through the lists."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.sparse_conv.joint_params import ON_WAY, QUEUE
from hdl.delay import delayed
from hdl.formats import shape
from hdl.store import index_width
from hdl.stream import Queue

__all__ = ["Scanner", "Walker"]


class Scanner(wiring.Component):
    """Reads a map's words, and gives their non-zero codes, each with the place of its list and the
    address of its pixel's sums.

    **Latency** 4 cycles from ``start`` to the first word's code. **Throughput** a code a cycle; a
    word of zeros takes one. **Back-pressure**: without ``room`` a code waits.

    Parameters
    ----------
    params : JointParams
    instruction : Layout
    rows : int
        Words of the memory ``rows``.

    Members
    -------
    instruction, start : In
    fetch, at : Out
        The map memory's read port; ``data`` is what it has read, and keeps until the next fetch.
    data : In
    row, row_word : Out, In
        The memory ``rows``.
    room : In(1)
    valid, value, list, base : Out
        A code, the place of its list, and the address of its pixel's first sum.
    done : Out(1)
        All words have been given, until the next start.
    """

    def __init__(self, params, instruction, rows):
        self.params = p = params
        self._operand = shape(p.operand)
        super().__init__({
            "instruction": In(instruction), "start": In(1), "fetch": Out(1),
            "at": Out(index_width(max(p.map_depths))),
            "data": In(data.ArrayLayout(self._operand, p.slice)),
            "room": In(1), "valid": Out(1), "value": Out(self._operand),
            "list": Out(p.table + p.slice_bits), "base": Out(p.address),
            "row": Out(index_width(rows)), "row_word": In(p.address + p.table),
            "done": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        # The memory's output is two words ahead of the one whose codes are given; the next one
        # stands in a register, its non-zero codes found.
        fetching, ahead, ready, held = Signal(), Signal(), Signal(), Signal()
        word, following = (Signal(data.ArrayLayout(self._operand, p.slice), name=name)
                           for name in ("word", "next"))
        left = Signal(p.slice)     # its non-zero codes that have not been given
        meant = Signal(p.slice)    # all of the next one's
        rest = Signal(p.slice)
        move, take, finish, last = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            rest.eq(left & (left - 1)[:p.slice]),
            self.valid.eq(held & left.any() & self.room),
            finish.eq(held & ~rest.any() & (self.room | ~left.any())),
            take.eq(ready & (~held | (finish & ~last))),
            move.eq(ahead & (take | ~ready)),
            self.fetch.eq(fetching & (move | ~ahead)),
        ]
        with m.If(self.fetch):
            m.d.sync += [self.at.eq(self.at + 1), ahead.eq(1)]
        with m.If(move):
            m.d.sync += [following.eq(self.data), ready.eq(1)]
            m.d.sync += [meant[n].eq(self.data[n].any() if p.operand.width > 1 else self.data[n])
                         for n in range(p.slice)]
        with m.Elif(take):
            m.d.sync += ready.eq(0)
        with m.If(take):
            m.d.sync += [word.eq(following), left.eq(meant), held.eq(1)]
        with m.Elif(finish):
            m.d.sync += held.eq(0)
        with m.Elif(self.valid):
            m.d.sync += left.eq(rest)
        number = Signal(index_width(p.slice))
        for n in reversed(range(p.slice)):
            with m.If(left[n]):
                m.d.comb += [number.eq(n), self.value.eq(word[n])]
        table = self._positions(m, finish, last)
        m.d.comb += self.list.eq(Cat(number[:p.slice_bits], table))
        with m.If(finish & last):
            m.d.sync += [self.done.eq(1), fetching.eq(0), ahead.eq(0), ready.eq(0)]
        with m.If(self.start):
            m.d.sync += [self.done.eq(0), fetching.eq(1), ahead.eq(0), ready.eq(0),
                         self.at.eq(0)]
        return m

    def _positions(self, m, finish, last):
        """Where the word lies: raises ``last`` beside the last one; returns its lists' place."""
        p, own = self.params, self.instruction
        word, x, y, phase = (Signal.like(own[name], name=f"at_{name}")
                             for name in ("words", "width", "height", "step"))
        table, row_table = Signal(p.table), Signal(p.table)
        last_word, last_x = Signal(), Signal()
        m.d.comb += [last_word.eq(word == own.words), last_x.eq(x == own.width),
                     last.eq(last_word & last_x & (y == own.height))]
        # What is read is about the next row; about the first one 2 cycles after the start.
        ahead, begin, enter = Signal.like(self.row), Signal(2), Signal()
        m.d.comb += [enter.eq(begin[1] | (finish & last_word & last_x)),
                     self.row.eq(ahead + enter)]
        m.d.sync += [begin.eq(Cat(self.start, begin[0])), ahead.eq(self.row)]
        base, place = self.row_word[:p.address], self.row_word[p.address:]
        with m.If(finish):
            m.d.sync += [word.eq(word + 1), table.eq(table + 1)]
            with m.If(last_word):
                m.d.sync += [word.eq(0), x.eq(x + 1), phase.eq(phase + 1)]
                with m.If(phase == own.step):
                    m.d.sync += [phase.eq(0), table.eq(row_table), self.base.eq(self.base + 1)]
                with m.If(last_x):
                    m.d.sync += y.eq(y + 1)
        with m.If(enter):
            m.d.sync += [x.eq(0), phase.eq(own.phase), self.base.eq(base),
                         row_table.eq(place + own.lists), table.eq(place + own.skipped)]
        with m.If(self.start):
            m.d.sync += [word.eq(0), y.eq(0), ahead.eq(own.rows)]
        return table


class Walker(wiring.Component):
    """Takes codes, finds their lists, and goes through one after the other, an entry a cycle.

    **Latency** 3 cycles from a code to the queue's end, and one to its first entry.
    **Throughput** an entry a cycle, with no gap between codes; a code with an empty list takes the
    lanes no cycle. **Back-pressure**: ``room`` falls while the queue is nearly full.

    Parameters
    ----------
    params : JointParams
    start, length : int
        Bits of a list's first address, and of its length.

    Members
    -------
    valid, value, base : In, as `Scanner` gives them
    word : In
        Of the table of lists, one cycle after the code: address, and above it the length.
    room : Out(1)
    busy : Out(1)
        An entry of the list is due: ``entry`` is its address, ``o_value`` and ``o_base`` are its
        code's.
    idle : Out(1)
        Nothing is left.
    """

    def __init__(self, params, start, length):
        self.params = p = params
        self.start, self.length = start, length
        self._operand = shape(p.operand)
        super().__init__({
            "valid": In(1), "value": In(self._operand), "base": In(p.address),
            "word": In(start + length), "room": Out(1), "busy": Out(1), "entry": Out(start),
            "o_value": Out(self._operand), "o_base": Out(p.address), "idle": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        layout = data.StructLayout({"value": self._operand, "base": self.params.address,
                                    "entry": self.start, "length": self.length})
        m.submodules.queue = queue = Queue(layout, QUEUE)
        # The table is read, and what it gave stands in a register.
        reading = delayed(m, self.valid, 1, "reading")
        given = delayed(m, reading, ON_WAY - 1, "given")
        word = delayed(m, self.word, ON_WAY - 1, "word")
        put, first = queue.i.payload, queue.o.payload
        m.d.comb += [
            put.value.eq(delayed(m, self.value, ON_WAY, "value")),
            put.base.eq(delayed(m, self.base, ON_WAY, "base")),
            put.entry.eq(word[:self.start]), put.length.eq(word[self.start:]),
            queue.i.valid.eq(given & put.length.any()),
            self.room.eq(queue.level < QUEUE - ON_WAY),
        ]
        left = Signal(self.length)
        m.d.comb += [queue.o.ready.eq(~self.busy | (left == 1)),
                     self.idle.eq(~reading & ~given & ~queue.o.valid & ~self.busy)]
        with m.If(queue.o.ready):
            m.d.sync += self.busy.eq(queue.o.valid)
            with m.If(queue.o.valid):
                m.d.sync += [left.eq(first.length), self.entry.eq(first.entry),
                             self.o_value.eq(first.value), self.o_base.eq(first.base)]
        with m.Else():
            m.d.sync += [left.eq(left - 1), self.entry.eq(self.entry + 1)]
        return m
