"""The sum of integer streams. Bits: `golden.stochastic.adder`."""

from hdl.axi import AxiStreamTop
from hdl.stochastic.arithmetic import PerBeat, value
from hdl.tree import tree_sum

__all__ = ["Adder", "AdderCore"]


class AdderCore(PerBeat):
    """A `PerBeat` of `golden.stochastic.arithmetic.AdderParams`."""

    def answer(self, m, codes, step, last):
        return tree_sum([value(code, self.params) for code in codes])


class Adder(AxiStreamTop):
    """`golden.stochastic.adder.Adder` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(AdderCore(params))
