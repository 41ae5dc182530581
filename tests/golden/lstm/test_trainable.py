import math

import numpy as np
import pytest
import torch

from golden.formats import Format
from golden.lstm.layer import run
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams
from golden.lstm.tasks import integer_outputs
from golden.lstm.trainable import (
    Quantiser,
    RecurrentNetwork,
    _FixedArithmetic,
    _FloatArithmetic,
    _GRUStep,
    _LSTMStep,
    paper_scale,
)
from golden.weights import WeightKind


def make_params(layers=1, *, hidden=12, inputs=5, outputs=4, steps=6, per_step=False,
                head="int8", **fields):
    gates = 3 if fields.get("cell") == "gru" else 4
    first = LayerParams(inputs, hidden, lanes=gates, **fields)
    further = first.replace(inputs=hidden, one_hot=False, input=first.activation)
    return NetworkParams(layers=(first,) + (further,) * (layers - 1), steps=steps,
                         head=DenseParams(hidden, outputs, weights=head, input=first.activation),
                         per_step=per_step)


def disturbed(params, members=1, seed=0, **options):
    """A network with statistics, gains and biases that reach every table."""
    network = RecurrentNetwork(params, seeds=tuple(range(members)), **options)
    generator = torch.Generator().manual_seed(seed)

    def uniform(value, low, high):
        value.uniform_(low, high, generator=generator)

    with torch.no_grad():
        for part in network.layers:
            for norm in part.norms.values():
                uniform(norm.gamma, 0.3, 1.0)
                uniform(norm.mean, -0.1, 0.1)
                uniform(norm.square, 0.1, 0.4)
            for name in ("bias", "bias_h", "cell_bias"):
                if hasattr(part, name):
                    uniform(getattr(part, name), -0.5, 1)
        uniform(network.head.bias, -1, 1)
    return network.eval()


