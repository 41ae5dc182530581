"""Parameters of the compressed-activation dataflow: which MAC does what. Torch-free."""

from dataclasses import dataclass

from golden.check import require_choice, require_int, require_type
from golden.params import Params, ceil_div
from golden.sparse_conv.compressed import ORDERS
from golden.sparse_conv.params import ConvParams, as_layer
from golden.weights import accumulator_width

__all__ = ["BLOCK", "NullhopParams"]

#: Channels of a block: what one stored sparsity map can hold.
BLOCK = 16


@dataclass(frozen=True)
class NullhopParams(Params):
    """One layer, and the MACs that run it.

    layer:       `ConvParams`, or its dictionary
    macs:        multipliers: 8, 16, 32, 64 or 128
    controllers: the most there may be: 1, 2, 4 or 8
    bank:        weights that a MAC's bank holds for one pass
    word:        bits of a word of the streams: 4, 8 or 16
    beat:        words of a beat: 1, 2, 4 or 8
    order:       of the input: ``rows``, or ``pairs`` as an unpooled layer gives it
    columns:     output columns that a controller has accumulators for: a power of two, at least the
                 kernel; more let a controller run ahead of the others
    lanes:       sums that leave the accumulators each cycle: 1, 2, 4, 8 or 16; divides the filters
    store:       ``rom``, or ``load`` for weights, biases and scales that come in at run time
    room:        of each image row, the non-zero values that a controller's memory has room for; 0
                 for all; a frame with more is answered as a wrong one

    A channel has ``cluster`` MACs, one under each controller: as many as the bank asks for,
    ``kernel**2 channels / bank + 1``, or as there are filters to share, ``macs / filters`` (with
    more filters than MACs, ``macs / (filters / passes)``), whichever is more, up to the next power
    of two. Channels are filled up to a power of two and split evenly, in their order, over the
    controllers; each pass makes ``macs / cluster`` filters.

    Source: the driver of the NullHop chip (cAER, ``classify.cpp``), with 128 MACs, 8 controllers,
    banks of 4,096. Ours: few filters ask for no more MACs than there are controllers, the others
    idle; columns, lanes, room.
    """

    layer: ConvParams
    macs: int = 128
    controllers: int = 8
    bank: int = 4096
    word: int = 8
    beat: int = 2
    order: str = "rows"
    columns: int = 8
    lanes: int = 1
    room: int = 0
    store: str = "rom"

    def __post_init__(self):
        object.__setattr__(self, "layer", as_layer(self.layer))
        layer = self.layer
        require_type("NullHop layer", layer, ConvParams)
        require_choice("NullHop macs", self.macs, (8, 16, 32, 64, 128))
        require_choice("NullHop controllers", self.controllers, (1, 2, 4, 8))
        require_int("NullHop bank", self.bank, 1, 1 << 20)
        require_choice("NullHop word", self.word, (4, 8, 16))
        require_choice("NullHop beat", self.beat, (1, 2, 4, 8))
        require_choice("NullHop order", self.order, ORDERS)
        require_choice("NullHop columns", self.columns, (2, 4, 8, 16, 32))
        require_choice("NullHop lanes", self.lanes, (1, 2, 4, 8, 16))
        require_int("NullHop room", self.room, 0)
        require_choice("NullHop store", self.store, ("rom", "load"))
        for name in ("input", "output"):
            width = getattr(layer, name).width
            if width > self.word:
                raise ValueError(f"NullHop word must be at least the layer's {name} width "
                                 f"({width}), not {self.word}")
        if self.columns < layer.kernel:
            raise ValueError(f"NullHop columns must be at least the kernel ({layer.kernel}), "
                             f"not {self.columns}")
        if self.cluster > self.controllers:
            raise ValueError(f"NullHop controllers must be at least {self.cluster} for banks of "
                             f"{self.bank} weights, not {self.controllers} (or make the bank "
                             "larger)")
        if layer.filters % self.lanes or self.lanes > self.filters_pass:
            raise ValueError(f"NullHop lanes must divide the filters ({layer.filters}) and be at "
                             f"most those of a pass ({self.filters_pass}), not {self.lanes}")

    # -- the documented rule

    @property
    def cluster(self):
        """MACs of a filter, each under a controller of its own."""
        layer = self.layer
        memory = layer.taps * layer.channels // self.bank + 1
        if layer.filters <= self.macs:
            wanted = self.macs // layer.filters
        else:
            wanted = self.macs // (layer.filters // ceil_div(layer.filters, self.macs))
        wanted = max(memory, min(wanted, self.controllers))
        return 1 << (wanted - 1).bit_length()

    #: Channels of a controller; controllers beyond the last channel are not built.
    share = property(lambda self: max(1, ceil_div(1 << (self.layer.channels - 1).bit_length(),
                                                  self.cluster)))
    active = property(lambda self: ceil_div(self.layer.channels, self.share))
    #: MACs of a controller, and passes over the filters; MACs beyond the last filter are not built.
    filters_pass = property(lambda self: min(self.macs // self.cluster, self.layer.filters))
    passes = property(lambda self: ceil_div(self.layer.filters, self.filters_pass))

    def channels_of(self, controller):
        """Channels that a controller has."""
        return min(self.share, self.layer.channels - controller * self.share)

    # -- what controllers store

    #: Channels of a stored sparsity map, and such maps of a pixel.
    chunk = property(lambda self: min(BLOCK, self.share))

    def chunks(self, controller):
        return ceil_div(self.channels_of(controller), self.chunk)

    def values(self, controller):
        """Non-zero values of a row that a controller has room for."""
        most = self.layer.width * self.channels_of(controller)
        return min(self.room, most) if self.room else most

    def sum_width(self, controller):
        """Bits of a controller's accumulators, which cannot overflow."""
        layer = self.layer
        return accumulator_width(layer.input, layer.kind,
                                 layer.taps * self.channels_of(controller))

    # -- which rows and columns meet

    #: Output rows and columns that are made; pooling leaves an odd last one out.
    rows = property(lambda self: self.layer.out_height * self.layer.pool)
    out_columns = property(lambda self: self.layer.out_width * self.layer.pool)
    #: Stripes: pairs of output rows, and the input rows that they need.
    stripes = property(lambda self: ceil_div(self.rows, 2))
    stripe_rows = property(lambda self: self.layer.kernel + self.layer.stride)

    def stripe(self, number):
        """(first input row, row numbers within the stripe that feed its output rows, output rows).

        A first row above the image is negative.
        """
        layer = self.layer
        made = min(2, self.rows - 2 * number)
        base = 2 * layer.stride * number - layer.padding
        fed = [j for j in range(self.stripe_rows)
               if 0 <= base + j < layer.height and any(self.feeds(j, made))]
        return base, fed, made

    def feeds(self, row, made):
        """Whether a stripe's row feeds the upper, the lower output row."""
        kernel, stride = self.layer.kernel, self.layer.stride
        return row < kernel, made == 2 and stride <= row < kernel + stride

    def column(self, x):
        """(first kernel column, taps, columns begun, columns done): of an input column the taps
        with output columns within the map, kernel columns falling by the stride; output columns
        begun before or with it, and complete after it."""
        layer, count = self.layer, self.out_columns
        at = x + layer.padding
        first = max(0, (at - layer.kernel) // layer.stride + 1)
        begun = min(count, at // layer.stride + 1)
        done = max(0, min(count, (at - layer.kernel + 1) // layer.stride + 1))
        return (max(0, at - first * layer.stride), max(0, begun - first), begun,
                count if x == self.width - 1 else done)

    @property
    def width(self):
        """Input columns up to the last one that feeds an output."""
        layer = self.layer
        return min(layer.width,
                   (self.out_columns - 1) * layer.stride - layer.padding + layer.kernel)

    out_order = property(lambda self: "rows" if self.layer.pool == 2 else "pairs")
    #: Words of ``lanes`` sums that a pass, and a pixel, has.
    pixel_words = property(lambda self: self.layer.filters // self.lanes)

    def pass_words(self, number):
        left = self.layer.filters - number * self.filters_pass
        return ceil_div(min(self.filters_pass, left), self.lanes)
