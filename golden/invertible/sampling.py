"""How often a network is in valid states, and how evenly it visits those that its clamps allow.

A check of a network under a clamp, over 2**20 cycles at the final level of its noise:

    valid: share of the cycles in valid states, more than `VALID`
    least: of the valid states that the clamp allows the rarest one's share of the cycles, as a
           multiple of the share that each would have evenly; at least `LEAST`

The cycles are those of several jobs together, from random starts: a gate's 8, all at one level; an
adder's jobs, from 128 to 32,768, settle first, and only their last segments' cycles count. What is
stuck where it started fails: for a gate's valid states 8 starts are too few, and most of an
adder's jobs are stuck elsewhere than in a valid state.

Ours: how to make a network sample. Without accumulators and with spins of one colour at a time it
is a Gibbs sampler of which the noise is the temperature; the sum of 7 or 11 random signs is near
enough to the logistic noise that would make it exact. Their number is odd, and fields are even
multiples of the noise, so that no sum is 0, which would count as +1. The final level reaches just
over the smallest field at a valid state, with all signs alike: one time in 2**7, or 2**11. An adder
of 8 bits is valid only when 8 gates are, so it must be colder, and then moves too seldom to visit
256 states in 2**20 cycles of one job: hence its many jobs, and its ramp.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from golden.check import require_choice
from golden.invertible.build import network
from golden.invertible.hamiltonian import GATES
from golden.invertible.network import Job, simulate
from golden.params import ceil_log2

__all__ = ["LEAST", "NAMES", "VALID", "Sampled", "allowed", "clamps", "frozen", "measure", "noise",
           "plan", "sampled_clamps", "sampler", "schedule"]

VALID, LEAST = 0.95, 0.5
CYCLES = 1 << 20
#: Jobs side by side, about.
LANES = 4096
#: Of a schedule that settles: parts of the cycles, and the noise as a multiple of the final one;
#: by trial.
RAMP = ((0.02, 3.2), (0.08, 2), (0.3, 1.4), (0.45, 1.2), (0.15, 1))
#: An adder's jobs for each valid state, about; cycles of all of them to settle, and of one at most.
JOBS, SETTLE, SETTLE_MOST = 128, 5_000 << 15, 28_000

#: What makes networks of `golden.invertible.build.network` sample.
_GIBBS = {"update": "chromatic", "range": 0, "range_bits": 1, "answer": "histogram"}
_GATES = ("and", "or", "nand", "nor", "xor", "half-adder", "full-adder")
NAMES = (*_GATES, "adder-8")


@functools.cache
def sampler(name):
    """`NetworkParams` of a gate, or of ``adder-8``; its histogram tells its valid states apart.

    Errors: ValueError for a name that is not one of `NAMES`.
    """
    require_choice("Sampler", name, NAMES)
    if name == "adder-8":
        return network("adder", 8, scale=48, draws=11, noise_bits=5, segments=6, **_GIBBS,
                       histogram="a")
    # The smallest field at a valid state is half of the gap: 6, where the noise reaches 7.
    scale = 12 // GATES[name].hamiltonian.gap()
    return network(name, scale=scale, draws=7, noise_bits=1, segments=1, **_GIBBS, histogram="x,y")


@functools.cache
def noise(params):
    """The smallest one that can push every spin over the smallest field at a valid state, so that
    nothing is stuck: what a job should end with."""
    states = 2 * _states(params).astype(np.int64) - 1
    matrix = np.zeros((params.spins, params.spins), np.int64)
    for i, j, value in params.couplings:
        matrix[i, j] = matrix[j, i] = value
    field = (states @ matrix + params.h) * states
    return int(field.min()) // params.draws + 1


def schedule(params, settle, counted):
    """(cycles, noise, range) of each segment: to settle, where there are segments for that, and to
    count."""
    final = noise(params)
    ramp = [(round(part * settle), round(level * final), 0) for part, level in RAMP]
    if params.segments <= len(RAMP):
        return ((settle + counted, final, 0),)
    return (*ramp, (counted, final, 0))


def plan(params, states):
    """Schedule and number of a check's jobs, for a clamp that allows so many valid states."""
    if params.segments <= len(RAMP):
        return schedule(params, 0, CYCLES // 8), 8
    jobs = JOBS << ceil_log2(states)
    return schedule(params, min(SETTLE_MOST, SETTLE // jobs), CYCLES // jobs), jobs


def frozen(params, states):
    """The same without noise: what a check must find wanting."""
    own, jobs = plan(params, states)
    return tuple((count, 0, reach) for count, _, reach in own), jobs


def _states(params):
    """The valid states: uint8 [states, spins]."""
    codes = np.arange(1 << len(params.inputs))
    states = np.zeros((len(codes), params.spins), np.uint8)
    states[:, params.inputs] = codes[:, None] >> np.arange(len(params.inputs)) & 1
    for inputs, outputs, table in params.gates:
        answer = np.array(table)[states[:, inputs] @ (1 << np.arange(len(inputs)))]
        states[:, outputs] = answer[:, None] >> np.arange(len(outputs)) & 1
    return states


def allowed(params, clamp):
    """The valid states that a clamp [bits], -1 where free, allows, at the ports: uint8
    [states, bits]."""
    bits = _states(params)[:, params.bits]
    return bits[((bits == clamp) | (np.asarray(clamp) < 0)).all(1)]


def clamps(params):
    """Every clamp that allows a valid state: none, forward, backward, and all mixed."""
    every = itertools.product((-1, 0, 1), repeat=len(params.bits))
    return [clamp for clamp in every if len(allowed(params, clamp))]


def sampled_clamps(params, seed=0):
    """Of an adder: name -> clamp; values of random inputs. ``a`` tells their valid states apart."""
    rng = np.random.default_rng(seed)
    width = len(dict(params.ports)["a"])

    def values():
        a, b = (int(value) for value in rng.integers(1 << width, size=2))
        return a, b, a + b

    def some(value, count):
        return {int(bit): value >> int(bit) & 1 for bit in rng.permutation(width)[:count]}

    found = {}
    for _ in range(2):
        a, b, _ = values()
        found[f"forward: a {a}, b {b}"] = {"a": a, "b": b}
    for total in ((1 << width) - 1, *(values()[2] for _ in range(3))):
        found[f"backward: sum {total}"] = {"sum": total}
    for number in range(2):
        a, b, total = values()
        found[f"mixed: b {b}, {3 * number} bits of sum"] = {"b": b, "sum": some(total, 3 * number)}
        found[f"mixed: sum {total}, {number + 1} bits of a"] = {"sum": total,
                                                                "a": some(a, number + 1)}
    return {name: Job((), clamp).bits(params) for name, clamp in found.items()}


@dataclass(frozen=True)
class Sampled:
    """Of one clamp: see above. states: valid ones that it allows; counts: [2, codes of the
    histogram], of invalid and of valid states."""

    valid: float
    least: float
    states: int
    counts: np.ndarray

    passed = property(lambda self: self.valid > VALID and self.least >= LEAST)


def measure(params, chosen, plan=plan, seed=1):
    """A `Sampled` of each of the clamps ``chosen``.

    Errors: ValueError where the histogram does not tell apart the states that a clamp allows.
    """
    places = [params.bits.index(spin) for spin in params.counted]
    plans, codes = {}, {}
    for number, clamp in enumerate(chosen):
        codes[number] = allowed(params, clamp)[:, places] @ (1 << np.arange(len(places)))
        if len(set(codes[number].tolist())) < len(codes[number]):
            raise ValueError(f"Histogram must tell apart the valid states of {list(clamp)}")
        plans.setdefault(plan(params, len(codes[number])), []).append(number)
    found = {}
    for (own, jobs), numbers in plans.items():
        batch = max(1, LANES // jobs)
        for at in range(0, len(numbers), batch):
            some = numbers[at:at + batch]
            lanes = np.repeat([chosen[number] for number in some], jobs, axis=0)
            first = seed + jobs * some[0]
            counts = simulate(params, own, lanes, seeds=range(first, first + len(lanes))).counts
            counts = counts.reshape(len(some), jobs, 2, -1).sum(1)
            for number, each in zip(some, counts, strict=True):
                share, states = each / each.sum(), codes[number]
                found[number] = Sampled(float(share[1].sum()),
                                        float(share[1, states].min() * len(states)),
                                        len(states), each)
    return [found[number] for number in range(len(chosen))]
