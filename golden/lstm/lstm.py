"""The LSTM unit in integers: what happens to a unit's four row sums.

Source: "Learning Recurrent Binary/Ternary Weights" (arXiv 1809.11086), the cell equations; the
pruning of h is "Learning to Skip Ineffectual Recurrent Computations in LSTMs" (arXiv 1811.10396).
The formats, the roundings and the mid-rise tables are ours.
"""

from golden.activation import lookup, sigmoid, tanh
from golden.formats import requantise, shift_right

__all__ = ["prune", "step"]


def prune(params, h):
    """State pruning: codes with ``|h| < threshold`` become 0."""
    return h * (abs(h) >= params.threshold) if params.threshold else h


def step(params, tensors, acc_h, acc_x, c):
    """One step of a layer: row sums to ``(h, c)``.

    acc_h, acc_x: int64 [..., gates, hidden]; c: int64 [..., hidden], codes of ``params.state``;
    tensors: ``scale_h, scale_x`` (joint: ``scale``), ``bias`` [gates, hidden], with cell_norm
    ``cell_scale, cell_bias`` [hidden].
    """
    width, fraction = params.activation.width, params.state.fraction
    scales = [tensors["scale"]] * 2 if params.joint else [tensors["scale_h"], tensors["scale_x"]]
    if params.joint:
        acc_h, acc_x = acc_h + acc_x, 0
    z = params.pre.saturate(((acc_h >> params.sum_shift) * scales[0]
                             + (acc_x >> params.sum_shift) * scales[1] + tensors["bias"])
                            >> params.shift)
    sigma, hyperbolic = sigmoid(params.pre, width), tanh(params.pre, width)
    i, f, o = (lookup(sigma, z[..., gate, :]) for gate in (0, 1, 3))
    g = lookup(hyperbolic, z[..., 2, :])
    # f*c has width + fraction fraction bits; i*g is brought there.
    c = requantise(f * c + ((i * g) << (fraction - (width - 1))), width, params.state)
    if params.cell_norm:
        z_c = (c * tensors["cell_scale"] + tensors["cell_bias"]) >> params.cell_shift
    else:
        z_c = c >> (fraction - params.pre.fraction)
    t = lookup(hyperbolic, params.pre.saturate(z_c))
    h = params.activation.saturate(shift_right(o * t, width))
    return prune(params, h), c
