"""Sigmoid and tanh in hardware: as half a table, or as lines over segments.

Bit by bit what `golden.activation` computes; the tables come from there.
"""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.activation import Lines, half_table, output, sigmoid, tanh
from golden.formats import Format
from hdl.formats import saturate, shape

__all__ = ["ActivationPair", "ActivationTable", "PiecewiseLinear"]

#: A block RAM of the smallest FPGA family that we build for (iCE40).
WHOLE_BITS = 4096


def _fold(m, z):
    """(z or ~z, whichever is not negative; a register that says that it was ~z)."""
    negative = Signal(reset_less=True)
    m.d.sync += negative.eq(z[-1])
    folded = Signal(len(z) - 1)
    m.d.comb += folded.eq(z[:-1] ^ z[-1].replicate(len(folded)))
    return folded, negative


def _negated(value, negate, low_is_0=None):
    """2**width - value for sigmoid, -value for tanh, which is the same in ``width`` bits: without a
    carry chain, whatever is above the lowest 1 is turned over. ``low_is_0``, where it is known
    beforehand: the lower half of the bits is 0."""
    half = len(value) // 2
    below = (value[:n] if low_is_0 is None or n <= half else Cat(~low_is_0, value[half:n])
             for n in range(1, len(value)))
    return Cat(value[0], *(bit ^ (negate & bits.any())
                           for bit, bits in zip(value[1:], below, strict=True)))


class ActivationTable(wiring.Component):
    """Sigmoid or tanh of a mid-rise code, from a table of the half with z >= 0.

    **Latency** 2 cycles. **Throughput** one result a cycle. **Back-pressure** none: it follows
    ``z`` in every cycle. Registers: the table's read register; behind it, after the negation for
    z < 0, one that the result stands in, since a block RAM leaves little time for what follows.

    ``y`` is unsigned, 1 .. 2**width - 1 of 2**width, for sigmoid, and signed,
    +-(2**(width - 1) - 1) of 2**(width - 1), for tanh. The distance to the real function is at most
    `golden.activation.error_bound`. It does not saturate: that is the requantiser's work.

    The table has ``2**(pre.width - 1)`` words of ``width - 1`` bits in an initialised memory with
    synchronous read, which synthesis puts into block RAM (sigmoid: the leading one is left out;
    tanh: the sign is). A whole table that fits one small block RAM (`WHOLE_BITS`) is kept whole,
    because folding it would cost logic and save no block. Where a half table of ``width`` bits fits
    one, so that a bit of a word is spare, it says whether the word's lower half is 0: the negation,
    for which a block RAM leaves little time, is then one look-up table deep.

    Parameters
    ----------
    function : "sigmoid" or "tanh"
    pre : Format
        Of z; signed, 2 to 20 bits.
    width : int
        Of y; 2 to 24 bits.

    Members
    -------
    z : In(shape(pre))
    y : Out(shape(golden.activation.output(function, width)))
    """

    def __init__(self, function, pre, width):
        self.function, self.pre, self.width = function, pre, width
        self.half = half_table(function, pre, width)
        super().__init__({"z": In(shape(pre)), "y": Out(shape(output(function, width)))})

    def elaborate(self, _platform):
        m = Module()
        if self.width << self.pre.width <= WHOLE_BITS:
            table = (sigmoid if self.function == "sigmoid" else tanh)(self.pre, self.width)
            m.submodules.table = whole = Memory(
                shape=unsigned(self.width), depth=len(table), attrs={"rom_style": "block"},
                init=[int(value) & ((1 << self.width) - 1) for value in table])
            read = whole.read_port()
            m.d.comb += read.addr.eq(self.z)
            m.d.sync += self.y.eq(read.data)
            return m
        stored, lower = self.width - 1, self.width // 2
        words = [int(value) & (1 << stored) - 1 for value in self.half]
        spare = self.width * len(words) <= WHOLE_BITS
        if spare:
            words = [word | (word % (1 << lower) == 0) << stored for word in words]
        m.submodules.table = table = Memory(shape=unsigned(stored + spare), depth=len(words),
                                            init=words)
        read = table.read_port()
        folded, negative = _fold(m, self.z)
        m.d.comb += read.addr.eq(folded)
        value = Signal(self.width)
        leading = int(self.function == "sigmoid") << (self.width - 1)
        m.d.comb += value.eq(read.data[:stored] | leading)
        m.d.sync += self.y.eq(_negated(value, negative, read.data[-1] if spare else None))
        return m


