"""Bits of a word, one after another from the lowest."""

from amaranth.hdl import Cat, Const, Value

__all__ = ["index", "lowest"]


def lowest(bits):
    """(the lowest 1 of ``bits``, alone; the others), as wide as ``bits``; of 0 both are 0.

    A carry chain: where one takes the lowest 1 in every cycle, the first belongs in a register, so
    that what looks at it does not wait for the chain.
    """
    bits = Value.cast(bits)
    return (bits & -bits)[:len(bits)], (bits & (bits - 1))[:len(bits)]


def index(one_hot):
    """The place of the only 1 of ``one_hot``; of 0 it is 0. At least one bit wide."""
    one_hot = Value.cast(one_hot)
    if len(one_hot) == 1:
        return Const(0, 1)
    return Cat(Cat(one_hot[n] for n in range(len(one_hot)) if n >> bit & 1).any()
               for bit in range((len(one_hot) - 1).bit_length()))
