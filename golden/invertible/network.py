"""A network of spins, cycle by cycle, in exact integers; many jobs at a time.

Source: Smithson et al., "Efficient CMOS Invertible Logic Using Stochastic Computing", TCAS-I 66(6),
2019, equation (4) and figure 7; the accumulator's range and its ramp as in the stochastic simulated
annealing of the same group (TNNLS 2022). Ours: rests, rings, schedules in segments, the finder.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from golden import lfsr, xorshift
from golden.check import require_choice, require_int
from golden.design import Block, Stream
from golden.formats import Format
from golden.invertible.params import CLAMP, WORD

__all__ = ["Job", "Network", "Result", "cycles", "ramp", "simulate"]

#: Cycles for which shift registers are stepped at a time, inputs of the largest circuit whose
#: answers are all written down beforehand, and bits of a word of ports.
CHUNK, TABLE_INPUTS, PART = 256, 16, 16
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
    counts:   int64 [jobs, counters], the histogram, where the parameters have one
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

    def job(self, number):
        """The `Result` of one job."""
        return Result(**{name: value if value is None else value[number:number + 1]
                         for name, value in vars(self).items()})


class _Random:
    """Random bits for many jobs, each with generators of its own: 64 of them in a word.

    after: steps made before, of all jobs or of each
    """

    def __init__(self, params, jobs, seeds=None, after=0):
        self.params, self.at = params, CHUNK
        if seeds is None:
            seeds = [params.seed] * jobs
        first = np.array([params.first_states(int(seed)) for seed in seeds], np.uint64)
        self._shape = first.T.shape  # a generator's states of all jobs stand together
        after = np.broadcast_to(after, jobs)
        if params.random == "lfsr":
            first = np.stack([lfsr.sequence(32, own, 2, steps)[1] if steps else own
                              for own, steps in zip(first, after.tolist(), strict=True)])
            self._states = first.T.ravel()
            return
        states, done = np.stack([first & np.uint64(0xFFFFFFFF), first >> np.uint64(32)]), 0
        for steps in np.unique(after).tolist():
            own = states[:, after >= steps]
            for _ in range(steps - done):
                own = np.stack(xorshift.step(32, *own))
            states[:, after >= steps], done = own, steps
        self._states = tuple(states.transpose(0, 2, 1).reshape(2, -1))

    def words(self):
        """uint64 [words, jobs] of the next cycle; its bits, least significant first, are those of
        the registers of one generator after the other."""
        if self.params.random != "lfsr":
            old, new = self._states
            self._states = xorshift.step(32, old, new)
            return (old | new << np.uint64(32)).reshape(self._shape)
        if self.at == CHUNK:
            made = lfsr.sequence(32, self._states, CHUNK + 1)
            self._made, self._states, self.at = made[:-1], made[-1], 0
        self.at += 1
        halves = self._made[self.at - 1].astype(np.uint64).reshape(self._shape)
        if len(halves) % 2:
            halves = np.concatenate([halves, np.zeros_like(halves[:1])])
        return halves[::2] | halves[1::2] << np.uint64(32)


class _Field:
    """Equal numbers of bits, up to 16, at ``places`` [...] of a cycle's random bits."""

    def __init__(self, places, width):
        self.word, shift = np.divmod(places, 64)
        self.shift, self.mask = shift[..., None].astype(np.uint64), np.uint64((1 << width) - 1)
        self.over = np.nonzero(shift + width > 64)  # into the next word
        self.rest = np.uint64(64) - self.shift[self.over]

    def __call__(self, words):
        """uint64 [..., jobs]."""
        found = words[self.word] >> self.shift
        if len(self.rest):
            found[self.over] |= words[self.word[self.over] + 1] << self.rest
        return found & self.mask


class _Circuit:
    """What the gates answer, at the ports' bits, in words of `PART` bits."""

    def __init__(self, params):
        self.params, self.inputs, self._table = params, list(params.inputs), None
        if len(self.inputs) <= TABLE_INPUTS:
            codes = np.arange(1 << len(self.inputs))
            states = np.zeros((params.spins, len(codes)), np.uint8)
            states[self.inputs] = codes >> np.arange(len(self.inputs))[:, None] & 1
            self._table = self._forward(states)

    def _forward(self, states):
        states = states.copy()
        for inputs, outputs, table in self.params.gates:
            answer = np.array(table)[_code(states[list(inputs)])]
            for k, spin in enumerate(outputs):
                states[spin] = answer >> k & 1
        return _packed(states[list(self.params.bits)])

    def read(self):
        """The spins of a code to look answers up with, if that is how."""
        return [] if self._table is None else [self.inputs]

    def __call__(self, spins, codes):
        """int64 [words, ...] of spins [spins and a 1, ...], which are -1 and 1, or of `read`'s."""
        if self._table is None:
            return self._forward((spins[:-1] > 0).astype(np.uint8))
        return self._table[:, codes[0]]


