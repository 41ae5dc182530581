"""A matrix-vector product with a requantiser per row: a network's head, or a block alone."""

import numpy as np
import torch

from golden.design import Block, Stream
from golden.formats import Format, requantise
from golden.lstm.mac_array import matmul
from golden.lstm.matvec import DirectSchedule, Schedule, kept_words
from golden.lstm.memories import dense_memories
from golden.lstm.output import OutputTimes
from golden.memory import image
from golden.weights import random_weights

__all__ = ["LOAD", "Dense", "check", "product", "random", "schedule", "shapes"]

#: The stream that loads memories at run time.
LOAD = Stream(Format(32, 0, signed=False))


def shapes(params):
    """Name -> shape of the tensors; a raw product has weights only."""
    names = {"weight": (params.outputs, params.inputs)}
    return names if params.raw else names | {"scale": (params.outputs,), "bias": (params.outputs,)}


def check(params, tensors):
    """Raise ValueError unless every tensor value fits its field."""
    if not params.kind.contains(tensors["weight"]):
        raise ValueError(f"Dense weight must hold {params.weights} values only")
    if not params.raw:
        _check_range("Dense scale", tensors["scale"], params.scale_width)
        _check_range("Dense bias", tensors["bias"], params.bias_width)


def _check_range(subject, values, width):
    allowed = Format(width)
    if values.min() < allowed.minimum or values.max() > allowed.maximum:
        raise ValueError(f"{subject} must fit {width} signed bits, "
                         f"not {values.min()}..{values.max()}")


def product(params, tensors, x):
    """int64 tensor [..., inputs] to [..., outputs]."""
    acc = matmul(x, torch.as_tensor(tensors["weight"]), 1 << params.width_x)
    if params.raw:
        return acc
    scale, bias = torch.as_tensor(tensors["scale"]), torch.as_tensor(tensors["bias"])
    return requantise((acc >> params.sum_shift) * scale + bias, params.shift, params.output)


def random(params, rng):
    """Tensors that spread the outputs over their format."""
    tensors = {"weight": random_weights(params.kind, (params.outputs, params.inputs), rng)}
    if not params.raw:
        limit = (1 << (params.scale_width - 1)) - 1
        # A typical row sum times a typical scale covers a quarter of the output's range.
        spread = 2.0 ** (params.width_x - params.sum_shift - 1) / max(1.0, params.inputs) ** 0.5
        typical = 2.0 ** (params.output.width + params.shift - 2) / spread
        scale = rng.normal(0, min(limit / 3, max(1.0, typical)), params.outputs)
        tensors["scale"] = scale.round().clip(-limit, limit).astype(np.int64)
        limit = (1 << (min(params.bias_width, params.output.width + params.shift) - 1)) - 1
        tensors["bias"] = rng.integers(-limit, limit + 1, params.outputs)
    return tensors


def schedule(params):
    """The cycle model of the engine that these parameters get."""
    return DirectSchedule(params) if params.direct else Schedule(params)


class Dense(Block):
    """``y = W x`` for a stream of vectors.

    Input beats: ``ceil(inputs / columns)`` of columns x batch elements, batch item by item;
    output beats: one element of every batch item. A frame is one vector.
    """

    name = "lstm.dense"
    shapes = staticmethod(shapes)

    def check(self):
        check(self.params, self.tensors)

    @property
    def input(self):
        return Stream(self.params.input, self.params.columns * self.params.batch)

    @property
    def output(self):
        p = self.params
        return Stream(Format(p.width_x) if p.raw else p.output, p.batch)

    @property
    def load(self):
        p = self.params
        if p.store == "stream":
            return Stream(Format(p.kind.bits, 0, signed=False), p.columns * p.lanes)
        return LOAD if p.store == "load" else None

    @property
    def load_beside(self):
        return self.params.store == "stream"

    def image(self):
        if self.params.store == "rom":
            return super().image()
        memories = dense_memories(self.params, self.tensors)
        if self.params.store == "load":
            return image(list(memories.values()))
        return self.load.unpack(memories["weights"][1])

    def vectors(self, frames):
        """Frames to an array [frames, batch, inputs]."""
        p = self.params
        beats = np.stack(frames).reshape(len(frames), p.words_x, p.batch, p.columns)
        return beats.transpose(0, 2, 1, 3).reshape(len(frames), p.batch, -1)[..., :p.inputs]

    def run(self, frames):
        y = product(self.params, self.tensors, torch.as_tensor(self.vectors(frames)))
        return list(y.numpy().transpose(0, 2, 1))

    def cycles(self, frames):
        p = self.params
        engine, output = schedule(p), OutputTimes()
        kept = kept_words(self.vectors(frames), p.columns).sum(axis=-1)
        beat = -1
        for frame in range(len(frames)):
            beat = max(beat + 1, engine.free(output.go())) + p.words_x - 1
            output.push(engine.step(beat + 1, int(kept[frame]), go=output.go()))
        return output.last + 1

    @classmethod
    def random(cls, params, rng):
        return cls(params, random(params, rng))

    def random_frames(self, count, rng):
        p = self.params
        frames = rng.integers(p.input.minimum, p.input.maximum + 1,
                              (count, p.words_x, p.columns * p.batch))
        # Some words, and some whole vectors, are zero: they cost no cycle.
        frames *= rng.random((count, p.words_x, 1)) > rng.choice([0.0, 0.3, 1.0], (count, 1, 1))
        return list(frames)

