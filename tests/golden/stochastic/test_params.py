import json

import pytest
from hypothesis import given, settings

from golden.formats import Format
from golden.params import ceil_log2
from golden.stochastic.params import Faults, Generators, LayerParams, NetworkParams
from tests.hdl.stochastic.networks import networks

LAYER = LayerParams(5, 4)
HEAD = LayerParams(4, 3, states=0)
NETWORK = NetworkParams((LAYER, HEAD))


def ranges(subject, field, low, high):
    """Both sides of a range, and what is no int."""
    return [*(({field: value}, ValueError,
               rf"{subject} must be between {low} and {high}, not {value}")
              for value in (low - 1, high + 1)),
            ({field: 2.5}, TypeError, rf"{subject} must be an int, not 2\.5"),
            ({field: True}, TypeError, rf"{subject} must be an int, not True")]


def raises(made, changes, kind, message):
    with pytest.raises(kind, match=rf"^{message}$"):
        made.replace(**changes)


@pytest.mark.parametrize("changes, kind, message", [
    ({"kind": "sobol"}, ValueError, r"Generators kind must be one of net, vdc, lfsr, not 'sobol'"),
    *ranges("Generators count", "count", 1, 4096),
    *ranges("Generators rotations", "rotations", 1, 32),
    *ranges("Generators seed", "seed", 0, 2**32 - 1),
    *ranges("Generators register", "register", 3, 32),
    ({"table": [(8, 0)]}, ValueError, r"Sharing map generator must be between 0 and 7, not 8"),
    ({"table": [(0, 1)]}, ValueError, r"Sharing map rotation must be between 0 and 0, not 1"),
    ({"table": [(0, 0, 0)]}, ValueError,
     r"Sharing map entry must be \(generator, rotation\), not \(0, 0, 0\)"),
])
def test_wrong_generators(changes, kind, message):
    raises(Generators(), changes, kind, message)


@pytest.mark.parametrize("changes, kind, message", [
    *ranges("Layer inputs", "inputs", 1, 1 << 14),
    *ranges("Layer outputs", "outputs", 1, 1 << 14),
    *ranges("Layer m", "m", 1, 64),
    ({"m": 3}, ValueError, r"Layer m must be a power of two, not 3"),
    *ranges("Layer weight_bits", "weight_bits", 1, 15),
    ({"coding": "x"}, ValueError, r"Layer coding must be one of sign, bipolar, not 'x'"),
    ({"product": "x"}, ValueError, r"Layer product must be one of and, xnor, not 'x'"),
    ({"product": "xnor"}, ValueError,
     r"Layer product must be 'and' with coding 'sign', not 'xnor'"),
    ({"bias": 1}, TypeError, r"Layer bias must be a bool, not 1"),
    ({"states": 1}, ValueError, r"Layer states must be 0 \(a head\) or at least 2, not 1"),
    ({"states": 65537}, ValueError, r"Layer states must be between 0 and 65536, not 65537"),
    *ranges("Layer threshold", "threshold", 0, 16),
    *ranges("Layer start", "start", 0, 15),
    ({"w": 8}, TypeError, r"Layer w must be a Generators, not 8"),
    *ranges("Layer neurons", "neurons", 0, 4),
    *ranges("Layer synapses", "synapses", 0, 6),
    *ranges("Layer levels", "levels", 1, 16),
])
def test_wrong_layer(changes, kind, message):
    raises(LAYER, changes, kind, message)


