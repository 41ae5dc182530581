"""The GRU unit: from three row sums to h. Bits: `golden.lstm.gru`."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.formats import Rounding
from hdl.activation import ActivationTable
from hdl.formats import requantise, shape
from hdl.lstm.columns import VectorSignature
from hdl.lstm.drain import RowsSignature
from hdl.lstm.lstm import prune
from hdl.lstm.pipeline import UnitPipeline
from hdl.lstm.rows import RowSums
from hdl.memory import NO_COLLISION

__all__ = ["Gru"]


class Gru(wiring.Component):
    """Element-wise part of a GRU layer: a unit every ``interval`` cycles.

    **Latency** ``params.latency`` cycles from a unit's first rows to its h. **Throughput** a unit
    every ``interval`` cycles: 3 with one row unit, 1 with three. **Back-pressure** none, see
    `RowsSignature`; ``o.free`` is not looked at here.

    h recurs through `golden.lstm.params.LayerParams.state` codes in a memory of its own; what
    leaves is rounded to ``activation`` and pruned.

    Parameters
    ----------
    params : LayerParams
    stores : dict of Store
        ``rows`` and ``cell`` of `golden.lstm.memories`.

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
        m.submodules.cell_table = cell_table = self.stores["cell"]
        pipe = UnitPipeline(m, self.rows.start, p.interval)
        r_row, n_row, z_row = (gate // per_cycle for gate in range(p.gates))
        r_time, z_time = 6 + r_row, 6 + z_row
        inner_time = 4 + n_row                       # both parts of n's sum, in state codes
        gated_time = max(r_time, inner_time)         # r * inner_h
        n_time = gated_time + 4                      # sum, table
        blend_time = n_time + 1                      # z * (h - n)
        state_time = blend_time + 1                  # h is summed
        assert state_time + 2 == p.latency, "latency differs from the parameters' own"

        unit = self.rows.unit
        # The inner bias is wanted beside n's products, two cycles after its rows.
        m.d.comb += cell_table.address.eq(pipe.hold(unit, 0, n_row, "unit"))
        inner_bias = Signal(signed(p.bias_width), reset_less=True)
        m.d.sync += inner_bias.eq(cell_table.word)
        flags = Cat(self.rows.first, self.rows.last, self.rows.final, self.rows.error)
        first = pipe.hold(flags, 0, n_time - 1, "flags")[0]
        _, last, final, error = pipe.hold(flags, 0, p.latency, "flags")
        m.d.comb += [self.o.valid.eq(pipe.at(p.latency)), self.o.last.eq(last),
                     self.o.final.eq(final), self.o.error.eq(error)]

        m.submodules.state = state = Memory(
            shape=data.ArrayLayout(shape(p.state), p.batch), depth=p.hidden, init=[],
            attrs=NO_COLLISION)
        state_read = state.read_port()
        state_write = state.write_port()
        m.d.comb += [state_read.addr.eq(pipe.hold(unit, 0, n_time - 2, "unit")),
                     state_write.addr.eq(pipe.hold(unit, 0, state_time, "unit")),
                     state_write.en.eq(pipe.at(state_time))]

        for item in range(p.batch):
            z = []
            for row in range(per_cycle):
                pre = Signal(shape(p.pre), name=f"pre_{item}_{row}", reset_less=True)
                m.d.sync += pre.eq(requantise(sums.total[item][row], p.shift, p.pre,
                                              Rounding.FLOOR))
                z.append(pre)
            gates = []
            for number, group in enumerate(pipe.share([(r_time,), (z_time,)])):
                table = ActivationTable("sigmoid", p.pre, width)
                m.submodules[f"sigmoid_{item}_{number}"] = table
                (code,) = pipe.select([((r_time, z_time)[n] - 2, z[(0, 2)[n] % per_cycle])
                                       for n in group])
                m.d.comb += table.z.eq(code)
                gates += [(n, table.y) for n in group]
            gates = dict(gates)
            r = pipe.hold(gates[0], r_time, gated_time, f"r_{item}")
            update = pipe.hold(gates[1], z_time, blend_time, f"z_{item}")

            # n's two parts, a cycle after its products.
            n_index = 1 % per_cycle
            inner = {}
            for name, total in (("h", sums.scaled_h[item][n_index] + inner_bias),
                                ("x", sums.scaled_x[item][n_index] + sums.bias[n_index])):
                value = Signal(total.shape(), name=f"inner_{name}_total_{item}", reset_less=True)
                inner[name] = Signal(shape(p.state), name=f"inner_{name}_{item}", reset_less=True)
                m.d.sync += [value.eq(total),
                             inner[name].eq(requantise(value, p.inner_shift, p.state,
                                                       Rounding.HALF_UP))]
            inner_h = pipe.hold(inner["h"], inner_time, gated_time, f"inner_h_{item}")
            inner_x = pipe.hold(inner["x"], inner_time, gated_time + 1, f"inner_x_{item}")

            difference = Signal(range(-(2 << p.state.width), 2 << p.state.width),
                                name=f"difference_{item}", reset_less=True)
            gated, blended = pipe.multiply(
                [(gated_time, r, inner_h), (blend_time, update, difference)], f"product_{item}")
            pre_n = Signal(shape(p.pre), name=f"pre_n_{item}", reset_less=True)
            m.d.sync += pre_n.eq(requantise((inner_x << width) + gated,
                                            width + fraction - p.pre.fraction, p.pre,
                                            Rounding.FLOOR))
            m.submodules[f"tanh_{item}"] = tanh = ActivationTable("tanh", p.pre, width)
            m.d.comb += tanh.z.eq(pre_n)
            n = Signal(shape(p.state), name=f"n_{item}")
            m.d.comb += n.eq(tanh.y << (fraction - (width - 1)))
            old = Signal(shape(p.state), name=f"old_{item}", reset_less=True)
            m.d.sync += old.eq(Mux(first, 0, state_read.data[item]))
            m.d.sync += difference.eq(old - n)
            n_late = pipe.hold(n, n_time, state_time, f"n_{item}")
            state_next = Signal(shape(p.state), name=f"state_next_{item}")
            h_state = Signal(shape(p.state), name=f"state_{item}", reset_less=True)
            h = Signal(shape(p.activation), name=f"h_{item}", reset_less=True)
            m.d.comb += [
                state_next.eq(requantise((n_late << width) + blended, width, p.state,
                                         Rounding.HALF_UP)),
                state_write.data[item].eq(state_next),
                self.o.data[item][0].eq(h),
            ]
            m.d.sync += [
                h_state.eq(state_next),
                h.eq(prune(requantise(h_state, fraction - (width - 1), p.activation,
                                      Rounding.HALF_UP), p.threshold)),
            ]
        return m
