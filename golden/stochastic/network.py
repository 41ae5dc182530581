"""A stochastic network, stream cycle by stream cycle, in exact integers.

Every neuron's weight bits in a cycle are the same for all frames. So a layer's sums in a cycle are
one matrix product, input bits [frames, inputs] by weights [inputs, outputs]: floats hold them
exactly, and a processor has no faster instruction for it, packed bits included. Only the states and
the scores are taken step by step.
"""

from dataclasses import dataclass

import numpy as np
import torch

from golden.design import Block, Stream
from golden.formats import Format
from golden.stochastic import numbers, timing
from golden.stochastic.faults import Flips

__all__ = ["Network", "Result", "layer_shapes", "random_frames", "simulate", "weight_bits"]

#: Frames at a time: bits, sums and states of as many stay in the cache.
CHUNK = 2048


@dataclass(frozen=True)
class Result:
    """What a network answered.

    classes, cycles: int64 [frames], the class and the stream cycles that it took
    scores: int64 [frames, outputs], when it was decided; zeros without a head
    ones:   per hidden layer int64 [frames, outputs], ones in the stream up to then
    trace:  bool [frames, length, hidden], if asked for
    """

    classes: np.ndarray
    cycles: np.ndarray
    scores: np.ndarray
    ones: list
    trace: np.ndarray | None = None


def layer_shapes(params):
    names = {"weight": (params.outputs, params.inputs)}
    return names | {"bias": (params.outputs,)} if params.bias else names


def weight_bits(params, weight, length):
    """Yields, cycle by cycle, the sum of each weight's bits: int64 [terms, outputs].

    weight: int64 [terms, outputs], the bias as last term
    """
    table = numbers.streams(params.w, params.m * len(weight), params.width, length)
    code = np.abs(weight) if params.coding == "sign" else weight + params.largest
    sign = np.sign(weight)
    for number in table.reshape(length, len(weight), params.m):
        ones = (code[:, :, None] > number[:, None, :]).sum(-1)
        yield sign * ones if params.coding == "sign" else 2 * ones - params.m


def simulate(params, weights, x, *, trace=False):
    """The `Result` of input codes x [frames, inputs].

    weights: for every layer int64 [terms, outputs], the bias as last term
    """
    flips = Flips(params) if params.faults else None
    chunk = 64 if flips else CHUNK
    parts = [_simulate(params, weights, x[at:at + chunk], trace, flips)
             for at in range(0, len(x), chunk)]
    return Result(*(np.concatenate([getattr(part, name) for part in parts])
                    for name in ("classes", "cycles", "scores")),
                  [np.concatenate(ones) for ones in zip(*(p.ones for p in parts), strict=True)],
                  np.concatenate([p.trace for p in parts]) if trace else None)


def _simulate(params, weights, x, trace, flips):
    layers, frames = params.layers, len(x)
    flipped = flips.draw(frames) if flips else {}
    bipolar = layers[0].product == "xnor"
    codes = torch.as_tensor(np.ascontiguousarray(x)).to(torch.int32)
    number = torch.as_tensor(numbers.streams(
        params.x, params.inputs, params.input.fraction, params.length)).to(torch.int32)
    streams = [weight_bits(part, weight, params.length)
               for part, weight in zip(layers, weights, strict=True)]
    hidden = [part for part in layers if not part.head]
    states = [torch.full((frames, part.outputs), float(part.start)) for part in hidden]
    ones = [torch.zeros(frames, part.outputs) for part in hidden]
    # Terms of each layer; the bias stands last and is always 1.
    terms = [torch.ones(frames, part.terms) for part in layers]
    scores = torch.zeros(frames, params.outputs, dtype=torch.float64)
    traced = []
    running = torch.ones(frames, dtype=torch.bool)
    decided = np.zeros(frames, dtype=np.int64)
    final = torch.zeros_like(scores)
    for cycle in range(params.length):
        bits = codes > number[cycle]
        for n, part in enumerate(layers):
            terms[n][:, :part.inputs] = bits
            if (n, "streams") in flipped:
                terms[n][:, :part.inputs] = bits ^ torch.as_tensor(flipped[n, "streams"][cycle])
            if bipolar:
                terms[n][:, :part.inputs].mul_(2).sub_(1)
            total = terms[n] @ torch.as_tensor(next(streams[n])).float()
            if (n, "sums") in flipped:
                total = _flip(total, flipped[n, "sums"][cycle], part.sum_format)
            if part.head:
                scores += total
                break
            states[n] = (states[n] + total).clamp_(0, part.states - 1)
            if (n, "states") in flipped:
                states[n] = _flip(states[n], flipped[n, "states"][cycle],
                                  Format(part.state_width, 0, signed=False))
            bits = states[n] >= part.threshold
            ones[n] += bits * running[:, None]
        if trace:
            traced.append(torch.cat([s >= part.threshold
                                     for s, part in zip(states, hidden, strict=True)], 1))
        if params.stop != "never" or cycle == params.length - 1:
            now = running & _decided(params, scores, cycle + 1)
            decided[now.numpy()] = cycle + 1
            final[now] = scores[now]
            running &= ~now
            if not running.any():
                break
    final = final.numpy().astype(np.int64)
    return Result(final.argmax(1), decided, final, [o.numpy().astype(np.int64) for o in ones],
                  torch.stack(traced, 1).numpy() if trace else None)


