"""Parameters of a network from a circuit of the library, by flat arguments."""

from golden.check import require_choice
from golden.invertible.circuit import Builder, adder, comparator, multiplier
from golden.invertible.hamiltonian import GATES
from golden.invertible.params import NetworkParams

__all__ = ["gate", "network", "of_circuit"]

#: Name -> what makes the circuit of a width. Gates go by their own names, and have none.
CIRCUITS = {"adder": adder, "comparator": comparator, "multiplier": multiplier}


def gate(name):
    """A gate of the library alone: ports a, b, c for its inputs, y (and x for a second output)."""
    require_choice("Gate", name, tuple(GATES))
    b, made = Builder(), GATES[name]
    outputs = b.add(made, *(b.input(port, 1)[0] for port in "abc"[:made.inputs]))
    for port, literal in zip("yx", outputs[:made.outputs - made.auxiliaries], strict=False):
        b.output(port, [literal])
    return b.circuit()


def of_circuit(circuit, **options):
    """`NetworkParams` of a circuit that stop at the first hit; ``options`` are further fields.

    Ours, by trial on the examples of ``ternstone invert``: inputs move in every cycle, all other
    spins in every second one at random, and the noise of a cycle is the sum of four bits.
    """
    inputs = {spin for _, direction, spins in circuit.ports if direction == "input"
              for spin in spins}
    h = circuit.hamiltonian
    given = {"rest": tuple(int(spin not in inputs) for spin in range(h.spins)), "draws": 4,
             "range": 0, "noise_bits": 4, "segments": 24, "stop": "hit"} | options
    return NetworkParams(h.h, h.couplings, circuit.spin_ports, circuit.gates, **given)


def network(circuit: str = "multiplier", width: int = 4, seed: int = 1, replicas: int = 1):
    """The network of a circuit or a gate of the library.

    >>> network("multiplier", 5).spins
    75
    """
    require_choice("Network circuit", circuit, (*CIRCUITS, *GATES))
    made = CIRCUITS[circuit](width) if circuit in CIRCUITS else gate(circuit)
    return of_circuit(made, seed=seed, replicas=replicas)
