"""Sigmoid and tanh on integer codes: as a table, or as lines over equal segments.

The pre-activation's code z is mid-rise: it stands for ``(z + 1/2) * 2**-pre.fraction``, the middle
of what a requantiser that floors has put there. Both functions are then exactly symmetric, and the
hardware holds z >= 0 only: ``sigmoid[~z] = 2**width - sigmoid[z]`` and ``tanh[~z] = -tanh[z]``.
"""

from functools import lru_cache

import numpy as np

from golden.check import require_choice, require_int, require_type
from golden.formats import Format

__all__ = ["FUNCTIONS", "Lines", "check_table", "error_bound", "half_table", "lookup", "output",
           "sigmoid", "tanh"]

FUNCTIONS = ("sigmoid", "tanh")

#: Largest slope and largest curvature of each function.
_SLOPE = {"sigmoid": 1 / 4, "tanh": 1.0}
_CURVATURE = {"sigmoid": 1 / (6 * 3**0.5), "tanh": 4 / (3 * 3**0.5)}


def output(function, width):
    """The `Format` of the results: sigmoid in 0..1 unsigned, tanh in -1..1 signed.

    >>> str(output("sigmoid", 8)), str(output("tanh", 8))
    ('u8.8', 's8.7')
    """
    return Format(width, width, False) if function == "sigmoid" else Format(width, width - 1)


def check_table(function, pre, width):
    """Raise unless there is such a table."""
    require_choice("Activation function", function, FUNCTIONS)
    require_type("Activation pre", pre, Format)
    if not pre.signed:
        raise ValueError(f"Activation pre must be signed, not {pre}")
    require_int("Activation pre width", pre.width, 2, 20)
    require_int("Activation width", width, 2, 24)


def _scaled(function, pre, width, codes):
    """The real function at the codes' middles, in units of the output, where it is not negative."""
    x = (codes + 0.5) * pre.resolution
    value = 1 / (1 + np.exp(-x)) if function == "sigmoid" else np.tanh(x)
    to = output(function, width)
    return np.minimum(value / to.resolution, to.maximum)


@lru_cache(maxsize=64)
def half_table(function, pre, width):
    """Results for z = 0, 1, .. pre.maximum: nearest code, below one."""
    check_table(function, pre, width)
    return _frozen(np.rint(_scaled(function, pre, width, np.arange(pre.maximum + 1))))


def _frozen(values):
    values = values.astype(np.int64)
    values.flags.writeable = False  # one array serves every caller
    return values


@lru_cache(maxsize=64)
def _table(function, pre, width):
    half = half_table(function, pre, width)
    one = 1 << width if function == "sigmoid" else 0
    return _frozen(np.concatenate([half, one - half[::-1]]))


def sigmoid(pre, width):
    """Table of all ``2**pre.width`` results, for `lookup`: ``round(sigmoid * 2**width)`` within
    1 .. 2**width - 1.

    >>> sigmoid(Format(3, 0), 4).tolist()
    [10, 13, 15, 15, 1, 1, 3, 6]
    """
    return _table("sigmoid", pre, width)


def tanh(pre, width):
    """Table of all ``2**pre.width`` results, for `lookup`: ``round(tanh * 2**(width - 1))`` within
    +-(2**(width - 1) - 1).

    >>> tanh(Format(3, 0), 4).tolist()
    [4, 7, 7, 7, -7, -7, -7, -4]
    """
    return _table("tanh", pre, width)


def lookup(table, codes):
    """``table`` at signed ``codes`` (int, NumPy array or torch tensor; the result is of the same
    kind)."""
    index = codes & (len(table) - 1)
    return codes.new_tensor(table)[index] if hasattr(codes, "new_tensor") else table[index]


class Lines:
    """Sigmoid or tanh by straight lines over ``segments`` equal segments of z >= 0.

    ``y = (offset + slope * rest) >> shift``, kept below one, where z's high bits choose offset and
    slope and its low bits are the rest. Per segment the slope is the chord's, and the offset halves
    the largest deviation. For a pre-activation too wide for a table, and where a memory costs more
    than a multiplier. Called with codes (int64 array or tensor), it gives the results.
    """

    def __init__(self, function, pre, width, segments):
        check_table(function, pre, width)
        require_int("Activation segments", segments, 2, 1 << (pre.width - 2))
        if segments & (segments - 1):
            raise ValueError(f"Activation segments must be a power of two, not {segments!r}")
        self.function, self.pre, self.width, self.segments = function, pre, width, segments
        self.output = output(function, width)
        #: Bits of the rest.
        self.rest = pre.width - 1 - (segments.bit_length() - 1)
        # Two bits more than the rest has: a rounded slope is then off by 1/8 output code at most.
        self.shift = self.rest + 2
        rest = np.arange(1 << self.rest)
        wanted = _scaled(function, pre, width, np.arange(pre.maximum + 1)).reshape(segments, -1)
        wanted = wanted * 2.0**self.shift
        slope = np.rint((wanted[:, -1] - wanted[:, 0]) / rest[-1])
        left = wanted - slope[:, None] * rest
        offset = np.floor((left.max(axis=1) + left.min(axis=1)) / 2 + 0.5 * 2.0**self.shift)
        self.slopes = _frozen(slope)
        self.offsets = _frozen(offset)

    def __call__(self, codes):
        negative = codes < 0
        code = codes ^ -(negative * 1)
        segment, rest = code >> self.rest, code & ((1 << self.rest) - 1)
        y = (lookup(self.offsets, segment) + lookup(self.slopes, segment) * rest) >> self.shift
        y = y.clip(0, self.output.maximum)
        return y + negative * ((1 << self.width if self.function == "sigmoid" else 0) - 2 * y)


def error_bound(function, pre, width, segments=None):
    """Largest distance of a result from the real function anywhere in the code's cell.

    Half a unit of the output, and half a cell of the input times the largest slope; or a whole unit
    of the output where the function is nearer to one than its format reaches. With ``segments``
    (`Lines`), also the lines' own deviation and their rounded slopes.
    """
    unit = output(function, width).resolution
    cell = pre.resolution / 2 * _SLOPE[function]
    lines = 0.0
    if segments:
        length = 2 ** (pre.width - 1) / segments * pre.resolution
        lines = _CURVATURE[function] * length**2 / 16 + unit / 8
    return max(unit, unit / 2 + cell) + lines
