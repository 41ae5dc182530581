"""The array engine: from column lists to row sums, a slot every cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Format
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

    **Latency** 3 cycles from a group's last slot to its rows. **Throughput** one slot a cycle;
    the cycle model is `golden.lstm.matvec.Schedule`, which names the three stalls.
    **Back-pressure**: x by whole buffers; the rows of a step wait for ``receiver_free``.

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
        base = Signal(range(self.weights.depth))
        index_x = Signal(range(p.words_x + 1))
        first = Signal(init=1)                       # this step starts from a cleared state
        rows_free = Signal()                         # a group's sums may replace the rows
        end = Signal()
        issue = Signal()
        want_x = Signal()
        last_h = Signal()
        want_h = Signal()
        h_over = Signal(init=1)
        no_h = Signal(init=1)
        m.d.comb += x_list.index.eq(index_x)
        if p.words_h:
            m.submodules.h_list = h_list = ColumnList(
                words=p.words_h, columns=p.columns, batch=p.batch, element=element)
            wiring.connect(m, wiring.flipped(self.h), h_list.i)
            index_h = Signal(range(p.words_h + 1))
            complete = h_list.done
            more = Signal()
            m.d.comb += [
                h_list.index.eq(index_h),
                more.eq(index_h + 1 < h_list.count),
                # A word is issued once it is known whether it is the last.
                want_h.eq(~first & (more | (complete & (index_h < h_list.count)))),
                last_h.eq(want_h & ~more),
                h_over.eq(first | (complete & (index_h == h_list.count))),
                no_h.eq(first | (h_list.count == 0)),
            ]
            with m.If(issue):
                m.d.sync += index_h.eq(Mux(end, 0, index_h + want_h))
        no_x = Signal()
        last_x = Signal()
        m.d.comb += [
            no_x.eq(x_list.count == 0),
            want_x.eq(h_over & (index_x < x_list.count)),
            last_x.eq(want_x & (index_x + 1 == x_list.count)),
            # With nothing to add at all, an empty slot ends the group.
            end.eq(last_x | (last_h & no_x) | (h_over & no_h & no_x)),
            issue.eq(x_list.done & (want_h | want_x | end)
                     & (rows_free | ~(end if p.joint else last_h | end))),
        ]
        step_end = Signal()
        m.d.comb += [step_end.eq(issue & end & (group == p.groups - 1)),
                     x_list.release.eq(step_end)]
        if p.words_h:
            m.d.comb += h_list.release.eq(step_end & ~first)
        with m.If(issue):
            m.d.sync += index_x.eq(Mux(end, 0, index_x + want_x))
            with m.If(end):
                m.d.sync += [group.eq(group + 1), base.eq(base + p.words_h + p.words_x)]
        with m.If(step_end):
            m.d.sync += [group.eq(0), base.eq(0)]
            if p.words_h:
                m.d.sync += first.eq(x_list.error if self.stateful else x_list.final)

        # --- Fetch: the word's weights ---------------------------------------------------------
        flags = data.StructLayout({name: 1 for name in (
            "last_h", "last_x", "end", "no_h", "no_x", "first", "final", "error")})
        issued = Signal(flags)
        fetch = Signal(flags)
        add = Signal(flags)
        fetch_h = Signal()
        fetch_x = Signal()
        fetch_base = Signal.like(base)
        m.d.comb += [
            issued.last_h.eq(issue & last_h),
            # The end of what is in x's rows; with nothing added they stay as they are.
            issued.last_x.eq(issue & (end & ~(no_h & no_x) if p.joint else last_x)),
            issued.end.eq(issue & end), issued.no_h.eq(no_h), issued.no_x.eq(no_x),
            issued.first.eq(first), issued.final.eq(x_list.final), issued.error.eq(x_list.error),
        ]
        m.d.sync += [
            fetch.eq(issued), add.eq(fetch), fetch_base.eq(base),
            fetch_h.eq(issue & want_h), fetch_x.eq(issue & want_x),
        ]
        values = Signal(array.values.shape())
        if p.words_h:
            # Without a slot the address is the group's first: what the array then adds 0 times is
            # a weight, and not what a list that is not written yet happens to point at.
            m.d.comb += self.weights.address.eq(fetch_base + Mux(
                fetch_h, h_list.word.position,
                Mux(fetch_x, x_list.word.position + p.words_h, 0)))
            with m.If(fetch_h):
                m.d.sync += values.eq(h_list.word.data)
            with m.Elif(fetch_x):
                m.d.sync += values.eq(x_list.word.data)
            with m.Else():
                m.d.sync += values.eq(0)
        else:
            m.d.comb += self.weights.address.eq(
                fetch_base + Mux(fetch_x, x_list.word.position, 0))
            m.d.sync += values.eq(Mux(fetch_x, x_list.word.data.as_value(), 0))

        # --- Add -------------------------------------------------------------------------------
        m.d.comb += [array.values.eq(values), array.weights.eq(self.weights.word),
                     array.last_x.eq(add.last_x)]
        if "h" in p.parts:
            m.d.comb += array.last_h.eq(add.last_h)

        m.d.comb += [
            drain.end.eq(add.end), drain.claim.eq(issued.end), rows_free.eq(drain.rows_free),
            drain.step.first.eq(add.first), drain.step.final.eq(add.final),
            drain.step.error.eq(add.error), drain.step.no_h.eq(add.no_h),
            drain.step.no_x.eq(add.no_x & (add.no_h | (not p.joint))),
            array.shift.eq(drain.shift), drain.sums_x.eq(array.rows_x),
            drain.receiver_free.eq(self.receiver_free),
            self.receiver_reserve.eq(drain.receiver_reserve),
        ]
        if "h" in p.parts:
            m.d.comb += drain.sums_h.eq(array.rows_h)
        wiring.connect(m, drain.rows, wiring.flipped(self.rows))
        return m
