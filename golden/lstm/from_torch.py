"""A network that was trained elsewhere, as parameters and integer tensors."""

import re

import torch
from torch import nn

from golden.check import require_choice
from golden.lstm.build import network as build_network
from golden.lstm.params import CELLS
from golden.lstm.tasks import fit
from golden.lstm.trainable import RecurrentNetwork
from golden.training import Samples

__all__ = ["from_torch"]

#: The order of the gates in torch's row blocks.
_TORCH_GATES = {"lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}


def from_torch(source, *, steps, weights="ternary", scales="row", data=None, epochs=20, batch=32,
               rate=3e-3, seed=0, progress=None, **arguments):
    """``(NetworkParams, tensors)`` of a trained ``nn.LSTM`` or ``nn.GRU``, for
    `golden.modelfile.save` and `golden.lstm.network.Network`.

    source:    the module; a module that holds exactly one, and at most one ``nn.Linear``, which is
               the head; or such a module's ``state_dict()``. Several layers, with or without
               biases; ``batch_first`` and dropout do not matter here
    steps:     steps in a frame
    weights:   kind of the recurrent weights; ``int8`` needs no fine-tuning as a rule, ``binary``
               and ``ternary`` do
    scales:    ``row`` or ``gate``: what shares one binary or ternary scale
    data:      ``(x, y)`` to fine-tune on: x real [count, steps, inputs], or integer codes of the
               input format (one_hot: [count, steps] symbol codes); y the classes, [count], with
               per_step [count, steps]. The loss is cross-entropy, so a head is needed
    epochs, batch, rate, seed, progress: of the fine-tuning, as `golden.lstm.tasks.fit` has them
    arguments: everything else that `golden.lstm.build.network` takes: formats (``input``,
               ``activation``, ``pre``, ``state``), ``head_weights``, ``one_hot``, ``lanes``, ...

    Binary and ternary weights get the scale (and the threshold) of least squared error.

    Errors: TypeError for a source of another kind; ValueError for a network that the hardware does
    not have (bidirectional, projected), or one whose values do not fit the formats.
    """
    require_choice("Scales", scales, ("row", "gate"))
    state = _state_dict(source)
    prefix, cell, layers = _recurrent_part(state)
    head = _linear_part(state, prefix)
    first = state[f"{prefix}weight_ih_l0"]
    hidden = state[f"{prefix}weight_hh_l0"].shape[1]
    if head is not None and head[0].shape[1] != hidden:
        raise ValueError(f"A Linear head must take the {hidden} values of the last layer, "
                         f"not {head[0].shape[1]}")
    params = build_network(inputs=first.shape[1], hidden=hidden, layers=layers,
                           outputs=0 if head is None else len(head[0]), steps=steps, cell=cell,
                           weights=weights, **arguments)
    network = RecurrentNetwork(params)
    with torch.no_grad():
        for n, part in enumerate(network.layers):
            _fill_layer(part, state, prefix, n, scales)
        if head is not None:
            _fill_head(network.head, *head)
    network.frozen = network.fixed = True
    if data is not None:
        if head is None:
            raise ValueError("Data to fine-tune on must come with a network that has a Linear head")
        fit(network, _sequences(params, *data), seeds=(seed,), epochs=epochs, batch=batch,
            rate=rate, tune=1.0, progress=progress)
    return network.quantise()


def _state_dict(source):
    """Tensors by name, float32."""
    if isinstance(source, nn.Module):
        found = [m for m in source.modules() if isinstance(m, (nn.RNNBase, nn.RNNCellBase))]
        if len(found) != 1 or not isinstance(found[0], (nn.LSTM, nn.GRU)):
            names = ", ".join(type(m).__name__ for m in found) or "none"
            raise ValueError(f"A network must hold exactly one LSTM or GRU, not {names}")
        linear = [m for m in source.modules() if isinstance(m, nn.Linear)]
        if len(linear) > 1:
            raise ValueError(f"A network must hold at most one Linear, not {len(linear)}")
        others = {type(m).__name__ for m in source.modules() if not list(m.children())
                  and next(m.parameters(recurse=False), None) is not None
                  and m is not found[0] and m not in linear}
        if others:
            raise ValueError("A network must have weights in one LSTM or GRU and one Linear only, "
                             f"not in {', '.join(sorted(others))}")
        source = source.state_dict()
    if not isinstance(source, dict) or not all(isinstance(v, torch.Tensor)
                                               for v in source.values()):
        raise TypeError("Source must be an nn.LSTM, an nn.GRU, a module with one of them or a "
                        f"state_dict, not {type(source).__name__}")
    return {name: value.detach().to("cpu", torch.float32) for name, value in source.items()}


def _recurrent_part(state):
    """(name prefix, cell, number of layers) of the one recurrent network."""
    prefixes = [name.removesuffix("weight_hh_l0") for name in state
                if name.endswith("weight_hh_l0")]
    if len(prefixes) != 1:
        raise ValueError("A state_dict must hold exactly one LSTM or GRU (weight_hh_l0), "
                         f"not {len(prefixes)}")
    names = [name.removeprefix(prefixes[0]) for name in state if name.startswith(prefixes[0])]
    if any(name.endswith("_reverse") for name in names):
        raise ValueError("A recurrent network must be unidirectional, not bidirectional")
    if any(name.startswith("weight_hr") for name in names):
        raise ValueError("A recurrent network must have proj_size 0: its h is not projected")
    rows, hidden = state[f"{prefixes[0]}weight_hh_l0"].shape
    cell = {4 * hidden: "lstm", 3 * hidden: "gru"}.get(rows)
    if cell is None:
        raise ValueError("A recurrent network must have the 4 gates of an LSTM or the 3 of a GRU, "
                         f"not {rows} rows for {hidden} units")
    return prefixes[0], cell, sum(name.startswith("weight_hh_l") for name in names)


def _linear_part(state, prefix):
    """(weight, bias) of the Linear, or None."""
    rest = {name: value for name, value in state.items()
            if not re.fullmatch(r"(weight|bias)_(ih|hh)_l\d+", name.removeprefix(prefix))}
    matrices = [name for name, value in rest.items()
                if name.endswith("weight") and value.dim() == 2]
    vectors = {name.removesuffix("weight") + "bias" for name in matrices}
    foreign = sorted(rest.keys() - set(matrices) - vectors)
    if len(matrices) > 1 or foreign:
        raise ValueError("A state_dict must hold at most one Linear beside the recurrent network, "
                         f"not {', '.join(sorted(rest))}")
    if not matrices:
        return None
    weight = rest[matrices[0]]
    return weight, rest.get(matrices[0].removesuffix("weight") + "bias",
                            weight.new_zeros(len(weight)))


def _fill_layer(part, state, prefix, n, scales):
    """Put layer ``n`` of the state_dict into a trainable layer; statistics stay neutral."""
    p = part.params

    def rows(name):
        """Torch's rows in our order of gates; zeros for a bias that is not there."""
        value = state.get(f"{prefix}{name}_l{n}", torch.zeros(p.rows))
        blocks = dict(zip(_TORCH_GATES[p.cell], value.chunk(p.gates), strict=True))
        return torch.cat([blocks[gate] for gate in CELLS[p.cell]])

    matrices = {"h": rows("weight_hh"), "x": rows("weight_ih")}
    for source, matrix in matrices.items():
        getattr(part, f"weight_{source}").copy_(matrix[None])
    if p.joint:
        scale, gain = _fit_scale(p.kind, torch.cat([*matrices.values()], 1), p.gates, scales)
        part.scale_h.copy_(scale[None])
        part.norms["joint"].set_identity(gain[None, :, 0])
    else:
        for source, matrix in matrices.items():
            scale, gain = _fit_scale(p.kind, matrix, p.gates, scales)
            getattr(part, f"scale_{source}").copy_(scale[None])
            part.norms[source].set_identity(gain[None, :, 0])
    bias_h, bias_x = rows("bias_hh"), rows("bias_ih")
    if p.cell == "gru":
        candidate = slice(p.hidden, 2 * p.hidden)
        part.bias_h.copy_(bias_h[None, candidate])
        bias_h[candidate] = 0
    part.bias.copy_((bias_h + bias_x)[None])


def _fill_head(part, weight, bias):
    part.weight.copy_(weight[None])
    scale, gain = _fit_scale(part.params.kind, weight, 1, "row")
    part.scale.copy_(scale[None])
    part.gain.copy_(gain[None, :, 0])
    part.bias.copy_(bias[None])


def _fit_scale(kind, matrix, gates, scales):
    """The quantiser's scale for [rows, n] latent weights, and the factor that makes its code 1
    worth what fits them best; both [rows, 1].

    Binary: worth mean |w|. Ternary: keeping the k largest |w|, the squared error is least for the
    k that maximises ``(sum of them)**2 / k``, with their mean as the worth; the quantiser cuts at
    a third of its scale. ``int<k>``: the quantiser's own.
    """
    ones = torch.ones(len(matrix), 1)
    if kind.name not in ("binary", "ternary"):
        return ones, ones
    w = matrix.abs().reshape(gates, -1) if scales == "gate" else matrix.abs()
    if kind.name == "binary":
        worth = scale = w.mean(1, keepdim=True)
    else:
        largest = w.sort(1, descending=True).values
        sums = largest.cumsum(1)
        kept = (sums.square() / torch.arange(1, w.shape[1] + 1)).argmax(1, keepdim=True)
        worth = sums.gather(1, kept) / (kept + 1)
        following = nn.functional.pad(largest, (0, 1)).gather(1, kept + 1)
        scale = 1.5 * (largest.gather(1, kept) + following)
    scale, worth = scale.clamp(min=1e-8), worth.clamp(min=1e-8)
    repeat = len(matrix) // len(w)
    return (scale.repeat_interleave(repeat, 0), (worth / scale).repeat_interleave(repeat, 0))


def _sequences(params, x, y):
    """Data to fine-tune on: all of it, in the input's codes."""
    x, y = torch.as_tensor(x), torch.as_tensor(y).to(torch.int64)
    first = params.layers[0]
    if x.is_floating_point():
        if first.one_hot:
            raise ValueError("Data for a one-hot network must be integer symbol codes, "
                             f"not {x.dtype}")
        x = first.input.quantise(x)
    expected = (len(y), params.steps) if first.one_hot else (len(y), params.steps, first.inputs)
    if tuple(x.shape) != expected:
        raise ValueError(f"Data x must have shape {expected}, not {tuple(x.shape)}")
    everything = torch.arange(len(y)).numpy()
    return Samples(x.to(torch.int64), y, ((everything, everything),), "the data given")
