"""A recurrent layer: the array engine, the cell, and h back to the engine."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.lstm.memories import layer_memories
from hdl.formats import shape
from hdl.lstm.columns import Gather, VectorSignature
from hdl.lstm.gru import Gru
from hdl.lstm.lstm import Lstm
from hdl.lstm.matvec import MatVec
from hdl.store import index_width, stores

__all__ = ["Layer"]

CELLS = {"lstm": Lstm, "gru": Gru}


class Layer(wiring.Component):
    """Takes vectors x and gives vectors h, one a step. Bits: `golden.lstm.layer`.

    **Latency and throughput**: `golden.lstm.matvec.Schedule`. **Back-pressure** by whole vectors
    on both sides.

    Parameters
    ----------
    params : LayerParams
    tensors : dict of int64 arrays as `golden.lstm.layer.shapes`
    last_only : bool
        Send only the last h of a frame on.
    stateful : bool

    Members
    -------
    x : In, `VectorSignature` of words
    x_position, x_keep : In, with one_hot: see `hdl.lstm.columns.ColumnList`
    o : Out, `VectorSignature` of single elements
    """

    def __init__(self, params, tensors, *, last_only=False, stateful=False):
        self.params, self.last_only, self.stateful = params, last_only, stateful
        #: The memories, in the order of the image that loads them.
        self.stores = stores(layer_memories(params, tensors), params.store)
        self._engine = MatVec(params, self.stores["weights"], last_only=last_only,
                              stateful=stateful)
        self._cell = CELLS[params.cell](params, self.stores)
        element = shape(self._engine.operand)
        members = {"x": In(VectorSignature(element, params.columns, params.batch)),
                   "o": Out(VectorSignature(shape(params.activation), 1, params.batch))}
        if params.one_hot:
            members |= {"x_position": In(index_width(params.words_x)), "x_keep": In(1)}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.engine = engine = self._engine
        m.submodules.cell = cell = self._cell
        m.submodules.gather = gather = Gather(columns=p.columns, batch=p.batch,
                                              element=shape(p.activation),
                                              to=shape(engine.operand))
        wiring.connect(m, wiring.flipped(self.x), engine.x)
        if p.one_hot:
            m.d.comb += [engine.x_position.eq(self.x_position), engine.x_keep.eq(self.x_keep)]
        wiring.connect(m, engine.rows, cell.rows)
        wiring.connect(m, gather.o, engine.h)
        # h recurs unless its frame is over.
        over = cell.o.error if self.stateful else cell.o.final
        sends = cell.o.final if self.last_only else 1
        m.d.comb += [
            gather.i.valid.eq(cell.o.valid & ~over), gather.i.data.eq(cell.o.data),
            gather.i.last.eq(cell.o.last),
            self.o.valid.eq(cell.o.valid & sends), self.o.data.eq(cell.o.data),
            self.o.last.eq(cell.o.last), self.o.final.eq(cell.o.final),
            self.o.error.eq(cell.o.error),
            self.o.reserve.eq(engine.receiver_reserve), engine.receiver_free.eq(self.o.free),
        ]
        return m
