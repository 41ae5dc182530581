import pytest

from golden.memory import image


@pytest.mark.parametrize("contents, beat, message", [
    ([], 32, r"^Loader memories must be at least 1, not 0$"),
    ([(0, [1])], 32, r"^Loader memory width must be at least 1, not 0$"),
    ([(4, [])], 32, r"^Loader memory depth must be at least 1, not 0$"),
    ([(4, [3, 16])], 32, r"^Word 1 must have 4 bits, not 16$"),
    ([(4, [-1])], 32, r"^Word 0 must have 4 bits, not -1$"),
    ([(4, [1])], 64, r"^Loader beat must be between 1 and 63, not 64$"),
])
def test_wrong(contents, beat, message):
    with pytest.raises(ValueError, match=message):
        image(contents, beat)


def test_order():
    assert image([(12, [0xABC, 0x123]), (3, [7])], 8).ravel().tolist() == [
        0xBC, 0xA, 0x23, 0x1, 0x7]
