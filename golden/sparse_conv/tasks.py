"""Tasks on real data, the training loop, and the evaluation of what was trained.

Training has two steps: the float network; then the network that is built (`trainable`), pruned a
little more with every epoch of the first half.
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
from golden.sparse_conv import convolution, lists
from golden.sparse_conv.joint import Joint
from golden.sparse_conv.joint_params import JointParams
from golden.sparse_conv.params import ArrayParams, ConvParams, NetworkParams
from golden.sparse_conv.pruning import Magnitude, Patterns, Transport
from golden.sparse_conv.trainable import ConvNetwork
from golden.training import Samples

__all__ = ["MODELS", "TASKS", "Task", "cross_validate", "evaluate", "fit", "integers", "keep",
           "load_data", "make_model", "network_params", "split_tensors", "train", "unit_sets"]


#: Samples on which statistics are taken anew.
SAMPLES = 512


@dataclass(frozen=True)
class Task:
    """What is learnt, by which network, and how: pure data.

    data:     ``digits`` or ``mnist``
    filters:  of every convolution but the last layer's
    pools:    after which of them the map is halved
    weights:  kind of every layer's but the first and the last
    ends:     kind of these, which are small, and on which the accuracy hangs most
    bits:     of the maps between layers
    share:    of the weights that stay, of every layer but the first and the last
    connections: of these layers: ``all``; ``pattern``: every kernel keeps ``kept`` taps, in one of
              ``patterns`` patterns; ``shift``: every channel has one tap, from the start
              (`golden.sparse_conv.array`)
    pruning:  ``magnitude``, or ``transport`` (`golden.sparse_conv.pruning`)
    units:    a layer's weights are pruned as one set (1), or as sets, each of one channel and of
              one of so many units, which take the filters in turn
    epochs, batch, rate: of the float network; Adam's first rate
    tune, tune_rate: of the network that is built
    """

    data: str = "digits"
    filters: tuple = (16, 32, 32)
    pools: tuple = (1, 2, 2)
    weights: str = "int8"
    ends: str = "int8"
    bits: int = 8
    share: float = 1.0
    units: int = 1
    pruning: str = "magnitude"
    connections: str = "all"
    patterns: int = 8
    kept: int = 4
    epochs: int = 20
    batch: int = 64
    rate: float = 4e-3
    tune: int = 16
    tune_rate: float = 2e-3

    def __post_init__(self):
        for name in ("filters", "pools"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has lists
        require_choice("Task data", self.data, ("digits", "mnist"))
        require_int("Task epochs", self.epochs, 1)
        require_int("Task tune", self.tune, 1)
        require_int("Task batch", self.batch, 1)
        require_int("Task units", self.units, 1)
        if not 0 < self.share <= 1:
            raise ValueError(f"Task share must be above 0 and at most 1, not {self.share}")
        require_choice("Task pruning", self.pruning, ("magnitude", "transport"))
        require_choice("Task connections", self.connections, ("all", "pattern", "shift"))
        if self.connections != "all" and self.share < 1:
            raise ValueError(f"Task share must be 1 with connections {self.connections!r}, "
                             f"not {self.share}")
        require_int("Task kept", self.kept, 1, 9)
        require_int("Task patterns", self.patterns, 1, math.comb(9, self.kept))

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


TASKS = {
    "digits": Task(),
    "mnist": Task("mnist", filters=(16, 32, 32), pools=(2, 2, 2), epochs=10, tune=8),
}

#: The trained networks in models/, each made by `make_model` from its task, and their engine.
MODELS = {
    "digits-sparse-cnn": TASKS["digits"].replace(share=0.25, units=16),
    "mnist-sparse-cnn": TASKS["mnist"].replace(share=0.25, units=16),
}
ENGINE = {"lanes": 16, "beat": 16, "requantisers": 4, "answer": "class"}


def load_data(task, folder=None):
    """The task's images as `golden.training.Samples`: codes [count, 1, height, width]."""
    images = datasets.digits() if task.data == "digits" else datasets.mnist(folder)
    x = torch.as_tensor(images.pixels.astype(np.int64))[:, None]
    return Samples(x, torch.as_tensor(images.labels), images.splits, images.name)


