"""A trainable network of sigmoid neurons, in real arithmetic or as the streams make it.

A hidden neuron's FSM sees S, of mean mu and variance s2 a stream cycle, and its bit is 1 with a
probability near ``sigmoid(states * mu / s2)``. Real weights are ``scale * code / 2**weight_bits``,
so ``mu = m / scale * z`` for a weighted sum z; the neuron is the sigmoid of z where

    states = s2 * scale / m

which is the rule here: s2 is measured, in the exact simulation, on the training data. Neither the
inputs' number generators nor their sharing need be known for it. It is the variance of S added up
over a few cycles, by cycle: evenly spread numbers make up for each other, and S wanders less than
its variance in single cycles says.
"""

import numpy as np
import torch
from torch import nn

from golden.check import require_int
from golden.stochastic import numbers

__all__ = ["StochasticNetwork", "even", "variance", "with_states"]


#: Stream cycles over which S is added up for its variance.
WINDOW = 8


def even(states):
    """To the nearest even number of states, at least 2."""
    return max(2, 2 * round(float(states) / 2))


def variance(params, weight, x):
    """Variance of S in a stream cycle if all streams were independent: [..., frames, outputs].

    weight: [..., terms, outputs] in -1..1; x [..., frames, terms] in 0..1, the bias as last term
    """
    square, m = weight.square(), params.m
    if params.product == "and":
        # The m streams of a weight meet the same bit of the input.
        ones = x @ weight.abs() if params.coding == "sign" else x.sum(-1, keepdim=True)
        return m * (ones + (m - 1) * (x @ square) - m * (x.square() @ square))
    value = 2 * x - 1
    return m * (x.shape[-1] + (m - 1) * square.sum(-2, keepdim=True)
                - m * (value.square() @ square))


