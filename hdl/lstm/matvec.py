"""The array engine: from column lists to row sums, a slot every cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Format
from hdl.delay import delayed
from hdl.formats import shape
from hdl.lstm.columns import ColumnList, VectorSignature
from hdl.lstm.drain import Drain, RowsSignature
from hdl.lstm.mac_array import MacArray
from hdl.store import index_width

__all__ = ["MatVec"]


class MatVec(wiring.Component):
    """Multiplies the kept columns of x, and of h, by the weight matrix, a group of rows at a time.

    A step visits every group of ``lanes`` rows; a group visits h's list and then x's list, one
    column word a slot. h goes first: the units that the step before finished last come last in its
    list, so that the element-wise part of a step overlaps the matrix part of the next one. x must
    be complete before a step starts; h is read as it is written.

    **Latency** ``params.issue_to_rows`` cycles from a group's last slot to its rows: list, address,
    weights, array. **Throughput** one slot a cycle; the cycle model is
    `golden.lstm.matvec.Schedule`, which names the three stalls. **Back-pressure**: x by whole
    buffers; the rows of a step wait for ``receiver_free``.

    Parameters
    ----------
    params : LayerParams or DenseParams
    weights : Store
        ``weights`` of `golden.lstm.memories`.
    last_only : bool
        Only the last vector of a frame goes to the receiver; the others just recur.
    stateful : bool
        A frame's end does not clear the state (a wrong frame does).

    Members
    -------
    x, h : In, `VectorSignature` of words (h: layers only)
    x_position, x_keep : In, one-hot layers only: see `ColumnList`
    rows : Out, `RowsSignature`
    receiver_free, receiver_reserve : In, Out
        A buffer for one vector, see `VectorSignature`.
    """

    def __init__(self, params, weights, *, last_only=False, stateful=False):
        self.params, self.weights = params, weights
        self.last_only, self.stateful = last_only, stateful
        p = params
        operands = [p.input_value] + ([p.activation] if p.words_h else [])
        # One operand format for both phases, wide enough for either.
        is_signed = any(f.signed for f in operands)
        self.operand = Format(max(f.width + (is_signed and not f.signed) for f in operands), 0,
                              is_signed)
        element = shape(self.operand)
        members = {
            "x": In(VectorSignature(element, p.columns, p.batch)),
            "rows": Out(RowsSignature(p)),
            "receiver_free": In(1), "receiver_reserve": Out(1),
        }
        if p.words_h:
            members["h"] = In(VectorSignature(element, p.columns, p.batch))
        if p.one_hot:
            members |= {"x_position": In(index_width(p.words_x)), "x_keep": In(1)}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        element = shape(self.operand)
        m.submodules.weight_memory = self.weights
        m.submodules.x_list = x_list = ColumnList(
            words=p.words_x, columns=p.columns, batch=p.batch, element=element,
            addressed=p.one_hot)
        wiring.connect(m, wiring.flipped(self.x), x_list.i)
        if p.one_hot:
            m.d.comb += [x_list.i_position.eq(self.x_position), x_list.i_keep.eq(self.x_keep)]
        m.submodules.array = array = MacArray(
            kind=p.kind, lanes=p.lanes, columns=p.columns, batch=p.batch, operand=self.operand,
            widths=p.parts, rows=p.rows_per_cycle)
        m.submodules.drain = drain = Drain(p, last_only=self.last_only)

        # --- Issue: one slot a cycle -----------------------------------------------------------
        group = Signal(range(p.groups))
        last_group = Signal(init=p.groups == 1)
        base = Signal(range(self.weights.depth))     # of the group's weights of h, and of x
        base_x = Signal(range(self.weights.depth), init=p.words_h)
        first = Signal(init=1)                       # this step starts from a cleared state
        rows_free = Signal(init=1)                   # a group's sums may replace the rows
        take_h = Signal()                            # the slot is a word of h
        take_x = Signal()
        end = Signal()                               # the slot ends its group
        step_end = Signal()
        last_h = Signal()
        last_x = Signal()
        over_h = Signal(init=1)
        no_h = Signal(init=1)
        no_x = Signal()
        m.d.comb += [last_x.eq(over_h & x_list.last), no_x.eq(x_list.empty)]
        if p.words_h:
            m.submodules.h_list = h_list = ColumnList(
                words=p.words_h, columns=p.columns, batch=p.batch, element=element)
            wiring.connect(m, wiring.flipped(self.h), h_list.i)
            m.d.comb += [
                last_h.eq(h_list.last), over_h.eq(h_list.over), no_h.eq(h_list.empty),
                # The end of a part, too, may replace rows, unless both parts have the same rows.
                take_h.eq(x_list.done & h_list.ready
                          & (rows_free | ~(last_h & no_x if p.joint else last_h))),
                h_list.advance.eq(take_h), h_list.rewind.eq(end),
                h_list.release.eq(step_end & ~first),
            ]
        m.d.comb += [
            take_x.eq(x_list.done & over_h & x_list.ready & (rows_free | ~x_list.last)),
            # With nothing to add at all, an empty slot ends the group.
            end.eq(x_list.done & (last_x | (no_x & (last_h | no_h))) & rows_free),
            step_end.eq(end & last_group),
            x_list.advance.eq(take_x), x_list.rewind.eq(end), x_list.release.eq(step_end),
        ]
        with m.If(end):
            m.d.sync += [
                group.eq(group + 1), last_group.eq(group == p.groups - 2),
                base.eq(base + p.words_h + p.words_x), base_x.eq(base_x + p.words_h + p.words_x)]
        with m.If(step_end):
            m.d.sync += [group.eq(0), last_group.eq(p.groups == 1), base.eq(0),
                         base_x.eq(p.words_h)]
        if p.words_h:
            # In a step from a cleared state, what h's list holds is for the step after it.
            clears = x_list.error if self.stateful else x_list.final
            m.d.comb += h_list.skip.eq(Mux(step_end, clears, first))
            m.d.sync += first.eq(h_list.skip)

        # --- Rows: when may the sums of the next group replace them? ----------------------------
        # The rows take `busy` cycles to leave, and begin when they arrive; but the first ones of a
        # vector wait for a place at the receiver.
        busy = p.units_per_group * p.interval
        last_busy = (p.hidden - (p.groups - 1) * p.units_per_group) * p.interval
        first_busy = busy if p.groups > 1 else last_busy
        leaving = Signal(range(busy))                # cycles until the next group may end
        waiting = Signal()      # the vector of the group that ended last has no place yet
        places = Signal(range(p.issue_to_rows + 2))     # of vectors that have not begun to leave
        taken = Signal()
        sends = (group == 0) & (x_list.final if self.last_only else 1)
        held = max(0, first_busy - p.issue_to_rows)
        m.d.comb += [taken.eq(waiting & self.receiver_free), self.receiver_reserve.eq(taken)]
        with m.If(end):
            m.d.sync += [leaving.eq(Mux(last_group, last_busy, busy) - 1), waiting.eq(sends),
                         rows_free.eq(Mux(last_group, last_busy == 1, busy == 1) & ~sends)]
        with m.Else():
            left = Signal.like(leaving)
            m.d.comb += left.eq(leaving - ((leaving != 0) & ~(waiting & (leaving == held))))
            m.d.sync += [leaving.eq(left), rows_free.eq((left == 0) & (~waiting | taken))]
            with m.If(taken):
                m.d.sync += waiting.eq(0)
        m.d.sync += places.eq(places + taken - drain.sends)

        # --- Fetch: the word's weights ---------------------------------------------------------
        flags = data.StructLayout({name: 1 for name in (
            "last_h", "last_x", "end", "no_h", "no_x", "first", "final", "error")})
        issued = Signal(flags)
        fetch_h = Signal()
        fetch_x = Signal()
        fetch_base = Signal.like(base)
        m.d.comb += [
            issued.last_h.eq(take_h & last_h),
            # The end of what is in x's rows; with nothing added they stay as they are.
            issued.last_x.eq(end & ~(no_h & no_x) if p.joint else take_x & x_list.last),
            issued.end.eq(end), issued.no_h.eq(no_h), issued.no_x.eq(no_x),
            issued.first.eq(first), issued.final.eq(x_list.final), issued.error.eq(x_list.error),
        ]
        m.d.sync += [fetch_base.eq(Mux(take_x, base_x, base)), fetch_h.eq(take_h),
                     fetch_x.eq(take_x)]
        # The sum of both is the address. It stands behind the registers: a list's block RAM, its
        # multiplexer and an adder are too much for one cycle.
        late_base = Signal.like(base)
        position = Signal(range(max(p.words_h, p.words_x)))
        values = Signal(array.values.shape())
        if p.words_h:
            # Without a slot the address stays, and the memory reads nothing anew: what the array
            # then adds 0 times is a weight, not what an unwritten list happens to point at.
            with m.If(fetch_h | fetch_x):
                m.d.sync += [late_base.eq(fetch_base), position.eq(Mux(
                    fetch_h, h_list.word.position, x_list.word.position))]
            with m.If(fetch_h):
                m.d.sync += values.eq(h_list.word.data)
            with m.Elif(fetch_x):
                m.d.sync += values.eq(x_list.word.data)
            with m.Else():
                m.d.sync += values.eq(0)
        else:
            with m.If(fetch_x):
                m.d.sync += [late_base.eq(fetch_base), position.eq(x_list.word.position)]
            m.d.sync += values.eq(Mux(fetch_x, x_list.word.data.as_value(), 0))
        m.d.comb += self.weights.address.eq(late_base + position)

        # --- Add -------------------------------------------------------------------------------
        add = delayed(m, issued, 3, "slot")
        m.d.comb += [array.values.eq(delayed(m, values, 1, "values")),
                     array.weights.eq(self.weights.word), array.last_x.eq(add.last_x)]
        if "h" in p.parts:
            m.d.comb += array.last_h.eq(add.last_h)

        row = delayed(m, add, p.array_latency - 1, "slot_added")
        m.d.comb += [
            drain.end.eq(row.end), drain.go.eq(places != 0),
            drain.step.first.eq(row.first), drain.step.final.eq(row.final),
            drain.step.error.eq(row.error), drain.step.no_h.eq(row.no_h),
            drain.step.no_x.eq(row.no_x & (row.no_h | (not p.joint))),
            array.shift.eq(drain.shift), drain.sums_x.eq(array.rows_x),
        ]
        if "h" in p.parts:
            m.d.comb += drain.sums_h.eq(array.rows_h)
        wiring.connect(m, drain.rows, wiring.flipped(self.rows))
        return m
