"""A combinational circuit as spins: its gates, its ports, and the Hamiltonian that they add up to.

The valid states of the spins are the answers of the circuit to its inputs, one for each input code,
and they are the ground states of the Hamiltonian: every gate's energy is at its lowest in them, and
in no other state are all gates' energies. So the circuit's gap is at least its gates' smallest.

Source: Smithson et al., TCAS-I 66(6), 2019, section III (composition; the multiplier of 3 N**2
spins, figure 10). Ours: the arrangement ``paper``, derived from the fields of that figure, which
it gives; folding of constants and inverters; weights of columns.
"""

from dataclasses import dataclass

import numpy as np

from golden.check import require_choice, require_int
from golden.invertible.hamiltonian import (
    BRUTE_FORCE,
    GATES,
    ONE,
    ZERO,
    Hamiltonian,
    fuse,
    inverse,
)
from golden.params import Params

__all__ = ["Builder", "Circuit", "adder", "comparator", "multiplier"]


@dataclass(frozen=True)
class Circuit(Params):
    """What `golden.invertible.params.NetworkParams` takes, and what evaluates it.

    hamiltonian:  of all spins
    ports:        (name, ``input`` or ``output``, spins), least significant first; a spin belongs
                  to one port at most
    gates:        (input spins, output spins, table), in topological order: bit k of ``table[code]``
                  is output k, bit k of ``code`` input k. Spins that no gate drives are the inputs.
    gate_gap:     the smallest gap of a gate
    """

    hamiltonian: Hamiltonian
    ports: tuple
    gates: tuple
    gate_gap: int

    @property
    def spin_ports(self):
        """(name, spins) of every port."""
        return tuple((name, spins) for name, _, spins in self.ports)

    def states(self, values):
        """The valid states of inputs, name -> values [...]: uint8 [..., spins].

        Errors: ValueError for a missing or foreign input or a value beyond its width.
        """
        inputs = {name: spins for name, direction, spins in self.ports if direction == "input"}
        for name in values:
            require_choice("Circuit input", name, sorted(inputs))
        given = {}
        for name, spins in inputs.items():
            if name not in values:
                raise ValueError(f"Circuit inputs must have {name!r}, which is missing")
            given[name] = np.asarray(values[name], _kind(spins))
            for value in given[name].reshape(-1).tolist():
                require_int(f"Circuit input {name}", value, 0, (1 << len(spins)) - 1)
        shape = np.broadcast_shapes(*(value.shape for value in given.values()))
        bits = np.zeros((*shape, self.hamiltonian.spins), np.uint8)
        for name, spins in inputs.items():
            for place, spin in enumerate(spins):
                bits[..., spin] = given[name] >> place & 1
        return self.settle(bits)

    def settle(self, bits):
        """The valid states of the inputs in ``bits`` [..., spins]: all other spins made anew."""
        bits = np.array(bits, np.uint8)
        for inputs, outputs, table in self.gates:
            code = bits[..., list(inputs)] @ (1 << np.arange(len(inputs)))
            answer = np.array(table)[code]
            bits[..., list(outputs)] = answer[..., None] >> np.arange(len(outputs)) & 1
        return bits

    def read(self, bits):
        """The ports' values [...] in ``bits`` [..., spins]: name -> int, or int64 array."""
        found = {}
        for name, _, spins in self.ports:
            own = np.asarray(bits)[..., list(spins)].astype(_kind(spins))
            value = own @ np.array([1 << place for place in range(len(spins))], _kind(spins))
            found[name] = value if np.ndim(value) else int(value)
        return found

    def forward(self, values):
        """The outputs for inputs, name -> value or array of values; as `states`."""
        read = self.read(self.states(values))
        return {name: read[name] for name, direction, _ in self.ports if direction == "output"}

    def gap(self):
        """By brute force; None for more than `golden.invertible.hamiltonian.BRUTE_FORCE` spins."""
        few = self.hamiltonian.spins <= BRUTE_FORCE
        return self.hamiltonian.gap() if few else None


def _kind(spins):
    """Objects where a port is wider than NumPy's integers."""
    return object if len(spins) > 62 else np.int64


