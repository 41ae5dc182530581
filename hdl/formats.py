"""Number formats in hardware: the shape of a format, and the one requantiser.

Bit by bit what `golden.formats` computes.
"""

from amaranth.hdl import Const, Mux, Shape, Value

from golden.formats import Rounding

__all__ = ["requantise", "saturate", "shape", "shift_right"]


def shape(format):
    """The Amaranth shape of the codes of a `Format`."""
    return Shape(format.width, format.signed)


def shift_right(value, shift, rounding=Rounding.HALF_UP):
    """``value / 2**shift`` by ``rounding``: an expression as wide as its range, never overflowing.

    FLOOR costs nothing, HALF_UP a carry-in and the high part's incrementer, HALF_EVEN an adder over
    the dropped bits besides. A negative shift is exact.

    Source: `golden.formats.shift_right`
    """
    value = Value.cast(value)
    if shift <= 0:
        return value.shift_left(-shift)
    if rounding is Rounding.FLOOR:
        return _floor(value, shift)
    if rounding is Rounding.HALF_UP:
        # floor(v / 2**(s-1)) keeps just the half bit, so the adder needs none of the bits below it.
        return _floor(_floor(value, shift - 1) + 1, 1)
    return _floor(value + ((1 << (shift - 1)) - 1) + _bit(value, shift), shift)


def _floor(value, shift):
    """``value >> shift`` of at least one bit: a zero-width value breaks other tools."""
    width, is_signed = len(value), value.shape().signed
    if shift < width:
        kept = value[shift:]
        return kept.as_signed() if is_signed else kept
    return value[-1].as_signed() if is_signed else Const(0, 1)


def _bit(value, index):
    if index < len(value):
        return value[index]
    return value[-1] if value.shape().signed else Const(0, 1)


def saturate(value, to):
    """``value`` limited to the range of the `Format` ``to``; the result has ``shape(to)``.

    Only the bounds that the value's own range exceeds are compared.
    """
    value = Value.cast(value)
    is_signed = value.shape().signed
    sign = value[-1] if is_signed else Const(0, 1)
    magnitude = value[:-1] if is_signed else value  # of a value that is not negative
    result = _fit(value, to)
    if len(magnitude) > to.maximum.bit_length():
        above = ~sign & magnitude[to.maximum.bit_length():].any()
        result = Mux(above, Const(to.maximum, shape(to)), result)
    if is_signed and not to.signed:
        result = Mux(sign, Const(0, to.width), result)
    elif is_signed and len(value) > to.width:
        below = sign & ~value[to.width - 1:].all()
        result = Mux(below, Const(to.minimum, shape(to)), result)
    return _fit(result, to)


def _fit(value, to):
    """``value`` cut or extended to ``shape(to)``."""
    extended = value[:to.width] if len(value) >= to.width else (
        (value.as_signed() if value.shape().signed else value) | Const(0, to.width))[:to.width]
    return extended.as_signed() if to.signed else extended.as_unsigned()


def requantise(value, shift, to, rounding=Rounding.HALF_UP):
    """Drop ``shift`` fraction bits by ``rounding``, then saturate to ``to``: combinational.

    Source: `golden.formats.requantise`
    """
    return saturate(shift_right(value, shift, rounding), to)
