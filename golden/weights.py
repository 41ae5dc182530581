"""Kinds of few-bit weights: their values, their stored codes, and the sums they make."""

from dataclasses import dataclass

import numpy as np

from golden.check import require_choice, require_type
from golden.params import ceil_log2

__all__ = ["WEIGHT_KINDS", "WeightKind", "accumulator_width", "product_stages", "random_weights"]

WEIGHT_KINDS = ("binary", "ternary", *(f"int{bits}" for bits in range(2, 13)), "powers3", "powers4")


@dataclass(frozen=True)
class WeightKind:
    """A weight's values and its stored code.

    ``binary``: +1, -1 in 1 bit (1 means -1). ``ternary``: -1, 0, +1 in 2 bits, two's complement.
    ``int2`` .. ``int12``: two's complement, symmetric (the most negative code is not used).
    ``powers3``, ``powers4``: 0 and signed powers of two, 1, 2, 4 or 1 .. 64; the code is the sign
    on top of the exponent + 1, and 0 for 0.
    """

    name: str

    def __post_init__(self):
        require_type("Weight kind", self.name, str)
        require_choice("Weight kind", self.name, WEIGHT_KINDS)

    powers = property(lambda self: self.name.startswith("powers"))
    #: A product with it takes a multiplier.
    multiplied = property(lambda self: self.name.startswith("int"))

    @property
    def bits(self):
        return {"binary": 1, "ternary": 2}.get(self.name) or int(
            self.name.removeprefix("powers").removeprefix("int"))

    @property
    def maximum(self):
        if self.powers:
            return 1 << (1 << self.bits - 1) - 2
        return 1 if self.name in ("binary", "ternary") else (1 << (self.bits - 1)) - 1

    @property
    def values(self):
        """Every weight of this kind, ascending: int64."""
        if self.name == "binary":
            return np.array([-1, 1])
        if self.powers:
            up = 1 << np.arange((1 << self.bits - 1) - 1)
            return np.concatenate([-up[::-1], [0], up])
        return np.arange(-self.maximum, self.maximum + 1)

    def contains(self, values):
        """Whether every one of the integer array ``values`` is a weight of this kind."""
        if self.name == "binary":
            return bool((abs(values) == 1).all())
        if self.powers:
            return bool(np.isin(values, self.values).all())
        return bool((abs(values) <= self.maximum).all())

    def encode(self, values):
        """Integer weights (array) to unsigned stored codes (array)."""
        if self.name == "binary":
            return (values < 0).astype("int64")
        if self.powers:
            exponent = np.frexp(np.abs(values).astype(float))[1]  # 0 -> 0, 2**k -> k + 1
            return np.where(values < 0, 1 << self.bits - 1, 0) + exponent
        return values & ((1 << self.bits) - 1)


def product_stages(kind, terms):
    """Registers between operands and an accumulator that adds ``terms`` products of them.

    None for up to three products without a multiplier; else one behind the multipliers, and one
    behind every two levels of adders, of which the accumulator's own is the last.

    >>> [product_stages(WeightKind("ternary"), n) for n in (1, 3, 4, 8, 9, 64)]
    [0, 0, 1, 1, 2, 3]
    >>> [product_stages(WeightKind("int8"), n) for n in (1, 2, 3, 8, 9, 64)]
    [1, 1, 2, 2, 3, 4]
    """
    if kind.multiplied:
        return 1 + ceil_log2(terms) // 2
    return ceil_log2(terms) // 2 if terms > 3 else 0


def accumulator_width(operand, kind, terms):
    """Bits of a signed accumulator that cannot overflow over ``terms`` products."""
    return (operand.largest * kind.maximum * terms).bit_length() + 1


def random_weights(kind, shape, rng):
    """Random weights of a `WeightKind`, every value equally likely."""
    if kind.powers:
        return rng.choice(kind.values, shape)
    if kind.name == "binary":
        return rng.integers(0, 2, shape) * 2 - 1
    return rng.integers(-kind.maximum, kind.maximum + 1, shape)
