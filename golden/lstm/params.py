"""Parameters of the recurrent family. Torch-free: hardware imports this file.

They fix every bit: formats, scales' shifts, thresholds, the order of rows and streams, and the
resources (lanes, columns, interval) that fix every cycle.
"""

from dataclasses import dataclass

from golden import weights
from golden.check import require_choice, require_int, require_type
from golden.formats import Format
from golden.params import Params, as_format, ceil_div
from golden.weights import WeightKind, accumulator_width, product_stages

__all__ = ["CELLS", "OUTPUT_PLACES", "WEIGHT_KINDS", "DenseParams", "LayerParams",
           "NetworkParams"]

#: Gates per hidden unit, in the order of axis 0 of the tensors and of the rows in hardware.
#: LSTM: torch's order, with which one tanh table serves g and c at one row a cycle (hdl.lstm.lstm).
#: GRU: n before z, because n waits for r.
CELLS = {"lstm": ("i", "f", "g", "o"), "gru": ("r", "n", "z")}

#: Vectors that the output queue has room for: one that fills, one that leaves, one on its way.
OUTPUT_PLACES = 3

#: Kinds that the array adds and multiplies.
WEIGHT_KINDS = tuple(kind for kind in weights.WEIGHT_KINDS if not WeightKind(kind).powers)


class _ArrayParams(Params):
    """What the array's parameters give: the registers on its way."""

    #: Cycles from a word of weights to the sums in the row registers: operands, sums of products,
    #: accumulator.
    array_latency = property(lambda self: 2 + product_stages(self.kind, self.columns))
    #: Cycles from a slot's issue to the row registers: column list, address, weights, array.
    issue_to_rows = property(lambda self: 3 + self.array_latency)


@dataclass(frozen=True)
class DenseParams(_ArrayParams):
    """A matrix-vector product with per-row scale and bias: a network's head, or a block alone.

    ``y[o] = saturate((sum_j w[o, j] x[j] * scale[o] + bias[o]) >> shift)``, rounding half up;
    with ``raw`` the accumulators leave as they are and there are no scales. With ``lanes`` for
    every output the columns are used as they come; with fewer, a vector is stored and its zero
    words are skipped. ``store``: weights baked in (``rom``), loaded once (``load``), or beside the
    vector's words, one word of weights each (``stream``).
    """

    inputs: int
    outputs: int
    weights: str = "int8"
    input: Format = Format(8, 7)
    output: Format = Format(16, 8)
    raw: bool = False
    scale_width: int = 16
    bias_width: int = 32
    shift: int = 0
    sum_shift: int = 0
    lanes: int = 1
    columns: int = 1
    batch: int = 1
    store: str = "rom"

    def __post_init__(self):
        for name in ("input", "output"):
            object.__setattr__(self, name, as_format(getattr(self, name)))
        require_int("Dense inputs", self.inputs, 1, 1 << 16)
        require_int("Dense outputs", self.outputs, 1, 1 << 16)
        _require_kind(self.weights)
        require_type("Dense input", self.input, Format)
        require_type("Dense output", self.output, Format)
        require_int("Dense input width", self.input.width, 1, 16)
        require_type("Dense raw", self.raw, bool)
        require_int("Dense scale_width", self.scale_width, 2, 24)
        require_int("Dense bias_width", self.bias_width, 2, 48)
        require_int("Dense shift", self.shift, 0, 40)
        require_int("Dense sum_shift", self.sum_shift, 0, 0 if self.raw else self.width_x - 1)
        if not self.raw:
            _require_sums("Dense", self)
        require_int("Dense lanes", self.lanes, 1, 4096)
        require_int("Dense columns", self.columns, 1, 64)
        require_int("Dense batch", self.batch, 1, 64)
        require_choice("Dense store", self.store, ("rom", "load", "stream"))
        if self.store == "stream" and not (self.direct and self.raw):
            raise ValueError("Dense store must be 'rom' or 'load' unless every output has a lane "
                             "and the product is raw, not 'stream'")

    kind = property(lambda self: WeightKind(self.weights))
    gates = interval = rows_per_cycle = row_cycles = 1
    #: Every output has a lane of its own: columns are used as they come (hdl.lstm.direct).
    direct = property(lambda self: self.lanes >= self.outputs)
    hidden = property(lambda self: self.outputs)
    rows = property(lambda self: self.outputs)
    units_per_group = property(lambda self: self.lanes)
    groups = property(lambda self: ceil_div(self.outputs, self.lanes))
    words_h = 0
    words_x = property(lambda self: ceil_div(self.inputs, self.columns))
    input_value = property(lambda self: self.input)
    one_hot = joint = False
    parts = property(lambda self: {"x": self.width_x})
    width_x = property(lambda self: accumulator_width(self.input, self.kind, self.inputs))
    #: Cycles from a row at the array's output to its result.
    latency = property(lambda self: 0 if self.raw else 4)


