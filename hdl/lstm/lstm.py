"""The LSTM unit: from four row sums to c and h. Bits: `golden.lstm.lstm`."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.formats import Rounding
from golden.lstm.memories import cell_widths
from hdl.activation import ActivationPair, ActivationTable
from hdl.formats import requantise, saturate, shape
from hdl.lstm.columns import VectorSignature
from hdl.lstm.drain import RowsSignature
from hdl.lstm.pipeline import UnitPipeline, word_fields
from hdl.lstm.rows import RowSums
from hdl.memory import NO_COLLISION

__all__ = ["Lstm"]


class Lstm(wiring.Component):
    """Element-wise part of an LSTM layer: a unit every ``interval`` cycles.

    **Latency** ``params.latency`` cycles from a unit's first rows to its h. **Throughput** a unit
    every ``interval`` cycles: 1 with four row units, 2 with two, 4 with one; the more, the fewer
    multipliers and tables beside it. **Back-pressure** none, see `RowsSignature`.

    Cycles, counted from the first rows: row sums 0, operands 1, products 2, totals 3,
    pre-activations 4, gates 6; then the cell, as far as its inputs are there. The batch items go in
    step. Tables and memories have a register behind them, multipliers on either side.

    Parameters
    ----------
    params : LayerParams
    stores : dict of Store
        ``rows`` and, with cell_norm, ``cell`` of `golden.lstm.memories`.

    Members
    -------
    rows : In, `RowsSignature`
    o : Out, `VectorSignature` of single elements of h, after pruning
    """

    def __init__(self, params, stores):
        self.params, self.stores = params, stores
        p = params
        super().__init__({"rows": In(RowsSignature(p)),
                          "o": Out(VectorSignature(shape(p.activation), 1, p.batch))})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        width, fraction = p.activation.width, p.state.fraction
        per_cycle = p.rows_per_cycle
        m.submodules.sums = sums = RowSums(p, self.stores["rows"])
        wiring.connect(m, wiring.flipped(self.rows), sums.rows)
        pipe = UnitPipeline(m, self.rows.start, p.interval)
        row_time = [gate // per_cycle for gate in range(p.gates)]
        i_time, f_time, g_time, o_time = (6 + time for time in row_time)
        product_time = max(i_time, f_time, g_time)
        cell_time = product_time + 1                      # c is summed
        tanh_time = cell_time + (3 if p.cell_norm else 1)  # its tanh is looked up
        out_time = tanh_time + 2                          # o * tanh(c)
        assert out_time + 2 == p.latency, "latency differs from the parameters' own"

        unit = self.rows.unit
        unit_at = {time: pipe.hold(unit, 0, time, "unit")
                   for time in (f_time - 2, cell_time)}
        flags = Cat(self.rows.first, self.rows.last, self.rows.final, self.rows.error)
        first = pipe.hold(flags, 0, f_time - 1, "flags")[0]
        _, last, final, error = pipe.hold(flags, 0, p.latency, "flags")
        m.d.comb += [self.o.valid.eq(pipe.at(p.latency)), self.o.last.eq(last),
                     self.o.final.eq(final), self.o.error.eq(error)]

        # c of the step before; a vector's units are apart by a whole step, so that reading and
        # writing never meet.
        m.submodules.state = state = Memory(
            shape=data.ArrayLayout(shape(p.state), p.batch), depth=p.hidden, init=[],
            attrs=NO_COLLISION)
        state_read = state.read_port()
        state_write = state.write_port()
        m.d.comb += [state_read.addr.eq(unit_at[f_time - 2]),
                     state_write.addr.eq(unit_at[cell_time]),
                     state_write.en.eq(pipe.at(cell_time))]
        if p.cell_norm:
            m.submodules.cell_table = table = self.stores["cell"]
            m.d.comb += table.address.eq(pipe.hold(unit, 0, cell_time - 1, "unit"))
            norm_word = Signal.like(table.word, reset_less=True)
            m.d.sync += norm_word.eq(table.word)
            norm_scale, norm_bias = word_fields(norm_word, cell_widths(p))

        for item in range(p.batch):
            z = []
            for row in range(per_cycle):
                pre = Signal(shape(p.pre), name=f"pre_{item}_{row}", reset_less=True)
                m.d.sync += pre.eq(requantise(sums.total[item][row], p.shift, p.pre,
                                              Rounding.FLOOR))
                z.append(pre)

            row_of = [gate % per_cycle for gate in range(p.gates)]
            c_new = Signal(shape(p.state), name=f"c_{item}", reset_less=True)
            if p.cell_norm:
                z_c = Signal(shape(p.pre), name=f"pre_c_{item}", reset_less=True)
            else:
                z_c = saturate(c_new >> (fraction - p.pre.fraction), p.pre)
            lookups = [(4 + row_time[gate], z[row_of[gate]]) for gate in range(p.gates)]
            lookups.append((tanh_time, z_c))
            i, f, g, o, tanh_c = self._lookup(
                m, pipe, item, lookups, ("sigmoid", "sigmoid", "tanh", "sigmoid", "tanh"))
            i = pipe.hold(i, i_time, product_time, f"i_{item}")
            g = pipe.hold(g, g_time, product_time, f"g_{item}")
            o = pipe.hold(o, o_time, out_time, f"o_{item}")
            c_old = Signal(shape(p.state), name=f"c_old_{item}", reset_less=True)
            m.d.sync += c_old.eq(Mux(first, 0, state_read.data[item]))
            uses = [(product_time, i, g), (f_time, f, c_old), (out_time, o, tanh_c)]
            if p.cell_norm:
                uses.append((cell_time + 1, c_new, norm_scale))
            products = pipe.multiply(uses, f"product_{item}")
            fc = pipe.hold(products[1], f_time + 1, cell_time, f"fc_{item}")
            aligned = products[0] << (fraction - (width - 1))
            c_next = Signal(shape(p.state), name=f"c_next_{item}")
            m.d.comb += c_next.eq(requantise(fc + aligned, width, p.state, Rounding.HALF_UP))
            m.d.comb += state_write.data[item].eq(c_next)
            m.d.sync += c_new.eq(c_next)
            if p.cell_norm:
                bias = pipe.hold(norm_bias, cell_time + 1, cell_time + 2, f"norm_bias_{item}")
                m.d.sync += z_c.eq(requantise(products[3] + bias, p.cell_shift, p.pre,
                                              Rounding.FLOOR))
            h = Signal(shape(p.activation), name=f"h_{item}", reset_less=True)
            m.d.sync += h.eq(prune(
                requantise(products[2], width, p.activation, Rounding.HALF_UP), p.threshold))
            m.d.comb += self.o.data[item][0].eq(h)
        return m

    def _lookup(self, m, pipe, item, uses, functions):
        """Results of (time, code) uses of ``functions``, each right in cycle time + 2.

        One table serves what does not want it at once; with time enough, one serves both functions.
        """
        p = self.params
        results = [None] * len(uses)
        if len(pipe.share(uses)) == 1 and ActivationPair.fits(p.pre, p.activation.width):
            table = ActivationPair(p.pre, p.activation.width)
            m.submodules[f"activation_{item}"] = table
            code, is_tanh = pipe.select([(time, code, C(int(function == "tanh"), 1))
                                         for (time, code), function
                                         in zip(uses, functions, strict=True)])
            m.d.comb += [table.z.eq(code), table.is_tanh.eq(is_tanh)]
            return [table.tanh if function == "tanh" else table.sigmoid for function in functions]
        for function in ("sigmoid", "tanh"):
            members = [index for index, name in enumerate(functions) if name == function]
            for number, group in enumerate(pipe.share([uses[index] for index in members])):
                (code,) = pipe.select([uses[members[n]] for n in group])
                table = ActivationTable(function, p.pre, p.activation.width)
                m.submodules[f"{function}_{item}_{number}"] = table
                m.d.comb += table.z.eq(code)
                for n in group:
                    results[members[n]] = table.y
        return results


def prune(h, threshold):
    """``h`` with ``|h| < threshold`` made 0."""
    if not threshold:
        return h
    return Mux((h < threshold) & (h > -threshold), 0, h)


