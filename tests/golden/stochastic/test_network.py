"""The network against a slow one in Python's integers, and what the block says of itself."""

import re

import numpy as np
import pytest
from hypothesis import given, settings

from golden.formats import Format
from golden.stochastic import numbers, timing
from golden.stochastic.network import CHUNK, Network, simulate
from golden.stochastic.params import Generators, LayerParams, NetworkParams
from tests.hdl.stochastic.networks import networks

PARAMS = NetworkParams((LayerParams(4, 3, weight_bits=3, states=6),
                        LayerParams(3, 2, weight_bits=3, states=0)), length=16)
TENSORS = {name: np.zeros(shape) for name, shape in Network.shapes(PARAMS).items()}


def naive(params, tensors, x):
    """One frame, bit by bit: (class, cycles, scores, bits of hidden layers in each cycle)."""
    layers = params.layers
    given = numbers.streams(params.x, params.inputs, params.input.fraction, params.length)
    tables = [numbers.streams(part.w, part.m * part.terms, part.width, params.length)
              for part in layers]
    states = [part.start for part in layers]
    scores, traced = [0] * params.outputs, []
    for t in range(params.length):
        bits, seen = [int(code) > int(n) for code, n in zip(x, given[t], strict=True)], []
        for n, part in enumerate(layers):
            weight = tensors[f"layers.{n}.weight"].tolist()
            sums = []
            for row, codes in enumerate(weight):
                codes = [*codes, int(tensors[f"layers.{n}.bias"][row])] if part.bias else codes
                sums.append(sum(
                    product(part, code, int(tables[n][t, i * part.m + k]), bit)
                    for i, (code, bit) in enumerate(zip(codes, [*bits, True], strict=False))
                    for k in range(part.m)))
            if part.head:
                scores = [a + b for a, b in zip(scores, sums, strict=True)]
                break
            if t == 0:
                states[n] = [part.start] * part.outputs
            states[n] = [min(max(c + s, 0), part.states - 1)
                         for c, s in zip(states[n], sums, strict=True)]
            bits = [c >= part.threshold for c in states[n]]
            seen += bits
        traced.append(seen)
        if t == params.length - 1 or final(params, scores, t + 1):
            return scores.index(max(scores)), t + 1, scores, traced


def product(part, code, number, bit):
    if part.coding == "sign":
        one = (abs(code) > number) * (1 if code > 0 else -1)
    else:
        one = 1 if code + part.largest > number else -1
    return one * (bit if part.product == "and" else 1 if bit else -1)


def final(params, scores, cycles):
    if params.stop == "never":
        return False
    if len(scores) == 1:
        return params.stop == "certain"
    best, second = sorted(scores, reverse=True)[:2]
    if params.stop == "margin":
        return cycles >= params.earliest and best - second >= params.margin
    left = params.length - cycles
    return best - second > 2 * params.layers[-1].m * params.layers[-1].terms * left


@settings(max_examples=80, deadline=None)
@given(networks())
def test_equals_bit_by_bit(network):
    block, frames = network
    p, codes = block.params, block.codes(frames)
    result = block.simulate(frames, trace=len(p.layers) > 1)
    answers = block.run(frames)
    for n, x in enumerate(codes):
        best, cycles, scores, traced = naive(p, block.tensors, x)
        assert (result.classes[n], result.cycles[n]) == (best, cycles)
        assert result.scores[n].tolist() == scores
        if len(p.layers) > 1:
            assert result.trace[n][:cycles].tolist() == traced
            ones = np.concatenate([layer[n] for layer in result.ones])
            assert ones.tolist() == np.sum(traced, 0).tolist()
        expected = {"class": [[best, cycles]], "scores": [[score] for score in scores],
                    "trace": traced}[p.answer]
        assert answers[n].tolist() == expected
        assert answers[n].dtype == np.int64


def test_the_answer_is_final():
    """Where it is certain, going on to the end changes no class; later cycles were not in vain."""
    rng = np.random.default_rng(3)
    p = NetworkParams((LayerParams(20, 4, weight_bits=3, states=0),), length=64, stop="certain")
    block = Network.random(p, rng)
    frames = block.random_frames(300, rng)
    early = block.simulate(frames)
    late = Network(p.replace(stop="never"), block.tensors).simulate(frames)
    assert (early.classes == late.classes).all()
    assert early.cycles.min() < 64 and (late.cycles == 64).all()


