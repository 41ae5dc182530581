"""Tasks on real data, the training loop, and the evaluation of what was trained.

Training has two phases. First the statistics of the normalisation (and the pruning thresholds)
move, and arithmetic is real. Then they are frozen, weights are no longer drawn at random, and the
forward pass computes on the hardware's grids: the rest of the training tunes the very network that
is built.
"""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from golden import data as datasets
from golden import modelfile, training
from golden.check import require_choice, require_int
from golden.formats import Format
from golden.lstm import dense, layer
from golden.lstm.network import Network
from golden.lstm.params import WEIGHT_KINDS, DenseParams, LayerParams, NetworkParams
from golden.lstm.trainable import RecurrentNetwork
from golden.training import Samples, summary

__all__ = ["MODELS", "TASKS", "Samples", "Streams", "Task", "cross_validate", "evaluate", "fit",
           "integer_outputs", "load_data", "make_model", "network_params", "summary", "train"]


@dataclass(frozen=True)
class Task:
    """What is learnt, by which network, and how: pure data.

    data:       ``digits``, ``mnist``, or a text as `golden.data.text` names it
    view:       ``rows`` or ``pixels`` of images, one a step; ``text``: the next symbol
    weights:    ``float`` or one of `golden.lstm.params.WEIGHT_KINDS`
    head:       weight kind of the head
    steps:      text: steps in a hardware frame (the state lives on across frames)
    batch, window, epochs, rate: minibatch, unrolled steps of text, epochs, Adam's first rate
    tune:       share of the training that the second phase takes
    lanes, head_lanes: resources of the hardware
    """

    data: str
    view: str
    weights: str = "ternary"
    cell: str = "lstm"
    hidden: int = 64
    layers: int = 1
    head: str = "int8"
    cell_norm: bool = False
    stochastic: bool = False
    statistics: str = "step"
    sparsity: float = 0.0
    steps: int = 32
    batch: int = 64
    window: int = 64
    epochs: int = 40
    rate: float = 5e-3
    tune: float = 0.3
    lanes: int = 0
    head_lanes: int = 1

    def __post_init__(self):
        require_choice("Task view", self.view, ("rows", "pixels", "text"))
        require_choice("Task weights", self.weights, ("float", *WEIGHT_KINDS))
        for name in ("hidden", "layers", "steps", "batch", "window", "epochs"):
            require_int(f"Task {name}", getattr(self, name), 1)

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


TASKS = {
    "digits-rows": Task("digits", "rows", batch=32),
    "digits-pixels": Task("digits", "pixels", epochs=100),
    "mnist-rows": Task("mnist", "rows", hidden=100, epochs=20),
    "mnist-pixels": Task("mnist", "pixels", hidden=100, epochs=20),
    "text": Task("stdlib", "text", hidden=192, batch=32, epochs=3, rate=4e-3),
}

_ROWS, _TEXT = TASKS["digits-rows"], TASKS["text"]

#: The trained networks in models/, each made by `train` from this line.
MODELS = {
    "digits-lstm-ternary": _ROWS.replace(lanes=32),
    "digits-lstm-binary": _ROWS.replace(weights="binary", lanes=32),
    "digits-lstm-pruned": _ROWS.replace(hidden=128, sparsity=0.897, epochs=100, lanes=32),
    "digits-gru-ternary": _ROWS.replace(cell="gru", lanes=24),
    "text-lstm-ternary": _TEXT.replace(lanes=64, head_lanes=12),
    "text-lstm-binary": _TEXT.replace(weights="binary", lanes=64, head_lanes=12),
}


@dataclass(frozen=True)
class Streams:
    """One long text as symbol codes; the last tenth is kept for the test."""

    train: torch.Tensor
    test: torch.Tensor
    name: str


