"""The trainable twin of a network of convolutions: float weights in, integer tensors out.

Every layer is a convolution, batch normalisation, and ReLU but in the last one. First it is trained
as it is. Then, with ``fixed`` set, weights are pruned and rounded, statistics are folded into a
scale and a bias for each filter, and the forward pass is the arithmetic of
`golden.sparse_conv.convolution`, bit by bit; gradients pass straight through what is rounded.

Pruning (`golden.sparse_conv.pruning`) keeps the largest weights of each set: of a layer as a whole,
or of the sets that a dataflow gives one list each, so that all of its lists are as long (``sets``);
the budget is met exactly.

Powers of two: after "Standard Deviation-Based Quantization" (arXiv 2202.12422), of which only the
abstract is known here; the rule is our reconstruction. Ternary: the threshold of "Ternary Weight
Networks" (arXiv 1605.04711), 0.7 of the mean magnitude.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from golden.check import require_type
from golden.sparse_conv.params import NetworkParams

__all__ = ["ConvNetwork", "codes", "keep_largest"]

EPSILON, MOMENTUM = 1e-5, 0.1
#: What training as it is leaves.
FLOATS = ("weight", "gamma", "beta", "mean", "variance", "mask")
#: Weights of powers of two: the largest stands for so many standard deviations.
SPREAD = 2.0
SCALE_WIDTH, BIAS_WIDTH = 16, 32


def _straight(value, replaced):
    """``replaced`` forward; the gradient goes to ``value``."""
    return value + (replaced - value).detach()


def codes(kind, weight):
    """Float weights [filters, ...] to (codes, value of code 1 [filters, 1, 1, 1]).

    A weight that is 0 (pruned) has code 0, but for ``binary``. ``int<k>``: every filter has the
    scale that spans ``min(max |w|, (k / 2 + 0.3) rms)`` of its own weights.
    """
    flat, wide = weight.flatten(1), (-1, 1, 1, 1)
    kept = (flat != 0).sum(1).clamp(min=1)
    if kind.name == "binary":
        return (weight >= 0) * 2.0 - 1, flat.abs().mean(1).reshape(wide)
    if kind.name == "ternary":
        limit = 0.7 * (flat.abs().sum(1) / kept).reshape(wide)
        code = weight.sign() * (weight.abs() > limit)
        used = code.abs().flatten(1).sum(1).clamp(min=1)
        unit = ((weight * code).flatten(1).sum(1) / used).reshape(wide)
        return code, unit.clamp(min=1e-8)
    rms = (flat.square().sum(1) / kept).sqrt()
    if kind.powers:
        unit = (SPREAD * rms / kind.maximum).clamp(min=1e-8).reshape(wide)
        size = (weight / unit).abs()
        # The least power stands for all weights down to half of it, then comes 0.
        exponent = size.clamp(min=1).log2().round().clamp(max=math.log2(kind.maximum))
        return weight.sign() * (size >= 0.5) * exponent.exp2(), unit
    span = torch.minimum(flat.abs().amax(1), (0.5 * kind.bits + 0.3) * rms)
    unit = (span / kind.maximum).clamp(min=1e-8).reshape(wide)
    return (weight / unit).round().clamp(-kind.maximum, kind.maximum), unit


def keep_largest(weight, share, sets=None):
    """Mask of the largest magnitudes: of each set the same number, ``share`` of it, rounded.

    sets: int64 [count, size], flat indices of the weights of each set; all weights are one without

    Errors: ValueError where no weight of a set would be left.
    """
    flat = weight.detach().abs().flatten()
    sets = torch.arange(len(flat))[None] if sets is None else torch.as_tensor(sets)
    count = round(float(share) * sets.shape[1])
    if count < 1:
        raise ValueError(f"Pruning must leave at least one of the {sets.shape[1]} weights of a "
                         f"unit, not {share:g} of them (at least {0.5 / sets.shape[1]:.3g})")
    mask = torch.zeros_like(flat)
    order = flat[sets].argsort(dim=1, descending=True, stable=True)[:, :count]
    mask[sets.gather(1, order)] = 1
    return mask.reshape(weight.shape)


class Layer(nn.Module):
    """One convolution; see the module."""

    def __init__(self, params, generator):
        super().__init__()
        self.params = params
        shape = (params.filters, params.channels, params.kernel, params.kernel)
        self.weight = nn.Parameter(
            torch.randn(shape, generator=generator) * math.sqrt(2 / params.terms))
        self.gamma = nn.Parameter(torch.ones(params.filters))
        self.beta = nn.Parameter(torch.zeros(params.filters))
        self.register_buffer("mean", torch.zeros(params.filters))
        self.register_buffer("variance", torch.ones(params.filters))
        self.register_buffer("mask", torch.ones(shape))
        #: Importances that pruning learns, and what makes a soft mask of them: see `pruning`.
        self.register_parameter("score", None)
        self.soft = None
        self.register_buffer("shift", torch.zeros((), dtype=torch.int64))
        for name in FLOATS:  # as they were before they were pruned and rounded
            self.register_buffer(f"float_{name}", getattr(self, name).detach().clone())

    def affine(self, unit):
        """Real (scale, bias) [filters] from sums of codes to the output's code, by frozen
        statistics; ``unit``: value of weight code 1."""
        p = self.params
        scale = self.gamma * torch.rsqrt(self.variance + EPSILON)
        bias = self.beta - self.mean * scale
        return (scale * unit.flatten() * p.input.resolution / p.output.resolution,
                bias / p.output.resolution)

    @torch.no_grad()
    def connect(self, mask):
        """Have these connections alone from now on, and as large sums as with all."""
        self.mask.copy_(torch.as_tensor(mask))
        self.weight.mul_(self.mask.mean() ** -0.5)

    def kept(self):
        """The weights that stay."""
        return self.weight * (self.mask if self.soft is None else self.soft())

    def forward(self, x):
        """Real maps to real maps."""
        p = self.params
        total = functional.conv2d(x, self.kept(), stride=p.stride, padding=p.padding)
        y = functional.batch_norm(total, self.mean, self.variance, self.gamma, self.beta,
                                  self.training, MOMENTUM, EPSILON)
        return self.pooled(y.relu() if p.relu else y)

    def pooled(self, y):
        return functional.max_pool2d(y, 2) if self.params.pool == 2 else y

    def weights(self):
        """(Weight codes, value of code 1); gradients pass through the rounding."""
        kept = self.kept()
        code, unit = codes(self.params.kind, kept.detach())
        return _straight(kept / unit, code), unit

    def integers(self, unit):
        """Scale and bias as the hardware has them, as reals; likewise."""
        scale, bias = self.affine(unit)
        most = (1 << SCALE_WIDTH - 1) - 1
        step, largest = 2.0**-int(self.shift), (1 << BIAS_WIDTH - 1) - 1
        return (_straight(scale, (scale / step).round().clamp(-most, most) * step),
                _straight(bias, (bias / step).round().clamp(-largest, largest) * step))

    @torch.no_grad()
    def follow(self, total, unit):
        """Take the statistics of sums of codes."""
        variance, mean = torch.var_mean(total, (0, 2, 3))
        unit = unit.flatten() * self.params.input.resolution
        self.mean.copy_(mean * unit)
        self.variance.copy_(variance * unit.square())
        self.choose_shift()

    @torch.no_grad()
    def choose_shift(self):
        """So many fraction bits of scale and bias that both fit."""
        _, unit = codes(self.params.kind, self.kept())
        scale, bias = self.affine(unit)
        room = min(math.log2(((1 << SCALE_WIDTH - 2) - 1) / float(scale.abs().max().clamp(1e-9))),
                   math.log2(((1 << BIAS_WIDTH - 2) - 1) / float(bias.abs().max().clamp(1e-9))))
        self.shift.fill_(min(40, max(0, math.floor(room))))

    def exact(self, x, follow=False):
        """Codes to codes, as the hardware has them, in doubles; ``follow``: with the statistics of
        these very sums, from now on."""
        p = self.params
        weight, unit = self.weights()
        # Sums of codes fit single floats, and these have the faster convolution.
        kind = torch.float32 if p.sum_width <= 25 else torch.float64
        total = functional.conv2d(x.to(kind), weight.to(kind), stride=p.stride,
                                  padding=p.padding).double()
        if follow:
            self.follow(total, unit)
        scale, bias = self.integers(unit)
        y = total * scale.double()[:, None, None] + bias.double()[:, None, None]
        if p.relu:
            y = y.relu()
        limited = y.clamp(p.output.minimum, p.output.maximum)
        # Half a step of the last bit: rounding half up, as `golden.formats.requantise` does.
        rounded = (y.detach() + 0.5).floor().clamp(p.output.minimum, p.output.maximum)
        return self.pooled(_straight(limited, rounded))


class ConvNetwork(nn.Module):
    """Convolutions that train; see the module.

    params: `NetworkParams`; scale_width, bias_width and shift are chosen here
    seed:   of the first weights
    """

    def __init__(self, params, seed=0):
        super().__init__()
        require_type("Network parameters", params, NetworkParams)
        self.params, self.fixed = params, False
        generator = torch.Generator().manual_seed(seed)
        self.layers = nn.ModuleList(Layer(layer, generator) for layer in params.layers)

    def forward(self, x):
        """Input codes [batch, channels, height, width] to outputs [batch, filters, ...]: reals
        when trained as it is, codes times their resolution when ``fixed``."""
        if not self.fixed:
            x = x.float() * self.params.first.input.resolution
            for layer in self.layers:
                x = layer(x)
            return x
        x = x.double()
        for layer in self.layers:
            x = layer.exact(x)
        return x * self.params.last.output.resolution

    @torch.no_grad()
    def keep_float(self):
        """Remember the network as it is."""
        for layer in self.layers:
            for name in FLOATS:
                getattr(layer, f"float_{name}").copy_(getattr(layer, name))

    @torch.no_grad()
    def floats(self):
        """The network that `keep_float` remembers."""
        network = ConvNetwork(self.params)
        for layer, own in zip(network.layers, self.layers, strict=True):
            for name in FLOATS:
                getattr(layer, name).copy_(getattr(own, f"float_{name}"))
        network.keep_float()
        return network.eval()

    @torch.no_grad()
    def fix(self, x=None):
        """From here on the network is the one that is built; with statistics as its weights, pruned
        and rounded as they are now, make them of input codes ``x``."""
        self.fixed = True
        for layer in self.layers:
            layer.choose_shift()
            if x is not None:
                x = layer.exact(x.double(), follow=True)

    @torch.no_grad()
    def quantise(self):
        """``(NetworkParams, tensors)``: ``layers.0.weight`` and so on."""
        layers, tensors = [], {}
        for n, layer in enumerate(self.layers):
            weight, unit = layer.weights()
            scale, bias = layer.integers(unit)
            shift = int(layer.shift)
            own = {"weight": weight, "scale": scale * 2.0**shift,
                   "bias": bias.double() * 2.0**shift}
            tensors |= {f"layers.{n}.{name}": np.rint(value.double().numpy()).astype(np.int64)
                        for name, value in own.items()}
            layers.append(layer.params.replace(scale_width=SCALE_WIDTH, bias_width=BIAS_WIDTH,
                                               shift=shift))
        return NetworkParams(tuple(layers)), tensors
