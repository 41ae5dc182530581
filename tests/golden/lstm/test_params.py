import json

import pytest
from hypothesis import given, settings

from golden.formats import Format
from golden.lstm.params import CELLS, DenseParams, LayerParams, NetworkParams
from tests.golden.lstm.networks import network_params

KINDS = ("binary, ternary, int2, int3, int4, int5, int6, int7, int8, int9, int10, int11, int12")


def between(subject, low, high, value):
    return rf"{subject} must be between {low} and {high}, not {value}"


def out_of_range(subject, field, low, high, **others):
    """Both sides of a range."""
    return [({field: value, **others}, ValueError, between(subject, low, high, value))
            for value in (low - 1, high + 1)]


def no_int(subject, field):
    return [({field: value}, TypeError, rf"{subject} must be an int, not {value!r}")
            for value in (2.0, True)]


LATE = "4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16"
LAYER = LayerParams(5, 6)
GRU = {"cell": "gru", "lanes": 6}
WRONG_LAYER = [
    *no_int("Layer inputs", "inputs"), *out_of_range("Layer inputs", "inputs", 1, 65536),
    *no_int("Layer hidden", "hidden"), *out_of_range("Layer hidden", "hidden", 1, 65536),
    ({"cell": "rnn"}, ValueError, r"Layer cell must be one of lstm, gru, not 'rnn'"),
    ({"weights": 2}, TypeError, r"Weight kind must be a str, not 2"),
    ({"weights": "int13"}, ValueError, rf"Weight kind must be one of {KINDS}, not 'int13'"),
    ({"joint": 1}, TypeError, r"Layer joint must be a bool, not 1"),
    ({"one_hot": 0}, TypeError, r"Layer one_hot must be a bool, not 0"),
    *[({field: 8}, TypeError, rf"Layer {field} must be a Format, not 8")
      for field in ("input", "activation", "pre", "state")],
    ({"input": Format(17, 7)}, ValueError, between("Layer input width", 1, 16, 17)),
    ({"activation": Format(3, 2)}, ValueError, between("Layer activation width", 4, 16, 3)),
    ({"activation": Format(17, 16)}, ValueError, between("Layer activation width", 4, 16, 17)),
    ({"activation": Format(8, 8, False)}, ValueError,
     r"Layer activation must be signed with one integer bit, not u8\.8"),
    ({"activation": Format(8, 6)}, ValueError,
     r"Layer activation must be signed with one integer bit, not s8\.6"),
    ({"pre": Format(5, 2)}, ValueError, between("Layer pre width", 6, 14, 5)),
    ({"pre": Format(15, 2)}, ValueError, between("Layer pre width", 6, 14, 15)),
    ({"pre": Format(10, 0)}, ValueError, between("Layer pre fraction", 1, 8, 0)),
    ({"pre": Format(10, 9)}, ValueError, between("Layer pre fraction", 1, 8, 9)),
    ({"state": Format(7, 6)}, ValueError, between("Layer state width", 8, 24, 7)),
    ({"state": Format(25, 11)}, ValueError, between("Layer state width", 8, 24, 25)),
    ({"state": Format(16, 6)}, ValueError, between("Layer state fraction", 7, 15, 6)),
    ({"state": Format(16, 8), "pre": Format(12, 9)}, ValueError,
     between("Layer state fraction", 9, 15, 8)),
    ({"state": Format(16, 16)}, ValueError, between("Layer state fraction", 7, 15, 16)),
    *no_int("Layer scale_width", "scale_width"),
    *out_of_range("Layer scale_width", "scale_width", 4, 24),
    *no_int("Layer bias_width", "bias_width"),
    *out_of_range("Layer bias_width", "bias_width", 4, 48),
    *no_int("Layer shift", "shift"), *out_of_range("Layer shift", "shift", 0, 40),
    ({"cell_norm": "yes"}, TypeError, r"Layer cell_norm must be a bool, not 'yes'"),
    ({"cell_norm": True, **GRU}, ValueError,
     r"Layer cell_norm must be False for a gru, not True"),
    *no_int("Layer cell_shift", "cell_shift"),
    *out_of_range("Layer cell_shift", "cell_shift", 1, 40),
    *no_int("Layer threshold", "threshold"),
    *out_of_range("Layer threshold", "threshold", 0, 127),
    *no_int("Layer lanes", "lanes"), *out_of_range("Layer lanes", "lanes", 4, 4096),
    *out_of_range("Layer lanes", "lanes", 3, 4096, cell="gru"),
    ({"lanes": 10}, ValueError,
     r"Layer lanes must be a multiple of 4 \(gates of the lstm\), not 10"),
    ({"lanes": 10, "cell": "gru"}, ValueError,
     r"Layer lanes must be a multiple of 3 \(gates of the gru\), not 10"),
    *no_int("Layer columns", "columns"), *out_of_range("Layer columns", "columns", 1, 64),
    *no_int("Layer sum_shift", "sum_shift"), *out_of_range("Layer sum_shift", "sum_shift", 0, 10),
    *[({"interval": n}, ValueError, rf"Layer interval must be one of 1, 2, {LATE}, not {n}")
      for n in (0, 3, 17)],
    *[({"interval": n, **GRU}, ValueError, rf"Layer interval must be one of 1, 3, {LATE}, not {n}")
      for n in (0, 2, 17)],
    *no_int("Layer batch", "batch"), *out_of_range("Layer batch", "batch", 1, 64),
    ({"store": "disk"}, ValueError, r"Layer store must be one of rom, load, not 'disk'"),
    *[({"joint": True, **others}, ValueError,
       r"Layer joint must be False unless the cell is an lstm and its input has the activation's "
       r"fraction \(7\) and is not one_hot, not True")
      for others in (GRU, {"one_hot": True, "input": Format(8, 7, False)},
                     {"input": Format(8, 6)})],
    ({"shift": 4, **GRU}, ValueError,
     r"Layer shift must be at least state fraction - pre fraction \(5\), not 4"),
    ({"one_hot": True, "input": Format(2, 0, False)}, ValueError,
     r"Layer input width must hold every symbol code \(0\.\.4\), not 2"),
    *[({"hidden": 65536, "weights": "int12", "activation": Format(16, 15),
        "state": Format(24, 15), "scale_width": most + 1, "sum_shift": shift}, ValueError,
       rf"Layer scale_width must be at most {most} for sums of 43 bits, not {most + 1} "
       r"\(or raise sum_shift\)") for most, shift in ((17, 0), (22, 5))],
]

