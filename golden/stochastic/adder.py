"""The adder of integer streams, whose range grows: nothing is scaled, no bit is lost."""

from golden.stochastic.arithmetic import PerBeat, values

__all__ = ["Adder", "add"]


def add(params, codes):
    """Codes [.., terms] to sums [.., 1]."""
    return values(codes, params.m, params.coding).sum(-1, keepdims=True)


class Adder(PerBeat):
    """Input beats: a value of each stream; output beats: their sum
    (`golden.stochastic.arithmetic.AdderParams`)."""

    name = "stochastic.adder"

    def answers(self, codes):
        return add(self.params, codes)
