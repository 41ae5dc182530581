"""Parameters of the convolutions. Torch-free: hardware imports this file."""

import math
from dataclasses import dataclass

from golden.check import require_choice, require_int, require_type
from golden.formats import Format
from golden.lfsr import TAPS
from golden.params import Params, as_format, ceil_div, ceil_log2
from golden.weights import WeightKind, accumulator_width

__all__ = ["REQUANTISER", "ArrayParams", "ConvParams", "CyclicParams", "MaskedParams",
           "NetworkParams", "WinnersParams", "as_layer"]

#: Cycles from sums to their values in `hdl.sparse_conv.requantiser`.
REQUANTISER = 5


@dataclass(frozen=True)
class ConvParams(Params):
    """One convolution, the same for every dataflow.

        sum[f, y, x] = sum over c, j, i of weight[f, c, j, i] * map[c, s y + j - p, s x + i - p]
        out = saturate((scale[f] * sum + bias[f]) >> shift), rounding half up

    with s the stride, p the padding, and zeros beyond the map's edges. Then, where the parameters
    say so, ReLU (negative values become 0 before they are rounded), and the largest of every 2 x 2.
    A fully connected layer is a kernel as large as its map, or one of 1 x 1 on a map of 1 x 1.

    channels, height, width: of the input map
    filters:      channels of the output map
    kernel:       1 to 7, height and width alike
    stride, padding: height and width alike; padding is less than the kernel
    pool:         1, or 2 for the largest of every 2 x 2 (an odd last row or column is left out)
    relu:         whether negative sums become 0
    weights:      one of `golden.weights.WEIGHT_KINDS`
    input, output: formats of the maps
    scale_width:  bits of a signed scale for each filter; 0 for none
    bias_width:   bits of a signed bias for each filter, at the scaled sums' scale
    shift:        low bits that the scaled sums lose
    """

    channels: int
    height: int
    width: int
    filters: int
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    pool: int = 1
    relu: bool = True
    weights: str = "int8"
    input: Format = Format(8, 8, signed=False)
    output: Format = Format(8, 8, signed=False)
    scale_width: int = 0
    bias_width: int = 24
    shift: int = 0

    def __post_init__(self):
        for name in ("input", "output"):
            object.__setattr__(self, name, as_format(getattr(self, name)))
            require_type(f"Convolution {name}", getattr(self, name), Format)
        for name in ("channels", "height", "width", "filters"):
            require_int(f"Convolution {name}", getattr(self, name), 1, 4096)
        require_int("Convolution kernel", self.kernel, 1, 7)
        require_int("Convolution stride", self.stride, 1, 7)
        require_int("Convolution padding", self.padding, 0, self.kernel - 1)
        for name, size in (("height", self.height), ("width", self.width)):
            if size + 2 * self.padding < self.kernel:
                raise ValueError(f"Convolution kernel must be at most the padded {name} "
                                 f"({size + 2 * self.padding}), not {self.kernel}")
        require_choice("Convolution pool", self.pool, (1, 2))
        require_type("Convolution relu", self.relu, bool)
        WeightKind(self.weights)
        require_int("Convolution input width", self.input.width, 1, 16)
        require_int("Convolution output width", self.output.width, 1, 32)
        require_int("Convolution scale_width", self.scale_width, 0, 24)
        require_int("Convolution bias_width", self.bias_width, 2, 48)
        require_int("Convolution shift", self.shift, 0, 40)
        if self.scaled_width > 60:
            raise ValueError("Convolution scale_width must be at most "
                             f"{60 - self.sum_width} for sums of {self.sum_width} bits, "
                             f"not {self.scale_width}")
        if min(self.rows, self.columns) < self.pool:
            raise ValueError(f"Convolution pool must be 1 for an output of {self.rows} x "
                             f"{self.columns}, not {self.pool}")

    kind = property(lambda self: WeightKind(self.weights))
    #: Taps of a kernel, and terms of a sum.
    taps = property(lambda self: self.kernel**2)
    terms = property(lambda self: self.channels * self.taps)
    #: The output before it is pooled, and after.
    rows = property(lambda self: (self.height + 2 * self.padding - self.kernel)
                    // self.stride + 1)
    columns = property(lambda self: (self.width + 2 * self.padding - self.kernel)
                       // self.stride + 1)
    out_height = property(lambda self: self.rows // self.pool)
    out_width = property(lambda self: self.columns // self.pool)
    #: Bits of a sum that cannot overflow, and of a scaled sum with its bias.
    sum_width = property(lambda self: accumulator_width(self.input, self.kind, self.terms))
    scaled_width = property(lambda self: max(self.sum_width + self.scale_width,
                                             self.bias_width) + 1)

    @property
    def macs(self):
        """Multiplications of a frame; those with zeros of the padding are none."""
        def valid(size, outputs):
            return sum(0 <= self.stride * at + k - self.padding < size
                       for at in range(outputs) for k in range(self.kernel))
        return (valid(self.height, self.rows) * valid(self.width, self.columns)
                * self.channels * self.filters)

    def beats(self, beat):
        """Beats of an input frame and of an output frame, ``beat`` codes each."""
        return (self.height * self.width * ceil_div(self.channels, beat),
                self.out_height * self.out_width * ceil_div(self.filters, beat))


def as_layer(value):
    """A `ConvParams`, also from its dictionary."""
    return ConvParams.from_dict(value) if isinstance(value, dict) else value


@dataclass(frozen=True)
class NetworkParams(Params):
    """Convolutions, one after another: each takes the map that the one before has made."""

    layers: tuple

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(map(as_layer, self.layers)))
        require_int("Network layers", len(self.layers), 1, 64)
        for layer in self.layers:
            require_type("Network layer", layer, ConvParams)
        for n, (before, after) in enumerate(zip(self.layers, self.layers[1:], strict=False), 1):
            made = (before.filters, before.out_height, before.out_width, before.output)
            taken = (after.channels, after.height, after.width, after.input)
            for name, given, wanted in zip(("channels", "height", "width", "input"), made, taken,
                                           strict=True):
                if given != wanted:
                    raise ValueError(f"Layer {n} {name} must be {given}, as layer {n - 1} makes "
                                     f"it, not {wanted}")

    first = property(lambda self: self.layers[0])
    last = property(lambda self: self.layers[-1])
    macs = property(lambda self: sum(layer.macs for layer in self.layers))


@dataclass(frozen=True)
class ArrayParams(Params):
    """One layer, and the array that it gets.

    groups:  of channels, whose weights are taken side by side; codes of a beat, either way
    tiles:   strips of output rows
    index:   ``dense``: all weights, in a fixed order; ``list``: those that are not 0; ``shift``:
             of every channel one tap, the same for all filters (`shifts`); ``pattern``: of every
             kernel the ``kept`` taps of one of ``patterns`` patterns; ``comb``: all weights, at
             every other output (`summed`)
    block_scale_width: bits of the signed scale that every filter has for each tap of a block, which
             is ``groups`` neighbouring channels; 0 for none. Only with index ``dense``
    """

    layer: ConvParams
    groups: int = 8
    tiles: int = 4
    index: str = "dense"
    patterns: int = 8
    kept: int = 4
    block_scale_width: int = 0

    def __post_init__(self):
        object.__setattr__(self, "layer", as_layer(self.layer))
        require_type("Array layer", self.layer, ConvParams)
        require_int("Array groups", self.groups, 1, 256)
        require_int("Array tiles", self.tiles, 1, 256)
        require_choice("Array index", self.index, ("dense", "list", "shift", "pattern", "comb"))
        if self.index == "pattern":
            require_int("Array kept", self.kept, 1, self.layer.taps)
            require_int("Array patterns", self.patterns, 1,
                        min(256, math.comb(self.layer.taps, self.kept)))
        # Sums are exact in golden's floats.
        most = min(53, 59 - self.layer.scale_width) - self.layer.sum_width
        require_int("Array block_scale_width", self.block_scale_width, 0, min(16, most))
        if self.block_scale_width and self.index != "dense":
            raise ValueError("Array index must be 'dense' for scales of blocks, "
                             f"not {self.index!r}")
        if self.tiles > self.layer.out_height:
            raise ValueError(f"Array tiles must be at most the output's rows "
                             f"({self.layer.out_height}), not {self.tiles}")
        if self.index in ("list", "comb") and self.layer.weights == "binary":
            raise ValueError("Array index must be 'dense' for binary weights, which are never 0, "
                             f"not {self.index!r}")
        if self.index == "comb" and self.tiles > 1 and self.rows % 2:
            raise ValueError("Array tiles must make strips of an even number of rows for index "
                             f"'comb', not {self.tiles} of {self.rows} rows")

    beat = property(lambda self: self.groups)
    lanes = property(lambda self: self.groups * self.tiles)
    #: Channels of a group; codes beyond the last channel are 0.
    depth = property(lambda self: ceil_div(self.layer.channels, self.groups))
    #: Output rows of a strip, before and after they are pooled, and input rows that it needs.
    out_rows = property(lambda self: ceil_div(self.layer.out_height, self.tiles))
    rows = property(lambda self: self.out_rows * self.layer.pool)
    in_rows = property(lambda self: (self.rows - 1) * self.layer.stride + self.layer.kernel)
    #: Input columns with their padding, and pixels of a strip's channel, of a strip.
    pitch = property(lambda self: self.layer.width + 2 * self.layer.padding)
    plane = property(lambda self: self.in_rows * self.pitch)
    pixels = property(lambda self: self.depth * self.plane)
    #: Strips that a pixel may be in: as many writes.
    copies = property(lambda self: (self.in_rows - 1) // (self.rows * self.layer.stride) + 1)
    #: Output pixels of a strip, and beats of an output pixel.
    out_pixels = property(lambda self: self.out_rows * self.layer.out_width)
    out_beats = property(lambda self: ceil_div(self.layer.filters, self.beat))
    #: Whether a product is no more than an operand of an addition.
    adds = property(lambda self: self.layer.weights in ("binary", "ternary"))
    #: Registers of the tree that adds up the groups, four to one each; products that are more than
    #: additions have one of their own.
    stages = property(lambda self: max(1, ceil_div(ceil_log2(self.groups), 2)) + (not self.adds))
    #: Cycles from a weight's address to its strip's sum: weight, its register, address, pixel, its
    #: register, tree, scale.
    latency = property(lambda self: 5 + self.stages + (self.block_scale_width > 0))
    #: Bits of a sum that cannot overflow.
    sum_width = property(lambda self: self.layer.sum_width + self.block_scale_width)
    @property
    def shifts(self):
        """The tap of every channel with ``index`` ``shift``: list of ints.

        Channels are cut into as many parts as there are taps, all of one size and in the taps'
        order; what is left over has the centre, row and column ``kernel // 2``.
        """
        layer = self.layer
        size, centre = layer.channels // layer.taps, layer.kernel // 2
        return [channel // size if channel < size * layer.taps else centre * (layer.kernel + 1)
                for channel in range(layer.channels)]

    def summed(self, filters, y, x):
        """Whether the output of a filter at a row and column, before pooling, is a sum with index
        ``comb``; the others are copies."""
        return (filters + y + x) % 2 == 0

    def shortest(self, lengths):
        """Cycles of the shortest sum, of filters that take so many: a copy takes one."""
        return 1 if self.index == "comb" else int(min(lengths))

    def issued(self, lengths):
        """Cycles in which weights are issued for a frame; ``lengths``: of each filter's sums."""
        positions = self.out_pixels * self.layer.pool**2
        if self.index != "comb":
            return int(sum(lengths)) * positions
        # Strips begin with a sum of filter 0.
        first, others = int(sum(lengths[::2])), int(sum(lengths[1::2]))
        even = ceil_div(positions, 2)
        return (first * even + others * (positions - even)
                + ceil_div(len(lengths), 2) * (positions - even) + len(lengths) // 2 * even)

    #: Bits of a pattern's number.
    pattern_bits = property(lambda self: max(1, ceil_log2(self.patterns)))
    #: Values of a list's place: the address of its pixel within the strip, from the first tap's.
    place_bits = property(lambda self: max(1, (self.pixels - 1).bit_length()))

    def index_bits(self, entries):
        """What says where the weights of so many entries belong, beside the one fixed order: in
        lists a place for each weight, with shifts for each channel, with patterns a number for each
        kernel, and the patterns; with a comb a place for each filter's copy."""
        numbers = self.layer.filters * self.depth * self.groups * self.pattern_bits
        return {"dense": 0, "list": entries * self.groups * self.place_bits,
                "shift": self.depth * self.groups * self.place_bits,
                "comb": self.layer.filters * self.place_bits,
                "pattern": numbers + self.patterns * self.kept * ceil_log2(self.layer.taps)}[
                    self.index]


@dataclass(frozen=True)
class CyclicParams(Params):
    """A convolution whose filter i has the channels ``(i + j dilation) mod channels``, j from 0 to
    ``fan_in`` - 1: as many filters as channels, and no index of any kind. A dense one has
    ``fan_in`` = channels and ``dilation`` = 1, a depthwise one ``fan_in`` = 1.

    lanes:  filters that are worked on side by side; codes of a beat, either way
    """

    layer: ConvParams
    fan_in: int = 4
    dilation: int = 1
    lanes: int = 4

    def __post_init__(self):
        object.__setattr__(self, "layer", as_layer(self.layer))
        require_type("Cyclic layer", self.layer, ConvParams)
        nodes = self.layer.channels
        if self.layer.filters != nodes:
            raise ValueError(f"Cyclic filters must be as many as channels ({nodes}), "
                             f"not {self.layer.filters}")
        require_int("Cyclic dilation", self.dilation, 1, nodes)
        require_int("Cyclic fan_in", self.fan_in, 1, nodes)
        most = nodes // math.gcd(nodes, self.dilation)
        if self.fan_in > most:
            raise ValueError(f"Cyclic fan_in must be at most {most} for {nodes} channels at "
                             f"dilation {self.dilation}, not {self.fan_in} (a channel would come "
                             "twice)")
        require_int("Cyclic lanes", self.lanes, 1, 256)
        if nodes % self.lanes:
            raise ValueError(f"Cyclic lanes must divide the {nodes} channels, not {self.lanes}")

    beat = property(lambda self: self.lanes)
    #: Beats of a pixel, and as many blocks of filters.
    blocks = property(lambda self: self.layer.channels // self.lanes)
    #: Pixels of the input map, in beats.
    words = property(lambda self: self.layer.height * self.layer.width * self.blocks)
    #: Cycles of a block of sums.
    terms = property(lambda self: self.fan_in * self.layer.taps)
    #: Blocks of sums of a frame.
    sums = property(lambda self: self.layer.out_height * self.layer.out_width
                    * self.layer.pool**2 * self.blocks)
    #: Requantisers that keep up.
    requantisers = property(lambda self: ceil_div(self.lanes, self.terms))
    #: Cycles from a weight's address to its product added: weight, pixel, its register, turn,
    #: product.
    latency = property(lambda self: 5)
    #: Places of the output queue: a block's sums have one from their first address on.
    places = property(lambda self: ceil_div(self.latency + REQUANTISER + 5, self.terms) + 4)

    def channel(self, filters, number):
        """Channel ``number`` of a filter."""
        return (filters + number * self.dilation) % self.layer.channels


@dataclass(frozen=True)
class MaskedParams(Params):
    """A fully connected layer of which shift registers keep a part: only that is stored.

    Lane p makes the filters p, p + lanes, and so on. Its shift register gives a number for each of
    their inputs, in turn; it runs on from filter to filter and begins anew with each frame. A
    weight is kept where the number is below ``threshold``: a share of
    ``(threshold - 1) / (2**register - 1)``.

    layer:    of a map of 1 x 1: inputs are its channels, outputs its filters
    register: stages of the shift registers
    steps:    from number to number
    seed:     of the registers' first states
    lanes:    at most as many as inputs
    """

    layer: ConvParams
    threshold: int = 103
    register: int = 10
    steps: int = 7
    seed: int = 1
    lanes: int = 8

    def __post_init__(self):
        object.__setattr__(self, "layer", as_layer(self.layer))
        require_type("Masked layer", self.layer, ConvParams)
        shape = (self.layer.height, self.layer.width, self.layer.kernel)
        if shape != (1, 1, 1):
            raise ValueError("Masked layer must have a map and a kernel of 1 x 1, "
                             f"not {shape[0]} x {shape[1]} and {shape[2]} x {shape[2]}")
        require_int("Masked register", self.register, min(TAPS), 24)
        require_int("Masked threshold", self.threshold, 2, 1 << self.register)
        require_int("Masked steps", self.steps, 1, self.register)
        require_int("Masked seed", self.seed, 0, (1 << 32) - 1)
        require_int("Masked lanes", self.lanes, 1, min(self.layer.channels, 256))

    beat = 1
    blocks = property(lambda self: ceil_div(self.layer.filters, self.lanes))
    #: Of weights, in the long run.
    share = property(lambda self: (self.threshold - 1) / ((1 << self.register) - 1))
    #: Cycles from an input's address to its product added: input, its register, product.
    latency = property(lambda self: 3)
    #: Places of the output queue: those of a block have theirs from its first address on.
    places = property(lambda self: 3 * self.lanes + self.latency + REQUANTISER + 5)


@dataclass(frozen=True)
class WinnersParams(Params):
    """The k largest codes of every pixel over all channels stay, the others become 0; of equal
    codes the one of the lower channel is the larger one. With signed codes a negative one may stay.

    winners: how many stay
    format:  of the codes, in and out
    beat:    codes of a beat, either way
    """

    channels: int = 16
    height: int = 4
    width: int = 4
    winners: int = 4
    format: Format = Format(8, 8, signed=False)
    beat: int = 4

    def __post_init__(self):
        object.__setattr__(self, "format", as_format(self.format))
        require_type("Winners format", self.format, Format)
        require_int("Winners format width", self.format.width, 1, 32)
        require_int("Winners channels", self.channels, 1, 1024)
        for name in ("height", "width"):
            require_int(f"Winners {name}", getattr(self, name), 1, 4096)
        require_int("Winners winners", self.winners, 1, self.channels)
        require_int("Winners beat", self.beat, 1, 256)

    pixels = property(lambda self: self.height * self.width)
    #: Beats of a pixel.
    beats = property(lambda self: ceil_div(self.channels, self.beat))
    #: Pixels leave as they come, as the steps of a network do: those before a wrong frame's end
    #: have left when it ends.
    per_step = True
    step_beats = output_size = beats
