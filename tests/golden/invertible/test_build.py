import re

import pytest

from golden.invertible.build import CIRCUITS, gate, network, of_circuit
from golden.invertible.circuit import multiplier
from golden.invertible.hamiltonian import GATES


@pytest.mark.parametrize("name", GATES)
def test_gate(name):
    circuit, made = gate(name), GATES[name]
    assert [port for port, _, _ in circuit.ports] == [
        *"abc"[:made.inputs], *"yx"[:made.outputs - made.auxiliaries]]
    assert circuit.hamiltonian.spins == made.hamiltonian.spins
    assert circuit.gates[0][2] == made.table
    assert network(name).spins == made.hamiltonian.spins


@pytest.mark.parametrize("name", CIRCUITS)
def test_circuit(name):
    circuit, params = CIRCUITS[name](3), network(name, 3, seed=5, replicas=2)
    h = circuit.hamiltonian
    assert (params.h, params.couplings, params.gates) == (h.h, h.couplings, circuit.gates)
    assert (params.seed, params.replicas, params.ports) == (5, 2, circuit.spin_ports)
    assert params.inputs == tuple(spin for spin, rest in enumerate(params.rest) if not rest)


def test_options_win():
    assert of_circuit(multiplier(2), stop="never", rest=()).rest == ()


def test_wrong_name():
    names = ", ".join((*CIRCUITS, *GATES))
    with pytest.raises(ValueError,
                       match=rf"^Network circuit must be one of {re.escape(names)}, not 'add'$"):
        network("add")
