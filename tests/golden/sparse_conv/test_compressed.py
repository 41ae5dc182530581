"""The compressed stream: against the words written down by hand, back and forth, and wrong ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.sparse_conv import compressed
from golden.sparse_conv.compressed import StreamError, decode, encode

BYTE = Format(8, 0)


def test_words():
    image = np.zeros((20, 2, 1), np.int64)
    image[3, 0, 0], image[17, 0, 0], image[0, 1, 0] = 5, -2, 9
    # Row 0: channels 0..15 and 16..19; row 1 begins anew.
    assert encode(image, 16).tolist() == [1 << 3, 5, 1 << 1, 0xFFFE, 1, 9, 0]
    assert encode(image, 8).tolist() == [8, 0, 5, 2, 0, 0xFE, 1, 0, 9, 0, 0]
    assert encode(image, 4).tolist() == [8, 0, 0, 0, 5, 2, 0, 0, 0, 14, 1, 0, 0, 0, 9, 0, 0, 0, 0]


def test_pairs():
    """Pixel by pixel, the upper row's before the lower one's; an odd last row by itself."""
    image = np.arange(1, 13).reshape(2, 3, 2)  # channels, rows, columns
    assert encode(image, 8, "pairs", raw=True).tolist() == [1, 7, 3, 9, 2, 8, 4, 10, 5, 11, 6, 12]
    assert encode(image, 8, "rows", raw=True).tolist() == [1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12]


@st.composite
def images(draw):
    shape = [draw(st.integers(1, 40)), draw(st.integers(1, 5)), draw(st.integers(1, 9))]
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return rng.integers(-8, 8, shape) * (rng.random(shape) < draw(st.sampled_from([0, 0.2, 1])))


@settings(max_examples=60, deadline=None)
@given(images(), st.sampled_from([4, 8, 16]), st.sampled_from(compressed.ORDERS), st.booleans(),
       st.integers(1, 4))
def test_round_trip(image, word, order, raw, beat):
    words = encode(image, word, order, raw)
    assert words.min() >= 0 and words.max() < 1 << word
    found = decode(compressed.to_beats(words, beat).reshape(-1), *image.shape, Format(4, 0), word,
                   order, raw, beat)
    assert (found == image).all()
    if not raw:
        assert compressed.count_bits(image[None], word, order) == len(words) * word
    most = len(encode(np.ones_like(image), word, order, raw))
    assert compressed.most_words(*image.shape, word, order, raw) == most >= len(words)


@pytest.mark.parametrize("words, error", [
    ([], r"^Stream must go on, not end in line 0$"),
    ([1, 0], r"^Stream must go on, not end in line 0$"),
    ([1, 0, 7, 0], r"^Stream must go on, not end in line 1$"),
    ([1, 0, 7, 0, 0, 0], r"^Stream must end after 5 words, not 6$"),
    ([1, 0, 0, 0, 0], r"^Values of a sparsity map must not be 0, as one of line 0 is$"),
    ([8, 0, 7, 0, 0], r"^Sparsity map must end with its line, not go on past the 3 elements of "
                      r"line 0$"),
])
def test_wrong_streams(words, error):
    assert (decode([1, 0, 7, 0, 0], 3, 2, 1, BYTE, 8)[0] == [[7], [0]]).all()
    with pytest.raises(StreamError, match=error):
        decode(words, 3, 2, 1, BYTE, 8)


def test_count_bits():
    """The exact formula: 16 bits for every 16 elements of a line, a word for every value."""
    images = np.zeros((2, 64, 4, 4), np.int64)
    images[:, :16] = 1
    assert compressed.count_bits(images, 8) == 2 * (16 * 16 * 4 + 8 * 16 * 16)
