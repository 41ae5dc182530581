"""A recurrent layer in integers: the two matrix products of a step, then the unit's cell."""

import torch

from golden.lstm import gru, lstm
from golden.lstm.mac_array import matmul

__all__ = ["CELL_STEPS", "run", "shapes"]

CELL_STEPS = {"lstm": lstm.step, "gru": gru.step}


def shapes(params):
    """Name -> shape of the layer's tensors."""
    rows = (params.gates, params.hidden)
    names = {"weight_h": (*rows, params.hidden), "weight_x": (*rows, params.inputs), "bias": rows}
    names |= {"scale": rows} if params.joint else {"scale_h": rows, "scale_x": rows}
    if params.cell == "gru":
        names["bias_h"] = (params.hidden,)
    if params.cell_norm:
        names |= {"cell_scale": (params.hidden,), "cell_bias": (params.hidden,)}
    return names


def run(params, tensors, x, initial=None):
    """Run the layer over whole sequences.

    x: int64 tensor [sequences, steps, inputs], or [sequences, steps] of symbol codes (one_hot);
       a code that is no column adds nothing
    initial: (h, state) to start from; zeros by default

    Returns h [sequences, steps, hidden] and the last (h, state).
    """
    tensors = {name: torch.as_tensor(value) for name, value in tensors.items()}
    rows = params.gates * params.hidden
    weight_h = tensors["weight_h"].reshape(rows, params.hidden)
    weight_x = tensors["weight_x"].reshape(rows, params.inputs)
    if params.one_hot:
        padded = torch.cat([weight_x, weight_x.new_zeros(rows, 1)], dim=1)
        acc_x = padded.T[x.clip(0, params.inputs)]
    else:
        acc_x = matmul(x, weight_x, 1 << params.width_x)
    acc_x = acc_x.reshape(*acc_x.shape[:-1], params.gates, params.hidden)
    if initial is None:
        initial = (torch.zeros(len(x), params.hidden, dtype=torch.int64),) * 2
    h, state = initial
    outputs = []
    for t in range(x.shape[1]):
        acc_h = matmul(h, weight_h, 1 << params.width_h).reshape(acc_x[:, t].shape)
        h, state = CELL_STEPS[params.cell](params, tensors, acc_h, acc_x[:, t], state)
        outputs.append(h)
    return torch.stack(outputs, dim=1), (h, state)
