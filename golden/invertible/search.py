"""Search by parallel trials: every cycle all moves are tried at once, and the best one is made.

A product's form keeps a, b and the residual ``R = P - a b``. A move changes one bit of a or b
(``flips``), or adds or subtracts a power of two (``steps``, which have the flips among them); its
residual is R less or plus the other operand, shifted. Its score is the residual's span, from its
first significant bit to its last one, for a residual of span 1 is a move away from 0, if the other
operand is of span 1. A circuit's form flips one input bit, and scores the clamped output bits that
differ.

From a score a random number is taken off, the trailing zeros of a few random bits (times two in a
product's form). The lowest score is taken, of equal ones the first; bits that were moved in one of
the last ``memory`` cycles are barred. A move that solves the job wins over all and is never barred.

With several ``stages`` as many searches, each with a state of its own, take turns: in every cycle a
set of moves is begun, and that which was begun ``stages - 1`` cycles before is finished, so that
hardware has that many registers on the way from a state to the next one. The first set that solves
ends the job with the cycle in which it is finished; sets that are on their way then are dropped.

Source: the single-flip search with a short memory is F. Glover's tabu search ("Tabu Search, Part
I", ORSA J. Computing 1(3), 1989). Ours: scores, noise, and the choice of the best in one cycle; the
published networks of spins are `golden.invertible.collapsed`'s and its neighbours'.
"""

from dataclasses import dataclass

import numpy as np

from golden import xorshift
from golden.check import require_choice, require_int, require_type
from golden.invertible.job import COUNT, STATUS, JobBlock, pack, unpack
from golden.params import Params, ceil_div

__all__ = ["FORMS", "Found", "Search", "SearchParams", "factoring", "generators", "search",
           "select", "span", "starts"]

FORMS = ("steps", "flips", "circuit")

_WORD = 64


