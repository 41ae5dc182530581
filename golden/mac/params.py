"""Parameters of the multiply-accumulate array, and what its lanes choose from.

Every product of a weight and an operand is cut into *selections*: a lane takes one of a few numbers
that all lanes share, or none, shifts it, and adds or subtracts it. The tables of the selections
stand here, because the words of the weight memory hang on them.
"""

from dataclasses import dataclass
from itertools import product

from golden.check import require_choice, require_int, require_type
from golden.design import Stream
from golden.formats import Format
from golden.params import Params, as_format
from golden.weights import WEIGHT_KINDS, WeightKind, accumulator_width

__all__ = ["SHARES", "STRUCTURES", "ArrayParams", "Selection", "Sum"]

STRUCTURES = ("ripple", "carry-save")

#: Columns whose sums may be shared, for each weight kind; none for the others.
SHARES = {"binary": 4, "ternary": 2} | {
    name: 3 for name in WEIGHT_KINDS if WeightKind(name).multiplied}


@dataclass(frozen=True)
class Sum:
    """A number that all lanes share: ``factors`` (0, 1, -1) times the columns from ``first`` on.

    It is held without a sign: ``offset`` is added, so that it is 0 or more in ``width`` bits.
    ``parity`` is the index of an earlier sum of the same columns, whose bit 0 it has; or None.
    """

    first: int
    factors: tuple
    width: int
    offset: int
    parity: int | None = None


@dataclass(frozen=True)
class Selection:
    """One addend of a lane: a sum of the shared ones, shifted, or none; ``base`` is its exponent.
    To subtract it, its bits are inverted: before it is shifted, where it is one number in more than
    two places, and else as it was chosen.

    sources:     of every bit of its code, the place in the lane's code word; None is a constant 0
    candidates:  (index of the sum, shift)
    table:       for each code (index of the candidate or None, whether it is subtracted); None for
                 a code that is never stored
    width:       its bits, without ``base``
    """

    sources: tuple
    candidates: tuple
    table: tuple
    base: int
    width: int

    def constant(self, code, sums):
        """What the addend is more than the product it stands for; 0 for codes never stored."""
        if self.table[code] is None:
            return 0
        chosen, negate = self.table[code]
        if chosen is None:
            return ((1 << self.width) - 1 if negate and not self.early else 0) << self.base
        index, shift = self.candidates[chosen]
        offset = sums[index].offset << shift
        ones = (1 << sums[index].width) - 1 << shift if self.early else (1 << self.width) - 1
        return (ones - offset if negate else offset) << self.base

    @property
    def early(self):
        """Whether it is inverted before it is shifted."""
        return len(self.candidates) > 2 and len({index for index, _ in self.candidates}) == 1


