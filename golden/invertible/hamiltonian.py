"""Hamiltonians of spins: their ground states, how they join, and those of the gates.

Bits are spins m = 2 bit - 1, and the energy is ``E = -(sum of h m + sum of J m m)``. A gate's
Hamiltonian has the rows of its truth table as ground states, and no others. Hamiltonians that are
joined at shared spins add up. Where all parts can be in a ground state at once, those states are
the ground states of the sum, and its gap is at least the smallest of the parts'.

A terminal of a part is put onto a literal: a spin ``s``, its inverse ``~s``, or a constant, `ZERO`
or `ONE`. An inverse costs a sign, a constant becomes part of a field.

Source: Smithson et al., "Efficient CMOS Invertible Logic Using Stochastic Computing", TCAS-I 66(6),
2019, section III: AND, XOR, half adder, full adder. All others are these with inverted or constant
terminals; the majority gate is ours (`golden.invertible.solver` finds it).
"""

from dataclasses import dataclass, replace

import numpy as np

from golden.check import require_int
from golden.params import Params

__all__ = ["BRUTE_FORCE", "GATES", "ONE", "ZERO", "Gate", "Hamiltonian", "fuse", "inverse"]

ZERO, ONE = "0", "1"

#: Most spins whose states are all tried: 2**20 energies take some 20 ms and 8 MB.
BRUTE_FORCE = 24


@dataclass(frozen=True)
class Hamiltonian(Params):
    """``E = -(sum of h[i] m[i] + sum of J m[i] m[j])``, in whole numbers.

    h:          one for each spin
    couplings:  (i, j, J) with i < j, J not 0, each pair once; they come to stand in order

    Errors: TypeError, ValueError for anything else.
    """

    h: tuple
    couplings: tuple = ()

    def __post_init__(self):
        object.__setattr__(self, "h", tuple(self.h))
        object.__setattr__(self, "couplings", tuple(sorted(map(tuple, self.couplings))))
        for value in self.h:
            require_int("Hamiltonian h", value, -(1 << 31), 1 << 31)
        seen = set()
        for i, j, value in self.couplings:
            require_int("Coupling spin", i, 0, self.spins - 1)
            require_int("Coupling spin", j, 0, self.spins - 1)
            require_int("Coupling J", value, -(1 << 31), 1 << 31)
            if i >= j or value == 0 or (i, j) in seen:
                raise ValueError("Coupling must be (i, j, J) with i < j, J not 0, and there only "
                                 f"once, not {(i, j, value)}")
            seen.add((i, j))

    spins = property(lambda self: len(self.h))

    def __add__(self, other):
        """The sum over the same spins."""
        spins = max(self.spins, other.spins)
        return fuse(spins, [(part, range(part.spins)) for part in (self, other)])

    def __mul__(self, factor):
        """``factor`` times steeper; the ground states stay, the gap grows."""
        require_int("Hamiltonian factor", factor, 1)
        return Hamiltonian([factor * h for h in self.h],
                           [(i, j, factor * value) for i, j, value in self.couplings])

    __rmul__ = __mul__

    def energy(self, bits):
        """Energies [...] of states, bits [..., spins]: int64."""
        m = 2 * np.asarray(bits, dtype=np.int64) - 1
        total = m @ np.array(self.h, dtype=np.int64)
        for i, j, value in self.couplings:
            total += value * m[..., i] * m[..., j]
        return -total

    def energies(self):
        """Of all states: int64 [2**spins]; bit i of an index is spin i.

        Errors: ValueError for more than `BRUTE_FORCE` spins.
        """
        if self.spins > BRUTE_FORCE:
            raise ValueError(f"Hamiltonian must have at most {BRUTE_FORCE} spins for brute force, "
                             f"not {self.spins}")
        couplings = [{} for _ in self.h]
        for i, j, value in self.couplings:
            couplings[j][i] = value
        energy = np.zeros(1, dtype=np.int64)
        for spin, h in enumerate(self.h):  # a spin more doubles the states
            field = np.array([h], dtype=np.int64)
            for other in range(spin):
                value = couplings[spin].get(other, 0)
                field = np.concatenate([field - value, field + value])
            energy = np.concatenate([energy + field, energy - field])
        return energy

    def ground_states(self):
        """The states of the lowest energy, ascending: int64; bit i is spin i."""
        energy = self.energies()
        return np.flatnonzero(energy == energy.min())

    def gap(self):
        """From the lowest energy to the next higher one; 0 where all states have the same.

        It is even: a flipped spin changes every term by twice its weight or not at all.
        """
        energy = self.energies()
        lowest = energy.min()
        above = energy[energy > lowest]
        return int(above.min() - lowest) if len(above) else 0

    def fan_in(self):
        """Couplings of the spin that has most."""
        ends = [spin for i, j, _ in self.couplings for spin in (i, j)]
        return int(np.bincount(ends).max()) if ends else 0

    def reach(self):
        """The largest input that h and the couplings give a spin, either way."""
        most = np.abs(np.array(self.h, dtype=np.int64))
        for i, j, value in self.couplings:
            most[[i, j]] += abs(value)
        return int(most.max(initial=0))


