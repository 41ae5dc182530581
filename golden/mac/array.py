"""Sums of products, several terms a cycle: the multiply-accumulate array as one component.

What lanes add is never negative: operands come with an offset, an addend is subtracted by inverting
its bits, and what both add too much hangs on the weights alone. It is known beforehand, a constant
of each lane, and taken off as the sum leaves.

Sources: Ardakani et al., ICLR 2019 (arXiv 1809.11086): multiplexers for few-bit weights; Booth,
Q. J. Mech. Appl. Math. 4(2), 1951, radix 4 after MacSorley, Proc. IRE 49(1), 1961; White, IEEE ASSP
Magazine 6(3), 1989: distributed arithmetic, whose tables of signed sums the shared ones are.
Several terms a cycle under one adder, offsets folded into a constant, the coding of pairs: ours.
"""

import numpy as np

from golden.design import Block
from golden.formats import Format
from golden.mac.best import best
from golden.mac.params import ArrayParams
from golden.weights import random_weights

__all__ = ["Array", "array", "corrections", "weight_words"]


def array(weights: str = "ternary", bits: int = 8, signed: bool = True, lanes: int = 8,
          terms: int | None = None, length: int = 16, share: int | None = None,
          structure: str | None = None, stages: int = 1, serial: bool = False) -> ArrayParams:
    """`ArrayParams` from flat arguments: ``bits`` and ``signed`` are the operand's; ``terms``,
    ``share`` and ``structure`` are by default what `golden.mac.best` says, ``terms`` of a
    ``serial`` array its ``length``.

    >>> array().terms, array(terms=4, share=1).structure
    (16, 'ripple')
    """
    operand = Format(bits, 0, signed)
    if serial and terms is None:
        terms = length
    terms, share, measured = best(weights, bits, lanes, length, terms, share)
    return ArrayParams(weights, operand, lanes, terms, length, share, structure or measured, stages,
                       serial)


def _codes(params, weight):
    """Weights [lanes, length] to the groups' codes [beats, lanes, groups]."""
    p = params
    codes = p.encode(weight.reshape(p.lanes, p.beats, p.groups, p.share))
    return codes.transpose(1, 0, 2)


def weight_words(params, weight):
    """The weight memory's words, one a beat: lane by lane, group by group, from the least
    significant bit."""
    words = []
    for codes in _codes(params, weight).reshape(params.beats, -1).tolist():
        word = 0
        for n, code in enumerate(codes):
            word |= code << n * params.group_bits
        words.append(word)
    return words


def corrections(params, weight):
    """What each lane's sum lacks when all terms are in: [lanes], 0 .. 2**sum_width - 1."""
    p, sums = params, params.sums
    total = np.zeros(p.lanes, dtype=object)
    codes = _codes(p, weight)
    selections = p.selections
    each = len(selections) // p.groups
    for n, selection in enumerate(selections):
        group, low = n // each, n // each * p.group_bits
        code = codes[:, :, group]
        chosen = sum((code >> at - low & 1) << k for k, at in enumerate(selection.sources)
                     if at is not None)
        constants = np.array([selection.constant(c, sums) for c in range(len(selection.table))],
                             dtype=object)
        total += constants[chosen].sum(0)
    if p.serial:  # each bit adds them, and a signed operand is its bits less half their range
        half = 1 << p.operand.width - 1
        total = total * (2 * half - 1) + p.operand.signed * half * weight.sum(1)
    return [-int(v) % (1 << p.sum_width) for v in total]


class Array(Block):
    """Input beats: ``terms`` operands; output beats: the sums, lane by lane.

    Tensor ``weight`` [lanes, length], integers of the kind.
    """

    name = "mac.array"
    input = property(lambda self: self.params.input)
    output = property(lambda self: self.params.output)

    @staticmethod
    def shapes(params):
        return {"weight": (params.lanes, params.length)}

    def check(self):
        if not self.params.kind.contains(self.tensors["weight"]):
            raise ValueError(f"Tensor weight must hold {self.params.weights} weights only")

    def run(self, frames):
        return [(self.tensors["weight"] @ frame.reshape(-1))[:, None] for frame in frames]

    def cycles(self, frames):
        p = self.params
        return len(frames) * (p.beats * p.cycles_per_beat + p.lanes + p.stages) + 1

    @classmethod
    def random(cls, params, rng):
        return cls(params, {"weight": random_weights(
            params.kind, (params.lanes, params.length), rng)})

    def random_frames(self, count, rng):
        form, p = self.params.operand, self.params
        frames = rng.integers(form.minimum, form.maximum + 1, (count, p.beats, p.terms))
        ends = rng.choice([form.minimum, form.maximum], (count, p.beats, p.terms))
        return list(np.where(rng.random((count, 1, 1)) < 0.4, ends, frames))
