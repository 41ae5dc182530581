"""The row sums, scaled: what every cell begins with."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.lstm.memories import row_widths
from hdl.lstm.drain import RowsSignature, sums_layout
from hdl.lstm.pipeline import word_fields

__all__ = ["RowSums"]

#: Bits of a signed operand of a multiplier (ECP5), and how many of a wider one go to a multiplier
#: of their own: with a sign they fit any (iCE40).
MULTIPLIER, LOW = 18, 15


class RowSums(wiring.Component):
    """Scales row sums: ``total = acc_h * scale_h + acc_x * scale_x + bias``.

    **Latency** 3 cycles (operands, product, sum): a table's word stands in registers before it is
    multiplied. **Throughput** ``rows_per_cycle`` a cycle. **Back-pressure** none. A sum that is too
    wide for one multiplier of a device is multiplied in two parts, which are added up with the
    rest. The total is as wide as it can become; nothing is rounded here.

    Parameters
    ----------
    params : LayerParams or DenseParams
    table : Store
        ``rows`` of `golden.lstm.memories`, one word for the rows of a cycle.

    Members
    -------
    rows : In, `hdl.lstm.drain.RowsSignature`
    total : Out, [batch][rows]
    scaled_h, scaled_x : Out, [batch][rows]
        Two cycles after the rows: ``acc_h * scale_h``; the cell of a GRU takes them apart.
    bias : Out, [rows], beside ``scaled_*``
    """

    def __init__(self, params, table):
        self.params, self.table = params, table
        p = params
        self.per_cycle = p.rows_per_cycle
        scaled = {part: width - p.sum_shift + p.scale_width for part, width in p.parts.items()}
        width = max(*scaled.values(), p.bias_width) + len(scaled)
        super().__init__({
            "rows": In(RowsSignature(p)), "total": Out(sums_layout(p, width)),
            "bias": Out(data.ArrayLayout(signed(p.bias_width), self.per_cycle)),
            **{f"scaled_{part}": Out(sums_layout(p, bits)) for part, bits in scaled.items()}})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.table = self.table
        m.d.comb += self.table.address.eq(self.rows.next_row)
        word = Signal.like(self.table.word, reset_less=True)
        m.d.sync += word.eq(self.table.word)
        sums = {}
        for part in p.parts:
            for item in range(p.batch):
                for row in range(self.per_cycle):
                    given = getattr(self.rows, part)[item][row] >> p.sum_shift
                    sums[part, item, row] = register = Signal.like(
                        given, name=f"{part}_{item}_{row}", reset_less=True)
                    m.d.sync += register.eq(given)
        fields = word_fields(word, row_widths(p) * self.per_cycle)
        per_row = len(fields) // self.per_cycle
        for row in range(self.per_cycle):
            *scales, bias = fields[row * per_row:(row + 1) * per_row]
            m.d.sync += self.bias[row].eq(bias)
            for item in range(p.batch):
                m.d.comb += self.scaled_x[item][row].eq(
                    _product(m, sums["x", item, row], scales[-1], f"scaled_x_{item}_{row}"))
                total = self.scaled_x[item][row] + self.bias[row]
                if "h" in p.parts:
                    m.d.comb += self.scaled_h[item][row].eq(
                        _product(m, sums["h", item, row], scales[0], f"scaled_h_{item}_{row}"))
                    total = self.scaled_h[item][row] + total
                m.d.sync += self.total[item][row].eq(total)
        return m


def _product(m, total, scale, name):
    """``total * scale`` a cycle later, from registers."""
    def registered(a, name):
        made = Signal((a * scale).shape(), name=name, reset_less=True)
        m.d.sync += made.eq(a * scale)
        return made

    if len(total) <= MULTIPLIER:
        return registered(total, name)
    return registered(total[:LOW], f"{name}_low") + (
        registered(total[LOW:].as_signed(), f"{name}_high") << LOW)
