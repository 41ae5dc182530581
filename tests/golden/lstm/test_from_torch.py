import numpy as np
import pytest
import torch
from torch import nn

from golden.formats import Format
from golden.lstm.from_torch import from_torch
from golden.lstm.network import Network
from golden.lstm.tasks import TASKS, integer_outputs, load_data

PIXEL = Format(5, 4, signed=False)
PRECISE = {"weights": "int12", "head_weights": "int12", "activation": Format(14, 13),
           "pre": Format(14, 10), "state": Format(24, 18), "scale_width": 24, "bias_width": 40,
           "output": Format(24, 14)}


class Classifier(nn.Module):
    def __init__(self, cell, inputs=8, hidden=24, outputs=10, **options):
        super().__init__()
        self.rnn_layer = cell(inputs, hidden, batch_first=True, **options)
        self.my_linear = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.my_linear(self.rnn_layer(x)[0][:, -1])


@pytest.fixture(scope="module")
def digits():
    data = load_data(TASKS["digits-rows"])
    train, test = data.splits[0]
    x = data.x * PIXEL.resolution
    return x[train], data.y[train], data.x[test], data.y[test]


@pytest.fixture(scope="module")
def trained(digits):
    """Networks that plain torch code trained, and their accuracy."""
    x, y, test_x, test_y = digits
    found = {}
    for cell in (nn.LSTM, nn.GRU):
        torch.manual_seed(0)
        model = Classifier(cell)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(10):
            for batch in torch.randperm(len(x)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            right = model(test_x * PIXEL.resolution).argmax(1) == test_y
        found[cell] = model, float(right.float().mean())
    return found


def accuracy(quantised, digits):
    params, tensors = quantised
    Network(params, tensors)
    y, _, _ = integer_outputs(params, tensors, digits[2])
    return float((y.argmax(1) == digits[3]).float().mean())


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_int8_needs_no_fine_tuning(cell, trained, digits):
    model, reference = trained[cell]
    assert reference > 0.9
    quantised = from_torch(model, steps=8, weights="int8", input=PIXEL)
    assert accuracy(quantised, digits) > reference - 0.015
    assert quantised[0].layers[0].weights == "int8"


@pytest.mark.parametrize("weights, scales", [("ternary", "row"), ("binary", "gate")])
def test_fine_tuning(weights, scales, trained, digits):
    model, reference = trained[nn.LSTM]
    options = {"steps": 8, "weights": weights, "scales": scales, "input": PIXEL, "lanes": 8}
    before = accuracy(from_torch(model.state_dict(), **options), digits)
    tuned = from_torch(model, data=digits[:2], epochs=10, **options)
    assert accuracy(tuned, digits) > max(before, reference - 0.05)
    assert tuned[0].layers[0].kind.contains(tuned[1]["layers.0.weight_h"])


@pytest.mark.parametrize("cell, options", [
    (nn.LSTM, {}), (nn.GRU, {}), (nn.LSTM, {"num_layers": 3}), (nn.GRU, {"num_layers": 2}),
    (nn.LSTM, {"bias": False}), (nn.GRU, {"bias": False})])
def test_precise_formats_equal_torch(cell, options):
    """Many-bit formats give torch's own outputs: gates, biases and layers are where they belong."""
    torch.manual_seed(1)
    model = Classifier(cell, hidden=7, **options)
    codes = torch.randint(0, 17, (50, 9, 8))
    params, tensors = from_torch(model, steps=9, input=PIXEL, **PRECISE)
    y, _, _ = integer_outputs(params, tensors, codes)
    with torch.no_grad():
        expected = model(codes * PIXEL.resolution)
    assert (y * params.output_format.resolution - expected).abs().max() < 0.01
    assert expected.std() > 0.05


def test_without_head_and_with_one_hot_input():
    torch.manual_seed(0)
    model = nn.LSTM(10, 6)
    symbols = torch.randint(10, (20, 5))
    params, tensors = from_torch(model, steps=5, one_hot=True, per_step=True,
                                 **{k: v for k, v in PRECISE.items() if k != "output"})
    assert params.head is None
    h, _, _ = integer_outputs(params, tensors, symbols)
    with torch.no_grad():
        expected = model(nn.functional.one_hot(symbols.T, 10).float())[0].transpose(0, 1)
    assert (h * 2.0**-13 - expected).abs().max() < 0.01


@pytest.mark.parametrize("scales", ["row", "gate"])
@pytest.mark.parametrize("weights", ["binary", "ternary"])
def test_scales_of_least_error(weights, scales):
    torch.manual_seed(0)
    model = nn.LSTM(40, 30)
    params, tensors = from_torch(model, steps=1, weights=weights, scales=scales)
    w = model.weight_hh_l0.detach().numpy().reshape(4, 30, 30)
    worth = tensors["layers.0.scale_h"] * 2.0 ** -(
        params.layers[0].sum_fraction - params.layers[0].activation.fraction)
    error = ((w - tensors["layers.0.weight_h"] * worth[..., None]) ** 2).mean() / (w**2).mean()
    # A uniform distribution leaves 1/4 with two values at +-1/2, 1/9 with three at 0, +-2/3.
    assert error < {"binary": 0.25, "ternary": 0.12}[weights] * 1.05
    per_gate = {len(np.unique(gate)) for gate in tensors["layers.0.scale_h"]}
    assert (per_gate == {1}) == (scales == "gate")


@pytest.mark.parametrize("source, error, message", [
    (nn.LSTM(2, 3, bidirectional=True), ValueError,
     r"A recurrent network must be unidirectional, not bidirectional"),
    (nn.LSTM(2, 3, proj_size=2), ValueError,
     r"A recurrent network must have proj_size 0: its h is not projected"),
    (nn.RNN(2, 3), ValueError, r"A network must hold exactly one LSTM or GRU, not RNN"),
    (nn.Linear(2, 3), ValueError, r"A network must hold exactly one LSTM or GRU, not none"),
    (nn.Sequential(nn.LSTM(2, 3), nn.GRU(3, 3)), ValueError,
     r"A network must hold exactly one LSTM or GRU, not LSTM, GRU"),
    (nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 3), nn.Linear(3, 3)), ValueError,
     r"A network must hold at most one Linear, not 2"),
    (nn.Sequential(nn.Conv1d(2, 2, 1), nn.LSTM(2, 3)), ValueError,
     r"A network must have weights in one LSTM or GRU and one Linear only, not in Conv1d"),
    (nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 3)), ValueError,
     r"A Linear head must take the 3 values of the last layer, not 2"),
    (nn.RNN(2, 3).state_dict(), ValueError,
     r"A recurrent network must have the 4 gates of an LSTM or the 3 of a GRU, not 3 rows for 3 "
     r"units"),
    (nn.Linear(2, 3).state_dict(), ValueError,
     r"A state_dict must hold exactly one LSTM or GRU \(weight_hh_l0\), not 0"),
    (dict(nn.LSTM(2, 3).state_dict(), extra=torch.zeros(3)), ValueError,
     r"A state_dict must hold at most one Linear beside the recurrent network, not extra"),
    ("model.pt", TypeError, r"Source must be an nn\.LSTM, .* or a state_dict, not str"),
])
def test_wrong_source(source, error, message):
    with pytest.raises(error, match=rf"^{message}$"):
        from_torch(source, steps=4)


def test_wrong_arguments():
    model = Classifier(nn.LSTM)
    with pytest.raises(ValueError, match=r"^Scales must be one of row, gate, not 'tensor'$"):
        from_torch(model, steps=4, scales="tensor")
    with pytest.raises(ValueError, match=r"^Weight kind must be one of binary, .*, not 'float'$"):
        from_torch(model, steps=4, weights="float")
    x, y = torch.zeros(3, 4, 8), torch.zeros(3)
    with pytest.raises(ValueError, match=r"^Data x must have shape \(3, 5, 8\), not \(3, 4, 8\)$"):
        from_torch(model, steps=5, data=(x, y))
    with pytest.raises(ValueError, match=r"^Data for a one-hot network must be integer symbol "):
        from_torch(model, steps=4, one_hot=True, data=(x, y))
    with pytest.raises(ValueError, match=r"^Data to fine-tune on must come with a network that "):
        from_torch(nn.LSTM(8, 4), steps=4, data=(x, y))
