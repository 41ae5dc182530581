"""An output-stationary array for one convolution, dense or with balanced sparse weights.

The array multiplies ``groups`` x ``tiles`` products a cycle. Channel c is group c mod ``groups``'s,
and the output is cut into ``tiles`` strips of rows. Every cycle each group takes one weight of its
own channels and multiplies it with one pixel of every strip; what all groups have made for a strip
is added up. So lanes share accumulators, pixels of one group have one address, and no lane has a
multiplexer in front of it.

With ``index`` ``list`` a group's weights are a list of those that are not 0, each with its place.
All groups' lists of one filter are walked side by side and take as long as the longest one: as long
as any other, where pruning has left each group as many (`sets`).

With ``shift`` every channel has one tap, which all filters share: a convolution of 1 x 1 after each
channel has been moved. A weight has no index then; there is one place for each channel.

With ``pattern`` every kernel keeps the taps of one of a few patterns, as many as any other: an
index is the number of a pattern, once for a kernel.

With ``comb`` the outputs of a filter are sums at every other position, as on a chessboard, and
copies at the others: the pixel of the kernel's centre, of the channel that has the filter's number,
times a weight. So a filter takes its sum's cycles and one cycle, by turns. Sums and copies are
scaled, biased and rectified alike.

With ``block_scale_width`` the sum over the groups, which is that of a block of neighbouring
channels at one tap, is multiplied by a small integer of its own before it is added to the others.
So weights of few bits have the range of wider ones, and a scale serves ``groups`` of them.

Source of shifts: Wu et al., "Shift: A Zero FLOP, Zero Parameter Alternative to Spatial
Convolutions", CVPR 2018 (arXiv 1711.08141): each channel moved, then 1 x 1. Which channels move
where is from memory of it. Of patterns: "PCNN: Pattern-based Fine-Grained Regular Pruning"
(arXiv 2002.04997): few patterns, an index for a kernel, equal work for each. Of scales: do
Nascimento et al., "DSConv: Efficient Convolution Operator", ICCV 2019 (arXiv 1901.01928): integers,
and a scale for each filter, tap and block of channels, which here is an integer, too. Of combs:
"Comb Convolution for Efficient Convolutional Architecture" (arXiv 1911.00387), of which only the
abstract is known here: within each channel about half of the connections are uniform mappings. The
lattice, that it changes from filter to filter, which channel is copied, and that a copy has a
weight and is requantised are our reconstruction.

Source: load-balance-aware pruning and weight-driven units after You and Wu, "RSNN", IEEE Access 9,
2021, of which only the abstract is known here: the array is ours. Unrolling over channels, rows and
filters: Ma et al., TVLSI 26(7), 2018.
"""

import numpy as np

from golden.formats import Format
from golden.params import ceil_div
from golden.sparse_conv import convolution
from golden.sparse_conv.convolution import LayerBlock
from golden.sparse_conv.lists import kept, lists, sets
from golden.sparse_conv.params import REQUANTISER, ArrayParams, ConvParams

__all__ = ["Array", "array", "schedule"]


def array(channels: int = 8, height: int = 8, width: int = 8, filters: int = 8, kernel: int = 3,
          stride: int = 1, padding: int = 1, pool: int = 1, relu: bool = True,
          weights: str = "int8", scale_width: int = 0, bias_width: int = 24, shift: int = 8,
          groups: int = 8, tiles: int = 4, index: str = "dense", patterns: int = 8,
          kept: int = 4, block_scale_width: int = 0) -> ArrayParams:
    """`ArrayParams` of a layer with maps of unsigned bytes.

    >>> array(16, groups=16).lanes
    64
    """
    layer = ConvParams(channels, height, width, filters, kernel, stride, padding, pool, relu,
                       weights, scale_width=scale_width, bias_width=bias_width, shift=shift)
    return ArrayParams(layer, groups, tiles, index, patterns, kept, block_scale_width)


def schedule(params, lengths, frames):
    """Cycles of so many frames; ``lengths``: cycles of each filter's sum at a position."""
    p = params
    beats, leaving = p.layer.beats(p.beat)
    compute = p.issued(lengths)
    # From the last weight's address to the last write of its frame's answer.
    tail = p.latency + REQUANTISER - 1 + ceil_div(
        p.tiles, ceil_div(p.tiles, p.shortest(lengths)))
    loaded, issued, read = -p.copies, -1, [-2, -2]
    for _ in range(frames):
        # The first beat counts from its transfer; later frames load when one begins.
        loaded += beats * p.copies
        begin = max(loaded + 1, issued + 1, read[-2] + 2)
        issued = begin + compute
        read.append(max(issued + tail + 1, read[-1] + 1) + leaving)
        loaded = begin
    return read[-1] + 2 + 1


