import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from golden.formats import Format
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams
from tests.golden.lstm import naive
from tests.golden.lstm.networks import network_params, networks, one_layer

LSTM = one_layer({"scale_width": 8, "bias_width": 10}, cell_norm=True, scale_width=9, bias_width=11)
TENSORS = {name: np.zeros(shape) for name, shape in Network.shapes(LSTM).items()}
SHAPES = {
    "layers.0.weight_h": (4, 6, 6), "layers.0.weight_x": (4, 6, 5), "layers.0.bias": (4, 6),
    "layers.0.scale_h": (4, 6), "layers.0.scale_x": (4, 6), "layers.0.cell_scale": (6,),
    "layers.0.cell_bias": (6,), "head.weight": (3, 6), "head.scale": (3,), "head.bias": (3,)}


def test_shapes():
    assert Network.shapes(LSTM) == SHAPES
    joint = Network.shapes(one_layer(joint=True))
    assert joint == {"layers.0.weight_h": (4, 6, 6), "layers.0.weight_x": (4, 6, 5),
                     "layers.0.bias": (4, 6), "layers.0.scale": (4, 6)}
    assert Network.shapes(one_layer(cell="gru"))["layers.0.bias_h"] == (6,)


@pytest.mark.parametrize("name", SHAPES)
def test_init_missing_tensor(name):
    with pytest.raises(ValueError, match=rf"^Tensors must have '{name}', which is missing$"):
        Network(LSTM, {other: value for other, value in TENSORS.items() if other != name})


@pytest.mark.parametrize("name", SHAPES)
def test_init_wrong_shape(name):
    shape = SHAPES[name]
    for wrong in ((*shape, 1), shape[:-1] + (shape[-1] + 1,)):
        message = re.escape(f"Tensor {name} must have shape {shape}, not {wrong}")
        with pytest.raises(ValueError, match=rf"^{message}$"):
            Network(LSTM, {**TENSORS, name: np.zeros(wrong)})


def test_init_foreign_tensor():
    with pytest.raises(ValueError, match=r"^Tensors must not have 'layers\.1\.bias'$"):
        Network(LSTM, {**TENSORS, "layers.1.bias": np.zeros((4, 6))})


@pytest.mark.parametrize("name", SHAPES)
def test_init_wrong_range(name):
    head, _, tensor = name.rpartition(".")
    subject = f"Dense {tensor}" if head == "head" else f"Layer 0 {tensor}"
    kind = tensor.removeprefix("cell_").partition("_")[0]
    width = {"head": {"scale": 8, "bias": 10}}.get(head, {"scale": 9, "bias": 11}).get(kind)
    for sign in (1, -1):
        limit = (1 << (width - 1)) - (sign > 0) if width else 1
        value = np.zeros(SHAPES[name])
        value.flat[-1] = sign * limit
        # int8 weights of the head: see below.
        if tensor != "weight":
            Network(LSTM, {**TENSORS, name: value})
        value.flat[-1] = 128 if tensor == "weight" else sign * (limit + 1)
        if width:
            low, high = sorted((0, sign * (limit + 1)))
            message = f"{subject} must fit {width} signed bits, not {low}..{high}"
        else:
            kind = "int8" if head == "head" else "ternary"
            message = f"{subject} must hold {kind} values only"
        with pytest.raises(ValueError, match=rf"^{re.escape(message)}$"):
            Network(LSTM, {**TENSORS, name: value})


@pytest.mark.parametrize("weights, wrong", [("binary", 0), ("ternary", -2), ("int2", -2),
                                            ("int8", -128), ("int12", 2048)])
def test_init_wrong_weights(weights, wrong):
    params = one_layer(weights=weights)
    tensors = Network.random(params, np.random.default_rng(1)).tensors
    for name in ("weight_h", "weight_x"):
        value = tensors[f"layers.0.{name}"].copy()
        value[3, 5, 4] = wrong
        with pytest.raises(ValueError, match=rf"^Layer 0 {name} must hold {weights} values only$"):
            Network(params, {**tensors, f"layers.0.{name}": value})


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_run(case):
    block, frames = case
    assert [answer.tolist() for answer in block.run(frames)] == naive.network(
        block.params, block.tensors, frames)


def test_random_networks_are_alive():
    """Nothing is shown by networks that answer the same to everything."""
    shares = []

    @settings(max_examples=80, deadline=None, database=None, derandomize=True)
    @given(networks(frames=6))
    def collect(case):
        block, frames = case
        values = np.concatenate(block.run(frames))
        shares.append(len(np.unique(values)) / min(values.size, 2**block.output.format.width))

    collect()
    assert np.median(shares) > 0.15
    assert np.mean(np.array(shares) > 0.1) > 0.6