def inverse(literal):
    """
    >>> inverse(2), inverse(~2), inverse(ZERO)
    (-3, 2, '1')
    """
    return {ZERO: ONE, ONE: ZERO}[literal] if isinstance(literal, str) else ~literal


def fuse(spins, parts):
    """The sum of ``parts``, (Hamiltonian, literal of each of its spins), over ``spins`` spins.

    Constant energies (of terminals that are constants, or the same spin) are left out.

    >>> fuse(2, [(GATES["and"].hamiltonian, (0, ONE, ~1))])
    Hamiltonian(h=(0, 0), couplings=((0, 1, -2),))
    """
    h, couplings = [0] * spins, {}
    for part, literals in parts:
        places = [_place(literal) for literal in literals]
        for (spin, sign), value in zip(places, part.h, strict=True):
            if spin is not None:
                h[spin] += sign * value
        for i, j, value in part.couplings:
            (a, sign_a), (b, sign_b) = places[i], places[j]
            value *= sign_a * sign_b
            if a is None or b is None:
                for spin in {a, b} - {None}:
                    h[spin] += value
            elif a != b:
                pair = (min(a, b), max(a, b))
                couplings[pair] = couplings.get(pair, 0) + value
    return Hamiltonian(h, [(i, j, v) for (i, j), v in couplings.items() if v])


def _place(literal):
    """The spin (None for a constant) and the sign."""
    if isinstance(literal, str):
        return None, 1 if literal == ONE else -1
    return (literal, 1) if literal >= 0 else (~literal, -1)


@dataclass(frozen=True)
class Gate:
    """A truth table, and a Hamiltonian whose ground states are its rows.

    table:        for every code of the inputs (bit k is input k) that of the outputs
    outputs:      outputs; of a gate with an auxiliary spin the last ones are auxiliaries
    hamiltonian:  spins are the inputs, then the outputs
    auxiliaries:  outputs that only the Hamiltonian needs
    """

    name: str
    outputs: int
    table: tuple
    hamiltonian: Hamiltonian
    auxiliaries: int = 0

    inputs = property(lambda self: self.hamiltonian.spins - self.outputs)

    def valid_states(self):
        """The rows of the table, ascending: int64; bit i is spin i."""
        return np.sort(np.arange(1 << self.inputs) | np.array(self.table) << self.inputs)

    def inverted(self, name, terminals):
        """The gate with some of its terminals inverted, which is a sign in the Hamiltonian."""
        literals = [~t if t in terminals else t for t in range(self.hamiltonian.spins)]
        flips = sum(1 << t for t in terminals)
        rows = self.valid_states() ^ flips
        table = [0] * len(rows)
        for row in rows.tolist():
            table[row & len(rows) - 1] = row >> self.inputs
        return replace(self, name=name, table=tuple(table),
                       hamiltonian=fuse(len(literals), [(self.hamiltonian, literals)]))


#: -1 between all inputs, whatever their sum; ``weight`` from each of them to an output.
def _sum(inputs, weights, between=()):
    return [*((i, j, -1) for i in range(inputs) for j in range(i + 1, inputs)),
            *((i, inputs + k, w) for k, w in enumerate(weights) for i in range(inputs)), *between]


_BUFFER = Gate("buffer", 1, (0, 1), Hamiltonian((0, 0), _sum(1, [1])))
_AND = Gate("and", 1, (0, 0, 0, 1), Hamiltonian((1, 1, -2), _sum(2, [2])))
_MAJORITY = Gate("majority", 1, (0, 0, 0, 1, 0, 1, 1, 1), Hamiltonian((0,) * 4, _sum(3, [2])))
#: Sum, carry.
_HALF_ADDER = Gate("half-adder", 2, (0, 1, 1, 2),
                   Hamiltonian((1, 1, -1, -2), _sum(2, [1, 2], [(2, 3, -2)])))
_FULL_ADDER = Gate("full-adder", 2, (0, 1, 1, 2, 1, 2, 2, 3),
                   Hamiltonian((0,) * 5, _sum(3, [1, 2], [(3, 4, -2)])))
#: The half adder's carry, of inverted inputs and inverted, is their OR: the paper's XOR + OR.
_XOR = replace(_HALF_ADDER, auxiliaries=1).inverted("xor", {0, 1, 3})

#: The library: name -> gate. ``xor`` and ``xnor`` have the inputs' OR as auxiliary.
GATES = {gate.name: gate for gate in (
    _BUFFER, _BUFFER.inverted("not", {1}),
    _AND, _AND.inverted("or", {0, 1, 2}), _AND.inverted("nand", {2}), _AND.inverted("nor", {0, 1}),
    _XOR, _XOR.inverted("xnor", {2}), _MAJORITY, _HALF_ADDER, _FULL_ADDER)}
