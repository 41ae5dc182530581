"""Circuits: their answers, and that their valid states are their ground states."""

import re
from collections import Counter

import numpy as np
import pytest

from golden.invertible.circuit import Builder, Circuit, adder, comparator, multiplier
from golden.invertible.hamiltonian import GATES, ONE, ZERO, Gate, Hamiltonian, fuse, inverse
from golden.invertible.solver import rows, solve


def inputs_of(circuit):
    """Every input code: name -> values."""
    widths = [(name, len(spins)) for name, direction, spins in circuit.ports
              if direction == "input"]
    codes, found, at = np.arange(1 << sum(width for _, width in widths)), {}, 0
    for name, width in widths:
        found[name] = codes >> at & (1 << width) - 1
        at += width
    return found


def codes_of(bits):
    return np.sort(bits.astype(np.int64) @ (1 << np.arange(bits.shape[-1])))


def valid_codes(circuit):
    return codes_of(circuit.states(inputs_of(circuit)))


def check_exactly(circuit):
    """By brute force: ground states are the valid states, and the gap is no less than promised."""
    assert circuit.hamiltonian.ground_states().tolist() == valid_codes(circuit).tolist()
    assert circuit.gap() >= circuit.gate_gap > 0


@pytest.mark.parametrize("width", range(1, 6))
def test_adder(width):
    circuit = adder(width)
    inputs = inputs_of(circuit)
    assert (circuit.forward(inputs)["sum"] == inputs["a"] + inputs["b"]).all()
    assert circuit.hamiltonian.spins == 4 * width
    check_exactly(circuit)
    assert circuit.gap() == 2


def test_adder_of_32_bits():
    """128 spins, as the paper's Table 3 says."""
    circuit = adder(32)
    a, b = np.random.default_rng(0).integers(0, 1 << 32, (2, 100))
    assert circuit.hamiltonian.spins == 128
    assert (circuit.forward({"a": a, "b": b})["sum"] == a + b).all()


@pytest.mark.parametrize("width", range(1, 6))
def test_comparator(width):
    circuit = comparator(width)
    inputs = inputs_of(circuit)
    assert (circuit.forward(inputs)["less"] == (inputs["a"] < inputs["b"])).all()
    check_exactly(circuit)
    assert circuit.hamiltonian.spins == 3 * width and circuit.gap() == 4


@pytest.mark.parametrize("arrangement", ["array", "paper"])
@pytest.mark.parametrize("width, fan_in, reach", [(2, 6, 11), (3, 8, 13), (4, 8, 16), (5, 10, 20)])
def test_multiplier(width, fan_in, reach, arrangement):
    circuit = multiplier(width, arrangement)
    inputs = inputs_of(circuit)
    assert (circuit.forward(inputs)["product"] == inputs["a"] * inputs["b"]).all()
    h = circuit.hamiltonian
    assert (h.spins, h.fan_in(), h.reach()) == (3 * width**2, fan_in, reach)
    # All of one energy, and no other state near them is as low.
    states = circuit.states(inputs)
    lowest = h.energy(states)
    assert len(set(lowest.tolist())) == 1
    for spin in range(h.spins):
        flipped = states.copy()
        flipped[..., spin] ^= 1
        wrong = (circuit.settle(flipped) != flipped).any(-1)
        assert (h.energy(flipped) - lowest)[wrong].min() >= circuit.gate_gap
    if width == 2:
        check_exactly(circuit)


@pytest.mark.parametrize("arrangement", ["array", "paper"])
def test_multiplier_of_clamped_inputs(arrangement):
    """3 x 3 is beyond brute force as a whole, but not with its inputs clamped."""
    circuit = multiplier(3, arrangement)
    h = circuit.hamiltonian
    for a, b in [(0, 0), (7, 7), (3, 5), (6, 2)]:
        state = circuit.states({"a": a, "b": b})
        clamped = {spin: int(state[spin]) for name, _, spins in circuit.ports[:2] for spin in spins}
        free = [spin for spin in range(h.spins) if spin not in clamped]
        literals = [free.index(spin) if spin in free else (ONE if clamped[spin] else ZERO)
                    for spin in range(h.spins)]
        part = fuse(len(free), [(h, literals)])
        assert part.ground_states().tolist() == [codes_of(state[None, free])[0]]
        assert part.gap() >= 2


