"""Networks by the names of their circuits."""

import pytest

from golden.invertible.build import (
    CIRCUITS,
    WEIGHTED,
    network,
    of_circuit,
    published_multiplier,
    weighted_multiplier,
)
from golden.invertible.circuit import adder, multiplier
from golden.invertible.hamiltonian import GATES


def test_every_circuit():
    for name in CIRCUITS:
        p = network(name, 3, scale=1)
        assert p.gates and p.bits
        if name in GATES:
            assert p.spins == GATES[name].hamiltonian.spins


def test_every_argument_arrives():
    p = network("adder", 2, count_bits=20, answer="histogram", histogram="sum,a")
    assert (p.count_bits, p.histogram, len(p.counted), p.counters) == (20, ("sum", "a"), 5, 64)


def test_a_scale_makes_all_weights_larger():
    one, three = (of_circuit(adder(2), scale=scale) for scale in (1, 3))
    assert [3 * h for h in one.h] == list(three.h)
    assert [(i, j, 3 * value) for i, j, value in one.couplings] == list(three.couplings)
    assert one.gates == three.gates


@pytest.mark.parametrize("bits", WEIGHTED)
def test_weighted_multiplier(bits):
    """The paper's spins and couplings, other weights; a job's noise fits its field."""
    params, noise = weighted_multiplier(bits, seed=5)
    plain, _ = published_multiplier(bits)
    assert params.spins == 3 * bits**2 and params.seed == 5 and params.range == 0
    assert {(i, j) for i, j, _ in params.couplings} == {(i, j) for i, j, _ in plain.couplings}
    assert params.gates == plain.gates and params.ports == plain.ports
    inputs = {spin for name in "ab" for spin in dict(params.ports)[name]}
    assert [spin in inputs for spin in range(params.spins)] == [not rest for rest in params.rest]
    assert 0 < noise < 1 << params.noise_bits


def test_published_multiplier():
    params, noise = published_multiplier(5, seed=2)
    plain = multiplier(5).hamiltonian * 2
    assert (params.h, params.couplings) == (plain.h, tuple(plain.couplings))
    assert (noise, params.draws, params.range, params.rest, params.seed) == (11, 1, 6, (), 2)


def test_weights_that_are_not_there():
    with pytest.raises(ValueError, match=r"^Weighted multiplier bits must be one of 4, 5.*, not 3 "
                                         r"\(multiplier takes weights of your own\)$"):
        weighted_multiplier(3)


@pytest.mark.parametrize("arguments, message", [
    ({"circuit": "adder-8"}, r"Network circuit must be one of .*multiplier, not 'adder-8'"),
    ({"circuit": "adder", "width": 0}, r"Adder width must be at least 1, not 0"),
    ({"scale": 0}, r"Hamiltonian factor must be at least 1, not 0"),
    ({"histogram": "x"}, r"Network histogram must name ports where the answer is 'histogram', and "
                         r"only there, not \('x',\)"),
    ({"answer": "histogram"}, r"Network histogram must name ports where .* only there, not \(\)"),
    ({"answer": "histogram", "histogram": "x,z"},
     r"Network histogram port must be one of x, y, not 'z'"),
    ({"answer": "histogram", "histogram": "x,x"},
     r"Network histogram must name a port once, not \('x', 'x'\)"),
    ({"circuit": "adder", "width": 6, "answer": "histogram", "histogram": "a,sum"},
     r"Network histogram bits must be between 0 and 12, not 13"),
    ({"answer": "histogram", "histogram": "x", "stop": "hit"},
     r"Network stop must be 'never' with answer 'histogram', not 'hit'"),
    ({"answer": "trace", "stop": "hit"},
     r"Network stop must be 'never' with answer 'trace', not 'hit'"),
    ({"stages": 5}, r"Network stages must be between 1 and 4, not 5"),
])
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        network(**arguments)
