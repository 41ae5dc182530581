"""Parameters of the convolutions: what they derive, and what they refuse."""

import numpy as np
import pytest

from golden.formats import Format
from golden.sparse_conv.params import ConvParams, NetworkParams

LAYER = ConvParams(3, 8, 8, 4, kernel=3, padding=1)


@pytest.mark.parametrize("changes, message", [
    ({"channels": 0}, r"^Convolution channels must be between 1 and 4096, not 0$"),
    ({"height": 0}, r"^Convolution height must be between 1 and 4096, not 0$"),
    ({"filters": 4097}, r"^Convolution filters must be between 1 and 4096, not 4097$"),
    ({"kernel": 8}, r"^Convolution kernel must be between 1 and 7, not 8$"),
    ({"stride": 0}, r"^Convolution stride must be between 1 and 7, not 0$"),
    ({"padding": 3}, r"^Convolution padding must be between 0 and 2, not 3$"),
    ({"height": 1, "padding": 0},
     r"^Convolution kernel must be at most the padded height \(1\), not 3$"),
    ({"pool": 3}, r"^Convolution pool must be one of 1, 2, not 3$"),
    ({"height": 1, "pool": 2}, r"^Convolution pool must be 1 for an output of 1 x 8, not 2$"),
    ({"weights": "int1"}, r"^Weight kind must be one of binary, ternary, .*, not 'int1'$"),
    ({"input": Format(17)}, r"^Convolution input width must be between 1 and 16, not 17$"),
    ({"output": Format(33)}, r"^Convolution output width must be between 1 and 32, not 33$"),
    ({"scale_width": 25}, r"^Convolution scale_width must be between 0 and 24, not 25$"),
    ({"bias_width": 1}, r"^Convolution bias_width must be between 2 and 48, not 1$"),
    ({"shift": -1}, r"^Convolution shift must be between 0 and 40, not -1$"),
    ({"channels": 4096, "weights": "int12", "input": Format(16), "kernel": 7, "height": 7,
      "scale_width": 24},
     r"^Convolution scale_width must be at most 15 for sums of 45 bits, not 24$"),
])
def test_wrong(changes, message):
    with pytest.raises(ValueError, match=message):
        LAYER.replace(**changes)


def test_wrong_type():
    with pytest.raises(TypeError, match=r"^Convolution relu must be a bool, not 1$"):
        LAYER.replace(relu=1)
    with pytest.raises(TypeError, match=r"^Network layer must be a ConvParams, not 3$"):
        NetworkParams((3,))


def test_to_and_from_dict():
    assert ConvParams.from_dict(LAYER.to_dict()) == LAYER
    network = NetworkParams((LAYER, ConvParams(4, 8, 8, 2)))
    assert NetworkParams.from_dict(network.to_dict()) == network


@pytest.mark.parametrize("after, message", [
    ({"channels": 5}, r"^Layer 1 channels must be 4, as layer 0 makes it, not 5$"),
    ({"height": 7}, r"^Layer 1 height must be 8, as layer 0 makes it, not 7$"),
    ({"input": Format(8)}, r"^Layer 1 input must be u8\.8, as layer 0 makes it, not s8\.0$"),
])
def test_layers_that_do_not_fit(after, message):
    with pytest.raises(ValueError, match=message):
        NetworkParams((LAYER, LAYER.replace(**{"channels": 4, **after})))


@pytest.mark.parametrize("kernel, stride, padding", [
    (1, 1, 0), (3, 1, 1), (3, 2, 1), (5, 3, 2), (7, 7, 6), (2, 1, 1)])
def test_macs_count_no_padding(kernel, stride, padding):
    p = ConvParams(2, 7, 9, 3, kernel=kernel, stride=stride, padding=padding)
    inside = np.pad(np.ones((7, 9)), padding)
    count = sum(inside[y * stride:y * stride + kernel, x * stride:x * stride + kernel].sum()
                for y in range(p.rows) for x in range(p.columns))
    assert p.macs == count * 2 * 3
