"""Sums of products, several terms a cycle. Bits: `golden.mac.array`."""

from amaranth.hdl import C, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.mac.array import corrections, weight_words
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.formats import shape
from hdl.frame import FrameCheck, beat_in, beat_out
from hdl.mac.heap import Heap
from hdl.store import Store, index_width
from hdl.tree import tree_sum

__all__ = ["Array", "ArrayCore", "Lane", "Shared", "sums_layout"]

#: Gate delays of a selection, in `Heap`'s terms: of several numbers and a sign, or of one number.
SELECTED, TAKEN = 4, 1


def sums_layout(params):
    """The shared numbers, without signs: `golden.mac.params.Sum`. Where an earlier one has the same
    bit 0, a number comes without it. Where lanes want them (`_rails`), its inverted bits come
    beside it."""
    widths = {f"sum_{n}": s.width - (s.parity is not None) for n, s in enumerate(params.sums)}
    if _rails(params):
        widths |= {f"not_{name}": width for name, width in widths.items()}
    return data.StructLayout({name: unsigned(width) for name, width in widths.items()})


def _rails(params):
    """Whether every selection is a number, its inverse or 0: then one cell (AND-OR-invert) makes a
    bit of it, and what lanes share comes with its inverse. Where there are more numbers, or no 0,
    an exclusive or behind the selection is smaller."""
    return all(set(selection.table) - {None} == {(None, False), (0, False), (0, True)}
               for selection in params.selections)


class Shared(wiring.Component):
    """What all lanes share: the operands, or their signed sums, with their offsets, registered.
    The registers hold their values while no beat comes, so that nothing changes behind them.

    **Latency** 1 cycle. **Throughput** a beat a cycle; where operands go bit by bit, the bits of a
    beat in as many cycles. It never waits.

    Parameters
    ----------
    params : golden.mac.params.ArrayParams

    Members
    -------
    values : In, ``terms`` operands
    step : In(1)
        They are there.
    following : In(1)
        Where operands go bit by bit: the next bit of those that were there.
    sums : Out, `sums_layout`
    """

    def __init__(self, params):
        self.params = params
        super().__init__({
            "values": In(data.ArrayLayout(shape(params.operand), params.terms)), "step": In(1),
            **({"following": In(1)} if params.serial else {}), "sums": Out(sums_layout(params))})

    def elaborate(self, _platform):
        m = Module()
        form, step = self.params.digit, self.step
        offset = 1 << form.width - 1 if form.signed else 0
        if self.params.serial:
            step = self.step | self.following
            operands = [self._bit(m, n, value) for n, value in enumerate(self.values)]
        else:
            operands = [Value.cast(value) ^ offset for value in self.values]
        totals, rails = {}, _rails(self.params)
        for n, made in enumerate(self.params.sums):
            total = Signal(made.width, name=f"total_{n}")
            heap, constant = Heap(m, made.width, f"shared_{n}"), made.offset
            change = {k: f for k, f in enumerate(made.factors) if f}
            # A sum of three or more that another one is but for a sign, it takes over.
            other = next((s for s in totals if s.first == made.first and len(change) > 2
                          and sum(f != g for f, g in zip(s.factors, made.factors, strict=True)) == 1
                          ), None)
            if other:
                heap.add(totals[other])
                constant -= other.offset
                change = {k: f - other.factors[k] for k, f in change.items()
                          if f != other.factors[k]}
            for k, factor in change.items():
                operand, shift = operands[made.first + k][:form.width], abs(factor) // 2
                factor = 1 if factor > 0 else -1
                heap.add(operand if factor > 0 else ~operand, shift)
                constant -= factor * offset << shift
                if factor < 0:  # -v is ~v + 1, and ~v has ones above
                    constant += (1 - (1 << form.width)) << shift
            for bit in range(made.width):
                if constant >> bit & 1:
                    heap.add(C(1, 1), bit)
            m.d.comb += total.eq(heap.rows(1)[0])
            kept = total if made.parity is None else total[1:]
            held = Signal(len(kept), name=f"held_{n}", reset_less=True)
            with m.If(step):
                m.d.sync += held.eq(kept)
            m.d.comb += self.sums[f"sum_{n}"].eq(held)
            if rails:
                m.d.comb += self.sums[f"not_sum_{n}"].eq(~held)
            totals[made] = total
        return m

    def _bit(self, m, n, value):
        """The highest bit of an operand that comes, or the next of the one that is there."""
        operand, form = Value.cast(value), self.params.operand
        left = Signal(form.width - 1, name=f"left_{n}", reset_less=True)
        with m.If(self.step):
            m.d.sync += left.eq(operand)
        with m.Elif(self.following):
            m.d.sync += left.eq(left << 1)
        return Mux(self.step, operand[-1] ^ form.signed, left[-1])


