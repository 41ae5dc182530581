"""Number formats and the one requantiser, for NumPy arrays, torch tensors and Python ints alike.

A value is always an integer *code*; a `Format` says what the code means. The hardware twin of
`requantise` is `hdl.formats.requantise`.
"""

import enum
from dataclasses import dataclass

from golden.check import require_int, require_type

__all__ = ["Format", "Rounding", "requantise", "shift_right"]


class Rounding(enum.Enum):
    """How bits below the kept ones are dropped. Ours; each is exact in golden and in hardware."""

    FLOOR = "floor"          # towards minus infinity: no logic at all
    HALF_UP = "half_up"      # nearest, ties towards plus infinity: one carry-in
    HALF_EVEN = "half_even"  # nearest, ties to even: no bias


@dataclass(frozen=True)
class Format:
    """A fixed-point format: the code ``v`` means ``v / 2**fraction``.

    ``Format(8, 7)`` is signed, -1 .. 127/128. ``Format(8, 8, signed=False)`` is 0 .. 255/256.

    >>> Format(8, 7).minimum, Format(8, 7).maximum
    (-128, 127)
    >>> str(Format(8, 8, signed=False))
    'u8.8'
    """

    width: int
    fraction: int = 0
    signed: bool = True

    def __post_init__(self):
        require_int("Format width", self.width, 1, 64)
        require_int("Format fraction", self.fraction, -64, 64)
        require_type("Format signedness", self.signed, bool)

    @property
    def minimum(self):
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self):
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def largest(self):
        """The largest magnitude of a code."""
        return max(-self.minimum, self.maximum)

    @property
    def resolution(self):
        return 2.0**-self.fraction

    def saturate(self, code):
        if isinstance(code, int):
            return min(max(code, self.minimum), self.maximum)
        return code.clip(self.minimum, self.maximum)

    def quantise(self, values):
        """Real ``values`` (array or tensor) to codes: nearest (ties to even), then saturate."""
        return self.saturate((values * 2.0**self.fraction).round())

    def dequantise(self, codes):
        return codes * self.resolution

    def to_dict(self):
        return {"width": self.width, "fraction": self.fraction, "signed": self.signed}

    @classmethod
    def from_dict(cls, fields):
        return cls(**fields)

    def __str__(self):
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"


def shift_right(code, shift, rounding=Rounding.HALF_UP):
    """``code / 2**shift`` by ``rounding``; exact integer arithmetic (a negative shift is exact).

    >>> [shift_right(v, 1, Rounding.HALF_UP) for v in (-3, -1, 1, 3)]
    [-1, 0, 1, 2]
    >>> [shift_right(v, 1, Rounding.HALF_EVEN) for v in (-3, -1, 1, 3)]
    [-2, 0, 0, 2]
    """
    if shift <= 0:
        return code << -shift
    if rounding is Rounding.FLOOR:
        return code >> shift
    half = 1 << (shift - 1)
    if rounding is Rounding.HALF_UP:
        return (code + half) >> shift
    return (code + (half - 1) + ((code >> shift) & 1)) >> shift


def requantise(code, shift, to, rounding=Rounding.HALF_UP):
    """Drop ``shift`` fraction bits by ``rounding``, then saturate to the `Format` ``to``.

    >>> requantise(300, 1, Format(8, 7))
    127
    """
    return to.saturate(shift_right(code, shift, rounding))
