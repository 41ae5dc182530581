"""The reference of all dataflows: a convolution, and a network of them, in exact integers.

Maps are int64 [frames, channels, height, width]. On the wire a map is a frame: rows from the top,
a row's pixels from the left, a pixel's channels from 0 on, `beat` codes a beat; a pixel begins with
a beat of its own, and codes beyond its last channel are 0.
"""

import numpy as np
import torch
from torch.nn import functional

from golden.design import Block, Stream
from golden.formats import Format, shift_right
from golden.params import ceil_div
from golden.weights import random_weights

__all__ = ["LayerBlock", "check", "check_rows", "convolve", "random", "random_maps", "requantise",
           "run", "shapes", "sums", "to_frames", "to_maps", "useful_macs",
           "without_zeros", "zero_out"]


def shapes(params):
    """Name -> shape of a layer's tensors."""
    p = params
    names = {"weight": (p.filters, p.channels, p.kernel, p.kernel), "bias": (p.filters,)}
    return names | ({"scale": (p.filters,)} if p.scale_width else {})


def check(params, tensors, subject="Convolution"):
    """Raise ValueError unless every tensor value fits its field."""
    if not params.kind.contains(tensors["weight"]):
        raise ValueError(f"{subject} weight must hold {params.weights} values only")
    check_rows(params, tensors, subject)


def check_rows(params, tensors, subject):
    """Raise ValueError unless every scale and bias fits its field."""
    for name, width in (("scale", params.scale_width), ("bias", params.bias_width)):
        if name in tensors:
            values, allowed = tensors[name], Format(width)
            if values.min() < allowed.minimum or values.max() > allowed.maximum:
                raise ValueError(f"{subject} {name} must fit {width} signed bits, "
                                 f"not {values.min()}..{values.max()}")


def sums(params, weight, maps, width=None):
    """Sums of products, of so many bits: int64 [frames, filters, rows, columns]."""
    # Floats hold such sums exactly, and have the faster convolution.
    kind = torch.float32 if (width or params.sum_width) <= 25 else torch.float64
    total = functional.conv2d(torch.as_tensor(maps).to(kind), torch.as_tensor(weight).to(kind),
                              stride=params.stride, padding=params.padding)
    return total.long().numpy()


def requantise(params, tensors, total):
    """Sums [..., filters, rows, columns] to the output map, pooled."""
    if params.scale_width:
        total = total * tensors["scale"][:, None, None]
    total = total + tensors["bias"][:, None, None]
    if params.relu:
        total = total.clip(0)
    out = params.output.saturate(shift_right(total, params.shift))
    if params.pool == 2:
        out = out[..., :params.rows // 2 * 2, :params.columns // 2 * 2]
        out = np.maximum(np.maximum(out[..., ::2, ::2], out[..., 1::2, ::2]),
                         np.maximum(out[..., ::2, 1::2], out[..., 1::2, 1::2]))
    return out


def convolve(params, tensors, maps):
    """Input maps to output maps."""
    return requantise(params, tensors, sums(params, tensors["weight"], maps))


def run(layers, tensors, maps):
    """All maps of a network: the input's, then each layer's; ``tensors`` of each layer."""
    found = [maps]
    for params, own in zip(layers, tensors, strict=True):
        found.append(convolve(params, own, found[-1]))
    return found


def useful_macs(params, weight, maps):
    """Of each frame the products of a weight and a pixel that are both not 0: int64 [frames]."""
    total = functional.conv2d(torch.as_tensor(maps != 0).double(),
                              torch.as_tensor((weight != 0).sum(0, keepdims=True)).double(),
                              stride=params.stride, padding=params.padding)
    return total.sum((1, 2, 3)).long().numpy()


def to_frames(maps, beat):
    """Maps to a list of frames [beats, beat]."""
    count, channels, height, width = maps.shape
    beats = ceil_div(channels, beat)
    padded = np.zeros((count, height, width, beats * beat), dtype=np.int64)
    padded[..., :channels] = maps.transpose(0, 2, 3, 1)
    return list(padded.reshape(count, height * width * beats, beat))


def to_maps(frames, channels, height, width):
    """Frames [beats, beat] to maps."""
    pixels = np.stack(frames).reshape(len(frames), height, width, -1)
    return pixels[..., :channels].transpose(0, 3, 1, 2)


def random(params, rng, zeros=0.0):
    """Tensors that spread the outputs over their format; a share of the weights is 0 where the
    kind has a 0."""
    weight = random_weights(params.kind, shapes(params)["weight"], rng)
    if params.kind.name != "binary":
        weight = weight * (rng.random(weight.shape) >= zeros)
    # A typical sum, scaled, covers a quarter of the output's range.
    typical = (params.kind.values.astype(float).std() * params.input.largest / 2
               * max(1, params.terms * (1 - zeros)) ** 0.5)
    wanted = 2.0 ** (params.output.width + params.shift - 2)
    tensors = {"weight": weight}
    if params.scale_width:
        limit = (1 << params.scale_width - 1) - 1
        scale = rng.normal(0, min(limit / 3, max(1.0, wanted / typical)), params.filters)
        tensors["scale"] = scale.round().clip(-limit, limit).astype(np.int64)
    limit = (1 << min(params.bias_width, params.output.width + params.shift) - 1) - 1
    tensors["bias"] = rng.integers(-limit, limit + 1, params.filters)
    return tensors


def without_zeros(params, rng):
    """`random` tensors of which no weight is 0."""
    tensors = random(params, rng)
    values = params.kind.values
    return {**tensors, "weight": rng.choice(values[values != 0], tensors["weight"].shape)}


def zero_out(values, sets, zeros, rng):
    """Make 0, in place, the share ``zeros`` of each set, to the nearest whole number.

    sets: int64 [..., size of a set], places in the flattened values
    """
    kept = round(sets.shape[-1] * (1 - zeros))
    values.reshape(-1)[rng.permuted(sets, axis=-1)[..., kept:]] = 0


def random_maps(params, count, rng, zeros=None):
    """Maps of all codes; of each frame another share is 0, unless it is given."""
    shape = (count, params.channels, params.height, params.width)
    maps = rng.integers(params.input.minimum, params.input.maximum + 1, shape)
    share = rng.choice([0.0, 0.3, 0.7, 1.0], (count, 1, 1, 1)) if zeros is None else zeros
    return maps * (rng.random(shape) >= share)


class LayerBlock(Block):
    """What the dataflows have in common that run one convolution: all but name and cycles.

    The parameters have ``layer`` (`ConvParams`) and ``beat``, the codes of a beat either way.
    """

    @staticmethod
    def shapes(params):
        return shapes(params.layer)

    def check(self):
        check(self.params.layer, self.tensors)

    @property
    def input(self):
        return Stream(self.params.layer.input, self.params.beat)

    @property
    def output(self):
        return Stream(self.params.layer.output, self.params.beat)

    def maps(self, frames):
        """Input frames to maps."""
        layer = self.params.layer
        return to_maps(frames, layer.channels, layer.height, layer.width)

    def run(self, frames):
        return to_frames(convolve(self.params.layer, self.tensors, self.maps(frames)),
                         self.params.beat)

    @classmethod
    def random(cls, params, rng):
        return cls(params, random(params.layer, rng))

    def random_frames(self, count, rng):
        return to_frames(random_maps(self.params.layer, count, rng), self.params.beat)
