"""The GRU unit in integers: what happens to a unit's three row sums.

Source: the gated recurrent unit as torch.nn.GRU has it, with r applied to the finished recurrent
sum ``W_hn h + b_hn``; "Learning Recurrent Binary/Ternary Weights" evaluates GRUs too, its form is
not known to us. The formats are ours: h recurs in the state format, so that small updates are not
lost, and leaves in the activation format.
"""

from golden.activation import lookup, sigmoid, tanh
from golden.formats import requantise
from golden.lstm.lstm import prune

__all__ = ["step"]


def step(params, tensors, acc_h, acc_x, state):
    """One step of a layer: row sums to ``(h, state)``.

    acc_h, acc_x: int64 [..., gates, hidden]; state: int64 [..., hidden], codes of
    ``params.state``; tensors: ``scale_h, scale_x, bias`` [gates, hidden], ``bias_h`` [hidden].
    """
    width, fraction = params.activation.width, params.state.fraction
    scaled_h = (acc_h >> params.sum_shift) * tensors["scale_h"]
    scaled_x = (acc_x >> params.sum_shift) * tensors["scale_x"] + tensors["bias"]
    z = params.pre.saturate((scaled_h + scaled_x) >> params.shift)
    sigma, hyperbolic = sigmoid(params.pre, width), tanh(params.pre, width)
    r, update = (lookup(sigma, z[..., gate, :]) for gate in (0, 2))
    inner_h = requantise(scaled_h[..., 1, :] + tensors["bias_h"], params.inner_shift, params.state)
    inner_x = requantise(scaled_x[..., 1, :], params.inner_shift, params.state)
    z_n = ((inner_x << width) + r * inner_h) >> (width + fraction - params.pre.fraction)
    # The candidate in the state format.
    n = lookup(hyperbolic, params.pre.saturate(z_n)) << (fraction - (width - 1))
    state = requantise((n << width) + update * (state - n), width, params.state)
    h = requantise(state, fraction - (width - 1), params.activation)
    return prune(params, h), state
