"""Training: weights to codes, pruning to a budget, and a forward pass that is the integers'."""

import numpy as np
import pytest
import torch

from golden.formats import Format
from golden.sparse_conv import tasks
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.sparse_conv.pruning import Magnitude
from golden.sparse_conv.trainable import ConvNetwork, codes, keep_largest
from golden.weights import WEIGHT_KINDS, WeightKind


@pytest.mark.parametrize("name", WEIGHT_KINDS)
def test_codes(name):
    kind = WeightKind(name)
    weight = torch.randn(4, 6, 3, 3, generator=torch.Generator().manual_seed(1))
    weight[:, 0] = 0
    code, unit = codes(kind, weight)
    assert kind.contains(code.numpy().astype(np.int64)) and unit.shape == (4, 1, 1, 1)
    if name != "binary":
        assert (code[:, 0] == 0).all()
    # A finer kind is nearer to the weights than only their signs are.
    error = (code * unit - weight).square().mean()
    assert error < weight.square().mean() * (0.5 if name in ("binary", "int2") else 0.3)


def test_powers_of_two():
    weight = torch.tensor([[0.0, 1.0, -0.5, 0.26, 0.15, 0.1]])[..., None, None]
    rms = weight[weight != 0].square().mean().sqrt()
    code, unit = codes(WeightKind("powers3"), weight)
    assert unit.item() == pytest.approx(2 * rms.item() / 4)
    sizes = (weight / unit).abs().flatten().tolist()
    wanted = [0 if size < 0.5 else max(0, min(2, round(np.log2(max(size, 1))))) for size in sizes]
    assert code.abs().flatten().tolist() == [0 if size < 0.5 else 2.0**k
                                             for size, k in zip(sizes, wanted, strict=True)]


def test_keep_largest():
    weight = torch.tensor([[1.0, -5, 3, 2], [9, -8, 7, 6]]).reshape(2, 4, 1, 1)
    assert keep_largest(weight, 0.5).flatten().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    rows = np.arange(8).reshape(2, 4)
    assert keep_largest(weight, 0.5, rows).flatten().tolist() == [0, 1, 1, 0, 1, 1, 0, 0]
    assert keep_largest(weight, 0.25, rows).sum() == 2
    with pytest.raises(ValueError, match=r"^Pruning must leave at least one of the 4 weights of a "
                                         r"unit, not 0\.1 of them \(at least 0\.125\)$"):
        keep_largest(weight, 0.1, rows)


@pytest.mark.parametrize("weights", ["binary", "ternary", "int4", "int8", "powers4"])
def test_fixed_forward_is_the_integers(weights):
    """Scales, biases and every rounding, over random statistics."""
    params = NetworkParams((
        ConvParams(2, 9, 9, 6, padding=1, pool=2, weights=weights, input=Format(5, 4, False),
                   output=Format(6, 3, False)),
        ConvParams(6, 4, 4, 5, kernel=2, stride=2, weights=weights, input=Format(6, 3, False),
                   output=Format(7, 3, False)),
        ConvParams(5, 2, 2, 3, kernel=2, relu=False, weights=weights, input=Format(7, 3, False),
                   output=Format(10, 5))))
    network = ConvNetwork(params, seed=3)
    generator = torch.Generator().manual_seed(5)
    for layer in network.layers:
        for buffer, low, high in ((layer.mean, -1, 1), (layer.variance, 0.5, 2),
                                  (layer.gamma.data, -2, 2), (layer.beta.data, -1, 1)):
            buffer.uniform_(low, high, generator=generator)
    network.eval()
    Magnitude([1, 0.5, 1], [None] * 3).step(network, 1)
    network.fix()
    x = torch.randint(0, 32, (20, 2, 9, 9), generator=generator)
    made, tensors = network.quantise()
    found = tasks.integers(made, tensors, x.numpy())
    fixed = network(x).detach().flatten(1) / made.last.output.resolution
    assert (fixed.numpy() == found).all()
    assert len(np.unique(found)) > 10
    if weights != "binary":
        assert (tensors["layers.1.weight"] != 0).mean() <= 0.5


def test_gradients_reach_everything():
    params = tasks.network_params(tasks.TASKS["digits"])
    network = ConvNetwork(params)
    network.fix()
    network(torch.randint(0, 17, (8, 1, 8, 8))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
