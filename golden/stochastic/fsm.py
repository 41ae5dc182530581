"""NStanh and NSexp, the functions of a saturating counter; Stanh and Sexp where the range is 1.

Source: Brown and Card, "Stochastic Neural Computation I", IEEE Trans. Computers 50(9), 2001 (Stanh,
Sexp); Ardakani et al., TVLSI 25(10), 2017 (integer inputs). A threshold of states / 2 is compared
by >=: with >, the mean is far off when there are few states (`golden.stochastic.study`).
"""

import numpy as np

from golden.stochastic.arithmetic import PerBeat, values

__all__ = ["Fsm", "walk"]


def walk(params, codes):
    """Codes [frames, length] to bits [frames, length]."""
    p = params
    state = np.full(len(codes), p.start)
    bits = np.empty(codes.shape, dtype=np.int64)
    steps = values(codes, p.m, p.coding)
    for beat in range(codes.shape[1]):
        state = (state + steps[:, beat]).clip(0, p.states - 1)
        bits[:, beat] = (state >= p.threshold) == (p.function == "tanh")
    return bits


class Fsm(PerBeat):
    """Input beats: the sum's value; output beats: the function's bit
    (`golden.stochastic.arithmetic.FsmParams`). The state begins anew with each frame."""

    name = "stochastic.fsm"

    def answers(self, codes):
        return walk(self.params, codes[..., 0])[..., None]
