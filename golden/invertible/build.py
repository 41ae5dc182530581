"""Invertible networks of circuits by name, from flat arguments."""

from golden.check import require_choice
from golden.invertible.circuit import Builder, adder, comparator, multiplier
from golden.invertible.hamiltonian import GATES
from golden.invertible.params import NetworkParams

__all__ = ["CIRCUITS", "network", "of_circuit"]


def _gate(name):
    def made(_width):
        builder = Builder()
        builder.output("y", builder.add(GATES[name], *builder.input("x", GATES[name].inputs)))
        return builder.circuit()
    return made


#: Name -> what makes the circuit, given a width; a gate has none.
CIRCUITS = {name: _gate(name) for name in GATES} | {
    "adder": adder, "comparator": comparator, "multiplier": multiplier}


def of_circuit(circuit, *, scale=1, **arguments):
    """`NetworkParams` of a `golden.invertible.circuit.Circuit`, h and J ``scale`` times as large.

    arguments: every other field
    """
    hamiltonian = circuit.hamiltonian * scale
    return NetworkParams(hamiltonian.h, hamiltonian.couplings, circuit.spin_ports, circuit.gates,
                         **arguments)


def network(circuit: str = "full-adder", width: int = 4, *, scale: int = 2,
            update: str = "synchronous", coding: str = "bipolar", draws: int = 1,
            random: str = "xorshift", seed: int = 1, range: int = -1, noise_bits: int = 6,
            range_bits: int = 4, count_bits: int = 32, segments: int = 4, replicas: int = 1,
            ring: int = 0, stop: str = "never", answer: str = "states",
            levels: int = 4, histogram: str = "") -> NetworkParams:
    """The network of a circuit of `CIRCUITS`; ``width`` is that of an adder, comparator or
    multiplier, ``histogram`` has names of ports, with commas between. Every other argument is that
    of `of_circuit` or `NetworkParams`.

    Errors: as those classes, and ValueError for a circuit that is not known.

    >>> network("multiplier", 5).spins
    75
    """
    require_choice("Network circuit", circuit, tuple(CIRCUITS))
    return of_circuit(
        CIRCUITS[circuit](width), scale=scale, update=update, coding=coding, draws=draws,
        random=random, seed=seed, range=range, noise_bits=noise_bits, range_bits=range_bits,
        count_bits=count_bits, segments=segments, replicas=replicas, ring=ring, stop=stop,
        answer=answer, levels=levels,
        histogram=tuple(histogram.split(",")) if histogram else ())
