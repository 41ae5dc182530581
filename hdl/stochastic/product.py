"""Products of streams. Bits: `golden.stochastic.product`."""

from amaranth.hdl import Mux

from hdl.axi import AxiStreamTop
from hdl.stochastic.arithmetic import PerBeat

__all__ = ["Product", "ProductCore"]


class ProductCore(PerBeat):
    """A `PerBeat` of `golden.stochastic.arithmetic.ProductParams`."""

    def answer(self, m, codes, step, last):
        a, b = codes[0], codes[1]
        if self.params.kind == "and":
            return Mux(b[0], a, 0)
        if self.params.kind == "xnor":
            return ~(a ^ b)
        return Mux(codes[2][0], b, a)


class Product(AxiStreamTop):
    """`golden.stochastic.product.Product` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(ProductCore(params))