class ActivationPair(wiring.Component):
    """Sigmoid and tanh from one whole table, one of them a cycle.

    **Latency** 2 cycles. **Throughput** one result a cycle. **Back-pressure** none.

    Parameters
    ----------
    pre : Format
    width : int
        As for `ActivationTable`; the two tables together must fit `WHOLE_BITS`.

    Members
    -------
    z : In(shape(pre))
    is_tanh : In(1)
    sigmoid, tanh : Out
        The result, in the format of either function; only the one asked for means anything.
    """

    def __init__(self, pre, width):
        if not self.fits(pre, width):
            raise ValueError(f"Activation pair must fit {WHOLE_BITS} bits, not "
                             f"{2 * width << pre.width}")
        self.pre, self.width = pre, width
        super().__init__({"z": In(shape(pre)), "is_tanh": In(1),
                          "sigmoid": Out(shape(output("sigmoid", width))),
                          "tanh": Out(shape(output("tanh", width)))})

    @staticmethod
    def fits(pre, width):
        """Whether both tables fit one small block RAM."""
        return 2 * width << pre.width <= WHOLE_BITS

    def elaborate(self, _platform):
        m = Module()
        words = [int(value) & ((1 << self.width) - 1)
                 for table in (sigmoid, tanh) for value in table(self.pre, self.width)]
        m.submodules.rom = rom = Memory(shape=unsigned(self.width), depth=len(words), init=words,
                                        attrs={"rom_style": "block"})
        read = rom.read_port()
        result = Signal(self.width, reset_less=True)
        m.d.sync += result.eq(read.data)
        m.d.comb += [read.addr.eq(Cat(self.z, self.is_tanh)),
                     self.sigmoid.eq(result), self.tanh.eq(result)]
        return m


class PiecewiseLinear(wiring.Component):
    """Sigmoid or tanh of a mid-rise code, by lines over equal segments: one multiplier.

    **Latency** 2 cycles (offset and slope, line). **Throughput** one result a cycle.
    **Back-pressure** none: it follows ``z`` in every cycle. The negation for z < 0 stands behind
    the last register.

    Formats as `ActivationTable`; the results differ from its, by what
    `golden.activation.error_bound` says.

    Parameters
    ----------
    function : "sigmoid" or "tanh"
    pre : Format
        Of z; signed, 3 to 20 bits.
    width : int
        Of y; 2 to 24 bits.
    segments : int
        A power of two from 2 to 2**(pre.width - 2).

    Members
    -------
    z : In(shape(pre))
    y : Out(shape(golden.activation.output(function, width)))
    """

    def __init__(self, function, pre, width, segments):
        self.lines = Lines(function, pre, width, segments)
        super().__init__({"z": In(shape(pre)), "y": Out(shape(self.lines.output))})

    def elaborate(self, _platform):
        m = Module()
        lines = self.lines
        line = data.StructLayout({"offset": max(1, int(lines.offsets.max()).bit_length()),
                                  "slope": max(1, int(lines.slopes.max()).bit_length())})
        m.submodules.table = table = Memory(shape=line, depth=lines.segments, init=[
            {"offset": int(offset), "slope": int(slope)}
            for offset, slope in zip(lines.offsets, lines.slopes, strict=True)])
        read = table.read_port()
        folded, negative = _fold(m, self.z)
        rest = Signal(lines.rest, reset_less=True)
        value = Signal(lines.width, reset_less=True)
        negate = Signal(reset_less=True)
        m.d.comb += read.addr.eq(folded[lines.rest:])
        m.d.sync += [
            rest.eq(folded),
            # Never negative; saturating costs one bit's fan-out.
            value.eq(saturate((read.data.offset + read.data.slope * rest)[lines.shift:],
                              Format(lines.output.maximum.bit_length(), 0, False))),
            negate.eq(negative),
        ]
        m.d.comb += self.y.eq(_negated(value, negate))
        return m
