"""Factoring by a collapsed network of spins: an array multiplier without spins for its ANDs.

Spins are the bits of a and b, and the sums and carries of ``bits (bits - 1)`` adders, row by row:
2 bits**2 in all. An adder's inputs are products of two spins, or a sum or carry from above or
beside; its error is ``e = inputs - sum - 2 carry``, and the energy is the sum over adders of
``weight e**2``, the weight that of the adder's column. (Bit 0 of the product has an error of its
own.) A spin's input I is by how much the energy falls when it becomes 1, all others as they are:
``-sum of weight k (2 e' + k)``, with k its part of an adder's error (1, -1, -2; 0 where the other
operand's bit is 0) and e' the error without it.

Every cycle each spin becomes ``I + noise >= 0``, or rests by chance. The product's bits are
clamped. The search ends with the first cycle after which ``a b`` is the product.

With several ``stages`` as many searches, each with spins of its own, take turns, as those of
`golden.invertible.search` do: in every cycle an update is begun, and that which was begun
``stages - 1`` cycles before is finished, with the random bits of that cycle.

Source: Smithson et al., "Efficient CMOS Invertible Logic Using Stochastic Computing", TCAS-I 66(6),
2019: clamps, noise within the input, an array of adders. Ours: no spins for ANDs, energies of
squares, weights of columns, small ones in the middle, and resting, without which spins that hang on
each other keep changing together.
"""

from dataclasses import dataclass

import numpy as np

from golden import xorshift
from golden.check import require_int
from golden.invertible.job import COUNT, STATUS, JobBlock, pack, unpack
from golden.params import Params, ceil_div

__all__ = ["Collapsed", "CollapsedParams", "Found", "cells", "factor", "factoring", "generators",
           "uses"]

#: Operand bits -> (weights, amplitude, hidden): found by a search over them, on all products.
TUNED: dict[int, tuple] = {
    4: ((16, 8, 4, 4, 4, 8, 16), 14, 5),
    5: ((24, 13, 8, 4, 3, 3, 4, 8, 17), 11, 5),
    6: ((24, 20, 12, 8, 4, 4, 4, 4, 8, 12, 20), 16, 4),
    7: ((32, 28, 16, 8, 4, 4, 4, 4, 4, 8, 12, 16, 28), 18, 4),
    8: ((36, 36, 16, 8, 4, 4, 4, 3, 4, 3, 8, 12, 16, 20, 36), 20, 4),
}

#: Random bits of a spin: of its noise, and above them of its rest.
NOISE, REST = 4, 3
#: Spins that a word of a generator's state serves; both words do.
SERVED = 64 // (NOISE + REST)


@dataclass(frozen=True)
class CollapsedParams(Params):
    """A network for products of two numbers of ``bits`` bits.

    weights:    of the adders of each column, from column 0 on: 2 bits - 1
    amplitude:  of the noise, ``amplitude (2 u - 15) >> 4`` of a random u of 4 bits
    hidden:     of eight cycles, in how many a sum or carry is made anew
    inputs:     the same for bits of a and b
    seed:       of the generators; their bits run on from job to job
    stages:     of an update, in cycles; so many searches take turns
    """

    bits: int = 5
    weights: tuple = TUNED[5][0]
    amplitude: int = TUNED[5][1]
    hidden: int = TUNED[5][2]
    inputs: int = 7
    seed: int = 1
    stages: int = 1

    def __post_init__(self):
        require_int("Collapsed bits", self.bits, 2, 16)
        object.__setattr__(self, "weights", tuple(self.weights))
        if len(self.weights) != 2 * self.bits - 1:
            raise ValueError(f"Collapsed weights must be {2 * self.bits - 1}, one for each column, "
                             f"not {len(self.weights)}")
        for weight in self.weights:
            require_int("Collapsed weight", weight, 1, 255)
        require_int("Collapsed amplitude", self.amplitude, 0, 255)
        require_int("Collapsed hidden", self.hidden, 1, 8)
        require_int("Collapsed inputs", self.inputs, 1, 8)
        require_int("Collapsed seed", self.seed, 0, (1 << 64) - 1)
        require_int("Collapsed stages", self.stages, 1, 4)

    job = property(lambda self: (COUNT, 2 * self.bits))
    answer = property(lambda self: (STATUS, COUNT, 2 * self.bits))
    #: Of ``bits (bits - 1)`` adders two each, and the operands'.
    spins = property(lambda self: 2 * self.bits**2)
    #: Spins that are not clamped: all but bits 1 and up of the product.
    free = property(lambda self: self.spins - 2 * self.bits + 1)
    generators = property(lambda self: ceil_div(self.free, 2 * SERVED))

    def ask(self, limit, product):
        """The frame of a job."""
        return pack(self.job, [limit, product])

    def read(self, frame):
        """An answer's frame to a dictionary: ``found``, ``cycles``, ``a``, ``b``."""
        status, cycles, values = unpack(self.answer, frame)
        return {"found": bool(status & 1), "cycles": cycles, "a": values & (1 << self.bits) - 1,
                "b": values >> self.bits}


