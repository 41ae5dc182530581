"""A network of convolutions that was trained elsewhere, as parameters and integer tensors."""

import math

import numpy as np
import torch
from torch import nn

from golden.formats import Format
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.sparse_conv.pruning import Magnitude
from golden.sparse_conv.tasks import fit, keep, unit_sets
from golden.sparse_conv.trainable import EPSILON, ConvNetwork
from golden.training import Samples

__all__ = ["from_torch"]

#: Change nothing, or nothing but the scale of all scores.
_IGNORED = (nn.Identity, nn.Dropout, nn.Dropout2d, nn.Softmax, nn.LogSoftmax)
#: Samples on which the range of a layer's map is measured, and the share of it that fits.
MEASURED, INSIDE = 256, 0.999


def from_torch(source, x, y=None, *, weights="int8", bits=8, input=None, share=1.0, units=1,
               tune=10, batch=32, rate=1e-3, seed=0, progress=None):
    """``(NetworkParams, tensors)`` of a trained ``nn.Sequential``, tensors named
    ``layers.0.weight`` and so on.

    source:  ``Conv2d`` (one height and width of kernel, stride and padding, one group), each
             followed as one likes by ``BatchNorm2d``, ``ReLU``, ``MaxPool2d(2)``; then ``Flatten``
             and ``Linear`` layers; ``Dropout`` does no harm
    x:       real inputs [count, channels, height, width], from 0 on, to measure and to tune on
    y:       their classes, to tune on: without them nothing is tuned
    weights: kind of all weights; bits: of the maps between layers
    input:   format of the inputs: 8 bits that hold the largest one, when not given
    share, units: of the weights that stay, in all but the first and the last layer, and the sets
             that they are pruned in, as `golden.sparse_conv.tasks.Task` has them
    tune, batch, rate, seed, progress: of the tuning, as `golden.sparse_conv.tasks.fit` has them

    Errors: TypeError for a source of another kind; ValueError for a layer that hardware does not
    have, and for inputs below 0.
    """
    if not isinstance(source, nn.Sequential):
        raise TypeError(f"Source must be an nn.Sequential, not {type(source).__name__}")
    x = torch.as_tensor(x).float()
    if x.dim() != 4 or len(x) == 0:
        raise ValueError("Inputs x must be [count, channels, height, width], "
                         f"not {list(x.shape)}")
    if not x.min() >= 0:
        raise ValueError(f"Inputs x must be at least 0, not {x.min().item():g}: shift them")
    code = _format(x, 8) if input is None else input
    layers, values = _layers(source, x[:MEASURED], code, weights, bits)
    params = NetworkParams(tuple(layers))
    network = ConvNetwork(params, seed)
    with torch.no_grad():
        for layer, given in zip(network.layers, values, strict=True):
            for name, value in given.items():
                getattr(layer, name).copy_(value)
    codes = torch.as_tensor(code.quantise(x)).long()
    labels = torch.zeros(len(x), dtype=torch.int64) if y is None else torch.as_tensor(y).long()
    if len(labels) != len(x):
        raise ValueError(f"Classes y must be as many as inputs ({len(x)}), not {len(labels)}")
    everything = np.arange(len(x))
    data = Samples(codes, labels, ((everything, everything),), "the data given")
    shares = keep(params, share)
    pruning = Magnitude(shares, unit_sets(params, shares, units))
    if y is None:
        pruning.step(network, 1)
        network.eval().fix()
    else:
        fit(network, data, seed=seed, epochs=0, tune=tune, batch=min(batch, len(x)),
            tune_rate=rate, pruning=pruning, progress=progress)
    return network.quantise()


def _format(values, bits, signed=False):
    """The format of ``bits`` bits that holds nearly all values."""
    flat = values.abs().flatten()
    largest = float(flat.sort().values[max(0, math.ceil(INSIDE * len(flat)) - 1)])
    whole = math.ceil(math.log2(max(largest, 2.0**-16)))
    return Format(bits, bits - signed - whole, signed)


