"""Lanes: products added to sums wherever they lie."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse_conv.joint_params import program
from hdl.formats import shape
from hdl.memory import NO_COLLISION

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """The accumulators of a cluster.

    **Latency** 2 cycles from ``base`` to the read of a sum, 3 to ``sums`` and to its write.
    **Throughput** a product a lane and cycle: a sum that is still on its way is forwarded.
    **Back-pressure** none.

    Parameters
    ----------
    params : JointParams

    Members
    -------
    write : In(1)
        In this cycle a product of each lane is added; without ``walk`` a zero is written.
    walk, value, base : In
        The entry of ``word`` is meant; the code that it is multiplied with; the address of its
        pixel's sums. Without ``walk`` the address itself.
    placement : In
        Of the layer (`golden.sparse_conv.joint_params.program`); steady.
    word : In
        One entry for every lane, a cycle later.
    sums : Out
        What was read, in every lane.
    """

    def __init__(self, params):
        self.params = p = params
        shapes = [(g.pitch_bits, g.plane_bits) for g in p.geometries]
        self._placements = list(dict.fromkeys(shapes))
        placement = max(each["placement"] for each in program(p))
        super().__init__({
            "write": In(1), "walk": In(1), "value": In(shape(p.operand)), "base": In(p.address),
            "placement": In(range(max(2, placement + 1))), "word": In(p.lanes * p.entry),
            "sums": Out(data.ArrayLayout(signed(p.width), p.lanes))})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        # Stage 1: entries have been read; 2: sums are read; 3: sums are written.
        write, walk = Signal(4), Signal(4)
        m.d.comb += [write[0].eq(self.write), walk[0].eq(self.walk)]
        m.d.sync += [write[1:].eq(write[:-1]), walk[1:].eq(walk[:-1])]
        base, value, value_2, value_3 = (
            Signal.like(signal, name=name) for signal, name in (
                (self.base, "base_1"), (self.value, "value_1"), (self.value, "value_2"),
                (self.value, "value_3")))
        # A zero is written as the product of 0.
        m.d.sync += [base.eq(self.base), value.eq(Mux(self.walk, self.value, 0)),
                     value_2.eq(value), value_3.eq(value_2)]
        for n in range(p.lanes):
            entry = self.word.word_select(n, p.entry)
            address, address_3 = (Signal(p.address, name=f"address_{n}_{stage}")
                                  for stage in (2, 3))
            code = Signal(p.kind.bits, name=f"code_{n}")
            m.d.sync += [code.eq(entry[:p.kind.bits]), address_3.eq(address),
                         address.eq(base + self._offset(m, entry[p.kind.bits:], walk[1], n))]
            addend, carry = self._product(m, code, value_2, value_3, n)
            m.submodules[f"sums_{n}"] = memory = Memory(
                shape=unsigned(p.width), depth=p.depth, init=[], attrs=NO_COLLISION)
            read, put = memory.read_port(), memory.write_port()
            again = Signal(name=f"again_{n}")
            total, latest = (Signal(p.width, name=f"{name}_{n}") for name in ("total", "latest"))
            before = Mux(again, latest, read.data & walk[3].replicate(p.width))
            m.d.comb += [
                read.addr.eq(address), put.addr.eq(address_3), put.en.eq(write[3]),
                put.data.eq(total), self.sums[n].eq(read.data),
                total.eq((Cat(carry, before) + Cat(carry, addend))[1:]),
            ]
            m.d.sync += [latest.eq(total), again.eq(write[3] & (address == address_3))]
        return m

    def _offset(self, m, fields, walk, lane):
        """Of a product from its pixel: column and row of the pixel's taps, and filter."""
        p = self.params
        column, row, own = ([], [], [])
        at = 0
        for field, width in zip((column, row, own), p.index_widths, strict=True):
            field += [bit & walk for bit in fields[at:at + width]]
            at += width
        offset = Signal(p.address, name=f"offset_{lane}")
        with m.Switch(self.placement):
            for number, (pitch, plane) in enumerate(self._placements):
                with m.Case(number):
                    bits = [Const(0, 1)] * (plane + len(own))
                    # Fields of this layer fit; bits beyond them are 0, or meet others' places.
                    for start, field in ((0, column[:pitch]), (pitch, row[:plane - pitch]),
                                         (plane, own)):
                        bits[start:start + len(field)] = field
                    m.d.comb += offset.eq(Cat(*bits) if bits else 0)
        return offset

    def _product(self, m, code, value_2, value_3, lane):
        """What is added in stage 3, and a carry: by a sign and what it negates, or a product."""
        p = self.params
        width = p.width
        if p.kind.name in ("binary", "ternary"):
            weight = Signal.like(code, name=f"weight_{lane}")
            m.d.sync += weight.eq(code)
            negative = weight[-1]
            magnitude = value_3 if p.kind.name == "binary" else Mux(weight[0], value_3, 0)
        elif p.kind.powers:
            negative = Signal(name=f"negative_{lane}")
            powers = len(p.kind.values) // 2
            magnitude = Signal((value_2 << powers - 1).shape(), name=f"magnitude_{lane}")
            m.d.sync += [negative.eq(code[-1]), magnitude.eq(0)]
            with m.Switch(code[:-1]):
                for power in range(powers):
                    with m.Case(power + 1):
                        m.d.sync += magnitude.eq(value_2 << power)
        else:
            product = Signal((value_2 * code.as_signed()).shape(), name=f"product_{lane}")
            m.d.sync += product.eq(value_2 * code.as_signed())
            return _extended(m, product, width, f"addend_{lane}"), Const(0, 1)
        return (_extended(m, magnitude, width, f"addend_{lane}") ^ negative.replicate(width),
                negative)


def _extended(m, value, width, name):
    """``value`` with its sign, of ``width`` bits."""
    wide = Signal(signed(width), name=name)
    m.d.comb += wide.eq(value)
    return wide.as_unsigned()
