"""Networks one behind the other. Bits: `golden.stochastic.cascade`."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.axi import AxiStreamTop
from hdl.stochastic.network import NetworkCore, check_hardware

__all__ = ["Cascade", "CascadeCore"]


class CascadeCore(wiring.Component):
    """Each section works on a frame of its own: the counts of one are the inputs of the next.

    **Latency, throughput**: `golden.stochastic.timing`; a frame takes as long as the slowest
    section. **Back-pressure** on both sides, in any cycle: a section keeps its counts until the
    next one has taken them. A frame of a wrong length goes through all sections as an error.

    Parameters
    ----------
    params : CascadeParams
    tensors : dict of int64 arrays as `golden.stochastic.cascade.Cascade.shapes`

    Members
    -------
    i, o : In, Out, streams as `NetworkCore` has them
    """

    def __init__(self, params, tensors):
        self.params = params
        self.sections = [
            NetworkCore(section, {name.removeprefix(f"sections.{n}."): value
                                  for name, value in tensors.items()
                                  if name.startswith(f"sections.{n}.")})
            for n, section in enumerate(params.sections)]
        first, last = (section.signature.members for section in
                       (self.sections[0], self.sections[-1]))
        super().__init__({"i": In(first["i"].signature.flip()), "o": Out(last["o"].signature)})

    def elaborate(self, _platform):
        m = Module()
        for n, section in enumerate(self.sections):
            m.submodules[f"section_{n}"] = section
        wiring.connect(m, wiring.flipped(self.i), self.sections[0].i)
        for before, after in zip(self.sections, self.sections[1:], strict=False):
            m.d.comb += [
                after.i.valid.eq(before.o.valid), before.o.ready.eq(after.i.ready),
                after.i.payload.data.eq(before.o.payload.data),
                after.i.payload.last.eq(before.o.payload.last),
                after.wrong.eq(before.o.payload.error),
            ]
        wiring.connect(m, self.sections[-1].o, wiring.flipped(self.o))
        return m


class Cascade(AxiStreamTop):
    """`golden.stochastic.cascade.Cascade` as an AXI4-Stream top."""

    def __new__(cls, params, tensors):
        # As in `hdl.stochastic.network.Network`.
        for section in params.sections:
            check_hardware(section)
        return super().__new__(cls, params, tensors)

    def __init__(self, params, tensors):
        super().__init__(CascadeCore(params, tensors), output_register=False)
