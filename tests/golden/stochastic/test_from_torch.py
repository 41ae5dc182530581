import numpy as np
import pytest
import torch
from torch import nn

from golden.formats import Format
from golden.stochastic.from_torch import from_torch
from golden.stochastic.network import Network
from golden.stochastic.tasks import TASKS, load_data

PIXEL = Format(5, 4, signed=False)


@pytest.fixture(scope="module")
def digits():
    data = load_data(TASKS["digits"])
    train, test = data.splits[0]
    x = data.x * PIXEL.resolution
    return x[train], data.y[train], data.x[test].numpy(), data.y[test]


@pytest.fixture(scope="module")
def trained(digits):
    """Networks that plain torch code trained, and their accuracy."""
    x, y, test_x, test_y = digits
    found = {}
    for unit in (nn.Sigmoid, nn.Tanh):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), unit(), nn.Dropout(0.0),
                              nn.Sequential(nn.Linear(24, 16, bias=False), unit()),
                              nn.Linear(16, 10), nn.LogSoftmax(1))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(30):
            for batch in torch.randperm(len(x)).split(64):
                optimizer.zero_grad()
                nn.functional.nll_loss(model(x[batch]), y[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            right = model(torch.as_tensor(test_x) * PIXEL.resolution).argmax(1) == test_y
        found[unit] = model, 100 * float(right.float().mean())
    return found


def accuracy(made, digits):
    params, tensors = made
    result = Network(params, tensors).simulate(digits[2])
    return 100 * float((result.classes == digits[3].numpy()).mean())


@pytest.mark.parametrize("unit", [nn.Sigmoid, nn.Tanh])
def test_as_good_as_torch(unit, trained, digits):
    model, reference = trained[unit]
    assert reference > 93
    made = from_torch(model, digits[0][:200], m=4, length=512, input=PIXEL, weights=16)
    assert accuracy(made, digits) > reference - 2
    assert all(part.states >= 2 and part.bias for part in made[0].layers[:-1])
    assert made[0].layers[-1].head and made[0].input == PIXEL


def test_tuning(trained, digits):
    model, _ = trained[nn.Sigmoid]
    options = {"length": 32, "input": PIXEL}
    before = accuracy(from_torch(model, digits[0][:200], **options), digits)
    seen = []
    after = accuracy(from_torch(model, digits[0], digits[1], tune=3, rate=3e-3, batch=64,
                                progress=lambda epoch, *_: seen.append(epoch), **options), digits)
    assert after > before and seen == [1, 2, 3]


def test_tanh_is_a_sigmoid(digits):
    """Many weight bits: what the sigmoids compute is what the tanh network does."""
    from golden.stochastic.from_torch import _matrices

    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    x = torch.rand(20, 6)
    value = x
    matrices = _matrices(model)
    for n, matrix in enumerate(matrices):
        value = nn.functional.pad(value if n == 0 else value.sigmoid(), (0, 1), value=1) @ matrix
    torch.testing.assert_close(value, model(x).detach(), rtol=1e-4, atol=1e-5)


def test_parameters_reach_the_network():
    torch.manual_seed(0)
    params, tensors = from_torch(nn.Sequential(nn.Linear(9, 4)), torch.rand(5, 3, 3), m=2,
                                 weight_bits=4, length=32, kind="lfsr", inputs=9, weights=20,
                                 columns=3, stop="certain")
    assert (params.columns, params.stop, params.length) == (3, "certain", 32)
    assert (params.x.kind, params.x.count, params.layers[0].w.count) == ("lfsr", 9, 20)
    assert params.input == Format(8, 8, signed=False) and params.layers[0].m == 2
    # Of the scales that hold the largest weight, the least: it uses more than half of the codes.
    assert np.abs(tensors["layers.0.weight"]).max() > 8


LINEAR = nn.Linear(4, 3)
SOME = torch.rand(10, 4)


@pytest.mark.parametrize("source, x, kind, message", [
    (nn.Linear(4, 3), SOME, TypeError, r"^Source must be an nn\.Sequential, not Linear$"),
    (nn.Sequential(nn.Sigmoid()), SOME, ValueError,
     r"^A network must be of Linear, each but the last followed by one Sigmoid or Tanh, "
     r"not Sigmoid \(a stochastic neuron saturates: train with Sigmoid or Tanh\)$"),
    (nn.Sequential(LINEAR, nn.ReLU(), nn.Linear(3, 2)), SOME, ValueError,
     r"^A network must be of Linear, each but the last .*, not ReLU \(a stochastic neuron "
     r"saturates: train with Sigmoid or Tanh\)$"),
    (nn.Sequential(LINEAR, nn.Tanh(), nn.Tanh(), nn.Linear(3, 2)), SOME, ValueError,
     r"^A network must be of Linear, each but the last .*, not Tanh \(.*\)$"),
    (nn.Sequential(nn.Flatten()), SOME, ValueError,
     r"^A network must have a Linear, this one has none$"),
    (nn.Sequential(LINEAR, nn.Sigmoid()), SOME, ValueError,
     r"^A network's last Linear must be its output, not followed by Sigmoid$"),
    (nn.Sequential(LINEAR, nn.Linear(3, 2)), SOME, ValueError,
     r"^A network's Linear must be followed by Sigmoid or Tanh, not by another Linear$"),
    (nn.Sequential(LINEAR), torch.rand(10, 5), ValueError,
     r"^Inputs x must be \[count, 4\], not \[10, 5\]$"),
    (nn.Sequential(LINEAR), SOME[:0], ValueError,
     r"^Inputs x must be \[count, 4\], not \[0, 4\]$"),
    (nn.Sequential(LINEAR), SOME * 0 - 1, ValueError,
     r"^Inputs x must lie between 0 and 1, not -1\.\.-1: scale them$"),
    (nn.Sequential(LINEAR), SOME * float("nan"), ValueError,
     r"^Inputs x must lie between 0 and 1, not nan\.\.nan: scale them$"),
])
def test_wrong_source(source, x, kind, message):
    with pytest.raises(kind, match=message):
        from_torch(source, x)


def test_wrong_classes():
    with pytest.raises(ValueError, match=r"^Classes y must be as many as inputs \(10\), not 3$"):
        from_torch(nn.Sequential(LINEAR), SOME, torch.zeros(3))
