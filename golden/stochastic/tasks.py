"""Tasks on real data, the training loop, and the evaluation of what was trained.

Training has three steps. First a float network of sigmoid neurons, its weights clipped to a power
of two. Then the states of every hidden layer, from the variance of its sums
(`golden.stochastic.trainable`). Then the rest of the training tunes the very network that is built:
the forward pass is the exact simulation, every bit of it.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from golden import data as datasets
from golden import modelfile, training
from golden.check import require_choice, require_int
from golden.formats import Format
from golden.stochastic.network import Network
from golden.stochastic.params import Generators, LayerParams, NetworkParams
from golden.stochastic.trainable import StochasticNetwork
from golden.training import Samples, summary

__all__ = ["MODELS", "TASKS", "Task", "cross_validate", "evaluate", "fit", "load_data",
           "make_model", "network_params", "summary", "train"]


@dataclass(frozen=True)
class Task:
    """What is learnt, by which network, and how: pure data.

    data:       ``digits`` or ``mnist``
    hidden:     neurons of each hidden layer
    scales:     range of each layer's real weights, a power of two
    m, weight_bits, coding, product: of every layer, as `golden.stochastic.params.LayerParams`
    length:     stream cycles
    kind, inputs, weights: of the number generators; how many the inputs and a layer's weights share
    neurons, synapses: of every layer, those that the hardware works on at a time
    epochs, batch, rate: of the float network; Adam's first rate
    tune, tune_rate: epochs of tuning, and their first rate
    """

    data: str = "digits"
    hidden: tuple = (32,)
    scales: tuple = (2, 2)
    m: int = 1
    weight_bits: int = 5
    coding: str = "sign"
    product: str = "and"
    length: int = 256
    kind: str = "net"
    inputs: int = 1
    weights: int = 4
    neurons: tuple = ()
    synapses: tuple = ()
    epochs: int = 100
    batch: int = 64
    rate: float = 1.5e-2
    tune: int = 8
    tune_rate: float = 4e-3

    def __post_init__(self):
        for name in ("hidden", "scales", "neurons", "synapses"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has lists
        require_choice("Task data", self.data, ("digits", "mnist"))
        require_int("Task epochs", self.epochs, 1)
        require_int("Task tune", self.tune, 0)
        require_int("Task batch", self.batch, 1)

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


TASKS = {
    "digits": Task(),
    "mnist": Task("mnist", hidden=(100, 200), scales=(2, 2, 2), weights=8, epochs=20,
                  rate=3e-3, tune=3, tune_rate=1e-3),
}

#: The trained networks in models/, each made by `train` from this line.
MODELS = {
    "digits-stochastic": TASKS["digits"],
    "mnist-stochastic": TASKS["mnist"].replace(neurons=(8, 4, 1), synapses=(16, 8, 4)),
}


def load_data(task, folder=None):
    """The task's images as `golden.training.Samples`, a row of pixels each."""
    images = datasets.digits() if task.data == "digits" else datasets.mnist(folder)
    x = torch.as_tensor(images.pixels.astype(np.int64).reshape(len(images.pixels), -1))
    return Samples(x, torch.as_tensor(images.labels), images.splits, images.name)


def network_params(task):
    """The parameters that a task's network starts from (states are found by training)."""
    inputs, code = {"digits": (64, Format(5, 4, signed=False)),
                    "mnist": (784, Format(8, 8, signed=False))}[task.data]
    sizes = (inputs, *task.hidden, 10)
    fold = [{"neurons": n, "synapses": s}
            for n, s in zip(task.neurons, task.synapses, strict=True)] or [{}] * len(sizes)
    layers = tuple(
        LayerParams(before, after, m=task.m, weight_bits=task.weight_bits, coding=task.coding,
                    product=task.product, states=0 if n == len(task.hidden) else 16,
                    w=Generators(task.kind, task.weights, seed=n + 1), **fold[n])
        for n, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)))
    return NetworkParams(layers, task.length, code, Generators(task.kind, task.inputs, seed=0))


def train(task, *, seeds=(0,), folds=(0,), epochs=None, data=None, progress=None, resume=None):
    """Train one member per seed and fold; returns the `StochasticNetwork`, tuned.

    task:      a `Task`, or a name of `TASKS` or `MODELS`
    folds:     which of the data's splits each member trains on, as many as seeds
    epochs:    of the float network, in place of the task's
    progress:  called after each epoch as ``progress(epoch, epochs, {"loss": ...})``
    resume:    path of a checkpoint: continued from when it is there, written after each epoch
    """
    task = _task(task)
    data = load_data(task) if data is None else data
    network = StochasticNetwork(network_params(task), task.scales, seeds=seeds)
    return fit(network, data, seeds=seeds, folds=folds, epochs=epochs or task.epochs,
               tune=task.tune, batch=task.batch, rate=task.rate, tune_rate=task.tune_rate,
               progress=progress, resume=resume)


