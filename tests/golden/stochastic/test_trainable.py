import numpy as np
import pytest
import torch

from golden.formats import Format
from golden.stochastic.network import Network, simulate
from golden.stochastic.params import Generators, LayerParams, NetworkParams
from golden.stochastic.trainable import StochasticNetwork, even, variance, with_states


def params(sizes=(12, 9, 5), length=64, product="and", inputs=1, weights=4, kind="net", **layer):
    layers = tuple(LayerParams(before, after, product=product, w=Generators(kind, weights, seed=n),
                               states=0 if n == len(sizes) - 2 else 16, **layer)
                   for n, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)))
    return NetworkParams(layers, length, Format(5, 4, signed=False), Generators(kind, inputs))


def codes(*shape, seed=0):
    return torch.as_tensor(np.random.default_rng(seed).integers(0, 17, shape))


CASES = [{}, {"m": 4}, {"coding": "bipolar", "m": 2}, {"coding": "bipolar", "product": "xnor"},
         {"bias": False, "weight_bits": 3}, {"sizes": (12, 5)},
         {"sizes": (12, 7, 6, 3), "kind": "lfsr", "length": 50}]


@pytest.mark.parametrize("changes", CASES, ids=str)
def test_simulation_equals_golden(changes):
    """The members' streams are those of the reference, bit for bit."""
    p = params(**changes)
    network = StochasticNetwork(p, [2] * len(p.layers), seeds=(0, 1))
    x = codes(2, 10, 12)
    network.choose_states(x)
    ones, scores, _ = network.simulate(x)
    for member in range(2):
        block = Network(*network.quantise(member))
        result = simulate(block.params, block.weights(), x[member].numpy())
        assert np.array_equal(result.scores, scores[member].numpy())
        for expected, found in zip(result.ones, ones, strict=True):
            assert np.array_equal(expected, (found[member] * p.length).round().numpy())


@pytest.mark.parametrize("changes", [
    {}, {"m": 4}, {"coding": "bipolar"}, {"coding": "bipolar", "m": 4},
    {"coding": "bipolar", "product": "xnor"}, {"coding": "bipolar", "m": 2, "product": "xnor"}],
    ids=str)
def test_variance_of_independent_streams(changes):
    """The formula, against streams that share nothing."""
    p = params(length=4096, inputs=12, weights=64, kind="lfsr", sizes=(12, 9), **changes)
    network = StochasticNetwork(p, [0.25])
    _, _, ((measured, alone),) = network.simulate(codes(1, 8, 12), moments=True)
    assert alone == pytest.approx(measured.item(), rel=0.03)


def test_variance_by_hand():
    part = params(bias=False).layers[0].replace(inputs=1, outputs=1, m=2)
    weight, x = torch.tensor([[-0.5]]), torch.tensor([[0.5]])
    # While the input is 1, 0, -1, -1 or -2; otherwise 0.
    assert variance(part, weight, x).item() == pytest.approx(0.5 * 6 / 4 - 0.25)
    # Two of +-1, together 2, 0, 0 or -2.
    bipolar = part.replace(coding="bipolar")
    assert variance(bipolar, weight, x).item() == pytest.approx(0.5 * (0.0625 + 0.5625) * 4 - 0.25)


def test_variance_is_that_of_a_few_cycles():
    """A half that is evenly spread has four ones in every eight cycles: S does not wander."""
    layers = (LayerParams(1, 1, weight_bits=3, bias=False),
              LayerParams(1, 1, weight_bits=3, bias=False, states=0))
    network = StochasticNetwork(NetworkParams(layers, 64, x=Generators("vdc", 1)), [1, 1])
    with torch.no_grad():
        network.weights[0].fill_(0.5)
    measured, alone = network.simulate(torch.full((1, 1, 1), 256.0), moments=True)[2][0]
    assert (measured.item(), alone.item()) == (0, 0.25)


