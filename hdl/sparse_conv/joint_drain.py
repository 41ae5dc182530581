"""From sums to codes: read side by side, scaled, rounded, pooled, and put together as words."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Rounding
from hdl.delay import delayed
from hdl.formats import requantise, shape
from hdl.sparse_conv.requantiser import named
from hdl.store import index_width
from hdl.tree import tree_sum

__all__ = ["Drain"]


class Drain(wiring.Component):
    """Goes through a layer's outputs, pixel by pixel, `requantisers` filters in a step.

    **Latency** ``params.word_latency`` cycles from a step to the word that it completes, and
    ``params.class_latency`` from there to the class: the comparison's levels. **Throughput** a step
    a cycle: `parts` of them make a word, of a pooled layer four times as many. **Back-pressure**:
    whoever gives ``step`` must have room for the word.

    Parameters
    ----------
    params : JointParams
    instruction : Layout
    filters : int
        Words of the memory ``filters``, and bits of one.

    Members
    -------
    instruction : In
        Steady until ``settled``.
    start, step : In(1)
        Begin anew; read sums in this cycle.
    address : Out
        Of the sums to be read.
    completes, last : Out(1)
        The step completes a word; it is the layer's last one.
    sums : In
        Of each cluster, 5 cycles after the step.
    filter, fields : Out, In
        The memory ``filters``.
    valid, word, end : Out
        A word, and whether it is the map's last.
    decided, best : Out
        With answer "class", instead of a word: the number of the largest code.
    settled : Out(1)
        No word is on its way, or only one that is there in this cycle.
    """

    def __init__(self, params, instruction, filters, width):
        self.params = p = params
        members = {
            "instruction": In(instruction), "start": In(1), "step": In(1),
            "address": Out(p.address), "completes": Out(1), "last": Out(1),
            "sums": In(data.ArrayLayout(data.ArrayLayout(signed(p.width), p.lanes), p.clusters)),
            "filter": Out(index_width(filters)), "fields": In(width), "valid": Out(1),
            "word": Out(data.ArrayLayout(shape(p.code), p.beat)), "end": Out(1),
            "settled": Out(1)}
        if p.answer == "class":
            members |= {"decided": Out(1), "best": Out(index_width(p.network.last.filters))}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        at = self._steps(m)
        flags = {name: [value, *_stages(m, value, p.latency, name)] for name, value in at.items()}
        chain = [self.step, *_stages(m, self.step, p.latency, "step")]
        m.d.comb += self.settled.eq(~Cat(*chain[1:-1]).any())
        m.d.comb += self.filter.eq(
            delayed(m, at["filter"], 3 + p.levels, "filter"))
        totals = self._totals(m, flags["group"][5])
        codes, there = self._codes(m, totals, delayed(m, self.fields, 1, "fields"))
        word = p.word_latency
        made = chain[word - 1]
        if any(layer.pool == 2 for layer in p.layers):
            best = [Signal.like(code, name=f"largest_{n}") for n, code in enumerate(codes)]
            first = flags["first"][word - 1]
            for n, code in enumerate(codes):
                largest = Signal.like(code, name=f"pooled_{n}")
                m.d.comb += largest.eq(Mux(first | (code > best[n]), code, best[n]))
                with m.If(made):
                    m.d.sync += best[n].eq(largest)
                codes[n] = largest
            made = made & flags["pooled"][word - 1]
        with m.If(made):
            m.d.sync += self.word.as_value().eq(
                Cat(self.word.as_value(), *codes)[-len(self.word.as_value()):])
        m.d.comb += [self.valid.eq(chain[word] & flags["completes"][word]),
                     self.end.eq(flags["end"][word])]
        if p.answer == "class":
            m.d.comb += self.decided.eq(chain[-1] & flags["completes"][-1] & flags["end"][-1])
            self._best(m, delayed(m, named(m, made, "made"), p.class_latency, "made_late"),
                       flags["begins"][p.latency - 1], codes, there)
        return m

    def _steps(self, m):
        """The counters; returns what the later stages must know of the step."""
        p, own = self.params, self.instruction
        tap = Signal(2)                                # of a pool
        number = Signal.like(own.out_steps)            # step of the pixel
        group = Signal(range(max(2, p.lanes // p.requantisers)))
        part = Signal(range(max(2, p.parts)))
        x, y = Signal.like(own.out_width), Signal.like(own.out_height)
        plane, pixel, row = (Signal(p.address, name=name) for name in ("plane", "pixel", "row"))
        pooled, pixel_end, row_end, map_end = (Signal(name=name) for name in (
            "pooled", "pixel_end", "row_end", "map_end"))
        m.d.comb += [
            pooled.eq((tap == 3) | ~own.pool), pixel_end.eq(pooled & (number == own.out_steps)),
            row_end.eq(pixel_end & (x == own.out_width)),
            map_end.eq(row_end & (y == own.out_height)),
            self.address.eq(pixel + plane + tap[0] + Mux(tap[1], own.pitch, 0)),
            self.completes.eq(pooled & (part == p.parts - 1)), self.last.eq(map_end),
        ]
        with m.If(self.step):
            with m.If(own.pool):
                m.d.sync += tap.eq(tap + 1)
            with m.If(pooled):
                m.d.sync += [number.eq(number + 1), group.eq(group + 1), part.eq(part + 1)]
                with m.If(part == p.parts - 1):
                    m.d.sync += part.eq(0)
                with m.If(group == p.lanes // p.requantisers - 1):
                    m.d.sync += [group.eq(0), plane.eq(plane + own.plane)]
            with m.If(pixel_end):
                m.d.sync += [number.eq(0), group.eq(0), plane.eq(0), x.eq(x + 1),
                             pixel.eq(pixel + own.pool + 1)]
            with m.If(row_end):
                m.d.sync += [x.eq(0), y.eq(y + 1), row.eq(row + own.out_pitch),
                             pixel.eq(row + own.out_pitch)]
        with m.If(self.start):
            m.d.sync += [x.eq(0), y.eq(0), row.eq(own.origin), pixel.eq(own.origin)]
        place = Signal.like(self.filter)
        m.d.comb += place.eq(own.filters + number)
        return {"group": group, "first": tap == 0, "pooled": pooled, "filter": place,
                "completes": self.completes, "end": map_end, "begins": own.enters & (number == 0)}

    def _totals(self, m, group):
        """Sums of all clusters, of one filter for each requantiser."""
        p = self.params
        totals = []
        for n in range(p.requantisers):
            chosen = [Signal(signed(p.width), name=f"chosen_{n}_{c}") for c in range(p.clusters)]
            with m.Switch(group):
                for own in range(p.lanes // p.requantisers):
                    with m.Case(own):
                        m.d.comb += [signal.eq(self.sums[c][own * p.requantisers + n])
                                     for c, signal in enumerate(chosen)]
            # A register behind every adder: Yosys would make one of several, out of many LUTs.
            for level in range(p.levels):
                sums = [tree_sum(chosen[k:k + 2]) for k in range(0, len(chosen), 2)]
                chosen = [Signal(value.shape(), name=f"total_{n}_{level}_{k}")
                          for k, value in enumerate(sums)]
                m.d.sync += [register.eq(value)
                             for register, value in zip(chosen, sums, strict=True)]
            totals += chosen
        return totals

    def _codes(self, m, totals, words):
        """Codes of the sums, and whether their filters are there."""
        p, own = self.params, self.instruction
        codes, present = [], []
        width = len(words) // p.requantisers
        for n, total in enumerate(totals):
            fields = words[n * width:(n + 1) * width]
            there, bias = fields[0], fields[-p.bias_width:].as_signed()
            if p.scale_width:
                scale = fields[1:1 + p.scale_width].as_signed()
                scaled = Signal((total * scale).shape(), name=f"scaled_{n}")
                m.d.sync += scaled.eq(total * scale)
                total = scaled
                there, bias = delayed(m, there, 1), delayed(m, bias, 1)
            biased = Signal((total + bias).shape(), name=f"biased_{n}")
            m.d.sync += biased.eq(total + bias)
            with m.If(~there):
                m.d.sync += biased.eq(0)
            code = Signal(shape(p.code), name=f"code_{n}")
            with m.Switch(own.mode):
                for number, (relu, shift, output) in enumerate(p.modes):
                    with m.Case(number):
                        value = Mux(biased[-1], 0, biased[:-1]) if relu else biased
                        # The bias has the half that rounding half up adds.
                        m.d.comb += code.eq(requantise(value, shift, output, Rounding.FLOOR))
            codes.append(delayed(m, code, 1, f"code_{n}_late"))
            present.append(delayed(m, there, 2))
        return codes, present

    def _best(self, m, made, begins, codes, there):
        """The first of the largest codes; a register behind each comparison."""
        count, largest = Signal.like(self.best), Signal.like(codes[0])
        level = [(code, own, Const(n, range(64)))
                 for n, (code, own) in enumerate(zip(codes, there, strict=True))]
        for _ in range(self.params.class_latency):
            level = [tuple(delayed(m, named(m, value, name), 1, f"{name}_later")
                           for value, name in zip(each, ("code", "there", "number"), strict=True))
                     for each in level]
            level = [_larger(m, *pair) if len(pair) == 2 else pair[0]
                     for pair in (level[n:n + 2] for n in range(0, len(level), 2))]
        (code, own, number), = level
        with m.If(made):
            at = Mux(begins, 0, count)
            m.d.sync += count.eq(at + len(codes))
            with m.If(own & (begins | (code > largest))):
                m.d.sync += [largest.eq(code), self.best.eq(at + number)]


def _larger(m, a, b):
    less = Signal()
    m.d.comb += less.eq(b[1] & (b[0] > a[0]))
    code, number = Signal.like(a[0]), Signal(range(64))
    m.d.comb += [code.eq(Mux(less, b[0], a[0])), number.eq(Mux(less, b[2], a[2]))]
    return code, a[1], number   # filters that are there come first


def _stages(m, value, count, name):
    """``value`` one cycle later, two, and so on."""
    found = []
    for stage in range(1, count + 1):
        value = delayed(m, value, 1, f"{name}_{stage}")
        found.append(value)
    return found
