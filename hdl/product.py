"""Sums of products of few-bit weights and operands."""

from amaranth.hdl import C, Cat, Signal, Value

from golden.weights import product_stages
from hdl.tree import tree_sum

__all__ = ["registered_products", "sum_of_products"]


def sum_of_products(kind, values, codes, *more):
    """``sum of value * weight``, and ``more`` beside: one balanced tree, combinational.

    A binary weight's stored bit says *negate*, a ternary weight's two bits are {non-zero, negate};
    both negate by ``(x ^ s) + s``, whose ``+ s`` is the carry-in of an adder. Powers of two shift.

    kind:    `golden.weights.WeightKind`
    values:  signed or unsigned operands
    codes:   as many stored codes; of ternary weights never 10, which would add its carry-in
    """
    if kind.powers:
        return tree_sum([*more, *(_shifted(kind, value, code)
                                  for value, code in zip(values, codes, strict=True))])
    if kind.name not in ("binary", "ternary"):
        return tree_sum([*more, *(value * code.as_signed()
                                  for value, code in zip(values, codes, strict=True))])
    terms, negate = list(more), []
    for value, code in zip(values, codes, strict=True):
        sign = code[-1]
        flipped = _flipped(value, sign)
        if kind.name == "ternary":
            flipped &= code[0].replicate(len(flipped))
        terms.append(flipped.as_signed())
        negate.append(sign)
    # A tree over n + 1 operands has n adders, and n carry-ins to take the n negations.
    if not more:
        terms.append(Cat(negate.pop(), C(0, 1)).as_signed())
        negate.append(C(0, 1))
    while len(terms) > 1:
        pairs = list(zip(terms[::2], terms[1::2], strict=False))
        terms = [_add(a, b, negate.pop()) for a, b in pairs] + terms[2 * len(pairs):]
    return terms[0]


def registered_products(m, kind, values, codes, *more, name="product"):
    """`sum_of_products`, whose values and codes come `golden.weights.product_stages` cycles before
    ``more``: the registers between are added to ``m``."""
    def registers(sums, stage):
        for n, value in enumerate(sums):
            register = Signal.like(value, name=f"{name}_{stage}_{n}")
            m.d.sync += register.eq(value)
            yield register

    stages = product_stages(kind, len(values))
    if not stages:
        return sum_of_products(kind, values, codes, *more)
    each = 1 if kind.multiplied else 4
    level = [sum_of_products(kind, values[n:n + each], codes[n:n + each])
             for n in range(0, len(values), each)]
    for stage in range(1, stages):
        level = list(registers(level, stage))
        level = [tree_sum(level[n:n + 4]) for n in range(0, len(level), 4)]
    return tree_sum([*more, *registers(level, stages)])


def _flipped(value, sign):
    """``value ^ sign``, bits; one more makes room for the sign of a negated unsigned operand."""
    value = Value.cast(value)
    widened = Cat(value, C(0, 1) if not value.shape().signed else ())
    return widened ^ sign.replicate(len(widened))


def _shifted(kind, value, code):
    """The product with a signed power of two: shifted, then negated."""
    sign, exponent = code[-1], code[:-1]
    value = Value.cast(value)
    # Exponent + 1 is stored: 0 is no weight.
    most = kind.maximum.bit_length() - 1
    size = (value << (exponent - 1)[:max(1, most.bit_length())].as_unsigned())
    size = size[:len(value) + most]
    size &= exponent.any().replicate(len(size))
    if value.shape().signed:
        size = size.as_signed()
    return (_flipped(size, sign).as_signed() + sign)[:len(size) + 1].as_signed()


def _add(a, b, carry):
    """``a + b + carry`` as one adder: the carry enters below the least significant bit."""
    a, b = Cat(C(1, 1), a).as_signed(), Cat(carry, b).as_signed()
    return (a + b)[1:].as_signed()