@dataclass(frozen=True)
class LayerParams(_ArrayParams):
    """One recurrent layer: arithmetic (formats), then resources (lanes, columns, interval).

    inputs, hidden:  sizes of x and h
    cell:            ``lstm`` or ``gru``
    weights:         one of `WEIGHT_KINDS`
    joint:           one scale per row for h and x, which then share an accumulator (lstm only);
                     otherwise each part has its own, as batch normalisation of each part wants
    one_hot:         x is one symbol code 0..inputs-1 a step, and its column is added once
    input:           format of x's elements (of the code, when one_hot)
    activation:      format of h; gates leave their tables in its width (sigmoid unsigned)
    pre:             format of the pre-activations: the tables' address
    state:           format of c (LSTM) or of the unrounded h (GRU)
    scale_width, bias_width, shift: the row requantiser ``(acc_h*s_h + acc_x*s_x + b) >> shift``
    sum_shift:       low bits that row sums lose (floor) before they are scaled, so that a product
                     fits a multiplier
    cell_norm, cell_shift: an affine step on c before its tanh ``(c*s + b) >> cell_shift``
    threshold:       |h| codes below it become 0 (state pruning); 0 prunes nothing
    lanes:           accumulators, a multiple of the cell's gates
    columns:         matrix columns added per cycle and lane
    interval:        cycles per unit of the element-wise part: 1, 2, 4 .. 16 (LSTM), 1, 3 .. 16
                     (GRU); the more, the fewer multipliers and tables
    """

    inputs: int
    hidden: int
    cell: str = "lstm"
    weights: str = "ternary"
    joint: bool = False
    one_hot: bool = False
    input: Format = Format(8, 7)
    activation: Format = Format(8, 7)
    pre: Format = Format(10, 6)
    state: Format = Format(16, 11)
    scale_width: int = 16
    bias_width: int = 32
    shift: int = 16
    sum_shift: int = 0
    cell_norm: bool = False
    cell_shift: int = 12
    threshold: int = 0
    lanes: int = 16
    columns: int = 1
    interval: int = 1
    batch: int = 1
    store: str = "rom"

    def __post_init__(self):
        for name in ("input", "activation", "pre", "state"):
            object.__setattr__(self, name, as_format(getattr(self, name)))
            require_type(f"Layer {name}", getattr(self, name), Format)
        require_int("Layer inputs", self.inputs, 1, 1 << 16)
        require_int("Layer hidden", self.hidden, 1, 1 << 16)
        require_choice("Layer cell", self.cell, tuple(CELLS))
        _require_kind(self.weights)
        require_type("Layer joint", self.joint, bool)
        require_type("Layer one_hot", self.one_hot, bool)
        require_int("Layer input width", self.input.width, 1, 16)
        require_int("Layer activation width", self.activation.width, 4, 16)
        if not self.activation.signed or self.activation.fraction != self.activation.width - 1:
            raise ValueError("Layer activation must be signed with one integer bit, "
                             f"not {self.activation}")
        require_int("Layer pre width", self.pre.width, 6, 14)
        require_int("Layer pre fraction", self.pre.fraction, 1, self.pre.width - 2)
        require_int("Layer state width", self.state.width, self.activation.width, 24)
        require_int("Layer state fraction", self.state.fraction,
                    max(self.pre.fraction, self.activation.fraction), self.state.width - 1)
        require_int("Layer scale_width", self.scale_width, 4, 24)
        require_int("Layer bias_width", self.bias_width, 4, 48)
        require_int("Layer shift", self.shift, 0, 40)
        require_int("Layer sum_shift", self.sum_shift, 0, min(self.parts.values()) - 1)
        _require_sums("Layer", self)
        require_type("Layer cell_norm", self.cell_norm, bool)
        require_int("Layer cell_shift", self.cell_shift, 1, 40)
        if self.cell_norm and self.cell != "lstm":
            raise ValueError("Layer cell_norm must be False for a gru, not True")
        require_int("Layer threshold", self.threshold, 0, self.activation.maximum)
        require_int("Layer lanes", self.lanes, self.gates, 4096)
        if self.lanes % self.gates:
            raise ValueError(f"Layer lanes must be a multiple of {self.gates} "
                             f"(gates of the {self.cell}), not {self.lanes!r}")
        require_int("Layer columns", self.columns, 1, 64)
        require_choice("Layer interval", self.interval,
                       [n for n in range(1, 17) if n >= self.gates or self.gates % n == 0])
        require_int("Layer batch", self.batch, 1, 64)
        require_choice("Layer store", self.store, ("rom", "load"))
        if self.joint and (self.cell != "lstm" or self.one_hot
                           or self.input.fraction != self.activation.fraction):
            raise ValueError("Layer joint must be False unless the cell is an lstm and its input "
                             f"has the activation's fraction ({self.activation.fraction}) and is "
                             "not one_hot, not True")
        if self.cell == "gru" and self.inner_shift < 0:
            raise ValueError("Layer shift must be at least state fraction - pre fraction "
                             f"({self.state.fraction - self.pre.fraction}), not {self.shift!r}")
        if self.one_hot and (1 << self.input.width) < self.inputs:
            raise ValueError("Layer input width must hold every symbol code "
                             f"(0..{self.inputs - 1}), not {self.input.width!r}")

    kind = property(lambda self: WeightKind(self.weights))
    gate_names = property(lambda self: CELLS[self.cell])
    gates = property(lambda self: len(CELLS[self.cell]))
    rows = property(lambda self: self.gates * self.hidden)
    units_per_group = property(lambda self: self.lanes // self.gates)
    groups = property(lambda self: ceil_div(self.hidden, self.units_per_group))
    #: Rows that leave the array in a cycle, and cycles in which a unit's rows do.
    rows_per_cycle = property(lambda self: max(1, self.gates // self.interval))
    row_cycles = property(lambda self: self.gates // self.rows_per_cycle)
    words_h = property(lambda self: ceil_div(self.hidden, self.columns))
    words_x = property(lambda self: self.inputs if self.one_hot
                       else ceil_div(self.inputs, self.columns))
    #: Format of x as the array sees it: a symbol's column counts once.
    input_value = property(lambda self: Format(2, 0) if self.one_hot else self.input)
    sigmoid = property(lambda self: Format(self.activation.width, self.activation.width, False))
    #: Fraction bits of the row sums before the requantiser.
    sum_fraction = property(lambda self: self.pre.fraction + self.shift)
    #: GRU: the shift that takes row sums to the state format.
    inner_shift = property(lambda self: self.sum_fraction - self.state.fraction)
    width_h = property(lambda self: accumulator_width(self.activation, self.kind, self.hidden))
    width_x = property(lambda self: accumulator_width(
        self.input_value, self.kind, 1 if self.one_hot else self.inputs))
    #: Accumulated parts with a scale of their own, and the widths of their sums.
    parts = property(lambda self: {"x": accumulator_width(
        self.activation, self.kind, self.hidden + ceil_div(
            self.inputs * self.input.largest, self.activation.largest))} if self.joint
        else {"h": self.width_h, "x": self.width_x})

    @property
    def latency(self):
        """Cycles from a unit's first row at the array's output to its h: see hdl.lstm."""
        if self.cell == "gru":
            return 14
        ready = [6 + row // self.rows_per_cycle for row in range(self.gates)]
        i, f, g, _o = ready
        return max(i, f, g) + 6 + (2 if self.cell_norm else 0)


def _require_kind(kind):
    require_type("Weight kind", kind, str)
    require_choice("Weight kind", kind, WEIGHT_KINDS)


def _require_sums(subject, params):
    """Raise unless golden's 64-bit integers hold every scaled sum."""
    most = 60 - max(params.parts.values()) + params.sum_shift
    if params.scale_width > most:
        raise ValueError(f"{subject} scale_width must be at most {most} for sums of "
                         f"{max(params.parts.values())} bits, not {params.scale_width!r} "
                         "(or raise sum_shift)")


@dataclass(frozen=True)
class NetworkParams(Params):
    """Recurrent layers, one after another, and a head; frames of ``steps`` steps.

    steps:     steps in a frame
    batch:     sequences side by side: every beat carries one element of each
    per_step:  the head answers after every step, otherwise after a frame's last
    stateful:  the state lives on across frames; otherwise ``tlast`` clears it
    store:     ``rom`` (weights baked in) or ``load`` (a second stream loads them)

    Input beats: per step, ``ceil(inputs / columns)`` beats of ``columns`` x batch elements (one
    beat of batch symbol codes when one_hot). Output beats: one element of each batch item.
    Without a head, the output is the last layer's h.
    """

    layers: tuple
    head: DenseParams | None
    steps: int
    batch: int = 1
    per_step: bool = False
    stateful: bool = False
    store: str = "rom"

    def __post_init__(self):
        layers = tuple(LayerParams.from_dict(x) if isinstance(x, dict) else x for x in self.layers)
        object.__setattr__(self, "layers", layers)
        if isinstance(self.head, dict):
            object.__setattr__(self, "head", DenseParams.from_dict(self.head))
        require_int("Network layers", len(layers), 1, 16)
        for layer in layers:
            require_type("Network layer", layer, LayerParams)
        if self.head is not None:
            require_type("Network head", self.head, DenseParams)
        require_int("Network steps", self.steps, 1, 1 << 16)
        require_int("Network batch", self.batch, 1, 64)
        require_type("Network per_step", self.per_step, bool)
        require_type("Network stateful", self.stateful, bool)
        require_choice("Network store", self.store, ("rom", "load"))
        chain = layers + ((self.head,) if self.head else ())
        for before, after in zip(chain, chain[1:], strict=False):
            if after.inputs != before.hidden or after.input != before.activation:
                raise ValueError(
                    f"Inputs of a layer must be the {before.hidden} x {before.activation} that the "
                    f"layer before gives, not {after.inputs} x {after.input}")
            if getattr(after, "one_hot", False):
                raise ValueError("Layer one_hot must be False after the first layer, not True")
        for part in chain:
            if (part.batch, part.store) != (self.batch, self.store):
                raise ValueError(f"A layer's batch and store must be the network's "
                                 f"({self.batch}, {self.store}), not {part.batch}, {part.store}")

    #: Elements of one batch item in an input beat.
    input_elements = property(lambda self: 1 if self.layers[0].one_hot else self.layers[0].columns)
    step_beats = property(lambda self: 1 if self.layers[0].one_hot else self.layers[0].words_x)
    frame_beats = property(lambda self: self.steps * self.step_beats)
    output_format = property(lambda self: self.layers[-1].activation if self.head is None
                             else self.head_format)
    output_size = property(lambda self: self.head.outputs if self.head else self.layers[-1].hidden)
    head_format = property(lambda self: Format(self.head.width_x, 0) if self.head.raw
                           else self.head.output)
