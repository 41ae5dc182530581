"""A cyclic sparsely connected layer: few connections of every filter, and no index.

Layers of N nodes, fan-in F and dilations 1, F, F**2 .. connect every input with every output over
log_F N layers by exactly one path, with N F log_F N weights.

Source: Hosseini et al., "Cyclic Sparsely Connected Architectures for Compact Deep Convolutional
Neural Networks", TVLSI 29(10), 2021, and its theory in the Solid-State Circuits Magazine, Fall
2021: the address rule, and that one rule serves dense, depthwise and cyclic layers. The hardware is
ours.
"""

import numpy as np

from golden.check import require_int
from golden.params import ceil_div
from golden.sparse_conv import convolution
from golden.sparse_conv.convolution import LayerBlock
from golden.sparse_conv.lists import connections
from golden.sparse_conv.params import REQUANTISER, ConvParams, CyclicParams

__all__ = ["Cyclic", "cyclic", "dilations"]


def dilations(nodes, fan_in):
    """Of the layers that connect all nodes with all: ``fan_in**0, fan_in**1, ..``.

    >>> dilations(64, 4)
    [1, 4, 16]
    """
    require_int("Cyclic fan_in", fan_in, 2)
    require_int("Cyclic nodes", nodes, fan_in)
    found = [1]
    while found[-1] * fan_in < nodes:
        found.append(found[-1] * fan_in)
    if found[-1] * fan_in != nodes:
        raise ValueError(f"Cyclic nodes must be a power of the fan-in {fan_in}, not {nodes} "
                         f"({found[-1] or 1} and {found[-1] * fan_in} are)")
    return found


def cyclic(nodes: int = 16, height: int = 1, width: int = 1, kernel: int = 1, stride: int = 1,
           padding: int = 0, pool: int = 1, relu: bool = True, weights: str = "int8",
           scale_width: int = 0, bias_width: int = 24, shift: int = 8, fan_in: int = 4,
           dilation: int = 1, lanes: int = 4) -> CyclicParams:
    """`CyclicParams` of a layer with maps of unsigned bytes."""
    layer = ConvParams(nodes, height, width, nodes, kernel, stride, padding, pool, relu, weights,
                       scale_width=scale_width, bias_width=bias_width, shift=shift)
    return CyclicParams(layer, fan_in, dilation, lanes)


class Cyclic(LayerBlock):
    """Input and output: maps as frames of ``lanes`` codes a beat.

    Weights beside the connections are 0. A frame loads while the one before is computed.
    """

    name = "sparse_conv.cyclic"

    def check(self):
        there = connections(self.params)
        weight = self.tensors["weight"]
        if weight[~there].any():
            raise ValueError("Cyclic weight must be 0 where filters have no connection")
        if not self.params.layer.kind.contains(weight[there]):
            raise ValueError(f"Cyclic weight must hold {self.params.layer.weights} values only")
        convolution.check_rows(self.params.layer, self.tensors, "Cyclic")

    @property
    def compute(self):
        """Cycles in which weights are issued for a frame."""
        return self.params.sums * self.params.terms

    def cycles(self, frames):
        p = self.params
        loaded, issued = -1, -1
        for _ in frames:
            loaded += p.words
            begin = max(loaded + 1, issued + 1)
            issued = begin + self.compute
            loaded = begin
        # The last sums' steps, the queue, and the output register.
        return issued + p.latency + REQUANTISER + ceil_div(p.lanes, p.requantisers) + 1

    def utilisation(self, frames):
        """Products of pixels that are there, over lanes and cycles."""
        p = self.params
        share = p.fan_in / p.layer.channels
        return p.layer.macs * share * len(frames) / (self.cycles(frames) * p.lanes)

    @classmethod
    def random(cls, params, rng):
        tensors = convolution.random(params.layer, rng)
        there = connections(params)[:, :, None, None]
        return cls(params, {**tensors, "weight": np.where(there, tensors["weight"], 0)})
