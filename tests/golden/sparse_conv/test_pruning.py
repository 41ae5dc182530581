"""Ways of pruning: their budgets to the weight, their gradients, and what trains with them."""

import numpy as np
import pytest
import torch

from golden.sparse_conv import convolution, lists, tasks
from golden.sparse_conv.array import Array
from golden.sparse_conv.params import ArrayParams, ConvParams, NetworkParams
from golden.sparse_conv.patterns import patterns_of
from golden.sparse_conv.pruning import Magnitude, Patterns, Transport, soft_mask
from golden.sparse_conv.tasks import TASKS, Task, evaluate, load_data, train
from golden.sparse_conv.trainable import ConvNetwork, keep_largest

QUICK = TASKS["digits"].replace(filters=(8, 8, 8), pools=(2, 2, 1), epochs=4, tune=6)


@pytest.fixture(scope="module")
def digits():
    return load_data(QUICK)


@pytest.fixture(scope="module")
def floats(digits):
    return train(QUICK.replace(tune=1), data=digits)


def scores(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("share, temperature", [(0.25, 0.5), (0.5, 0.05), (0.1, 0.001)])
def test_soft_masks_meet_the_budget(share, temperature):
    score = scores(8, 5, 3, 3)
    sets = np.arange(360).reshape(9, 40)
    mask = soft_mask(score, share, temperature, sets)
    assert torch.allclose(mask.reshape(9, 40).sum(1), torch.full((9,), 40 * share), atol=1e-3)
    assert (mask >= 0).all() and (mask <= 1).all()
    # Masks are in the order of the scores; at last those of the largest are 1.
    order = score.reshape(9, 40).argsort(1)
    assert (mask.reshape(9, 40).gather(1, order).diff(dim=1) >= 0).all()
    cold = soft_mask(score, share, 1e-5, sets)
    assert torch.allclose(cold, keep_largest(score - score.min(), share, sets), atol=0.01)


def test_soft_masks_are_the_cheapest_transport():
    """No other mask of the same sum has more score and entropy."""
    score, temperature = scores(12), 0.3
    generator = torch.Generator().manual_seed(2)

    def value(mask):
        entropy = -(mask * mask.log() + (1 - mask) * (1 - mask).log()).sum()
        return (mask * score).sum() + temperature * entropy

    mask = soft_mask(score, 0.25, temperature)
    for size in (1e-3, 1e-2):
        for _ in range(20):
            change = torch.randn(12, generator=generator)
            other = mask + size * (change - change.mean()) * mask * (1 - mask)
            other = other + (mask.sum() - other.sum()) / 12
            assert value(other.clamp(1e-6, 1 - 1e-6)) <= value(mask) + 1e-5


def test_gradient_of_soft_masks():
    score = scores(3, 4, 2, 2).double().requires_grad_()
    sets = np.arange(48).reshape(4, 12)
    assert torch.autograd.gradcheck(lambda s: soft_mask(s, 0.25, 0.4, sets), score, atol=1e-5)
    soft_mask(score, 0.25, 0.4, sets).sum().backward()
    assert score.grad.abs().max() < 1e-9      # a sum that stays has no gradient


@pytest.mark.parametrize("way", [Magnitude, Transport])
@pytest.mark.parametrize("share", [0.1, 0.25, 1 / 3])
def test_budgets_are_exact(way, share):
    params = tasks.network_params(QUICK)
    network = ConvNetwork(params, 3)
    shares = tasks.keep(params, share)
    sets = tasks.unit_sets(params, shares, 4)
    pruning = way(shares, sets)
    pruning.prepare(network)
    for done in (0.3, 0.7, 1):
        pruning.step(network, done)
    for layer, own in zip(network.layers[1:-1], sets[1:-1], strict=True):
        assert layer.soft is None
        kept = layer.kept().detach().flatten()[torch.as_tensor(own)] != 0
        assert (kept.sum(1) == round(share * own.shape[1])).all()
    for layer in (network.layers[0], network.layers[-1]):
        assert layer.mask.all() and layer.score is None


def test_transport_learns_scores(digits, floats):
    """Gradients move scores as long as masks are soft, and what stays is not the largest then."""
    task = QUICK.replace(share=0.25, units=4, pruning="transport")
    network, = train(task, data=digits, floats=floats)
    result, = evaluate([network], digits)
    assert result["accuracy"] > 70
    sets = tasks.unit_sets(network.params, tasks.keep(network.params, 0.25), 4)
    for layer, own in zip(network.layers[1:-1], sets[1:-1], strict=True):
        assert (layer.mask.flatten()[torch.as_tensor(own)].sum(1)
                == round(0.25 * own.shape[1])).all()
        assert layer.score.abs().max() > 0.02
        assert not (layer.mask == keep_largest(layer.float_weight, 0.25, own)).all()


def test_resumed_transport_ends_the_same(digits, tmp_path):
    task = QUICK.replace(epochs=1, tune=4, share=0.5, pruning="transport", filters=(4, 4),
                         pools=(2, 2))
    whole, = train(task, data=digits)

    def interrupt(epoch, *_):
        if epoch == 2:      # masks are soft
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task, data=digits, progress=interrupt, resume=tmp_path / "checkpoint")
    resumed, = train(task, data=digits, resume=tmp_path / "checkpoint")
    for one, other in zip(whole.quantise()[1].values(), resumed.quantise()[1].values(),
                          strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("index", ["pattern", "shift"])
def test_structured_networks_train_and_run_on_the_array(digits, floats, index):
    task = QUICK.replace(connections=index, patterns=4, kept=3)
    network, = train(task, data=digits, floats=floats if index == "pattern" else None)
    result, = evaluate([network], digits)
    assert result["accuracy"] > 70
    params, tensors = network.quantise()
    own = tasks.split_tensors(params, tensors)
    maps = convolution.run(params.layers, own, digits.x[:3].numpy())
    for n in (1, 2):
        array = ArrayParams(params.layers[n], 4, 2, index, 4, 3)
        given, mask = own[n], network.layers[n].mask.numpy()
        if index == "pattern":
            given = {**given, "patterns": patterns_of(mask, 3, 4)}
            assert (mask.sum((2, 3)) == 3).all()
        else:
            assert (mask == lists.kept(array)).all()
        block = Array(array, given)
        found = convolution.to_maps(block.run(convolution.to_frames(maps[n], 4)), 8,
                                    *maps[n + 1].shape[2:])
        assert (found == maps[n + 1]).all()


def test_patterns_of_kernels_that_are_zero():
    """They have a pattern, too."""
    network = ConvNetwork(NetworkParams((
        ConvParams(1, 4, 4, 2, padding=1), ConvParams(2, 4, 4, 3, padding=1, input=ConvParams(
            1, 4, 4, 2).output), ConvParams(3, 4, 4, 1, padding=1))))
    with torch.no_grad():
        network.layers[1].weight[0] = 0
    Patterns(4, 2).step(network, 1)
    assert (network.layers[1].mask.sum((2, 3)) == 4).all()
    assert network.layers[0].mask.all() and network.layers[2].mask.all()


def test_wrong_task():
    for changes, message in (
            ({"pruning": "x"}, r"^Task pruning must be one of magnitude, transport, not 'x'$"),
            ({"connections": "list"},
             r"^Task connections must be one of all, pattern, shift, not 'list'$"),
            ({"connections": "shift", "share": 0.5},
             r"^Task share must be 1 with connections 'shift', not 0\.5$"),
            ({"kept": 10}, r"^Task kept must be between 1 and 9, not 10$"),
            ({"patterns": 127}, r"^Task patterns must be between 1 and 126, not 127$")):
        with pytest.raises(ValueError, match=message):
            Task(**changes)