@torch.no_grad()
def _layers(source, x, code, weights, bits):
    """`ConvParams` of each convolution, and the values that its trainable twin begins with."""
    groups = _groups(source)
    layers, values = [], []
    for n, (module, norm, relu, pool) in enumerate(groups):
        given = _values(module, norm, x.shape)
        size = {"channels": x.shape[1], "height": x.shape[2], "width": x.shape[3]}
        conv = isinstance(module, nn.Conv2d)
        kernel = given["weight"].shape[2]
        stride, padding = (module.stride[0], module.padding[0]) if conv else (1, 0)
        if not conv and x.shape[2] != x.shape[3]:
            raise ValueError("A network's first Linear must follow a map as high as wide, "
                             f"not {x.shape[2]} x {x.shape[3]}")
        total = torch.nn.functional.conv2d(x, given["weight"], stride=stride, padding=padding)
        scale = given["gamma"] * torch.rsqrt(given["variance"] + EPSILON)
        x = (total - given["mean"][:, None, None]) * scale[:, None, None] + (
            given["beta"][:, None, None])
        x = x.relu() if relu else x
        x = torch.nn.functional.max_pool2d(x, 2) if pool else x
        last = n == len(groups) - 1
        made = _format(x, 12 if last else bits, signed=not relu)
        layers.append(ConvParams(
            **size, filters=len(given["weight"]), kernel=kernel, stride=stride, padding=padding,
            pool=2 if pool else 1, relu=relu, weights=weights, input=code, output=made))
        values.append(given)
        code = made
    return layers, values


def _groups(source):
    """(convolution or Linear, its BatchNorm2d or None, whether ReLU, whether pooled), in order."""
    groups, flat = [], False
    for module in _flat(source):
        before = groups[-1] if groups else None
        if isinstance(module, nn.Conv2d) and not flat:
            _check_conv(module)
            groups.append([module, None, False, False])
        elif isinstance(module, nn.Linear) and flat:
            groups.append([module, None, False, False])
        elif isinstance(module, nn.Flatten) and before and not flat:
            flat = True
        elif isinstance(module, nn.BatchNorm2d) and before and before[1:] == [None, False, False]:
            before[1] = module
        elif isinstance(module, nn.ReLU) and before and not before[2]:
            before[2] = True
        elif isinstance(module, nn.MaxPool2d) and before and not (flat or before[3]):
            if (module.kernel_size, module.stride, module.padding, module.ceil_mode) not in (
                    (2, 2, 0, False), ((2, 2), (2, 2), 0, False)):
                raise ValueError("A network's MaxPool2d must be MaxPool2d(2), "
                                 f"not {module}")
            before[3] = True
        elif not isinstance(module, _IGNORED):
            raise ValueError("A network must be of Conv2d, each followed as one likes by "
                             "BatchNorm2d, ReLU and MaxPool2d(2), then Flatten and Linear, not "
                             f"{type(module).__name__} in this place")
    if not groups:
        raise ValueError("A network must have a Conv2d, this one has none")
    return [tuple(group) for group in groups]


def _check_conv(module):
    same = all(len(set(pair)) == 1 for pair in (module.kernel_size, module.stride)) and (
        not isinstance(module.padding, str) and len(set(module.padding)) == 1)
    if not same or module.groups != 1 or set(module.dilation) != {1} or (
            module.padding_mode != "zeros"):
        raise ValueError("A network's Conv2d must have one height and width of kernel, stride and "
                         f"padding, one group, no dilation, and zeros as padding, not {module}")


def _values(module, norm, shape):
    """Weight, statistics and affine of a layer, its own bias among them."""
    weight = module.weight.detach().float()
    if isinstance(module, nn.Linear):
        # Flatten puts channels first, then rows, then columns.
        weight = weight.reshape(len(weight), shape[1], shape[2], shape[3])
    zero, one = torch.zeros(len(weight)), torch.ones(len(weight))
    bias = zero if module.bias is None else module.bias.detach().float()
    if norm is None:
        return {"weight": weight, "mean": zero, "variance": one - EPSILON, "gamma": one,
                "beta": bias}
    gamma, beta = (one, zero) if norm.weight is None else (
        norm.weight.detach(), norm.bias.detach())
    return {"weight": weight, "mean": norm.running_mean - bias,
            "variance": norm.running_var + norm.eps - EPSILON, "gamma": gamma, "beta": beta}


def _flat(module):
    for child in module:
        yield from _flat(child) if isinstance(child, nn.Sequential) else [child]
