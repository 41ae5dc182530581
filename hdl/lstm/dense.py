"""A matrix-vector product with a requantiser per row. Bits: `golden.lstm.dense`."""

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.formats import Rounding
from golden.lstm.memories import dense_memories
from hdl.axi import AxiStreamTop
from hdl.formats import requantise, shape
from hdl.lstm.columns import VectorSignature
from hdl.lstm.direct import Direct
from hdl.lstm.input import VectorInput, input_layout
from hdl.lstm.matvec import MatVec
from hdl.lstm.output import OutputQueue, beat_layout
from hdl.lstm.pipeline import UnitPipeline
from hdl.lstm.rows import RowSums
from hdl.store import load_signature, loadable, stores

__all__ = ["Dense", "DenseCore", "DenseLayer"]


class DenseLayer(wiring.Component):
    """Takes vectors x and gives vectors y, without state.

    **Latency and throughput**: `golden.lstm.matvec.Schedule`; ``params.latency`` cycles from a
    row sum to its result. **Back-pressure** by whole vectors on both sides.

    Parameters
    ----------
    params : DenseParams
    tensors : dict of int64 arrays as `golden.lstm.dense.shapes`

    Members
    -------
    x : In, `VectorSignature` of words
    weights : In, the word's weights, with store "stream"
    o : Out, `VectorSignature` of single elements
    settled : Out(1), a vector that is cut short may end
    """

    def __init__(self, params, tensors):
        self.params = p = params
        #: The memories, in the order of the image that loads them.
        self.stores = {} if p.store == "stream" else stores(dense_memories(p, tensors), p.store)
        self._engine = (Direct if p.direct else MatVec)(p, self.stores.get("weights"))
        #: Amaranth shape of an element of y.
        self.element = signed(p.width_x) if p.raw else shape(p.output)
        members = {"x": In(VectorSignature(shape(self._engine.operand), p.columns, p.batch)),
                   "o": Out(VectorSignature(self.element, 1, p.batch)), "settled": Out(1)}
        if p.store == "stream":
            members["weights"] = In(p.lanes * p.columns * p.kind.bits)
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        m.submodules.engine = engine = self._engine
        wiring.connect(m, wiring.flipped(self.x), engine.x)
        m.d.comb += [self.o.reserve.eq(engine.receiver_reserve),
                     engine.receiver_free.eq(self.o.free)]
        m.d.comb += self.settled.eq(engine.settled if p.direct else 1)
        if p.store == "stream":
            m.d.comb += engine.weights_in.eq(self.weights)
        rows = engine.rows
        pipe = UnitPipeline(m, rows.start, p.interval)
        last, final, error = pipe.hold(Cat(rows.last, rows.final, rows.error), 0, p.latency,
                                       "flags")
        m.d.comb += [self.o.valid.eq(pipe.at(p.latency)), self.o.last.eq(last),
                     self.o.final.eq(final), self.o.error.eq(error)]
        if p.raw:
            m.d.comb += [self.o.data[item][0].eq(rows.x[item][0]) for item in range(p.batch)]
            return m
        m.submodules.sums = sums = RowSums(p, self.stores["rows"])
        wiring.connect(m, rows, sums.rows)
        for item in range(p.batch):
            m.d.sync += self.o.data[item][0].eq(
                requantise(sums.total[item][0], p.shift, p.output, Rounding.HALF_UP))
        return m


class DenseCore(wiring.Component):
    """A `DenseLayer` between streams: ``i`` takes a vector a frame, ``o`` gives one back.

    With store "stream", ``w`` takes a frame of weights beside each vector, word for word; of two
    frames of unequal lengths both are dropped to their ends, and answered by one error.

    layer:  what makes the layer of the parameters and tensors
    """

    def __init__(self, params, tensors, layer=DenseLayer):
        self.params = p = params
        self.layer = layer(p, tensors)
        members = {
            "i": In(stream.Signature(input_layout(shape(p.input), p.columns, p.batch))),
            "o": Out(stream.Signature(beat_layout(self.layer.element, p.batch)))}
        if p.store == "stream":
            members["w"] = In(stream.Signature(
                input_layout(unsigned(p.kind.bits), p.columns, p.lanes)))
        if p.store == "load":
            members["w"] = In(load_signature())
        super().__init__(members)

    def elaborate(self, _platform):
        body = Module()
        p = self.params
        body.submodules.input = source = VectorInput(
            size=p.inputs, columns=p.columns, batch=p.batch, steps=1, given=shape(p.input),
            element=self.layer.x.data[0][0].shape())
        body.submodules.layer = layer = self.layer
        body.submodules.output = output = OutputQueue(size=p.outputs, batch=p.batch,
                                                      element=layer.element)
        wiring.connect(body, source.o, layer.x)
        wiring.connect(body, layer.o, output.i)
        body.d.comb += source.settled.eq(layer.settled)

        m, loaded = body, 1
        if p.store == "load":
            m = Module()
            loaded = loadable(m, body, self.w, list(layer.stores.values()))
        if p.store == "stream":
            self._join(m, source)
            m.d.comb += layer.weights.eq(self.w.payload.data)
        else:
            m.d.comb += [
                source.i.payload.eq(self.i.payload), source.i.valid.eq(self.i.valid & loaded),
                self.i.ready.eq(source.i.ready & loaded),
            ]
        wiring.connect(m, output.o, wiring.flipped(self.o))
        return m

    def _join(self, m, source):
        """A beat of the vector passes together with its beat of weights."""
        over = Signal()     # the weights have ended before the vector
        rest = Signal()     # the vector has ended before the weights
        i, w = self.i, self.w
        with_weights = Signal()
        passed = Signal()
        m.d.comb += [
            with_weights.eq((w.valid | over) & ~rest),
            source.i.payload.eq(i.payload), source.i.valid.eq(i.valid & with_weights),
            i.ready.eq(source.i.ready & with_weights),
            passed.eq(i.valid & i.ready),
            w.ready.eq(rest | (passed & ~over)),
            source.fault.eq(over | (w.payload.last != i.payload.last)),
        ]
        with m.If(rest):
            with m.If(w.valid & w.payload.last):
                m.d.sync += rest.eq(0)
        with m.Elif(passed):
            m.d.sync += [over.eq(~i.payload.last & (over | w.payload.last)),
                         rest.eq(i.payload.last & ~over & ~w.payload.last)]


class Dense(AxiStreamTop):
    """`golden.lstm.dense.Dense` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(DenseCore(params, tensors), output_register=False)  # it ends in a queue