def load_data(task, folder=None):
    """The task's data: `Samples` or `Streams`."""
    if task.view == "text":
        codes = torch.as_tensor(datasets.text(task.data).astype(np.int64))
        cut = len(codes) * 9 // 10
        return Streams(codes[:cut], codes[cut:], task.data)
    if task.data not in ("digits", "mnist"):
        raise ValueError(f"Task data must be digits or mnist for {task.view}, not {task.data!r}")
    images = datasets.digits() if task.data == "digits" else datasets.mnist(folder)
    count, height, width = images.pixels.shape
    shape = (count, height, width) if task.view == "rows" else (count, height * width, 1)
    x = torch.as_tensor(images.pixels.astype(np.int64).reshape(shape))
    return Samples(x, torch.as_tensor(images.labels), images.splits, images.name)


def network_params(task):
    """The parameters that a task's network starts from (shifts are found by training)."""
    one_hot = task.view == "text"
    if one_hot:
        inputs = outputs = len(datasets.VOCABULARY)
        steps, code = task.steps, Format(7, 0, signed=False)
    else:
        side, code = {"digits": (8, Format(5, 4, signed=False)),
                      "mnist": (28, Format(8, 8, signed=False))}[task.data]
        inputs, steps = (side, side) if task.view == "rows" else (1, side * side)
        outputs = 10
    gates = 4 if task.cell == "lstm" else 3
    first = LayerParams(
        inputs=inputs, hidden=task.hidden, cell=task.cell, one_hot=one_hot, input=code,
        weights="int8" if task.weights == "float" else task.weights, cell_norm=task.cell_norm,
        lanes=task.lanes or gates)
    further = first.replace(inputs=task.hidden, one_hot=False, input=first.activation)
    head = DenseParams(inputs=task.hidden, outputs=outputs, weights=task.head,
                       input=first.activation, lanes=task.head_lanes)
    return NetworkParams(layers=(first,) + (further,) * (task.layers - 1), head=head, steps=steps,
                         per_step=one_hot, stateful=one_hot)


def train(task, *, seeds=(0,), folds=(0,), epochs=None, data=None, progress=None, resume=None):
    """Train one member per seed and fold; returns the `RecurrentNetwork`, in its second phase.

    task:      a `Task`, or a name of `TASKS` or `MODELS`
    folds:     images: which of the data's splits each member trains on, as many as seeds
    progress:  called after each epoch as ``progress(epoch, epochs, {"loss": ...})``
    resume:    path of a checkpoint: continued from when it is there, written after each epoch
    """
    task = _task(task)
    data = load_data(task) if data is None else data
    network = RecurrentNetwork(
        network_params(task), seeds=seeds, float_weights=task.weights == "float",
        stochastic=task.stochastic, statistics=task.statistics, sparsity=task.sparsity)
    return fit(network, data, seeds=seeds, folds=folds, epochs=epochs or task.epochs,
               batch=task.batch, window=task.window, rate=task.rate, tune=task.tune,
               progress=progress, resume=resume)


def _task(task):
    if isinstance(task, Task):
        return task
    require_choice("Task", task, (*TASKS, *MODELS))
    return TASKS.get(task) or MODELS[task]


