"""Factoring by a collapsed network of spins. Bits and cycles: `golden.invertible.collapsed`."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.invertible.collapsed import NOISE, REST, SERVED, cells, generators, uses
from golden.invertible.job import WORD, words
from hdl.axi import AxiStreamTop
from hdl.invertible.job import JobCore
from hdl.tree import tree_sum
from hdl.xorshift import Xorshift

__all__ = ["Collapsed", "Spins"]


class Spins(wiring.Component):
    """All spins, each with its own adders: every cycle those that do not rest are made anew.

    **Latency** ``found`` belongs to the cycle that runs, and is about the spins as they are.
    **Throughput** an update of all spins a cycle. **Back-pressure** none.

    Parameters
    ----------
    params : golden.invertible.collapsed.CollapsedParams

    Members
    -------
    asked : In
        The product, from ``start`` on.
    start, run : In(1)
    found : Out(1)
    value : Out(2 * bits)
        a, and above it b.
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"asked": In(WORD * words(params.job[1:])), "start": In(1), "run": In(1),
                          "found": Out(1), "value": Out(2 * params.bits)})

    def elaborate(self, _platform):
        m = Module()
        p, n = self.params, self.params.bits
        free = Signal(p.free)
        bits = Cat(free, self.asked[:2 * n])
        a, b = bits[:n], bits[n:2 * n]
        m.d.comb += [self.value.eq(bits[:2 * n]),
                     self.found.eq(self.run & (a * b == self.asked[:2 * n]))]
        adders, errors = cells(p), []
        for number, (_, inputs, total, over) in enumerate(adders):
            error = Signal(signed(3), name=f"error_{number}")
            sums = tree_sum([bits[spin] if gate is None else bits[spin] & bits[gate]
                             for spin, gate in inputs])
            made = bits[total] if over is None else Cat(bits[total], bits[over])
            m.d.comb += error.eq(sums - made)
            errors.append(error)
        pulls = [[] for _ in range(p.free)]
        for spin, cell, part, gate in uses(p):
            # (2 e' + k) / k, with e' the error without the spin: it is odd.
            without = Signal(signed(5), name=f"without_{spin}_{cell}")
            rest = errors[cell] + Mux(bits[spin], -part, 0)
            m.d.comb += without.eq(2 * rest + part)
            pull = without * (part * p.weights[adders[cell][0]])
            pulls[spin].append(pull if gate is None else Mux(bits[gate], pull, 0))
        for spin, drawn in enumerate(self._drawn(m)):
            noise = Signal(signed(9), name=f"noise_{spin}")
            m.d.comb += noise.eq((p.amplitude * (2 * drawn[:NOISE] - (1 << NOISE) + 1)) >> NOISE)
            awake = drawn[NOISE:] < (p.inputs if spin < 2 * n else p.hidden)
            with m.If(self.start):
                m.d.sync += free[spin].eq(drawn[NOISE - 1])
            with m.Elif(self.run & ~self.found & awake):
                m.d.sync += free[spin].eq(tree_sum(pulls[spin]) <= noise)
        return m

    def _drawn(self, m):
        """The random bits of each spin."""
        p, drawn = self.params, []
        old, new = generators(p)
        for number, (low, high) in enumerate(zip(old[0], new[0], strict=True)):
            m.submodules[f"generator_{number}"] = generator = Xorshift(
                64, int(low) | int(high) << 64)
            m.d.comb += generator.enable.eq(self.run)
            drawn += [generator.state[64 * half:][lane * (NOISE + REST):][:NOISE + REST]
                      for half in (0, 1) for lane in range(SERVED)]
        return drawn[:p.free]


class Collapsed(AxiStreamTop):
    """`golden.invertible.collapsed.Collapsed` as an AXI4-Stream top.

    **Latency** the job's beats, a cycle, and a cycle for each update, to the answer's first beat.
    **Throughput** an update a cycle; jobs one after the other. **Back-pressure** by jobs.
    """

    def __init__(self, params, tensors):
        super().__init__(JobCore(params, [Spins(params)]), output_register=False)
