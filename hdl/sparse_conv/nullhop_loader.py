"""Reads compressed streams into the controllers' memories."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.sparse_conv.compressed import GROUP, line_lengths
from golden.sparse_conv.nullhop_params import BLOCK
from hdl.frame import input_layout
from hdl.one_hot import index, lowest
from hdl.store import index_width
from hdl.stream import SkidBuffer
from hdl.tree import tree_sum

__all__ = ["Loader", "store_layout"]


def store_layout(p):
    """What a controller stores in a cycle: a value, the sparsity map of a pixel's block of 16
    channels, or both.

    lines:   rows, or pairs of rows, end: their values have been counted
    row:     of the image, those of the second bank behind those of the first
    pixel:   of the image, likewise
    """
    layer = p.layer
    return data.StructLayout({
        "value": 1, "code": p.word, "channel": index_width(layer.channels), "lower": 1,
        "row": range(2 * layer.height), "map": 1, "bits": BLOCK,
        "block": index_width(ceil_div(layer.channels, BLOCK)),
        "pixel": range(2 * layer.height * layer.width), "line": 1})


#: A word that was read. ``bits`` are the last 16 of the stream, the word's own on top; with
#: ``group`` they are the sparsity map of a group of ``size`` elements. ``end``: it is its frame's
#: last one. ``fault``: the frame is too short or too long.
_WORD = data.StructLayout({"bits": GROUP, "size": range(GROUP + 1), "value": 1, "group": 1,
                           "end": 1, "fault": 1})


class _Reader(wiring.Component):
    """Tells sparsity maps from values, and where a frame should end.

    **Latency** 2 cycles from a beat to its first word. **Throughput** a word a cycle.

    Parameters
    ----------
    p : golden.sparse_conv.nullhop_params.NullhopParams

    Members
    -------
    i : In, stream of beats
    o : Out, stream of `_WORD`
        Of a frame that is too long, the word behind its last beat is one more, with ``fault``.
    """

    def __init__(self, p):
        self.p = p
        super().__init__({
            "i": In(stream.Signature(input_layout(unsigned(p.word), p.beat))),
            "o": Out(stream.Signature(_WORD))})

    def elaborate(self, _platform):
        m = Module()
        p, layer = self.p, self.p.layer
        lengths = line_lengths(layer.channels, layer.height, layer.width, p.order)
        m.submodules.queue = queue = SkidBuffer(_WORD)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        put = queue.i.payload

        # The beat at hand, word by word.
        beat = Signal(data.ArrayLayout(unsigned(p.word), p.beat))
        have, ends = Signal(), Signal()
        at = Signal(index_width(p.beat))
        word = Signal(p.word)
        take, drop = Signal(), Signal()  # the word, the whole beat
        last_word = at == p.beat - 1
        leaves = drop | (take & last_word)
        m.d.comb += [word.eq(Array([beat[n] for n in range(p.beat)])[at]),
                     self.i.ready.eq(~have | leaves)]
        with m.If(take):
            m.d.sync += at.eq(at + 1)
        with m.If(leaves):
            m.d.sync += [have.eq(0), at.eq(0)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [beat.eq(self.i.payload.data), ends.eq(self.i.payload.last), have.eq(1)]

        values = Signal(range(GROUP + 1))  # that the group still has
        ahead = Signal(range(max(lengths) + 1), init=lengths[0])  # of its line, behind the group
        begun = Signal(range(len(lengths) + 1))  # lines whose last group was begun
        parts = GROUP // p.word
        part = Signal(index_width(parts))
        collected, dropping = Signal(GROUP), Signal()
        value = values != 0
        group = ~value & (part == parts - 1)
        last_group = ahead <= GROUP
        # The frame must end with the word that its last group ends with.
        final = Mux(value, (begun == len(lengths)) & (values == 1),
                    group & (begun == len(lengths) - 1) & last_group & (put.bits == 0))
        m.d.comb += [
            take.eq(have & ~dropping & queue.i.ready),
            drop.eq((take & final) | (dropping & have & (~ends | queue.i.ready))),
            queue.i.valid.eq(have & (~dropping | ends)),
            put.bits.eq(Cat(collected[p.word:], word)),
            put.size.eq(Mux(last_group, ahead, GROUP)),
            put.value.eq(value), put.group.eq(group & ~dropping),
            put.end.eq(ends & (final | last_word | dropping)),
            put.fault.eq(dropping | Mux(final, ~ends, ends & last_word))]
        with m.If(take):
            m.d.sync += [collected.eq(put.bits), dropping.eq(final & ~ends)]
            with m.If(value):
                m.d.sync += values.eq(values - 1)
            with m.Else():
                m.d.sync += part.eq(Mux(group, 0, part + 1))
            with m.If(group):
                m.d.sync += [values.eq(tree_sum(put.bits)), ahead.eq(ahead - put.size)]
                with m.If(last_group):
                    # Only the last line may be shorter than the others.
                    m.d.sync += [begun.eq(begun + 1), ahead.eq(
                        Mux(begun == len(lengths) - 2, lengths[-1], lengths[0]))]
        with m.If(queue.i.valid & queue.i.ready & put.end):
            m.d.sync += [dropping.eq(0), part.eq(0), values.eq(0), ahead.eq(lengths[0]),
                         begun.eq(0)]
        return m


class Loader(wiring.Component):
    """Walks along a compressed stream, finds each value's place, and checks the frame.

    A cycle it takes a word, or steps over the end of a pixel's block of channels where that is not
    the end of a group of the stream too. A frame is wrong if it ends before its last group does, or
    goes on; if a sparsity map goes on past its line; if a value that should not be 0 is; if a
    controller has no room for a value. It is then dropped up to its last beat, and ``wrong`` until
    ``answered``.

    **Latency** 4 cycles from a beat of one word, its frame's last, to ``loaded``, and 1 for every
    further block that its group reaches. **Throughput** a word a cycle, and two cycles a frame.
    **Back-pressure**: while ``full``.

    Parameters
    ----------
    p : golden.sparse_conv.nullhop_params.NullhopParams

    Members
    -------
    i : In, stream of words
    store : Out, `store_layout`
    loaded : Out(1)
        The frame is complete and right.
    full : In(1)
        No bank is free.
    over : In(1)
        There is no room for the value that ``store`` has.
    wrong : Out(1)
    answered : In(1)

    Source: see `golden.sparse_conv.compressed`.
    """

    def __init__(self, p):
        self.p = p
        super().__init__({
            "i": In(stream.Signature(input_layout(unsigned(p.word), p.beat))),
            "store": Out(store_layout(p)), "loaded": Out(1), "full": In(1), "over": In(1),
            "wrong": Out(1), "answered": In(1)})

    def elaborate(self, _platform):
        m = Module()
        p, layer = self.p, self.p.layer
        blocks = ceil_div(layer.channels, BLOCK)
        sizes = [min(BLOCK, layer.channels - block * BLOCK) for block in range(blocks)]
        area = layer.height * layer.width

        m.submodules.reader = reader = _Reader(p)
        wiring.connect(m, wiring.flipped(self.i), reader.i)
        word, code = reader.o.payload, reader.o.payload.bits[-p.word:]

        # The group: its next value, those behind it, its elements.
        first, rest = Signal(GROUP), Signal(GROUP)
        size = Signal(range(GROUP + 1))
        # The block, from an element of the group (modulo 16; it may have begun in one before) up to
        # another, or beyond the group's end.
        start = Signal(range(BLOCK))
        stop = Signal(range(2 * GROUP), init=sizes[0])
        closing = Signal()  # the last word is taken, blocks may remain
        failed = Signal()   # the frame is wrong, and not over
        ending = Signal()   # the frame is over; in this cycle one learns whether it was right
        wrong = Signal()

        within = Cat(first[n] & (stop > n) for n in range(GROUP)).any()
        inside, flush_with = stop < size, stop == size  # the block ends within, with the group
        act, accept, value, group, flush = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            act.eq(~self.full & ~wrong & ~ending),
            accept.eq(reader.o.valid & act & ~closing & (
                failed | word.fault | Mux(word.value, within, ~within & ~inside))),
            reader.o.ready.eq(accept),
            value.eq(accept & word.value), group.eq(accept & word.group),
            flush.eq(act & ~failed & ~within & (inside | (flush_with & (closing | group))))]
        beyond = Cat(word.bits[n] & (word.size <= n) for n in range(GROUP)).any()
        fault = failed | word.fault | (word.value & (code[:layer.input.width] == 0)) | (
            word.group & beyond)
        with m.If(value | group):
            found = lowest(Mux(word.value, rest, word.bits))
            m.d.sync += [first.eq(found[0]), rest.eq(found[1])]

        block = Signal(index_width(blocks))
        x = Signal(index_width(layer.width))
        row = Signal(index_width(layer.height))
        lower, bank = Signal(), Signal()
        pixel = Signal(range(2 * area))
        last_block, last_x = block == blocks - 1, x == layer.width - 1
        following = Array(sizes[1:] + sizes[:1])[block]  # size of the next block
        with m.If(flush):
            m.d.sync += [block.eq(Mux(last_block, 0, block + 1)), start.eq(Mux(group, 0, stop)),
                         stop.eq(Mux(group, 0, stop) + following)]
        with m.Elif(group):
            # What was left of the group before holds no value.
            m.d.sync += [start.eq(start - size), stop.eq(stop - size)]
        with m.If(group):
            m.d.sync += size.eq(word.size)
        paired = Signal()  # the row above has its pixel, the row below follows
        if p.order == "pairs":
            odd = layer.height - 1 if layer.height % 2 else layer.height
            m.d.comb += paired.eq(~lower & (row != odd))
        line_ends = last_block & last_x & ~paired
        with m.If(flush & last_block):
            with m.If(paired):
                m.d.sync += [lower.eq(1), pixel.eq(pixel + layer.width)]
            with m.Else():
                m.d.sync += [lower.eq(0), x.eq(Mux(last_x, 0, x + 1)),
                             pixel.eq(Mux(last_x | ~lower, pixel + 1, pixel + 1 - layer.width))]
                with m.If(last_x):
                    m.d.sync += row.eq(row + (2 if p.order == "pairs" else 1))
        ended = closing & line_ends & (row + lower == layer.height - 1)

        # The frame's end, and what is stored: behind registers.
        with m.If(accept):
            m.d.sync += failed.eq(fault)
        with m.If(accept & word.end):
            m.d.sync += [closing.eq(~fault), ending.eq(fault)]
        with m.If(flush & ended):
            m.d.sync += ending.eq(1)
        s = self.store
        m.d.sync += [
            s.value.eq(value & ~failed), s.code.eq(code),
            s.channel.eq(block * BLOCK + (index(first) - start)[:len(start)]),
            s.lower.eq(lower), s.row.eq(Mux(bank, layer.height, 0) + row + lower),
            s.map.eq(flush), s.block.eq(block), s.pixel.eq(pixel),
            s.line.eq((flush & line_ends) | ending)]
        bits = Signal(BLOCK)  # the block's sparsity map, up to here
        lacked = Signal()     # there was no room for a value of the frame
        m.d.comb += s.bits.eq(bits)
        with m.If(s.map):
            m.d.sync += bits.eq(0)
        with m.If(s.value):
            m.d.sync += [bits.eq(bits | 1 << s.channel[:len(start)]), lacked.eq(lacked | self.over)]
        bad = ending & (failed | lacked)
        m.d.comb += [self.loaded.eq(ending & ~bad), self.wrong.eq(wrong)]
        with m.If(ending):
            # From anew, in the other bank if the frame was right.
            m.d.sync += [first.eq(0), rest.eq(0), size.eq(0), start.eq(0), stop.eq(sizes[0]),
                         bits.eq(0), closing.eq(0), failed.eq(0), lacked.eq(0), ending.eq(0),
                         block.eq(0), x.eq(0), row.eq(0), lower.eq(0), bank.eq(bank ^ self.loaded),
                         pixel.eq(Mux(bank ^ self.loaded, area, 0)), wrong.eq(bad)]
        with m.Elif(self.answered):
            m.d.sync += wrong.eq(0)
        return m