DENSE = DenseParams(5, 6)
WRONG_DENSE = [
    *no_int("Dense inputs", "inputs"), *out_of_range("Dense inputs", "inputs", 1, 65536),
    *no_int("Dense outputs", "outputs"), *out_of_range("Dense outputs", "outputs", 1, 65536),
    ({"weights": None}, TypeError, r"Weight kind must be a str, not None"),
    ({"weights": "float"}, ValueError, rf"Weight kind must be one of {KINDS}, not 'float'"),
    ({"input": (8, 7)}, TypeError, r"Dense input must be a Format, not \(8, 7\)"),
    ({"output": "s8"}, TypeError, r"Dense output must be a Format, not 's8'"),
    ({"input": Format(17)}, ValueError, between("Dense input width", 1, 16, 17)),
    ({"raw": None}, TypeError, r"Dense raw must be a bool, not None"),
    *no_int("Dense scale_width", "scale_width"),
    *out_of_range("Dense scale_width", "scale_width", 2, 24),
    *no_int("Dense bias_width", "bias_width"),
    *out_of_range("Dense bias_width", "bias_width", 2, 48),
    *no_int("Dense shift", "shift"), *out_of_range("Dense shift", "shift", 0, 40),
    *no_int("Dense sum_shift", "sum_shift"),
    *out_of_range("Dense sum_shift", "sum_shift", 0, 17),
    ({"sum_shift": 1, "raw": True}, ValueError, between("Dense sum_shift", 0, 0, 1)),
    *no_int("Dense lanes", "lanes"), *out_of_range("Dense lanes", "lanes", 1, 4096),
    *no_int("Dense columns", "columns"), *out_of_range("Dense columns", "columns", 1, 64),
    *no_int("Dense batch", "batch"), *out_of_range("Dense batch", "batch", 1, 64),
    ({"inputs": 65536, "weights": "int12", "input": Format(16), "scale_width": 18}, ValueError,
     r"Dense scale_width must be at most 17 for sums of 43 bits, not 18 \(or raise sum_shift\)"),
    ({"store": "ram"}, ValueError, r"Dense store must be one of rom, load, stream, not 'ram'"),
]

