"""A network that was trained elsewhere, as parameters and integer tensors."""

import numpy as np
import torch
from torch import nn

from golden.formats import Format
from golden.stochastic.params import Generators, LayerParams, NetworkParams
from golden.stochastic.tasks import fit
from golden.stochastic.trainable import StochasticNetwork
from golden.training import Samples

__all__ = ["from_torch"]

#: Change nothing, or nothing but the scale of all scores.
_IGNORED = (nn.Flatten, nn.Identity, nn.Dropout, nn.Softmax, nn.LogSoftmax)


def from_torch(source, x, y=None, *, m=1, weight_bits=6, length=256, input=None, kind="net",
               inputs=1, weights=8, tune=8, batch=32, rate=1e-3, seed=0, progress=None,
               **arguments):
    """``(NetworkParams, tensors)`` of a trained ``nn.Sequential``, for `golden.modelfile.save` and
    `golden.stochastic.network.Network`.

    source:  ``Linear`` layers with ``Sigmoid`` or ``Tanh`` between them, and none behind the last,
             whose largest output is the class; ``Flatten``, ``Dropout``, ``Softmax`` do no harm
    x:       inputs to measure on, real values in 0..1 [count, ...] (a hundred do): the states of
             each hidden layer are chosen by the variance of its sums
    y:       their classes, to tune on: the forward pass is then the exact streams
    m, weight_bits: of every layer
    length:  stream cycles
    input:   format of the inputs, u8.8 when not given
    kind, inputs, weights: of the number generators; how many the inputs and a layer's weights share
    tune, batch, rate, seed, progress: of the tuning, as `golden.stochastic.tasks.fit` has them
    arguments: every other field of `NetworkParams`

    Each layer's scale is the power of two that rounds its weights with the least squared error;
    weights beyond it are clipped. A Tanh becomes a Sigmoid: tanh z = 2 sigmoid(2 z) - 1.

    Errors: TypeError for a source of another kind; ValueError for a layer that a stochastic network
    does not have, and for inputs beyond 0..1.
    """
    matrices = _matrices(source)
    code = Format(8, 8, signed=False) if input is None else input
    x = torch.as_tensor(x).flatten(1).float()
    if len(x) == 0 or x.shape[1] != len(matrices[0]) - 1:
        raise ValueError(f"Inputs x must be [count, {len(matrices[0]) - 1}], "
                         f"not {list(x.shape)}")
    if not (x.min() >= 0 and x.max() <= 1):
        raise ValueError("Inputs x must lie between 0 and 1, "
                         f"not {x.min().item():g}..{x.max().item():g}: scale them")
    layers = tuple(
        LayerParams(len(matrix) - 1, matrix.shape[1], m=m, weight_bits=weight_bits,
                    states=0 if n == len(matrices) - 1 else 16,
                    w=Generators(kind, weights, seed=n + 1))
        for n, matrix in enumerate(matrices))
    params = NetworkParams(layers, length, code, Generators(kind, inputs, seed=0), **arguments)
    network = StochasticNetwork(params, [_scale(matrix, weight_bits) for matrix in matrices])
    with torch.no_grad():
        for weight, matrix in zip(network.weights, matrices, strict=True):
            weight.copy_(matrix[None])
    network.clip()
    codes = torch.as_tensor(code.quantise(x))
    everything = np.arange(len(x))
    labels = torch.zeros(len(x), dtype=torch.int64) if y is None else torch.as_tensor(y).long()
    if len(labels) != len(x):
        raise ValueError(f"Classes y must be as many as inputs ({len(x)}), not {len(labels)}")
    data = Samples(codes, labels, ((everything, everything),), "the data given")
    fit(network, data, seeds=(seed,), epochs=0, tune=0 if y is None else tune,
        batch=min(batch, len(x)), tune_rate=rate, progress=progress)
    return network.quantise()


def _matrices(source):
    """Each Linear as [inputs + 1, outputs], the bias as last row, behind sigmoids alone."""
    if not isinstance(source, nn.Sequential):
        raise TypeError(f"Source must be an nn.Sequential, not {type(source).__name__}")
    matrices, between = [], []
    for module in _flat(source):
        if isinstance(module, nn.Linear):
            bias = torch.zeros(module.out_features) if module.bias is None else module.bias
            matrices.append(torch.cat([module.weight.T, bias[None]]).detach().to("cpu").float())
            between.append(None)
        elif isinstance(module, (nn.Sigmoid, nn.Tanh)) and between and between[-1] is None:
            between[-1] = type(module)
        elif not isinstance(module, _IGNORED):
            raise ValueError("A network must be of Linear, each but the last followed by one "
                             f"Sigmoid or Tanh, not {type(module).__name__} (a stochastic neuron "
                             "saturates: train with Sigmoid or Tanh)")
    if not matrices:
        raise ValueError("A network must have a Linear, this one has none")
    if between[-1] is not None:
        raise ValueError("A network's last Linear must be its output, "
                         f"not followed by {between[-1].__name__}")
    for n, (kind, after) in enumerate(zip(between, matrices[1:], strict=False)):
        if kind is None:
            raise ValueError("A network's Linear must be followed by Sigmoid or Tanh, "
                             "not by another Linear")
        if kind is nn.Tanh:
            matrices[n] = 2 * matrices[n]
            after[-1] -= after[:-1].sum(0)
            after[:-1] *= 2
    return matrices


def _flat(module):
    for child in module:
        yield from _flat(child) if isinstance(child, nn.Sequential) else [child]


def _scale(matrix, weight_bits):
    """The power of two whose codes have the least squared error."""
    largest = float(matrix.abs().max().clamp(min=2.0**-20).log2().ceil())
    scales = [2.0 ** (largest - step) for step in range(4)]

    def error(scale):
        code = (matrix / scale * 2**weight_bits).round().clamp(-2**weight_bits, 2**weight_bits)
        return float((code * scale / 2**weight_bits - matrix).square().sum())

    return min(scales, key=error)
