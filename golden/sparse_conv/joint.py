"""An engine that skips zero weights and zero activations together, and runs whole networks.

Every non-zero pixel code is taken once. In each cycle all lanes multiply it by one non-zero weight
each that it meets, and add the products to sums of the layer's whole output, wherever they lie. So
a layer takes, for each of its non-zero codes, as many cycles as the fullest lane has non-zero
weights for it; pruned to equally many in each lane (`groups`), nothing waits, however the zeros of
the map lie. Then the sums are drained: scaled, rounded, pooled, and written as the next map.

Source: sums kept whole while products are scattered is SCNN's idea (Parashar et al., "SCNN: An
Accelerator for Compressed-sparse Convolutional Neural Networks", ISCA 2017); equally many non-zero
weights for each unit is that of load-balance-aware pruning (Han et al., "ESE", FPGA 2017). Ours:
one activation for all lanes instead of SCNN's products of all with all, so that there is no
crossbar and no bank conflict; lists by class of stride; the program.
"""

import numpy as np

from golden.design import Block, Stream
from golden.formats import Format
from golden.lstm.dense import LOAD
from golden.memory import image
from golden.params import ceil_log2
from golden.sparse_conv import convolution
from golden.sparse_conv.joint_params import (
    ON_WAY,
    QUEUE,
    JointParams,
    balance,
    groups,
    loaded,
    memories,
    walks,
)
from golden.sparse_conv.params import ConvParams, NetworkParams

__all__ = ["Joint", "JointParams", "balance", "build", "groups"]

#: Cycles from a layer's start to its first word in the scanner.
SCAN = 4


def build(channels: int = 4, height: int = 6, width: int = 6, filters: int = 8, kernel: int = 3,
          stride: int = 1, padding: int = 1, pool: int = 1, layers: int = 1, outputs: int = 0, *,
          weights: str = "int8", input: Format = Format(8, 8, False),
          activation: Format = Format(8, 8, False), output: Format = Format(16, 8),
          scale_width: int = 0, bias_width: int = 24, shift: int = 8, lanes: int = 8,
          clusters: int = 1, beat: int = 4, requantisers: int = 1, answer: str = "map",
          store: str = "rom", passes: str = "one") -> JointParams:
    """``layers`` convolutions of ``filters`` each, and a fully connected one of ``outputs`` (none
    for 0) on what they leave, which is then at most 7 x 7. ``activation`` is the format of the maps
    that convolutions make, ``output`` that of the fully connected layer's.

    Every other argument is that of `ConvParams` (of all layers) or of `JointParams`.

    Errors: as those classes.

    >>> p = build(layers=2, pool=2, height=8, width=8, outputs=10)
    >>> [(layer.channels, layer.height, layer.filters) for layer in p.layers]
    [(4, 8, 8), (8, 4, 8), (8, 2, 10)]
    """
    made, given = [], input
    for _ in range(layers):
        made.append(ConvParams(
            channels, height, width, filters, kernel, stride, padding, pool, weights=weights,
            input=given, output=activation, scale_width=scale_width, bias_width=bias_width,
            shift=shift))
        channels, height, width = filters, made[-1].out_height, made[-1].out_width
        given = activation
    if outputs:
        if height != width:
            raise ValueError("Joint width must be the height of the map that the fully connected "
                             f"layer takes ({height}), not {width}")
        made.append(ConvParams(
            channels, height, width, outputs, height, relu=False, weights=weights, input=given,
            output=output, scale_width=scale_width, bias_width=bias_width, shift=shift))
    return JointParams(NetworkParams(tuple(made)), lanes, clusters, beat, requantisers, answer,
                       store, passes)