@dataclass(frozen=True)
class SearchParams(Params):
    """What is searched, and how.

    form:      ``steps`` or ``flips``: P = a b, of ``bits`` bits each; ``circuit``: any circuit
    bits:      of a and of b; none in form ``circuit``
    gates:     form ``circuit``: (input spins, output spins, table), in topological order: bit k of
               ``table[code]`` is output k, bit k of ``code`` input k; spins that no gate drives are
               inputs
    ports:     form ``circuit``: (name, spins), least significant first; every input is in a port
    replicas:  searches side by side; the first that finds answers, of several the lowest
    memory:    cycles for which a moved bit is barred
    noise:     random bits of a score
    seed:      of the generators; their bits run on from job to job
    stages:    of a set of moves, in cycles; so many searches of each replica take turns
    """

    form: str = "steps"
    bits: int = 5
    gates: tuple = ()
    ports: tuple = ()
    replicas: int = 1
    memory: int = 4
    noise: int = 3
    seed: int = 1
    stages: int = 1

    def __post_init__(self):
        require_choice("Search form", self.form, FORMS)
        require_int("Search replicas", self.replicas, 1, 64)
        require_int("Search memory", self.memory, 0, 16)
        require_int("Search noise", self.noise, 1, 8)
        require_int("Search seed", self.seed, 0, (1 << 64) - 1)
        require_int("Search stages", self.stages, 1, 16)
        object.__setattr__(self, "gates", tuple(tuple(map(tuple, gate)) for gate in self.gates))
        object.__setattr__(self, "ports",
                           tuple((name, tuple(spins)) for name, spins in self.ports))
        if self.form == "circuit":
            object.__setattr__(self, "bits", 0)
            _check_circuit(self.gates, self.ports)
            return
        require_int("Search bits", self.bits, 2, 24)
        for name in ("gates", "ports"):
            if getattr(self, name):
                raise ValueError(f"Search {name} must be empty in form {self.form!r} "
                                 "(form 'circuit' takes them)")

    circuit = property(lambda self: self.form == "circuit")

    @property
    def values(self):
        """Name -> bits of what is answered, in order."""
        if self.circuit:
            return {name: len(spins) for name, spins in self.ports}
        return {"a": self.bits, "b": self.bits}

    #: Bits of all that is answered.
    width = property(lambda self: sum(self.values.values()))
    #: Fields of a job: limit, then the product, or the clamped bits' values and their mask.
    job = property(lambda self: (COUNT,) + (self.width,) * (1 + self.circuit))
    #: Fields of an answer: status, cycles, values.
    answer = property(lambda self: (STATUS, COUNT, self.width))

    @property
    def inputs(self):
        """Form ``circuit``: the spins that no gate drives, in the order of the ports."""
        driven = {spin for _, outputs, _ in self.gates for spin in outputs}
        return tuple(spin for _, spins in self.ports for spin in spins if spin not in driven)

    #: Bits that can move.
    places = property(lambda self: len(self.inputs) if self.circuit else 2 * self.bits)
    #: Moves of a bit.
    signs = property(lambda self: 2 if self.form == "steps" else 1)
    #: What the trailing zeros of the noise are multiplied with.
    gain = property(lambda self: 1 if self.circuit else 2)

    #: Bits that one generator serves: each of the newer word's register bits goes to one at most.
    served = property(lambda self: _WORD // self.noise)
    #: Generators of a replica.
    generators = property(lambda self: ceil_div(self.places, self.served))

    def ask(self, limit, **values):
        """The frame of a job: ``product``, or the values of clamped ports, name -> value, or
        (value, mask) where only some of its bits are clamped.

        Errors: ValueError for a value beyond its port, a port that is not there.
        """
        if not self.circuit:
            (product,) = values.values()
            return pack(self.job, [limit, product])
        for name in values:
            require_choice("Port", name, tuple(self.values))
        value = mask = at = 0
        for name, width in self.values.items():
            own, held = values.get(name, (0, 0)), 0
            own, held = own if isinstance(own, tuple) else (own, (1 << width) - 1)
            for each in (own, held):
                require_int(f"Port {name}", each, 0, (1 << width) - 1)
            value, mask, at = value | own << at, mask | held << at, at + width
        return pack(self.job, [limit, value, mask])

    def asked(self, frame):
        """A job's limit, and its other fields as bits: uint8 [fields, width]."""
        limit, *fields = unpack(self.job, frame)
        return limit, np.array([[field >> k & 1 for k in range(self.width)] for field in fields],
                               dtype=np.uint8)

    def read(self, frame):
        """An answer's frame to a dictionary: ``found``, ``replica``, ``cycles``, the values."""
        status, cycles, bits = unpack(self.answer, frame)
        answer = {"found": bool(status & 1), "replica": status >> 1, "cycles": cycles}
        for name, width in self.values.items():
            answer[name], bits = bits & (1 << width) - 1, bits >> width
        return answer


def factoring(bits: int = 5, form: str = "steps", replicas: int = 1, memory: int = 4,
              noise: int = 3, seed: int = 1, stages: int = 1) -> SearchParams:
    """`SearchParams` of a product's form: what text can set."""
    return SearchParams(form, bits, replicas=replicas, memory=memory, noise=noise, seed=seed,
                        stages=stages)


def _check_circuit(gates, ports):
    """Raise unless gates and ports are a combinational circuit that can be searched."""
    require_int("Circuit ports", len(ports), 1)
    driven = {spin for _, outputs, _ in gates for spin in outputs}
    made, held, names = set(), set(), set()
    for name, spins in ports:
        require_type("Port name", name, str)
        if name in names:
            raise ValueError(f"Port name must be free, not {name!r} again")
        require_int(f"Port {name} width", len(spins), 1)
        for spin in spins:
            require_int(f"Port {name} spin", spin, 0)
            if spin in held:
                raise ValueError(f"Spin must be in one port, not in {name} again: {spin}")
            held.add(spin)
        names.add(name)
    for number, (inputs, outputs, table) in enumerate(gates):
        require_int(f"Gate {number} inputs", len(inputs), 1, 8)
        require_int(f"Gate {number} table", len(table), 1 << len(inputs), 1 << len(inputs))
        for code in table:
            require_int(f"Gate {number} output code", code, 0, (1 << len(outputs)) - 1)
        for spin in inputs:
            if spin in driven and spin not in made:
                raise ValueError(f"Gate {number} must come after the gate that drives spin {spin} "
                                 "(no loops; gates in topological order)")
            if spin not in driven and spin not in held:
                raise ValueError(f"Input spin {spin} must be in a port")
        for spin in outputs:
            if spin in made:
                raise ValueError(f"Spin {spin} must be driven by one gate, not by gate {number} "
                                 "again")
            made.add(spin)
    if not held - driven:
        raise ValueError("Circuit must have an input, a spin that no gate drives")


def span(residual):
    """Bits from the first significant one to the last one of residuals (int64, not 0): the length
    without sign (of ``~R`` for a negative R) less the trailing zeros.

    >>> span(np.array([1, 12, 80, -1, -12, 7])).tolist()
    [1, 2, 3, 0, 2, 3]
    """
    length = np.frexp((residual ^ residual >> 63).astype(float))[1]
    return length - np.frexp((residual & -residual).astype(float))[1] + 1


def select(table, inputs, choose):
    """A truth table of bits as multiplexers: ``choose(input, if 1, if 0)``, over the last input
    first; constants come as 0 and 1.

    >>> select((0, 0, 0, 1), "ab", lambda *given: given)
    ('b', ('a', 1, 0), 0)
    """
    if len(set(table)) == 1:
        return table[0]
    half = len(table) // 2
    low, high = (select(part, inputs[:-1], choose) for part in (table[:half], table[half:]))
    return low if table[:half] == table[half:] else choose(inputs[-1], high, low)


def generators(params, seeds=None):
    """The generators' first states, (old, new): uint64 [seeds, replicas, generators] each; of the
    parameters' own seed alone without ``seeds``."""
    p = params
    shape = (p.replicas, p.generators)
    found = np.array([[[state & (1 << 64) - 1, state >> 64]
                       for state in xorshift.seeds(64, seed, p.replicas * p.generators)]
                      for seed in (seeds if seeds is not None else [p.seed])], dtype=np.uint64)
    return tuple(found[..., half].reshape(-1, *shape) for half in (0, 1))


def starts(params, old, new):
    """What searches begin every job with, by the generators' first states [.., replicas,
    generators]: bits [.., replicas, stages, places]. Search k takes the older words k steps on."""
    place, found = np.arange(params.places), []
    for _ in range(params.stages):
        found.append(old[..., place // _WORD] >> (place % _WORD).astype(np.uint64) & np.uint64(1))
        old, new = xorshift.step(64, old, new)
    return np.stack(found, -2).astype(np.uint8)


class _Product:
    """Operands and residuals of many jobs: arrays [jobs, replicas, ..]."""

    #: Residuals of so few bits have their spans in a table.
    LISTED = 21

    def __init__(self, params, asked, start):
        self.params = p = params
        self.kind = np.int32 if p.bits < 15 else np.int64
        weights = 1 << np.arange(2 * p.bits, dtype=np.int64)
        operands = start.reshape(*start.shape[:2], 2, p.bits) @ weights[:p.bits]
        self.operands = operands.astype(self.kind)
        self.residual = (asked[0] @ weights)[:, None].astype(self.kind) - self.operands.prod(
            -1, dtype=self.kind)
        self.own, self.other = np.repeat([0, 1], p.bits), np.repeat([1, 0], p.bits)
        self.shift = np.tile(np.arange(p.bits), 2).astype(self.kind)
        self.table = None
        if 2 * p.bits + 1 <= self.LISTED:
            # Indexed by their bits in two's complement, whatever an impossible move gives.
            reach = 1 << 2 * p.bits
            self.table = np.roll(span(np.arange(-reach, reach)), reach).astype(np.int8)

    def trials(self):
        """Scores, which moves solve, which are impossible: [jobs, replicas, places, signs]; whether
        it is solved as it is: [jobs, replicas]."""
        own, shift = self.operands[..., self.own], self.shift
        delta = self.operands[..., self.other] << shift
        r = self.residual[..., None]
        if self.params.form == "steps":
            self.trial = np.stack([r - delta, r + delta], -1)
            closed = np.stack([own + (1 << shift) >> self.params.bits > 0, own < 1 << shift], -1)
        else:
            self.trial = np.where(own >> shift & 1, r + delta, r - delta)[..., None]
            closed = np.zeros(self.trial.shape, bool)
        if self.table is None:
            scores = span(self.trial.astype(np.int64))
        else:
            scores = self.table[self.trial & self.kind(len(self.table) - 1)]
        return scores, (self.trial == 0) & ~closed, closed, self.residual == 0

    def move(self, place, sign, made):
        """Make the moves of those that ``made`` says: all [jobs, replicas]."""
        jobs, replicas = np.indices(place.shape)
        which, step = self.own[place], np.left_shift(1, self.shift[place])
        if self.params.form == "flips":
            sign = self.operands[jobs, replicas, which] >> self.shift[place] & 1
        self.operands[jobs, replicas, which] += np.where(made, np.where(sign, -step, step),
                                                         0).astype(self.kind)
        self.residual = np.where(made, self.trial[jobs, replicas, place, sign * (
            self.params.form == "steps")], self.residual)

    def keep(self, which):
        self.operands, self.residual = self.operands[which], self.residual[which]

    def bits(self, jobs, replicas):
        """The values' bits of jobs' replicas: uint8 [.., width]."""
        operands = self.operands[jobs, replicas]
        return (operands[..., self.own] >> self.shift & 1).astype(np.uint8)


class _Circuit:
    """Inputs of many jobs: uint8 [jobs, replicas, places]. A spin's values in all trials are bits
    of words: bit i is the trial that flips input i, the one behind them flips none."""

    def __init__(self, params, asked, start):
        self.params = p = params
        self.value, self.mask = (np.asarray(part, np.uint8) for part in asked)
        spins = [spin for _, spins in p.ports for spin in spins]
        at = {spin: place for place, spin in enumerate(spins)}
        self.at_inputs = [at[spin] for spin in p.inputs]
        inputs = set(p.inputs)
        self.outputs = [(place, spin) for spin, place in at.items() if spin not in inputs]
        self.gates = [(ins, out, [code >> k & 1 for code in table])
                      for ins, outs, table in p.gates for k, out in enumerate(outs)]
        # Words of the fewest bits that hold all trials, or several.
        self.kind = next((kind for kind in (np.uint8, np.uint16, np.uint32)
                          if p.places < 8 * np.dtype(kind).itemsize), np.uint64)
        size = 8 * np.dtype(self.kind).itemsize
        self.flip = np.zeros((p.places, p.places // size + 1), self.kind)
        for place in range(p.places):
            self.flip[place, place // size] = 1 << place % size
        self.shown = spins
        # Of the output bits, as words: the value that is asked, and whether it is.
        asked = np.array([place for place, _ in self.outputs], np.int64)
        self.asked, self.counts = (self._wide(part.T[asked][..., None, None])
                                   for part in (self.value, self.mask))
        # An input that is not clamped starts at random.
        own, held = (part[:, None, self.at_inputs] for part in (self.value, self.mask))
        self.inputs = np.where(held, own, start)
        self.held = held[..., None].astype(bool)

    def _wide(self, bits):
        """Bits 0 and 1 to words of 0 and of ones."""
        return np.asarray(bits).astype(self.kind) * self.kind(np.iinfo(self.kind).max)

    def _settle(self, inputs, flip):
        """Words of all spins, [.., words] of each, for inputs [.., places]."""
        found = {spin: self._wide(inputs[..., place, None]) ^ flip[place]
                 for place, spin in enumerate(self.params.inputs)}
        shape = next(iter(found.values())).shape

        def choose(bit, if_one, if_zero):
            if isinstance(if_one, int) and isinstance(if_zero, int):
                return bit if if_one else ~bit
            if isinstance(if_one, int):
                return bit | if_zero if if_one else ~bit & if_zero
            if isinstance(if_zero, int):
                return ~bit | if_one if if_zero else bit & if_one
            return if_zero ^ bit & (if_zero ^ if_one)

        for given, output, table in self.gates:
            word = select(tuple(table), [found[spin] for spin in given], choose)
            found[output] = np.broadcast_to(self._wide(word), shape) if isinstance(
                word, int) else word
        return found

    def trials(self):
        p = self.params
        found = self._settle(self.inputs, self.flip)
        # A counter for each bit of the words: all of its bits k are a word, planes[k].
        planes = []
        for (_, spin), value, counts in zip(self.outputs, self.asked, self.counts, strict=True):
            carry = (found[spin] ^ value) & counts
            for k, plane in enumerate(planes):
                planes[k], carry = plane ^ carry, plane & carry
            if len(planes) < len(self.outputs).bit_length():
                planes.append(carry)
        wrong = np.zeros((*self.inputs.shape[:2], 8 * self.flip[0].nbytes), np.int16)
        for k, plane in enumerate(planes):
            octets = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).view(np.uint8)
            wrong += np.unpackbits(octets, axis=-1, bitorder="little").astype(np.int16) << k
        scores = wrong[..., :p.places, None]
        closed = np.broadcast_to(self.held, scores.shape)
        return scores, (scores == 0) & ~closed, closed, wrong[..., p.places] == 0

    def move(self, place, sign, made):
        jobs, replicas = np.indices(place.shape)
        self.inputs[jobs, replicas, place] ^= made.astype(np.uint8)

    def keep(self, which):
        self.inputs, self.held = self.inputs[which], self.held[which]
        self.asked, self.counts = self.asked[:, which], self.counts[:, which]

    def bits(self, jobs, replicas):
        found = self._settle(self.inputs[jobs, replicas], np.zeros_like(self.flip[:, :1]))
        return np.concatenate([found[spin] for spin in self.shown], -1).astype(np.uint8) & 1


@dataclass
class Found:
    """Of many jobs: arrays [jobs], ``bits`` uint8 [jobs, width], the generators' states after."""

    found: np.ndarray
    replica: np.ndarray
    cycles: np.ndarray
    bits: np.ndarray
    old: np.ndarray
    new: np.ndarray


def search(params, asked, limits, start, old, new):
    """Search many jobs side by side, each by generators of its own.

    asked:     the job's fields behind the limit, as bits: uint8 [fields, jobs, width]
    limits:    cycles [jobs]
    start:     as of `starts` [jobs, replicas, stages, places]
    old, new:  the generators' states: uint64 [jobs, replicas, generators]

    The reference and what studies run: the arithmetic is that of one job.
    """
    p, count = params, len(limits)
    # Search k's sets are begun in cycles k + 1, k + 1 + stages, ..
    problems = [(_Circuit if p.circuit else _Product)(p, asked, start[..., k, :])
                for k in range(p.stages)]
    limits = np.maximum(1, limits)
    zeros = np.array([p.noise if v == 0 else (v & -v).bit_length() - 1
                      for v in range(1 << p.noise)], np.int8) * np.int8(p.gain)
    served, lane = np.divmod(np.arange(p.places), p.served)
    shift, mask = (lane * p.noise).astype(np.uint64), np.uint64((1 << p.noise) - 1)
    past = [np.full((p.memory, count, p.replicas), -1)] * p.stages
    live, cycle = np.arange(count), 0
    result = Found(np.zeros(count, bool), np.zeros(count, np.int64), np.zeros(count, np.int64),
                   np.zeros((count, p.width), np.uint8), old.copy(), new.copy())
    places = np.arange(p.places)
    while len(live):
        cycle += 1
        turn = cycle % p.stages     # the search whose set is finished, and whose next one follows
        there = np.zeros((len(live), p.replicas), bool)
        if cycle >= p.stages:
            scores, hit, closed, solved = problems[turn].trials()
            noise = zeros[(new[..., served] >> shift & mask).astype(np.int64)]
            barred = (past[turn][..., None] == places).any(0)[..., None] | closed
            keys = np.where(hit, _FIRST, np.where(barred, _LAST, scores - noise[..., None]))
            keys = keys.reshape(*keys.shape[:2], -1)
            best = keys.argmin(-1)
            least = np.take_along_axis(keys, best[..., None], -1)[..., 0]
            place, sign = np.divmod(best, p.signs)
            made = (least != _LAST) & ~solved
            problems[turn].move(place, sign, made)
            past[turn] = np.concatenate(
                [np.where(made, place, -1)[None], past[turn]])[:p.memory]
            there = solved | (least == _FIRST)
        old, new = xorshift.step(64, old, new)
        done = there.any(1) | (cycle >= limits[live])
        if done.any():
            jobs, which = live[done], there[done].argmax(1)
            result.found[jobs], result.replica[jobs] = there[done].any(1), which
            result.cycles[jobs] = cycle
            result.bits[jobs] = problems[turn].bits(np.flatnonzero(done), which)
            result.old[jobs], result.new[jobs] = old[done], new[done]
            go = ~done
            for problem in problems:
                problem.keep(go)
            past = [each[:, go] for each in past]
            live, old, new = live[go], old[go], new[go]
    return result


#: Keys before and behind those of all scores.
_FIRST, _LAST = np.int16(-(1 << 14)), np.int16((1 << 14) - 1)


class Search(JobBlock):
    """Input: a job (`SearchParams.ask`); output: its answer (`SearchParams.read`).

    A job that finds nothing answers with what replica 0 has after its last cycle, of the search
    whose turn would be next.
    """

    name = "invertible.search"

    def run(self, frames):
        p, answers = self.params, []
        old, new = generators(p)
        start = starts(p, old, new)
        for frame in frames:
            limit, asked = p.asked(frame)
            found = search(p, asked[:, None], np.array([limit]), start, old, new)
            old, new = found.old, found.new
            values = sum(int(bit) << k for k, bit in enumerate(found.bits[0]))
            answers.append(pack(p.answer, [
                int(found.found[0]) | int(found.replica[0]) << 1, int(found.cycles[0]), values]))
        return answers

    def random_frames(self, count, rng):
        """Products and numbers that are none; clamps of what the circuit can do, and of any."""
        p, frames = self.params, []
        for limit in rng.integers(0, 40, count).tolist():
            if not p.circuit:
                a, b, other = (int(x) for x in rng.integers(
                    0, np.left_shift(1, [p.bits, p.bits, 2 * p.bits])))
                frames.append(p.ask(limit, product=a * b if rng.random() < 0.7 else other))
                continue
            bits, mask = rng.integers(0, 2, (2, 1, p.width))
            # With all inputs clamped the circuit computes.
            held = np.ones((1, p.width))
            old, new = generators(p)
            able = search(p, np.array([bits, held], np.uint8), np.full(1, p.stages),
                          starts(p, old, new), old, new).bits[0]
            bits = able if rng.random() < 0.7 else bits[0]
            mask = mask[0] | (rng.random(p.width) < rng.choice([0, 0.5, 1]))
            frames.append(pack(p.job, [limit, *(sum(int(bit) << k for k, bit in enumerate(field))
                                                for field in (bits, mask))]))
        return frames
