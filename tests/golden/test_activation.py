import warnings

import numpy as np
import pytest
import torch

from golden.activation import FUNCTIONS, Lines, error_bound, lookup, output, sigmoid, tanh
from golden.formats import Format

REAL = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "tanh": np.tanh}
TABLE = {"sigmoid": sigmoid, "tanh": tanh}
PRES = [Format(4, 1), Format(8, 4), Format(10, 6), Format(12, 8), Format(14, 10), Format(6, 5)]


def distance(function, pre, results):
    """From each result to the real function at the ends of the code's cell (it is monotonic)."""
    codes = np.arange(pre.minimum, pre.maximum + 1)
    got = output(function, WIDTH).dequantise(results(codes))
    return max(np.abs(got - REAL[function]((codes + end) * pre.resolution)).max()
               for end in (0, 1))


WIDTH = 8


@pytest.mark.parametrize("pre", PRES, ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_table_error(function, pre):
    table = TABLE[function](pre, WIDTH)
    error = distance(function, pre, lambda codes: lookup(table, codes))
    assert error <= error_bound(function, pre, WIDTH)
    assert error > 0.4 * error_bound(function, pre, WIDTH)  # the bound says something


@pytest.mark.parametrize("segments", [2, 4, 16, 64])
@pytest.mark.parametrize("pre", [Format(8, 4), Format(10, 6), Format(14, 10), Format(18, 14)],
                         ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_lines_error(function, pre, segments):
    lines = Lines(function, pre, WIDTH, segments)
    error = distance(function, pre, lines)
    assert error <= error_bound(function, pre, WIDTH, segments)
    codes = np.arange(pre.minimum, pre.maximum + 1)
    results = lines(codes)
    one = 1 << WIDTH if function == "sigmoid" else 0
    np.testing.assert_array_equal(lines(~codes), one - results)
    assert abs(results).max() <= lines.output.maximum
    np.testing.assert_array_equal(lines(torch.tensor(codes)).numpy(), results)


def test_many_lines_are_the_table_within_a_code():
    pre, codes = Format(12, 8), np.arange(-2048, 2048)
    for function in FUNCTIONS:
        table = lookup(TABLE[function](pre, WIDTH), codes)
        assert abs(Lines(function, pre, WIDTH, 512)(codes) - table).max() <= 1


@pytest.mark.parametrize("width", [2, 5, 8, 16])
@pytest.mark.parametrize("pre", PRES, ids=str)
def test_symmetry_and_range(pre, width):
    codes = np.arange(pre.minimum, pre.maximum + 1)
    s, t = (lookup(make(pre, width), codes) for make in (sigmoid, tanh))
    np.testing.assert_array_equal(s + s[::-1], 1 << width)
    np.testing.assert_array_equal(t, -t[::-1])
    assert 1 <= s.min() and s.max() <= (1 << width) - 1
    assert abs(t).max() <= (1 << (width - 1)) - 1
    assert (np.diff(s) >= 0).all() and (np.diff(t) >= 0).all()


def test_lookup_kinds():
    table = tanh(Format(6, 3), 8)
    codes = np.array([[-32, -1], [0, 31]])
    expected = [[-127, -8], [8, 127]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch warns of an array that it cannot write to
        got = lookup(table, torch.tensor(codes))
    assert got.dtype == torch.int64 and got.tolist() == expected
    assert lookup(table, codes).tolist() == expected
    assert lookup(table, -1) == -8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


@pytest.mark.parametrize("make, error, message", [
    (lambda: sigmoid(Format(8, 4, False), 8), ValueError,
     r"^Activation pre must be signed, not u8\.4$"),
    (lambda: tanh(8, 8), TypeError, r"^Activation pre must be a Format, not 8$"),
    (lambda: tanh(Format(21), 8), ValueError,
     r"^Activation pre width must be between 2 and 20, not 21$"),
    (lambda: tanh(Format(8), 1), ValueError, r"^Activation width must be between 2 and 24, not 1$"),
    (lambda: Lines("relu", Format(8), 8, 4), ValueError,
     r"^Activation function must be one of sigmoid, tanh, not 'relu'$"),
    (lambda: Lines("tanh", Format(8), 8, 3), ValueError,
     r"^Activation segments must be a power of two, not 3$"),
    (lambda: Lines("tanh", Format(8), 8, 128), ValueError,
     r"^Activation segments must be between 2 and 64, not 128$"),
])
def test_init_wrong(make, error, message):
    with pytest.raises(error, match=message):
        make()
