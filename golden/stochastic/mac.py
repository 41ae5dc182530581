"""A multiply-accumulate of numbers that both come at run time, by two shared sequences.

Numbers are signs and magnitudes. In stream cycle t a magnitude of x gives one of its own bits: the
most significant one in every second cycle, the next one in every fourth, and so on, by t's trailing
zeros. A magnitude of w gives ones first and zeros then, as long as it exceeds t. All inputs share
t: no generators, and products as near as two low-discrepancy sequences make them.

Source: Sim and Lee, "A New Stochastic Computing Multiplier with Application to Deep Convolutional
Neural Networks", DAC 2017, which counts w down instead.
"""

from dataclasses import dataclass

import numpy as np

from golden.check import require_int
from golden.design import Block, Stream
from golden.formats import Format
from golden.params import Params

__all__ = ["EXTRA", "Mac", "MacParams", "accumulate"]

#: Clock cycles of a frame beside those of its beats and its stream: the bits' register, the answer.
EXTRA = 2


@dataclass(frozen=True)
class MacParams(Params):
    """``sum of x[i] w[i]`` over a frame of ``inputs`` beats (x, w).

    bits:    of x and w, two's complement; their range is -1 .. 1
    length:  stream cycles, a power of two; less than 2**(bits - 1) round the magnitudes
    """

    inputs: int = 16
    bits: int = 8
    length: int = 256

    def __post_init__(self):
        require_int("Mac inputs", self.inputs, 1, 1024)
        require_int("Mac bits", self.bits, 2, 16)
        require_int("Mac length", self.length, 2, 1 << 16)
        if self.length & (self.length - 1):
            raise ValueError(f"Mac length must be a power of two, not {self.length}")

    input = property(lambda self: Stream(Format(self.bits, self.bits - 1), 2))
    #: Bits of the stream cycle's number.
    count_width = property(lambda self: self.length.bit_length() - 1)

    @property
    def output(self):
        most = self.inputs * self.length
        return Stream(Format(most.bit_length() + 1, self.count_width))


def accumulate(params, x, w):
    """Codes x and w [.., inputs] to the sums' codes [..]."""
    p = params
    digits = p.bits - 1
    # -v is ~v + 1: the magnitude's bits, and the one that is added.
    (x_bits, x_one), (w_bits, w_one) = ((np.where(v < 0, ~v, v), v < 0) for v in (x, w))
    total = np.zeros(x.shape, dtype=np.int64)
    for t in range(p.length):
        zeros = (t & -t).bit_length() - 1 if t else p.count_width
        ramp = (t << digits) >> p.count_width
        of_x = x_bits >> digits - 1 - zeros & 1 if zeros < digits else x_one
        total += of_x & (w_bits + w_one > ramp)
    return np.where(x_one ^ w_one, -total, total).sum(-1)


class Mac(Block):
    """Input beats: x and w of an input; one output beat: the sum of all products."""

    name = "stochastic.mac"
    input = property(lambda self: self.params.input)
    output = property(lambda self: self.params.output)

    @staticmethod
    def shapes(params):
        return {}

    def run(self, frames):
        codes = np.stack(frames)
        return list(accumulate(self.params, codes[..., 0], codes[..., 1])[:, None, None])

    def cycles(self, frames):
        return len(frames) * (self.params.inputs + self.params.length + EXTRA)

    @classmethod
    def random(cls, params, rng):
        return cls(params, {})

    def random_frames(self, count, rng):
        form = self.params.input.format
        frames = rng.integers(form.minimum, form.maximum + 1, (count, self.params.inputs, 2))
        ends = rng.choice([form.minimum, -1, 0, form.maximum], (count, 1, 2))
        return list(np.where(rng.random(frames.shape) < 0.3, ends, frames))
