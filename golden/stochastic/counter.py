"""Stochastic to binary: a counter."""

from golden.stochastic.arithmetic import PerBeat, values

__all__ = ["Counter", "count"]


def count(params, codes):
    """Codes [frames, length] to sums [frames]."""
    return values(codes, params.m, params.coding).sum(-1)


class Counter(PerBeat):
    """Input beats: a stream's values; one output beat: their sum
    (`golden.stochastic.arithmetic.CounterParams`)."""

    name = "stochastic.counter"

    def answers(self, codes):
        return count(self.params, codes[..., 0])[:, None, None]
