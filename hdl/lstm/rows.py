"""The row tables: what is known per row (scales, biases) as memory words, and the row sums."""

from amaranth.hdl import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.lstm.pipeline import word_fields
from hdl.lstm.store import Store

__all__ = ["RowSums", "row_words"]


def row_words(fields, widths):
    """Words of a table.

    fields: list of lists, per field the values of every word; widths: bits of each field, first
    field least significant. Values are signed.
    """
    words = []
    for values in zip(*fields, strict=True):
        word, offset = 0, 0
        for value, width in zip(values, widths, strict=True):
            word |= (int(value) & ((1 << width) - 1)) << offset
            offset += width
        words.append(word)
    return words


class RowSums(wiring.Component):
    """Scales row sums: ``total = acc_h * scale_h + acc_x * scale_x + bias``, ``rows`` a cycle.

    **Latency** 2 cycles (product, sum). **Throughput** ``rows`` a cycle. **Back-pressure** none.
    The sum is as wide as it can become; nothing is rounded here.

    Parameters
    ----------
    params : LayerParams or DenseParams
    scale_h, scale_x, bias : int64 arrays [gates, units], or None (loadable)
        scale_h only where h has rows of its own.

    Members
    -------
    rows : In, `hdl.lstm.drain.RowsSignature`
    total : Out, [batch][rows]
    scaled_h, scaled_x : Out, [batch][rows]
        One cycle after the rows: ``acc_h * scale_h``; the cell of a GRU takes them apart.
    bias : Out, [rows], beside ``scaled_*``

    The table's words, in the order of ``rows.next_row``: per row of the cycle scale_h (if any),
    scale_x, bias.
    """

    def __init__(self, params, signature, scale_h=None, scale_x=None, bias=None):
        self.params = params
        p = params
        self.per_cycle = p.gates // p.interval
        per_row = [p.scale_width] * len(p.parts) + [p.bias_width]
        self._widths = per_row * self.per_cycle
        words = None
        if scale_x is not None:
            tables = ([scale_h] if "h" in p.parts else []) + [scale_x, bias]
            # [units, gates] -> [units * interval, rows of a cycle]
            columns = [table.T.reshape(-1, self.per_cycle) for table in tables]
            words = row_words([column[:, row] for row in range(self.per_cycle)
                               for column in columns], self._widths)
        self.table = Store(sum(self._widths), p.hidden * p.interval, words)
        scaled = {part: width + p.scale_width for part, width in p.parts.items()}
        width = max(*scaled.values(), p.bias_width) + len(scaled)

        def array(bits):
            return data.ArrayLayout(data.ArrayLayout(signed(bits), self.per_cycle), p.batch)

        members = {"rows": In(signature), "total": Out(array(width)),
                   "bias": Out(array(p.bias_width).elem_shape),
                   **{f"scaled_{part}": Out(array(bits)) for part, bits in scaled.items()}}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.table = self.table
        m.d.comb += self.table.address.eq(self.rows.next_row)
        fields = word_fields(self.table.word, self._widths)
        per_row = len(fields) // self.per_cycle
        for row in range(self.per_cycle):
            *scales, bias = fields[row * per_row:(row + 1) * per_row]
            m.d.sync += self.bias[row].eq(bias)
            for item in range(p.batch):
                m.d.sync += self.scaled_x[item][row].eq(self.rows.x[item][row] * scales[-1])
                total = self.scaled_x[item][row] + self.bias[row]
                if "h" in p.parts:
                    m.d.sync += self.scaled_h[item][row].eq(self.rows.h[item][row] * scales[0])
                    total = self.scaled_h[item][row] + total
                m.d.sync += self.total[item][row].eq(total)
        return m
