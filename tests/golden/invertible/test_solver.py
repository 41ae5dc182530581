import numpy as np
import pytest

from golden.invertible import solver
from golden.invertible.hamiltonian import GATES
from golden.invertible.solver import rows, solve


@pytest.mark.parametrize("name", ["not", "and", "or", "nor", "majority", "half-adder",
                                  "full-adder"])
def test_finds_the_library(name):
    """With the paper's bound of the weights: the same gap, and no larger weights."""
    gate = GATES[name]
    found = solve(gate.hamiltonian.spins, gate.valid_states(), weight=2, auxiliaries=0)
    assert found.ground_states().tolist() == gate.valid_states().tolist()
    assert found.gap() >= gate.hamiltonian.gap()

    def size(h):
        return sum(map(abs, h.h)) + sum(abs(value) for _, _, value in h.couplings)

    if found.gap() == gate.hamiltonian.gap():
        assert size(found) <= size(gate.hamiltonian)


@pytest.mark.parametrize("table, inputs, extra", [
    ([0, 1, 1, 0], 2, 1),               # XOR
    ([0, 1, 1, 0, 1, 0, 0, 1], 3, 1),   # XOR of three: the full adder's carry
    ([0, 0, 0, 0, 0, 0, 0, 1], 3, 1),   # AND of three
])
def test_adds_auxiliaries_where_needed(table, inputs, extra):
    valid = rows(inputs, table)
    found = solve(inputs + 1, valid, weight=2)
    assert found.spins == inputs + 1 + extra
    low = found.ground_states() & (2 << inputs) - 1
    assert sorted(low.tolist()) == sorted(valid)
    assert found.gap() >= 2
    with pytest.raises(ValueError, match=r"^Truth table must have a Hamiltonian of weights up to 2 "
                                         r"with at most 0 auxiliary spins, but none was found "
                                         r"\(raise weight, auxiliaries or seconds\)$"):
        solve(inputs + 1, valid, weight=2, auxiliaries=0)


@pytest.mark.parametrize("seed", range(4))
def test_random_relations(seed):
    """Not only functions: any set of states, proved by brute force."""
    rng = np.random.default_rng(seed)
    valid = np.flatnonzero(rng.random(8) < 0.5).tolist() or [3]
    found = solve(3, valid, weight=3, auxiliaries=1)
    assert sorted((found.ground_states() & 7).tolist()) == valid


def test_a_larger_bound_gives_a_larger_gap():
    gate = GATES["full-adder"]
    assert [solve(5, gate.valid_states(), weight=weight, auxiliaries=0).gap()
            for weight in (2, 3, 4)] == [2, 2, 4]


def test_an_answer_of_the_program_is_proved(monkeypatch):
    """A solution that is none, as rounding may leave it, is not handed out."""
    class Nothing:
        x = np.zeros(1000)

    monkeypatch.setattr(solver, "milp", lambda *arguments, **options: Nothing)
    with pytest.raises(ValueError, match=r"^Truth table must have a Hamiltonian .*$"):
        solve(3, rows(2, [0, 0, 0, 1]))


@pytest.mark.parametrize("arguments, options, message", [
    ((2, [4]), {}, r"Truth table rows must be codes of 2 bits, one at least, not \[4\]"),
    ((2, []), {}, r"Truth table rows must be codes of 2 bits, one at least, not \[\]"),
    ((11, [0]), {}, r"Truth table spins must be between 1 and 10, not 11"),
    ((2, [0]), {"weight": 0}, r"Solver weight must be between 1 and 32768, not 0"),
    ((2, [0]), {"auxiliaries": 5}, r"Solver auxiliaries must be between 0 and 4, not 5"),
])
def test_wrong_arguments(arguments, options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        solve(*arguments, **options)
