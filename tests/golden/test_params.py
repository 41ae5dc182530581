import pytest

from golden.params import ceil_div, ceil_log2


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 9, 1000, 2**47 + 1, 2**48, 2**48 + 1, 2**60])
def test_ceil_log2(n):
    bits = ceil_log2(n)
    assert 2**bits >= n and (bits == 0 or 2**(bits - 1) < n)


def test_ceil_div():
    assert [ceil_div(n, 3) for n in range(7)] == [0, 1, 1, 1, 2, 2, 2]
