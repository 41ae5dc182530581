"""Invertible networks of circuits by name, from flat arguments."""

from golden.check import require_choice
from golden.invertible.circuit import Builder, adder, comparator, multiplier
from golden.invertible.hamiltonian import GATES
from golden.invertible.params import NetworkParams

__all__ = ["CIRCUITS", "WEIGHTED", "network", "of_circuit", "published_multiplier",
           "weighted_multiplier"]


def _gate(name):
    def made(_width):
        builder = Builder()
        builder.output("y", builder.add(GATES[name], *builder.input("x", GATES[name].inputs)))
        return builder.circuit()
    return made


#: Name -> what makes the circuit, given a width; a gate has none.
CIRCUITS = {name: _gate(name) for name in GATES} | {
    "adder": adder, "comparator": comparator, "multiplier": multiplier}


#: Operand bits -> (weights of the adders of each column from 1 on, of the ANDs from 0 on, noise):
#: found by an evolution strategy (CMA-ES) on the mean cycles to factor all products.
WEIGHTED: dict[int, tuple] = {
    4: ((31, 1, 3, 31, 26, 31, 1), (31, 12, 4, 1, 1, 4, 12), 15),
    5: ((31, 2, 1, 1, 1, 23, 21, 31, 1), (31, 14, 5, 1, 1, 1, 1, 5, 7), 13),
    6: ((31, 1, 1, 1, 1, 1, 1, 21, 17, 31, 1), (31, 14, 4, 1, 1, 1, 1, 1, 5, 7, 15), 12),
    7: ((31, 1, 1, 1, 1, 1, 1, 1, 1, 26, 10, 31, 1),
        (31, 13, 6, 1, 1, 1, 1, 1, 1, 1, 5, 8, 15), 11),
    8: ((31, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 27, 13, 31, 1),
        (31, 14, 6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 5, 6, 16), 9),
}


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
            levels: int = 4, histogram: str = "", stages: int = 1) -> NetworkParams:
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
        histogram=tuple(histogram.split(",")) if histogram else (), stages=stages)


def weighted_multiplier(bits=5, **arguments):
    """(`NetworkParams`, noise) that factor: the 3 ``bits``**2 spins of the paper's multiplier, with
    our weights for each column, no accumulator, and all spins but the inputs moving in one cycle of
    four, at random. The noise is a job's.

    arguments: other fields

    Errors: ValueError for ``bits`` of which `WEIGHTED` has no weights.
    """
    if bits not in WEIGHTED:
        raise ValueError(f"Weighted multiplier bits must be one of {', '.join(map(str, WEIGHTED))},"
                         f" not {bits} (multiplier takes weights of your own)")
    weights, ands, noise = WEIGHTED[bits]
    circuit = multiplier(bits, weights=weights, ands=ands)
    rest = tuple(0 if spin < 2 * bits else 2 for spin in range(circuit.hamiltonian.spins))
    return of_circuit(circuit, **{"draws": 4, "range": 0, "rest": rest, "noise_bits": 4,
                                  "segments": 1, "stop": "hit"} | arguments), noise


def published_multiplier(bits=5, **arguments):
    """(`NetworkParams`, noise) of the paper's rule: one weight for all gates, all spins in every
    cycle, one random sign of weight 11. The width of its accumulators is not published; at this one
    the mean cycles are about those of the chip.
    """
    return of_circuit(multiplier(bits), **{"scale": 2, "range": 6, "noise_bits": 4,
                                           "segments": 1, "stop": "hit"} | arguments), 11
