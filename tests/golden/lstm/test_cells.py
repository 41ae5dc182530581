"""The LSTM and the GRU unit against the equations in fractions (`tests.golden.lstm.naive`)."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden import activation
from golden.formats import Format
from golden.lstm import gru, lstm
from golden.lstm.params import LayerParams
from tests.golden.lstm import naive
from tests.golden.lstm.networks import layer_params


@pytest.mark.parametrize("width", [4, 8, 16])
@pytest.mark.parametrize("pre", [Format(6, 2), Format(10, 6), Format(12, 4)], ids=str)
def test_the_tables_are_the_functions(pre, width):
    codes = range(pre.minimum, pre.maximum + 1)
    for function in ("sigmoid", "tanh"):
        table = getattr(activation, function)(pre, width)
        assert [int(activation.lookup(table, z)) for z in codes] == [
            getattr(naive, function)(z, pre, width) for z in codes]


def tensors(p, rng, ends):
    """Row tables at random; with ``ends`` only at the ends of their fields."""
    def values(width, shape):
        low, high = -(1 << (width - 1)), (1 << (width - 1)) - 1
        if ends:
            return rng.choice([low, high, 0, 1, -1], shape)
        return rng.integers(low, high + 1, shape)

    rows = (p.gates, p.hidden)
    scales = ("scale",) if p.joint else ("scale_h", "scale_x")
    made = {name: values(p.scale_width, rows) for name in scales}
    # Of a size that lands inside the tables as often as outside.
    made["bias"] = (values(min(p.bias_width, p.pre.width + p.shift), rows))
    made["bias_h"] = values(min(p.bias_width, p.pre.width + p.shift), p.hidden)
    made["cell_scale"] = values(min(p.scale_width, p.cell_shift + 1), p.hidden)
    made["cell_bias"] = values(min(p.bias_width, p.pre.width + p.cell_shift), p.hidden)
    return made


def sums(p, part, rng, ends):
    width = p.parts.get(part, p.parts["x"]) - p.joint  # joint: both are added in one accumulator
    limit = (1 << (width - 1)) - 1
    shape = (5, p.gates, p.hidden)
    return rng.choice([-limit, limit, 0, 1, -1], shape) if ends else rng.integers(
        -limit, limit + 1, shape) >> rng.integers(0, width, shape)


@settings(max_examples=150, deadline=None)
@given(layer_params(), st.integers(0, 2**32 - 1), st.booleans())
def test_step(p, seed, ends):
    rng = np.random.default_rng(seed)
    tables = tensors(p, rng, ends)
    acc_h, acc_x = (sums(p, part, rng, ends) for part in "hx")
    state = rng.integers(p.state.minimum, p.state.maximum + 1, (5, p.hidden))
    if ends:
        state = rng.choice([p.state.minimum, p.state.maximum, 0, -1], (5, p.hidden))
    step, unit_step = ((lstm.step, naive.lstm_unit) if p.cell == "lstm"
                       else (gru.step, naive.gru_unit))
    h, new = step(p, {name: torch.as_tensor(value) for name, value in tables.items()},
                  *map(torch.as_tensor, (acc_h, acc_x, state)))
    for item in range(5):
        for unit in range(p.hidden):
            assert (h[item, unit], new[item, unit]) == unit_step(
                p, tables, unit, acc_h[item, :, unit].tolist(), acc_x[item, :, unit].tolist(),
                int(state[item, unit]))


@pytest.mark.parametrize("threshold", [0, 1, 5, 127])
def test_prune(threshold):
    h = torch.arange(-128, 128)
    kept = lstm.prune(LayerParams(1, 1, threshold=threshold), h)
    assert kept.tolist() == [v if abs(v) >= threshold else 0 for v in range(-128, 128)]


def test_prune_keeps_the_threshold_itself():
    p = LayerParams(1, 1, threshold=5)
    assert lstm.prune(p, np.array([-5, -4, 4, 5])).tolist() == [-5, 0, 0, 5]


def test_an_open_cell_keeps_its_state():
    """f and i at their ends: c decays by the least that the format has; o closed gives no h."""
    p = LayerParams(1, 1)
    table = {"scale_h": torch.ones(4, 1), "scale_x": torch.ones(4, 1)}
    table = {name: value.long() for name, value in table.items()}
    table["bias"] = torch.tensor([[-1 << 30], [(1 << 30)], [0], [-1 << 30]])
    nothing = torch.zeros(1, 4, 1, dtype=torch.int64)
    h, c = lstm.step(p, table, nothing, nothing, torch.tensor([[2048]]))
    assert (h.item(), c.item()) == (0, round(2048 * 255 / 256))