def fit(network, data, *, seeds=(0,), folds=(0,), epochs, batch=64, window=64, rate=5e-3, tune=0.3,
        progress=None, resume=None):
    """The training loop behind `train` and `golden.lstm.from_torch`.

    Adam; the rate warms up over a twentieth of the steps, then falls to zero along a cosine; each
    member's gradient has at most norm 1. An interrupted run that is resumed ends in the same
    weights as one that was not.
    """
    if len(folds) != len(seeds):
        raise ValueError(f"Folds must be as many as seeds ({len(seeds)}), not {len(folds)}")
    require_int("Training epochs", epochs, 1)
    text = isinstance(data, Streams)
    per_epoch = _windows(data, batch, window) if text else (
        min(len(data.splits[fold][0]) for fold in folds) // batch)
    if not per_epoch:
        raise ValueError(f"Training data {data.name} must fill at least one minibatch of {batch}")
    total = epochs * per_epoch
    switch = round(total * (1 - tune))
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds[0])
        run = (list(seeds), list(folds), epochs)
        start = training.resume(resume, network, optimizer, run)
        for epoch in range(start, epochs):
            losses, zeros = 0.0, 0.0
            batches = (_text_batches(data, seeds, epoch, batch, window) if text else
                       training.image_batches(data, seeds, folds, epoch, batch))
            state = None
            for n, (x, target) in enumerate(batches):
                step = epoch * per_epoch + n
                if step >= switch:
                    _second_phase(network)
                for group in optimizer.param_groups:
                    group["lr"] = rate * training.schedule(step, total)
                y, state, step_zeros, penalty = network(x, state if text else None)
                loss = torch.nn.functional.cross_entropy(
                    y.flatten(0, -2), target.flatten(), reduction="none").reshape(len(y), -1)
                optimizer.zero_grad(set_to_none=True)
                (loss.mean(1) + penalty).sum().backward()
                training.clip_gradients(network, 1.0)
                optimizer.step()
                network.steer(step_zeros, min(1.0, 2 * step / max(1, switch)))
                losses += float(loss.detach().mean()) / per_epoch
                zeros += float(step_zeros.mean()) / per_epoch
            if resume:
                training.checkpoint(resume, network, optimizer, epoch + 1, run)
            if progress:
                progress(epoch + 1, epochs, {"loss": losses, "zeros": zeros})
    _second_phase(network)
    return network.eval()


def _second_phase(network):
    network.frozen = True
    network.fixed = not network.float_weights
    for part in network.layers:
        part.quantiser.stochastic = False


