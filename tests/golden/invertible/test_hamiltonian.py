"""Every gate of the library by brute force: its valid states, no others, and its gap."""

import numpy as np
import pytest

from golden.invertible.hamiltonian import BRUTE_FORCE, GATES, ONE, ZERO, Hamiltonian, fuse

#: Name -> function of the inputs, gap. Auxiliaries follow the outputs.
EXPECTED = {
    "buffer": (lambda a: (a,), 2), "not": (lambda a: (1 - a,), 2),
    "and": (lambda a, b: (a & b,), 4), "or": (lambda a, b: (a | b,), 4),
    "nand": (lambda a, b: (1 - (a & b),), 4), "nor": (lambda a, b: (1 - (a | b),), 4),
    "xor": (lambda a, b: (a ^ b, a | b), 2), "xnor": (lambda a, b: (1 - (a ^ b), a | b), 2),
    "majority": (lambda a, b, c: (int(a + b + c > 1),), 4),
    "half-adder": (lambda a, b: (a ^ b, a & b), 2),
    "full-adder": (lambda a, b, c: (a ^ b ^ c, int(a + b + c > 1)), 2),
}


def test_library_is_complete():
    assert set(GATES) == set(EXPECTED)


@pytest.mark.parametrize("name", GATES)
def test_gate(name):
    gate, (function, gap) = GATES[name], EXPECTED[name]
    bits = [[code >> k & 1 for k in range(gate.inputs)] for code in range(1 << gate.inputs)]
    rows = [(*inputs, *function(*inputs)) for inputs in bits]
    codes = sorted(sum(bit << k for k, bit in enumerate(row)) for row in rows)
    assert gate.hamiltonian.ground_states().tolist() == gate.valid_states().tolist() == codes
    assert gate.hamiltonian.gap() == gap
    assert gate.auxiliaries == (name in ("xor", "xnor"))


@pytest.mark.parametrize("name, h, couplings", [
    ("and", (1, 1, -2), ((0, 1, -1), (0, 2, 2), (1, 2, 2))),
    ("xor", (-1, -1, -1, 2), ((0, 1, -1), (0, 2, -1), (0, 3, 2), (1, 2, -1), (1, 3, 2),
                              (2, 3, 2))),
    ("half-adder", (1, 1, -1, -2), ((0, 1, -1), (0, 2, 1), (0, 3, 2), (1, 2, 1), (1, 3, 2),
                                    (2, 3, -2))),
    ("full-adder", (0,) * 5, ((0, 1, -1), (0, 2, -1), (1, 2, -1), (0, 3, 1), (1, 3, 1), (2, 3, 1),
                              (0, 4, 2), (1, 4, 2), (2, 4, 2), (3, 4, -2))),
])
def test_weights_are_the_papers(name, h, couplings):
    made = GATES[name].hamiltonian
    assert (made.h, made.couplings) == (h, tuple(sorted(couplings)))


def test_energies():
    rng = np.random.default_rng(0)
    h = Hamiltonian(rng.integers(-9, 10, 7).tolist(),
                    [(i, j, int(rng.integers(1, 9))) for j in range(7) for i in range(j)])
    m = 2 * (np.arange(128)[:, None] >> np.arange(7) & 1) - 1
    matrix = np.zeros((7, 7), int)
    for i, j, value in h.couplings:
        matrix[i, j] = matrix[j, i] = value
    expected = -(m @ np.array(h.h)) - np.einsum("si,ij,sj->s", m, matrix, m) // 2
    assert h.energies().tolist() == h.energy(m > 0).tolist() == expected.tolist()
    assert h.gap() % 2 == 0
    assert h.reach() == (abs(matrix).sum(1) + np.abs(h.h)).max() and h.fan_in() == 6


def test_gap_of_a_flat_one_is_0():
    assert Hamiltonian((0, 0)).gap() == 0 == Hamiltonian((0, 0)).fan_in()


@pytest.mark.parametrize("literals, states", [
    ((0, 1, 2), [(0, 0, 0), (0, 1, 0), (1, 0, 0), (1, 1, 1)]),
    ((~0, 1, ~2), [(0, 0, 1), (0, 1, 0), (1, 0, 1), (1, 1, 1)]),
    ((0, ONE, 1), [(0, 0), (1, 1)]),
    ((0, ZERO, 1), [(0, 0), (1, 0)]),
    ((0, 0, 1), [(0, 0), (1, 1)]),
    ((0, ~0, 1), [(0, 0), (1, 0)]),
])
def test_fuse_on_literals(literals, states):
    """An AND whose inputs are inverted, constant, or the same spin."""
    fused = fuse(len(states[0]), [(GATES["and"].hamiltonian, literals)])
    found = [tuple(code >> k & 1 for k in range(fused.spins)) for code in fused.ground_states()]
    assert sorted(found) == states


def test_add_and_multiply():
    gate = GATES["half-adder"].hamiltonian
    assert gate + gate == 2 * gate == gate * 2
    assert (3 * gate).ground_states().tolist() == gate.ground_states().tolist()
    assert (3 * gate).gap() == 6
    opposite = Hamiltonian([-v for v in gate.h], [(i, j, -v) for i, j, v in gate.couplings])
    assert gate + opposite == Hamiltonian((0,) * 4)


def test_to_and_from_dict():
    gate = GATES["xor"].hamiltonian
    assert Hamiltonian.from_dict(gate.to_dict()) == gate


@pytest.mark.parametrize("arguments, error, message", [
    (([0.5],), TypeError, r"Hamiltonian h must be an int, not 0\.5"),
    (([0], [(0, 1, 1)]), ValueError, r"Coupling spin must be between 0 and 0, not 1"),
    (([0, 0], [(1, 0, 1)]), ValueError, r"Coupling must be \(i, j, J\) with i < j, .*"),
    (([0, 0], [(0, 1, 0)]), ValueError, r"Coupling must be .* J not 0, .*, not \(0, 1, 0\)"),
    (([0, 0], [(0, 1, 1), (0, 1, 2)]), ValueError, r"Coupling must be .* there only once, .*"),
])
def test_init_wrong(arguments, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        Hamiltonian(*arguments)


def test_too_large_for_brute_force():
    with pytest.raises(ValueError, match=r"^Hamiltonian must have at most 24 spins for brute force,"
                                         r" not 25$"):
        Hamiltonian((0,) * (BRUTE_FORCE + 1)).energies()


def test_factor_must_be_positive():
    with pytest.raises(ValueError, match=r"^Hamiltonian factor must be at least 1, not 0$"):
        GATES["and"].hamiltonian * 0
