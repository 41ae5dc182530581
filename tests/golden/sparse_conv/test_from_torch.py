"""A user's own network of Conv2d layers."""

import pytest
import torch
from torch import nn

from golden import data
from golden.formats import Format
from golden.sparse_conv import tasks
from golden.sparse_conv.from_torch import from_torch


def images(count=600):
    digits = data.digits()
    x = torch.tensor(digits.pixels[:count, None] / 16, dtype=torch.float32)
    return x, torch.tensor(digits.labels[:count])


@pytest.fixture(scope="module")
def trained():
    """(network, x, y): two convolutions, and all that may stand beside them."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Sequential(nn.Conv2d(6, 8, 3, padding=1), nn.ReLU()), nn.MaxPool2d(2), nn.Dropout(0.1),
        nn.Flatten(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 10))
    x, y = images()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        picks = torch.randint(len(x), (128,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[picks]), y[picks]).backward()
        optimizer.step()
    return network.eval(), x, y


def accuracy(params, tensors, x, y):
    codes = params.first.input.quantise(x).long().numpy()
    return float((tasks.integers(params, tensors, codes).argmax(1) == y.numpy()).mean())


def test_rounded_alone_is_near_the_float_network(trained):
    network, x, y = trained
    params, tensors = from_torch(network, x)
    assert [(p.channels, p.filters, p.kernel, p.pool, p.relu) for p in params.layers] == [
        (1, 6, 3, 2, True), (6, 8, 3, 2, True), (8, 16, 2, 1, True), (16, 10, 1, 1, False)]
    assert params.first.input == Format(8, 8, False)
    outputs = tasks.integers(params, tensors, params.first.input.quantise(x).long().numpy())
    wanted = network(x).detach().numpy()
    error = abs(outputs * params.last.output.resolution - wanted).max()
    assert error < 0.05 * abs(wanted).max()
    before = float((network(x).argmax(1) == y).float().mean())
    assert accuracy(params, tensors, x, y) > before - 0.01 > 0.9


def test_pruned_and_tuned(trained):
    network, x, y = trained
    params, tensors = from_torch(network, x, y, weights="int4", share=0.5, units=4, tune=4)
    kept = (tensors["layers.1.weight"] != 0).reshape(2, 4, 6, 9).sum((0, 3))
    assert (kept <= 9).all() and kept.sum() > 0.9 * 9 * 24
    assert accuracy(params, tensors, x, y) > 0.9


@pytest.mark.parametrize("network, message", [
    (nn.Sequential(nn.ReLU()), r"^A network must be of Conv2d, .*, not ReLU in this place$"),
    (nn.Sequential(nn.Dropout()), r"^A network must have a Conv2d, this one has none$"),
    (nn.Sequential(nn.Conv2d(1, 2, (3, 1))), r"^A network's Conv2d must have one height and width "
                                             r"of kernel, .*, not Conv2d\(1, 2, .*\)$"),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(3)),
     r"^A network's MaxPool2d must be MaxPool2d\(2\), not MaxPool2d\(.*\)$"),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sigmoid()), r"^A network must be .*, not Sigmoid in .*$"),
    (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(6, 2)), r"^A network must be .*, not Linear .*"),
])
def test_wrong_network(network, message):
    with pytest.raises(ValueError, match=message):
        from_torch(network, images(4)[0])


def test_wrong_inputs(trained):
    network, x, _y = trained
    with pytest.raises(TypeError, match=r"^Source must be an nn\.Sequential, not Linear$"):
        from_torch(nn.Linear(2, 2), x)
    with pytest.raises(ValueError, match=r"^Inputs x must be \[count, .*\], not \[600, 8, 8\]$"):
        from_torch(network, x[:, 0])
    with pytest.raises(ValueError, match=r"^Inputs x must be at least 0, not -0\.5: shift them$"):
        from_torch(network, x - 0.5)
    with pytest.raises(ValueError, match=r"^Classes y must be as many as inputs \(600\), not 3$"):
        from_torch(network, x, [1, 2, 3])
    flat = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(24, 2))
    with pytest.raises(ValueError, match=r"^A network's first Linear must follow a map as high as "
                                         r"wide, not 6 x 2$"):
        from_torch(flat, x[:, :, :, :4])
