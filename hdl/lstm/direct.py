"""The array engine of a matrix whose rows all have a lane: every column is used as it arrives."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.delay import delayed
from hdl.formats import shape
from hdl.lstm.columns import VectorSignature
from hdl.lstm.drain import Drain, RowsSignature
from hdl.lstm.mac_array import MacArray
from hdl.store import index_width

__all__ = ["Direct"]


class Direct(wiring.Component):
    """Multiplies a vector by the weight matrix as its words come; nothing is stored of it.

    **Latency** ``params.array_latency + 1`` cycles from a vector's last word to its rows.
    **Throughput** a word a cycle; a vector every ``max(words, outputs)`` cycles. **Back-pressure**
    by whole vectors: one is taken when its result has a place at the receiver, so that its rows
    never wait.

    Zero words cost their cycle here, since the vector's own arrival takes it anyway.

    Parameters
    ----------
    params : DenseParams
        With ``direct``.
    weights : Store, or None with store "stream"
        ``weights`` of `golden.lstm.memories`.

    Members
    -------
    x : In, `VectorSignature` of words
    weights_in : In, the word's weights, with store "stream"
    settled : Out(1)
        No rows are waiting or leaving: a vector that is cut short may end.
    rows : Out, `RowsSignature`
    receiver_free, receiver_reserve : In, Out
    """

    def __init__(self, params, weights=None):
        self.params, self.weights = params, weights
        p = params
        self.operand = p.input_value
        self._width = p.lanes * p.columns * p.kind.bits
        members = {
            "x": In(VectorSignature(shape(self.operand), p.columns, p.batch)),
            "rows": Out(RowsSignature(p)), "settled": Out(1),
            "receiver_free": In(1), "receiver_reserve": Out(1),
        }
        if weights is None:
            members["weights_in"] = In(self._width)
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.array = array = MacArray(
            kind=p.kind, lanes=p.lanes, columns=p.columns, batch=p.batch, operand=self.operand,
            widths=p.parts)
        m.submodules.drain = drain = Drain(p)
        # The next vector may come when its end cannot overtake this one's rows.
        closed = Signal()
        wait = Signal(range(max(1, p.outputs - p.words_x) + 1))
        m.d.comb += [
            self.x.free.eq(self.receiver_free & ~closed & (wait == 0)),
            self.receiver_reserve.eq(self.x.reserve),
        ]
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.x.reserve):
            m.d.sync += closed.eq(1)
        ends = self.x.valid & self.x.last
        with m.If(ends):
            m.d.sync += [closed.eq(0), wait.eq(max(0, p.outputs - p.words_x))]

        values = Signal(array.values.shape())
        last = Signal()
        final = Signal()
        error = Signal()
        m.d.sync += [
            values.eq(Mux(self.x.valid, self.x.data.as_value(), 0)), last.eq(ends),
            final.eq(self.x.final), error.eq(self.x.error),
        ]
        m.d.comb += [array.values.eq(values), array.last_x.eq(last)]
        arrived = [delayed(m, flag, p.array_latency - 1, name) for flag, name in (
            (last, "last"), (final, "final"), (error, "error"))]
        under_way = Signal(range(p.array_latency + 1))      # vectors between last and the rows
        m.d.sync += under_way.eq(under_way + last - arrived[0])
        if self.weights is None:
            weights = Signal(self._width)
            with m.If(self.x.valid):    # beside no word there are no weights
                m.d.sync += weights.eq(self.weights_in)
            m.d.comb += array.weights.eq(weights)
        else:
            m.submodules.weight_memory = self.weights
            position = Signal(index_width(p.words_x))
            with m.If(self.x.valid):
                m.d.sync += position.eq(Mux(self.x.last, 0, position + 1))
            m.d.comb += [self.weights.address.eq(position),
                         array.weights.eq(self.weights.word)]
        m.d.comb += [
            drain.end.eq(arrived[0]), drain.step.final.eq(arrived[1]),
            drain.step.error.eq(arrived[2]), drain.go.eq(1),
            drain.sums_x.eq(array.rows_x), array.shift.eq(drain.shift),
            self.settled.eq(~last & (under_way == 0) & ~drain.rows.valid),
        ]
        wiring.connect(m, drain.rows, wiring.flipped(self.rows))
        return m