def _task(task):
    if isinstance(task, Task):
        return task
    require_choice("Task", task, (*TASKS, *MODELS))
    return TASKS.get(task) or MODELS[task]


def fit(network, data, *, seeds=(0,), folds=(0,), epochs, tune=8, batch=32, rate=1e-2,
        tune_rate=3e-3, progress=None, resume=None):
    """The training loop behind `train` and `golden.stochastic.from_torch`.

    Adam, in both phases with a rate that warms up and then falls to zero along a cosine. An
    interrupted run that is resumed ends in the same weights as one that was not.
    """
    if len(folds) != len(seeds):
        raise ValueError(f"Folds must be as many as seeds ({len(seeds)}), not {len(folds)}")
    if min(len(data.splits[fold][0]) for fold in folds) < batch:
        raise ValueError(f"Training data {data.name} must fill at least one minibatch of {batch}")
    run = (list(seeds), list(folds), epochs, tune)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    start = training.resume(resume, network, optimizer, run)
    network.fixed = start > epochs
    for epoch in range(start, epochs + tune + 1):
        if epoch == epochs:
            _begin_tuning(network, data, folds)
            optimizer = torch.optim.Adam(network.parameters(), lr=tune_rate)
        if epoch == epochs + tune:
            break
        phase, own, first = (tune, epoch - epochs, tune_rate) if network.fixed else (
            epochs, epoch, rate)
        batches = list(training.image_batches(data, seeds, folds, epoch, batch))
        losses = 0.0
        for n, (x, target) in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = first * training.schedule(own * len(batches) + n,
                                                        phase * len(batches))
            y = network(x)
            loss = torch.nn.functional.cross_entropy(y.flatten(0, 1), target.flatten(),
                                                     reduction="none").reshape(len(y), -1)
            optimizer.zero_grad(set_to_none=True)
            loss.mean(1).sum().backward()
            optimizer.step()
            network.clip()
            losses += float(loss.detach().mean()) / len(batches)
        if resume:
            training.checkpoint(resume, network, optimizer, epoch + 1, run)
        if progress:
            progress(epoch + 1, epochs + tune, {"loss": losses})
    return network


def _begin_tuning(network, data, folds, samples=256):
    """States by the rule, on some of the training data; from here on the streams are exact."""
    picks = np.stack([data.splits[fold][0][:samples] for fold in folds])
    network.keep_float()
    network.choose_states(data.x[torch.as_tensor(picks)])
    network.fixed = True


def evaluate(network, data, *, folds=(0,)):
    """Figures on the held-out data, one dict per member.

    ``accuracy_float`` in percent of the float network before tuning, ``accuracy`` of the quantised
    network, simulated exactly; ``cycles``, the mean of stream cycles until the answer; ``states``
    of the first hidden layer.
    """
    x, y, counts = training.held_out(data, folds)
    logits = network.float_logits(x)
    results = []
    for member, count in enumerate(counts):
        params, tensors = network.quantise(member)
        block = Network(params, tensors)
        result = block.simulate(x[member, :count].numpy())
        target = y[member, :count].numpy()
        right = logits[member, :count].argmax(-1).numpy() == target
        results.append({"accuracy_float": 100 * float(right.mean()),
                        "accuracy": 100 * float((result.classes == target).mean()),
                        "cycles": float(result.cycles.mean()),
                        "states": float(params.layers[0].states)})
    return results


def make_model(name, folder, *, seed=0, epochs=None, data=None, progress=None, resume=None):
    """Train one of `MODELS` and write ``<folder>/<name>.safetensors``; returns (path, info).

    Trained on the first split; the figures are of what that split holds out.
    """
    require_choice("Model", name, tuple(MODELS))
    task = MODELS[name]
    data = load_data(task) if data is None else data
    epochs = epochs or task.epochs
    network = train(task, seeds=(seed,), epochs=epochs, data=data, progress=progress,
                    resume=resume)
    info = {"name": name, "task": dataclasses.asdict(task), "data": data.name, "seed": seed,
            "epochs": epochs, "held_out": "split 0",
            "figures": {key: round(value, 4) for key, value in evaluate(network, data)[0].items()},
            "command": f"ternstone train {name} --seed {seed} --epochs {epochs}"}
    params, tensors = network.quantise()
    path = Path(folder) / f"{name}.safetensors"
    modelfile.save(path, "stochastic.network", params, tensors, info)
    return path, info


def cross_validate(task, *, seeds=range(5), data=None, **options):
    """`golden.training.cross_validate` of a task; ``options`` are those of `train`."""
    task = _task(task)
    data = load_data(task) if data is None else data
    return training.cross_validate(train, evaluate, task, data, seeds=seeds, **options)
