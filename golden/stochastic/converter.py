"""Binary to stochastic, and to integer stochastic: B2S and B2IS."""

import numpy as np

from golden.stochastic import numbers
from golden.stochastic.arithmetic import ConverterParams, PerBeat
from golden.stochastic.params import Generators

__all__ = ["Converter", "convert", "converter"]


def converter(inputs: int = 1, length: int = 256, m: int = 1, coding: str = "bipolar",
              bits: int = 8, kind: str = "net", generators: int = 8, rotations: int = 1,
              seed: int = 1, register: int = 16) -> ConverterParams:
    """Parameters from flat arguments."""
    bank = Generators(kind, generators, rotations, seed, register)
    return ConverterParams(length, m, coding, inputs, bits, bank)


def convert(params, codes):
    """Numbers [frames, inputs] to streams [frames, length, inputs]."""
    p = params
    table = numbers.streams(p.x, p.inputs * p.m, p.width, p.length)
    level = {"unipolar": codes, "bipolar": codes + (1 << p.bits), "sign": np.abs(codes)}[p.coding]
    ones = (level[:, None, :, None] > table.reshape(1, p.length, p.inputs, p.m)).sum(-1)
    if p.coding == "sign":
        return np.sign(codes)[:, None, :] * ones
    return ones if p.coding == "unipolar" or p.is_sign else 2 * ones - p.m


class Converter(PerBeat):
    """Input beat: ``inputs`` numbers, the whole frame; ``length`` output beats, a value of each
    stream in each (`golden.stochastic.arithmetic.ConverterParams`)."""

    name = "stochastic.converter"

    def answers(self, codes):
        return convert(self.params, codes[:, 0])

    def cycles(self, frames):
        return len(frames) * self.params.length + 2

    def random_frames(self, count, rng):
        form = self.params.input.format
        frames = rng.integers(form.minimum, form.maximum + 1, (count, 1, self.params.inputs))
        most = 1 << self.params.bits
        ends = rng.choice([-most if form.signed else 0, 0, 1, most], frames.shape)
        return list(np.where(rng.random(frames.shape) < 0.3, ends, frames))
