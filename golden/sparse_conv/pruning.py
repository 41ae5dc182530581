"""Ways to prune a network while it is tuned: what `golden.sparse_conv.tasks.fit` calls.

A way has two steps: ``prepare`` before the optimizer is made, and ``step`` at the start of an epoch
with the part of the way that is done, up to 1; the last step, and nothing after it, decides what
stays. Every way meets its budget exactly.

Sources: the schedule, Zhu and Gupta, "To Prune, or Not to Prune" (arXiv 1710.01878). `Transport`:
Li et al., "Differentiable Transportation Pruning", ICCV 2023 (arXiv 2307.08483): importance scores
that are learnt, and masks that are the optimal transport of the scores to as many ones and zeros as
the budget has, smoothed by an entropy. Ours: that the transport is solved to the end in every step
(the paper makes one Sinkhorn iteration), that a score is the weight's magnitude and what is learnt
on top of it, that the budget falls to the last one by the schedule of `Magnitude`, and the
temperatures.
"""

import math

import torch

from golden.sparse_conv.patterns import prune_to_patterns
from golden.sparse_conv.trainable import keep_largest

__all__ = ["Magnitude", "Patterns", "Transport", "soft_mask"]

#: First and last temperature of `Transport`, in units of the scores' root mean square.
WARM, COLD = 0.5, 0.02
#: Halvings of the interval that a set's threshold is sought in.
HALVINGS = 40


def _cubic(done):
    """Of what is to be pruned, the share that is by now."""
    return 1 - (1 - done) ** 3


class Magnitude:
    """The largest weights of each set stay.

    shares: of the weights that stay, of each layer; 1 for a layer that is not pruned
    sets:   of each layer the flat indices of the weights of each set, int64 [count, size], or None
            for one set of all
    """

    def __init__(self, shares, sets):
        self.shares, self.sets = shares, sets

    def prepare(self, network):
        """Add what is learnt besides."""

    def step(self, network, done):
        """Set the masks."""
        for layer, share, own in self._pruned(network, done):
            layer.mask.copy_(keep_largest(layer.weight, share, own))

    def _pruned(self, network, done):
        """The layers that are pruned, each with what stays by now and its sets."""
        return [(layer, 1 - (1 - share) * _cubic(done), own) for layer, share, own in zip(
            network.layers, self.shares, self.sets, strict=True) if share < 1]


class Transport(Magnitude):
    """Weights with the largest scores stay, to which something is learnt besides their magnitude:
    as long as a mask is soft, it lets a gradient through. Of each set it adds up to what stays."""

    def prepare(self, network):
        for layer, _, _ in self._pruned(network, 0):
            layer.score = torch.nn.Parameter(torch.zeros_like(layer.weight))

    def step(self, network, done):
        temperature = WARM * (COLD / WARM) ** done
        for layer, share, own in self._pruned(network, done):
            layer.soft = None if done >= 1 else (
                lambda layer=layer, share=share, own=own: soft_mask(
                    _scores(layer), share, temperature, own))
            scores = _scores(layer).detach()
            layer.mask.copy_(keep_largest(scores - scores.amin(), share, own))


def _scores(layer):
    """In units of the root mean square that the weights had before they were pruned."""
    return layer.score + layer.weight.abs() / layer.float_weight.square().mean().sqrt().clamp(
        min=1e-9)


class Patterns:
    """Every kernel of the layers between the first and the last keeps ``kept`` taps, in one of a
    layer's ``patterns`` patterns (`golden.sparse_conv.patterns.prune_to_patterns`)."""

    def __init__(self, kept, patterns):
        self.kept, self.patterns = kept, patterns

    def prepare(self, network):
        """Nothing is learnt besides."""

    def step(self, network, done):
        for layer in network.layers[1:-1]:
            taps = layer.params.taps
            kept = taps - round((taps - self.kept) * _cubic(done))
            pruned, _ = prune_to_patterns(
                torch.where(layer.weight == 0, 1e-30, layer.weight).detach().numpy(), kept,
                min(self.patterns, math.comb(taps, kept)))
            layer.mask.copy_(torch.as_tensor(pruned != 0))


class _Transport(torch.autograd.Function):
    """Scores [sets, size] to masks; the threshold follows the scores, so that sums stay."""

    @staticmethod
    def forward(ctx, score, count, temperature):
        low = score.amin(1, keepdim=True) - 40 * temperature
        high = score.amax(1, keepdim=True) + 40 * temperature
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            more = ((score - middle) / temperature).sigmoid().sum(1, keepdim=True) > count
            low, high = torch.where(more, middle, low), torch.where(more, high, middle)
        mask = ((score - (low + high) / 2) / temperature).sigmoid()
        ctx.save_for_backward(mask)
        ctx.temperature = temperature
        return mask

    @staticmethod
    def backward(ctx, grad):
        mask, = ctx.saved_tensors
        slope = mask * (1 - mask) / ctx.temperature
        mean = (slope * grad).sum(1, keepdim=True) / slope.sum(1, keepdim=True).clamp(min=1e-30)
        return slope * (grad - mean), None, None


def soft_mask(score, share, temperature, sets=None):
    """Masks between 0 and 1 that add up to ``share`` of each set, rounded, and that the scores get
    gradients through: they transport the scores to ones and zeros at the least cost, less
    ``temperature`` times the entropy. Towards temperature 0 they become `keep_largest`'s.

    score: float tensor; sets: int64 [count, size], flat indices that part it, or None for one set
    """
    sets = (torch.arange(score.numel())[None] if sets is None else torch.as_tensor(sets))
    count = round(float(share) * sets.shape[1])
    made = _Transport.apply(score.flatten()[sets].double(), count, temperature)
    flat = torch.zeros(score.numel(), dtype=made.dtype).index_put((sets.flatten(),),
                                                                  made.flatten())
    return flat.reshape(score.shape).to(score.dtype)
