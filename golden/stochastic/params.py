"""Parameters of the stochastic family. Torch-free: hardware imports this file.

They fix every bit: number generators and who shares them, codings, states, the cycle in which an
answer is final; and the resources that fix every clock cycle.
"""

from dataclasses import dataclass, field

from golden.check import require_choice, require_int, require_type
from golden.formats import Format
from golden.params import Params, as_format, ceil_div, ceil_log2
from golden.stochastic.numbers import KINDS, check_generators

__all__ = ["BIT_STAGES", "HEAD_STAGES", "CascadeParams", "Faults", "Generators", "LayerParams",
           "NetworkParams"]

#: Registers from the stream cycle's counter to the streams' bits.
BIT_STAGES = 1
#: Registers from a head's sums to its answer: the scores and the output; between them there is one
#: for each level of the tree that finds the best score.
HEAD_STAGES = 2


@dataclass(frozen=True)
class Generators(Params):
    """A bank of number generators, and the sharing map: which stream compares with which number.

    kind:       ``net`` (a random digital net: every number is an exclusive or of bits of the
                cycle's count), ``vdc`` (Van der Corput: the count's bits reversed, each generator
                with a shift of its own) or ``lfsr`` (each generator a register of its own)
    count:      generators
    rotations:  numbers taken from each generator: its bits rotated by 0 .. rotations - 1
    seed:       of the nets, the shifts, or the registers
    register:   lfsr: stages
    table:      the map, stream by stream, as pairs (generator, rotation); where it is not given,
                stream s has generator ``s % count`` and rotation ``s // count % rotations``

    Streams that share a number are compared with it in the same cycle, which correlates them: a
    sum's mean does not change, its variance does (`golden.stochastic.sharing` measures it).
    """

    kind: str = "net"
    count: int = 8
    rotations: int = 1
    seed: int = 1
    register: int = 16
    table: tuple | None = None

    def __post_init__(self):
        require_choice("Generators kind", self.kind, KINDS)
        require_int("Generators count", self.count, 1, 4096)
        require_int("Generators rotations", self.rotations, 1, 32)
        require_int("Generators seed", self.seed, 0, (1 << 32) - 1)
        require_int("Generators register", self.register, 3, 32)
        if self.table is not None:
            table = tuple(tuple(pair) for pair in self.table)
            object.__setattr__(self, "table", table)
            for pair in table:
                if len(pair) != 2:
                    raise ValueError("Sharing map entry must be (generator, rotation), "
                                     f"not {pair!r}")
                require_int("Sharing map generator", pair[0], 0, self.count - 1)
                require_int("Sharing map rotation", pair[1], 0, self.rotations - 1)

    def shared(self, streams):
        """The (generator, rotation) of each of ``streams`` streams."""
        if self.table is None:
            return [(s % self.count, s // self.count % self.rotations) for s in range(streams)]
        return list(self.table)

    def check(self, subject, streams, width, length):
        """Raise unless the map names a number for each stream, and the numbers last."""
        if self.table is not None and len(self.table) != streams:
            raise ValueError(f"{subject} sharing map must have an entry for each of the {streams} "
                             f"streams, not {len(self.table)}")
        require_int(f"{subject} rotations", self.rotations, 1, width)
        check_generators(self, subject, width, length)


def _generators(value):
    return Generators.from_dict(value) if isinstance(value, dict) else value


@dataclass(frozen=True)
class LayerParams(Params):
    """Neurons of equal parameters, each of all inputs.

    ``S = sum over inputs and streams of weight bits x input bit``, every stream cycle; hidden
    layers: ``C = clip(C + S, 0, states - 1)``, bit ``C >= threshold``. A head (``states`` 0) adds
    its S up.

    m:            streams of a weight: an integer stream of range m
    weight_bits:  weights are -2**weight_bits .. 2**weight_bits, standing for -m .. m
    coding:       ``sign``: a magnitude's stream and a constant sign, so that products are 0 or
                  +-1; ``bipolar``: as in the paper, +-1 in every cycle
    product:      ``and``: inputs are unipolar; ``xnor``: inputs are bipolar, too (bipolar coding
                  only): the classic design
    bias:         a further weight, of an input that is always 1
    states, threshold, start: of the scaled FSM; threshold and start are states / 2 when not given
    w:            generators of the weights; stream ``input * m + k``, the bias as last input
    neurons, synapses: of those, how many the hardware works on in a clock cycle; 0 means all
    levels:       adder levels between two registers
    """

    inputs: int
    outputs: int
    m: int = 1
    weight_bits: int = 7
    coding: str = "sign"
    product: str = "and"
    bias: bool = True
    states: int = 16
    threshold: int | None = None
    start: int | None = None
    w: Generators = field(default_factory=Generators)
    neurons: int = 0
    synapses: int = 0
    levels: int = 4

    def __post_init__(self):
        require_int("Layer inputs", self.inputs, 1, 1 << 14)
        require_int("Layer outputs", self.outputs, 1, 1 << 14)
        require_int("Layer m", self.m, 1, 64)
        if self.m & (self.m - 1):
            raise ValueError(f"Layer m must be a power of two, not {self.m}")
        require_int("Layer weight_bits", self.weight_bits, 1, 15)
        require_choice("Layer coding", self.coding, ("sign", "bipolar"))
        require_choice("Layer product", self.product, ("and", "xnor"))
        if (self.coding, self.product) == ("sign", "xnor"):
            raise ValueError("Layer product must be 'and' with coding 'sign', not 'xnor'")
        require_type("Layer bias", self.bias, bool)
        require_int("Layer states", self.states, 0, 1 << 16)
        if self.states == 1:
            raise ValueError("Layer states must be 0 (a head) or at least 2, not 1")
        for name in ("threshold", "start"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.states // 2)
        require_int("Layer threshold", self.threshold, 0, self.states)
        require_int("Layer start", self.start, 0, max(0, self.states - 1))
        object.__setattr__(self, "w", _generators(self.w))
        require_type("Layer w", self.w, Generators)
        require_int("Layer neurons", self.neurons, 0, self.outputs)
        require_int("Layer synapses", self.synapses, 0, self.terms)
        require_int("Layer levels", self.levels, 1, 16)

    #: Inputs and the bias.
    terms = property(lambda self: self.inputs + self.bias)
    head = property(lambda self: self.states == 0)
    largest = property(lambda self: 1 << self.weight_bits)
    #: Bits of the numbers that weights are compared with.
    width = property(lambda self: self.weight_bits + (self.coding == "bipolar"))
    #: S lies between -reach and reach.
    reach = property(lambda self: self.m * self.terms)
    sum_format = property(lambda self: Format(self.reach.bit_length() + 1, 0))
    #: Bits of the FSM's register.
    state_width = property(lambda self: max(0, self.states - 1).bit_length())

    @property
    def fold(self):
        """Clock cycles that a stream cycle takes."""
        return (ceil_div(self.outputs, self.neurons or self.outputs)
                * ceil_div(self.terms, self.synapses or self.terms))

    @property
    def tree_stages(self):
        """Registers from products to their sum."""
        return max(1, ceil_div(ceil_log2((self.synapses or self.terms) * self.m), self.levels))


@dataclass(frozen=True)
class Faults(Params):
    """Bits that flip by chance, for studies: in golden, and in hardware that is generated for it.

    streams: bits that enter a layer
    sums:    bits of S, as the adders give it
    states:  bits of the FSM's register, as it is written

    Each is a rate in 1 / 65,536 per bit and stream cycle; `golden.stochastic.faults` draws them.
    """

    streams: int = 0
    sums: int = 0
    states: int = 0
    seed: int = 1

    def __post_init__(self):
        for name in ("streams", "sums", "states"):
            require_int(f"Faults {name}", getattr(self, name), 0, 1 << 16)
        require_int("Faults seed", self.seed, 0, (1 << 32) - 1)


@dataclass(frozen=True)
class NetworkParams(Params):
    """Layers one behind the other, streams from layer to layer, and an answer a frame.

    length:    stream cycles; with generators of kinds net and vdc the numbers are evenly spread
               when it is a power of two
    input:     unsigned format of an input; its fraction bits are the width of the numbers that
               inputs are compared with, and codes of 1 and more are bits that are always 1
    x:         generators of the inputs; stream s is input s
    columns:   inputs in a beat
    stop:      ``never`` before the last cycle; ``certain``: as soon as no later cycle can change
               the class; ``margin``: as soon as the best score leads by ``margin``
    earliest:  with ``margin``, cycles that pass at the least
    answer:    ``class``: a beat of [class, stream cycles that it took]; ``scores``: a beat for each
               of the head's scores; ``trace``: a beat a stream cycle, with the bits of all hidden
               layers; ``ones``: there is no head, and of each of the last layer's streams its ones
               are counted, for a `CascadeParams` or whoever wants numbers of 0..1
    out_columns: with ``ones``, counts in a beat
    faults:   for studies of fault tolerance; hardware without has nothing of it

    Of equal scores the first is the class.
    """

    layers: tuple
    length: int = 256
    input: Format = Format(8, 8, signed=False)
    x: Generators = field(default_factory=lambda: Generators(count=1, seed=0))
    columns: int = 1
    stop: str = "never"
    margin: int = 0
    earliest: int = 1
    answer: str = "class"
    out_columns: int = 1
    faults: Faults | None = None

    def __post_init__(self):
        layers = tuple(LayerParams.from_dict(x) if isinstance(x, dict) else x for x in self.layers)
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "input", as_format(self.input))
        object.__setattr__(self, "x", _generators(self.x))
        require_int("Network layers", len(layers), 1, 16)
        for layer in layers:
            require_type("Network layer", layer, LayerParams)
        require_int("Network length", self.length, 1, 1 << 16)
        require_type("Network input", self.input, Format)
        if self.input.signed:
            raise ValueError(f"Network input must be unsigned, not {self.input}")
        require_int("Network input fraction", self.input.fraction, 1, 16)
        require_int("Network input width", self.input.width, 1, 16)
        require_type("Network x", self.x, Generators)
        require_int("Network columns", self.columns, 1, 64)
        require_choice("Network stop", self.stop, ("never", "certain", "margin"))
        require_int("Network margin", self.margin, 0, 1 << 40)
        require_int("Network earliest", self.earliest, 1, self.length)
        require_choice("Network answer", self.answer, ("class", "scores", "trace", "ones"))
        require_int("Network out_columns", self.out_columns, 1, 64)
        counts = self.answer == "ones"
        if counts and (self.length & (self.length - 1) or not 2 <= self.length <= 1 << 15):
            raise ValueError("Network length must be a power of two, 2 to 32768, with answer "
                             f"'ones', not {self.length}")
        if counts and self.stop != "never":
            raise ValueError(f"Network stop must be 'never' with answer 'ones', not {self.stop!r}")
        if isinstance(self.faults, dict):
            object.__setattr__(self, "faults", Faults.from_dict(self.faults))
        if self.faults is not None:
            require_type("Network faults", self.faults, Faults)
            if self.stop != "never":
                raise ValueError(f"Network stop must be 'never' with faults, not {self.stop!r}")
        for before, after in zip(layers, layers[1:], strict=False):
            if after.inputs != before.outputs:
                raise ValueError(f"Inputs of a layer must be the {before.outputs} that the layer "
                                 f"before gives, not {after.inputs}")
        for number, layer in enumerate(layers):
            if counts and layer.head:
                raise ValueError("Layer states must be at least 2 in every layer with answer "
                                 f"'ones', not 0 in layer {number}")
            if not counts and layer.head != (number == len(layers) - 1):
                raise ValueError("Layer states must be 0 in the last layer, the head, and nowhere "
                                 f"else, not {layer.states} in layer {number}")
            if layer.product != layers[0].product:
                raise ValueError(f"Layer product must be {layers[0].product!r} in every layer, "
                                 f"not {layer.product!r}")
            layer.w.check(f"Layer {number} w", layer.terms * layer.m, layer.width, self.length)
        if self.answer == "trace" and (self.stop != "never" or len(layers) == 1):
            raise ValueError("Network answer must be 'class' or 'scores' when it stops early, or "
                             "without hidden layers, not 'trace'")
        self.x.check("Network x", layers[0].inputs, self.input.fraction, self.length)

    inputs = property(lambda self: self.layers[0].inputs)
    outputs = property(lambda self: self.layers[-1].outputs)
    #: Beats of a frame.
    words = property(lambda self: ceil_div(self.inputs, self.columns))
    #: Clock cycles of a stream cycle.
    fold = property(lambda self: max(layer.fold for layer in self.layers))
    #: Hidden neurons: bits of a beat of the trace.
    hidden = property(lambda self: sum(layer.outputs for layer in self.layers if not layer.head))
    #: Ones in a stream, as the number that they stand for.
    ones_format = property(
        lambda self: Format(self.length.bit_length(), ceil_log2(self.length), signed=False))

    @property
    def score_format(self):
        """Of the head's sums added up; flipped bits take a sum to the ends of its own format."""
        head = self.layers[-1]
        reach = -head.sum_format.minimum if self.faults and self.faults.sums else head.reach
        return Format((reach * self.length).bit_length() + 1, 0)


@dataclass(frozen=True)
class CascadeParams(Params):
    """Networks one behind the other, their streams regenerated in between: the ones of each stream
    are counted, and the next section makes a stream of its own length of the count.

    sections: at least two `NetworkParams`, all but the last one with answer ``ones``; each takes
              the counts of the one before as its ``input``, beat by beat
    """

    sections: tuple

    def __post_init__(self):
        sections = tuple(NetworkParams.from_dict(x) if isinstance(x, dict) else x
                         for x in self.sections)
        object.__setattr__(self, "sections", sections)
        require_int("Cascade sections", len(sections), 2, 16)
        for number, section in enumerate(sections):
            require_type("Cascade section", section, NetworkParams)
            last = number == len(sections) - 1
            if (section.answer == "ones") == last or section.answer == "trace":
                allowed = "'class' or 'scores' in the last section" if last else (
                    "'ones' in every section but the last")
                raise ValueError(f"Network answer must be {allowed} of a cascade, "
                                 f"not {section.answer!r} in section {number}")
        for number, (before, after) in enumerate(zip(sections, sections[1:], strict=False), 1):
            for name, given, wanted in (("inputs", after.inputs, before.outputs),
                                        ("input", after.input, before.ones_format),
                                        ("columns", after.columns, before.out_columns)):
                if given != wanted:
                    raise ValueError(f"Network {name} must be {wanted} in section {number}, as the "
                                     f"section before gives it, not {given}")

    inputs = property(lambda self: self.sections[0].inputs)
    input = property(lambda self: self.sections[0].input)
    columns = property(lambda self: self.sections[0].columns)
    words = property(lambda self: self.sections[0].words)
    outputs = property(lambda self: self.sections[-1].outputs)
    answer = property(lambda self: self.sections[-1].answer)
