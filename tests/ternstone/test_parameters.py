"""``--param name=value`` to parameters."""

import pytest

from golden.formats import Format
from golden.lstm.build import network
from golden.lstm.params import DenseParams
from ternstone.errors import BadInput
from ternstone.parameters import build, override, parse_pairs, suggest

SIZES = {"inputs": 16, "outputs": 8}


def test_pairs():
    assert parse_pairs(["lanes=8", " weights = binary", "lanes=16"]) == {
        "lanes": "16", "weights": "binary"}


@pytest.mark.parametrize("pair", ["lanes", "=8", "lanes=", " =8", ""])
def test_pairs_wrong(pair):
    with pytest.raises(BadInput, match=r"^--param must be name=value, as lanes=16, not "):
        parse_pairs([pair])


def test_suggest():
    assert suggest("lane", ["lanes", "columns"]) == "did you mean lanes?"
    assert suggest("zzz", ["lanes", "columns"]) == "allowed: lanes, columns"


def test_build_reads_every_kind():
    made = build("dense", DenseParams, SIZES, {
        "inputs": "0x20", "weights": "binary", "input": "u4.4", "output": "s12.-3", "raw": "yes"})
    assert made == DenseParams(32, 8, "binary", Format(4, 4, False), Format(12, -3), raw=True)


def test_build_from_a_function():
    assert build("network", network, {}, {"lanes": "8", "input": "none"}) == network(lanes=8)


@pytest.mark.parametrize("given, message", [
    ({"lanes": "abc"}, r"^Parameter lanes must be an integer, not 'abc'$"),
    ({"lanes": "1.5"}, r"^Parameter lanes must be an integer, not '1\.5'$"),
    ({"lanes": "none"}, r"^Parameter lanes must be an integer, not 'none'$"),
    ({"raw": "maybe"}, r"^Parameter raw must be true or false, not 'maybe'$"),
    ({"input": "8.7"}, r"^Parameter input must be a format such as s8\.7 .*, not '8\.7'$"),
    ({"input": "s99.7"}, r"^Format width must be between 1 and 64, not 99$"),
    ({"lanse": "1"}, r"^Parameter 'lanse' is not one of dense: did you mean lanes\?$"),
    ({"zzzz": "1"}, r"^Parameter 'zzzz' is not one of dense: allowed: inputs, outputs, .*$"),
    ({"lanes": "0"}, r"^dense: Dense lanes must be between 1 and 4096, not 0$"),
    ({"weights": "int13"}, r"^dense: Weight kind must be one of binary, .*, not 'int13'$"),
])
def test_build_wrong(given, message):
    with pytest.raises(BadInput, match=message):
        build("dense", DenseParams, SIZES, given)


def test_override_by_name_reaches_every_place():
    params = network(layers=2)
    made = override("net", params, {"batch": "4"})
    assert made == network(layers=2, batch=4)
    assert override("net", params, {}) is params


def test_override_by_path_reaches_one():
    made = override("net", network(layers=2), {"lanes": "8", "head.lanes": "2",
                                               "layers.1.lanes": "12"})
    assert [part.lanes for part in (*made.layers, made.head)] == [8, 12, 2]


@pytest.mark.parametrize("given, message", [
    ({"lanse": "8"}, r"^Parameter 'lanse' is not one of net: did you mean lanes"),
    ({"head.lanse": "8"}, r"^Parameter 'head\.lanse' is not one of net: did you mean head\.lanes"),
    ({"layers.1.lanes": "8"}, r"^Parameter 'layers\.1\.lanes' is not one of net: did you mean "),
    ({"layers.0.lanes": "6"}, r"^net: Layer lanes must be a multiple of 4 .*, not 6$"),
    ({"head.batch": "2"}, r"^net: A layer's batch and store must be the network's"),
    ({"stateful": "2"}, r"^Parameter stateful must be true or false, not '2'$"),
])
def test_override_wrong(given, message):
    with pytest.raises(BadInput, match=message):
        override("net", network(), given)


def test_network_argument_reaches_the_layers():
    made = network(inputs=30, hidden=16, layers=2, cell="gru", one_hot=True, outputs=0)
    assert made.head is None
    assert [(part.inputs, part.input, part.one_hot, part.lanes) for part in made.layers] == [
        (30, Format(5, 0, False), True, 12), (16, Format(8, 7), False, 12)]


def test_network_wrong_layers():
    with pytest.raises(ValueError, match=r"^Network layers must be between 1 and 16, not 0$"):
        network(layers=0)
