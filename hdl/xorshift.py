"""The xorshift+ generators. Bits: `golden.xorshift`."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.xorshift import SHIFTS, check_xorshift

__all__ = ["Xorshift"]


class Xorshift(wiring.Component):
    """xorshift64+ (``word=32``) or xorshift128+ (``word=64``).

    **Latency** none: ``state`` is the register and ``value`` the sum of its halves, one adder
    behind it. **Throughput** a word a cycle. **Back-pressure** ``enable`` holds it.

    Reset puts in the seed. The state goes through all 2**(2 word) - 1 values but zero, which is
    refused as a seed. Without ``value`` there is no adder: where each register bit feeds one node,
    use ``state``, a purely linear sequence of which a step's older half is the newer one of the
    step before.

    Not for cryptography.

    Parameters
    ----------
    word : int
        32 or 64.
    seed : int
        1 to 2**(2 word) - 1; the low half is the older word.

    Members
    -------
    enable : In(1, init=1)
    state : Out(2 * word)
    value : Out(word)

    Source of the shifts: `golden.xorshift.SHIFTS`
    """

    def __init__(self, word=32, seed=1):
        check_xorshift(word, seed)
        self.word, self.seed = word, seed
        super().__init__({"enable": In(1, init=1), "state": Out(2 * word, init=seed),
                          "value": Out(word)})

    def elaborate(self, _platform):
        m = Module()
        a, b, c = SHIFTS[self.word]
        old, new = self.state[:self.word], self.state[self.word:]
        mixed = Signal(self.word)
        m.d.comb += [mixed.eq(old ^ (old << a)), self.value.eq(old + new)]
        with m.If(self.enable):
            m.d.sync += self.state.eq(
                Cat(new, (mixed ^ (mixed >> b) ^ new ^ (new >> c))[:self.word]))
        return m
