"""A layer of binary-radix neurons. Bits: `golden.stochastic.radix`."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hdl.activation import ActivationTable
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.lstm.columns import VectorSignature
from hdl.lstm.dense import DenseCore, DenseLayer

__all__ = ["Radix", "RadixLayer"]


class RadixLayer(wiring.Component):
    """A `DenseLayer` and a table of the sigmoid behind it, for every item of a batch.

    **Latency** two cycles more than the `DenseLayer`'s. **Throughput** and **back-pressure** are
    its.

    Parameters
    ----------
    params : golden.stochastic.arithmetic.RadixParams
    tensors : dict of int64 arrays as `golden.lstm.dense.shapes`

    Members
    -------
    As those of `DenseLayer`.
    """

    def __init__(self, params, tensors):
        self.dense = DenseLayer(params.dense, tensors)
        self.stores = self.dense.stores
        self.tables = [ActivationTable("sigmoid", params.output, params.width)
                       for _ in range(params.batch)]
        self.element = self.tables[0].y.shape()
        super().__init__({"x": self.dense.signature.members["x"],
                          "o": Out(VectorSignature(self.element, 1, params.batch)),
                          "settled": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.dense = dense = self.dense
        wiring.connect(m, wiring.flipped(self.x), dense.x)
        m.d.comb += [self.settled.eq(dense.settled), self.o.reserve.eq(dense.o.reserve),
                     dense.o.free.eq(self.o.free)]
        flags = ("valid", "last", "final", "error")
        m.d.comb += Cat(getattr(self.o, name) for name in flags).eq(
            delayed(m, Cat(getattr(dense.o, name) for name in flags), 2))
        for item, table in enumerate(self.tables):
            m.submodules[f"sigmoid_{item}"] = table
            m.d.comb += [table.z.eq(dense.o.data[item][0]), self.o.data[item][0].eq(table.y)]
        return m


class Radix(AxiStreamTop):
    """`golden.stochastic.radix.Radix` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(DenseCore(params, tensors, RadixLayer), output_register=False)