def factoring(bits: int = 5, seed: int = 1, stages: int = 1) -> CollapsedParams:
    """`CollapsedParams` with weights, noise and rest as tuned for 4 to 8 bits.

    Errors: ValueError for other ``bits``.
    """
    if bits not in TUNED:
        raise ValueError(f"Collapsed bits must be between 4 and 8 for tuned weights, not {bits} "
                         "(CollapsedParams takes weights of your own)")
    weights, amplitude, hidden = TUNED[bits]
    return CollapsedParams(bits, weights, amplitude, hidden, seed=seed, stages=stages)


def cells(params):
    """(column, inputs, sum, carry) of each adder: the inputs are pairs (spin, other spin or None).

    Spins: a, b, sums and carries that are not clamped; the product's bits behind them.
    """
    n, free = params.bits, params.free
    made = iter(range(2 * n, free))

    def spin(column, last):
        return free + column if last else next(made)

    found = [(0, [(0, n)], free, None)]
    above = [(place, n) for place in range(1, n)] + [None]
    for row in range(1, n):
        carry, sums = None, []
        for place in range(n):
            given = [(place, n + row), above[place], carry]
            total = spin(row + place, place == 0 or row == n - 1)
            over = spin(row + n, row == n - 1 and place == n - 1)
            found.append((row + place, [pair for pair in given if pair], total, over))
            carry = (over, None)
            sums.append((total, None))
        above = [*sums[1:], carry]
    return found


def uses(params):
    """(spin, cell, part, gate or None) of each part that a free spin has in an adder's error, by
    spins."""
    found = []
    for number, (_, inputs, total, over) in enumerate(cells(params)):
        for spin, gate in inputs:
            found.append((spin, number, 1, gate))
            if gate is not None:
                found.append((gate, number, 1, spin))
        found += [(total, number, -1, None)] + ([] if over is None else [(over, number, -2, None)])
    return sorted((use for use in found if use[0] < params.free), key=lambda use: use[0])


def generators(params, seeds=None):
    """The generators' first states, (old, new): uint64 [seeds, generators] each; of the parameters'
    own seed alone without ``seeds``."""
    found = [xorshift.seeds(64, seed, params.generators)
             for seed in (seeds if seeds is not None else [params.seed])]
    return tuple(np.array([[state >> at & (1 << 64) - 1 for state in states] for states in found],
                          dtype=np.uint64) for at in (0, 64))


@dataclass
class Found:
    """Of many jobs: arrays [jobs], and the generators' states after."""

    found: np.ndarray
    cycles: np.ndarray
    values: np.ndarray
    old: np.ndarray
    new: np.ndarray