class Builder:
    """Builds a `Circuit` gate by gate, on literals: a spin, its inverse, or a constant.

    >>> b = Builder()
    >>> x, y = b.input("a", 2)
    >>> b.output("same", b.add(GATES["xnor"], x, y)[:1])
    >>> b.circuit().forward({"a": [0, 1, 2, 3]})["same"].tolist()
    [1, 0, 0, 1]
    """

    def __init__(self):
        self._spins = 0
        self._gates = []  # (gate, weight, literals of its terminals)
        self._inputs, self._outputs = {}, {}

    def input(self, name, width):
        """The literals of a new input port, least significant first.

        Errors: TypeError, ValueError for a name that is taken, a width below 1.
        """
        self._name(name)
        require_int(f"Port {name} width", width, 1)
        self._inputs[name] = [self._spin() for _ in range(width)]
        return list(self._inputs[name])

    def output(self, name, literals):
        """An output port of ``literals``, least significant first.

        A literal that is an input, or in a port already, is copied by a coupling.

        Errors: ValueError for a constant, or a name that is taken.
        """
        self._name(name)
        literals = list(literals)
        require_int(f"Port {name} width", len(literals), 1)
        for bit, literal in enumerate(literals):
            if isinstance(literal, str):
                raise ValueError(f"Output {name} bit {bit} must hang on an input, "
                                 f"not be constant {literal}")
        self._outputs[name] = literals

    def add(self, gate, *literals, weight=1):
        """The outputs' literals of a gate on inputs ``literals``; ``weight`` makes it steeper.

        Outputs that are constants, or one of the inputs, come without a spin.
        """
        places = [literal if isinstance(literal, str) else _spin_of(literal)
                  for literal in literals]
        free = sorted({place for place in places if not isinstance(place, str)})
        if len(literals) != gate.inputs:
            raise ValueError(f"Gate {gate.name} must have {gate.inputs} inputs, "
                             f"not {len(literals)}")
        answers = np.array(_restricted(gate.table, literals, free))
        codes = np.arange(len(answers))
        known = {(0,) * len(codes): ZERO, (1,) * len(codes): ONE}
        for place, spin in enumerate(free):
            bit = codes >> place & 1
            known |= {tuple(bit.tolist()): spin, tuple((1 - bit).tolist()): inverse(spin)}
        outputs = [known.get(tuple((answers >> k & 1).tolist())) for k in range(gate.outputs)]
        if None in outputs:
            outputs = [self._spin() if literal is None else literal for literal in outputs]
            self._gates.append((gate, weight, (*literals, *outputs)))
        return outputs

    def circuit(self):
        """The `Circuit`; the builder may go on.

        Errors: ValueError without outputs.
        """
        if not self._outputs:
            raise ValueError("Circuit must have an output")
        taken = {spin for spins in self._inputs.values() for spin in spins}
        # A gate's output that a port shows inverted becomes a spin of the opposite sign, so that
        # ports stand on spins as they are.
        shown = set(taken)
        flipped = set()
        for literals in self._outputs.values():
            for literal in literals:
                if _spin_of(literal) not in shown and literal < 0:
                    flipped.add(~literal)
                shown.add(_spin_of(literal))

        def turned(literal):
            if isinstance(literal, str):
                return literal
            return inverse(literal) if _spin_of(literal) in flipped else literal

        gates = [(gate, weight, tuple(map(turned, literals)))
                 for gate, weight, literals in self._gates]
        spins = self._spins
        ports = [(name, "input", tuple(spins)) for name, spins in self._inputs.items()]
        for name, literals in self._outputs.items():
            own = []
            for literal in map(turned, literals):
                if literal < 0 or literal in taken:
                    gates.append((GATES["buffer"], 1, (literal, spins)))
                    literal, spins = spins, spins + 1
                taken.add(literal)
                own.append(literal)
            ports.append((name, "output", tuple(own)))
        parts = [(gate.hamiltonian * weight, literals) for gate, weight, literals in gates]
        return Circuit(fuse(spins, parts), tuple(ports), tuple(_row(*gate) for gate in gates),
                       min((_gap(gate) * weight for gate, weight, _ in gates), default=0))

    def _name(self, name):
        if name in self._inputs or name in self._outputs:
            raise ValueError(f"Port name must be free, not {name!r} again")

    def _spin(self):
        self._spins += 1
        return self._spins - 1


def _spin_of(literal):
    return literal if literal >= 0 else ~literal


def _restricted(table, literals, free):
    """The table over the codes of the spins ``free``, inputs standing on ``literals``."""
    codes = np.arange(1 << len(free))
    inputs = np.zeros_like(codes)
    for place, literal in enumerate(literals):
        if isinstance(literal, str):
            bit = int(literal == ONE)
        else:
            bit = (codes >> free.index(_spin_of(literal)) & 1) ^ (literal < 0)
        inputs |= bit << place
    return np.array(table)[inputs]