class Array(LayerBlock):
    """Input and output: maps as frames of ``groups`` codes a beat
    (`golden.sparse_conv.convolution`).

    A frame loads while the one before is computed, and leaves while the next one is. With index
    ``pattern`` the tensors have ``patterns``, int64 [patterns, kept] taps, row by row ascending; a
    kernel has the first one that all its weights fit. With ``block_scale_width`` they have
    ``block_scale``, int64 [filters, blocks, kernel, kernel]. With index ``comb`` they have
    ``copy``, int64 [filters]: what the copied pixels are multiplied by, of the weights' kind.
    """

    name = "sparse_conv.array"

    @staticmethod
    def shapes(params):
        p, more = params, {}
        if p.index == "pattern":
            more["patterns"] = (p.patterns, p.kept)
        if p.block_scale_width:
            more["block_scale"] = (p.layer.filters, p.depth, p.layer.kernel, p.layer.kernel)
        if p.index == "comb":
            more["copy"] = (p.layer.filters,)
        return LayerBlock.shapes(params) | more

    def check(self):
        weight, patterns = self.tensors["weight"], self.tensors.get("patterns")
        if patterns is not None and not (
                (np.diff(patterns, prepend=-1) > 0) & (patterns < self.params.layer.taps)).all():
            raise ValueError("Array patterns must hold ascending taps between 0 and "
                             f"{self.params.layer.taps - 1}")
        there = kept(self.params, weight, patterns)
        if weight[~there].any():
            raise ValueError("Array weight must be 0 beside the taps that its kernel keeps")
        if not self.params.layer.kind.contains(weight[there]):
            raise ValueError(f"Array weight must hold {self.params.layer.weights} values only")
        if "copy" in self.tensors and not self.params.layer.kind.contains(self.tensors["copy"]):
            raise ValueError(f"Array copy must hold {self.params.layer.weights} values only")
        convolution.check_rows(self.params.layer, self.tensors, "Array")
        if self.params.block_scale_width:
            values, allowed = self.tensors["block_scale"], Format(self.params.block_scale_width)
            if values.min() < allowed.minimum or values.max() > allowed.maximum:
                raise ValueError(f"Array block_scale must fit {allowed.width} signed bits, "
                                 f"not {values.min()}..{values.max()}")

    @property
    def weight(self):
        """What pixels are multiplied by in effect: weights times the scales of their blocks."""
        weight = self.tensors["weight"]
        if not self.params.block_scale_width:
            return weight
        scale = np.repeat(self.tensors["block_scale"], self.params.groups, 1)
        return weight * scale[:, :weight.shape[1]]

    def run(self, frames):
        p = self.params
        maps = self.maps(frames)
        total = convolution.sums(p.layer, self.weight, maps, p.sum_width)
        if p.index == "comb":
            filters, middle = np.arange(p.layer.filters), p.layer.kernel // 2
            copy = np.zeros_like(self.weight)
            copy[filters, filters % p.layer.channels, middle, middle] = self.tensors["copy"]
            total = np.where(self.summed, total, convolution.sums(p.layer, copy, maps))
        return convolution.to_frames(convolution.requantise(p.layer, self.tensors, total), p.beat)

    @property
    def summed(self):
        """Which outputs, before pooling, are sums with index ``comb``: bool [filters, rows,
        columns]."""
        layer = self.params.layer
        return self.params.summed(*np.ogrid[:layer.filters, :layer.rows, :layer.columns])

    @property
    def lengths(self):
        """Cycles of each filter's sum at a position: int64 [filters]."""
        return lists(self.params, *(self.tensors.get(name)
                                    for name in ("weight", "patterns", "copy")))[2]

    @property
    def compute(self):
        """Cycles in which weights are issued for a frame."""
        return self.params.issued(self.lengths)

    def utilisation(self, frames):
        """Products of weights and pixels that are both there, over lanes and cycles."""
        p = self.params
        share = np.count_nonzero(self.tensors["weight"]) / self.tensors["weight"].size
        share = {"dense": 1, "comb": self.summed.mean()}.get(p.index, share)
        return p.layer.macs * share * len(frames) / (self.cycles(frames) * p.lanes)

    def cycles(self, frames):
        return schedule(self.params, self.lengths, len(frames))

    @classmethod
    def sparse(cls, params, rng, zeros):
        """The block with random tensors, for lists; of the weights of each filter and group that
        share is 0, so that no group waits.

        Errors: ValueError for another index, and as `golden.sparse_conv.lists.sets`.
        """
        if params.index != "list":
            raise ValueError(f"Array index must be 'list' to leave out zeros, not {params.index!r}")
        tensors = convolution.without_zeros(params.layer, rng)
        convolution.zero_out(tensors["weight"], sets(params), zeros, rng)
        return cls(params, tensors)

    @classmethod
    def random(cls, params, rng, zeros=0.0):
        """A share of the weights that the index keeps is 0 besides."""
        layer, tensors = params.layer, convolution.random(params.layer, rng, zeros)
        if params.index == "pattern":
            found = set()
            while len(found) < params.patterns:
                found.add(tuple(sorted(rng.choice(layer.taps, params.kept, False).tolist())))
            tensors["patterns"] = np.array(sorted(found))
            own = rng.integers(params.patterns, size=(layer.filters, layer.channels))
            there = np.zeros((layer.filters, layer.channels, layer.taps), bool)
            np.put_along_axis(there, tensors["patterns"][own], True, 2)
            there = there.reshape(tensors["weight"].shape)
        else:
            there = kept(params)
        if params.block_scale_width:
            limit = max(1, (1 << params.block_scale_width - 1) - 1)
            tensors["block_scale"] = rng.integers(-limit, limit, cls.shapes(params)["block_scale"])
        if params.index == "comb":
            values = layer.kind.values
            tensors["copy"] = rng.choice(values[values != 0], layer.filters)
        return cls(params, {**tensors, "weight": np.where(there, tensors["weight"], 0)})