def factor(params, products, limits, old, new):
    """Run many jobs side by side, each by generators of its own.

    products, limits:  int64 [jobs]
    old, new:          the generators' states: uint64 [jobs, generators]

    The reference and what studies run: the arithmetic is that of one job.
    """
    p, n, free = params, params.bits, params.free
    limits = np.maximum(1, limits)
    adders, parts = cells(p), uses(p)
    # Behind all spins a 1 and a 0, in place of what is not there.
    one, zero = free + 2 * n, free + 2 * n + 1
    terms = [[(*pair, None)[:2] for pair in inputs] + [(zero, None)] * (3 - len(inputs))
             for _, inputs, _, _ in adders]
    spin, gate = (np.array([[one if pair[at] is None else pair[at] for pair in row]
                            for row in terms]) for at in (0, 1))
    total = np.array([cell[2] for cell in adders])
    over = np.array([zero if cell[3] is None else cell[3] for cell in adders])
    own, cell, part = (np.array([use[at] for use in parts]) for at in range(3))
    by = np.array([one if use[3] is None else use[3] for use in parts])
    heavy = part * np.array([p.weights[adders[c][0]] for c in cell])
    heavy, part = heavy.astype(np.int32), part.astype(np.int32)
    first = np.flatnonzero(np.diff(own, prepend=-1))
    word, lane = np.divmod(np.arange(free), SERVED)
    shift = (lane * (NOISE + REST)).astype(np.uint64)
    noise = (p.amplitude * (2 * np.arange(1 << NOISE) - (1 << NOISE) + 1) >> NOISE).astype(np.int32)
    awake = np.where(np.arange(free) < 2 * n, p.inputs, p.hidden)
    weights = 1 << np.arange(n)

    def random():
        both = np.stack([old, new], -1).reshape(len(old), -1)
        return (both[:, word] >> shift).astype(np.int64) & (1 << NOISE + REST) - 1

    # Search k's updates are begun in cycles k + 1, k + 1 + stages, ..
    searches = np.zeros((p.stages, len(limits), free + 2 * n + 2), np.int32)
    searches[0, :, :free] = random() >> NOISE - 1 & 1
    searches[..., free:-2] = products[:, None] >> np.arange(2 * n) & 1
    searches[..., one] = 1
    if p.stages > 1:    # so that the next one begins with other spins
        old, new = xorshift.step(64, old, new)
    live, cycle = np.arange(len(limits)), 0
    result = Found(np.zeros(len(limits), bool), np.zeros_like(live), np.zeros_like(live),
                   old.copy(), new.copy())
    while len(live):
        cycle += 1
        # The search whose update is finished, and whose next one follows.
        turn = cycle % p.stages
        bits, drawn = searches[turn], random()
        if cycle < p.stages:
            solved = np.zeros(len(live), bool)
            bits[:, :free] = drawn >> NOISE - 1 & 1
        else:
            solved = (bits[:, :n] @ weights) * (bits[:, n:2 * n] @ weights) == products
            error = (bits[:, spin] * bits[:, gate]).sum(-1) - bits[:, total] - 2 * bits[:, over]
            pull = bits[:, by] * heavy * (2 * (error[:, cell] - part * bits[:, own]) + part)
            made = noise[drawn & (1 << NOISE) - 1] - np.add.reduceat(pull, first, axis=1) >= 0
            changes = (drawn >> NOISE < awake) & ~solved[:, None]
            bits[:, :free] = np.where(changes, made, bits[:, :free])
        old, new = xorshift.step(64, old, new)
        done = solved | (cycle >= limits[live])
        if done.any():
            jobs = live[done]
            result.found[jobs], result.cycles[jobs] = solved[done], cycle
            result.values[jobs] = bits[done][:, :2 * n] @ (1 << np.arange(2 * n))
            result.old[jobs], result.new[jobs] = old[done], new[done]
            go = ~done
            searches = searches[:, go]
            live, products, old, new = live[go], products[go], old[go], new[go]
    return result


class Collapsed(JobBlock):
    """Input: a job (`CollapsedParams.ask`); output: its answer (`CollapsedParams.read`).

    An update looks at a b, and makes the spins anew. The first one looks at spins that the
    generators gave. A job that finds nothing answers with what its last cycle made, for the search
    whose turn would be next.
    """

    name = "invertible.collapsed"

    def run(self, frames):
        p, answers = self.params, []
        old, new = generators(p)
        for frame in frames:
            limit, product = unpack(p.job, frame)
            found = factor(p, np.array([product]), np.array([limit]), old, new)
            old, new = found.old, found.new
            answers.append(pack(p.answer, [int(found.found[0]), int(found.cycles[0]),
                                           int(found.values[0])]))
        return answers

    def random_frames(self, count, rng):
        """Products, and numbers that may be none."""
        p = self.params
        numbers = rng.integers(0, 1 << p.bits, (count, 2)).prod(-1)
        numbers = np.where(rng.random(count) < 0.7, numbers, rng.integers(0, 1 << 2 * p.bits,
                                                                          count))
        return [p.ask(int(limit), int(product)) for limit, product in zip(
            rng.integers(0, 60, count), numbers, strict=True)]
