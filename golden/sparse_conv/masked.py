"""A fully connected layer with a part of its weights, which shift registers choose and find again.

Source: "Sparsely-Connected Neural Networks: Towards Efficient VLSI Implementation of Deep Neural
Networks" (arXiv 1611.01427), section 3: masks from shift registers, and a neuron that takes its
inputs one by one and stores kept weights only. Ours: polynomial, steps and seeds; registers that
run on from neuron to neuron; several neurons side by side.
"""

import numpy as np

from golden.sparse_conv import convolution
from golden.sparse_conv.convolution import LayerBlock
from golden.sparse_conv.lists import mask
from golden.sparse_conv.params import REQUANTISER, ConvParams, MaskedParams

__all__ = ["Masked", "masked"]


def masked(inputs: int = 64, outputs: int = 16, density: float = 0.1, weights: str = "int8",
           relu: bool = True, scale_width: int = 0, bias_width: int = 24, shift: int = 8,
           register: int = 10, steps: int = 7, seed: int = 1, lanes: int = 8) -> MaskedParams:
    """`MaskedParams` of a layer with unsigned bytes; ``density``: share of weights that is kept.

    >>> round(masked().share, 3)
    0.1
    """
    layer = ConvParams(inputs, 1, 1, outputs, 1, relu=relu, weights=weights,
                       scale_width=scale_width, bias_width=bias_width, shift=shift)
    threshold = round(density * ((1 << register) - 1)) + 1
    return MaskedParams(layer, threshold, register, steps, seed, lanes)


class Masked(LayerBlock):
    """Input: a code a beat; output: likewise. A frame loads while the one before is computed."""

    name = "sparse_conv.masked"

    def check(self):
        there = mask(self.params)
        weight = self.tensors["weight"][:, :, 0, 0]
        if weight[~there].any():
            raise ValueError("Masked weight must be 0 where the mask keeps none")
        if not self.params.layer.kind.contains(weight[there]):
            raise ValueError(f"Masked weight must hold {self.params.layer.weights} values only")
        convolution.check_rows(self.params.layer, self.tensors, "Masked")

    @property
    def stored(self):
        """Weights in memory."""
        return int(mask(self.params).sum())

    def cycles(self, frames):
        p = self.params
        loaded, issued = -1, -1
        for _ in frames:
            loaded += p.layer.channels
            begin = max(loaded + 1, issued + 1)
            issued = begin + p.blocks * p.layer.channels
            loaded = begin
        last = p.layer.filters - (p.blocks - 1) * p.lanes
        return issued + p.latency + REQUANTISER + last + 1

    @classmethod
    def random(cls, params, rng):
        tensors = convolution.random(params.layer, rng)
        there = mask(params)[:, :, None, None]
        return cls(params, {**tensors, "weight": np.where(there, tensors["weight"], 0)})
