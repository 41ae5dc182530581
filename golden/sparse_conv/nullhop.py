"""A convolution driven by its non-zero activations, which come and go as a compressed stream.

An image is stored as it comes, sparsity maps and values, the channels of each controller in a
memory of its own. A stripe is the input rows that two output rows need, ``kernel + stride`` of
them. A controller goes through a stripe column by column, and in a column row by row, from one
non-zero value to the next, and sends each to its MACs, which multiply it by one weight a cycle: by
those alone that lead to an output within the map. A row at the stripe's edge feeds one output row,
others both. Each MAC has accumulators for some output columns of both rows. A column that no later
value can reach is added up over the controllers, scaled, rectified, pooled, and stored until its
rows are complete over all passes; then they are encoded.

Source: Aimar et al., "NullHop", TNNLS 30(3), 2019 (arXiv 1706.01406), as its driver and readers
describe it: stream, stripes, controllers, allocation, two rows at once, shifting columns,
rectification and pooling on the way out. Ours: a memory for each controller, so that none waits for
another's values; passes within a stripe, so that a stream comes out in its order; the accumulators
as a ring, in which a controller may be columns ahead; strides; every cycle that is counted.
"""

import numpy as np

from golden.design import Stream
from golden.formats import Format
from golden.memory import image
from golden.params import ceil_div
from golden.sparse_conv import convolution
from golden.sparse_conv.compressed import StreamError, decode, encode, most_words, to_beats
from golden.sparse_conv.nullhop_cycles import count
from golden.sparse_conv.nullhop_memories import memories
from golden.sparse_conv.nullhop_params import NullhopParams
from golden.sparse_conv.params import ConvParams

__all__ = ["Nullhop", "layer"]

#: The stream that loads weights at run time.
LOAD = Stream(Format(32, signed=False))


def layer(channels: int = 16, height: int = 8, width: int = 8, filters: int = 16, kernel: int = 3,
          stride: int = 1, padding: int = 1, pool: int = 1, relu: bool = True,
          weights: str = "int8", input: Format = Format(8, 8, signed=False),
          output: Format = Format(8, 8, signed=False), scale_width: int = 0, bias_width: int = 24,
          shift: int = 10, macs: int = 16, controllers: int = 8, bank: int = 4096, word: int = 8,
          beat: int = 2, order: str = "rows", columns: int = 8, lanes: int = 1,
          room: int = 0, store: str = "rom") -> NullhopParams:
    """`NullhopParams` from flat arguments: those of `ConvParams`, and its own.

    Errors: as those classes.
    """
    return NullhopParams(
        ConvParams(channels, height, width, filters, kernel, stride, padding, pool, relu, weights,
                   input, output, scale_width, bias_width, shift),
        macs=macs, controllers=controllers, bank=bank, word=word, beat=beat, order=order,
        columns=columns, lanes=lanes, room=room, store=store)


class Nullhop(convolution.LayerBlock):
    """Frames are compressed streams (`golden.sparse_conv.compressed`), ``beat`` words a beat.

    The answer's order is ``rows`` where the layer pools, else ``pairs``; it is raw without ReLU.
    """

    name = "sparse_conv.nullhop"

    @property
    def input(self):
        return Stream(Format(self.params.word, 0, signed=False), self.params.beat)

    output = input

    @property
    def longest(self):
        p, layer = self.params, self.params.layer
        given = most_words(layer.channels, layer.height, layer.width, p.word, p.order)
        made = most_words(layer.filters, layer.out_height, layer.out_width, p.word, p.out_order,
                          raw=not layer.relu)
        return ceil_div(given, p.beat), ceil_div(made, p.beat)

    @property
    def load(self):
        return LOAD if self.params.store == "load" else None

    def image(self):
        """Banks of controller after controller, then biases, then scales."""
        if self.params.store == "rom":
            return super().image()
        return image(memories(self.params, self.tensors))

    def encode(self, maps):
        """Input maps to frames."""
        p = self.params
        return [to_beats(encode(image, p.word, p.order), p.beat) for image in maps]

    def maps(self, frames):
        """Frames to input maps.

        Errors: `StreamError` for a frame that contradicts itself, is too short or too long, or has
        more values in a row than a controller has room for.
        """
        layer = self.params.layer
        return np.array([self._map(frame) for frame in frames], np.int64).reshape(
            -1, layer.channels, layer.height, layer.width)

    def _map(self, frame):
        p, layer = self.params, self.params.layer
        image = decode(frame.reshape(-1), layer.channels, layer.height, layer.width, layer.input,
                       p.word, p.order, beat=p.beat)
        for c in range(p.active):
            own = np.count_nonzero(image[c * p.share:(c + 1) * p.share], axis=(0, 2)).max()
            if own > p.values(c):
                raise StreamError(f"Rows must have at most {p.values(c)} values for controller {c},"
                                  f" not {own}")
        return image

    def run(self, frames):
        p = self.params
        return [to_beats(encode(image, p.word, p.out_order, raw=not p.layer.relu), p.beat)
                for image in convolution.convolve(p.layer, self.tensors, self.maps(frames))]

    def cycles(self, frames):
        maps = self.maps(frames)
        return count(self.params, maps, convolution.convolve(self.params.layer, self.tensors, maps))

    def utilisation(self, frames):
        """Products of non-zero activations that outputs have, over MACs and cycles."""
        layer, every = self.params.layer, np.ones_like(self.tensors["weight"])
        products = convolution.useful_macs(layer, every, self.maps(frames)).sum()
        return int(products) / (self.cycles(frames) * self.params.macs)

    def random_frames(self, count, rng):
        return self.encode(convolution.random_maps(self.params.layer, count, rng))
