"""Stream arithmetic block by block: codings, parameters, and what all of its blocks share.

Torch-free: hardware imports this file. A stream of range ``m`` is a value a beat:

* ``unipolar``: 0 .. m, the sum of m bits; its mean stands for 0 .. m;
* ``bipolar``: -m .. m, a sum of m bits that stand for +-1; of range 1 it stays the bit: 1 for +1,
  0 for -1;
* ``sign``: -m .. m, a magnitude's unipolar stream with a constant sign.

Source of integer streams: Ardakani et al., "VLSI Implementation of Deep Neural Network Using
Integral Stochastic Computing", TVLSI 25(10), 2017.
"""

from abc import abstractmethod
from dataclasses import dataclass, field, fields

import numpy as np

from golden.activation import check_table
from golden.check import require_choice, require_int, require_type
from golden.design import Block, Stream
from golden.formats import Format
from golden.lstm.params import DenseParams
from golden.params import Params
from golden.stochastic.params import Generators

__all__ = ["CODINGS", "AdderParams", "ConverterParams", "CounterParams", "FsmParams", "PerBeat",
           "ProductParams", "RadixParams", "StreamParams", "span", "stream_format", "values"]

CODINGS = ("unipolar", "bipolar", "sign")
BIT = Format(1, 0, signed=False)


def span(m, coding):
    """The least and the greatest code of a stream.

    >>> span(4, "unipolar"), span(4, "bipolar"), span(1, "bipolar"), span(1, "sign")
    ((0, 4), (-4, 4), (0, 1), (-1, 1))
    """
    if coding == "unipolar" or (m, coding) == (1, "bipolar"):
        return 0, m
    return -m, m


def stream_format(m, coding):
    """The `Format` of a stream's codes."""
    low, high = span(m, coding)
    return Format(high.bit_length() + (low < 0), 0, signed=low < 0)


def values(codes, m, coding):
    """What codes stand for: themselves, but for a bipolar bit.

    >>> values(np.array([0, 1]), 1, "bipolar").tolist()
    [-1, 1]
    """
    return 2 * codes - 1 if (m, coding) == (1, "bipolar") else codes


@dataclass(frozen=True)
class StreamParams(Params):
    """A frame of ``length`` beats of a stream: its range and coding."""

    length: int = 256
    m: int = 1
    coding: str = "bipolar"

    def __post_init__(self):
        require_int("Stream length", self.length, 1, 1 << 16)
        require_int("Stream m", self.m, 1, 1 << 16)
        require_choice("Stream coding", self.coding, CODINGS)

    format = property(lambda self: stream_format(self.m, self.coding))
    #: Whether a code is a bit that stands for +-1.
    is_sign = property(lambda self: (self.m, self.coding) == (1, "bipolar"))


@dataclass(frozen=True)
class ConverterParams(StreamParams):
    """Numbers to streams: B2S with range 1, B2IS (m converters of the same number, added) beyond.

    inputs:  numbers in a frame, of one beat; streams in a beat
    bits:    fraction bits of a number: 2**bits stands for 1, that is for a mean of m; greater ones
             for no more. Unipolar numbers are unsigned, others signed
    x:       generators; stream ``input * m + k``. Coding bipolar compares with numbers of a bit
             more
    """

    inputs: int = 1
    bits: int = 8
    x: Generators = field(default_factory=Generators)

    def __post_init__(self):
        super().__post_init__()
        require_int("Converter m", self.m, 1, 64)
        require_int("Converter inputs", self.inputs, 1, 4096)
        require_int("Converter bits", self.bits, 1, 15)
        if isinstance(self.x, dict):
            object.__setattr__(self, "x", Generators.from_dict(self.x))
        require_type("Converter x", self.x, Generators)
        self.x.check("Converter", self.inputs * self.m, self.width, self.length)

    #: Bits of the numbers that codes are compared with.
    width = property(lambda self: self.bits + (self.coding == "bipolar"))

    @property
    def input(self):
        signed = self.coding != "unipolar"
        return Stream(Format(self.bits + 1 + signed, self.bits, signed), self.inputs)

    @property
    def output(self):
        return Stream(self.format, self.inputs)


@dataclass(frozen=True)
class ProductParams(StreamParams):
    """A gate: two streams to one.

    kind:  ``and``: a stream a of any range times a unipolar bit; of two bits the AND gate;
           ``xnor``: two bipolar bits; ``mux``: b where the select bit is 1, a elsewhere: the sum
           (1 - s) a + s b, scaled so that its range stays, and the product s b where a is 0

    A beat's elements are a and b, and the select with ``mux``; of a bit, bit 0 counts.
    """

    kind: str = "and"
    coding: str = "unipolar"

    def __post_init__(self):
        super().__post_init__()
        require_choice("Product kind", self.kind, ("and", "xnor", "mux"))
        if self.kind == "xnor" and not self.is_sign:
            raise ValueError("Product coding must be 'bipolar' with m 1 for kind 'xnor', "
                             f"not {self.coding!r} with m {self.m}")
        if self.kind == "and" and self.is_sign:
            raise ValueError("Product kind must be 'xnor' or 'mux' for bipolar bits, not 'and'")

    @property
    def input(self):
        return Stream(self.format, 3 if self.kind == "mux" else 2)

    @property
    def output(self):
        return Stream(self.format)


