"""Bits that flip by chance, for studies. Bits: `golden.stochastic.faults`."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.stochastic.faults import DRAW, WORD, groups, seeds
from hdl.xorshift import Xorshift

__all__ = ["Flips", "flipped"]


class Flips(wiring.Component):
    """The flips of one group of nets: an xorshift128+ for every four bits.

    Generators run on from frame to frame; a reset puts in their seeds.

    **Latency** none: the flips of a stream cycle are there until ``step``. **Throughput** a stream
    cycle in a cycle. It never waits.

    Parameters
    ----------
    params : NetworkParams
    layer : int
    name : str, of `golden.stochastic.faults.GROUPS`

    Members
    -------
    step : In(1)
        On to the next stream cycle.
    o : Out(bits)
    """

    def __init__(self, params, layer, name):
        self.params, self.layer, self.name = params, layer, name
        self._bits, self._rate = groups(params)[layer, name]
        super().__init__({"step": In(1), "o": Out(self._bits)})

    def elaborate(self, _platform):
        m = Module()
        flips = []
        for number, seed in enumerate(seeds(self.params, self.layer, self.name)):
            m.submodules[f"generator_{number}"] = generator = Xorshift(WORD, seed)
            m.d.comb += generator.enable.eq(self.step)
            flips += [generator.value[first:first + DRAW] < self._rate
                      for first in range(0, WORD, DRAW)]
        m.d.comb += self.o.eq(Cat(flips[:self._bits]))
        return m


def flipped(m, params, layer, name, value, step):
    """``value`` of a group of nets, in the clock cycle of ``step``, with its faults if it has any;
    without a value the flips themselves, or None."""
    if not params.faults or (layer, name) not in groups(params):
        return value
    flips = Flips(params, layer, name)
    m.submodules[f"{name}_{layer}"] = flips
    m.d.comb += flips.step.eq(step)
    return flips.o if value is None else value ^ flips.o