class Joint(Block):
    """A network on the engine (`JointParams`).

    Tensors: ``layers.<n>.weight``, ``.bias`` and ``.scale``, as `convolution.shapes` of the layer.

    Input and output beats: maps as `convolution.to_frames` has them, or one class.
    """

    name = "sparse_conv.joint"

    @staticmethod
    def shapes(params):
        return {f"layers.{n}.{name}": shape for n, layer in enumerate(params.layers)
                for name, shape in convolution.shapes(layer).items()}

    def check(self):
        self.own = [{name: self.tensors[f"layers.{n}.{name}"] for name in convolution.shapes(layer)}
                    for n, layer in enumerate(self.params.layers)]
        for n, (layer, own) in enumerate(zip(self.params.layers, self.own, strict=True)):
            convolution.check(layer, own, f"Layer {n}")

    @property
    def input(self):
        return Stream(self.params.network.first.input, self.params.beat)

    @property
    def output(self):
        p = self.params
        if p.answer == "class":
            return Stream(Format(max(1, ceil_log2(p.network.last.filters)), 0, signed=False))
        return Stream(p.network.last.output, p.beat)

    @property
    def load(self):
        return None if self.params.store == "rom" else LOAD

    def image(self):
        if self.params.store == "rom":
            return super().image()
        return image(list(loaded(self.params, memories(self.params, self.tensors)).values()))

    def maps(self, frames):
        """All maps of the network, the input's first: int64 [frames, channels, height, width]."""
        first = self.params.network.first
        given = convolution.to_maps(frames, first.channels, first.height, first.width)
        return convolution.run(self.params.layers, self.own, given)

    def run(self, frames):
        last = self.maps(frames)[-1]
        if self.params.answer == "class":
            return list(last.reshape(len(last), -1).argmax(1)[:, None, None])
        return convolution.to_frames(last, self.params.beat)

    def work(self, frames):
        """Cycles that each run of each frame takes from its start to its drain: int64 [frames,
        runs]."""
        maps = self.maps(frames)
        work = np.zeros((len(frames), len(self.params.runs)), np.int64)
        for n, run in enumerate(self.params.runs):
            weight = run.of(self.own[run.number]["weight"])
            _, takes, _ = walks(run.layer, self.params.lanes, weight)
            for frame, codes in enumerate(maps[run.number]):
                work[frame, n] = self._work(run.geometry, codes, takes)
        return work

    def _work(self, geometry, codes, takes):
        """Of one run: until the slowest cluster is done."""
        p, layer = self.params, geometry.layer
        words = p.words(layer.channels)
        padded = np.zeros((layer.height, layer.width, words * p.beat), np.int64)
        padded[..., :layer.channels] = codes.transpose(1, 2, 0)
        taken = np.zeros_like(padded)   # of each code, were it not 0
        taken[..., :layer.channels] = takes[geometry.pixel_classes()]
        slices = [array.reshape(-1, p.clusters, p.slice).swapaxes(0, 1)
                  for array in (padded, taken)]
        return max(_cluster(own, length) for own, length in zip(*slices, strict=True))

    def cycles(self, frames):
        p = self.params
        work = self.work(frames)
        steps = [g.layer.out_height * g.layer.out_width * g.layer.pool**2
                 * p.words(g.layer.filters) * p.parts for g in p.geometries]
        beats = p.map_words(p.network.first)
        # Before the first beat comes, the sums are clear.
        opened = end = -1 - p.geometries[0].depth
        first_of_last = [run.number for run in p.runs].index(len(p.layers) - 1)
        for frame, own in enumerate(work):
            full = (opened if frame else 0) + beats
            for n, geometry in enumerate(p.geometries):
                start = end + 1 + geometry.depth
                if n == 0:
                    start = max(start, full)
                if n == first_of_last:
                    opened = start + 1
                end = start + int(own[n]) + steps[n] + p.latency + 1
        return end + 1     # as the layer ends, its last word leaves the queue

    def products(self, frames):
        """Products of a weight and a code of the map that are both not 0: those that an output has,
        and all that the lanes make, those beyond the outputs' edges too."""
        valid = made = 0
        maps = self.maps(frames)
        for run in self.params.runs:
            weight, codes = run.of(self.own[run.number]["weight"]), maps[run.number]
            valid += int(convolution.useful_macs(run.layer, weight, codes).sum())
            _, _, weights = walks(run.layer, self.params.lanes, weight)
            made += int((weights[run.geometry.pixel_classes()]
                         * (codes != 0).transpose(0, 2, 3, 1)).sum())
        return valid, made

    def utilisation(self, frames):
        """Products of two non-zeros that an output has, over lanes times cycles."""
        p = self.params
        return self.products(frames)[0] / (self.cycles(frames) * p.lanes * p.clusters)

    @classmethod
    def random(cls, params, rng):
        tensors = {}
        for n, layer in enumerate(params.layers):
            own = convolution.random(layer, rng, zeros=rng.choice([0.0, 0.5, 0.9, 1.0],
                                                                  p=[0.3, 0.4, 0.2, 0.1]))
            tensors |= {f"layers.{n}.{name}": value for name, value in own.items()}
        return cls(params, tensors)

    @classmethod
    def sparse(cls, params, rng, zeros):
        """The block with random tensors; of each layer's weights that share is 0, equally many in
        each row of taps of each lane's list, so that no lane waits.

        Errors: ValueError where the filters do not fill the lanes.
        """
        tensors = {}
        for n, layer in enumerate(params.layers):
            if layer.filters % params.lanes:
                raise ValueError(f"Joint lanes must divide the {layer.filters} filters for lists "
                                 f"of one length, not {params.lanes}")
            own = convolution.without_zeros(layer, rng)
            for sets in groups(layer, params.lanes):
                rows = layer.kernel if layer.stride == 1 else 1
                convolution.zero_out(own["weight"], sets.reshape(*sets.shape[:2], rows, -1), zeros,
                                     rng)
            tensors |= {f"layers.{n}.{name}": value for name, value in own.items()}
        return cls(params, tensors)

    def random_frames(self, count, rng):
        return convolution.to_frames(
            convolution.random_maps(self.params.network.first, count, rng), self.params.beat)


def _cluster(codes, taken):
    """Cycles from a layer's start until its drain may begin, of one cluster: ``codes`` [words,
    slice] of the map, and how many cycles each takes.

    The scanner gives a non-zero code a cycle, a word of zeros takes it one; a code is in the lanes'
    queue ``ON_WAY + 1`` cycles later, and those that no weight meets leave before it.
    """
    words, places = np.nonzero(codes)
    taken = taken[words, places].tolist()
    words = words.tolist()
    at, last_word = SCAN - 1, -1    # cycle of the last code, its word
    pops, free = [], 0              # when codes went to the lanes; when those are free
    gives = [-ON_WAY] * ON_WAY      # when the codes were given that go to the queue
    for word, length in zip(words, taken, strict=True):
        zeros = max(0, word - last_word - 1)
        earliest = at + 1 + zeros
        # Room for this code and for those that may be on their way, wherever they are by now.
        while True:
            on_way = sum(given >= earliest - ON_WAY for given in gives[-ON_WAY:])
            gone = len(pops) - on_way - (QUEUE - 1 - ON_WAY)    # so many must have left the queue
            if gone <= 0 or pops[gone - 1] < earliest:
                break
            earliest = earliest + 1 if on_way else pops[gone - 1] + 1
        at, last_word = earliest, word
        if length:
            gives.append(at)
            pops.append(max(at + ON_WAY + 1, free))
            free = pops[-1] + length
    end = at + len(codes) - 1 - last_word
    return max(end + 1, at + ON_WAY + 1 if words else 0, free + 1 if pops else 0)
