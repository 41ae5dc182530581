"""A network of spins, cycle by cycle, in exact integers; many jobs at a time.

Source: Smithson et al., "Efficient CMOS Invertible Logic Using Stochastic Computing", TCAS-I 66(6),
2019, equation (4) and figure 7; the accumulator's range and its ramp as in the stochastic simulated
annealing of the same group (TNNLS 2022). Ours: rests, rings, schedules in segments, the finder.
"""

from dataclasses import dataclass, field

import numpy as np

from golden import lfsr, xorshift
from golden.check import require_choice, require_int
from golden.design import Block, Stream
from golden.formats import Format
from golden.invertible.params import CLAMP, WORD

__all__ = ["Job", "Network", "Result", "cycles", "ramp", "simulate"]

#: Cycles for which random bits are made at a time, and inputs of the largest circuit whose answers
#: are all written down beforehand.
CHUNK, TABLE_INPUTS = 256, 16
#: What a frame says of a bit.
FREE, ZERO, ONE = 0, 2, 3


def ramp(kind, start, end, cycles, segments):
    """A schedule from ``start`` to ``end``, as (cycles, level) of each segment.

    kind:  ``step``: the first half at ``start``, the rest at ``end``; ``linear``; ``geometric``

    >>> ramp("linear", 11, 5, 100, 3)
    [(34, 11), (33, 8), (33, 5)]
    """
    require_choice("Ramp kind", kind, ("step", "linear", "geometric"))
    require_int("Ramp segments", segments, 1)
    require_int("Ramp cycles", cycles, segments)
    share = np.arange(segments) / max(1, segments - 1)
    if kind == "step":
        share = np.arange(segments) >= segments / 2
    levels = start + (end - start) * share
    if kind == "geometric":
        if min(start, end) < 1:
            raise ValueError(f"Ramp ends must be at least 1 where it is geometric, "
                             f"not {min(start, end)}")
        levels = start * (end / start) ** share
    lengths = [cycles // segments + (n < cycles % segments) for n in range(segments)]
    return [(length, round(float(level))) for length, level in zip(lengths, levels, strict=True)]


@dataclass(frozen=True)
class Job:
    """What a frame asks for.

    schedule: (cycles, noise, range) of each segment; one of no cycles ends it. The start, which is
              random, is a state more than there are cycles.
    clamps:   port name -> value; or -> {bit: value} for some of its bits
    """

    schedule: tuple
    clamps: dict = field(default_factory=dict)

    def bits(self, params):
        """For each bit of the ports -1 (free), 0 or 1: int8 [bits]."""
        found, at = np.full(len(params.bits), -1, np.int8), 0
        names = [name for name, _ in params.ports]
        for name in self.clamps:
            require_choice("Clamped port", name, names)
        for name, spins in params.ports:
            clamp = self.clamps.get(name, {})
            if not isinstance(clamp, dict):
                require_int(f"Clamp of {name}", clamp, 0, (1 << len(spins)) - 1)
                clamp = {bit: clamp >> bit & 1 for bit in range(len(spins))}
            for bit, value in clamp.items():
                require_int(f"Clamped bit of {name}", bit, 0, len(spins) - 1)
                require_int(f"Clamp of {name} bit {bit}", value, 0, 1)
                found[at + bit] = value
            at += len(spins)
        return found

    def frame(self, params):
        """The job as words [words, 1]."""
        if len(self.schedule) > params.segments:
            raise ValueError(f"Schedule must have at most {params.segments} segments, "
                             f"not {len(self.schedule)}")
        words = []
        for count, noise, reach in self.schedule:
            require_int("Schedule cycles", count, 0, (1 << params.count_bits) - 1)
            require_int("Schedule noise", noise, 0, (1 << params.noise_bits) - 1)
            require_int("Schedule range", reach, 0, (1 << params.range_bits) - 1)
            words += [count & 0xFFFF, count >> WORD, noise, reach]
        words += [0] * (4 * params.segments - len(words))
        codes = np.where(self.bits(params) < 0, FREE, ZERO + self.bits(params)).tolist()
        each = WORD // CLAMP
        words += [sum(code << CLAMP * n for n, code in enumerate(codes[at:at + each]))
                  for at in range(0, len(codes), each)]
        return np.array(words)[:, None]

    @classmethod
    def of(cls, params, frame):
        """The schedule and the clamps of a frame's words, as hardware reads them."""
        words = [int(word) for word in np.asarray(frame).reshape(-1)]
        schedule = []
        for n in range(params.segments):
            low, high, noise, reach = words[4 * n:4 * n + 4]
            count = (low | high << WORD) & (1 << params.count_bits) - 1
            if not count:
                break
            schedule.append((count, noise & (1 << params.noise_bits) - 1,
                             reach & (1 << params.range_bits) - 1))
        packed = sum(word << WORD * n for n, word in enumerate(words[4 * params.segments:]))
        codes = [packed >> CLAMP * n & 3 for n in range(len(params.bits))]
        return tuple(schedule), np.array([code - ZERO if code >= ZERO else -1 for code in codes])


@dataclass(frozen=True)
class Result:
    """What became of jobs [jobs].

    found:    bool, whether there was a hit; replica: the first one's
    states:   int64, states up to and with the first hit, or all of them
    valid:    int64, valid states of all replicas (without stop ``hit``, to the end)
    bits:     uint8 [jobs, bits], the answer: the hit's, or the last state of replica 0
    verdicts: int64, the state (from 0) whose verdict ended the job
    steps:    int64, steps of the generators
    counts:   int64 [jobs, 2**bits] of replica 0's states at the ports, if asked for
    trace:    uint8 [jobs, cycles + 1, replicas, spins], if asked for
    """

    found: np.ndarray
    replica: np.ndarray
    states: np.ndarray
    valid: np.ndarray
    bits: np.ndarray
    verdicts: np.ndarray
    steps: np.ndarray
    counts: np.ndarray | None = None
    trace: np.ndarray | None = None


class _Random:
    """Random bits for many jobs, each with generators of its own."""

    def __init__(self, params, jobs, seeds=None, after=0):
        p = self.params = params
        self.jobs, self.at = jobs, CHUNK
        if seeds is None:
            seeds = [p.seed] * jobs
        self._seeds = [state for seed in seeds for state in p.first_states(int(seed))]
        self.skip(after)

    def skip(self, steps):
        if steps:
            self._seeds = self._states(steps + 1)[-1].tolist()

    def _states(self, count):
        """Register contents [count, generators of all jobs]."""
        if self.params.random == "lfsr":
            return lfsr.sequence(32, self._seeds, count)
        old, new = xorshift.states(32, self._seeds, count)
        return old | new << np.uint64(32)

    def bits(self):
        """uint8 [jobs, random bits] of the next cycle."""
        if self.at == CHUNK:
            made = self._states(CHUNK + 1)
            self._seeds = made[-1].tolist()
            width = self.params.register // 8
            raw = np.ascontiguousarray(made[:-1].astype(f"<u{width}")).view(np.uint8)
            self._bits = np.unpackbits(raw.reshape(CHUNK, self.jobs, -1), axis=2,
                                       bitorder="little")[:, :, :self.params.random_bits]
            self.at = 0
        self.at += 1
        return self._bits[self.at - 1]


class _Circuit:
    """The answers of the gates: uint8 [..., bits of the ports] from uint8 [..., spins]."""

    def __init__(self, params):
        self.params, self.inputs = params, list(params.inputs)
        self._table = None
        if len(self.inputs) <= TABLE_INPUTS:
            codes = np.arange(1 << len(self.inputs))
            states = np.zeros((len(codes), params.spins), np.uint8)
            states[:, self.inputs] = codes[:, None] >> np.arange(len(self.inputs)) & 1
            self._table = self._forward(states)

    def _forward(self, states):
        states = states.copy()
        for inputs, outputs, table in self.params.gates:
            code = states[..., list(inputs)] @ (1 << np.arange(len(inputs)))
            answer = np.array(table)[code]
            states[..., list(outputs)] = answer[..., None] >> np.arange(len(outputs)) & 1
        return states[..., list(self.params.bits)]

    def __call__(self, states):
        if self._table is None:
            return self._forward(states)
        return self._table[states[..., self.inputs] @ (1 << np.arange(len(self.inputs)))]


def simulate(params, schedule, clamps, *, seeds=None, after=0, trace=False, counts=False):
    """`Result` of jobs of one schedule.

    schedule: (cycles, noise, range) of each segment
    clamps:   int8 [jobs, bits], -1 where free
    seeds:    each job's, in place of the parameters' own; after: steps made before the first job
    trace, counts: what else to keep
    """
    p, jobs = params, len(clamps)
    clamps = np.asarray(clamps, np.int8)
    random = _Random(p, jobs, seeds, after)
    held = np.full((jobs, p.spins), -1, np.int8)
    held[:, list(p.bits)] = clamps
    free, forced = (held < 0)[:, None], np.maximum(held, 0).astype(np.uint8)[:, None]
    matrix = np.zeros((p.spins, p.spins), np.float32)
    for i, j, value in p.couplings:
        matrix[i, j] = matrix[j, i] = value
    fields = np.array(p.h, np.float32)
    turns = [np.isin(np.arange(p.spins), turn) for turn in p.turns]
    find = _Circuit(p) if p.gates else None

    def draw():
        bits = random.bits()
        count = p.replicas * p.spins * p.draws
        rests, at = np.ones((jobs, p.replicas, p.spins), bool), 0
        asked = bits[:, count:].reshape(jobs, p.replicas, -1)
        for spin, rest in enumerate(p.rest):
            rests[:, :, spin] = asked[:, :, at:at + rest].all(2)
            at += rest
        return bits[:, :count].reshape(jobs, p.replicas, p.spins, p.draws), rests

    start, _ = draw()
    state = np.where(free, start[..., 0], forced)
    memory = np.zeros(state.shape, np.float32)
    total = sum(count for count, _, _ in schedule)
    found = np.zeros(jobs, bool)
    replica = np.zeros(jobs, np.int64)
    states = np.full(jobs, total + 1)
    valid = np.zeros(jobs, np.int64)
    answer = np.zeros((jobs, len(p.bits)), np.uint8)
    traced, modes = [], np.zeros((jobs, 1 << len(p.bits) if counts else 0), np.int64)
    levels = [(noise, reach) for count, noise, reach in schedule for _ in range(count)]
    for cycle in range(total + 1):
        if find:
            wanted = find(state)
            agrees = ((wanted == clamps[:, None]) | (clamps[:, None] < 0)).all(2)
            right = (wanted == state[:, :, list(p.bits)]).all(2)
            running = ~found if p.stop == "hit" else np.ones(jobs, bool)
            valid += right.sum(1) * running
            now = agrees.any(1) & ~found
            if now.any():
                replica[now] = agrees[now].argmax(1)
                states[now] = cycle + 1
                if p.stop == "hit":
                    answer[now] = wanted[now, replica[now]]
                found |= now
        if trace:
            traced.append(state.copy())
        if counts:
            code = state[:, 0, list(p.bits)] @ (1 << np.arange(len(p.bits)))
            modes[np.arange(jobs), code] += 1
        if cycle == total or (p.stop == "hit" and found.all()):
            break
        noise, reach = levels[cycle]
        reach = reach if p.range < 0 else p.range
        drawn, rests = draw()
        ones = drawn.sum(3, dtype=np.float32)
        pushed = noise * (2 * ones - p.draws if p.coding == "bipolar" else ones)
        spins = 2 * state.astype(np.float32) - 1
        total_field = fields + spins @ matrix + pushed + memory
        if p.ring:
            total_field += p.ring * np.roll(spins, -1, axis=1)
        moves = free & turns[cycle % len(turns)] & rests
        state = np.where(moves, total_field >= 0, state).astype(np.uint8)
        memory = np.where(moves, total_field.clip(-reach, max(reach - 1, 0)), memory)
    last = ~found if p.stop == "hit" else np.ones(jobs, bool)
    answer[last] = state[last, 0][:, list(p.bits)]
    verdicts = states - 1 if p.stop == "hit" else np.full(jobs, total)
    # The network runs on until it hears of a hit.
    updates = np.minimum(total, verdicts + p.finder_depth + 1)
    return Result(found, replica, states, valid, answer, verdicts, updates + 1,
                  modes if counts else None, np.stack(traced, 1) if trace else None)


def cycles(params, verdicts):
    """First input beat to last output beat, both counted, of jobs one after another.

    verdicts: of each job the state whose verdict ended it
    """
    trace = params.answer == "trace"
    done = left = -1
    for state in verdicts:
        begun = max(done + params.words + 1, left + 1)
        done = begun + 1 + int(state) + (0 if trace else params.finder_depth)
        left = done + (0 if trace else params.answer_words)
    return left + 1 + trace


class Network(Block):
    """An invertible network (`golden.invertible.params.NetworkParams`); it has no tensors.

    Input beats: a word of 16 bits each. For each segment of the schedule the cycles' low and high
    half, the noise, the range; then two bits for each bit of the ports: 0 free, 2 and 3 clamped
    to 0 and 1.

    Output beats, answer ``states``: words of 16 bits. Whether there was a hit, and from bit 1 on
    its replica; then, low half first, the states up to it, and how many states were valid; then
    the ports' bits. Answer ``trace``: a beat a cycle, the spins of replica 0 first.
    """

    name = "invertible.network"

    @staticmethod
    def shapes(params):
        return {}

    @property
    def input(self):
        return Stream(Format(WORD, 0, signed=False))

    @property
    def output(self):
        p = self.params
        if p.answer == "trace":
            return Stream(Format(1, 0, signed=False), p.replicas * p.spins)
        return Stream(Format(WORD, 0, signed=False))

    def results(self, frames):
        """A `Result` of each job alone; the generators run on from one to the next."""
        p, done, found = self.params, 0, []
        for frame in frames:
            schedule, clamps = Job.of(p, frame)
            found.append(simulate(p, schedule, clamps[None], after=done,
                                  trace=p.answer == "trace"))
            done += int(found[-1].steps[0])
        return found

    def run(self, frames):
        return [self._answer(result) for result in self.results(frames)]

    def _answer(self, result):
        if self.params.answer == "trace":
            return result.trace[0].reshape(len(result.trace[0]), -1).astype(np.int64)
        most = (1 << self.params.count_bits) - 1
        counts = [int(result.states[0]) & most, int(result.valid[0]) & most]
        words = [int(result.found[0]) | int(result.replica[0]) << 1]
        words += [half for count in counts for half in (count & 0xFFFF, count >> WORD)]
        bits = result.bits[0]
        words += [int(bits[at:at + WORD] @ (1 << np.arange(len(bits[at:at + WORD]))))
                  for at in range(0, len(bits), WORD)]
        return np.array(words, dtype=np.int64)[:, None]

    def cycles(self, frames):
        return cycles(self.params, [int(r.verdicts[0]) for r in self.results(frames)])

    @classmethod
    def random(cls, params, rng):
        return cls(params, {})

    def random_frames(self, count, rng):
        p = self.params
        frames = []
        for _ in range(count):
            schedule = tuple(
                (int(rng.integers(1, 30)), int(rng.integers(1 << p.noise_bits)),
                 int(rng.integers(1 << p.range_bits)))
                for _ in range(rng.integers(p.segments + 1)))
            frame = Job(schedule).frame(p)
            codes = rng.choice([FREE, FREE, ZERO, ONE], len(p.bits))
            for bit, code in enumerate(codes):
                word, place = divmod(bit, WORD // CLAMP)
                frame[4 * p.segments + word] |= int(code) << CLAMP * place
            frames.append(frame)
        return frames
