"""What the hardware's memories hold: one list of words for each, from the quantised tensors.

Torch-free: the hardware bakes these words in, or loads them in this order.
"""

from golden.lstm.mac_array import weight_words

__all__ = ["cell_widths", "dense_memories", "layer_memories", "row_widths"]


def row_widths(params):
    """Bits of a row's fields: one scale for each accumulated part, h first, and the bias."""
    return [params.scale_width] * len(params.parts) + [params.bias_width]


def cell_widths(params):
    """Bits of a unit's own fields, or none: cell_scale and cell_bias, or a GRU's bias_h."""
    if params.cell == "gru":
        return [params.bias_width]
    return [params.scale_width, params.bias_width] if params.cell_norm else []


def layer_memories(params, tensors):
    """Name -> (width, words) of a `LayerParams` layer: ``weights``, ``rows`` and, where the cell
    has fields of its own, ``cell``.

    A word of ``rows`` holds the fields of the rows of one cycle (``rows_per_cycle``).
    """
    scales = [tensors["scale"]] if params.joint else [tensors["scale_h"], tensors["scale_x"]]
    memories = {"weights": _weights(params, tensors["weight_x"], tensors["weight_h"]),
                "rows": _rows(params, [*scales, tensors["bias"]])}
    if widths := cell_widths(params):
        names = ["bias_h"] if params.cell == "gru" else ["cell_scale", "cell_bias"]
        memories["cell"] = (sum(widths), _words([tensors[name] for name in names], widths))
    return memories


def dense_memories(params, tensors):
    """Name -> (width, words) of a `DenseParams` product: ``weights`` and, unless raw, ``rows``."""
    memories = {"weights": _weights(params, tensors["weight"][None])}
    if not params.raw:
        memories["rows"] = _rows(params, [tensors["scale"][None], tensors["bias"][None]])
    return memories


def _weights(params, *weights):
    width = params.lanes * params.columns * params.kind.bits
    return width, weight_words(params, *weights)


def _rows(params, tables):
    """tables: int64 arrays [gates, units], in the order of `row_widths`."""
    # [units, gates] -> [units * row_cycles, rows of a cycle]
    columns = [table.T.reshape(-1, params.rows_per_cycle) for table in tables]
    widths = row_widths(params) * params.rows_per_cycle
    return sum(widths), _words(
        [column[:, row] for row in range(params.rows_per_cycle) for column in columns], widths)


def _words(fields, widths):
    """Pack fields, signed and the first least significant, into words."""
    words = []
    for values in zip(*fields, strict=True):
        word, offset = 0, 0
        for value, width in zip(values, widths, strict=True):
            word |= (int(value) & ((1 << width) - 1)) << offset
            offset += width
        words.append(word)
    return words
