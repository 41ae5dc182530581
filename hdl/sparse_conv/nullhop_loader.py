"""Reads compressed streams into the controllers' memories."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.sparse_conv.compressed import GROUP, line_lengths
from golden.sparse_conv.nullhop_params import BLOCK
from hdl.frame import input_layout
from hdl.store import index_width

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


class Loader(wiring.Component):
    """Walks along a compressed stream, finds each value's place, and checks the frame.

    A cycle it takes a word, or steps over the end of a pixel's block of channels where that is not
    the end of a group of the stream too. A frame is wrong if it ends before its last group does, or
    goes on; if a sparsity map goes on past its line; if a value that should not be 0 is; if a
    controller has no room for a value. It is then dropped up to its last beat, and ``wrong`` until
    ``answered``.

    **Latency** 2 cycles from a beat of one word, its frame's last, to ``loaded``, and 1 for every
    further block that its group reaches. **Throughput** a word a cycle. **Back-pressure**: while
    ``full``.

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
        There was no room for this cycle's value.
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
        lengths = line_lengths(layer.channels, layer.height, layer.width, p.order)
        area = layer.height * layer.width

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

        rest = Signal(GROUP)               # the group's sparsity map, from here on
        left = Signal(range(GROUP + 1))    # elements of the group, from here on
        ahead = Signal(range(max(lengths) + 1), init=lengths[0])  # of its line, behind the group
        begun = Signal(range(len(lengths) + 1))         # lines whose last group was begun
        room = Signal(range(BLOCK + 1), init=sizes[0])  # elements of the block, from here on
        place = Signal(range(BLOCK))       # element of the block
        bits = Signal(BLOCK)               # the block's sparsity map, up to here
        closing = Signal()                 # the last word is taken, blocks may remain

        # The block's next value.
        lowest, skip, found = Signal(GROUP), Signal(range(GROUP)), Signal(range(BLOCK))
        within = (rest != 0) & (skip < room)
        m.d.comb += [lowest.eq(rest & -rest), found.eq(place + skip),
                     skip.eq(Cat(Cat(lowest[n] for n in range(GROUP) if n >> bit & 1).any()
                                 for bit in range(4)))]

        # The next sparsity map.
        parts = GROUP // p.word
        part = Signal(index_width(parts))
        collected, new = Signal(GROUP), Signal(GROUP)
        new_left = Signal.like(left)
        whole = part == parts - 1
        m.d.comb += [new.eq(Cat(collected[p.word:], word)),
                     new_left.eq(Mux(ahead < GROUP, ahead, GROUP))]

        wrong, dropping = Signal(), Signal()
        act, value, fetch, flush = Signal(), Signal(), Signal(), Signal()
        over = left <= room  # the group ends before the block does, or with it
        m.d.comb += [
            act.eq(~self.full & ~wrong),
            value.eq(act & have & within),
            fetch.eq(act & have & ~within & over & ~closing),
            flush.eq(act & ~within & (~over | ((left == room) & (closing | (fetch & whole))))),
            take.eq(value | fetch),
        ]
        # The frame must end with the word that its last group ends with.
        final, bad = Signal(), Signal()
        final_group = (begun == len(lengths) - 1) & (ahead <= GROUP)
        m.d.comb += [
            final.eq(Mux(value, (begun == len(lengths)) & (rest == lowest),
                         whole & final_group & (new == 0))),
            bad.eq((take & Mux(final, ~ends, ends & last_word))
                   | (value & ((word[:layer.input.width] == 0) | self.over))
                   | (fetch & whole & ((new >> new_left) != 0))),
            drop.eq((take & (final | bad)) | (dropping & have)),
        ]
        with m.If(take & final):
            m.d.sync += closing.eq(1)
        with m.If(value):
            m.d.sync += [bits.eq(bits | (1 << found)), rest.eq((rest >> skip)[1:]),
                         left.eq(left - skip - 1), room.eq(room - skip - 1), place.eq(found + 1)]
        with m.If(fetch):
            m.d.sync += [part.eq(Mux(whole, 0, part + 1)), collected.eq(new)]
        with m.If(fetch & whole):
            # What was left of the group before holds no value.
            m.d.sync += [rest.eq(new), left.eq(new_left), ahead.eq(ahead - new_left),
                         room.eq(room - left), place.eq(place + left)]
            with m.If(ahead <= GROUP):
                # Only the last line may be shorter than the others.
                m.d.sync += [begun.eq(begun + 1), ahead.eq(
                    Mux(begun == len(lengths) - 2, lengths[-1], lengths[0]))]

        block = Signal(index_width(blocks))
        x = Signal(index_width(layer.width))
        row = Signal(index_width(layer.height))
        lower, bank = Signal(), Signal()
        pixel = Signal(range(2 * area))
        last_block, last_x = block == blocks - 1, x == layer.width - 1
        paired = Signal()  # the row above has its pixel, the row below follows
        if p.order == "pairs":
            odd = layer.height - 1 if layer.height % 2 else layer.height
            m.d.comb += paired.eq(~lower & (row != odd))
        line_ends = last_block & last_x & ~paired
        with m.If(flush):
            with m.If(~over):
                m.d.sync += [left.eq(left - room), rest.eq(rest >> room)]
            m.d.sync += [bits.eq(0), place.eq(0), block.eq(Mux(last_block, 0, block + 1)),
                         room.eq(Array(sizes[1:] + sizes[:1])[block])]
        with m.If(flush & last_block):
            with m.If(paired):
                m.d.sync += [lower.eq(1), pixel.eq(pixel + layer.width)]
            with m.Else():
                m.d.sync += [lower.eq(0), x.eq(Mux(last_x, 0, x + 1)),
                             pixel.eq(Mux(last_x | ~lower, pixel + 1, pixel + 1 - layer.width))]
                with m.If(last_x):
                    m.d.sync += row.eq(row + (2 if p.order == "pairs" else 1))
        ended = line_ends & (row + lower == layer.height - 1)
        s = self.store
        m.d.comb += [
            self.loaded.eq(flush & ended),
            s.value.eq(value), s.code.eq(word), s.channel.eq(block * BLOCK + found),
            s.lower.eq(lower), s.row.eq(Mux(bank, layer.height, 0) + row + lower),
            s.map.eq(flush), s.bits.eq(bits), s.block.eq(block), s.pixel.eq(pixel),
            s.line.eq((flush & line_ends) | bad)]
        with m.If(self.loaded | bad):
            # From anew, in the other bank if the frame was right.
            m.d.sync += [part.eq(0), rest.eq(0), left.eq(0), ahead.eq(lengths[0]), begun.eq(0),
                         room.eq(sizes[0]), place.eq(0), bits.eq(0), closing.eq(0), block.eq(0),
                         x.eq(0), row.eq(0), lower.eq(0), bank.eq(bank ^ self.loaded),
                         pixel.eq(Mux(bank ^ self.loaded, area, 0))]

        # A wrong frame goes up to its last beat.
        m.d.comb += self.wrong.eq(wrong & ~dropping)
        with m.If(bad):
            m.d.sync += [wrong.eq(1), dropping.eq(~ends)]
        with m.Elif(dropping & have):
            m.d.sync += dropping.eq(~ends)
        with m.Elif(self.answered):
            m.d.sync += wrong.eq(0)
        return m
