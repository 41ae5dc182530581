import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format, Rounding, requantise, shift_right


def rounded(code, shift, rounding):
    """The rounding rules once more, by exact fractions."""
    exact = Fraction(code) / Fraction(2) ** shift
    if rounding is Rounding.FLOOR:
        return math.floor(exact)
    if rounding is Rounding.HALF_UP:
        return math.floor(exact + Fraction(1, 2))
    return round(exact)  # Python's own rule is ties to even


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("shift", [-3, 0, 1, 2, 5, 9])
def test_shift_right(rounding, shift):
    codes = range(-300, 301)
    expected = [rounded(code, shift, rounding) for code in codes]
    assert [shift_right(code, shift, rounding) for code in codes] == expected
    assert shift_right(np.array(codes), shift, rounding).tolist() == expected
    assert shift_right(torch.tensor(codes), shift, rounding).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(-2**100, 2**100), st.integers(-8, 80), st.integers(1, 64), st.booleans(),
       st.sampled_from(Rounding))
def test_requantise(code, shift, width, signed, rounding):
    to = Format(width, 0, signed)
    assert requantise(code, shift, to, rounding) == min(
        max(rounded(code, shift, rounding), to.minimum), to.maximum)


@pytest.mark.parametrize("format, minimum, maximum, resolution", [
    (Format(8, 7), -128, 127, 1 / 128),
    (Format(8, 8, signed=False), 0, 255, 1 / 256),
    (Format(1), -1, 0, 1.0),
    (Format(1, signed=False), 0, 1, 1.0),
    (Format(64), -2**63, 2**63 - 1, 1.0),
    (Format(4, -2), -8, 7, 4.0),
])
def test_range(format, minimum, maximum, resolution):
    assert (format.minimum, format.maximum, format.resolution) == (minimum, maximum, resolution)
    assert Format.from_dict(format.to_dict()) == format


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_quantise(make):
    s8 = Format(8, 4)
    values = make([-100.0, -1.0, 0.03125, 0.09375, 0.1, 7.9, 100.0])
    assert s8.quantise(values).tolist() == [-128, -16, 0, 2, 2, 126, 127]
    assert s8.dequantise(make([-128, 1])).tolist() == [-8.0, 0.0625]


@pytest.mark.parametrize("arguments, error, message", [
    ((0,), ValueError, r"^Format width must be between 1 and 64, not 0$"),
    ((65,), ValueError, r"^Format width must be between 1 and 64, not 65$"),
    ((8.0,), TypeError, r"^Format width must be an int, not 8\.0$"),
    ((8, 65), ValueError, r"^Format fraction must be between -64 and 64, not 65$"),
    ((8, 0, 1), TypeError, r"^Format signedness must be a bool, not 1$"),
])
def test_init_wrong(arguments, error, message):
    with pytest.raises(error, match=message):
        Format(*arguments)
