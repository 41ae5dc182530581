"""Kinds of weights: their values, their codes, and accumulators that hold every sum."""

import numpy as np
import pytest

from golden.formats import Format
from golden.weights import WEIGHT_KINDS, WeightKind, accumulator_width, random_weights


def decode(kind, code):
    """The value of a stored code, by what the docstring says of it."""
    if kind.name == "binary":
        return -1 if code else 1
    if kind.powers:
        sign, up = divmod(code, 1 << kind.bits - 1)
        return (-1)**sign * 2**(up - 1) if up else 0
    return code - (1 << kind.bits) if code >= 1 << kind.bits - 1 else code


@pytest.mark.parametrize("name", WEIGHT_KINDS)
def test_kind(name):
    kind = WeightKind(name)
    assert kind.values.tolist() == sorted(set(kind.values.tolist()))
    assert kind.values.max() == kind.maximum == -kind.values.min()
    assert kind.contains(kind.values)
    for foreign in (kind.maximum + 1, -kind.maximum - 1, *([0] if name == "binary" else []),
                    *([3] if kind.powers else [])):
        assert not kind.contains(np.array([1, foreign]))
    codes = kind.encode(kind.values)
    assert codes.min() >= 0 and codes.max() < 1 << kind.bits
    assert [decode(kind, code) for code in codes.tolist()] == kind.values.tolist()
    if name != "binary":
        assert kind.encode(np.array([0])) == 0


def test_powers():
    assert WeightKind("powers3").values.tolist() == [-4, -2, -1, 0, 1, 2, 4]
    assert WeightKind("powers4").maximum == 64 and len(WeightKind("powers4").values) == 15


def test_wrong_kind():
    with pytest.raises(ValueError, match=r"^Weight kind must be one of binary, .*, not 'int13'$"):
        WeightKind("int13")
    with pytest.raises(TypeError, match=r"^Weight kind must be a str, not 8$"):
        WeightKind(8)


@pytest.mark.parametrize("operand, kind, terms", [
    (Format(8, 7), "binary", 1), (Format(8, 7), "ternary", 1000), (Format(1, 0, False), "int12", 3),
    (Format(16, 15), "int12", 65536), (Format(2), "binary", 2),
    (Format(8, 8, False), "powers4", 9)])
def test_accumulator_never_overflows(operand, kind, terms):
    largest = max(-operand.minimum, operand.maximum) * WeightKind(kind).maximum * terms
    width = accumulator_width(operand, WeightKind(kind), terms)
    assert -2**(width - 1) <= -largest and largest <= 2**(width - 1) - 1
    assert largest > 2**(width - 2) - 1  # and no bit is spent in vain


@pytest.mark.parametrize("name", WEIGHT_KINDS)
def test_random_weights_take_every_value(name):
    kind = WeightKind(name)
    values = random_weights(kind, (40, 40 * len(kind.values)), np.random.default_rng(1))
    found, counts = np.unique(values, return_counts=True)
    assert found.tolist() == kind.values.tolist()
    assert counts.min() > 0.3 * counts.mean()
