"""Lanes: products added to sums wherever they lie."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse_conv.joint_params import program
from hdl.delay import delayed
from hdl.formats import shape
from hdl.memory import NO_COLLISION
from hdl.sparse_conv.requantiser import named

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """The accumulators of a cluster.

    **Latency** 5 cycles from ``base`` to ``sums`` and to a sum's write: behind either memory, that
    of the entries and that of the sums, stands a register. **Throughput** a product a lane and
    cycle: a sum that is still on its way is forwarded. **Back-pressure** none.

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
        # Stage 1: entries have been read, 2: they stand in registers; 3: sums are read, 4: they
        # have been read, 5: they stand in registers, and are added to and written.
        write, walk = Signal(6), Signal(6)
        m.d.comb += [write[0].eq(self.write), walk[0].eq(self.walk)]
        m.d.sync += [write[1:].eq(write[:-1]), walk[1:].eq(walk[:-1])]
        base = delayed(m, self.base, 2, "base")
        # A zero is written as the product of 0.
        value = delayed(m, named(m, Mux(self.walk, self.value, 0), "given"), 4, "value")
        value_5 = delayed(m, value, 1, "value_5")
        word = delayed(m, self.word, 1, "word")
        with m.If(~walk[1]):    # then an address has no offset: the register's reset takes no LUT
            m.d.sync += word.eq(0)
        for n in range(p.lanes):
            entry = word.word_select(n, p.entry)
            address = Signal(p.address, name=f"address_{n}_3")
            m.d.sync += address.eq(base + self._offset(m, entry[p.kind.bits:], n))
            address_4 = delayed(m, address, 1, f"address_{n}_4")
            address_5 = delayed(m, address_4, 1, f"address_{n}_5")
            code = delayed(m, named(m, entry[:p.kind.bits], f"entry_{n}"), 2, f"code_{n}")
            addend, carry = self._product(m, code, value, value_5, n)
            m.submodules[f"sums_{n}"] = memory = Memory(
                shape=unsigned(p.width), depth=p.depth, init=[], attrs=NO_COLLISION)
            read, put = memory.read_port(), memory.write_port()
            total, latest, held = (Signal(p.width, name=f"{name}_{n}")
                                   for name in ("total", "latest", "held"))
            # A sum that the entry before, or the one before that, is about to write.
            before, before_last = Signal(name=f"before_{n}"), Signal(name=f"before_last_{n}")
            m.d.sync += [before.eq(write[4] & (address == address_4)),
                         before_last.eq(write[5] & (address == address_5)),
                         held.eq(Mux(before_last, latest, read.data)), latest.eq(total)]
            again = delayed(m, before, 1, f"again_{n}")
            augend = Mux(again, latest, held & walk[5].replicate(p.width))
            m.d.comb += [
                read.addr.eq(address), put.addr.eq(address_5), put.en.eq(write[5]),
                put.data.eq(total), self.sums[n].eq(held),
                total.eq((Cat(carry, augend) + Cat(carry, addend))[1:]),
            ]
        return m

    def _offset(self, m, fields, lane):
        """Of a product from its pixel: column and row of the pixel's taps, and filter."""
        p = self.params
        column, row, own = ([], [], [])
        at = 0
        for field, width in zip((column, row, own), p.index_widths, strict=True):
            field += list(fields[at:at + width])
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

    def _product(self, m, code, value_4, value_5, lane):
        """What is added in stage 5, and a carry: by a sign and what it negates, or a product."""
        p = self.params
        width = p.width
        if p.kind.name in ("binary", "ternary"):
            weight = Signal.like(code, name=f"weight_{lane}")
            m.d.sync += weight.eq(code)
            negative = weight[-1]
            magnitude = value_5 if p.kind.name == "binary" else Mux(weight[0], value_5, 0)
        elif p.kind.powers:
            negative = Signal(name=f"negative_{lane}")
            powers = len(p.kind.values) // 2
            magnitude = Signal((value_4 << powers - 1).shape(), name=f"magnitude_{lane}")
            m.d.sync += [negative.eq(code[-1]), magnitude.eq(0)]
            with m.Switch(code[:-1]):
                for power in range(powers):
                    with m.Case(power + 1):
                        m.d.sync += magnitude.eq(value_4 << power)
        else:
            product = Signal((value_4 * code.as_signed()).shape(), name=f"product_{lane}")
            m.d.sync += product.eq(value_4 * code.as_signed())
            return _extended(m, product, width, f"addend_{lane}"), Const(0, 1)
        return (_extended(m, magnitude, width, f"addend_{lane}") ^ negative.replicate(width),
                negative)


def _extended(m, value, width, name):
    """``value`` with its sign, of ``width`` bits."""
    wide = Signal(signed(width), name=name)
    m.d.comb += wide.eq(value)
    return wide.as_unsigned()
