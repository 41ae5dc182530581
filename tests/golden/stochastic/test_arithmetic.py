"""Streams block by block: what they stand for, and parameters that cannot be."""

import numpy as np
import pytest

from golden.stochastic.adder import add
from golden.stochastic.arithmetic import (
    CODINGS,
    AdderParams,
    ConverterParams,
    CounterParams,
    FsmParams,
    ProductParams,
    StreamParams,
    values,
)
from golden.stochastic.converter import Converter, convert, converter
from golden.stochastic.counter import count
from golden.stochastic.fsm import walk
from golden.stochastic.params import Generators
from golden.stochastic.product import product


@pytest.mark.parametrize("m", [1, 3, 4])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("kind", ["net", "vdc"])
def test_mean_of_a_whole_period_is_the_number(kind, coding, m):
    """Evenly spread numbers make the count of a frame exact."""
    bits = 5
    width = bits + (coding == "bipolar")
    params = converter(coding=coding, bits=bits, length=1 << width, m=m, kind=kind)
    codes = np.arange(0 if coding == "unipolar" else -32, 33)
    streams = convert(params.replace(inputs=len(codes)), codes[None])[0]
    assert streams.min() >= params.output.format.minimum
    assert streams.max() <= params.output.format.maximum
    means = values(streams, m, coding).mean(0) / m
    assert means.tolist() == (codes / 32).tolist()


@pytest.mark.parametrize("coding", CODINGS)
def test_numbers_beyond_one_are_one(coding):
    params = converter(2, 16, 2, coding, bits=3)
    top = params.input.format.maximum
    assert (convert(params, np.array([[8, top]])) == 2).all()
    if coding != "unipolar":
        assert (convert(params, np.array([[-8, -top - 1]])) == -2).all()


def test_streams_of_an_input_have_numbers_of_their_own():
    """Stream input * m + k, and the map says which number that is."""
    bank = Generators(count=4, rotations=3, table=((3, 0), (0, 2), (1, 0), (1, 1)))
    table = np.array([[8, 1]])
    both = convert(ConverterParams(32, 2, "unipolar", 2, 4, bank), table)[0]
    parts = [convert(ConverterParams(32, 1, "unipolar", 1, 4, bank.replace(table=(pair,))),
                     np.array([[code]]))[0, :, 0]
             for pair, code in zip(bank.table, (8, 8, 1, 1), strict=True)]
    assert both[:, 0].tolist() == (parts[0] + parts[1]).tolist()
    assert both[:, 1].tolist() == (parts[2] + parts[3]).tolist()


def test_product():
    three = np.array([[-4, 3, 0], [-4, 3, 1]])
    assert product(ProductParams(m=4, coding="sign", kind="mux"), three).ravel().tolist() == [-4, 3]
    gated = np.array([[-2, 0], [-2, 1], [2, 1]])
    assert product(ProductParams(m=2, coding="bipolar"), gated).ravel().tolist() == [0, -2, 2]


def test_sums():
    codes = np.array([[0, 1, 1], [0, 0, 0]])
    assert add(AdderParams(terms=3), codes).ravel().tolist() == [1, -3]
    assert add(AdderParams(terms=3, coding="unipolar"), codes).ravel().tolist() == [2, 0]
    assert count(CounterParams(3), codes).tolist() == [1, -3]
    assert count(CounterParams(3, 4, "sign"), np.array([[-4, 4, 1]])).tolist() == [1]


def test_walk():
    """By hand: 4 states, begun at 2; both ends hold."""
    steps = np.array([[1, 1, 1, -1, -2, -2, 1]])
    states = np.array([3, 3, 3, 2, 0, 0, 1])
    params = FsmParams(7, 2, "sign", states=4)
    assert walk(params, steps)[0].tolist() == (states >= 2).tolist()
    assert walk(params.replace(threshold=3), steps)[0].tolist() == (states > 2).tolist()
    exp = FsmParams(7, 2, "sign", "exp", 4, gain=1, start=0)
    assert exp.threshold == 2
    assert walk(exp, steps)[0].tolist() == (np.array([1, 2, 3, 2, 0, 0, 1]) < 2).tolist()