def test_the_papers_multiplier_has_its_fields():
    """Figure 10b: inputs +3, outputs -2, -1, -1, -1, 0, 0, and fifteen hidden spins."""
    circuit = multiplier(3, "paper")
    h, ports = circuit.hamiltonian.h, dict(circuit.spin_ports)
    assert {h[spin] for name in "ab" for spin in ports[name]} == {3}
    assert [h[spin] for spin in ports["product"]] == [-2, -1, -1, -1, 0, 0]
    shown = {spin for spins in ports.values() for spin in spins}
    hidden = Counter(value for spin, value in enumerate(h) if spin not in shown)
    assert hidden == {-1: 3, -2: 8, 1: 3, 0: 1}


@pytest.mark.parametrize("arrangement", ["array", "paper"])
def test_multiplier_of_weighted_columns(arrangement):
    circuit = multiplier(2, arrangement, weights=(5, 1, 3))
    check_exactly(circuit)
    assert circuit.hamiltonian != multiplier(2, arrangement).hamiltonian
    assert circuit.gates == multiplier(2, arrangement).gates
    both = multiplier(2, arrangement, weights=(5, 1, 3), ands=(2, 7, 4))
    check_exactly(both)
    # AND of column k: a field of -2 at its output, which stands alone in column 0.
    product = dict(both.spin_ports)["product"]
    assert both.hamiltonian.h[product[0]] == -4 and circuit.hamiltonian.h[product[0]] == -2


def test_energy_of_valid_states_is_the_sum_of_the_parts():
    """Each gate at its lowest: nothing that the sum could lose."""
    rng = np.random.default_rng(1)
    builder, parts = Builder(), []
    literals = builder.input("a", 6)
    names = ["and", "or", "nor", "xor", "majority", "half-adder", "full-adder"]
    for _ in range(14):
        gate = GATES[rng.choice(names)]
        chosen = rng.choice(len(literals), gate.inputs, replace=False)
        inputs = [literals[k] if rng.random() < 0.5 else inverse(literals[k]) for k in chosen]
        outputs = builder.add(gate, *inputs)
        parts.append((gate, (*inputs, *outputs)))
        literals += outputs
    builder.output("y", literals[-3:])
    circuit = builder.circuit()
    states = circuit.states(inputs_of(circuit))
    whole = circuit.hamiltonian
    # The ports' polarity may have turned spins: count each part's energy where it is unturned.
    total = sum(part.hamiltonian.energies().min() for part, _ in parts)
    energies = whole.energy(states)
    assert set(energies.tolist()) == {total}
    noise = rng.integers(0, 2, (5000, whole.spins))
    wrong = ~(circuit.settle(noise) == noise).all(1)
    assert (whole.energy(noise)[wrong] >= total + circuit.gate_gap).all()


@pytest.mark.parametrize("seed", range(20))
def test_random_circuits(seed):
    """Literals of every kind: inverted, constant, twice the same; outputs inverted and shared."""
    rng = np.random.default_rng(seed)
    builder = Builder()
    literals = [*builder.input("a", 2), *builder.input("b", 2), ZERO, ONE]
    values = {k: f"{'ab'[k // 2]} >> {k % 2} & 1" for k in range(4)} | {4: "0", 5: "1"}
    for _ in range(5):
        gate = GATES[rng.choice(list(GATES))]
        chosen = rng.integers(0, len(literals), gate.inputs)
        flips = rng.integers(0, 2, gate.inputs)
        outputs = builder.add(gate, *(inverse(literals[k]) if flip else literals[k]
                                      for k, flip in zip(chosen, flips, strict=True)))
        code = " + ".join(f"(({values[k]}) ^ {flip}) * {1 << place}" for place, (k, flip)
                          in enumerate(zip(chosen, flips, strict=True)))
        for k, literal in enumerate(outputs):
            values[len(literals)] = f"table_{gate.name.replace('-', '_')}[{code}] >> {k} & 1"
            literals.append(literal)
    live = [k for k, literal in enumerate(literals) if not isinstance(literal, str)]
    chosen = rng.choice(live, 3)
    builder.output("y", [literals[chosen[0]], inverse(literals[chosen[1]]), literals[chosen[2]]])
    circuit = builder.circuit()
    inputs = inputs_of(circuit)
    tables = {f"table_{name.replace('-', '_')}": np.array(gate.table)
              for name, gate in GATES.items()}
    bits = [np.asarray(eval(values[k], tables | inputs)) for k in chosen]
    assert (circuit.forward(inputs)["y"] == (bits[0] + 2 * (1 - bits[1]) + 4 * bits[2])).all()
    check_exactly(circuit)