def random_codes(params, members, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    first = params.layers[0]
    if first.one_hot:
        return torch.randint(first.inputs + 1, (members, count, params.steps), generator=generator)
    return torch.randint(first.input.minimum, first.input.maximum + 1,
                         (members, count, params.steps, first.inputs), generator=generator)


def test_paper_scale():
    # 0.5 * sqrt(6 / (n + 4n)) for the recurrent part of n units
    assert paper_scale(100, 400) == pytest.approx(0.5 * math.sqrt(6 / 500))


def test_quantiser_edges():
    w = torch.tensor([[[-2, -1 / 3, -0.3, 0.0, 1 / 3, 0.34, 1.0]]])
    scale = torch.ones(1, 1, 1)
    codes, unit = Quantiser(WeightKind("ternary"))(w, scale, False)
    assert codes.flatten().tolist() == [-1, -1, 0, 0, 0, 1, 1] and unit == 1
    codes, _ = Quantiser(WeightKind("binary"))(w, scale, False)
    assert codes.flatten().tolist() == [-1, -1, -1, 1, 1, 1, 1]
    codes, unit = Quantiser(None)(w, scale, False)
    assert torch.equal(codes, w) and unit == 1


@pytest.mark.parametrize("kind, mean, share", [
    ("binary", lambda w: w.clip(-1, 1), lambda w: np.ones_like(w)),
    ("ternary", lambda w: w.clip(-1, 1), lambda w: abs(w).clip(0, 1))])
def test_quantiser_stochastic(kind, mean, share):
    w = np.array([-1.5, -0.5, -0.2, 0.0, 0.7, 2.0])
    latent = torch.tensor(w).float().repeat(1, 20_000, 1) * 0.1
    quantiser = Quantiser(WeightKind(kind), stochastic=True)
    torch.manual_seed(0)
    codes, _ = quantiser(latent, torch.full((1, 1, 1), 0.1), True)
    assert abs(codes[0].mean(0).numpy() - mean(w)).max() < 0.02
    assert abs(codes[0].abs().mean(0).numpy() - share(w)).max() < 0.02
    fixed, _ = quantiser(latent, torch.full((1, 1, 1), 0.1), False)
    assert (fixed[0] == fixed[0, :1]).all()


@pytest.mark.parametrize("bits", range(2, 13))
def test_quantiser_integers(bits):
    w = torch.randn(1, 8, 200, generator=torch.Generator().manual_seed(0))
    kind = WeightKind(f"int{bits}")
    codes, unit = Quantiser(kind)(w, torch.ones(1, 8, 1), False)
    assert kind.contains(codes.round().long()) and torch.equal(codes, codes.round())
    error = (codes * unit - w).square().mean() / w.square().mean()
    # The best uniform quantiser of a normal distribution loses 3 (few bits) to 6 times as much.
    assert error < (2 + bits) * 4.0**-bits


@pytest.mark.parametrize("kind", ["binary", "ternary", "int4"])
def test_quantiser_gradient_is_straight_through(kind):
    w = torch.randn(1, 3, 10, requires_grad=True)
    codes, unit = Quantiser(WeightKind(kind))(w, torch.full((1, 3, 1), 0.3), False)
    weights = torch.randn(1, 3, 10)
    (codes * unit * weights).sum().backward()
    torch.testing.assert_close(w.grad, weights)


def test_lstm_step_gradient():
    torch.manual_seed(0)
    values = [torch.randn(2, 3, n, dtype=torch.float64) for n in (8, 2)]
    values += [torch.randn(2, 1, 2, dtype=torch.float64) for _ in range(2)]
    for value in values:
        value.requires_grad_()
    assert torch.autograd.gradcheck(lambda *v: _LSTMStep.apply(*v, _FloatArithmetic), values)
    plain = (*values[:2], None, None)
    assert torch.autograd.gradcheck(
        lambda a, c: _LSTMStep.apply(a, c, None, None, _FloatArithmetic), plain[:2])
    i, f, g, o = values[0].chunk(4, -1)
    c = f.sigmoid() * values[1] + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    for found, expected in zip(_LSTMStep.apply(*plain, _FloatArithmetic), (h, c), strict=True):
        torch.testing.assert_close(found, expected)


def test_gru_step_gradient():
    torch.manual_seed(0)
    values = [torch.randn(2, 3, n, dtype=torch.float64, requires_grad=True) for n in (6, 6, 2)]
    assert torch.autograd.gradcheck(lambda *v: _GRUStep.apply(*v, _FloatArithmetic), values)


@pytest.mark.parametrize("fields", [
    {}, {"weights": "binary"}, {"weights": "int5"}, {"cell_norm": True}, {"cell": "gru"},
    {"cell": "gru", "weights": "int8", "layers": 2}, {"layers": 3, "cell_norm": True},
    {"one_hot": True, "inputs": 9, "input": Format(4, 0, False), "per_step": True},
    {"joint": True}, {"joint": True, "weights": "int3", "layers": 2}, {"threshold": 9},
    {"cell": "gru", "threshold": 20, "head": "ternary"}, {"head": "binary", "per_step": True},
    {"activation": Format(12, 11), "pre": Format(12, 8), "state": Format(20, 15)},
], ids=str)
def test_fixed_equals_integer(fields):
    """On the hardware's grids, in float64: every output bit is the reference's."""
    params = make_params(**fields)
    network = disturbed(params).double()
    network.fixed = True
    x = random_codes(params, 1, 40)
    with torch.no_grad():
        y, _, zeros, _ = network(x)
        quantised, tensors = network.quantise()
        Network(quantised, tensors)
        expected, _, expected_zeros = integer_outputs(quantised, tensors, x[0])
    assert torch.equal((y[0] * 2.0**params.head.output.fraction).long(), expected)
    assert zeros[:, 0].tolist() == pytest.approx(expected_zeros)
    assert len(expected.unique()) > 20      # the comparison compared something


def test_fixed_follows_integer_in_single_precision():
    """In float32, as in training, a sum next to a grid line may fall on its other side: outputs
    differ by a few codes at most, and classes do not."""
    params = make_params(hidden=64, inputs=8, outputs=10, steps=8, input=Format(5, 4, False))
    network = disturbed(params)
    network.fixed = True
    x = random_codes(params, 1, 500)
    with torch.no_grad():
        y = network(x)[0][0] * 2.0**params.head.output.fraction
    expected = integer_outputs(*network.quantise(), x[0])[0]
    assert (y - expected).abs().max() <= 8
    assert (y.argmax(1) == expected.argmax(1)).float().mean() >= 0.995


def test_float_and_fixed_are_close():
    params = make_params(hidden=32, cell_norm=True)
    network = disturbed(params)
    x = random_codes(params, 1, 200)
    with torch.no_grad():
        real = network(x)[0]
        network.fixed = True
        fixed = network(x)[0]
    assert (real - fixed).abs().mean() < 0.05 * real.std()
    assert not torch.equal(real, fixed)


@pytest.mark.parametrize("fields", [{}, {"cell": "gru"}, {"joint": True}], ids=str)
def test_frozen_statistics_are_the_folded_minibatch_statistics(fields):
    """One step whose own statistics are put into the norms gives the same, folded or not."""
    params = make_params(steps=1, **fields)
    network = disturbed(params)
    x = random_codes(params, 1, 64)
    part = network.layers[0]
    start = [(torch.randn(1, 64, 12), torch.randn(1, 64, 12))]
    with torch.no_grad():
        codes_h, unit_h, codes_x, unit_x = part.quantised(False)
        from_h = start[0][0] @ (codes_h * unit_h).transpose(1, 2)
        from_x = (x[:, :, 0] / 128.0) @ (codes_x * unit_x).transpose(1, 2)
        sums = {"joint": from_h + from_x} if params.layers[0].joint else {"h": from_h, "x": from_x}
        for source, value in sums.items():
            part.norms[source].mean.copy_(value.mean(1))
            part.norms[source].square.copy_(value.square().mean(1))
        frozen = network(x, start)[0]
        minibatch = network(x, start, by_batch=True)[0]
    torch.testing.assert_close(frozen, minibatch, rtol=1e-4, atol=1e-4)


def test_norms_follow_the_data():
    params = make_params(cell_norm=True)
    network = RecurrentNetwork(params, seeds=(0, 1)).train()
    x = random_codes(params, 2, 256)
    for _ in range(30):
        h = network(x)
    part = network.layers[0]
    codes_h, unit_h, codes_x, unit_x = part.quantised(False)
    sums = (x.flatten(1, 2) / 128.0) @ (codes_x * unit_x).transpose(1, 2)
    torch.testing.assert_close(part.norms["x"].mean, sums.mean(1), atol=0.05, rtol=0.1)
    torch.testing.assert_close(part.norms["x"].square, sums.square().mean(1), atol=0.02, rtol=0.2)
    before = part.norms["h"].mean.clone()
    network.frozen = True
    network(x)
    assert torch.equal(before, part.norms["h"].mean) and h[0].shape == (2, 256, 4)


def test_members_do_not_mix():
    params = make_params()
    both = RecurrentNetwork(params, seeds=(3, 4)).eval()
    x = random_codes(params, 2, 10)
    with torch.no_grad():
        y = both(x)[0]
        for member, seed in enumerate((3, 4)):
            alone = RecurrentNetwork(params, seeds=(seed,)).eval()
            torch.testing.assert_close(alone(x[member:member + 1])[0], y[member:member + 1])
            for name, value in alone.quantise()[1].items():
                if "weight" in name:
                    assert (value == both.quantise(member)[1][name]).all()


def test_pruning_steers_towards_the_sparsity():
    params = make_params(hidden=32)
    network = RecurrentNetwork(params, sparsity=0.8, threshold=0.1).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    torch.manual_seed(0)
    x = random_codes(params, 1, 32)
    target = torch.randint(4, (32,))
    for _ in range(400):
        y, _, zeros, penalty = network(x)
        optimizer.zero_grad()
        (torch.nn.functional.cross_entropy(y[0], target) + penalty.sum()).backward()
        optimizer.step()
        network.steer(zeros)
    assert zeros.mean() > 0.7
    quantised, tensors = network.quantise()
    assert quantised.layers[0].threshold == round(0.1 * 128)
    h, _ = run(quantised.layers[0], {name.removeprefix("layers.0."): value for name, value
                                     in tensors.items() if "layers" in name}, x[0])
    assert (h == 0).double().mean() > 0.6
    assert h[h != 0].abs().min() >= 13


def test_quantise_resources():
    params, _ = RecurrentNetwork(make_params()).quantise(lanes=8, columns=2, interval=2)
    assert {(p.lanes, p.columns, p.interval) for p in params.layers} == {(8, 2, 2)}


def test_quantise_scales_use_their_width():
    for width in (8, 12, 16, 20):
        params, tensors = disturbed(make_params(scale_width=width)).quantise()
        largest = max(abs(tensors[f"layers.0.scale_{s}"]).max() for s in "hx")
        assert 2 ** (width - 2) - 1 <= largest < 2 ** (width - 1), params.layers[0].shift


def test_wrong_arguments():
    params = make_params()
    with pytest.raises(ValueError, match=r"^Network statistics must be one of shared, step, not "):
        RecurrentNetwork(params, statistics="none")
    with pytest.raises(ValueError, match=r"^Network sparsity must be .* below 1, not 1$"):
        RecurrentNetwork(params, sparsity=1)
    with pytest.raises(ValueError, match=r"^Network threshold must be between 0 and 1, not 2$"):
        RecurrentNetwork(params, threshold=2)
    with pytest.raises(ValueError, match=r"^A network with float weights must not be quantised: "):
        RecurrentNetwork(params, float_weights=True).quantise()
    with pytest.raises(ValueError, match=r"^Network member must be between 0 and 0, not 1$"):
        RecurrentNetwork(params).quantise(1)
    with pytest.raises(ValueError, match=r"^A trained network's sum_shift must be 0: .*, not 2$"):
        RecurrentNetwork(make_params(sum_shift=2))
    raw = params.replace(head=params.head.replace(raw=True))
    with pytest.raises(ValueError, match=r"^A trained head must have scales"):
        RecurrentNetwork(raw)


def test_quantise_values_that_do_not_fit():
    network = RecurrentNetwork(make_params(scale_width=8))
    with torch.no_grad():
        network.layers[0].norms["h"].gamma.fill_(1e9)
    with pytest.raises(ValueError, match=r"^Layer scales and biases must fit their widths at a "):
        network.quantise()


def test_fixed_tables_are_the_reference_tables():
    from golden.activation import sigmoid, tanh

    params = LayerParams(1, 1, lanes=4)
    codes = torch.arange(params.pre.minimum, params.pre.maximum + 1)
    arithmetic = _FixedArithmetic(params)
    z = codes.double() * params.pre.resolution
    order = codes.numpy() & (2**params.pre.width - 1)
    assert (arithmetic.sigmoid(z).numpy() * 256 == sigmoid(params.pre, 8)[order]).all()
    assert (arithmetic.tanh(z).numpy() * 128 == tanh(params.pre, 8)[order]).all()