NETWORK = NetworkParams((LAYER,), DenseParams(6, 3), 4)
WRONG_NETWORK = [
    ({"layers": ()}, ValueError, between("Network layers", 1, 16, 0)),
    ({"layers": (LayerParams(6, 6),) * 17}, ValueError, between("Network layers", 1, 16, 17)),
    ({"layers": (DENSE,)}, TypeError,
     r"Network layer must be a LayerParams, not DenseParams\(.*\)"),
    ({"head": LAYER}, TypeError, r"Network head must be a DenseParams, not LayerParams\(.*\)"),
    *no_int("Network steps", "steps"), *out_of_range("Network steps", "steps", 1, 65536),
    *no_int("Network batch", "batch"), *out_of_range("Network batch", "batch", 1, 64),
    ({"per_step": 1}, TypeError, r"Network per_step must be a bool, not 1"),
    ({"stateful": 1}, TypeError, r"Network stateful must be a bool, not 1"),
    ({"store": "stream"}, ValueError, r"Network store must be one of rom, load, not 'stream'"),
    ({"head": DenseParams(5, 3)}, ValueError,
     r"Inputs of a layer must be the 6 x s8\.7 that the layer before gives, not 5 x s8\.7"),
    ({"head": DenseParams(6, 3, input=Format(8, 6))}, ValueError,
     r"Inputs of a layer must be the 6 x s8\.7 that the layer before gives, not 6 x s8\.6"),
    ({"layers": (LAYER, LayerParams(7, 6))}, ValueError,
     r"Inputs of a layer must be the 6 x s8\.7 that the layer before gives, not 7 x s8\.7"),
    ({"layers": (LAYER, LayerParams(6, 6, one_hot=True))}, ValueError,
     r"Layer one_hot must be False after the first layer, not True"),
    ({"batch": 2}, ValueError,
     r"A layer's batch and store must be the network's \(2, rom\), not 1, rom"),
    ({"head": DenseParams(6, 3, batch=3)}, ValueError,
     r"A layer's batch and store must be the network's \(1, rom\), not 3, rom"),
    ({"head": DenseParams(6, 3, store="load")}, ValueError,
     r"A layer's batch and store must be the network's \(1, rom\), not 1, load"),
]


@pytest.mark.parametrize("right, changes, error, message", [
    pytest.param(right, *case, id=f"{name}-{n}")
    for name, right, cases in (("layer", LAYER, WRONG_LAYER), ("dense", DENSE, WRONG_DENSE),
                               ("network", NETWORK, WRONG_NETWORK))
    for n, case in enumerate(cases)])
def test_init_wrong(right, changes, error, message):
    with pytest.raises(error, match=rf"^{message}$"):
        right.replace(**changes)


@pytest.mark.parametrize("right, cases", [(LAYER, WRONG_LAYER), (DENSE, WRONG_DENSE),
                                          (NETWORK, WRONG_NETWORK)],
                         ids=["layer", "dense", "network"])
def test_every_parameter_is_checked(right, cases):
    """A parameter that is added wants its errors here."""
    assert {name for name, *_ in cases for name in name} >= set(right.to_dict())


@pytest.mark.parametrize("changes", [
    {"inputs": 65536, "hidden": 65536}, {"lanes": 4096, "columns": 64, "batch": 64},
    {"input": Format(1, 0, False)}, {"input": Format(16, 15)}, {"threshold": 127},
    {"activation": Format(4, 3), "input": Format(8, 3), "joint": True},
    {"pre": Format(6, 4), "state": Format(8, 7)}, {"pre": Format(14, 1), "state": Format(24, 23)},
    {**GRU, "shift": 5}, {"one_hot": True, "input": Format(3, 0, False)},
    {"scale_width": 4, "bias_width": 4, "shift": 0, "cell_norm": True, "cell_shift": 1},
])
def test_limits(changes):
    assert LAYER.replace(**changes).to_dict().items() >= {
        name: value.to_dict() if isinstance(value, Format) else value
        for name, value in changes.items()}.items()


@settings(max_examples=50, deadline=None)
@given(network_params())
def test_json_round_trip(params):
    assert NetworkParams.from_dict(json.loads(json.dumps(params.to_dict()))) == params


@pytest.mark.parametrize("params", [LAYER, DENSE, NETWORK], ids=lambda p: type(p).__name__)
def test_from_dict_names_a_foreign_field(params):
    kind = type(params)
    names = ", ".join(sorted(params.to_dict()))
    with pytest.raises(ValueError, match=rf"^{kind.__name__} field must be one of {names}, "
                                         rf"not 'width'$"):
        kind.from_dict({**params.to_dict(), "width": 3})


@settings(max_examples=50, deadline=None)
@given(network_params())
def test_accumulators_hold_every_sum(params):
    for p in params.layers:
        weight = p.kind.maximum
        h = p.activation.largest * weight * p.hidden
        x = (1 if p.one_hot else p.input.largest * p.inputs) * weight
        sums = {"x": h + x} if p.joint else {"h": h, "x": x}
        assert sums.keys() == p.parts.keys()
        assert all(total < 2**(p.parts[part] - 1) for part, total in sums.items())


def test_gates():
    """The order is part of the model file's format."""
    assert CELLS == {"lstm": ("i", "f", "g", "o"), "gru": ("r", "n", "z")}
