"""A balanced adder tree whose width is that of its range."""

from amaranth.hdl import Value

__all__ = ["tree_sum"]


def tree_sum(values):
    """The sum of ``values`` (signed and unsigned may mix), combinational, ``ceil(log2(n))`` deep.

    Every adder is as wide as the range of what it adds asks for: 64 one-bit values give 7 bits, and
    a signed and an unsigned 8-bit value 10. On each level the widest of an odd number waits
    for the next one, so that an accumulator meets its summed terms last.

    >>> from amaranth.hdl import Signal
    >>> tree_sum([Signal(1, name=f"x{i}") for i in range(64)]).shape()
    unsigned(7)
    """
    level = [(value, *_range(value)) for value in map(Value.cast, values)]
    if not level:
        raise ValueError("Values must be at least one, not none")
    while len(level) > 1:
        level.sort(key=lambda term: len(term[0]))
        pairs = [_add(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[2 * len(pairs):]
    return level[0][0]


def _range(value):
    shape = value.shape()
    if shape.signed:
        return -(1 << (shape.width - 1)), (1 << (shape.width - 1)) - 1
    return 0, (1 << shape.width) - 1


def _add(a, b):
    low, high = a[1] + b[1], a[2] + b[2]
    if low < 0:
        # Bits of a two's complement number that holds both ends.
        width = max((-1 - low).bit_length(), high.bit_length()) + 1
        return (a[0] + b[0])[:width].as_signed(), low, high
    return (a[0] + b[0])[:high.bit_length()], low, high
