"""An output-stationary array for one convolution. Bits: `golden.sparse_conv.array`."""

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.design import Stream
from golden.params import ceil_div
from golden.sparse_conv.lists import lists, numbers
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.formats import shape
from hdl.frame import FrameInput, beat_in, beat_out
from hdl.memory import NO_COLLISION
from hdl.product import sum_of_products
from hdl.sparse_conv.ordered import counter
from hdl.sparse_conv.requantiser import Requantiser, named
from hdl.store import Store, index_width
from hdl.tree import tree_sum

__all__ = ["Array", "ArrayCore"]

#: Operands that a register of the adder tree takes.
FAN_IN = 4


class PixelInput(wiring.Component):
    """Takes frames and writes their pixels, strip by strip, into one half of the groups' memories.

    After a reset it clears both halves, padding and all; pixels of the padding are never written.

    **Latency** 1 cycle from a beat to the write of its last copy. **Throughput** a beat in
    ``copies`` cycles. **Back-pressure** while a complete frame waits for ``begin``, and while it
    clears.

    Members
    -------
    i : In, stream of `beat_in`
    begin : In(1)
        The frame that is complete begins; the next one goes into the other half.
    full, error : Out(1)
    half : Out(1)
        Where the frame is that is complete, or coming.
    here : Out(1)
        A beat is there, for one of its copies.
    lanes : Out(tiles), address : Out, pixels : Out
        What to write: no lane in cycles without a pixel.
    """

    def __init__(self, params):
        self.params = p = params
        self.port = Stream(p.layer.input, p.beat)
        super().__init__({
            "i": In(stream.Signature(beat_in(self.port))), "begin": In(1),
            "full": Out(1), "error": Out(1), "half": Out(1), "here": Out(1),
            "lanes": Out(p.tiles),
            "address": Out(range(2 * p.pixels)),
            "pixels": Out(data.ArrayLayout(shape(p.layer.input), p.beat))})

    def elaborate(self, _platform):
        m = Module()
        p, layer = self.params, self.params.layer
        step = p.rows * layer.stride   # input rows from strip to strip
        m.submodules.frame = frame = FrameInput(words=layer.beats(p.beat)[0], columns=p.beat,
                                                element=shape(layer.input))
        m.d.comb += [self.full.eq(frame.full), self.error.eq(frame.error),
                     frame.begin.eq(self.begin), frame.i.payload.eq(self.i.payload)]

        clearing, cell = Signal(init=1), Signal(range(2 * p.pixels))
        with m.If(clearing):
            m.d.sync += [cell.eq(cell + 1), clearing.eq(cell != 2 * p.pixels - 1)]

        copy, last_copy, next_copy = counter(m, p.copies, "copy")
        here = self.here
        m.d.comb += [here.eq(self.i.valid & frame.i.ready & ~clearing),
                     frame.i.valid.eq(here & last_copy),
                     self.i.ready.eq(frame.i.ready & ~clearing & last_copy)]
        # Where the pixel is: the newest strip that has it, and the address there.
        beyond = p.tiles + p.copies - 1    # no strip has such rows
        strip = Signal(range(beyond + 1), init=min(beyond, layer.padding // step))
        row = Signal(range(step), init=layer.padding % step)
        part, last_part, next_part = counter(m, p.depth, "part")
        column, last_column, next_column = counter(m, layer.width, "column")
        at = Signal(range(p.pixels), init=row.init * p.pitch + layer.padding)
        over = Signal()                    # behind the frame's last beat
        with m.If(here & last_copy):
            with m.If(last_part):
                with m.If(last_column):
                    with m.If(row == step - 1):
                        m.d.sync += [row.eq(0), at.eq(layer.padding)]
                        with m.If(strip != beyond):
                            m.d.sync += strip.eq(strip + 1)
                    with m.Else():
                        m.d.sync += [row.eq(row + 1), at.eq(
                            at - (p.depth - 1) * p.plane + p.pitch - layer.width + 1)]
                with m.Else():
                    m.d.sync += at.eq(at - (p.depth - 1) * p.plane + 1)
                m.d.sync += next_column
            with m.Else():
                m.d.sync += at.eq(at + p.plane)
            m.d.sync += next_part
            with m.If(frame.word == layer.beats(p.beat)[0] - 1):
                m.d.sync += over.eq(1)
            with m.If(self.i.payload.last):
                m.d.sync += [over.eq(0), part.eq(0), column.eq(0)]
                m.d.sync += [first.eq(first.init) for first in (strip, row, at)]
        if p.copies > 1:
            with m.If(here):
                m.d.sync += next_copy
        lanes = Signal(p.tiles)
        for lane in range(p.tiles):
            m.d.comb += lanes[lane].eq(Cat(
                (copy == n) & (strip == lane + n) & (row < p.in_rows - n * step)
                for n in range(p.copies)).any())
        m.d.sync += [
            self.lanes.eq(Mux(clearing, -1, lanes & (here & ~over).replicate(p.tiles))),
            self.address.eq(Mux(clearing, cell, at + copy * (step * p.pitch)
                                + Mux(self.half, p.pixels, 0))),
            self.pixels.as_value().eq(Mux(clearing, 0, self.i.payload.data.as_value())),
        ]
        with m.If(self.begin & ~frame.error):
            m.d.sync += self.half.eq(~self.half)
        return m


class ArrayCore(wiring.Component):
    """Takes a map, multiplies, and gives the next one.

    **Latency and throughput**: `golden.sparse_conv.array.Array.cycles`; a frame loads while the
    one before is computed. **Back-pressure**: an answer waits in one half of the output memory
    while the next one is made; a third frame waits.

    Parameters
    ----------
    params : ArrayParams
    tensors : dict of int64 arrays as `golden.sparse_conv.convolution.shapes`

    Members
    -------
    i : In, stream of ``data``, ``last``
    o : Out, stream of ``data``, ``last``, ``error``
    """

    def __init__(self, params, tensors):
        self.params, self.tensors = params, tensors
        p, layer = params, params.layer
        self.values, self.places, self.lengths = lists(
            p, *(tensors.get(name) for name in ("weight", "patterns", "copy")))
        self.requantisers = ceil_div(p.tiles, p.shortest(self.lengths))
        self.out = Stream(layer.output, p.beat)
        super().__init__({
            "i": In(stream.Signature(beat_in(Stream(layer.input, p.beat)))),
            "o": Out(stream.Signature(beat_out(self.out)))})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.input = source = PixelInput(self.params)
        wiring.connect(m, wiring.flipped(self.i), source.i)

        running, begin, wrong = Signal(), Signal(), Signal()
        waiting = Signal(range(3))      # answers begun and not yet gone
        gone = Signal()
        m.d.comb += [
            begin.eq(source.full & ~source.error & ~running & (waiting != 2)),
            source.begin.eq(begin | wrong)]
        m.d.sync += waiting.eq(waiting + begin - gone)
        issue = self._issue(m, running, begin, source.half)
        complete = self._results(m, self._sums(m, source, issue, running), issue)
        #: What `golden.sparse_conv.planner.traffic` counts, for tests.
        self.counted = {"weights": running, "pixel writes": source.here,
                        "output writes": self._written}
        self._send(m, complete, source, waiting, wrong, gone)
        return m

    def _issue(self, m, running, begin, half):
        """Counts through positions, filters, the pixels of a pool, and entries.

        Returns the signals of the cycle in which an entry's address stands.
        """
        p, layer = self.params, self.params.layer
        entries, pools = len(self.values), layer.pool**2
        address, start = (Signal(index_width(entries), name=name) for name in ("entry", "start"))
        filters, last_filter, next_filter = counter(m, layer.filters, "filter")
        pool, last_pool, next_pool = counter(m, pools, "pool")
        column, last_column, next_column = counter(m, layer.out_width, "column")
        row, last_row, next_row = counter(m, p.out_rows, "row")
        longest = int(self.lengths.max())
        left = Signal(range(max(2, longest)))   # entries behind this one
        # Lengths of this filter and of the next one; usually all are equal.
        length = Signal(range(longest + 1))
        following = Signal(range(longest + 1))
        m.d.comb += [length.eq(longest), following.eq(longest)]
        if (self.lengths != longest).any():
            lengths = self.lengths.tolist()
            with m.Switch(filters):
                for n, (own, after) in enumerate(zip(lengths, lengths[1:] + lengths[:1],
                                                     strict=True)):
                    with m.Case(n):
                        m.d.comb += [length.eq(own), following.eq(after)]
        pixel = Signal(range(2 * p.pixels), name="position")
        base = Signal(range(2 * p.pixels), name="row_start")
        last, following_start = Signal(), Signal.like(start)
        m.d.comb += [last.eq(left == 0), following_start.eq(address + 1)]
        stride = layer.pool * layer.stride
        with m.If(begin):
            m.d.sync += [running.eq(1), left.eq(int(self.lengths[0]) - 1),
                         pixel.eq(Mux(half, p.pixels, 0)), base.eq(Mux(half, p.pixels, 0))]
        with m.Elif(running):
            m.d.sync += [left.eq(left - 1), address.eq(address + 1)]
            with m.If(last):
                m.d.sync += next_pool
                with m.If(last_pool):
                    m.d.sync += next_filter
                    m.d.sync += [address.eq(following_start), start.eq(following_start),
                                 left.eq(following - 1)]
                    with m.If(last_filter):
                        m.d.sync += [address.eq(0), start.eq(0), *next_column,
                                     pixel.eq(pixel + stride)]
                        with m.If(last_column):
                            m.d.sync += [*next_row, pixel.eq(base + stride * p.pitch),
                                         base.eq(base + stride * p.pitch)]
                            with m.If(last_row):
                                m.d.sync += running.eq(0)
                with m.Else():
                    m.d.sync += [address.eq(start), left.eq(length - 1)]
        corner = Signal(range(p.plane), name="corner")
        with m.Switch(pool):
            for n in range(pools):
                with m.Case(n):
                    m.d.comb += corner.eq(layer.stride * (n // layer.pool * p.pitch
                                                          + n % layer.pool))
        kernel = {}
        if p.index == "pattern":
            # All kernels are equally long, so that these end where the filter's entries do.
            tap, last_tap, next_tap = counter(m, p.kept, "tap")
            part, _, next_part = counter(m, p.depth, "kernel")
            with m.If(running):
                m.d.sync += next_tap
                with m.If(last_tap):
                    m.d.sync += next_part
            kernel = {"tap": tap, "kernel": filters * p.depth + part}
        place = left
        if p.index == "comb":
            # A filter's copy is an entry behind its sum's, and its place one behind all sums'.
            copying, copy_at = Signal(), Signal.like(address)
            # Strips have rows in pairs: what is odd is odd in all of them.
            odd = (pool == 1) | (pool == 2) if layer.pool == 2 else row[0] ^ column[0]
            m.d.comb += [copying.eq(odd ^ filters[0]), copy_at.eq(start + longest),
                         following_start.eq(copy_at + 1)]
            with m.If(copying):
                m.d.comb += last.eq(1)
            address, place = Mux(copying, copy_at, address), Mux(copying, longest + filters, left)
        return {**kernel, "address": address, "left": place, "filter": filters,
                "pixel": pixel + corner, "last": last & running, "first_pool": pool == 0,
                "last_pool": last_pool,
                "end": running & last & last_pool & last_filter & last_column & last_row}

    def _sums(self, m, source, issue, running):
        """Weights, pixels, products, the tree and the accumulators: every strip's sum, ``latency``
        cycles after its last entry's address."""
        p, layer = self.params, self.params.layer
        kind = layer.kind
        listed = p.index == "list"
        codes = kind.encode(self.values)
        width = kind.bits + (p.place_bits if listed else 0)
        words = []
        for entry, places in zip(codes.tolist(), self.places.tolist(), strict=True):
            word = 0
            for n, (code, place) in enumerate(zip(entry, places, strict=True)):
                word |= (code | place << kind.bits if listed else code) << n * width
            words.append(word)
        scaled, size = p.block_scale_width > 0, p.groups * width
        if scaled:
            scales = self.tensors["block_scale"].ravel() & (1 << p.block_scale_width) - 1
            words = [word | scale << size
                     for word, scale in zip(words, scales.tolist(), strict=True)]
        m.submodules.weights = store = Store(size + p.block_scale_width, len(words), words)
        m.d.comb += store.address.eq(issue["address"])
        word = delayed(m, store.word, 1, "weight_word")
        fields = [word.word_select(n, width) for n in range(p.groups)]
        # Pixel addresses stand one cycle after the weights do.
        position = delayed(m, named(m, issue["pixel"], "pixel"), 2, "position")
        if listed:
            offsets = [field[kind.bits:] for field in fields]
        else:
            # Of all filters the same: a place for all groups, or for each one its own.
            count = int(self.lengths[0])   # backwards: by the entries that are left
            places = self.places[count - 1::-1, :p.groups if p.index == "shift" else 1]
            if p.index == "comb":
                places = np.concatenate([places, self.places[count::count + 1, :1]])
            if p.index == "pattern":
                places = places // p.plane * p.plane   # the channel's; taps are looked up
            own = places.shape[1]
            m.submodules.places = order = Store(own * p.place_bits, len(places), [
                sum(place << n * p.place_bits for n, place in enumerate(entry))
                for entry in places.tolist()])
            m.d.comb += order.address.eq(issue["left"])
            places = delayed(m, order.word, 1, "place_word")
            offsets = [places.word_select(n, p.place_bits) for n in range(own)]
            if p.index == "pattern":
                offsets = [offsets[0] + tap for tap in self._taps(m, issue)]
        addresses = []
        for n, offset in enumerate(offsets):
            address = Signal(range(2 * p.pixels), name=f"address_{n}")
            m.d.sync += address.eq(position + offset)
            addresses.append(address)
        addresses *= p.groups // len(addresses)
        strips = [[] for _ in range(p.tiles)]
        weights = []
        for n, address in enumerate(addresses):
            memory = Memory(shape=data.ArrayLayout(unsigned(layer.input.width), p.tiles),
                            depth=2 * p.pixels, init=[], attrs=NO_COLLISION)
            m.submodules[f"pixels_{n}"] = memory
            write = memory.write_port(granularity=1)
            m.d.comb += [write.addr.eq(source.address), write.en.eq(source.lanes)]
            read = memory.read_port()
            m.d.comb += read.addr.eq(address)
            for tile in range(p.tiles):
                m.d.comb += write.data[tile].eq(source.pixels[n])
                value = delayed(m, read.data[tile], 1, f"pixel_{n}_{tile}")
                strips[tile].append(value.as_signed() if layer.input.signed else value)
            weights.append(delayed(m, fields[n][:kind.bits], 3, f"weight_{n}"))

        first = Signal(init=1)
        valid, last = (delayed(m, flag, p.latency, name)
                       for flag, name in ((running, "valid"), (issue["last"], "last")))
        with m.If(valid):
            m.d.sync += first.eq(last)
        # It stands beside the tree's sum.
        scale = delayed(m, word[size:], p.stages + 3, "scale") if scaled else None
        totals = []
        for tile, values in enumerate(strips):
            total = Signal(signed(p.sum_width), name=f"total_{tile}")
            kept = Signal(signed(p.sum_width), name=f"kept_{tile}")
            term = self._tree(m, values, weights, tile)
            if scaled:
                term = delayed(m, named(m, term * scale.as_signed(), f"block_{tile}"), 1,
                               f"scaled_{tile}")
            m.d.comb += total.eq(term + Mux(first, 0, kept))
            with m.If(valid):
                m.d.sync += kept.eq(total)
            totals.append(total)
        return totals

    def _taps(self, m, issue):
        """Every group's place within its channel, by the pattern of its kernel."""
        p, layer = self.params, self.params.layer
        patterns, bits = self.tensors["patterns"], p.pattern_bits
        own = np.zeros((layer.filters, p.depth * p.groups), np.int64)
        own[:, :layer.channels] = numbers(self.tensors["weight"], patterns)
        words = own.reshape(-1, p.groups).tolist()
        m.submodules.patterns = store = Store(p.groups * bits, len(words), [
            sum(number << n * bits for n, number in enumerate(word)) for word in words])
        m.d.comb += store.address.eq(issue["kernel"])
        tap = delayed(m, issue["tap"], 2, "tap")
        own_words = delayed(m, store.word, 1, "pattern_word")
        places = patterns // layer.kernel * p.pitch + patterns % layer.kernel
        found = []
        for group in range(p.groups):
            place = Signal(range(p.plane), name=f"tap_place_{group}")
            with m.Switch(Cat(tap, own_words.word_select(group, bits))):
                for number, row in enumerate(places.tolist()):
                    for n, value in enumerate(row):
                        with m.Case(number << len(tap) | n):
                            m.d.comb += place.eq(value)
            found.append(place)
        return found

    def _tree(self, m, values, weights, tile):
        kind, many = self.params.layer.kind, FAN_IN if self.params.adds else 1
        level = [sum_of_products(kind, values[n:n + many], weights[n:n + many])
                 for n in range(0, len(values), many)]
        for stage in range(self.params.stages):
            if stage:
                level = [tree_sum(level[n:n + FAN_IN]) for n in range(0, len(level), FAN_IN)]
            level = [delayed(m, named(m, value, f"term_{tile}_{stage}_{n}"), 1,
                             f"sum_{tile}_{stage}_{n}") for n, value in enumerate(level)]
        return level[0]

    def _results(self, m, sums, issue):
        """Requantises the strips' sums in turn, pools, and writes the output memory.

        Returns a signal that is 1 as the last write of a frame is made.
        """
        p, layer = self.params, self.params.layer
        m.submodules.requantiser = made = Requantiser(
            layer, self.tensors, lanes=p.tiles, many=self.requantisers, shared=True,
            sum_width=p.sum_width)
        steps = made.steps
        for port, name in ((made.start, "last"), (made.end, "end"), (made.first, "first_pool"),
                           (made.last, "last_pool"), (made.row, "filter")):
            m.d.comb += port.eq(delayed(m, named(m, issue[name], name), p.latency, f"{name}_sum"))
        m.d.comb += [port.eq(total) for port, total in zip(made.sums, sums, strict=True)]

        # Where it goes: strip by strip, pixel by pixel, beat by beat.
        size = p.out_pixels * p.out_beats
        bank = Signal()
        pixel = Signal(range(size))
        lane, last_lane, next_lane = counter(m, p.beat, "lane")
        beat, last_beat, next_beat = counter(m, p.out_beats, "beat")
        filters, last_filter, next_filter = counter(m, layer.filters, "written")
        offset = Signal(range(steps * size))
        with m.Switch(made.step):
            for n in range(steps):
                with m.Case(n):
                    m.d.comb += offset.eq(n * size)
        self._outputs, self._written = [], made.made
        for n, value in enumerate(made.value):
            memory = Memory(shape=data.ArrayLayout(unsigned(layer.output.width), p.beat),
                            depth=2 * steps * size, init=[], attrs=NO_COLLISION)
            m.submodules[f"output_{n}"] = memory
            port = memory.write_port(granularity=1)
            m.d.comb += [
                port.addr.eq(offset + pixel + beat + Mux(bank, steps * size, 0)),
                port.en.eq(Mux(made.made, 1 << lane, 0))]
            m.d.comb += [port.data[k].eq(value) for k in range(p.beat)]
            self._outputs.append(memory.read_port())
        with m.If(made.made & (made.step == steps - 1)):
            m.d.sync += [*next_filter, *next_lane]
            with m.If(last_lane):
                m.d.sync += next_beat
            with m.If(last_filter):
                m.d.sync += [lane.eq(0), beat.eq(0), pixel.eq(pixel + p.out_beats)]
        with m.If(made.ended):
            m.d.sync += [bank.eq(~bank), pixel.eq(0)]
        return made.ended

    def _send(self, m, complete, source, waiting, wrong, gone):
        """Reads complete answers out of the output memory."""
        p, layer = self.params, self.params.layer
        size = p.out_pixels * p.out_beats
        many, steps = self.requantisers, ceil_div(p.tiles, self.requantisers)
        strip = (layer.out_height - 1) // p.out_rows     # the last one that has rows
        rest = (layer.out_height - strip * p.out_rows) * layer.out_width * p.out_beats
        done = Signal(range(3))        # answers that are complete and not yet being read
        bank, reading = Signal(), Signal()
        place = Signal(range(size))
        tile = Signal(range(max(2, p.tiles)))
        which = Signal(range(max(2, many)))
        base = Signal(range(2 * steps * size))
        final = Signal()
        m.d.comb += final.eq((tile == strip) & (place == rest - 1))
        valid, last, error, chosen = Signal(), Signal(), Signal(), Signal.like(which)
        go = Signal()
        begin = Signal()
        m.d.comb += [go.eq(~valid | self.o.ready), begin.eq(~reading & (done != 0))]
        m.d.sync += done.eq(done + complete - begin)
        with m.If(begin):
            m.d.sync += [reading.eq(1), place.eq(0), tile.eq(0), which.eq(0),
                         base.eq(Mux(bank, steps * size, 0)), bank.eq(~bank)]
        with m.If(reading & go):
            m.d.sync += place.eq(place + 1)
            with m.If(place == size - 1):
                m.d.sync += [place.eq(0), tile.eq(tile + 1), which.eq(which + 1)]
                with m.If(which == many - 1):
                    m.d.sync += [which.eq(0), base.eq(base + size)]
            with m.If(final):
                m.d.sync += reading.eq(0)
        with m.If(go):
            m.d.sync += [valid.eq(reading | wrong), last.eq(final | wrong), error.eq(wrong),
                         chosen.eq(which)]
        words = []
        for port in self._outputs:
            m.d.comb += [port.addr.eq(base + place), port.en.eq(go)]
            words.append(port.data.as_value())
        word = words[0]
        for n, other in enumerate(words[1:], 1):
            word = Mux(chosen == n, other, word)
        m.d.comb += [
            wrong.eq(source.full & source.error & (waiting == 0) & ~valid),
            gone.eq(valid & self.o.ready & last & ~error),
            self.o.valid.eq(valid), self.o.payload.last.eq(last), self.o.payload.error.eq(error)]
        with m.If(~error):
            elements = [word.word_select(n, layer.output.width) for n in range(p.beat)]
            inside = layer.filters % p.beat
            m.d.comb += [self.o.payload.data[n].eq(element) for n, element in enumerate(elements)]
            if inside:
                # Lanes behind the last channel were never written.
                _, last_part, next_part = counter(m, p.out_beats, "part_sent")
                with m.If(valid & self.o.ready & ~error):
                    m.d.sync += next_part
                with m.If(last_part):
                    m.d.comb += [self.o.payload.data[n].eq(0) for n in range(inside, p.beat)]


class Array(AxiStreamTop):
    """`golden.sparse_conv.array.Array` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(ArrayCore(params, tensors))
