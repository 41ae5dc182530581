import numpy as np
import pytest

from golden.stochastic.mac import Mac, MacParams, accumulate


def test_by_hand():
    """x = 3/4, bits 11, gives 0, 1, 1, 1; w = 1/2 gives 1, 1, 0, 0: once both."""
    params = MacParams(1, 3, 4)
    assert accumulate(params, np.array([[3]]), np.array([[2]])).tolist() == [1]
    assert accumulate(params, np.array([[3]]), np.array([[-2]])).tolist() == [-1]
    # -3/4, bits 10 and one more, gives 1, 1, 0, 1: twice both.
    assert accumulate(params, np.array([[-3]]), np.array([[2]])).tolist() == [-2]


@pytest.mark.parametrize("length", [128, 256])
def test_times_one_is_exact(length):
    """-1 is a magnitude of ones in every cycle, and so neither sequence errs by itself."""
    x = np.arange(-128, 128)[:, None]
    one = np.full_like(x, -128)
    expected = (-x[:, 0] * length // 128).tolist()
    params = MacParams(1, 8, length)
    assert accumulate(params, x, one).tolist() == expected
    assert accumulate(params, one, x).tolist() == expected


@pytest.mark.parametrize("length, limit", [(64, 0.0025), (128, 0.0011), (256, 0.0006)])
def test_error(length, limit):
    """Of the mean of 16 products, range -1 .. 1, random numbers: a fifth of 0.0113 and less."""
    x, w = np.random.default_rng(0).integers(-128, 128, (2, 1000, 16))
    got = accumulate(MacParams(16, 8, length), x, w) / length
    error = (got - (x * w).sum(1) / 128**2) / 16
    assert np.sqrt((error**2).mean()) < limit
    assert abs(error.mean()) < limit / 5


def test_the_ends_fit():
    params = MacParams(16, 8, 256)
    x = np.full((1, 16), -128)
    assert accumulate(params, x, x).tolist() == [4096] and params.output.format.maximum >= 4096
    assert Mac(params, {}).cycles([None]) == 16 + 256 + 2


@pytest.mark.parametrize("given, error", [
    ({"inputs": 0}, r"^Mac inputs must be between 1 and 1024, not 0$"),
    ({"bits": 1}, r"^Mac bits must be between 2 and 16, not 1$"),
    ({"length": 1}, r"^Mac length must be between 2 and 65536, not 1$"),
    ({"length": 48}, r"^Mac length must be a power of two, not 48$")])
def test_wrong(given, error):
    with pytest.raises(ValueError, match=error):
        MacParams(**given)
