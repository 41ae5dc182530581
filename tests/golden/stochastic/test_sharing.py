import numpy as np
import pytest

from golden.formats import Format
from golden.stochastic import numbers
from golden.stochastic.network import Network, weight_bits
from golden.stochastic.params import Generators, LayerParams, NetworkParams
from golden.stochastic.sharing import cost


def block(w, x, length=256, sizes=(6, 5, 3), **layer):
    layers = tuple(LayerParams(before, after, w=w, weight_bits=5,
                               states=0 if n == len(sizes) - 2 else 8, **layer)
                   for n, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)))
    params = NetworkParams(layers, length, Format(5, 5, signed=False), x, stop="certain")
    return Network.random(params, np.random.default_rng(1))


X = np.random.default_rng(0).integers(0, 32, (10, 6))


@pytest.mark.parametrize("layer", [
    {}, {"m": 2, "coding": "bipolar"}, {"coding": "bipolar", "product": "xnor"}], ids=str)
def test_cost_by_hand(layer):
    network = block(Generators("lfsr", 3, register=9), Generators("lfsr", 2, seed=5), length=64,
                    sizes=(6, 5), **layer)
    part, weight = network.params.layers[0], network.weights()[0]
    number = numbers.streams(network.params.x, 6, 5, 64)
    bits = (X[:, None] > number).astype(int)
    if part.product == "xnor":
        bits = 2 * bits - 1
    bits = np.concatenate([bits, np.ones((10, 64, 1), int)], 2)
    products = bits[..., None] * np.stack([*weight_bits(part, weight, 64)])
    error = products.mean(1) / part.m - bits.mean(1)[..., None] * weight / 32
    found, = cost(network, X)
    assert found["product_error"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    assert found["sum_error"] == pytest.approx(np.sqrt(np.mean(error.sum(1)**2)), rel=1e-4)
    assert found["variance"] == pytest.approx(products.sum(2).var(1).mean(), rel=1e-4)


def test_sharing_all_is_worst():
    """One register for inputs and weights alike: each product is the smaller of its factors."""
    own = Generators("lfsr", 6, seed=1), Generators("lfsr", 7, seed=2)
    one = Generators("lfsr", 1, seed=1), Generators("lfsr", 1, seed=1)
    independent, shared = (cost(block(w, x), X) for x, w in (own, one))
    assert len(independent) == len(shared) == 2
    assert shared[0]["product_error"] > 3 * independent[0]["product_error"]
    assert independent[0]["variance"] == pytest.approx(independent[0]["independent"], rel=0.1)
    assert shared[0]["independent"] == pytest.approx(independent[0]["independent"], rel=0.1)


def test_numbers_shared_by_weights_alone_leave_products_right():
    own = cost(block(Generators(count=7), Generators(count=6, seed=0)), X)[0]
    one = cost(block(Generators(count=1), Generators(count=1, seed=0)), X)[0]
    assert one["product_error"] < 2 * own["product_error"]
