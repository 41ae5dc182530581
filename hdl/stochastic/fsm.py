"""NStanh and NSexp. Bits: `golden.stochastic.fsm`."""

from amaranth.hdl import Mux, Signal

from hdl.axi import AxiStreamTop
from hdl.stochastic.arithmetic import PerBeat, value

__all__ = ["Fsm", "FsmCore"]


class FsmCore(PerBeat):
    """A `PerBeat` of `golden.stochastic.arithmetic.FsmParams`: one adder, clipped, and a register.
    """

    def answer(self, m, codes, step, last):
        p = self.params
        state = Signal(range(p.states), init=p.start)
        following = Signal.like(state)
        moved = state + value(codes[0], p)
        m.d.comb += following.eq(Mux(moved < 0, 0, Mux(moved >= p.states, p.states - 1, moved)))
        with m.If(step):
            m.d.sync += state.eq(Mux(last, p.start, following))
        return following >= p.threshold if p.function == "tanh" else following < p.threshold


class Fsm(AxiStreamTop):
    """`golden.stochastic.fsm.Fsm` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(FsmCore(params))