def _flip(values, flips, form):
    """Whole numbers [frames, outputs] with some bits of their codes inverted."""
    powers = 1 << np.arange(form.width)
    masks = torch.as_tensor(flips.reshape(*values.shape, form.width) @ powers)
    codes = (values.to(torch.int64) ^ masks) & ((1 << form.width) - 1)
    return torch.where(codes > form.maximum, codes - (1 << form.width), codes).float()


def _decided(params, scores, cycles):
    """Whose answer is final after so many cycles; at the end, everyone's."""
    if cycles == params.length:
        return torch.ones(len(scores), dtype=torch.bool)
    if params.outputs == 1:
        return torch.full((len(scores),), params.stop == "certain")
    best = scores.topk(2, dim=1).values
    lead = best[:, 0] - best[:, 1]
    if params.stop == "margin":
        return (lead >= params.margin) & (cycles >= params.earliest)
    return lead > 2 * params.layers[-1].reach * (params.length - cycles)


class Network(Block):
    """A stochastic network (`golden.stochastic.params.NetworkParams`).

    Tensors: ``layers.<n>.weight`` [outputs, inputs], ``layers.<n>.bias`` [outputs].

    Input beats: ``columns`` input codes, in order; output beats as ``params.answer`` says.
    """

    name = "stochastic.network"

    @staticmethod
    def shapes(params):
        return {f"layers.{n}.{name}": shape for n, part in enumerate(params.layers)
                for name, shape in layer_shapes(part).items()}

    def check(self):
        for name, value in self.tensors.items():
            largest = self.params.layers[int(name.split(".")[1])].largest
            if np.abs(value).max() > largest:
                raise ValueError(f"Tensor {name} must lie between {-largest} and {largest}, "
                                 f"not {value.min()}..{value.max()}")

    def weights(self):
        """For every layer int64 [terms, outputs], the bias as last term."""
        out = []
        for n, part in enumerate(self.params.layers):
            weight = self.tensors[f"layers.{n}.weight"]
            if part.bias:
                weight = np.concatenate([weight, self.tensors[f"layers.{n}.bias"][:, None]], 1)
            out.append(weight.T)
        return out

    @property
    def input(self):
        return Stream(self.params.input, self.params.columns)

    @property
    def output(self):
        p = self.params
        if p.answer == "trace":
            return Stream(Format(1, 0, signed=False), p.hidden)
        if p.answer == "scores":
            return Stream(p.score_format)
        if p.answer == "ones":
            return Stream(p.ones_format, p.out_columns)
        return Stream(Format(16, 0, signed=False), 2)

    def codes(self, frames):
        """Frames to input codes [frames, inputs]."""
        return np.stack(frames).reshape(len(frames), -1)[:, :self.params.inputs]

    def simulate(self, frames, *, trace=False):
        return simulate(self.params, self.weights(), self.codes(frames), trace=trace)

    def run(self, frames):
        p = self.params
        result = self.simulate(frames, trace=p.answer == "trace")
        if p.answer == "trace":
            return list(result.trace.astype(np.int64))
        if p.answer == "scores":
            return list(result.scores[:, :, None])
        if p.answer == "ones":
            beats = timing.out_beats(p)
            padded = np.pad(result.ones[-1], ((0, 0), (0, beats * p.out_columns - p.outputs)))
            return list(padded.reshape(len(frames), beats, p.out_columns))
        return list(np.stack([result.classes, result.cycles], 1)[:, None, :])

    def taken(self, frames):
        """The stream cycles of every frame."""
        if self.params.stop == "never":
            return [self.params.length] * len(frames)
        return self.simulate(frames).cycles

    def cycles(self, frames):
        return timing.cycles([self.params], [self.taken(frames)])

    #: All of the network, and those that the hardware works on in a clock cycle.
    synapses = property(lambda self: sum(p.outputs * p.terms for p in self.params.layers))
    lanes = property(lambda self: sum((p.neurons or p.outputs) * (p.synapses or p.terms)
                                      for p in self.params.layers))

    def utilisation(self, frames):
        """Useful synapses over those that the hardware could have worked on."""
        taken = self.taken(frames)
        return float(self.synapses * sum(taken)
                     / (self.lanes * timing.cycles([self.params], [taken])))

    @classmethod
    def random(cls, params, rng):
        tensors = {}
        for name, shape in cls.shapes(params).items():
            part = params.layers[int(name.split(".")[1])]
            # Few large weights, so that sums cross their threshold; the ends of the range as well.
            values = rng.normal(0, part.largest / 3, shape).round()
            values[rng.random(shape) < 0.1] = 0
            tensors[name] = values.clip(-part.largest, part.largest).astype(np.int64)
        return cls(params, tensors)

    def random_frames(self, count, rng):
        return random_frames(self.params, count, rng)


def random_frames(params, count, rng):
    """Input codes up to 1, a fifth of them 0: arrays [words, columns]."""
    most = min(params.input.maximum, 1 << params.input.fraction)
    frames = rng.integers(0, most + 1, (count, params.words, params.columns))
    frames[rng.random(frames.shape) < 0.2] = 0
    return list(frames)