@dataclass(frozen=True)
class AdderParams(StreamParams):
    """The sum of ``terms`` streams: a stream of range ``terms * m``, without scaling.

    Of bits it is the parallel counter.
    """

    terms: int = 16

    def __post_init__(self):
        super().__post_init__()
        require_int("Adder terms", self.terms, 2, 4096)

    @property
    def input(self):
        return Stream(self.format, self.terms)

    @property
    def output(self):
        return Stream(stream_format(self.m * self.terms, self.coding))


@dataclass(frozen=True)
class FsmParams(StreamParams):
    """A saturating counter, ``C = clip(C + S, 0, states - 1)``, and a bit of it in every beat.

    function:   ``tanh``: NStanh, ``C >= threshold``; its bipolar value is about
                tanh(states s / 2 m), read as a unipolar one the sigmoid of twice that; ``exp``:
                NSexp, ``C < threshold``, the unipolar value exp(-2 gain s) for s > 0
    threshold:  when not given, states / 2, or with ``exp`` states - m gain. One more gives the rule
                ``C > states / 2``
    start:      C at the beginning of each frame; when not given, states / 2, or with ``exp`` the
                threshold: from states / 2 the way is long
    gain:       with ``exp``, of a threshold that is not given

    S is a bipolar stream (or one of coding sign), s its mean: Stanh and Sexp have range 1.
    """

    function: str = "tanh"
    states: int = 8
    threshold: int | None = None
    start: int | None = None
    gain: int = 0

    def __post_init__(self):
        super().__post_init__()
        require_choice("Fsm coding", self.coding, ("bipolar", "sign"))
        require_choice("Fsm function", self.function, ("tanh", "exp"))
        require_int("Fsm states", self.states, 2, 1 << 16)
        exp = self.function == "exp"
        if not exp and self.gain:
            raise ValueError(f"Fsm gain must be 0 unless the function is 'exp', not {self.gain}")
        if self.threshold is None:
            if exp:
                require_int("Fsm gain", self.gain, 1, (self.states - 1) // self.m)
            object.__setattr__(self, "threshold",
                               self.states - self.m * self.gain if exp else self.states // 2)
        if self.start is None:
            object.__setattr__(self, "start", self.threshold if exp else self.states // 2)
        require_int("Fsm threshold", self.threshold, 1, self.states - 1)
        require_int("Fsm start", self.start, 0, self.states - 1)

    @property
    def input(self):
        return Stream(self.format)

    @property
    def output(self):
        return Stream(BIT)


@dataclass(frozen=True)
class CounterParams(StreamParams):
    """A stream to a number: the sum of a frame's values; divided by the length, the mean."""

    @property
    def input(self):
        return Stream(self.format)

    @property
    def output(self):
        low, high = (self.length * v for v in (-self.m if self.coding != "unipolar" else 0, self.m))
        return Stream(Format(high.bit_length() + (low < 0), 0, signed=low < 0))


@dataclass(frozen=True)
class RadixParams(DenseParams):
    """The binary-radix neurons that stochastic ones are compared with: a few-bit product, scaled
    and rounded to ``output`` as `DenseParams` say, and a sigmoid of ``width`` bits from a table.

    With ``lanes`` for every output each neuron has a multiplier for each of ``columns``; the table
    is one for all. It takes a code z for z + 1/2: half a unit belongs into the bias.
    """

    output: Format = Format(8, 4)
    width: int = 8

    def __post_init__(self):
        super().__post_init__()
        if self.raw:
            raise ValueError("Radix raw must be False, because the table is of 'output', not True")
        check_table("sigmoid", self.output, self.width)

    #: Two cycles more than the product alone: the table's.
    latency = property(lambda self: self.dense.latency + 2)

    @property
    def dense(self):
        """Parameters of the product alone."""
        return DenseParams(**{f.name: getattr(self, f.name) for f in fields(DenseParams)})


class PerBeat(Block):
    """A block without tensors that answers frames of ``length`` beats in the cycle after each beat,
    or, when it is one beat, after the last."""

    input = property(lambda self: self.params.input)
    output = property(lambda self: self.params.output)

    @staticmethod
    def shapes(params):
        return {}

    @abstractmethod
    def answers(self, codes):
        """Codes [frames, beats, elements] to the answers' codes."""

    def run(self, frames):
        return list(self.answers(np.stack(frames)))

    def cycles(self, frames):
        return len(frames) * self.params.length + 1

    @classmethod
    def random(cls, params, rng):
        return cls(params, {})

    def random_frames(self, count, rng):
        p = self.params
        low, high = span(p.m, p.coding)
        shape = (count, p.length, p.input.elements)
        frames = rng.integers(low, high + 1, shape)
        # Some frames drift one way.
        bias = rng.choice([low, 0, high], (count, 1, 1))
        return list(np.where(rng.random(shape) < 0.3, bias, frames))
