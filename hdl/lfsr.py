"""Linear feedback shift registers. Bits: `golden.lfsr`."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.lfsr import check_lfsr, jump

__all__ = ["Lfsr"]


class Lfsr(wiring.Component):
    """A maximal-length shift register: pseudo-random words that repeat after 2**width - 1.

    **Latency** none: ``value`` is the register. **Throughput** a word a cycle, ``steps`` steps
    apart; with ``steps`` prime to 2**width - 1 the length stays maximal, and with at least
    ``width`` of them a word shares no bit with the last one. **Back-pressure** ``enable`` holds it.

    Reset puts in the seed. The state is never zero: zero would never be left, is refused as a seed,
    and cannot be reached from another state. Bits of one word are shifted copies of the same
    sequence, and a word's mean is half a unit above the middle (zero is missing).

    Fibonacci form; per bit of the state one exclusive or, of 2 to 4 bits when ``steps`` is 1, of up
    to ``width`` bits otherwise.

    Parameters
    ----------
    width : int
        3 to 32.
    seed : int
        1 to 2**width - 1.
    steps : int
        Steps a cycle.

    Members
    -------
    enable : In(1, init=1)
    value : Out(width)

    Source of the taps: `golden.lfsr.TAPS`
    """

    def __init__(self, width, seed=1, steps=1):
        check_lfsr(width, seed, steps)
        self.width, self.seed, self.steps = width, seed, steps
        super().__init__({"enable": In(1, init=1), "value": Out(width, init=seed)})

    def elaborate(self, _platform):
        m = Module()
        with m.If(self.enable):
            m.d.sync += self.value.eq(
                Cat((self.value & mask).xor() for mask in jump(self.width, self.steps)))
        return m