@pytest.mark.parametrize("literals, expected", [
    (("0", 0), [ZERO]), ((ONE, 0), [0]), ((ONE, ~0), [~0]), ((0, 0), [0]), ((0, ~0), [ZERO]),
    ((ONE, ONE), [ONE]),
])
def test_folding_takes_no_spins(literals, expected):
    builder = Builder()
    builder.input("a", 1)
    assert builder.add(GATES["and"], *literals) == expected
    assert builder.add(GATES["full-adder"], literals[0], inverse(literals[0]), 0) == [~0, 0]
    builder.output("y", [~0])
    assert builder.circuit().hamiltonian == Hamiltonian((0, 0), ((0, 1, -1),))


def test_an_inverted_output_is_the_gates_own_spin():
    builder = Builder()
    builder.output("y", [inverse(builder.add(GATES["and"], *builder.input("a", 2))[0])])
    assert builder.circuit().hamiltonian == GATES["nand"].hamiltonian


def test_a_gate_of_the_solver_is_a_gate():
    """AND of three, its auxiliary a further output."""
    h = solve(4, rows(3, [0] * 7 + [1]), weight=2)
    table = [0] * 8
    for state in h.ground_states().tolist():
        table[state & 7] = state >> 3
    gate = Gate("and3", 2, tuple(table), h, 1)
    builder = Builder()
    builder.output("y", builder.add(gate, *builder.input("a", 3))[:1])
    circuit = builder.circuit()
    assert circuit.forward({"a": np.arange(8)})["y"].tolist() == [0] * 7 + [1]
    check_exactly(circuit)


def test_wide_ports():
    circuit = adder(70)
    a, b = (1 << 70) - 3, (1 << 69) + 12345
    assert circuit.forward({"a": a, "b": b}) == {"sum": a + b}


def test_to_dict_is_plain():
    circuit = adder(1)
    assert isinstance(circuit, Circuit) and circuit.to_dict()["ports"][2][0] == "sum"


def _constant():
    builder = Builder()
    builder.input("a", 1)
    builder.output("y", [0, ONE])


def _twice():
    builder = Builder()
    builder.input("a", 1)
    builder.output("a", [0])


@pytest.mark.parametrize("call, message", [
    (lambda: adder(2).forward({"a": 1}), "Circuit inputs must have 'b', which is missing"),
    (lambda: adder(2).forward({"a": 1, "b": 1, "sum": 1}),
     "Circuit input must be one of a, b, not 'sum'"),
    (lambda: adder(2).forward({"a": 4, "b": 1}), "Circuit input a must be between 0 and 3, not 4"),
    (lambda: adder(0), "Adder width must be at least 1, not 0"),
    (lambda: comparator(0), "Comparator width must be at least 1, not 0"),
    (lambda: multiplier(1), "Multiplier width must be at least 2, not 1"),
    (lambda: multiplier(2, "wallace"),
     "Multiplier arrangement must be one of array, paper, not 'wallace'"),
    (lambda: multiplier(2, weights=(1, 2)),
     "Multiplier weights must be 3, one for each column from 1 on, not 2"),
    (lambda: multiplier(2, weights=(1, 2, 0)), "Multiplier weights must be at least 1, not 0"),
    (lambda: multiplier(2, ands=(1, 2)),
     "Multiplier ands must be 3, one for each column from 0 on, not 2"),
    (lambda: Builder().circuit(), "Circuit must have an output"),
    (_constant, "Output y bit 1 must hang on an input, not be constant 1"),
    (_twice, "Port name must be free, not 'a' again"),
    (lambda: Builder().add(GATES["and"], ONE), "Gate and must have 2 inputs, not 1"),
])
def test_wrong(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
