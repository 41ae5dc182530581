"""What a sharing map costs: the error that correlated streams bring.

Streams that share a number are wrong together. Where a weight and its input do, their product is
biased; where the products of a neuron do, the variance of S changes, which the number of states
must follow (`golden.stochastic.trainable`).
"""

import numpy as np
import torch

from golden.stochastic import numbers
from golden.stochastic.network import simulate, weight_bits
from golden.stochastic.trainable import variance

__all__ = ["cost"]


def cost(block, x):
    """What the maps of ``block`` (a `golden.stochastic.network.Network`) cost on input codes
    x [frames, inputs]: for each layer a dict of

    - ``product_error``: root mean square of a product's stream mean less the product of its
      factors' means, with weights in -1..1
    - ``sum_error``: likewise of the mean of S, over m
    - ``variance``: of S in a stream cycle, the mean over frames and neurons
    - ``independent``: what it were if all streams were independent
    """
    params = block.params.replace(stop="never")
    hidden = []
    if len(params.layers) > 1:
        trace = simulate(params, block.weights(), x, trace=True).trace
        ends = np.cumsum([part.outputs for part in params.layers[:-1]])
        hidden = np.split(trace, ends[:-1], axis=2)
    number = numbers.streams(params.x, params.inputs, params.input.fraction, params.length)
    bits = np.asarray(x)[:, None] > number[None]
    return [_layer(part, weight, seen, params.length) for part, weight, seen
            in zip(params.layers, block.weights(), [bits, *hidden], strict=True)]


def _layer(part, weight, bits, length):
    seen = torch.ones(*bits.shape[:2], part.terms)
    seen[..., :part.inputs] = torch.as_tensor(bits).float()
    mean = seen.mean(1)
    if part.product == "xnor":
        seen = 2 * seen - 1
    streams = torch.as_tensor(np.stack([*weight_bits(part, weight, length)])).float()
    real = torch.as_tensor(weight / part.largest).float()
    # For each term: [frames, cycles] x [cycles, outputs].
    products = torch.einsum("flt,lto->fto", seen, streams) / length / part.m
    products -= seen.mean(1)[:, :, None] * real
    sums = torch.einsum("flt,lto->flo", seen, streams)
    return {"product_error": float(products.square().mean().sqrt()),
            "sum_error": float(products.sum(1).square().mean().sqrt()),
            "variance": float(sums.var(1, correction=0).mean()),
            "independent": float(variance(part, real, mean).mean())}
