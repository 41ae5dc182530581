"""How row sums leave the array: a unit every interval cycles, in order."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hdl.store import index_width

__all__ = ["Drain", "RowsSignature", "sums_layout"]

#: What is known of the step whose rows leave: see `RowsSignature`; nothing was added to h's or x's.
STEP = data.StructLayout({"first": 1, "final": 1, "error": 1, "no_h": 1, "no_x": 1})


def sums_layout(params, width):
    """[batch][rows of a cycle] sums."""
    return data.ArrayLayout(data.ArrayLayout(signed(width), params.rows_per_cycle), params.batch)


class RowsSignature(wiring.Signature):
    """Row sums on their way from the array to the cell: ``rows_per_cycle`` of a unit in each of its
    first ``row_cycles`` cycles of ``interval``, unit after unit; without ``ready``, since a vector
    starts only when it can finish.

    valid:     these are row sums
    start:     they are the first of their unit
    unit:      which unit
    next_row:  address of the row tables' word that belongs to the next cycle's rows
    h, x:      [batch][rows] sums of the recurrent part (layers only) and of the input part; a
               joint layer has them added up in ``x``
    first:     the step starts from a cleared state
    last:      the unit is its vector's last
    final, error: the step ends its frame; the frame is a wrong one
    """

    def __init__(self, params):
        super().__init__({
            "valid": Out(1), "start": Out(1), "unit": Out(index_width(params.hidden)),
            "next_row": Out(index_width(params.hidden * params.row_cycles)),
            "first": Out(1), "last": Out(1), "final": Out(1), "error": Out(1),
            **{name: Out(sums_layout(params, width)) for name, width in params.parts.items()},
        })


class Drain(wiring.Component):
    """Shifts a group's row sums out of the array and says whose they are.

    **Latency** none. **Throughput** a unit every ``interval`` cycles. **Back-pressure**: the first
    group of a vector waits for ``go``.

    Parameters
    ----------
    params : LayerParams or DenseParams
    last_only : bool
        Only the last vector of a frame goes to the receiver; the others just recur.

    Members
    -------
    end : In(1), the group's sums are in the rows from the next cycle on
    step : In, `STEP`, beside ``end``
    sums_h, sums_x : In, the array's rows
    shift : Out(1), to the array
    rows : Out, `RowsSignature`
    go, sends : In, Out
        The receiver has a place for a vector; one for the receiver begins to leave.
    """

    def __init__(self, params, *, last_only=False):
        self.params, self.last_only = params, last_only
        super().__init__({
            "end": In(1), "step": In(STEP), "shift": Out(1),
            "rows": Out(RowsSignature(params)), "go": In(1), "sends": Out(1),
            **{f"sums_{part}": In(sums_layout(params, width))
               for part, width in params.parts.items()},
        })

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        pending = Signal()
        start = Signal()
        active = Signal()
        step = Signal(STEP)
        left = Signal(range(p.units_per_group * p.interval))   # cycles after this one
        running = Signal()                                     # left is not 0
        unit = Signal(index_width(p.hidden))
        # In registers, so that a vector's start does not wait for a comparison: which unit it is.
        at_first = Signal(init=1)
        last = Signal(init=p.hidden == 1)
        phase = Signal(range(p.interval))
        row = Signal(self.rows.next_row.shape())
        last_group = (p.groups - 1) * p.units_per_group
        sends = at_first & (step.final if self.last_only else 1)
        m.d.comb += [
            start.eq(pending & (~sends | self.go)),
            self.sends.eq(start & sends),
            active.eq(start | running),
            self.rows.valid.eq(active & (phase < p.row_cycles)),
            self.shift.eq(self.rows.valid),
        ]
        unit_end = Signal()
        with m.If(start):
            m.d.sync += pending.eq(0)
        # Second: where a vector is one word and one row, its end comes as the one before starts.
        with m.If(self.end):
            m.d.sync += [pending.eq(1), step.eq(self.step)]
        if p.groups == 1:
            # The vector's own end is the group's.
            with m.If(active):
                m.d.sync += running.eq(~(last & unit_end))
        else:
            first_left = Signal.like(left)
            m.d.comb += first_left.eq(
                Mux(unit == last_group, p.hidden - last_group, p.units_per_group)
                * p.interval - 1)
            with m.If(start):
                m.d.sync += [left.eq(first_left), running.eq(first_left != 0)]
            with m.Elif(running):
                m.d.sync += [left.eq(left - 1), running.eq(left != 1)]
        m.d.comb += unit_end.eq(phase == p.interval - 1)
        next_unit = Signal.like(unit)
        m.d.comb += next_unit.eq(
            Mux(active & unit_end, Mux(last, 0, unit + 1), unit))
        m.d.sync += unit.eq(next_unit)
        with m.If(active & unit_end):
            m.d.sync += [at_first.eq(last), last.eq(Mux(last, p.hidden == 1, unit == p.hidden - 2))]
        with m.If(active):
            m.d.sync += phase.eq(Mux(unit_end, 0, phase + 1))
        if p.interval == 1:
            m.d.comb += self.rows.next_row.eq(next_unit)
        else:
            over = last & (phase == p.row_cycles - 1)
            m.d.comb += self.rows.next_row.eq(
                Mux(self.rows.valid, Mux(over, 0, row + 1), row))
            m.d.sync += row.eq(self.rows.next_row)
        m.d.comb += [
            self.rows.start.eq(active & (phase == 0)), self.rows.unit.eq(unit),
            self.rows.last.eq(last), self.rows.first.eq(step.first),
            self.rows.final.eq(step.final), self.rows.error.eq(step.error),
            self.rows.x.eq(Mux(step.no_x, 0, self.sums_x.as_value())),
        ]
        if "h" in p.parts:
            m.d.comb += self.rows.h.eq(Mux(step.no_h, 0, self.sums_h.as_value()))
        return m
