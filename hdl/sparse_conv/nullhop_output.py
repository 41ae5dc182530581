"""The way out of the compressed-activation dataflow: sums of clusters to an encoded stream."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.params import ceil_div
from golden.sparse_conv.compressed import GROUP, line_lengths
from hdl.delay import delayed
from hdl.formats import requantise, shape
from hdl.one_hot import lowest
from hdl.store import index_width
from hdl.tree import tree_sum

__all__ = ["Encoder", "Output", "beat_layout"]


def beat_layout(p):
    return data.StructLayout({"data": data.ArrayLayout(unsigned(p.word), p.beat),
                              "last": 1, "error": 1})


class Output(wiring.Component):
    """Takes complete columns off the controllers: adds the sums of a cluster, scales, adds the
    bias, rectifies, rounds, pools, and writes a line's memory, one half while the other is encoded.

    **Latency** 4 cycles from ``word`` to ``write`` where a result is, 5 with a scale.
    **Throughput** ``lanes`` sums a cycle. **Back-pressure**: no line begins while both halves are
    in use.

    Parameters
    ----------
    p : golden.sparse_conv.nullhop_params.NullhopParams
    stores : list of hdl.store.Store
        `golden.sparse_conv.nullhop_memories.tables`.
    widths : list of int
        Of each controller's sums.

    Members
    -------
    ready : In(1)
        All controllers have a complete column.
    row, word : Out
        What is read of it.
    sums : In
        Of each controller ``lanes`` sums, in the cycle after ``word``.
    release : Out(1)
        All of it was read.
    write : Out(1); address, values : Out
        Of the line memory's half ``half``.
    full : Out(1)
        A line is written.
    freed : In(1)
        A line was read.
    """

    def __init__(self, p, stores, widths):
        self.p, self.stores = p, stores
        self.positions = p.out_columns * (2 if p.layer.pool == 1 else 1) // p.layer.pool
        self.depth = self.positions * p.pixel_words
        super().__init__({
            "ready": In(1), "row": Out(1), "word": Out(index_width(p.filters_pass // p.lanes)),
            "sums": In(data.StructLayout({
                f"controller_{c}": data.ArrayLayout(signed(width), p.lanes)
                for c, width in enumerate(widths)})),
            "release": Out(1), "write": Out(1), "address": Out(index_width(2 * self.depth)),
            "values": Out(data.ArrayLayout(shape(p.layer.output), p.lanes)),
            "full": Out(1), "freed": In(1)})

    def elaborate(self, _platform):
        m = Module()
        p, layer = self.p, self.p.layer
        words = p.filters_pass // p.lanes
        x = Signal(index_width(p.out_columns))
        number = Signal(index_width(p.passes))
        stripe = Signal(index_width(p.stripes))
        half = Signal()
        used = Signal(range(3))  # halves that are full
        before = Signal(index_width(p.pixel_words))  # words of the passes before
        place = Signal(index_width(self.depth))      # of the column's first position
        single = Signal()                         # the column has one row only
        if p.rows % 2:
            m.d.comb += single.eq(stripe == p.stripes - 1)
        go = Signal()
        last_pass = number == p.passes - 1
        word_ends = self.word == Mux(last_pass, p.pass_words(p.passes - 1) - 1, words - 1)
        column_ends = word_ends & (self.row | single)
        pass_ends = column_ends & (x == p.out_columns - 1)
        line_ends = pass_ends & last_pass
        m.d.comb += [go.eq(self.ready & (used != 2)), self.release.eq(go & column_ends)]
        pools = layer.pool == 2
        with m.If(go):
            m.d.sync += [self.word.eq(Mux(word_ends, 0, self.word + 1)),
                         self.row.eq(Mux(column_ends, 0, self.row ^ word_ends))]
        with m.If(self.release):
            m.d.sync += x.eq(Mux(pass_ends, 0, x + 1))
            step = Mux(x[0], p.pixel_words, 0) if pools else (
                Mux(single, p.pixel_words, 2 * p.pixel_words))
            m.d.sync += place.eq(Mux(pass_ends, 0, place + step))
            with m.If(pass_ends):
                m.d.sync += [number.eq(Mux(last_pass, 0, number + 1)),
                             before.eq(Mux(last_pass, 0, before + words))]
        with m.If(go & line_ends):
            m.d.sync += [stripe.eq(Mux(stripe == p.stripes - 1, 0, stripe + 1)), half.eq(~half)]
        m.d.sync += used.eq(used + (go & line_ends) - self.freed)

        # Sums of controllers, clusters, scale, bias, rounding: a stage each. The constants have a
        # register behind their memories.
        pixel_word = Signal(index_width(p.pixel_words))
        m.d.comb += pixel_word.eq(before + self.word)
        constants = self._constants(m, pixel_word)
        stages = 4 + bool(layer.scale_width)
        values = []
        for lane in range(p.lanes):
            total = Signal(signed(layer.sum_width), name=f"total_{lane}")
            m.d.sync += total.eq(tree_sum([getattr(self.sums, f"controller_{c}")[lane]
                                           for c in range(p.active)]))
            bias = constants["bias"][lane]
            if layer.scale_width:
                scaled = Signal(signed(layer.sum_width + layer.scale_width), name=f"scaled_{lane}")
                m.d.sync += scaled.eq(total * constants["scale"][lane])
                total, bias = scaled, delayed(m, bias, 1, f"bias_{lane}")
            biased = Signal(signed(layer.scaled_width), name=f"biased_{lane}")
            value = Signal(shape(layer.output), name=f"value_{lane}")
            m.d.sync += biased.eq(total + bias)
            kept = Mux(biased < 0, 0, biased).as_signed() if layer.relu else biased
            m.d.sync += value.eq(requantise(kept, layer.shift, layer.output))
            values.append(value)

        def later(value, name):
            return delayed(m, value, stages, name)

        valid, row, pool_word = later(go, "valid"), later(self.row, "row"), later(self.word, "word")
        m.d.comb += self.full.eq(later(go & line_ends, "full"))
        target = Mux(half, self.depth, 0) + place + pixel_word
        if not pools:
            m.d.comb += [self.write.eq(valid), self.values.as_value().eq(Cat(values)),
                         self.address.eq(later(target + Mux(self.row, p.pixel_words, 0),
                                               "address"))]
            return m
        right = later(x[0], "right")
        m.submodules.largest = largest = Memory(
            shape=unsigned(layer.output.width * p.lanes), depth=words, init=[])
        read, write = largest.read_port(domain="comb"), largest.write_port()
        first = ~row & ~right
        kept = []
        for lane, value in enumerate(values):
            seen = Signal(shape(layer.output), name=f"seen_{lane}")
            m.d.comb += seen.eq(read.data[lane * layer.output.width:][:layer.output.width])
            kept.append(Mux(first | (value > seen), value, seen)[:layer.output.width])
        m.d.comb += [read.addr.eq(pool_word), write.addr.eq(pool_word), write.en.eq(valid),
                     write.data.eq(Cat(kept)), self.write.eq(valid & row & right),
                     self.values.as_value().eq(Cat(kept)),
                     self.address.eq(later(target, "address"))]
        return m

    def _constants(self, m, address):
        """Biases and scales of the words at ``address``, two cycles later."""
        found = {}
        for name, store in zip(("bias", "scale"), self.stores, strict=False):
            m.submodules[name] = store
            m.d.comb += store.address.eq(address)
            word = delayed(m, store.word, 1, name)
            bits = store.width // self.p.lanes
            found[name] = [word[lane * bits:(lane + 1) * bits].as_signed()
                           for lane in range(self.p.lanes)]
        return found


class Encoder(wiring.Component):
    """Reads lines, and sends them as groups: sparsity map and values, or all values without ReLU.

    While a group is sent the next one is read, ``lanes`` values a cycle.

    **Latency** 16 / lanes + 4 cycles from ``full`` to a beat of one word. **Throughput** a word a
    cycle. **Back-pressure** holds words, then lines.

    Parameters
    ----------
    p : golden.sparse_conv.nullhop_params.NullhopParams
    depth : int
        Of a half of the line memory.

    Members
    -------
    full : In(1)
        One more line is there.
    freed : Out(1)
    address : Out; values : In
        Of the line memory, a cycle later.
    error : In(1)
        Send an error once nothing else is on its way.
    answered : Out(1)
    sent : Out(1)
        A frame's last word.
    o : Out, stream of `beat_layout`

    Source: see `golden.sparse_conv.compressed`.
    """

    def __init__(self, p, depth):
        self.p, self.depth = p, depth
        super().__init__({
            "full": In(1), "freed": Out(1), "address": Out(index_width(2 * depth)),
            "values": In(data.ArrayLayout(shape(p.layer.output), p.lanes)),
            "error": In(1), "answered": Out(1), "sent": Out(1),
            "o": Out(stream.Signature(beat_layout(p)))})

    def elaborate(self, _platform):
        m = Module()
        p, layer = self.p, self.p.layer
        lengths = line_lengths(layer.filters, layer.out_height, layer.out_width, p.out_order)
        steps = GROUP // p.lanes  # words of a whole group
        last_steps = [ceil_div(length % GROUP or GROUP, p.lanes) for length in lengths]

        # Reading: no word is asked for while the group before it is held.
        lines = Signal(range(3))  # that are there
        line = Signal(index_width(len(lengths)))
        group = Signal(index_width(ceil_div(max(lengths), GROUP)))
        half = Signal()
        asked = Signal(index_width(steps))
        position = Signal(index_width(self.depth))
        last_line = line == len(lengths) - 1
        groups = [ceil_div(length, GROUP) for length in lengths]
        last_group = group == Mux(last_line, groups[-1] - 1, groups[0] - 1)
        last_word = asked == Mux(last_group, Mux(last_line, last_steps[-1], last_steps[0]),
                                 steps) - 1
        ask, held = Signal(), Signal()
        complete, handing, free = Signal(), Signal(), Signal()
        line_end, frame_end = Signal(), Signal()  # of the group that is held
        m.d.comb += [handing.eq(complete & free), self.freed.eq(handing & line_end),
                     ask.eq((lines > self.freed) & (handing | ~held)),
                     self.address.eq(Mux(half, self.depth, 0) + position)]
        m.d.sync += lines.eq(lines + self.full - self.freed)
        with m.If(ask):
            m.d.sync += [asked.eq(Mux(last_word, 0, asked + 1)), position.eq(position + 1),
                         held.eq(last_word)]
            with m.If(last_word):
                m.d.sync += group.eq(Mux(last_group, 0, group + 1))
            with m.If(last_word & last_group):
                m.d.sync += [half.eq(~half), position.eq(0),
                             line.eq(Mux(last_line, 0, line + 1))]
        with m.Elif(handing):
            m.d.sync += held.eq(0)
        came, came_last, at = Signal(), Signal(), Signal.like(asked)
        m.d.sync += [came.eq(ask), came_last.eq(last_word), at.eq(asked)]
        width = layer.output.width
        size = p.lanes * width
        gathered = Signal(GROUP * width)
        filled = Signal(GROUP)  # elements that the group has
        with m.If(handing):
            m.d.sync += [complete.eq(0), filled.eq(0)]
        with m.If(ask & last_word):
            m.d.sync += [line_end.eq(last_group), frame_end.eq(last_group & last_line)]
        with m.If(came):
            m.d.sync += complete.eq(came_last)
            for n in range(steps):
                with m.If(at == n):
                    m.d.sync += [
                        gathered[n * size:(n + 1) * size].eq(self.values.as_value()),
                        filled[n * p.lanes:(n + 1) * p.lanes].eq((1 << p.lanes) - 1)]

        # Sending: the sparsity map, and the values that it has: one in turn, and those behind it,
        # which are known once the first part of the map is sent.
        parts = GROUP // p.word if layer.relu else 0
        sending, frame_ends, accept = Signal(), Signal(), Signal()
        values = Signal(GROUP * width)
        bits, rest, turn = (Signal(GROUP, name=name) for name in ("bits", "rest", "turn"))
        part = Signal(range(parts + 1))
        word, value = Signal(p.word), Signal(shape(layer.output))
        mapped = part == parts  # the sparsity map is sent
        ends = Mux(mapped, rest == 0, (part == parts - 1) & (bits == 0))
        m.d.comb += [
            value.eq(_any(values[n * width:(n + 1) * width] & turn[n].replicate(width)
                          for n in range(GROUP))),
            word.eq(value), free.eq(~sending | (accept & ends))]
        if parts:
            with m.If(~mapped):
                m.d.comb += word.eq(Array([bits[n * p.word:(n + 1) * p.word]
                                           for n in range(parts)])[part])
        sends = sending & accept
        with m.If(sends):
            with m.If(~mapped):
                m.d.sync += part.eq(part + 1)
            with m.If(mapped | (part == 0)):
                m.d.sync += [turn.eq(lowest(rest)[0]), rest.eq(lowest(rest)[1])]
            m.d.sync += sending.eq(~ends)
        with m.If(handing):
            found = filled if not layer.relu else filled & Cat(
                gathered[n * width:(n + 1) * width].any() for n in range(GROUP))
            m.d.sync += [sending.eq(1), frame_ends.eq(frame_end), values.eq(gathered),
                         bits.eq(found), rest.eq(found), part.eq(0)]
            if not layer.relu:
                m.d.sync += [turn.eq(1), rest.eq(filled & ~1)]

        # Beats.
        o = self.o
        place = Signal(index_width(p.beat))
        m.d.comb += [accept.eq(~o.valid | o.ready), self.sent.eq(sends & ends & frame_ends),
                     self.answered.eq(self.error & ~sending & accept)]
        with m.If(accept):
            beat_ends = (place == p.beat - 1) | self.sent
            m.d.sync += o.valid.eq((sends & beat_ends) | self.answered)
        with m.If(sends):
            m.d.sync += [place.eq(Mux(beat_ends, 0, place + 1)), o.payload.last.eq(self.sent),
                         o.payload.error.eq(0)]
            with m.If(place == 0):
                m.d.sync += o.payload.data.eq(0)
            for n in range(p.beat):
                with m.If(place == n):
                    m.d.sync += o.payload.data[n].eq(word)
        with m.If(self.answered):
            m.d.sync += [o.payload.data.eq(0), o.payload.last.eq(1), o.payload.error.eq(1)]
        return m


def _any(values):
    """The one of these that is not 0."""
    found, *others = values
    for value in others:
        found = found | value
    return found