def test_states_follow_the_rule():
    p = params(length=256)
    network = StochasticNetwork(p, [2, 2], seeds=(0, 1))
    x = codes(2, 50, 12)
    network.choose_states(x)
    measured, alone = network.simulate(x, moments=True)[2][0]
    assert network.states[0].tolist() == [even(2 * s2) for s2 in measured]
    assert torch.allclose(network.sharing[0], measured / alone)
    # A scale, and so weights, twice as large: codes are the same, states twice as many.
    double = StochasticNetwork(p, [4, 4], seeds=(0, 1))
    with torch.no_grad():
        for ours, theirs in zip(double.weights, network.weights, strict=True):
            ours.copy_(2 * theirs)
    double.choose_states(x)
    assert double.states[0].tolist() == [even(4 * s2) for s2 in measured]


def test_even():
    assert [even(n) for n in (0, 1, 2.9, 3.1, 9, 11)] == [2, 2, 2, 4, 8, 12]


def test_streams_are_the_sigmoids():
    """With the rule's states, and long streams, hidden bits are ones as often as the float
    network's sigmoid says; with half or twice as many, less so."""
    p = params(length=4096, sizes=(12, 20, 5), weight_bits=8, kind="lfsr", inputs=12, weights=12)
    network = StochasticNetwork(p, [2, 2])
    x = codes(1, 100, 12)
    network.choose_states(x)
    value = torch.nn.functional.pad(x * p.input.resolution, (0, 1), value=1)
    expected = (value @ network.weights[0].detach()).sigmoid()
    errors, rule = [], network.states.clone()
    for factor in (1, 0.5, 2):
        network.states = rule * factor
        (ones,), _, _ = network.simulate(x)
        errors.append((ones - expected).abs().mean())
    assert errors[0] < 0.05 and errors[0] < 0.7 * min(errors[1:])
    assert expected.std() > 0.2


@pytest.mark.parametrize("changes", [{}, {"coding": "bipolar", "product": "xnor"}], ids=str)
def test_gradient_is_that_of_the_mean(changes):
    """The straight-through gradient points where the exact streams' loss falls."""
    p = params(length=1024, sizes=(12, 8, 3), **changes)
    network = StochasticNetwork(p, [2, 2])
    network.fixed = True
    x = codes(1, 64, 12)
    network.choose_states(x)
    target = torch.arange(64) % 3

    def loss():
        return torch.nn.functional.cross_entropy(network(x)[0], target)

    before = loss()
    before.backward()
    with torch.no_grad():
        for weight in network.weights:
            weight -= 0.2 * weight.grad / weight.grad.norm()
    assert loss() < before - 0.01


def test_clip_and_quantise():
    network = StochasticNetwork(params(weight_bits=3), [2, 0.5])
    with torch.no_grad():
        network.weights[0].fill_(5)
        network.weights[1].fill_(-5)
    network.clip()
    p, tensors = network.quantise()
    assert (tensors["layers.0.weight"] == 8).all() and tensors["layers.0.weight"].shape == (9, 12)
    assert (tensors["layers.1.bias"] == -8).all() and tensors["layers.1.bias"].shape == (5,)
    assert [part.states for part in p.layers] == [16, 0]
    part = with_states(p.layers[0], 6)
    assert (part.states, part.threshold, part.start) == (6, 3, 3)


def test_init_wrong():
    with pytest.raises(ValueError, match=r"^Scales must be as many as layers \(2\), not 1$"):
        StochasticNetwork(params(), [2])
    for scale in (3, 0, -2):
        with pytest.raises(ValueError, match=rf"^Scale must be a power of two, not {scale}$"):
            StochasticNetwork(params(), [2, scale])
    with pytest.raises(ValueError, match=r"^Network seed must be at least 0, not -1$"):
        StochasticNetwork(params(), [2, 2], seeds=(-1,))
    with pytest.raises(ValueError, match=r"^Network member must be between 0 and 0, not 1$"):
        StochasticNetwork(params(), [2, 2]).quantise(1)