class Lane(wiring.Component):
    """One sum: selections, a heap of full adders, an accumulator.

    **Latency** 1 cycle from ``step`` to ``rows``. **Throughput** a beat a cycle. It never waits.

    Parameters
    ----------
    params : golden.mac.params.ArrayParams

    Members
    -------
    sums : In, `sums_layout`
    word : In
        The weights' codes of the beat: `ArrayParams.encode`, group by group.
    step, first : In(1)
        A beat is there; it is its vector's first.
    rows : Out
        The sum, or the two numbers (``carry-save``) of which it is the sum, modulo ``2**sum_width``
        and without `golden.mac.array.corrections`.
    """

    def __init__(self, params):
        self.params = params
        self.count = 1 if params.structure == "ripple" else 2
        super().__init__({
            "sums": In(sums_layout(params)), "word": In(params.word_bits), "step": In(1),
            "first": In(1), "rows": Out(data.ArrayLayout(unsigned(params.sum_width), self.count))})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        heap = Heap(m, p.sum_width, "heap")
        choose, arrival = (self._taken, TAKEN) if _rails(p) else (self._selected, SELECTED)
        for n, selection in enumerate(p.selections):
            heap.add(choose(m, n, selection), selection.base, arrival)
        kept = [Signal(p.sum_width, name=f"acc_{n}", reset_less=True) for n in range(self.count)]
        for row in kept:
            heap.add(row & (~self.first).replicate(len(row)), int(p.serial))
        for row, following in zip(kept, heap.rows(self.count), strict=True):
            with m.If(self.step):
                m.d.sync += row.eq(following)
        m.d.comb += [out.eq(row) for out, row in zip(self.rows, kept, strict=True)]
        return m

    def _sum(self, index):
        parity, value = self.params.sums[index].parity, self.sums[f"sum_{index}"]
        return value if parity is None else Cat(self.sums[f"sum_{parity}"][0], value)

    def _code(self, selection):
        return Cat(C(0, 1) if at is None else self.word[at] for at in selection.sources)

    def _taken(self, m, n, selection):
        ((index, _),) = selection.candidates
        code, table = self._code(selection), selection.table
        free = [c for c, entry in enumerate(table) if entry is None]
        plus, minus = (_one_of(code, [table.index((0, negate))], free).replicate(selection.width)
                       for negate in (False, True))
        addend = Signal(selection.width, name=f"addend_{n}")
        m.d.comb += addend.eq(self.sums[f"sum_{index}"] & plus
                              | self.sums[f"not_sum_{index}"] & minus)
        return addend

    def _selected(self, m, n, selection):
        code = self._code(selection)
        table, width = selection.table, selection.width
        free = [c for c, entry in enumerate(table) if entry is None]
        negate = Signal(name=f"negate_{n}")
        m.d.comb += negate.eq(_one_of(
            code, [c for c, entry in enumerate(table) if entry and entry[1]], free))

        def one(numbers, name):
            """That one of [(number, its codes)] which the code asks for, or 0."""
            parts = []
            for k, (part, codes) in enumerate(numbers):
                if len(codes) + len(free) < len(table):
                    take = Signal(name=f"take_{name}_{k}")
                    m.d.comb += take.eq(_one_of(code, codes, free))
                    part &= take.replicate(len(part))
                parts.append(part)
            while len(parts) > 1:  # balanced: pairs of ANDs are one cell, and two of those another
                parts = [a | b for a, b in zip(parts[::2], parts[1::2], strict=False)] + parts[
                    2 * (len(parts) // 2):]
            return parts[0]

        def signed(value, early):
            return value ^ negate.replicate(len(value)) if selection.early == early else value

        numbers = [((signed(self._sum(index), True) << shift)[:width],
                    [c for c, entry in enumerate(table) if entry and entry[0] == k])
                   for k, (index, shift) in enumerate(selection.candidates)]
        if self.params.share > 1:
            lowest = {}  # of sums that have the same bit 0 it is chosen once
            for (index, _), (number, codes) in zip(selection.candidates, numbers, strict=True):
                parity = self.params.sums[index].parity
                lowest.setdefault(index if parity is None else parity,
                                  (number[0], []))[1].extend(codes)
            chosen = Cat(one(lowest.values(), f"{n}_low"),
                         one([(number[1:], codes) for number, codes in numbers], n))
        else:
            chosen = one(numbers, n)
        addend = Signal(width, name=f"addend_{n}")
        m.d.comb += addend.eq(signed(Cat(chosen, C(0, width))[:width], False))
        return addend


def _one_of(code, values, free):
    """Whether ``code`` is one of ``values``; anything, where it is one of those that never come."""
    patterns = set()
    for value in values:
        fixed = (1 << len(code)) - 1
        for bit in range(len(code)):
            less = fixed & ~(1 << bit)
            if all(other in values or other in free for other in range(1 << len(code))
                   if (other ^ value) & less == 0):
                fixed = less
        patterns.add("".join("-" if not fixed >> bit & 1 else str(value >> bit & 1)
                             for bit in reversed(range(len(code)))))
    return code.matches(*sorted(patterns))


class ArrayCore(wiring.Component):
    """`Shared`, a `Lane` for each sum, the weights' memory, and one adder through which sums leave.

    **Latency** ``lanes + stages`` cycles from a vector's last beat to its last sum. **Throughput**
    a vector every ``beats + lanes + stages`` cycles: the accumulators are all that holds the sums,
    so the next vector is taken when the last sum has left. Where operands go bit by bit, both are
    longer by a cycle for every bit but the first. **Back-pressure** likewise.

    Parameters
    ----------
    params : golden.mac.params.ArrayParams
    tensors : dict
        ``weight``: int64 array [lanes, length]

    Members
    -------
    i : In, stream of `beat_in`
    o : Out, stream of `beat_out`
    """

    def __init__(self, params, tensors):
        self.params, self.tensors = params, tensors
        super().__init__({"i": In(stream.Signature(beat_in(params.input))),
                          "o": Out(stream.Signature(beat_out(params.output)))})

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.frame = frame = FrameCheck(p.beats)
        m.submodules.weights = weights = Store(p.lanes * p.word_bits, p.beats,
                                               weight_words(p, self.tensors["weight"]))
        m.submodules.corrections = lacking = Store(p.sum_width, p.lanes,
                                                   corrections(p, self.tensors["weight"]))
        m.submodules.shared = shared = Shared(p)
        taken, step, first, busy, error = (Signal() for _ in range(5))
        place = Signal(index_width(p.beats))
        m.d.comb += [i.ready.eq(~busy), taken.eq(i.valid & i.ready),
                     frame.step.eq(taken), frame.last.eq(i.payload.last),
                     weights.address.eq(place), weights.enable.eq(taken)]
        word, values, given, begins = (
            delayed(m, value, int(p.stages > 1), name) for value, name in (
                (weights.word, "word"), (i.payload.data, "values"), (taken, "given"),
                (place == 0, "begins")))
        m.d.comb += [shared.values.eq(values), shared.step.eq(given)]
        m.d.sync += step.eq(given)
        with m.If(taken):
            m.d.sync += place.eq(Mux(i.payload.last | ~frame.inner, 0, place + 1))
        with m.If(given):
            m.d.sync += first.eq(begins)
        with m.If(taken), m.If(i.payload.last):
            m.d.sync += [busy.eq(1), error.eq(frame.wrong)]

        lane, following = Signal(index_width(p.lanes)), Signal(index_width(p.lanes))
        valid, last = Signal(), Signal()
        summed = busy
        if p.serial:
            # The other bits of the only beat; the word of weights stays.
            left, more = Signal(range(p.cycles_per_beat)), Signal()
            m.d.comb += [more.eq(left != 0), shared.following.eq(
                delayed(m, more, int(p.stages > 1), "following"))]
            m.d.sync += left.eq(Mux(taken, p.cycles_per_beat - 1, left - more))
            with m.If(shared.following):
                m.d.sync += step.eq(1)
            with m.If(~given):
                m.d.sync += first.eq(0)
            summed &= ~more
        for _ in range(p.stages - 1):
            summed = delayed(m, summed, 1, "summed") & busy
        m.d.sync += valid.eq(summed & ~(o.valid & o.ready & last))
        m.d.comb += [last.eq(error | (lane == p.lanes - 1)), following.eq(lane),
                     lacking.address.eq(following), o.valid.eq(valid), o.payload.last.eq(last),
                     o.payload.error.eq(error)]
        m.d.sync += lane.eq(following)
        with m.If(o.valid & o.ready):
            m.d.comb += following.eq(lane + 1)
            with m.If(last):
                m.d.comb += following.eq(0)
                m.d.sync += busy.eq(0)
        rows = []
        for n in range(p.lanes):
            m.submodules[f"lane_{n}"] = made = Lane(p)
            m.d.comb += [made.sums.eq(shared.sums), made.step.eq(step), made.first.eq(first),
                         made.word.eq(word.word_select(n, p.word_bits))]
            rows.append(made.rows)
        chosen = Signal(rows[0].shape())
        choice = Signal.like(lane) if p.stages > 2 else lane
        with m.Switch(choice):
            for n, row in enumerate(rows):
                with m.Case(n):
                    m.d.comb += chosen.eq(row)
        if p.stages > 2:
            # The next lane's, while one leaves.
            sums = Signal.like(chosen)
            with m.If(~valid | o.ready):
                m.d.sync += [sums.eq(chosen), choice.eq(Mux(valid & last, 0, choice + summed))]
            chosen = sums
        with m.If(~error):
            m.d.comb += o.payload.data[0].eq(
                tree_sum([*chosen, lacking.word])[:p.sum_width].as_signed())
        return m


class Array(AxiStreamTop):
    """`golden.mac.array.Array` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(ArrayCore(params, tensors))
