import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.formats import Format
from golden.lstm.mac_array import matmul, weight_words
from golden.lstm.params import DenseParams, LayerParams
from golden.weights import random_weights
from tests.golden.lstm.networks import dense_params, layer_params


@pytest.mark.parametrize("value, count", [
    (1, 1), (4095, 4095), (4096, 4096),               # 2**24: where a float ends
    (32768 - 1, 65536), (94906265, 94906265 // 4096)  # and near where a double does
])
def test_matmul_is_exact_up_to_its_bound(value, count):
    x = torch.full((1, count), value, dtype=torch.int64)
    x[0, -1] -= 1                                     # odd sums: a rounded one is even
    for weight in (value, -value):
        total = (value * count - 1) * weight
        w = torch.full((2, count), weight, dtype=torch.int64)
        if abs(total) + 1 < 2**53:
            assert matmul(x, w, abs(total) + 1).tolist() == [[total, total]]


def test_matmul_takes_a_double_where_a_float_would_round():
    x = torch.tensor([[1 << 12, 1]])
    weight = torch.tensor([[1 << 12, 1]])
    assert matmul(x, weight, (1 << 24) + 1).item() == (1 << 24) + 1
    assert (x.float() @ weight.float().T).item() == 1 << 24


@pytest.mark.parametrize("bound", [1 << 53, (1 << 53) + 1, 1 << 60])
def test_matmul_wrong_bound(bound):
    x = torch.ones(1, 1, dtype=torch.int64)
    with pytest.raises(ValueError, match=rf"^Bound of a matrix product must be below 2\*\*53, "
                                         rf"not {bound}$"):
        matmul(x, x, bound)
    assert matmul(x, x, (1 << 53) - 1).item() == 1


@pytest.mark.parametrize("part", ["h", "x"])
@pytest.mark.parametrize("sign", [1, -1])
def test_worst_sums_are_exact(part, sign):
    """Operands and weights at the ends of their formats, as wide as parameters go in tests."""
    p = LayerParams(300, 300, weights="int12", input=Format(16, 15), activation=Format(16, 15),
                    state=Format(24, 15))
    operand = p.activation.minimum
    x = torch.full((1, 300), operand, dtype=torch.int64)
    w = torch.full((1, 300), sign * p.kind.maximum, dtype=torch.int64)
    width = p.parts[part]
    total = matmul(x, w, 1 << width).item()
    assert total == operand * sign * p.kind.maximum * 300
    assert -(1 << (width - 1)) <= total < 1 << (width - 1)


def unpack(params, words, group, word, lane, column):
    """The weight that the array sees, from the memory's words."""
    at = words[group * (params.words_h + params.words_x) + word]
    bits = params.kind.bits
    code = (at >> ((lane * params.columns + column) * bits)) & ((1 << bits) - 1)
    if params.kind.name == "binary":
        return -1 if code else 1
    return code - (1 << bits) if code >> (bits - 1) else code


@settings(max_examples=60, deadline=None)
@given(st.one_of(layer_params(), layer_params(one_hot=True), dense_params()),
       st.integers(0, 2**32 - 1))
def test_every_weight_is_where_the_array_looks_for_it(params, seed):
    rng = np.random.default_rng(seed)
    dense = isinstance(params, DenseParams)
    gates = params.gates
    weight_x = random_weights(params.kind, (gates, params.hidden, params.inputs), rng)
    weight_h = None if dense else random_weights(
        params.kind, (gates, params.hidden, params.hidden), rng)
    words = weight_words(params, weight_x, weight_h)
    assert len(words) == params.groups * (params.words_h + params.words_x)
    assert max(words) < 1 << (params.lanes * params.columns * params.kind.bits)
    for unit in range(params.hidden):
        group, place = divmod(unit, params.lanes // gates)
        for gate in range(gates):
            lane = place * gates + gate
            for column in range(0 if dense else params.hidden):
                word, slot = divmod(column, params.columns)
                assert unpack(params, words, group, word, lane, slot) == weight_h[
                    gate, unit, column]
            for column in range(params.inputs):
                one_hot = not dense and params.one_hot
                word, slot = (column, 0) if one_hot else divmod(column, params.columns)
                assert unpack(params, words, group, params.words_h + word, lane, slot) == weight_x[
                    gate, unit, column]
