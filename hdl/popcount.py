"""Sums of many bits, made for look-up tables with carry chains."""

from amaranth.hdl import Cat, Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.check import require_int
from golden.params import ceil_div

__all__ = ["BitSum"]


class _Number:
    """A partial sum: ``sign * value * 2**exponent``; ``low .. high`` is the value's range."""

    def __init__(self, value, exponent, sign, low, high):
        self.value, self.exponent, self.sign = value, exponent, sign
        self.low, self.high = low, high


class BitSum(wiring.Component):
    """Adds bits of any weights, plus and minus; registers cut the tree into ``stages``.

    Three bits of one weight and sign make a full adder: one look-up table each for its sum and its
    carry. Its numbers meet in a balanced tree of carry chains, and every adder before the first
    register takes one bit more as its carry. What is to be subtracted is added up on its own as
    long as possible, then subtracted: no bit needs a sign.

    Yosys 0.70, 64 bits, look-up tables: 85 (iCE40), 99 (ECP5), 64 (xc7); a plain sum of them, of
    which Yosys makes a Wallace tree: 120, 107, 91.

    **Latency** ``stages`` cycles. **Throughput** a sum a cycle. It never waits.

    Parameters
    ----------
    terms : list of (int, int)
        Of every bit the exponent of its weight and its sign, 1 or -1.
    stages : int
        0 for a combinational sum.
    less : int
        The largest value of ``less``; 0 leaves that port out.

    Members
    -------
    i : In(len(terms))
    less : In
        Subtracted in the last stage: ``stages - 1`` cycles behind ``i``.
    o : Out, signed
        As wide as its range.
    """

    def __init__(self, terms, stages, *, less=0):
        require_int("Sum terms", len(terms), 1)
        require_int("Sum stages", stages, 0)
        self.terms, self.stages, self.less_most = list(terms), stages, less
        low = sum(-1 << exponent for exponent, sign in terms if sign < 0) - less
        high = sum(1 << exponent for exponent, sign in terms if sign > 0)
        width = max((-1 - low).bit_length(), high.bit_length()) + 1
        members = {"i": In(len(terms)), "o": Out(signed(width))}
        if less:
            members["less"] = In(range(less + 1))
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        levels = self._levels()
        # So many levels are over at the end of each stage.
        ends = [ceil_div(levels * stage, self.stages) for stage in range(1, self.stages)]
        total = self._levels(m, levels, ends)
        value = total.value.shift_left(total.exponent)
        if total.sign < 0:
            value = -value
        if self.less_most:
            value = value - self.less
        target = m.d.sync if self.stages else m.d.comb
        target += self.o.eq(value)
        return m

    def _levels(self, m=None, levels=None, ends=()):
        """Builds the tree in ``m``, with registers at the ends of those levels, and returns its
        `_Number`; without ``m``, counts its levels."""
        first = ends[0] if ends else levels or 64
        numbers = self._leaves(first)
        level = 1
        while True:
            for _ in range(ends.count(level) if m else 0):
                numbers = [self._placed(m, n, "sync") for n in numbers]
            if len(numbers) == 1:
                break
            numbers = self._level(m, numbers)
            level += 1
        if m is None:
            return level
        for end in ends:  # a tree of fewer levels than stages
            if end > level:
                numbers = [self._placed(m, n, "sync") for n in numbers]
        return numbers[0]

    def _leaves(self, first):
        """Full adders, and the bits that the adders of levels before ``first`` take as carries."""
        numbers = []
        for key in sorted(set(self.terms)):
            bits = [bit for bit, term in zip(self.i, self.terms, strict=True) if term == key]
            count = next(n for n in range(1, len(bits) + 1)
                         if 3 * n + _adders(n, first - 1) >= len(bits))
            groups = [bits[n:min(3 * count, len(bits)):count] for n in range(count)]
            numbers += [_Number(_full_adder(group), *key, 0, len(group)) for group in groups]
            numbers += [_Number(bit, *key, 0, 1) for bit in bits[3 * count:]]
        return numbers

    def _level(self, m, numbers):
        """Numbers of equal weight are added pair by pair; those of unequal once they are alone."""
        after = []
        exponents = sorted({n.exponent for n in numbers})
        columns = {e: sorted((n for n in numbers if n.exponent == e),
                             key=lambda n: (n.sign, n.high - n.low)) for e in exponents}
        if all(len(column) == 1 for column in columns.values()):
            alone = [columns[e][0] for e in exponents]
            after = [self._placed(m, _combined(a, b))
                     for a, b in zip(alone[::2], alone[1::2], strict=False)]
            return after + alone[2 * len(after):]
        for column in columns.values():
            carries = [n for n in column if (n.low, n.high) == (0, 1)]
            wide = [n for n in column if (n.low, n.high) != (0, 1)]
            if len(wide) < 2:
                wide, carries = sorted(column, key=lambda n: n.high - n.low), []
            pairs = [(a, b) for a, b in zip(wide[::2], wide[1::2], strict=False)]
            after += wide[2 * len(pairs):]
            for a, b in pairs:
                carry = next((n for n in carries if n.sign == a.sign == b.sign
                              and a.low == b.low == 0), None)
                if carry:
                    carries.remove(carry)
                after.append(self._placed(m, _combined(a, b, carry)))
            after += carries
        return after

    def _placed(self, m, number, domain="comb"):
        """The number in a signal of its own."""
        if m is None:
            return number
        signal = Signal.like(number.value, name="partial")
        # Else Yosys takes whole trees of adders for one sum and makes a Wallace tree. Of a few bits
        # there is none, and where a kept wire is the same as an input, its ABC9 drives it twice.
        if domain == "comb" and (len(self.terms) > 4 or self.stages):
            signal.attrs["keep"] = 1
        m.d[domain] += signal.eq(number.value)
        return _Number(signal, number.exponent, number.sign, number.low, number.high)


def _adders(numbers, levels):
    """Adders in the first levels of a balanced tree."""
    count = 0
    for _ in range(levels):
        count += numbers // 2
        numbers -= numbers // 2
    return count


def _full_adder(bits):
    if len(bits) == 1:
        return bits[0]
    a, b, c = (*bits, Const(0, 1))[:3]
    return Cat(a ^ b ^ c, (a & b) | (c & (a ^ b)))


def _combined(a, b, carry=None):
    """``a + b + carry`` of one sign, or their difference; ``b`` weighs as much as ``a`` or more."""
    shift = b.exponent - a.exponent
    low, high = b.low << shift, b.high << shift
    other = b.value.shift_left(shift)
    if a.sign == b.sign:
        low, high = a.low + low, a.high + high
        if carry:
            high += 1
            # One chain, not a sum of three: twice the carry at the bottom is passed on.
            return _fitted((Cat(carry.value, a.value) + Cat(carry.value, other))[1:],
                           a.exponent, a.sign, low, high)
        return _fitted(a.value + other, a.exponent, a.sign, low, high)
    if a.sign > 0:
        return _fitted(a.value - other, a.exponent, 1, a.low - high, a.high - low)
    return _fitted(other - a.value, a.exponent, 1, low - a.high, high - a.low)


def _fitted(value, exponent, sign, low, high):
    if low < 0:
        width = max((-1 - low).bit_length(), high.bit_length()) + 1
        return _Number(value[:width].as_signed(), exponent, sign, low, high)
    return _Number(value[:high.bit_length()], exponent, sign, low, high)
