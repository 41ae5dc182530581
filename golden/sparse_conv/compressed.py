"""The compressed stream of a map: sparsity maps of 16 elements, and the values that are not 0.

A line is an image row, its elements pixel by pixel from the left, channel 0 first. In ``pairs``
order it is a pair of rows: pixel by pixel from the left, the upper row's before the lower one's
(an odd last row is a line by itself). Every line begins a new group of 16 elements; its last group
may be shorter. A group is

    sparsity map: bit i is 1 where element i is not 0
    the elements that are not 0, in order

and a group of zeros is its sparsity map alone. Words are of 16 bits, or of 8 or 4, where the
sparsity map takes 2 or 4 words, low bits first. Negative elements are in two's complement. A raw
stream has all elements, and no sparsity maps.

Source: the driver of the NullHop chip (cAER, ``classify.cpp``): groups, bit order, order of
elements, row starts, pairs of rows. Ours: narrower words, what a wrong stream is.
"""

import numpy as np

from golden.design import FrameError
from golden.params import ceil_div

__all__ = ["GROUP", "ORDERS", "StreamError", "count_bits", "decode", "encode", "line_lengths",
           "lines", "most_words", "to_beats"]

#: Elements of a sparsity map.
GROUP = 16
ORDERS = ("rows", "pairs")


class StreamError(FrameError):
    """A stream that contradicts itself, or is too short or too long."""


def lines(image, order):
    """The elements of each line of a map [channels, height, width]."""
    pixels = image.transpose(1, 2, 0)
    if order == "rows":
        return [row.reshape(-1) for row in pixels]
    return [pixels[y:y + 2].transpose(1, 0, 2).reshape(-1) for y in range(0, len(pixels), 2)]


def line_lengths(channels, height, width, order):
    """Elements of each line.

    >>> line_lengths(3, 5, 4, "pairs")
    [24, 24, 12]
    """
    if order == "rows":
        return [width * channels] * height
    return [min(2, height - y) * width * channels for y in range(0, height, 2)]


def encode(image, word, order="rows", raw=False):
    """The words of a map [channels, height, width]: int64, each 0 .. 2**word - 1.

    >>> [hex(v) for v in encode(np.array([[[0, 7, 0, -1]]]), 8)]
    ['0xa', '0x0', '0x7', '0xff']
    """
    found, field = [], (1 << word) - 1
    for line in lines(image, order):
        if raw:
            found.append(line & field)
            continue
        groups = np.zeros((ceil_div(len(line), GROUP), GROUP), np.int64)
        groups.reshape(-1)[:len(line)] = line
        maps = (groups != 0) @ (1 << np.arange(GROUP))
        parts = maps[:, None] >> np.arange(0, GROUP, word) & field
        words = np.concatenate([parts, groups & field], axis=1)
        kept = np.concatenate([np.ones(parts.shape, bool), groups != 0], axis=1)
        found.append(words[kept])
    return np.concatenate(found)


def decode(words, channels, height, width, format, word, order="rows", raw=False, beat=1):
    """The map [channels, height, width] of a stream; ``format`` of its elements.

    It may end anywhere in its last ``beat`` words.

    Errors: `StreamError` for a stream that is too short or too long, a sparsity map that goes on
    past the end of its line, a value of 0 where the sparsity map has a 1.
    """
    lengths = line_lengths(channels, height, width, order)
    words, at, found = np.asarray(words), 0, []
    for number, length in enumerate(lengths):
        line = np.zeros(length, np.int64)
        for start in range(0, length, 1 if raw else GROUP):
            bits = 1
            if not raw:
                parts = words[at:at + GROUP // word]
                if len(parts) < GROUP // word:
                    raise StreamError(f"Stream must go on, not end in line {number}")
                at += len(parts)
                bits = int((parts << np.arange(0, GROUP, word)).sum())
            if bits >> min(GROUP, length - start):
                raise StreamError(f"Sparsity map must end with its line, not go on past the "
                                  f"{length} elements of line {number}")
            places = np.flatnonzero(bits >> np.arange(GROUP) & 1)
            values = words[at:at + len(places)]
            if len(values) < len(places):
                raise StreamError(f"Stream must go on, not end in line {number}")
            at += len(places)
            # Codes as wide as the format; bits above them are not looked at.
            values = values & (1 << format.width) - 1
            values = np.where(values > format.maximum, values - (1 << format.width), values)
            if not raw and not values.all():
                raise StreamError(f"Values of a sparsity map must not be 0, as one of line {number}"
                                  " is")
            line[start + places] = values
        found.append(line)
    if len(words) - at >= beat:
        raise StreamError(f"Stream must end after {at} words, not {len(words)}")
    if order == "pairs":
        found = [part for line in found
                 for part in line.reshape(width, -1, channels).transpose(1, 0, 2)]
    return np.stack([line.reshape(width, channels) for line in found]).transpose(2, 0, 1)


def most_words(channels, height, width, word, order="rows", raw=False):
    """Words of a stream without a 0.

    >>> most_words(1, 1, 4, 8), most_words(1, 1, 4, 8, raw=True)
    (6, 4)
    """
    lengths = line_lengths(channels, height, width, order)
    maps = 0 if raw else sum(ceil_div(length, GROUP) for length in lengths)
    return maps * GROUP // word + sum(lengths)


def count_bits(images, word, order="rows"):
    """Bits of the streams of maps [frames, ...]: ``16 groups + word non-zero values``."""
    count, channels, height, width = images.shape
    groups = sum(ceil_div(length, GROUP) for length in line_lengths(channels, height, width, order))
    return GROUP * groups * count + word * int(np.count_nonzero(images))


def to_beats(words, beat):
    """Words to beats [beats, beat], the last one filled up with 0."""
    beats = np.zeros((ceil_div(len(words), beat), beat), np.int64)
    beats.reshape(-1)[:len(words)] = words
    return beats