def _windows(data, batch, window):
    # One window is given up for the random start of each epoch.
    return max(0, (len(data.train) - 1) // batch // window - 1)


def _text_batches(data, seeds, epoch, batch, window):
    """Consecutive windows of ``batch`` places in the text, the same for all members."""
    per_epoch = _windows(data, batch, window)
    start = int(np.random.default_rng((seeds[0], epoch)).integers(window))
    length = (len(data.train) - 1) // batch
    places = torch.arange(batch)[:, None] * length + start
    for n in range(per_epoch):
        at = places + torch.arange(n * window, (n + 1) * window)
        yield (data.train[at].expand(len(seeds), -1, -1),
               data.train[at + 1].expand(len(seeds), -1, -1))


def integer_outputs(params, tensors, x, initial=None):
    """The integer reference on input codes, batched over sequences whatever ``params.batch``.

    Returns (output codes [count, outputs], with per_step [count, steps, outputs]; the layers'
    final states; the share of zeros in the layers' h).
    """
    h, final, zeros = torch.as_tensor(x), [], []
    for n, part in enumerate(params.layers):
        names = {name.removeprefix(f"layers.{n}."): value for name, value in tensors.items()
                 if name.startswith(f"layers.{n}.")}
        h, last = layer.run(part, names, h, initial[n] if initial else None)
        final.append(last)
        zeros.append(float((h == 0).double().mean()))
    if not params.per_step:
        h = h[:, -1]
    if params.head is not None:
        h = dense.product(params.head, {name.removeprefix("head."): value for name, value
                                        in tensors.items() if name.startswith("head.")}, h)
    return h, final, zeros


def evaluate(network, data, *, folds=(0,), streams=32):
    """Figures on the held-out data, one dict per member.

    The metric is ``accuracy`` (percent) of images, ``bpc`` (bits per character) of text, each as
    ``<metric>_float`` (the trained weights in real arithmetic), ``<metric>_fixed`` (arithmetic on
    the hardware's grids, in floats) and ``<metric>_integer`` (the reference). Images, where
    training normalised by minibatches: also ``accuracy_step``, real arithmetic with the held-out
    data's own statistics in each step, as the paper evaluates. Also ``zeros``, the share of zeros
    in h, and ``agreement``, percent of best classes that fixed and integer share.
    """
    network.eval()
    fixed, text = network.fixed, isinstance(data, Streams)
    x, y, counts = (_held_out_text(data, network.members, streams) if text else
                    training.held_out(data, folds))
    results = [{} for _ in range(network.members)]
    best = {}
    modes = ["step"] if network.statistics == "step" and not text else []
    modes += ["float"] if network.float_weights else ["float", "fixed", "integer"]
    for mode in modes:
        network.fixed = mode not in ("step", "float")
        if mode == "integer":
            outputs, zeros = _integer_logits(network, x)
        else:
            outputs, zeros = _logits(network, x, by_batch=mode == "step")
        best[mode] = outputs.argmax(-1)
        for member, result in enumerate(results):
            n = counts[member]
            target = y[member, :n]
            if text:
                loss = torch.nn.functional.cross_entropy(outputs[member].flatten(0, 1),
                                                         target.flatten())
                result[f"bpc_{mode}"] = float(loss) / math.log(2)
            else:
                hits = (best[mode][member, :n] == target).float().mean()
                result[f"accuracy_{mode}"] = 100 * float(hits)
            result["zeros"] = float(zeros[member])
            if mode == "integer":
                same = best["fixed"][member, :n] == best[mode][member, :n]
                result["agreement"] = 100 * float(same.float().mean())
    network.fixed = fixed
    return results


def _held_out_text(data, members, streams):
    length = (len(data.test) - 1) // streams
    at = torch.arange(streams)[:, None] * length + torch.arange(length)
    return (data.test[at].expand(members, -1, -1), data.test[at + 1].expand(members, -1, -1),
            [streams] * members)


def _logits(network, x, by_batch=False, window=256):
    """Outputs of all members, and their zeros; text runs on from window to window."""
    with torch.no_grad():
        if not network.params.per_step:
            y, _, zeros, _ = network(x, by_batch=by_batch)
            return y, zeros.mean(0)
        outputs, zeros, state = [], [], None
        for part in x.split(window, dim=2):
            y, state, share, _ = network(part, state)
            outputs.append(y)
            zeros.append(share.mean(0) * part.shape[2])
        return torch.cat(outputs, 2), torch.stack(zeros).sum(0) / x.shape[2]


def _integer_logits(network, x):
    outputs, shares = [], []
    for member in range(network.members):
        params, tensors = network.quantise(member)
        codes, _, zeros = integer_outputs(params, tensors, x[member])
        outputs.append(codes * params.output_format.resolution)
        shares.append(sum(zeros) / len(zeros))
    return torch.stack(outputs).float(), shares


def make_model(name, folder, *, seed=0, epochs=None, data=None, progress=None, resume=None):
    """Train one of `MODELS` and write ``<folder>/<name>.safetensors``; returns (path, info).

    Images: trained on the first split; the figures are of what that split holds out.
    """
    require_choice("Model", name, tuple(MODELS))
    task = MODELS[name]
    data = load_data(task) if data is None else data
    epochs = epochs or task.epochs
    network = train(task, seeds=(seed,), epochs=epochs, data=data, progress=progress,
                    resume=resume)
    info = {"name": name, "task": dataclasses.asdict(task), "data": data.name, "seed": seed,
            "epochs": epochs, "held_out": "last tenth" if task.view == "text" else "split 0",
            "figures": {key: round(value, 4) for key, value in evaluate(network, data)[0].items()},
            "command": f"ternstone train {name} --seed {seed} --epochs {epochs}"}
    params, tensors = network.quantise()
    Network(params, tensors)  # whatever does not fit is found here, not by the hardware
    path = Path(folder) / f"{name}.safetensors"
    modelfile.save(path, "lstm.network", params, tensors, info)
    return path, info


def cross_validate(task, *, seeds=range(5), data=None, **options):
    """`golden.training.cross_validate` of a task; ``options`` are those of `train`."""
    task = _task(task)
    data = load_data(task) if data is None else data
    return training.cross_validate(train, evaluate, task, data, seeds=seeds, **options)
