"""A heap of bits, reduced column by column with full adders: addition as cells like it."""

import heapq

from amaranth.hdl import Cat, Const, Signal, Value

__all__ = ["HALF_SUM", "Heap"]

#: Gate delays from an adder's early inputs and from its late one; only their order matters.
EARLY, LATE = 2, 1
#: Attribute of the sum of a full adder's first two inputs: `asic.area.half_sums`.
HALF_SUM = "half_sum"


class Heap:
    """Bits to be added, modulo ``2**width``, built into module ``m``.

    Of each column the three bits that arrive first meet in a full adder, again and again, until one
    or two bits are left; its carries join the next column. So late bits (the multiplexers') meet
    few adders, and what is left of a sum of one row is a ripple of carries.

    Source: Stelling et al., "Optimal Circuits for Parallel Multipliers", IEEE Trans. Computers
    47(3), 1998: the three-dimensional method.
    """

    def __init__(self, m, width, name):
        self.m, self.width, self.name = m, width, name
        self.columns = [[] for _ in range(width)]
        self._count = 0

    def add(self, value, base=0, arrival=0):
        """Adds the bits of ``value`` from column ``base`` on."""
        value = Value.cast(value)
        # In a signal: a slice of an expression would repeat it in the Verilog, for every bit.
        bits = Signal(len(value), name=f"{self.name}_in_{self._count}")
        self.m.d.comb += bits.eq(value)
        for place, bit in enumerate(bits, base):
            if place < self.width:
                self._put(place, arrival, _held(place, bit))

    def rows(self, count):
        """The sum as ``count`` values, 1 or 2, of ``width`` bits."""
        done = []
        for place, column in enumerate(self.columns):
            heapq.heapify(column)
            while len(column) > count:
                first = [heapq.heappop(column) for _ in range(min(3, len(column)))]
                self._adder(place, first)
            done.append([bit for _, _, bit in column])
        return [Cat(_held(place, column[n]) if n < len(column) else Const(0, 1)
                    for place, column in enumerate(done)) for n in range(count)]

    def _put(self, place, arrival, bit):
        self._count += 1
        heapq.heappush(self.columns[place], (arrival, self._count, bit))

    def _adder(self, place, bits):
        *early, late = bits
        sum_ = Signal(name=f"{self.name}_{place}_{self._count}")
        arrival = max(early[-1][0] + EARLY, late[0] + LATE)
        a, b = early[0][2], (early[1] if len(bits) == 3 else late)[2]
        if len(bits) == 3:
            half = Signal(name=f"{sum_.name}_half", attrs={HALF_SUM: 1})
            self.m.d.comb += [half.eq(a ^ b), sum_.eq(half ^ late[2])]
            carry = ~(a & b | late[2] & half)
        else:
            self.m.d.comb += sum_.eq(_held(place, a ^ b))
            carry = ~(a | b if place % 2 else a & b)
        self._put(place, arrival, sum_)
        if place + 1 < self.width:
            out = Signal(name=f"{sum_.name}_carry")
            self.m.d.comb += out.eq(carry)
            self._put(place + 1, arrival, out)


def _held(place, bit):
    """The bit as its column holds it, and back."""
    return ~bit if place % 2 else bit