def network_params(task):
    """The layers of a task's network; scales and shifts come with training.

    3 x 3 convolutions that keep the map's size, then a fully connected layer to ten classes."""
    size, code = {"digits": (8, Format(5, 4, signed=False)),
                  "mnist": (28, Format(8, 8, signed=False))}[task.data]
    # Normalised sums reach a few units.
    between = Format(task.bits, task.bits - 3, signed=False)
    layers, channels = [], 1
    for filters, pool in zip(task.filters, task.pools, strict=True):
        layers.append(ConvParams(channels, size, size, filters, kernel=3, padding=1, pool=pool,
                                 weights=task.weights if layers else task.ends, input=code,
                                 output=between))
        channels, size, code = filters, size // pool, between
    layers.append(ConvParams(channels, size, size, 10, kernel=size, relu=False,
                             weights=task.ends, input=code, output=Format(12, 6)))
    return NetworkParams(tuple(layers))


def keep(params, share):
    """Of each layer's weights the share that stays: of the first and the last layer's all."""
    count = len(params.layers)
    return [share if 0 < n < count - 1 else 1.0 for n in range(count)]


def unit_sets(params, shares, units):
    """Of each layer that is pruned, the flat indices of the weights of each unit and channel: int64
    [units x channels, size]; unit u has the filters u, u + units .. None for one unit: the layer's
    weights are one set."""
    return [_sets(layer, units) if units > 1 and share < 1 else None
            for layer, share in zip(params.layers, shares, strict=True)]