@dataclass(frozen=True)
class ArrayParams(Params):
    """``lanes`` sums of ``length`` products each, ``terms`` of them a cycle.

    weights:    name of a `WeightKind`; ``int`` weights are recoded by Booth, radix 4, or are planes
                of bits where sums are shared
    operand:    format of the operands, at most 16 bits
    lanes:      sums made side by side, of the same operands
    terms:      products that a lane adds in a cycle; divides ``length``
    length:     products of a sum
    share:      columns whose signed sums are made once for all lanes: each lane then chooses one of
                2**(share - 1) sums (binary), of x0, x1, x0 + x1, x0 - x1 (ternary, 2), or, for
                each bit of the weights, of the sums of every few of the columns (``int``, up to 3)
    structure:  ``ripple``: one carry-propagate adder and one register a lane; ``carry-save``: two
                registers, and no carry runs further than a column a cycle
    stages:     1; 2 has a register behind the weights' memory, and one of the operands beside it;
                3 another one behind the choice of the lane whose sum leaves: for FPGAs
    serial:     operands reach the lanes bit by bit, the highest first, and a lane counts those of
                all its terms, which are all its products: a beat takes a cycle a bit
    """

    weights: str = "ternary"
    operand: Format = Format(8, 7)
    lanes: int = 8
    terms: int = 4
    length: int = 16
    share: int = 1
    structure: str = "ripple"
    stages: int = 1
    serial: bool = False

    def __post_init__(self):
        kind = WeightKind(self.weights)
        object.__setattr__(self, "operand", as_format(self.operand))
        require_type("Array operand", self.operand, Format)
        require_int("Array operand width", self.operand.width, 2, 16)
        require_int("Array lanes", self.lanes, 1, 1024)
        require_int("Array terms", self.terms, 1, 256)
        require_int("Array length", self.length, self.terms, 1 << 16)
        if self.length % self.terms:
            raise ValueError(f"Array length must be a multiple of the {self.terms} terms a cycle, "
                             f"not {self.length}")
        most = SHARES.get(kind.name, 1)
        if most == 1 and self.share != 1:
            raise ValueError(f"Array share must be 1 with {kind.name} weights, not {self.share!r}")
        require_int("Array share", self.share, 1, most)
        if self.terms % self.share:
            raise ValueError(f"Array terms must be a multiple of the share of {self.share}, "
                             f"not {self.terms}")
        require_choice("Array structure", self.structure, STRUCTURES)
        require_int("Array stages", self.stages, 1, 3)
        require_type("Array serial", self.serial, bool)
        if self.serial and self.terms != self.length:
            raise ValueError(f"Array terms must be the length of {self.length} where operands come "
                             f"bit by bit, not {self.terms}")

    kind = property(lambda self: WeightKind(self.weights))
    beats = property(lambda self: self.length // self.terms)
    groups = property(lambda self: self.terms // self.share)
    #: What lanes take of an operand in a cycle, and the cycles that a beat takes.
    digit = property(lambda self: Format(1, 0, signed=False) if self.serial else self.operand)
    cycles_per_beat = property(lambda self: self.operand.width if self.serial else 1)
    sum_width = property(lambda self: accumulator_width(self.operand, self.kind, self.length))
    input = property(lambda self: Stream(self.operand, self.terms))
    output = property(lambda self: Stream(Format(self.sum_width, self.operand.fraction)))

    @property
    def group_bits(self):
        """Stored bits of a group of ``share`` weights."""
        return self.share * self.kind.bits

    @property
    def word_bits(self):
        """Stored bits of a lane's weights of one beat."""
        return self.groups * self.group_bits

    def encode(self, weights):
        """Weights [.., share] of a group to its stored code [..].

        Binary: bit k says that weight k + 1 has another sign than weight 0, the top bit that weight
        0 is -1. Pairs of ternary weights: 1 for x0, 2 for x1, 4 for x0 + x1, 6 for x0 - x1, and
        the sign on top. One ternary weight: 1, -1. Others side by side, the first lowest.
        """
        if self.kind.name == "binary":
            negative = (weights < 0).astype("int64")
            code = negative[..., 0] << self.share - 1
            for k in range(1, self.share):
                code = code | (negative[..., k] ^ negative[..., 0]) << k - 1
            return code
        if self.kind.name != "ternary":
            return sum(self.kind.encode(weights[..., k]) << k * self.kind.bits
                       for k in range(self.share))
        used, negative = (x.astype("int64") for x in (weights != 0, weights < 0))
        if self.share == 1:
            return used[..., 0] << negative[..., 0]
        same = used[..., 0] & used[..., 1] & (1 - (negative[..., 0] ^ negative[..., 1]))
        sign = negative[..., 0] | (negative[..., 1] & (1 - used[..., 0]))
        both = used[..., 0] & used[..., 1]
        return (used[..., 0] + 2 * used[..., 1]) * (1 - both) + both * (6 - 2 * same) + 8 * sign

    @property
    def sums(self):
        """Every `Sum` of a beat, group by group."""
        made = []
        for group in range(self.groups):
            seen = {}
            for factors in self._factors:
                parity = seen.get(tuple(map(abs, factors)))
                seen.setdefault(tuple(map(abs, factors)), len(made))
                made.append(self._sum(group * self.share, factors, parity))
        return tuple(made)

    @property
    def selections(self):
        """Every `Selection` of a lane, group by group."""
        made, sums = [], self.sums
        for group in range(self.groups):
            first, low = group * len(self._factors), group * self.group_bits
            for base, sources, candidates, table in self._pieces():
                candidates = tuple((first + index, shift) for index, shift in candidates)
                width = max(sums[index].width + shift for index, shift in candidates)
                sources = tuple(None if at is None else low + at for at in sources)
                made.append(Selection(sources, candidates, table, base, width))
        return tuple(made)

    @property
    def _factors(self):
        """Of each sum of a group, its columns' factors."""
        if self.kind.name == "binary":
            return tuple((1, *(1 - 2 * (n >> k & 1) for k in range(self.share - 1)))
                         for n in range(1 << self.share - 1))
        if self.kind.multiplied:
            return tuple(tuple(n >> k & 1 for k in range(self.share))
                         for n in range(1, 1 << self.share))
        return ((1, 0), (0, 1), (1, 1), (1, -1)) if self.share == 2 else ((1,),)

    def _sum(self, first, factors, parity):
        form = self.digit
        low = sum(min(f * form.minimum, f * form.maximum) for f in factors)
        high = sum(max(f * form.minimum, f * form.maximum) for f in factors)
        if low >= 0:
            return Sum(first, factors, high.bit_length(), 0, parity)
        if self.serial:  # of two or three bits, one fewer than below
            return Sum(first, factors, (high - low).bit_length(), -low)
        width = max((-1 - low).bit_length(), high.bit_length()) + 1
        return Sum(first, factors, width, 1 << width - 1, parity)

    def _pieces(self):
        """(exponent, places of the code's bits, candidates, table) of a group's selections."""
        kind = self.kind
        if kind.name == "binary":
            many = 1 << self.share - 1
            table = [(n, False) for n in range(many)] + [(n, True) for n in range(many)]
            return [(0, range(self.share), [(n, 0) for n in range(many)], tuple(table))]
        if kind.name == "ternary" and self.share == 1:
            table = ((None, False), (0, False), (0, True), None)
            return [(0, range(2), [(0, 0)], table)]
        if kind.name == "ternary":
            plus = ((None, False), (0, False), (1, False), None, (2, False), None, (3, False), None)
            minus = (None, (0, True), (1, True), None, (2, True), None, (3, True), None)
            table = plus + minus
            return [(0, range(4), [(n, 0) for n in range(4)], table)]
        if kind.powers:
            half = 1 << kind.bits - 1
            table = tuple((n - 1 if n else None, negate)
                          for negate in (False, True) for n in range(half))
            return [(0, range(kind.bits), [(0, n) for n in range(half - 1)], table)]
        if self.share > 1:
            # Of a plane of bits the sum of the operands whose bit is set; the last is negative.
            codes, top = range(1 << self.share), kind.bits - 1
            return [(at, tuple(k * kind.bits + at for k in range(self.share)),
                     [(n, 0) for n in range(len(codes) - 1)],
                     tuple((code - 1 if code else None, at == top) for code in codes))
                    for at in range(kind.bits)]
        # Booth: a digit of -2 .. 2 of every two bits, and the bit below them.
        table = []
        for high, middle, low in product((0, 1), repeat=3):
            digit = low + middle - 2 * high
            table.append((abs(digit) - 1 if digit else None, bool(high)))
        top = kind.bits - 1
        return [(at, tuple(None if n < 0 else min(n, top) for n in (at - 1, at, at + 1)),
                 [(0, 0), (0, 1)], tuple(table)) for at in range(0, kind.bits, 2)]