def _code(bits):
    """int64 [...] of bits [bits, ...], least significant first."""
    code = np.zeros(bits.shape[1:], np.int64)
    for place, bit in enumerate(bits):
        code |= bit.astype(np.int64) << place
    return code


def _packed(bits):
    """int64 [words, ...] of bits [bits, ...]."""
    return np.stack([_code(bits[at:at + PART]) for at in range(0, len(bits), PART)])


class _Codes:
    """Codes of the bits of several lists of spins, at most 20 in each, so that a float32 holds it;
    one product for all."""

    def __init__(self, lists, spins):
        # A bit is half of its spin and 1.
        self.weights = np.zeros((len(lists), spins + 1), np.float32)
        for row, chosen in zip(self.weights, lists, strict=True):
            for place, spin in enumerate(chosen):
                row[[spin, -1]] += np.float32(1 << place) / 2

    def __call__(self, spins):
        """int32 [lists, ...] of spins [spins and a 1, ...]."""
        return (self.weights @ spins.reshape(len(spins), -1)).astype(np.int32).reshape(
            -1, *spins.shape[1:])


def simulate(params, schedule, clamps, *, seeds=None, after=0, trace=False):
    """`Result` of jobs of one schedule.

    schedule: (cycles, noise, range) of each segment
    clamps:   int8 [jobs, bits], -1 where free
    seeds:    each job's, in place of the parameters' own
    after:    steps that the generators have made before, or those of each job
    trace:    whether to keep every state
    """
    p, jobs = params, len(clamps)
    clamps = np.asarray(clamps, np.int8).reshape(jobs, len(p.bits))
    random = _Random(p, jobs, seeds, after)
    held = np.full((p.spins, 1, jobs), -1, np.int8)
    held[list(p.bits), 0] = clamps.T
    places = np.arange(p.spins)[:, None] + np.arange(p.replicas) * p.spins
    turns = [_Turn(p, np.array(turn), places, held) for turn in p.turns]
    find = _Circuit(p) if p.gates else None
    asked, mattering = _packed(np.maximum(clamps, 0).T), _packed(clamps.T >= 0)
    # What is read of a state: the ports; the histogram's code; what the circuit wants.
    parts = range(0, len(p.bits), PART)
    read = _Codes([*(p.bits[at:at + PART] for at in parts), p.counted,
                   *(find.read() if find else [])], p.spins)

    # Of each of the networks that take turns: spins, and a last row of ones, what h weighs.
    networks = np.ones((p.stages, p.spins + 1, p.replicas, jobs), np.float32)
    memories = np.zeros((p.stages, p.spins, p.replicas, jobs), np.float32)
    start = _Field(places * p.draws, 1)

    def begin(spins):
        spins[:-1] = 2 * np.where(held < 0, start(words[-1]).astype(np.int8), held) - 1

    words = deque([random.words()], p.stages)   # of the cycles of an update
    begin(networks[0])
    total = sum(count for count, _, _ in schedule)
    found = np.zeros(jobs, bool)
    replica = np.zeros(jobs, np.int64)
    states = np.full(jobs, total + 1)
    valid = np.zeros(jobs, np.int64)
    answer = np.zeros((jobs, len(p.bits)), np.uint8)
    traced, each, bits = [], np.arange(jobs), np.arange(len(p.bits))
    counts, above = np.zeros((jobs, p.counters), np.int64), len(p.counted)
    levels = [(noise, reach if p.range < 0 else p.range)
              for count, noise, reach in schedule for _ in range(count)]
    counting = total - schedule[-1][0] if schedule else total
    for cycle in range(total + 1):
        spins = networks[cycle % p.stages]
        if find:
            codes = read(spins)
            wanted = find(spins, codes[len(parts) + 1:])
            right = (wanted == codes[:len(parts)]).all(0)
            valid += right.sum(0) * ~found if p.stop == "hit" else right.sum(0)
            if not found.all():
                agrees = (((wanted ^ asked[:, None]) & mattering[:, None]) == 0).all(0)
                now = agrees.any(0) & ~found
                replica[now] = agrees[:, now].argmax(0)
                states[now] = cycle + 1
                if p.stop == "hit":
                    said = wanted[:, replica[now], np.flatnonzero(now)]
                    answer[now] = (said[bits // PART] >> bits[:, None] % PART & 1).T
                found |= now
        if trace:
            traced.append(spins[:-1].transpose(2, 1, 0) > 0)
        if above and cycle > counting:
            code = (codes if find else read(spins))[len(parts), 0]
            if find:
                code = code + (right[0].astype(np.int32) << above)
            counts[each, code] += 1
        if cycle == total or (p.stop == "hit" and found.all()):
            break
        words.append(random.words())
        update, network = divmod(cycle + 1 - p.stages, p.stages)
        if update < 0:
            begin(networks[network])
        else:
            turns[update % len(turns)].move(networks[network], memories[network],
                                            *levels[cycle + 1 - p.stages], words[0])
    last = ~found if p.stop == "hit" else np.ones(jobs, bool)
    answer[last] = spins[list(p.bits), 0][:, last].T > 0
    verdicts = states - 1 if p.stop == "hit" else np.full(jobs, total)
    # The network runs on until it hears of a hit.
    updates = np.minimum(total, verdicts + p.finder_depth + 1)
    return Result(found, replica, states, valid, answer, verdicts, updates + 1,
                  counts if p.counters else None,
                  np.stack(traced, 1).astype(np.uint8) if trace else None)


class _Turn:
    """The spins ``who`` [count] whose turn it is; ``places`` [spins, replicas], ``held``
    [spins, 1, jobs], -1 where no clamp holds."""

    def __init__(self, params, who, places, held):
        p = self.params = params
        # All spins without a copy.
        self.who = slice(None, p.spins) if len(who) == p.spins else who
        self.matrix = np.zeros((p.spins, p.spins + 1), np.float32)
        self.matrix[:, -1] = p.h
        for i, j, value in p.couplings:
            self.matrix[i, j] = self.matrix[j, i] = value
        self.matrix = self.matrix[who]
        self.free = held[who] < 0
        self.noise = _Field(places[who] * p.draws, p.draws)
        before = p.replicas * p.draws * p.spins + np.arange(p.replicas) * sum(p.rest)
        self.rests = [(place, _Field(before + sum(p.rest[:spin]), p.rest[spin]))
                      for place, spin in enumerate(who) if p.rest and p.rest[spin]]

    def move(self, spins, memory, noise, reach, words):
        p = self.params
        total = (self.matrix @ spins.reshape(len(spins), -1)).reshape(-1, *spins.shape[1:])
        ones = np.bitwise_count(self.noise(words)).astype(np.float32)
        if p.coding == "bipolar":
            ones = 2 * ones - p.draws
        total += noise * ones
        if p.range:
            total += memory[self.who]
        if p.ring:
            total += p.ring * np.roll(spins[:-1][self.who], -1, axis=1)
        moves = self.free
        if self.rests:
            moves = np.repeat(moves, p.replicas, axis=1)
            for place, field in self.rests:
                moves[place] &= field(words) == field.mask
        spins[self.who] = np.where(moves, 2 * (total >= 0).astype(np.float32) - 1, spins[self.who])
        if p.range:
            kept = total.clip(-reach, max(reach - 1, 0))
            memory[self.who] = np.where(moves, kept, memory[self.who])


def cycles(params, verdicts):
    """First input beat to last output beat, both counted, of jobs one after another.

    verdicts: of each job the state whose verdict ended it
    """
    trace = params.answer == "trace"
    done, left = -1, -1 + bool(params.counters)
    for state in verdicts:
        # Counters are cleared, one a cycle, once a job loads.
        begun = max(done + params.words + 1, left + 1 + params.counters)
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
    the ports' bits. Answer ``histogram``: the same, then the counters, two words each, low half
    first. Answer ``trace``: a beat a cycle, the spins of replica 0 first.
    """

    name = "invertible.network"
    #: Random bits run on from job to job.
    history = True

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
        # Answers and cycles are both asked for.
        key = [np.asarray(frame).tobytes() for frame in frames]
        if self._known[0] != key:
            self._known = key, self._results(frames)
        return self._known[1]

    _known = None, None

    def _results(self, frames):
        p, done, found = self.params, 0, {}
        jobs, trace = [Job.of(p, frame) for frame in frames], p.answer == "trace"
        if p.stop == "hit":
            for number, (own, clamps) in enumerate(jobs):
                found[number] = simulate(p, own, clamps[None], after=done)
                done += int(found[number].steps[0])
            return list(found.values())
        # How long a job takes is known: those of one schedule side by side.
        after = np.cumsum([0, *(1 + sum(count for count, _, _ in own) for own, _ in jobs)])
        for schedule in dict.fromkeys(own for own, _ in jobs):
            numbers = [n for n, (own, _) in enumerate(jobs) if own == schedule]
            made = simulate(p, schedule, [jobs[n][1] for n in numbers], after=after[numbers],
                            trace=trace)
            found |= {n: made.job(place) for place, n in enumerate(numbers)}
        return [found[number] for number in range(len(frames))]

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
        for count in result.counts[0] if self.params.counters else ():
            words += [int(count) & most & 0xFFFF, (int(count) & most) >> WORD]
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