def test_bits_of_sums_are_fitted():
    """256 beats of -1 .. 1 and 16 bits: no bit more than their sums need."""
    assert str(CounterParams().output.format) == "s10.0"
    assert str(CounterParams(coding="unipolar").output.format) == "u9.0"
    assert str(AdderParams(coding="unipolar").output.format) == "u5.0"


@pytest.mark.parametrize("params", [
    ConverterParams(x=Generators(table=((1, 0),))), ProductParams(kind="mux", m=3, coding="sign"),
    AdderParams(), FsmParams(function="exp", gain=2, states=9), CounterParams(m=2)])
def test_dict(params):
    assert type(params).from_dict(params.to_dict()) == params


@pytest.mark.parametrize("make, given, error", [
    (StreamParams, {"length": 0}, r"^Stream length must be between 1 and 65536, not 0$"),
    (StreamParams, {"m": 0}, r"^Stream m must be between 1 and 65536, not 0$"),
    (StreamParams, {"coding": "x"},
     r"^Stream coding must be one of unipolar, bipolar, sign, not 'x'$"),
    (ConverterParams, {"m": 65}, r"^Converter m must be between 1 and 64, not 65$"),
    (ConverterParams, {"inputs": 0}, r"^Converter inputs must be between 1 and 4096, not 0$"),
    (ConverterParams, {"bits": 16}, r"^Converter bits must be between 1 and 15, not 16$"),
    (ConverterParams, {"length": 8, "x": Generators("lfsr", register=3)},
     r"^Converter lfsr register must be between 9 and 32, not 3$"),
    (ConverterParams, {"x": Generators(table=((0, 0), (1, 0)))},
     r"^Converter sharing map must have an entry for each of the 1 streams, not 2$"),
    (ProductParams, {"kind": "or"}, r"^Product kind must be one of and, xnor, mux, not 'or'$"),
    (ProductParams, {"kind": "xnor"},
     r"^Product coding must be 'bipolar' with m 1 for kind 'xnor', not 'unipolar' with m 1$"),
    (ProductParams, {"coding": "bipolar"},
     r"^Product kind must be 'xnor' or 'mux' for bipolar bits, not 'and'$"),
    (AdderParams, {"terms": 1}, r"^Adder terms must be between 2 and 4096, not 1$"),
    (FsmParams, {"coding": "unipolar"},
     r"^Fsm coding must be one of bipolar, sign, not 'unipolar'$"),
    (FsmParams, {"function": "sin"}, r"^Fsm function must be one of tanh, exp, not 'sin'$"),
    (FsmParams, {"states": 1}, r"^Fsm states must be between 2 and 65536, not 1$"),
    (FsmParams, {"gain": 1}, r"^Fsm gain must be 0 unless the function is 'exp', not 1$"),
    (FsmParams, {"function": "exp", "m": 4}, r"^Fsm gain must be between 1 and 1, not 0$"),
    (FsmParams, {"threshold": 0}, r"^Fsm threshold must be between 1 and 7, not 0$"),
    (FsmParams, {"start": 8}, r"^Fsm start must be between 0 and 7, not 8$")])
def test_wrong(make, given, error):
    with pytest.raises(ValueError, match=error):
        make(**given)


def test_wrong_type():
    with pytest.raises(TypeError, match=r"^Converter x must be a Generators, not 3$"):
        ConverterParams(x=3)


def test_random_numbers_reach_both_ends():
    block = Converter.random(converter(4, coding="sign"), np.random.default_rng(0))
    frames = np.concatenate(block.random_frames(50, np.random.default_rng(1)))
    assert {-256, 0, 256} <= set(frames.ravel().tolist())
