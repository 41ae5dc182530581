"""Small circuits for the searches' tests: gates and ports, nothing else."""

import numpy as np

from golden.invertible import circuit

__all__ = ["AND", "multiplier", "random_circuit"]

AND = (0, 0, 0, 1)


def multiplier(bits):
    """Gates and ports of ``product = a b``."""
    made = circuit.multiplier(bits)
    return made.gates, made.spin_ports


def random_circuit(rng, inputs, gates):
    """Gates of one to three inputs and one or two outputs, and ports of all inputs and some spins.
    """
    made, spins = [], inputs
    for _ in range(gates):
        given = rng.choice(spins, min(spins, int(rng.integers(1, 4))), replace=False)
        out = tuple(range(spins, spins + int(rng.integers(1, 3))))
        table = rng.integers(0, 1 << len(out), 1 << len(given))
        made.append((tuple(given.tolist()), out, tuple(table.tolist())))
        spins += len(out)
    shown = rng.permutation(np.arange(inputs, spins))[:int(rng.integers(0, spins - inputs + 1))]
    ports = [("x", tuple(range(inputs)))] + ([("y", tuple(shown.tolist()))] if len(shown) else [])
    return tuple(made), tuple(ports)