@pytest.mark.parametrize("changes, kind, message", [
    ({"layers": ()}, ValueError, r"Network layers must be between 1 and 16, not 0"),
    ({"layers": (LAYER, 3)}, TypeError, r"Network layer must be a LayerParams, not 3"),
    ({"layers": (HEAD, LAYER)}, ValueError, r"Inputs of a layer must be the 3 that the layer "
                                            r"before gives, not 5"),
    ({"layers": (LAYER,)}, ValueError, r"Layer states must be 0 in the last layer, the head, and "
                                       r"nowhere else, not 16 in layer 0"),
    ({"layers": (LAYER.replace(coding="bipolar", product="xnor"), HEAD)}, ValueError,
     r"Layer product must be 'xnor' in every layer, not 'and'"),
    *ranges("Network length", "length", 1, 1 << 16),
    ({"input": 8}, TypeError, r"Network input must be a Format, not 8"),
    ({"input": Format(8, 7)}, ValueError, r"Network input must be unsigned, not s8\.7"),
    ({"input": Format(8, 0, signed=False)}, ValueError,
     r"Network input fraction must be between 1 and 16, not 0"),
    ({"x": None}, TypeError, r"Network x must be a Generators, not None"),
    *ranges("Network columns", "columns", 1, 64),
    ({"stop": "x"}, ValueError, r"Network stop must be one of never, certain, margin, not 'x'"),
    *ranges("Network margin", "margin", 0, 1 << 40),
    *ranges("Network earliest", "earliest", 1, 256),
    ({"answer": "x"}, ValueError,
     r"Network answer must be one of class, scores, trace, ones, not 'x'"),
    ({"answer": "trace", "stop": "certain"}, ValueError,
     r"Network answer must be 'class' or 'scores' when it stops early, or without hidden layers, "
     r"not 'trace'"),
    ({"faults": 3}, TypeError, r"Network faults must be a Faults, not 3"),
    ({"faults": Faults(), "stop": "certain"}, ValueError,
     r"Network stop must be 'never' with faults, not 'certain'"),
    ({"x": Generators(table=((0, 0),) * 4)}, ValueError,
     r"Network x sharing map must have an entry for each of the 5 streams, not 4"),
    ({"x": Generators(rotations=9)}, ValueError,
     r"Network x rotations must be between 1 and 8, not 9"),
    ({"x": Generators("lfsr", register=7)}, ValueError,
     r"Network x lfsr register must be between 8 and 32, not 7"),
    ({"x": Generators("lfsr", register=8)}, ValueError,
     r"Network x stream length must be at most 255, the period of an LFSR of 8 stages, not 256"),
    ({"layers": (LAYER.replace(m=2, w=Generators(table=((0, 0),) * 6)), HEAD)}, ValueError,
     r"Layer 0 w sharing map must have an entry for each of the 12 streams, not 6"),
])
def test_wrong_network(changes, kind, message):
    raises(NETWORK, changes, kind, message)


@pytest.mark.parametrize("name", ["streams", "sums", "states"])
def test_wrong_faults(name):
    for changes, kind, message in ranges(f"Faults {name}", name, 0, 1 << 16):
        raises(Faults(), changes, kind, message)


def test_defaults_in_the_middle():
    assert (LAYER.threshold, LAYER.start) == (8, 8)
    part = LAYER.replace(states=7, threshold=None, start=2)
    assert (part.threshold, part.start) == (3, 2)


def test_sums_fit():
    part = LayerParams(100, 3, m=4, states=0)
    assert part.reach == 404
    assert part.sum_format.minimum <= -404 and part.sum_format.maximum >= 404
    network = NetworkParams((part,), length=100)
    assert network.score_format.maximum >= 40400


def test_fold():
    part = LayerParams(784, 100, neurons=8, synapses=16)
    assert part.fold == 13 * 50
    assert LayerParams(784, 100).fold == LayerParams(784, 100, neurons=100, synapses=785).fold == 1
    assert NetworkParams((part, LayerParams(100, 10, states=0))).fold == 650
    assert part.tree_stages == -(-ceil_log2(16) // 4)


def test_shared():
    assert Generators(count=3, rotations=2).shared(7) == [
        (0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (0, 0)]
    table = ((1, 0), (0, 0))
    assert Generators(count=2, table=table).shared(2) == list(table)


@settings(max_examples=50, deadline=None)
@given(networks())
def test_to_json_and_back(network):
    params = network[0].params
    assert NetworkParams.from_dict(json.loads(json.dumps(params.to_dict()))) == params


def test_unknown_field():
    with pytest.raises(ValueError, match=r"^LayerParams field must be one of .*, not 'lanes'$"):
        LayerParams.from_dict({"inputs": 3, "outputs": 2, "lanes": 3})