class StochasticNetwork(nn.Module):
    """Trains what `NetworkParams` describes; `quantise` gives its tensors.

    params:  all but the states, which are found by training
    scales:  for each layer a power of two: real weights lie within -scale .. scale
    seeds:   one member is initialised from each; members train side by side

    In training ``fixed`` chooses the forward pass: real weights and sigmoids, or weights rounded to
    their codes and the exact streams, bit by bit. The gradient is in both cases that of sigmoids,
    with the slope that states and variance give them, and rounding is straight-through.
    """

    def __init__(self, params, scales, *, seeds=(0,)):
        super().__init__()
        if len(scales) != len(params.layers):
            raise ValueError(f"Scales must be as many as layers ({len(params.layers)}), "
                             f"not {len(scales)}")
        for scale in scales:
            if scale <= 0 or np.frexp(scale)[0] != 0.5:
                raise ValueError(f"Scale must be a power of two, not {scale!r}")
        self.params, self.scales = params, tuple(float(scale) for scale in scales)
        self.fixed = False
        members = len(seeds)
        self.weights = nn.ParameterList(
            torch.zeros(members, part.terms, part.outputs) for part in params.layers)
        for member, seed in enumerate(seeds):
            require_int("Network seed", seed, 0)
            generator = torch.Generator().manual_seed(seed)
            for part, weight in zip(params.layers, self.weights, strict=True):
                with torch.no_grad():
                    weight[member, :part.inputs].normal_(
                        0, 2 / part.inputs**0.5, generator=generator)
        self.clip()
        #: States of each hidden layer, and variance of S over that of independent streams.
        hidden = len(params.layers) - 1
        self.register_buffer("states", torch.full((hidden, members), 16.0))
        self.register_buffer("sharing", torch.ones(hidden, members))
        #: The weights as they were before tuning, for the comparison.
        for n, weight in enumerate(self.weights):
            self.register_buffer(f"float_{n}", torch.zeros_like(weight))
        self._tables = [torch.as_tensor(numbers.streams(
            params.x, params.inputs, params.input.fraction, params.length)).float()]
        self._tables += [
            torch.as_tensor(numbers.streams(part.w, part.m * part.terms, part.width, params.length)
                            ).float().reshape(params.length, part.terms, part.m)
            for part in params.layers]

    members = property(lambda self: len(self.weights[0]))

    def clip(self):
        """After an optimiser's step: weights back into -scale .. scale."""
        with torch.no_grad():
            for weight, scale in zip(self.weights, self.scales, strict=True):
                weight.clamp_(-scale, scale)

    def keep_float(self):
        """Remember the weights as those of the float network."""
        for n, weight in enumerate(self.weights):
            getattr(self, f"float_{n}").copy_(weight.detach())

    @torch.no_grad()
    def float_logits(self, x):
        """Logits of the float network that `keep_float` remembers."""
        weights = [getattr(self, f"float_{n}") / scale for n, scale in enumerate(self.scales)]
        return self._forward(x, weights, None)

    def codes(self, n):
        """Layer ``n``'s weights as whole numbers [members, terms, outputs]."""
        return (self.weights[n].detach() / self.scales[n] * self.params.layers[n].largest).round()

    def forward(self, x):
        """Input codes [members, batch, inputs] to logits [members, batch, outputs]."""
        weights = [weight / scale for weight, scale in zip(self.weights, self.scales, strict=True)]
        if not self.fixed:
            return self._forward(x, weights, None)
        weights = [weight + (self.codes(n) / part.largest - weight).detach()
                   for n, (part, weight) in enumerate(zip(self.params.layers, weights,
                                                          strict=True))]
        return self._forward(x, weights, self.simulate(x))

    def _forward(self, x, weights, exact):
        value = (x.float() * self.params.input.resolution).clamp(max=1)
        for n, (part, scale, weight) in enumerate(zip(self.params.layers, self.scales, weights,
                                                      strict=True)):
            terms = _with_bias(part, value)
            z = scale * ((2 * terms - 1 if part.product == "xnor" else terms) @ weight)
            if not exact:
                value = z.sigmoid()
            elif not part.head:
                with torch.no_grad():
                    s2 = variance(part, weight, terms) * self.sharing[n, :, None, None]
                    slope = self.states[n, :, None, None] * part.m / scale / s2.clamp(min=1e-3)
                value = (z * slope).sigmoid()
                value = value + (exact[0][n] - value).detach()
        if exact:
            z = z + (exact[1] * scale / part.m / self.params.length - z).detach()
        return z

    @torch.no_grad()
    def simulate(self, x, *, moments=False):
        """The exact streams of input codes [members, batch, inputs].

        Returns ``(ones, scores, moments)``: for each hidden layer the share of ones in its stream
        [members, batch, outputs]; the head's scores; and, if asked for, for each layer the variance
        of S a stream cycle, measured and as if streams were independent [2, members].
        """
        layers, length = self.params.layers, self.params.length
        codes = [self.codes(n) for n in range(len(layers))]
        signs = [code.sign() if part.coding == "sign" else None
                 for code, part in zip(codes, layers, strict=True)]
        magnitudes = [code.abs() if part.coding == "sign" else code + part.largest
                      for code, part in zip(codes, layers, strict=True)]
        x = x.float()
        shape = x.shape[:2]
        terms = [torch.ones(*shape, part.terms) for part in layers]
        counts = [torch.zeros(*shape, part.outputs) for part in layers]
        squares = [torch.zeros(*shape, part.outputs) for part in layers]
        sums = [torch.zeros(*shape, part.outputs) for part in layers]
        window = [torch.zeros_like(total) for total in sums]
        halves = [(n // 2)[:, None, None] for n in self.states]
        states = [half.expand_as(count).clone()
                  for half, count in zip(halves, counts, strict=False)]
        for cycle in range(length):
            bits = _above(x, self._tables[0][cycle])
            for n, part in enumerate(layers):
                terms[n][..., :part.inputs] = bits
                if part.product == "xnor":
                    terms[n][..., :part.inputs].mul_(2).sub_(1)
                number = self._tables[n + 1][cycle]
                ones = _above(magnitudes[n], number[:, :1])
                for k in range(1, part.m):
                    ones += _above(magnitudes[n], number[:, k:k + 1])
                ones = ones.mul_(signs[n]) if part.coding == "sign" else ones.mul_(2).sub_(part.m)
                total = torch.bmm(terms[n], ones)
                if moments:
                    sums[n] += total
                    window[n] += total
                    if cycle % WINDOW == WINDOW - 1 or cycle == length - 1:
                        squares[n] += window[n].square()
                        window[n].zero_()
                if part.head:
                    counts[n] += total
                    break
                states[n] = torch.minimum((states[n] + total).clamp_(min=0),
                                          self.states[n, :, None, None] - 1)
                bits = states[n] >= halves[n]
                counts[n] += bits
        ones = [count / length for count in counts[:-1]]
        found = None
        if moments:
            value, found = (x * self.params.input.resolution).clamp(max=1), []
            for n, part in enumerate(layers):
                mean = sums[n] / length
                whole, rest = divmod(length, WINDOW)
                measured = (squares[n] - (whole * WINDOW**2 + rest**2) * mean.square()) / length
                alone = variance(part, codes[n] / part.largest, _with_bias(part, value))
                found.append(torch.stack([measured.mean((1, 2)), alone.mean((1, 2))]))
                value = None if part.head else ones[n]
        return ones, counts[-1], found

    def choose_states(self, x):
        """Set every hidden layer's states by the rule, first to last, measured on ``x``."""
        for n, part in enumerate(self.params.layers[:-1]):
            measured, alone = self.simulate(x, moments=True)[2][n]
            wanted = measured * self.scales[n] / part.m
            self.states[n] = torch.tensor([even(states) for states in wanted])
            self.sharing[n] = measured / alone.clamp(min=1e-9)

    def quantise(self, member=0):
        """``(NetworkParams, tensors)`` of one member."""
        require_int("Network member", member, 0, self.members - 1)
        layers, tensors = [], {}
        for n, part in enumerate(self.params.layers):
            code = self.codes(n)[member].T.to(torch.int64).numpy()
            tensors[f"layers.{n}.weight"] = code[:, :part.inputs]
            if part.bias:
                tensors[f"layers.{n}.bias"] = code[:, -1]
            states = 0 if part.head else int(self.states[n, member])
            layers.append(with_states(part, states))
        return self.params.replace(layers=tuple(layers)), tensors


def _above(code, number):
    """1.0 where the one whole number is above the other, else 0.0; faster than to compare."""
    return (code - number).clamp_(0, 1)


def with_states(part, states):
    """A layer's parameters with other states; threshold and start in the middle."""
    return part.replace(states=states, threshold=None, start=None)


def _with_bias(part, value):
    return nn.functional.pad(value, (0, 1), value=1.0) if part.bias else value
