import numpy as np
import pytest
import torch

from golden.formats import Format
from golden.lstm import layer
from golden.lstm.network import Network
from golden.lstm.params import LayerParams, NetworkParams

CASES = {
    "lstm": LayerParams(6, 9, shift=9), "joint": LayerParams(6, 9, joint=True, shift=9),
    "norm": LayerParams(6, 9, cell_norm=True, shift=9), "threshold": LayerParams(
        6, 9, threshold=30, shift=9),
    "gru": LayerParams(6, 9, cell="gru", lanes=6, shift=9),
    "symbols": LayerParams(6, 9, one_hot=True, input=Format(3, 0, False), shift=9),
}


@pytest.fixture(params=CASES, name="case")
def _case(request):
    """Parameters, tensors of the layer, and inputs [7, 5, 6] or symbols [7, 5]."""
    p = CASES[request.param]
    block = Network.random(NetworkParams((p,), None, 5), np.random.default_rng(3))
    x = block.sequences(block.random_frames(7, np.random.default_rng(4)))[:, :, 0]
    return p, block.part("layers.0"), torch.as_tensor(np.ascontiguousarray(x))


def test_shapes(case):
    p, tensors, _ = case
    assert {name: value.shape for name, value in tensors.items()} == layer.shapes(p)


def test_sequences_do_not_depend_on_their_batch(case):
    p, tensors, x = case
    h, (last, state) = layer.run(p, tensors, x)
    assert h.shape == (7, 5, 9) and len(h.unique()) > 20
    assert torch.equal(h[:, -1], last)
    for n in range(7):
        alone, (_, alone_state) = layer.run(p, tensors, x[n:n + 1])
        assert torch.equal(alone[0], h[n]) and torch.equal(alone_state[0], state[n])
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    assert torch.equal(layer.run(p, tensors, x[order])[0], h[order])


def test_a_state_can_be_handed_on(case):
    p, tensors, x = case
    whole, end = layer.run(p, tensors, x)
    first, middle = layer.run(p, tensors, x[:, :2])
    second, last = layer.run(p, tensors, x[:, 2:], middle)
    assert torch.equal(torch.cat([first, second], dim=1), whole)
    assert all(map(torch.equal, last, end))
    assert not torch.equal(layer.run(p, tensors, x[:, 2:])[0], second)


def test_a_code_that_is_no_column_adds_nothing():
    p = CASES["symbols"]
    block = Network.random(NetworkParams((p,), None, 1), np.random.default_rng(1))
    tensors = block.part("layers.0")
    outside, _ = layer.run(p, tensors, torch.tensor([[6], [7]]))
    tensors["weight_x"] = tensors["weight_x"] * 0
    zero, _ = layer.run(p, tensors, torch.tensor([[0], [0]]))
    assert torch.equal(outside, zero)
