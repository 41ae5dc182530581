"""Finds a Hamiltonian for any small truth table, by integer programming.

Every state gives a linear inequality in h and J: a row of the table has the lowest energy, any
other state at least the gap more. Where no Hamiltonian exists without them, auxiliary spins are
added; which function of the row each one is, is part of the program: of a row's states, one for
each code of the auxiliaries, exactly one is chosen to be a ground state.
"""

from itertools import combinations

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from golden.check import require_int
from golden.invertible.hamiltonian import Hamiltonian

__all__ = ["rows", "solve"]


def rows(inputs, table):
    """The rows of a truth table as `solve` takes them: inputs' bits low, outputs' above them.

    >>> rows(2, (0, 0, 0, 1))
    [0, 1, 2, 7]
    """
    return [code | int(output) << inputs for code, output in enumerate(table)]


def solve(spins, valid, *, weight=3, auxiliaries=2, seconds=60):
    """The `Hamiltonian` whose ground states are ``valid``, with the largest gap, and of those
    that have it the one with the smallest sum of weights.

    spins:        of the table, up to about 6
    valid:        codes of its rows, bit i for spin i: of a function (`rows`), or any relation
    weight:       bound of every abs(h) and abs(J)
    auxiliaries:  most spins to add, behind the table's own; as few as can be are taken. Each row
                  then is one ground state, its auxiliaries a function of it.
    seconds:      for each program (two for each number of auxiliaries tried)

    Errors: TypeError, ValueError for wrong arguments, and where none is found.
    """
    require_int("Truth table spins", spins, 1, 10)
    require_int("Solver weight", weight, 1, 1 << 15)
    require_int("Solver auxiliaries", auxiliaries, 0, 4)
    valid = sorted({int(code) for code in valid})
    if not valid or valid[0] < 0 or valid[-1] >> spins:
        raise ValueError(f"Truth table rows must be codes of {spins} bits, one at least, "
                         f"not {valid}")
    for extra in range(auxiliaries + 1):
        found = _solve(spins, valid, weight, extra, seconds)
        if found:
            return found
    raise ValueError(f"Truth table must have a Hamiltonian of weights up to {weight} with at most "
                     f"{auxiliaries} auxiliary spins, but none was found (raise weight, "
                     "auxiliaries or seconds)")


def _solve(spins, valid, weight, extra, seconds):
    n, codes = spins + extra, np.arange(1 << spins + extra)
    m = 2 * (codes[:, None] >> np.arange(n) & 1) - 1
    pairs = list(combinations(range(n), 2))
    features = np.hstack([m, *(m[:, [i]] * m[:, [j]] for i, j in pairs)])
    weights, choices = features.shape[1], 1 << extra
    # Columns: weights; their magnitudes; ground energy; half of the gap; row by row the choice.
    ground = 2 * weights
    half, choice = ground + 1, ground + 2
    columns = choice + len(valid) * choices
    most = 2 * weights * weight  # any difference of energies
    lines, low = [], []

    def at_least(value, *terms):
        line = np.zeros(columns)
        for where, factor in terms:
            line[where] += factor
        lines.append(line)
        low.append(value)

    place = {code: choice + choices * row for row, code in enumerate(valid)}
    for code in codes.tolist():
        energy = [(slice(weights), -features[code]), (ground, -1)]
        row = place.get(code & (1 << spins) - 1)
        if row is None:
            at_least(0, *energy, (half, -2))
        else:
            mine = row + (code >> spins)
            at_least(0, *energy)
            at_least(0, *energy, (half, -2), (mine, most))
            at_least(-most, *((where, -np.asarray(factor)) for where, factor in energy),
                     (mine, -most))
    for row in place.values():
        chosen = slice(row, row + choices)
        at_least(1, (chosen, 1))
        at_least(-1, (chosen, -1))
    for column in range(weights):
        for sign in (1, -1):
            at_least(0, (weights + column, 1), (column, sign))
    lower = np.concatenate([np.full(weights, -weight), np.zeros(weights), [-np.inf, 1],
                            np.zeros(columns - choice)])
    upper = np.concatenate([np.full(2 * weights, weight), [np.inf, most],
                            np.ones(columns - choice)])
    # Auxiliaries may be inverted: those of the first row are 0.
    lower[choice] = 1
    integral = np.ones(columns)
    integral[ground] = 0

    def optimum(cost):
        found = milp(cost, integrality=integral, bounds=Bounds(lower, upper),
                     constraints=LinearConstraint(np.array(lines), np.array(low)),
                     options={"time_limit": seconds})
        return None if found.x is None else np.round(found.x).astype(int)

    cost = np.zeros(columns)
    cost[half] = -1
    widest = optimum(cost)
    if widest is None:
        return None
    lower[half] = upper[half] = widest[half]
    cost[:] = 0
    cost[weights:ground] = 1
    best = optimum(cost)
    for solution in (best, widest):  # a program that ran out of time may have rounded badly
        if solution is not None:
            values = solution.tolist()
            found = Hamiltonian(values[:n], [(i, j, v) for (i, j), v in zip(
                pairs, values[n:weights], strict=True) if v])
            if _proved(found, spins, valid):
                return found
    return None


def _proved(hamiltonian, spins, valid):
    """Whether exactly ``valid`` are ground states, each of them once: by brute force."""
    return sorted((hamiltonian.ground_states() & (1 << spins) - 1).tolist()) == valid
