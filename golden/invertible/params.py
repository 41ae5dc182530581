"""Parameters of the invertible family. Torch-free: hardware imports this file."""

from dataclasses import dataclass

import numpy as np

from golden.check import require_choice, require_int, require_type
from golden.params import Params, ceil_div, ceil_log2

__all__ = ["NetworkParams"]

#: Bits of an element on the wire, and of what a frame says of a spin.
WORD, CLAMP = 16, 2


@dataclass(frozen=True)
class NetworkParams(Params):
    """Spins m = +-1 that a Hamiltonian ``E = -(sum h m + sum J m m)`` pulls, and noise pushes.

    Every cycle, for each spin whose turn it is and which is not clamped:

        I = h + sum of J m + noise        A' = A + I        m = sign(A')
        A = clip(A', -range, range - 1)   (0 where the range is 0), and sign(0) = +1

    noise and range come with a job, segment by segment, so that either can be a ramp.

    h:           whole numbers, one for each spin
    couplings:   (i, j, J) with i < j; J is not 0
    ports:       (name, spins), least significant first: what a job may clamp, and is answered
    gates:       (input spins, output spins, table) in topological order: the circuit that the
                 Hamiltonian stands for; bit k of ``table[code]`` is output k, bit k of ``code`` is
                 input k. Spins that no gate drives are its inputs. Without gates a network has no
                 valid states to count or to stop at.
    update:      ``synchronous``: all spins in every cycle; ``chromatic``: those of one colour,
                 which have no coupling between them; ``sequential``: one spin
    rest:        for each spin k: it takes its turn with probability 2**-k; () is 0 for all
    coding:      of the noise: ``bipolar`` +-w, ``unipolar`` 0 or w
    draws:       of the noise, which are added up: of many the sum is nearly normal
    random:      ``xorshift``: xorshift64+ generators of which each register bit feeds one spin;
                 ``lfsr``: shift registers of 32 stages, likewise, to show what is wrong with them
    seed:        of the generators; they run on from job to job
    range:       in place of the jobs': a range that never changes takes less hardware, one of 0,
                 so spins without an accumulator, the least; -1 for the jobs'
    noise_bits, range_bits: of a job's noise and range
    count_bits:  of a segment's cycles, and of the counts of states in an answer, which wrap
    segments:    of a job's schedule
    replicas:    networks side by side, of different noise
    ring:        adds ``ring m'`` to I, m' the same spin of the next replica
    stop:        ``never`` before the schedule is over, or ``hit``: when the circuit, fed with a
                 replica's input spins, agrees with all clamps
    answer:      ``states``; or these and the ``histogram``; or ``trace``: a beat a cycle with all
                 spins of all replicas
    levels:      gates between two registers of the circuit that finds hits
    histogram:   names of ports, the code of whose bits, and above them with gates whether the
                 state is valid, is counted for the states of replica 0 in a job's last segment
    stages:      of an update, in cycles: as many networks take turns in each replica

    With several ``stages`` a replica makes a state a cycle all the same, but each of another
    network: state t of a job is a random one for t < stages, and else made from state t - stages,
    with the random bits, noise and range of the cycle in which that one is there. Whatever counts,
    finds or shows states takes them as they come.
    """

    h: tuple
    couplings: tuple
    ports: tuple
    gates: tuple = ()
    update: str = "synchronous"
    rest: tuple = ()
    coding: str = "bipolar"
    draws: int = 1
    random: str = "xorshift"
    seed: int = 1
    range: int = -1
    noise_bits: int = 6
    range_bits: int = 4
    count_bits: int = 32
    segments: int = 4
    replicas: int = 1
    ring: int = 0
    stop: str = "never"
    answer: str = "states"
    levels: int = 4
    histogram: tuple = ()
    stages: int = 1

    def __post_init__(self):
        for name in ("h", "couplings", "ports", "gates", "rest", "histogram"):
            object.__setattr__(self, name, _tuples(getattr(self, name)))
        most = (1 << 15) - 1
        require_int("Network spins", self.spins, 1, 4096)
        for value in self.h:
            require_int("Network h", value, -most, most)
        seen = set()
        for i, j, value in self.couplings:
            require_int("Coupling spin", i, 0, self.spins - 1)
            require_int("Coupling spin", j, 0, self.spins - 1)
            require_int("Coupling J", value, -most, most)
            if value == 0 or i >= j or (i, j) in seen:
                raise ValueError("Coupling must be (i, j, J) with i < j, J not 0, and there only "
                                 f"once, not {(i, j, value)}")
            seen.add((i, j))
        names, bits = set(), set()
        for name, spins in self.ports:
            require_type("Port name", name, str)
            if name in names or not spins:
                raise ValueError(f"Port must have a name of its own and spins, not {name!r}")
            names.add(name)
            for spin in spins:
                require_int("Port spin", spin, 0, self.spins - 1)
                if spin in bits:
                    raise ValueError(f"Port spin must be in one port, once, not {spin} again")
                bits.add(spin)
        require_int("Network ports' spins", len(bits), 1)
        self._check_gates()
        require_choice("Network update", self.update, ("synchronous", "chromatic", "sequential"))
        if self.rest and len(self.rest) != self.spins:
            raise ValueError(f"Network rest must have one for each of the {self.spins} spins, "
                             f"not {len(self.rest)}")
        for value in self.rest:
            require_int("Network rest", value, 0, 8)
        require_choice("Network coding", self.coding, ("bipolar", "unipolar"))
        require_int("Network draws", self.draws, 1, 16)
        require_choice("Network random", self.random, ("xorshift", "lfsr"))
        require_int("Network seed", self.seed, 0, (1 << 32) - 1)
        require_int("Network noise_bits", self.noise_bits, 1, WORD)
        require_int("Network range_bits", self.range_bits, 1, WORD)
        require_int("Network range", self.range, -1, (1 << self.range_bits) - 1)
        require_int("Network count_bits", self.count_bits, WORD + 1, 2 * WORD)
        require_int("Network segments", self.segments, 1, 32)
        require_int("Network replicas", self.replicas, 1, 64)
        require_int("Network ring", self.ring, -most, most)
        require_choice("Network stop", self.stop, ("never", "hit"))
        require_choice("Network answer", self.answer, ("states", "histogram", "trace"))
        if bool(self.histogram) != (self.answer == "histogram"):
            raise ValueError("Network histogram must name ports where the answer is 'histogram', "
                             f"and only there, not {self.histogram}")
        for name in self.histogram:
            require_choice("Network histogram port", name, sorted(names))
        if len(set(self.histogram)) != len(self.histogram):
            raise ValueError(f"Network histogram must name a port once, not {self.histogram}")
        require_int("Network histogram bits", len(self.counted), 0, 12)
        require_int("Network levels", self.levels, 1, 64)
        require_int("Network stages", self.stages, 1, 4)
        if self.stop == "hit" and not self.gates:
            raise ValueError("Network stop must be 'never' without gates, not 'hit'")
        if self.stop == "hit" and self.answer != "states":
            raise ValueError(f"Network stop must be 'never' with answer {self.answer!r}, not 'hit'")

    def _check_gates(self):
        driven = {spin for _, outputs, _ in self.gates for spin in outputs}
        done = set()
        for inputs, outputs, table in self.gates:
            for spin in (*inputs, *outputs):
                require_int("Gate spin", spin, 0, self.spins - 1)
            if len(set(inputs)) != len(inputs) or not outputs:
                raise ValueError("Gate must have different inputs and an output, "
                                 f"not {(inputs, outputs)}")
            if len(table) != 1 << len(inputs):
                raise ValueError(f"Gate table must have {1 << len(inputs)} entries, "
                                 f"not {len(table)}")
            for code in table:
                require_int("Gate table entry", code, 0, (1 << len(outputs)) - 1)
            for spin in inputs:
                if spin in driven and spin not in done:
                    raise ValueError("Gates must be in topological order: no gate before "
                                     f"{(inputs, outputs)} drives spin {spin}")
            for spin in outputs:
                if spin in done:
                    raise ValueError(f"Gate must be the only one that drives spin {spin}")
                done.add(spin)

    spins = property(lambda self: len(self.h))
    #: The ports' spins in their order: bits of a job's clamps and of an answer.
    bits = property(lambda self: tuple(spin for _, spins in self.ports for spin in spins))

    @property
    def inputs(self):
        """Spins that no gate drives, of those that a gate or a port has."""
        driven = {spin for _, outputs, _ in self.gates for spin in outputs}
        used = {spin for inputs, _, _ in self.gates for spin in inputs} | set(self.bits)
        return tuple(sorted(used - driven))

    @property
    def neighbours(self):
        """For each spin its couplings, as (other spin, J)."""
        found = [[] for _ in self.h]
        for i, j, value in self.couplings:
            found[i].append((j, value))
            found[j].append((i, value))
        return found

    @property
    def turns(self):
        """Whose turn it is, cycle by cycle, over and over: tuples of spins."""
        if self.update == "synchronous":
            return (tuple(range(self.spins)),)
        if self.update == "sequential":
            return tuple((spin,) for spin in range(self.spins))
        # Greedy, the most coupled first.
        near = self.neighbours
        colours = {}
        for spin in sorted(range(self.spins), key=lambda s: (-len(near[s]), s)):
            taken = {colours.get(other) for other, _ in near[spin]}
            colours[spin] = next(c for c in range(self.spins) if c not in taken)
        return tuple(tuple(s for s in range(self.spins) if colours[s] == c)
                     for c in range(max(colours.values()) + 1))

    @property
    def field_reach(self):
        """What h and the couplings can add up to, either way."""
        return max(abs(h) + sum(abs(value) for _, value in near)
                   for h, near in zip(self.h, self.neighbours, strict=True)) + abs(self.ring)

    #: Bits of A' with its sign: fields, noise and A.
    width = property(lambda self: (self.field_reach + (self.draws << self.noise_bits)
                                   + (1 << self.range_bits)).bit_length() + 1)
    #: Random bits of a cycle: the draws of each spin of each replica, then the rests'.
    random_bits = property(
        lambda self: self.replicas * (self.draws * self.spins + sum(self.rest)))
    #: Registers of a generator.
    register = property(lambda self: 64 if self.random == "xorshift" else 32)
    generators = property(lambda self: ceil_div(self.random_bits, self.register))

    def first_states(self, seed=None):
        """What is in the generators at first, by the parameters' own seed or another."""
        rng = np.random.default_rng(self.seed if seed is None else seed)
        return rng.integers(1, 1 << self.register - 1, self.generators).tolist()

    #: Words of a job, and of an answer.
    words = property(lambda self: 4 * self.segments + ceil_div(len(self.bits) * CLAMP, WORD))
    answer_words = property(lambda self: 5 + ceil_div(len(self.bits), WORD) + 2 * self.counters)

    @property
    def counted(self):
        """Spins whose bits are a histogram's code."""
        spins = dict(self.ports)
        return tuple(spin for name in self.histogram for spin in spins[name])

    #: Counters of the histogram.
    counters = property(lambda self: self.histogram and
                        1 << len(self.counted) + bool(self.gates) or 0)

    @property
    def finder_stages(self):
        """For each spin the register stage of the hit finder at which its value is known."""
        level = dict.fromkeys(self.inputs, 0)
        for inputs, outputs, _ in self.gates:
            level |= dict.fromkeys(outputs, max((level[s] for s in inputs), default=0) + 1)
        return {spin: max(0, value - 1) // self.levels for spin, value in level.items()}

    @property
    def finder_depth(self):
        """Cycles from a state to the verdict on it."""
        return max(self.finder_stages.values(), default=0) + 1 if self.gates else 0

    #: Bits that count replicas.
    replica_bits = property(lambda self: ceil_log2(self.replicas))


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