def _row(gate, _, literals):
    """(input spins, output spins, table) of a gate on literals; without what has no spin."""
    inputs, outputs = literals[:gate.inputs], literals[gate.inputs:]
    free = sorted({_spin_of(literal) for literal in inputs if not isinstance(literal, str)})
    answers = _restricted(gate.table, inputs, free)
    # Outputs that are constants or inputs have no spin of their own.
    own = [(k, literal) for k, literal in enumerate(outputs)
           if not isinstance(literal, str) and _spin_of(literal) not in free]
    table = sum(((answers >> k & 1) ^ (literal < 0)) << place
                for place, (k, literal) in enumerate(own))
    return tuple(free), tuple(_spin_of(literal) for _, literal in own), tuple(table.tolist())


_GAPS: dict = {}


def _gap(gate):
    """The gap of a gate; that of a gate with constant terminals is no smaller."""
    if gate.hamiltonian not in _GAPS:
        _GAPS[gate.hamiltonian] = gate.hamiltonian.gap()
    return _GAPS[gate.hamiltonian]


def adder(width):
    """Ports a, b, sum (``width`` + 1 bits): a ripple of a half adder and full adders, 4 ``width``
    spins."""
    require_int("Adder width", width, 1)
    b = Builder()
    x, y = b.input("a", width), b.input("b", width)
    total, carry = [], ZERO
    for pair in zip(x, y, strict=True):
        bit, carry = _add(b, *pair, carry)
        total.append(bit)
    b.output("sum", [*total, carry])
    return b.circuit()


def _add(builder, x, y, carry=ZERO, weight=1):
    if carry == ZERO:
        return builder.add(GATES["half-adder"], x, y, weight=weight)
    return builder.add(GATES["full-adder"], x, y, carry, weight=weight)


def comparator(width):
    """Ports a, b, less (a < b): a ripple of majorities, 3 ``width`` spins."""
    require_int("Comparator width", width, 1)
    b = Builder()
    less = ZERO
    for x, y in zip(b.input("a", width), b.input("b", width), strict=True):
        (less,) = b.add(GATES["majority"], inverse(x), y, less)
    b.output("less", [less])
    return b.circuit()


def multiplier(width, arrangement="array", weights=None, ands=None):
    """Ports a, b, product (2 ``width`` bits) of 3 ``width``**2 spins: the inputs, an AND for each
    pair of bits, ``width`` (``width`` - 1) half and full adders.

    arrangement:  ``array``: row by row, each a ripple of adders; ``paper``: column by column, each
                  adder's sum goes to the next one of its column
    weights:      of the adders of each column of the product (column k's sum bit is of weight
                  2**k) from column 1 on; all 1 without
    ands:         of the ANDs of each column, from column 0 on; all 1 without
    """
    require_int("Multiplier width", width, 2)
    require_choice("Multiplier arrangement", arrangement, ("array", "paper"))
    weights = _of_columns("weights", weights, 1, 2 * width)
    ands = _of_columns("ands", ands, 0, 2 * width - 1)
    b = Builder()
    x, y = b.input("a", width), b.input("b", width)
    product = [[b.add(GATES["and"], i, j, weight=ands[row + place])[0]
                for place, i in enumerate(x)] for row, j in enumerate(y)]
    build = _array if arrangement == "array" else _columns
    b.output("product", build(b, product, weights))
    return b.circuit()


def _of_columns(name, weights, first, end):
    """The weights of columns ``first`` to ``end``, from column 0 on."""
    weights = (1,) * (end - first) if weights is None else tuple(weights)
    if len(weights) != end - first:
        raise ValueError(f"Multiplier {name} must be {end - first}, one for each column from "
                         f"{first} on, not {len(weights)}")
    for weight in weights:
        require_int(f"Multiplier {name}", weight, 1)
    return (1,) * first + weights


def _array(b, product, weights):
    width = len(product)
    total, done = [*product[0], ZERO], []
    for row, terms in enumerate(product[1:], 1):
        done.append(total[0])
        carry, sums = ZERO, []
        for place, term in enumerate(terms):
            known = total[place + 1]
            if known == ZERO:
                known, carry = carry, ZERO
            bit, carry = _add(b, term, known, carry, weights[row + place])
            sums.append(bit)
        total = [*sums, carry]
    assert len(total) == width + 1
    return done + total


def _columns(b, product, weights):
    width = len(product)
    carries, done = [[] for _ in range(2 * width)], []
    for column, weight in enumerate(weights):
        terms = [product[j][column - j] for j in range(width) if 0 <= column - j < width]
        # Two terms and the latest carry first: of the orders tried, this has the paper's fields.
        waiting = carries[column]
        total = terms.pop(0) if terms else waiting.pop()
        while terms or waiting:
            use = [total, terms.pop(0) if terms else waiting.pop()]
            if waiting:
                use.append(waiting.pop())
            elif terms:
                use.append(terms.pop(0))
            total, carry = _add(b, *use, weight=weight)
            carries[column + 1].append(carry)
        done.append(total)
    return done