@settings(max_examples=40, deadline=None)
@given(network_params())
def test_batch_items_do_not_touch_each_other(params):
    rng = np.random.default_rng(1)
    block = Network.random(params, rng)
    frames = block.random_frames(3, rng)
    answers = block.run(frames)
    p = params.replace(batch=1, layers=tuple(q.replace(batch=1) for q in params.layers),
                       head=params.head and params.head.replace(batch=1))
    single = Network(p, block.tensors)
    for item in range(params.batch):
        step = params.input_elements
        alone = single.run([frame[:, item * step:(item + 1) * step] for frame in frames])
        assert all((a[:, 0] == b[:, item]).all() for a, b in zip(alone, answers, strict=True))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("head", [None, {}])
def test_stateful_frames_are_one_long_frame(cell, head):
    params = one_layer(head, steps=2, per_step=True, stateful=True, batch=2, cell=cell)
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(6, np.random.default_rng(2))
    long = Network(params.replace(steps=12, stateful=False), block.tensors)
    whole = long.run([np.concatenate(frames)])[0]
    assert np.concatenate(block.run(frames)).tolist() == whole.tolist()
    cleared = Network(params.replace(stateful=False), block.tensors)
    assert np.concatenate(cleared.run(frames)).tolist() != whole.tolist()
    # Without per_step it is the same, seen at the frames' ends only.
    ends = Network(params.replace(per_step=False), block.tensors)
    size = params.output_size
    assert [answer.tolist() for answer in ends.run(frames)] == [
        whole[end - size:end].tolist() for end in range(2 * size, 12 * size + 1, 2 * size)]


@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_symbols_are_one_hot_vectors(cell, columns):
    symbols = one_layer({}, steps=4, batch=2, inputs=6, cell=cell, columns=columns, one_hot=True,
                        input=Format(3, 0, False))
    vectors = one_layer({}, steps=4, batch=2, inputs=6, cell=cell, columns=columns,
                        input=Format(2, 0))
    block = Network.random(symbols, np.random.default_rng(1))
    codes = block.random_frames(20, np.random.default_rng(2))
    explicit = []
    for frame in codes:
        one_hot = (frame[:, :, None] == np.arange(6)).astype(int)      # [steps, batch, inputs]
        beats = one_hot.reshape(4, 2, 6 // columns, columns).swapaxes(1, 2)
        explicit.append(beats.reshape(4 * 6 // columns, 2 * columns))
    assert (np.stack(codes) == 6).any()                  # a code that is no column is among them
    assert [a.tolist() for a in block.run(codes)] == [
        a.tolist() for a in Network(vectors, block.tensors).run(explicit)]


def test_trace_is_every_layers_h():
    layers = (LayerParams(4, 7, shift=9), LayerParams(7, 5, cell="gru", lanes=6, shift=9))
    params = NetworkParams(layers, DenseParams(5, 2, shift=6), 3)
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(4, np.random.default_rng(1))
    first, second = block.trace(frames)
    assert first.shape == (4, 3, 1, 7) and second.shape == (4, 3, 1, 5)
    without = Network(params.replace(head=None), {
        name: value for name, value in block.tensors.items() if name.startswith("layers")})
    assert [a[:, 0].tolist() for a in without.run(frames)] == second[:, -1, 0].tolist()


@settings(max_examples=40, deadline=None)
@given(network_params())
def test_cycles_grow_with_the_frames(params):
    """Each frame takes cycles, and its answer comes after its last beat."""
    rng = np.random.default_rng(1)
    block = Network.random(params, rng)
    frames = block.random_frames(4, rng)
    cycles = [block.cycles(frames[:count]) for count in (1, 2, 3, 4)]
    assert all(b > a for a, b in zip(cycles, cycles[1:], strict=False))
    beats = params.frame_beats * (params.batch if params.layers[0].one_hot else 1)
    answer = params.output_size * (params.steps if params.per_step else 1)
    assert cycles[-1] > 4 * max(beats, answer) - params.batch


def test_slots_are_the_words_that_are_not_zero():
    """The engines' work, counted from the values: what utilisation is computed from."""
    params = one_layer({}, steps=4, hidden=20, threshold=60, columns=2, batch=2)
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(3, np.random.default_rng(2))
    _, (engine, head) = block.schedule(frames)
    x = block.sequences(frames)
    (h,) = block.trace(frames)
    slots = last = 0
    for frame in range(3):
        for step in range(4):
            vectors = [x[frame, step]] + ([h[frame, step - 1]] if step else [])
            for vector in vectors:
                size = vector.shape[1]
                slots += sum(vector[:, n:n + 2].any() for n in range(0, size, 2))
        last += np.count_nonzero(h[frame, 3].any(axis=0))
    assert 0 < last < 60 and engine.slots == slots * params.layers[0].groups
    assert head.slots == last * params.head.groups
