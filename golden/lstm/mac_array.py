"""The multiply-accumulate array: exact integer matrix products, and its weight words.

Torch-free to import, because the hardware's weight memory is made here.
"""

import numpy as np

__all__ = ["matmul", "weight_words"]


def matmul(x, weight, bound):
    """``x @ weight.T`` in exact integers, by the fastest float that holds ``bound``.

    x: int64 tensor [..., columns]; weight: int64 tensor [rows, columns];
    bound: the largest magnitude that any partial sum can have (2**53 at most).
    """
    if bound >= 1 << 53:
        raise ValueError(f"Bound of a matrix product must be below 2**53, not {bound!r}")
    if bound < 1 << 24:
        return (x.float() @ weight.float().T).long()
    return (x.double() @ weight.double().T).long()


def weight_words(params, weight_x, weight_h=None):
    """The weight memory's words, first address first, as Python integers.

    weight_x: int64 array [gates, units, inputs]; weight_h: [gates, units, hidden] or None.

    Word address: group of units, then h's column words, then x's. In a word, least significant
    first: lane (unit-major, then gate), then column. Units beyond the last, and columns beyond
    the last, hold code 0; their operands are zero or their results are not read.
    """
    codes = np.concatenate([
        _column_words(params, weight, words, used)
        for weight, words, used in (
            (weight_h, params.words_h, params.columns),
            # A symbol uses one column of its word; the other columns' operands are zero.
            (weight_x, params.words_x, 1 if params.one_hot else params.columns))
        if words
    ], axis=1)                                         # [groups, words, lanes, columns]
    bits = params.kind.bits
    flat = codes.reshape(codes.shape[0] * codes.shape[1], -1)
    planes = ((flat[:, :, None] >> np.arange(bits)) & 1).astype(np.uint8)
    packed = np.packbits(planes.reshape(len(flat), -1), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def _column_words(params, weight, words, used):
    """[gates, units, inputs] to codes [groups, words, lanes, columns], of which ``used`` are."""
    gates, units, inputs = weight.shape
    padded = np.zeros((params.groups * params.units_per_group, gates, words, params.columns),
                      dtype=np.int64)
    codes = np.zeros((units, gates, words * used), dtype=np.int64)
    codes[:, :, :inputs] = params.kind.encode(weight).transpose(1, 0, 2)
    padded[:units, :, :, :used] = codes.reshape(units, gates, words, used)
    grouped = padded.reshape(params.groups, params.lanes, words, params.columns)
    return grouped.transpose(0, 2, 1, 3)
