"""A large network of spins: one spin after another, many replicas at a time, couplings in memory.

The spins' order is fixed, and each sees the newest states of all others (Gibbs sampling with a
systematic scan). A sweep's reads are a list that is made beforehand (`IsingParams.program`): in
every cycle ``lanes`` couplings and the addresses of the spins that they lead to. A word of the
state memory holds one spin of all replicas, so that one read serves them all.

Source: the spin gate is that of Smithson et al., "Efficient CMOS Invertible Logic Using Stochastic
Computing", TCAS-I 66(6), 2019, equation (4), with the accumulator's range of stochastic simulated
annealing (TNNLS 2022); spins in series and replicas in parallel are as in SSQA (arXiv 2602.16143).
Ours: the list of couplings in place of dense rows, several of them a cycle, sequential update, a
first sweep that needs no state, and energies kept by the fields.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from golden import xorshift
from golden.check import require_int
from golden.invertible.job import COUNT, STATUS, WORD, JobBlock, pack, unpack, words
from golden.params import Params, ceil_div, ceil_log2

__all__ = ["Annealed", "Ising", "IsingParams", "Program", "anneal", "energy"]

#: Words after a spin's last one that would read its old state: it is on its way.
BEHIND = 6
#: Cycles from a sweep's last word until the energies are right.
DRAIN = 8
ENERGY = 32


@dataclass(frozen=True)
class Program:
    """What a sweep reads, word by word.

    addresses, weights: int64 [words, lanes]; a weight of 0 fills a lane
    last:               bool [words], the spin's last word
    """

    addresses: np.ndarray
    weights: np.ndarray
    last: np.ndarray

    #: Lanes that carry a coupling, of all.
    utilisation = property(lambda self: np.count_nonzero(self.weights) / self.weights.size)


@dataclass(frozen=True)
class IsingParams(Params):
    """Spins m = +-1 of energy ``E = -sum J m m``, updated one after another, from 0 on:

        F = sum of J m        I = 2**fraction F + noise (2 ones - draws)
        A' = A + I            m = sign(A'), sign(0) = +1
        A = clip(A', -range, range - 1), 0 where the range is 0

    ``ones`` is how many of the spin's ``draws`` random bits are 1. In the first sweep of a job A is
    0 and F sums over spins that have been updated: no state need be there before. (A field h is a
    coupling to one spin more.)

    spins:       1 and up
    couplings:   (i, j, J) with i < j; J is not 0
    replicas:    networks side by side, of different noise
    lanes:       couplings a cycle
    draws:       random bits of a spin's noise; their sum is nearly normal
    fraction:    bits by which the noise is finer than J
    noise_bits:  of a job's noise
    range_bits:  of a job's range; 0 leaves the accumulators and the range out
    segments:    of a job's schedule, a power of two
    seed:        of the generators; they run on from job to job
    """

    spins: int
    couplings: tuple
    replicas: int = 16
    lanes: int = 4
    draws: int = 4
    fraction: int = 2
    noise_bits: int = 6
    range_bits: int = 0
    segments: int = 16
    seed: int = 1

    def __post_init__(self):
        require_int("Ising spins", self.spins, 4, 1 << WORD)
        object.__setattr__(self, "couplings", tuple(map(tuple, self.couplings)))
        most, seen = (1 << 15) - 1, set()
        for i, j, value in self.couplings:
            require_int("Coupling spin", i, 0, self.spins - 1)
            require_int("Coupling spin", j, 0, self.spins - 1)
            require_int("Coupling J", value, -most, most)
            if value == 0 or i >= j or (i, j) in seen:
                raise ValueError("Coupling must be (i, j, J) with i < j, J not 0, and there only "
                                 f"once, not {(i, j, value)}")
            seen.add((i, j))
        require_int("Ising couplings", len(self.couplings), 1)
        require_int("Ising replicas", self.replicas, 1, 256)
        require_int("Ising lanes", self.lanes, 1, 64)
        require_int("Ising draws", self.draws, 1, 16)
        require_int("Ising fraction", self.fraction, 0, 8)
        require_int("Ising noise_bits", self.noise_bits, 1, WORD)
        require_int("Ising range_bits", self.range_bits, 0, WORD)
        require_int("Ising segments", self.segments, 2, 256)
        if self.segments & (self.segments - 1):
            raise ValueError(f"Ising segments must be a power of two, not {self.segments}")
        require_int("Ising seed", self.seed, 0, (1 << 64) - 1)
        if self.energy_reach >= 1 << ENERGY - 1:
            raise ValueError(f"Ising couplings must add up to less than 2**{ENERGY - 1}, "
                             f"not {self.energy_reach}")

    @cached_property
    def neighbours(self):
        """For each spin its couplings, as (other spin, J)."""
        found = [[] for _ in range(self.spins)]
        for i, j, value in self.couplings:
            found[i].append((j, value))
            found[j].append((i, value))
        return found

    @cached_property
    def program(self):
        """`Program` of a sweep: spins in their order, of each first the others that have been
        still for longest; where one is still on its way, lanes stay empty."""
        rows, last = [], []
        ready = [0] * self.spins
        for spin, near in enumerate(self.neighbours):
            waiting = sorted(near, key=lambda pair: (ready[pair[0]], pair[0]))
            while True:
                count = sum(ready[other] <= len(rows) for other, _ in waiting[:self.lanes])
                rows.append(waiting[:count] + [(0, 0)] * (self.lanes - count))
                waiting = waiting[count:]
                last.append(not waiting)
                if not waiting:
                    break
            ready[spin] = len(rows) + BEHIND
        both = np.array(rows, dtype=np.int64)
        return Program(both[:, :, 0], both[:, :, 1], np.array(last))

    @cached_property
    def weight_bits(self):
        """Of a signed J in memory; 0 and -1 take one bit."""
        return max((value if value >= 0 else -1 - value).bit_length() + 1
                   for _, _, value in ((0, 0, 0), *self.couplings))

    @property
    def memory(self):
        """The program as words of memory: of each lane the address, then the weight; above them
        whether it is the last."""
        each = self.address_bits + self.weight_bits
        made, mask = self.program, (1 << self.weight_bits) - 1
        lanes = made.addresses | (made.weights & mask) << self.address_bits
        return [sum(lane << each * n for n, lane in enumerate((*row, last)))
                for row, last in zip(lanes.tolist(), made.last.tolist(), strict=True)]

    @cached_property
    def field_reach(self):
        return max(sum(abs(value) for _, value in near) for near in self.neighbours)

    @cached_property
    def energy_reach(self):
        return sum(abs(value) for _, _, value in self.couplings)

    address_bits = property(lambda self: ceil_log2(self.spins))
    #: Bits of A' with its sign.
    width = property(lambda self: (
        (self.field_reach << self.fraction) + (self.draws << self.noise_bits)
        + (self.range_bits and 1 << self.range_bits)).bit_length() + 1)
    #: Generators; the newer half of each one's state is used, a step for each spin.
    generators = property(lambda self: ceil_div(self.replicas * self.draws, 64))
    sweep_cycles = property(lambda self: len(self.program.last) + DRAIN + self.replicas)
    #: Bits that count a job's sweeps.
    sweep_bits = property(lambda self: WORD + ceil_log2(self.segments))
    #: Sweeps, noises and, with accumulators, ranges of the segments.
    kinds = property(lambda self: 3 if self.range_bits else 2)
    job = property(lambda self: (WORD,) * self.kinds * self.segments)
    answer = property(lambda self: (STATUS, COUNT, ENERGY, self.spins))

    def ask(self, schedule):
        """The frame of a job: (sweeps, noise) or (sweeps, noise, range) of each segment. One of no
        sweeps ends it."""
        if len(schedule) > self.segments:
            raise ValueError(f"Schedule must have at most {self.segments} segments, "
                             f"not {len(schedule)}")
        names = ("sweeps", "noise", "range")
        bits = (WORD, self.noise_bits, self.range_bits)
        values = np.zeros((self.kinds, self.segments), int)
        for at, segment in enumerate(schedule):
            for kind, value in enumerate(segment):
                if kind == 2 and not self.range_bits:
                    require_int("Schedule range without accumulators", value, 0, 0)
                    continue
                require_int(f"Schedule {names[kind]}", value, 0, (1 << bits[kind]) - 1)
                values[kind, at] = value
        return values.reshape(-1, 1)

    def asked(self, frame):
        """A job's schedule, as hardware reads it: (sweeps, noise, range) of each segment."""
        values = np.asarray(frame).reshape(self.kinds, self.segments)
        values = np.pad(values, ((0, 3 - self.kinds), (0, 0)))
        masks = np.array([[(1 << bits) - 1] for bits in (WORD, self.noise_bits, self.range_bits)])
        values = values & masks
        used = np.cumprod(values[0] != 0).sum()
        return [tuple(segment) for segment in values[:, :used].T.tolist()]

    def read(self, frame):
        """An answer's frame to a dictionary: ``sweep`` (from 1 on; 0 without any), after which
        ``replica`` had the state ``bits`` (uint8 [spins], 1 for +1) of lowest ``energy``."""
        status, sweep, energy, state = unpack(self.answer, frame)
        sign = 1 << ENERGY - 1
        bits = np.array([state >> spin & 1 for spin in range(self.spins)], np.uint8)
        return {"replica": status >> 1, "sweep": sweep, "energy": (energy ^ sign) - sign,
                "bits": bits}


def energy(params, bits):
    """Of states, 0 and 1 for -1 and +1: int64 [...] from [..., spins]."""
    i, j, value = np.array(params.couplings).T
    signs = 2 * np.asarray(bits).astype(np.int64) - 1
    return -(signs[..., i] * signs[..., j] * value).sum(-1)


@dataclass
class Annealed:
    """Of many jobs.

    energy, sweep, replica: int64 [jobs], the lowest energy at the end of a sweep, of equal ones
                            the first one's; 0 without sweeps
    bits:                   uint8 [jobs, spins], its state
    replicas:               int64 [jobs, replicas], each one's lowest energy
    final:                  int64 [jobs, replicas], each one's last
    curve:                  int64 [sweeps, jobs], the lowest energy so far
    old, new:               the generators' states after
    """

    energy: np.ndarray
    sweep: np.ndarray
    replica: np.ndarray
    bits: np.ndarray
    replicas: np.ndarray
    final: np.ndarray
    curve: np.ndarray
    old: np.ndarray
    new: np.ndarray


def generators(params, seeds=None):
    """The generators' first states, (old, new): uint64 [seeds, generators] each; of the parameters'
    own seed alone without ``seeds``."""
    found = [xorshift.seeds(64, seed, params.generators)
             for seed in (seeds if seeds is not None else [params.seed])]
    return tuple(np.array([[state >> at & (1 << 64) - 1 for state in states] for states in found],
                          dtype=np.uint64) for at in (0, 64))


def anneal(params, schedule, old, new):
    """`Annealed` of jobs of one schedule, each with generators of its own.

    schedule:  (sweeps, noise, range) of each segment
    old, new:  the generators' states: uint64 [jobs, generators]

    The reference and what studies run: the arithmetic is that of one job. Floats hold every sum
    exactly.
    """
    p, jobs = params, len(old)
    exact = np.float32 if p.width <= 24 else np.float64
    near = [np.array([other for other, _ in row], np.int64) for row in p.neighbours]
    weights = [np.array([value for _, value in row], exact) for row in p.neighbours]
    count = jobs * p.replicas
    # Not updated yet is 0: in the first sweep that leaves those spins out.
    state, memory = np.zeros((p.spins, count), exact), np.zeros((p.spins, count), exact)
    energies = np.zeros(count, np.int64)
    best, best_sweep = np.zeros(count, np.int64), np.zeros(jobs, np.int64)
    found, replica = np.zeros(jobs, np.int64), np.zeros(jobs, np.int64)
    bits = np.zeros((jobs, p.spins), np.uint8)
    curve, sweep = [], 0
    gathered = np.empty((max(map(len, near)), count), exact)
    for sweeps, noise, reach in schedule:
        for _ in range(sweeps):
            pushes, old, new = _pushes(p, old, new, noise, exact)
            change = np.zeros(count, exact if p.energy_reach < 1 << 20 else np.float64)
            for spin in range(p.spins):
                others = gathered[:len(near[spin])]
                np.take(state, near[spin], axis=0, out=others, mode="clip")
                field = weights[spin] @ others
                total = field * (1 << p.fraction) + pushes[spin]
                if p.range_bits:
                    total += memory[spin]
                    memory[spin] = total.clip(-reach, max(reach - 1, 0))
                moved = np.where(total >= 0, exact(1), exact(-1))
                change += (state[spin] - moved) * field
                state[spin] = moved
            energies += change.astype(np.int64)
            best = np.minimum(best, energies) if sweep else energies.copy()
            sweep += 1
            each = energies.reshape(jobs, -1)
            lowest = each.min(1)
            for job in np.flatnonzero((lowest < found) | (sweep == 1)):
                found[job], best_sweep[job] = lowest[job], sweep
                replica[job] = each[job].argmin()
                bits[job] = state[:, job * p.replicas + replica[job]] > 0
            curve.append(found.copy())
    shape = (jobs, p.replicas)
    return Annealed(found, best_sweep, replica, bits, best.reshape(shape), energies.reshape(shape),
                    np.array(curve).reshape(-1, jobs), old, new)


def _pushes(params, old, new, noise, kind):
    """A sweep's noise, [spins, jobs * replicas], and the generators after it."""
    p = params
    drawn = np.empty((p.spins, *new.shape), "<u8")
    for spin in range(p.spins):
        drawn[spin] = new
        old, new = xorshift.step(64, old, new)
    bits = np.unpackbits(drawn.view(np.uint8), axis=2, bitorder="little")
    bits = bits[:, :, :p.replicas * p.draws].reshape(p.spins, -1, p.draws)
    levels = noise * (2 * np.arange(p.draws + 1) - p.draws)
    return levels.astype(kind)[bits.sum(2)], old, new


class Ising(JobBlock):
    """Input: a job (`IsingParams.ask`); output: its answer (`IsingParams.read`)."""

    name = "invertible.ising"

    def run(self, frames):
        p, answers = self.params, []
        old, new = generators(p)
        for frame in frames:
            made = anneal(p, p.asked(frame), old, new)
            old, new = made.old, made.new
            state = int.from_bytes(np.packbits(made.bits[0], bitorder="little").tobytes(), "little")
            answers.append(pack(p.answer, [
                int(made.replica[0]) << 1 | bool(made.sweep[0]), int(made.sweep[0]),
                int(made.energy[0]) % (1 << ENERGY), state]))
        return answers

    def cycles(self, frames):
        """A cycle for a job that is there, for each segment and for their end; an answer's state
        is gathered word by word, a cycle for each bit and two more."""
        p, total = self.params, 0
        fixed = words(p.job) + 2 + words(p.answer) + (WORD + 2) * words([p.spins])
        for frame in frames:
            schedule = p.asked(frame)
            sweeps = sum(segment[0] for segment in schedule)
            total += fixed + len(schedule) + sweeps * p.sweep_cycles
        return total

    def utilisation(self, frames):
        """Couplings added up, of those for which there are lanes and cycles."""
        p = self.params
        sweeps = sum(segment[0] for frame in frames for segment in p.asked(frame))
        return sweeps * 2 * len(p.couplings) / (p.lanes * self.cycles(frames))

    def random_frames(self, count, rng):
        """Of few sweeps where there are many spins: all bits are reached within some."""
        p = self.params
        frames = []
        for _ in range(count):
            lengths = rng.integers(0 if rng.random() < 0.2 else 1, 3, rng.integers(p.segments) + 1)
            most = max(1, 2000 // p.spins)
            lengths = np.diff(np.minimum(np.cumsum(lengths), most), prepend=0)
            frames.append(p.ask([
                (int(sweeps), int(rng.integers(1 << p.noise_bits)),
                 int(rng.integers(1 << p.range_bits))) for sweeps in lengths]))
        return frames