def test_equal_scores_give_the_first_class():
    block = Network(PARAMS, TENSORS)
    result = block.simulate([np.zeros((4, 1), dtype=int)])
    assert (result.classes[0], result.scores[0].tolist()) == (0, [0, 0])


def test_many_frames_are_taken_in_parts():
    rng = np.random.default_rng(0)
    block = Network.random(PARAMS, rng)
    x = np.concatenate(block.random_frames(CHUNK + 3, rng)).reshape(CHUNK + 3, 4)
    whole = simulate(PARAMS, block.weights(), x, trace=True)
    last = simulate(PARAMS, block.weights(), x[CHUNK - 1:], trace=True)
    assert np.array_equal(whole.scores[CHUNK - 1:], last.scores)
    assert np.array_equal(whole.trace[CHUNK - 1:], last.trace)
    assert len(whole.classes) == len(whole.cycles) == len(whole.ones[0]) == CHUNK + 3


def test_codes_of_one_and_more_are_always_one():
    p = PARAMS.replace(input=Format(6, 4, signed=False), layers=(
        LayerParams(1, 1, weight_bits=3, bias=False, states=0),))
    block = Network(p, {"layers.0.weight": np.array([[8]])})
    scores = block.simulate([np.array([[code]]) for code in (0, 8, 16, 63)]).scores
    assert scores[:, 0].tolist() == [0, 8, 16, 16]


def test_streams_and_cycles():
    block = Network(PARAMS, TENSORS)
    assert (block.input.elements, block.output.elements) == (1, 2)
    frames = [np.zeros((4, 1), dtype=int)] * 3
    assert block.cycles(frames) == timing.cycles([PARAMS], [[16] * 3])
    assert Network(PARAMS.replace(answer="trace"), TENSORS).output.elements == 3
    scores = Network(PARAMS.replace(answer="scores"), TENSORS)
    assert scores.output.format == PARAMS.score_format
    assert 0 < block.utilisation(frames) < 1


def test_cycles_of_early_answers():
    rng = np.random.default_rng(1)
    p = PARAMS.replace(stop="margin", margin=3)
    block = Network.random(p, rng)
    frames = block.random_frames(20, rng)
    taken = block.simulate(frames).cycles
    assert taken.min() < 16
    assert block.cycles(frames) == timing.cycles([p], [taken])


@pytest.mark.parametrize("name", TENSORS)
def test_init_wrong_tensor(name):
    shape = TENSORS[name].shape
    with pytest.raises(ValueError, match=rf"^Tensors must have '{name}', which is missing$"):
        Network(PARAMS, {other: value for other, value in TENSORS.items() if other != name})
    message = re.escape(f"Tensor {name} must have shape {shape}, not {(*shape, 1)}")
    with pytest.raises(ValueError, match=rf"^{message}$"):
        Network(PARAMS, {**TENSORS, name: np.zeros((*shape, 1))})
    for value in (8, -8):
        Network(PARAMS, {**TENSORS, name: np.full(shape, value)})
    for value in (9, -9):
        message = f"Tensor {name} must lie between -8 and 8, not {value}..{value}"
        with pytest.raises(ValueError, match=rf"^{re.escape(message)}$"):
            Network(PARAMS, {**TENSORS, name: np.full(shape, value)})


def test_init_foreign_tensor():
    with pytest.raises(ValueError, match=r"^Tensors must not have 'layers\.2\.weight'$"):
        Network(PARAMS, {**TENSORS, "layers.2.weight": np.zeros((1, 1))})


def test_random_reaches_the_ends():
    p = NetworkParams((LayerParams(60, 40, states=8), LayerParams(40, 5, states=0)))
    block = Network.random(p, np.random.default_rng(0))
    weight = block.tensors["layers.0.weight"]
    assert (weight.min(), weight.max()) == (-128, 128) and (weight == 0).any()
    frames = np.stack(block.random_frames(50, np.random.default_rng(0)))
    assert frames.min() == 0 and frames.max() <= p.input.maximum
    assert Generators().count == 8
