"""A controller of the compressed-activation dataflow: its memories, its scan, its MACs."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.params import ceil_log2
from golden.sparse_conv.nullhop_params import BLOCK
from golden.weights import accumulator_width
from hdl.delay import delayed
from hdl.formats import shape
from hdl.memory import NO_COLLISION
from hdl.one_hot import index, lowest
from hdl.product import sum_of_products
from hdl.sparse_conv.nullhop_loader import store_layout
from hdl.store import index_width
from hdl.tree import tree_sum

__all__ = ["Controller", "Macs"]


def _times(value, factor):
    """``value * factor`` by shifts: multiplier blocks are for the MACs."""
    return tree_sum([value << n for n in range(factor.bit_length()) if factor >> n & 1])


def _looked_up(values, index):
    """A table of numbers, as narrow as they are."""
    if min(values) == max(values):
        return Const(values[0], max(1, values[0].bit_length()))
    width = max(values).bit_length()
    return Array([Const(value, width) for value in values])[index]


class _Place:
    """Which of the stored sparsity maps. ``first`` is the row's first one, ``offset`` the pixel's
    from there; ``heads``: it is an image's first one. Signals of their own, since the next place is
    found one by the other."""

    def __init__(self, p, chunks, pitch, name, **init):
        self.fields = {
            "chunk": chunks, "row": p.stripe_rows, "x": p.width, "number": p.passes,
            "stripe": p.stripes, "bank": 2, "first": 2 * p.layer.height * pitch, "offset": pitch,
            "heads": 2}
        for field, count in self.fields.items():
            setattr(self, field, Signal(index_width(count), name=f"{name}_{field}",
                                        init=init.get(field, 0)))

    def eq(self, other):
        return [getattr(self, field).eq(getattr(other, field)) for field in self.fields]

    @property
    def map(self):
        return self.first + self.offset + self.chunk


class Macs(wiring.Component):
    """The MACs of a controller: each multiplies the value by a weight of its own bank a cycle, and
    has a ring of output columns, of two accumulators each.

    **Latency** `Macs.LATENCY` cycles from ``address`` to where the sum can be read, and 1 from
    there to ``sums``. **Throughput** a multiplication a cycle and MAC. **Back-pressure** none.

    Parameters
    ----------
    p : golden.sparse_conv.nullhop_params.NullhopParams
    controller : int
    bank : hdl.store.Store
        `golden.sparse_conv.nullhop_memories.banks` of this controller.

    Members
    -------
    valid : In(1), address, entry : In
        A weight of every bank, for that accumulator: twice the column, and its row.
    value : In
        In the same cycle.
    read, word : In; sums : Out
        Of that accumulator, ``lanes`` filters' sums, a cycle later.
    clear : In(1)
        The column that ``read`` is of begins anew.
    """

    LATENCY = 4

    def __init__(self, p, controller, bank):
        self.p, self.bank = p, bank
        self.width = p.sum_width(controller)
        super().__init__({
            "valid": In(1), "address": In(index_width(bank.depth)),
            "entry": In(range(2 * p.columns)), "value": In(shape(p.layer.input)),
            "read": In(range(2 * p.columns)),
            "word": In(index_width(p.filters_pass // p.lanes)),
            "sums": Out(data.ArrayLayout(signed(self.width), p.lanes)), "clear": In(1)})

    def elaborate(self, _platform):
        m = Module()
        p, layer, width = self.p, self.p.layer, self.width
        kind = layer.kind
        m.submodules.bank = bank = self.bank
        m.d.comb += bank.address.eq(self.address)
        # A register behind the memory, one behind the multipliers, then the accumulators.
        value, word = delayed(m, self.value, 2, "value"), delayed(m, bank.word, 1, "word")
        products = []
        for n in range(p.filters_pass):
            made = Signal(signed(accumulator_width(layer.input, kind, 1)), name=f"product_{n}")
            code = word[n * kind.bits:(n + 1) * kind.bits]
            m.d.sync += made.eq(sum_of_products(kind, [value], [code]))
            products.append(made)
        coming = delayed(m, self.entry, self.LATENCY - 2, "entry")
        entry = delayed(m, coming, 1, "entry")
        valid = delayed(m, self.valid, self.LATENCY - 1, "valid")

        m.submodules.sums = sums = Memory(
            shape=unsigned(p.filters_pass * width), depth=2 * p.columns, init=[])
        write = sums.write_port()
        own, out = (sums.read_port(domain="comb") for _ in range(2))
        empty = Signal(2 * p.columns, init=(1 << 2 * p.columns) - 1)  # nothing has been added there
        m.d.comb += [write.en.eq(valid), write.addr.eq(entry), own.addr.eq(entry),
                     out.addr.eq(self.read)]
        m.d.sync += empty.eq((empty & ~Mux(valid, 1 << entry, 0))
                             | Mux(self.clear, 3 << Cat(Const(0, 1), self.read[1:]), 0))
        # A column is cleared long before its next value comes.
        begins = Signal()
        m.d.sync += begins.eq(Array(empty)[coming] & ~(valid & (entry == coming)))
        for n, made in enumerate(products):
            part = slice(n * width, (n + 1) * width)
            m.d.comb += write.data[part].eq(Mux(begins, 0, own.data[part]) + made)
        size = p.lanes * width
        taken = Array([out.data[n:n + size] for n in range(0, len(out.data), size)])[self.word]
        held, nothing = Signal(size), Signal()
        m.d.sync += [held.eq(taken), nothing.eq(Array(empty)[self.read])]
        m.d.comb += self.sums.as_value().eq(Mux(nothing, 0, held))
        return m


class Controller(wiring.Component):
    """Stores its channels of two images, and sends their values to its MACs, stripe by stripe, pass
    by pass, column by column, row by row.

    A cycle it looks at a sparsity map: an empty one is passed over, else its next value goes to the
    MACs once these are through with the one before. The end of a column takes a cycle, too, and
    is held until its last value's multiplications are over.

    **Latency**, **throughput**: `golden.sparse_conv.nullhop_cycles`. **Back-pressure**: a column
    waits until the ring has room for the output columns that it begins.

    Parameters
    ----------
    p, controller, bank
        See `Macs`.

    Members
    -------
    store : In, `hdl.sparse_conv.nullhop_loader.store_layout`
    over : Out(1)
        There is no room for the value that ``store`` has.
    loaded : In(1)
        An image is complete.
    full : Out(1)
        Both banks hold images.
    ready : Out(1)
        The ring's oldest column is complete.
    row, word : In; sums : Out
        Of that column, see `Macs`.
    release : In(1)
        It has left.
    """

    #: Cycles in which a weight's first address is added up.
    ADDRESS = 2

    def __init__(self, p, controller, bank):
        self.p, self.controller = p, controller
        self.macs = Macs(p, controller, bank)
        super().__init__({
            "store": In(store_layout(p)), "over": Out(1), "loaded": In(1), "full": Out(1),
            "ready": Out(1), "row": In(1), "word": In(self.macs.word.shape()),
            "sums": Out(self.macs.sums.shape()), "release": In(1)})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.macs = self.macs
        maps, codes = self._memories(m)
        self._scan(m, maps, codes)
        return m

    def _memories(self, m):
        """Memories of sparsity maps and of values, and what writes them; their read ports."""
        p, layer, c, store = self.p, self.p.layer, self.controller, self.store
        chunks, room = p.chunks(c), p.values(c)
        area, rows = layer.height * layer.width, 2 * layer.height
        m.submodules.maps = maps = Memory(shape=unsigned(p.chunk), depth=2 * area * chunks, init=[],
                                          attrs=NO_COLLISION)
        m.submodules.codes = codes = Memory(shape=shape(layer.input), depth=rows * room, init=[],
                                            attrs=NO_COLLISION)
        put = maps.write_port()
        blocks = max(1, p.share // BLOCK)  # of a pixel, that this controller has
        first, start = divmod(c * p.share, BLOCK)
        own = store.block >> ceil_log2(blocks) == first // blocks
        m.d.comb += [
            put.en.eq(store.map & own),
            put.addr.eq(_times(store.pixel, chunks) + (store.block - first)[:ceil_log2(blocks)]),
            put.data.eq(store.bits[start:])]
        put = codes.write_port()
        # Values of the row, and of the lower row of a pair.
        counts = [Signal(range(room + 1), name=f"count_{n}")
                  for n in range(2 if p.order == "pairs" else 1)]
        count = Mux(store.lower, counts[-1], counts[0])
        own = store.value & (store.channel >> ceil_log2(p.share) == c)
        stores = own & ~self.over
        m.d.comb += [put.en.eq(stores), put.addr.eq(_times(store.row, room) + count),
                     put.data.eq(store.code)]
        if room < layer.width * p.channels_of(c):
            m.d.comb += self.over.eq(own & (count == room))
        with m.If(store.line):
            m.d.sync += [count.eq(0) for count in counts]
        for n, count in enumerate(counts):
            with m.Elif(stores & (store.lower == n if len(counts) > 1 else 1)):
                m.d.sync += count.eq(count + 1)
        return maps.read_port(), codes.read_port()

    def _walk(self, m, maps, load):
        """The sparsity map that is next: whether it is there, its bits, its place, and whether its
        column ends with it. Upon ``load`` the one behind it follows.

        Places go before the maps, one into the memory, one out of it; not into an image that is not
        stored yet."""
        p, layer, chunks = self.p, self.p.layer, self.p.chunks(self.controller)
        stripes = [p.stripe(number) for number in range(p.stripes)]
        pitch = layer.width * chunks  # sparsity maps of a row
        lows = [fed[0] for _, fed, _ in stripes]
        highs = [fed[-1] for _, fed, _ in stripes]
        firsts = [(base + fed[0]) * pitch for base, fed, _ in stripes]
        walk = _Place(p, chunks, pitch, "walk", row=lows[0], first=firsts[0], heads=1)
        after = _Place(p, chunks, pitch, "after")
        chunk_ends = walk.chunk == chunks - 1
        row_ends = chunk_ends & (walk.row == _looked_up(highs, walk.stripe))
        x_ends = row_ends & (walk.x == p.width - 1)
        pass_ends = x_ends & (walk.number == p.passes - 1)
        image_ends = pass_ends & (walk.stripe == p.stripes - 1)
        m.d.comb += [*after.eq(walk), after.chunk.eq(Mux(chunk_ends, 0, walk.chunk + 1)),
                     after.heads.eq(image_ends)]
        with m.If(chunk_ends):
            # Rows between those of the two output rows feed neither.
            hole = max(0, layer.stride - layer.kernel)
            skip = walk.row == layer.kernel - 1 if hole else Const(0)
            m.d.comb += [after.row.eq(walk.row + Mux(skip, hole + 1, 1)),
                         after.first.eq(walk.first + Mux(skip, (hole + 1) * pitch, pitch))]
        with m.If(row_ends):
            m.d.comb += [
                after.x.eq(Mux(x_ends, 0, walk.x + 1)),
                after.offset.eq(Mux(x_ends, 0, walk.offset + chunks)),
                after.bank.eq(walk.bank ^ image_ends),
                after.row.eq(_looked_up(lows, after.stripe)),
                after.first.eq(_looked_up(firsts, after.stripe)
                               + Mux(after.bank, layer.height * pitch, 0))]
        with m.If(x_ends):
            m.d.comb += after.number.eq(Mux(pass_ends, 0, walk.number + 1))
        with m.If(pass_ends):
            m.d.comb += after.stripe.eq(Mux(image_ends, 0, walk.stripe + 1))

        read, head = (_Place(p, chunks, pitch, name) for name in ("read", "head"))
        read_ends, head_ends, bits = Signal(), Signal(), Signal(p.chunk)
        reads, there = Signal(), Signal()  # the memory gives a map; one is at hand
        stored = Signal(range(3))          # images that the walk has not begun
        walks, moves = Signal(), Signal()
        m.d.comb += [moves.eq(reads & (~there | load)),
                     walks.eq((~walk.heads | (stored != 0)) & (~reads | moves)),
                     maps.addr.eq(walk.map), maps.en.eq(walks)]
        m.d.sync += [reads.eq(walks | (reads & ~moves)), there.eq(moves | (there & ~load)),
                     stored.eq(stored + self.loaded - (walks & walk.heads))]
        with m.If(walks):
            m.d.sync += [*walk.eq(after), *read.eq(walk), read_ends.eq(row_ends)]
        with m.If(moves):
            m.d.sync += [*head.eq(read), head_ends.eq(read_ends), bits.eq(maps.data)]
        return there, bits, head, head_ends

    def _scan(self, m, maps, codes):
        p, layer, c, macs = self.p, self.p.layer, self.controller, self.macs
        chunks, room, columns = p.chunks(c), p.values(c), p.columns
        stripes = [p.stripe(number) for number in range(p.stripes)]
        table = [p.column(x) for x in range(p.width)]
        pitch = layer.width * chunks  # sparsity maps of a row
        taps_most = max(taps for _, taps, _, _ in table)
        ring = range(columns)

        load = Signal()
        there, bits, head, row_ends = self._walk(m, maps, load)
        x, number, stripe = head.x, head.number, head.stripe

        # The sparsity map at hand, its first value and those behind it, and its column.
        next_value, rest = Signal(p.chunk), Signal(p.chunk)
        some = Signal()
        now = _Place(p, chunks, pitch, "now")
        last_map, last_column, last_of_image = Signal(), Signal(), Signal()
        kernel_column = Signal(index_width(layer.kernel))
        taps = Signal(range(taps_most + 1))
        useless = Signal()  # the column leads to no output
        done = Signal(range(columns + 1))
        slot, base_slot = Signal(ring), Signal(ring)
        two = Signal()  # output rows
        pointers = [Signal(range(2 * layer.height * room + 1), name=f"pointer_{j}")
                    for j in range(p.stripe_rows)]

        # A value, if the sparsity map has one, and the multiplications of the one before are over.
        left = Signal(range(2 * taps_most))  # multiplications but for this cycle's
        ready = Signal(init=1)               # there are none
        give, passed = Signal(), Signal()
        scanning, edge = Signal(), Signal()
        upper_feeds, lower_feeds = now.row < layer.kernel, two & (now.row >= layer.stride)
        both = upper_feeds & lower_feeds
        several = rest.any()
        m.d.comb += [give.eq(scanning & some & (ready | useless)),
                     passed.eq(scanning & (~some | (give & ~several)))]
        # The next map is loaded when nothing is left of this one: no need to wait for ``load``.
        values = Mux(several, rest, bits)
        with m.If(load | (give & several)):
            found = lowest(values)
            m.d.sync += [next_value.eq(found[0]), rest.eq(found[1]), some.eq(values.any())]
        with m.If(give & ~useless):
            work = Mux(both, taps << 1, taps)
            m.d.sync += [left.eq(work - 1), ready.eq(work == 1)]
        with m.Elif(~ready):
            m.d.sync += [left.eq(left - 1), ready.eq(left == 1)]
        pointer = Array(pointers)[now.row]
        code_address = Signal.like(codes.addr)
        m.d.comb += codes.addr.eq(code_address)
        with m.If(give):
            m.d.sync += [pointer.eq(pointer + 1), code_address.eq(pointer)]
        kernel_row = Mux(upper_feeds, now.row, now.row - layer.stride)[:len(now.row)]
        given = Signal(data.StructLayout({
            "some": 1, "lower": 1, "both": 1, "taps": taps.shape(), "slot": slot.shape()}))
        m.d.comb += [given.some.eq(give & ~useless), given.lower.eq(~upper_feeds),
                     given.both.eq(both), given.taps.eq(taps), given.slot.eq(slot)]
        self._multiply(m, codes, given, give, index(next_value), now, kernel_row, kernel_column)

        # The end of a column, and the beginning of the next one.
        waiting = Signal(init=1)
        held = Signal(2)  # images stored
        free = Signal(range(columns + 1), init=columns)
        begun = _looked_up([b - a for a, b in zip(
            [0, *(t[2] for t in table)], [t[2] for t in table], strict=False)], x)
        ends = _looked_up([b - a for a, b in zip(
            [0, *(t[3] for t in table)], [t[3] for t in table], strict=False)], x)
        pending = Signal(range(columns + 1))  # output columns whose last value is at the MACs
        left_edge, begin = Signal(), Signal()
        m.d.comb += [
            left_edge.eq(edge & ((pending == 0) | ready)),
            begin.eq((begun <= free) & there & (waiting | left_edge)),
            load.eq((passed & ~last_map) | begin)]
        with m.If(ready):
            m.d.sync += pending.eq(0)
        with m.If(passed & last_map):
            m.d.sync += [scanning.eq(0), edge.eq(1)]
        with m.If(left_edge):
            m.d.sync += [edge.eq(0), waiting.eq(1), pending.eq(done)]
            with m.If(last_column):
                m.d.sync += base_slot.eq(base_slot + p.out_columns)
        finished = left_edge & last_of_image
        m.d.sync += [held.eq(held + self.loaded - finished),
                     free.eq(free - Mux(begin, begun, 0) + self.release)]
        with m.If(load):
            m.d.sync += [*now.eq(head), last_map.eq(row_ends)]
        with m.If(begin):
            following = Mux(left_edge & last_column, base_slot + p.out_columns, base_slot)
            m.d.sync += [
                waiting.eq(0), scanning.eq(1),
                kernel_column.eq(_looked_up([t[0] for t in table], x)),
                taps.eq(_looked_up([t[1] for t in table], x)), done.eq(ends),
                useless.eq(_looked_up([int(t[1] == 0) for t in table], x)),
                slot.eq(following + _looked_up([(t[2] - t[1]) % columns for t in table], x)),
                two.eq(_looked_up([made - 1 for _, _, made in stripes], stripe)),
                last_column.eq(x == p.width - 1),
                last_of_image.eq((x == p.width - 1) & (number == p.passes - 1)
                                 & (stripe == p.stripes - 1))]
            with m.If(x == 0):
                for j, pointer in enumerate(pointers):
                    starts = [(base + j) * room if 0 <= base + j < layer.height else 0
                              for base, _, _ in stripes]
                    m.d.sync += pointer.eq(_looked_up(starts, stripe)
                                           + Mux(head.bank, layer.height * room, 0))

        # Complete columns.
        complete = Signal(range(columns + 1))
        oldest = Signal(ring)
        more = delayed(m, Mux(ready, pending, 0), self.ADDRESS + Macs.LATENCY - 1, "given")
        m.d.sync += complete.eq(complete + more - self.release)
        with m.If(self.release):
            m.d.sync += oldest.eq(oldest + 1)
        m.d.comb += [
            self.full.eq(held == 2), self.ready.eq(complete != 0), macs.word.eq(self.word),
            macs.read.eq(Cat(self.row, oldest)), macs.clear.eq(self.release),
            self.sums.eq(macs.sums)]

    def _multiply(self, m, codes, given, read, place, now, kernel_row, kernel_column):
        """Gives the MACs a value's weights one by one, `ADDRESS` cycles behind the cycle after
        ``given``. The first one's address is added up on the way; ``read``: so is the value."""
        p, layer, macs = self.p, self.p.layer, self.macs
        address, start, before, channel = (Signal(index_width(macs.bank.depth), name=name)
                                           for name in ("address", "start", "before", "channel"))
        # The map's first channel; the value's; its weights.
        m.d.sync += [before.eq(_times(now.number, p.channels_of(self.controller))
                               + now.chunk * p.chunk),
                     channel.eq(before + delayed(m, place, 1, "place"))]
        weight = Signal(index_width(layer.taps))
        m.d.comb += weight.eq(_times(kernel_row, layer.kernel) + kernel_column)
        first = Signal.like(address)
        m.d.comb += first.eq(_times(channel, layer.taps) + delayed(m, weight, 2, "weight"))

        late = delayed(m, given, self.ADDRESS, "given")
        busy, more, lower = Signal(), Signal(), Signal()
        left, taps_less = (Signal.like(given.taps, name=name)
                           for name in ("left", "taps_less"))  # one less than there are
        tap_slot, first_slot = Signal.like(given.slot), Signal.like(given.slot)
        with m.If(left != 0):
            m.d.sync += [left.eq(left - 1), address.eq(address - layer.stride),
                         tap_slot.eq(tap_slot + 1)]
        with m.Elif(more):
            m.d.sync += [more.eq(0), lower.eq(1), left.eq(taps_less), tap_slot.eq(first_slot),
                         address.eq(start - layer.stride * layer.kernel)]
        with m.Else():
            m.d.sync += busy.eq(0)
        with m.If(late.some):
            m.d.sync += [busy.eq(1), lower.eq(late.lower), more.eq(late.both),
                         left.eq(late.taps - 1), taps_less.eq(late.taps - 1), address.eq(first),
                         start.eq(first), tap_slot.eq(late.slot), first_slot.eq(late.slot)]
        # The value is read as soon as its place is known, since the bank may be filled anew while
        # it is multiplied.
        m.d.comb += [codes.en.eq(delayed(m, read, 1, "read_code")),
                     macs.valid.eq(busy), macs.address.eq(address),
                     macs.entry.eq(Cat(lower, tap_slot)),
                     macs.value.eq(delayed(m, codes.data, self.ADDRESS - 1, "value"))]