def _sets(layer, units):
    units = min(units, layer.filters)
    if layer.filters % units:
        raise ValueError(f"Pruning units must divide the {layer.filters} filters, not {units}")
    index = np.arange(layer.filters * layer.terms).reshape(
        layer.filters // units, units, layer.channels, layer.taps)
    return index.transpose(1, 2, 0, 3).reshape(units * layer.channels, -1)


def train(task, *, seeds=(0,), folds=(0,), epochs=None, data=None, progress=None, floats=None,
          resume=None):
    """Train one `ConvNetwork` per seed and fold, each tuned; returns a list.

    task:     a `Task` or a name of `TASKS`
    folds:    which of the data's splits each trains on, as many as seeds
    epochs:   of the float network, in place of the task's
    progress: called after each epoch as ``progress(epoch, epochs, {"loss": ...})``
    floats:   networks that were trained as they are, of the same layers and connections, to begin
              with
    resume:   path of a checkpoint of a single network: continued from when it is there
    """
    task = _task(task)
    data = load_data(task) if data is None else data
    if len(folds) != len(seeds):
        raise ValueError(f"Folds must be as many as seeds ({len(seeds)}), not {len(folds)}")
    found = []
    for n, (seed, fold) in enumerate(zip(seeds, folds, strict=True)):
        network = ConvNetwork(network_params(task), seed)
        if floats:
            network.load_state_dict(floats[n].floats().state_dict())
        if task.connections == "shift":
            for layer in network.layers[1:-1]:
                layer.connect(lists.kept(ArrayParams(layer.params, index="shift", tiles=1)))
        found.append(fit(network, data, seed=seed, fold=fold,
                         epochs=0 if floats else epochs or task.epochs, tune=task.tune,
                         batch=task.batch, rate=task.rate, tune_rate=task.tune_rate,
                         pruning=_pruning(task, network.params), progress=progress,
                         resume=resume))
    return found


def _pruning(task, params):
    if task.connections == "pattern":
        return Patterns(task.kept, task.patterns)
    shares = keep(params, task.share)
    way = {"magnitude": Magnitude, "transport": Transport}[task.pruning]
    return way(shares, unit_sets(params, shares, task.units))


def _task(task):
    if isinstance(task, Task):
        return task
    require_choice("Task", task, tuple(TASKS))
    return TASKS[task]


def fit(network, data, *, seed=0, fold=0, epochs, tune, batch=64, rate=3e-3, tune_rate=1e-3,
        pruning=None, progress=None, resume=None):
    """The training loop behind `train` and `golden.sparse_conv.from_torch`.

    pruning: a way of `golden.sparse_conv.pruning`, done over the first half of the tuning, or None

    Adam, in both steps with a rate that warms up and then falls to zero along a cosine. An
    interrupted run that is resumed ends in the same weights as one that was not.
    """
    if len(data.splits[fold][0]) < batch:
        raise ValueError(f"Training data {data.name} must fill at least one minibatch of {batch}")
    if pruning:
        pruning.prepare(network)
    run = (seed, fold, epochs, tune)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    start = training.resume(resume, network, optimizer, run)
    network.fixed = start > epochs
    for epoch in range(start, epochs + tune):
        step, own, count, first = ((0, epoch, epochs, rate) if epoch < epochs else
                                   (1, epoch - epochs, tune, tune_rate))
        network.train(not step)
        if step and not own:
            network.keep_float()
            optimizer = torch.optim.Adam(network.parameters(), lr=tune_rate)
        if step and own <= tune // 2:
            if pruning:
                pruning.step(network, min(1.0, (own + 1) / max(1, tune // 2)))
            network.fix(data.x[data.splits[fold][0][:SAMPLES]])
        batches = list(training.image_batches(data, (seed,), (fold,), epoch, batch))
        losses = 0.0
        for n, (x, target) in enumerate(batches):
            for group in optimizer.param_groups:
                group["lr"] = first * training.schedule(own * len(batches) + n,
                                                        count * len(batches))
            y = network(x[0]).flatten(1)
            loss = torch.nn.functional.cross_entropy(y, target[0])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses += float(loss.detach()) / len(batches)
        if resume:
            training.checkpoint(resume, network, optimizer, epoch + 1, run)
        if progress:
            progress(epoch + 1, epochs + tune, {"loss": losses})
    return network.eval()


def split_tensors(params, tensors):
    """``layers.0.weight`` and so on to a list of each layer's own."""
    return [{name.rpartition(".")[2]: value for name, value in tensors.items()
             if name.startswith(f"layers.{n}.")} for n in range(len(params.layers))]


def integers(params, tensors, x):
    """Outputs of the integer network: int64 [count, filters]."""
    return convolution.run(params.layers, split_tensors(params, tensors), x)[-1].reshape(
        len(x), -1)


@torch.no_grad()
def evaluate(networks, data, *, folds=(0,)):
    """Figures on the held-out data, one dict per network.

    ``accuracy_float`` in percent of the network before it was pruned and rounded, ``accuracy`` of
    the integer network; ``share`` of the weights that are not 0; ``bits`` of all weights that are
    not 0, without indices.
    """
    results = []
    for network, fold in zip(networks, folds, strict=True):
        held = data.splits[fold][1]
        x, y = data.x[held], data.y[held].numpy()
        params, tensors = network.quantise()
        classes = integers(params, tensors, x.numpy()).argmax(1)
        before = network.floats()(x).flatten(1).argmax(1).numpy()
        kept = [int((tensors[f"layers.{n}.weight"] != 0).sum()) for n in range(len(params.layers))]
        total = sum(layer.filters * layer.terms for layer in params.layers)
        results.append({
            "accuracy_float": 100 * float((before == y).mean()),
            "accuracy": 100 * float((classes == y).mean()), "share": sum(kept) / total,
            "bits": float(sum(count * layer.kind.bits
                              for count, layer in zip(kept, params.layers, strict=True)))})
    return results


def make_model(name, folder, *, seed=0, epochs=None, data=None, progress=None, resume=None):
    """Train one of `MODELS` and write ``<folder>/<name>.safetensors``; returns (path, info).

    Trained on the first split; the figures are of what that split holds out.
    """
    require_choice("Model", name, tuple(MODELS))
    task = MODELS[name]
    data = load_data(task) if data is None else data
    epochs = epochs or task.epochs
    networks = train(task, seeds=(seed,), epochs=epochs, data=data, progress=progress,
                     resume=resume)
    figures = evaluate(networks, data)[0]
    info = {"name": name, "task": dataclasses.asdict(task), "data": data.name, "seed": seed,
            "epochs": epochs, "held_out": "split 0",
            "figures": {key: round(value, 4) for key, value in figures.items()},
            "command": f"ternstone train {name} --seed {seed} --epochs {epochs}"}
    network, tensors = networks[0].quantise()
    path = Path(folder) / f"{name}.safetensors"
    modelfile.save(path, Joint.name, JointParams(network, **ENGINE), tensors, info)
    return path, info


def cross_validate(task, *, seeds=range(5), data=None, **options):
    """`golden.training.cross_validate` of a task; ``options`` are those of `train`."""
    task = _task(task)
    data = load_data(task) if data is None else data
    return training.cross_validate(train, evaluate, task, data, seeds=seeds, **options)
