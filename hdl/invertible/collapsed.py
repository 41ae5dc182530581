"""Factoring by a collapsed network of spins. Bits and cycles: `golden.invertible.collapsed`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.invertible.collapsed import NOISE, REST, SERVED, cells, generators, uses
from golden.invertible.job import WORD, words
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.invertible.job import JobCore, turns
from hdl.select import selected
from hdl.tree import tree_sum
from hdl.xorshift import Xorshift

__all__ = ["Collapsed", "Spins"]

#: Stages -> where rows of registers cut the way from spins to spins.
CUTS = {1: (), 2: ("pulls",), 3: ("errors", "sums"), 4: ("errors", "pulls", "sums")}


class Spins(wiring.Component):
    """All spins, each with its own adders: every cycle those that do not rest are made anew.

    The way from spins over errors, pulls and their sums to the next spins is cut by ``stages - 1``
    rows of registers; as many searches are on it.

    **Latency** ``found`` and the next spins belong to the update that was begun ``stages - 1``
    cycles before. **Throughput** an update of all spins a cycle. **Back-pressure** none.

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
        a, and above it b, of the search whose turn is next.
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"asked": In(WORD * words(params.job[1:])), "start": In(1), "run": In(1),
                          "found": Out(1), "value": Out(2 * params.bits)})

    def elaborate(self, _platform):
        m = Module()
        p, n = self.params, self.params.bits
        begins, _ = turns(m, p.stages, self.start, self.run)
        cuts = {point: int(point in CUTS[p.stages]) for point in ("errors", "pulls", "sums")}
        free = Signal(p.free)
        clamped = self.asked[:2 * n]
        m.d.comb += self.value.eq(free[:2 * n])

        product = free[:n] * free[n:2 * n]
        if p.stages > 1:
            product = delayed(m, product, 1, "product")
        solved = delayed(m, product == clamped, max(0, p.stages - 2), "solved")
        m.d.comb += self.found.eq(self.run & ~begins & solved)

        bits = Cat(free, clamped)
        adders, errors = cells(p), []
        for number, (_, inputs, total, over) in enumerate(adders):
            error = Signal(signed(3), name=f"error_{number}")
            sums = tree_sum([bits[spin] if gate is None else bits[spin] & bits[gate]
                             for spin, gate in inputs])
            made = bits[total] if over is None else Cat(bits[total], bits[over])
            m.d.comb += error.eq(sums - made)
            errors.append(delayed(m, error, cuts["errors"], f"late_error_{number}"))
        before = delayed(m, free, cuts["errors"], "before")
        bits = Cat(before, clamped)
        pulls = [[] for _ in range(p.free)]
        for spin, cell, part, gate in uses(p):
            # The error without the spin, -3 to 3.
            rest = Signal(3, name=f"rest_{spin}_{cell}")
            m.d.comb += rest.eq(errors[cell] - Mux(bits[spin], part, 0))
            heavy = part * p.weights[adders[cell][0]]
            pull = _listed(rest, [heavy * (2 * e + part) for e in (0, 1, 2, 3, -3, -3, -2, -1)])
            pull = pull if gate is None else Mux(bits[gate], pull, 0)
            pulls[spin].append(delayed(m, pull, cuts["pulls"], f"pull_{spin}_{cell}"))
        before = delayed(m, before, cuts["pulls"] + cuts["sums"], "before")
        for spin, drawn in enumerate(self._drawn(m)):
            noise = _listed(drawn[:NOISE], [p.amplitude * (2 * u - (1 << NOISE) + 1) >> NOISE
                                            for u in range(1 << NOISE)])
            awake = drawn[NOISE:] < (p.inputs if spin < 2 * n else p.hidden)
            total = delayed(m, tree_sum(pulls[spin]), cuts["sums"], f"total_{spin}")
            with m.If(begins):
                m.d.sync += free[spin].eq(drawn[NOISE - 1])
            with m.Elif(self.run):
                m.d.sync += free[spin].eq(Mux(awake & ~self.found, total <= noise, before[spin]))
        return m

    def _drawn(self, m):
        """The random bits of each spin."""
        p, drawn = self.params, []
        old, new = generators(p)
        for number, (low, high) in enumerate(zip(old[0], new[0], strict=True)):
            m.submodules[f"generator_{number}"] = generator = Xorshift(
                64, int(low) | int(high) << 64)
            # With several searches the next one begins with other spins.
            m.d.comb += generator.enable.eq(self.run | (self.start & (p.stages > 1)))
            drawn += [generator.state[64 * half:][lane * (NOISE + REST):][:NOISE + REST]
                      for half in (0, 1) for lane in range(SERVED)]
        return drawn[:p.free]


def _listed(index, values):
    """``values[index]``: of so few bits a selection is smaller than a product, and its way
    shorter."""
    return selected([Const(value, signed(abs(value).bit_length() + 1)) for value in values], index)


class Collapsed(AxiStreamTop):
    """`golden.invertible.collapsed.Collapsed` as an AXI4-Stream top.

    **Latency** the job's beats, ``stages`` cycles, and one for each update, to the answer's first
    beat.
    **Throughput** an update a cycle; jobs one after the other. **Back-pressure** by jobs.
    """

    def __init__(self, params, tensors):
        super().__init__(JobCore(params, [Spins(params)]), output_register=False)
