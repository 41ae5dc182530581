"""The accuracy tables.

``python -m golden.sparse_conv.accuracy docs/results/sparse-conv-accuracy.json``

Digits by 5-fold cross-validation over all 1,797, five seeds; every figure but ``accuracy_float`` is
of the integer network on held-out images. Takes an hour of one core. The file is written anew after
each variant; variants that are in it are not measured again.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from golden.files import write_json
from golden.formats import Format
from golden.sparse_conv import tasks
from golden.sparse_conv.cyclic import cyclic, dilations
from golden.sparse_conv.lists import connections, mask
from golden.sparse_conv.masked import masked
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.sparse_conv.tasks import TASKS, evaluate, fit, load_data
from golden.sparse_conv.trainable import ConvNetwork
from golden.training import Samples, summary

__all__ = ["CONNECTED", "VARIANTS", "main"]

SEEDS = range(5)
#: Name -> what differs from `TASKS`' digits.
VARIANTS = {
    "int8": {}, "int8, a quarter, balanced": {"share": 0.25, "units": 16},
    "int4, a quarter, balanced": {"weights": "int4", "share": 0.25, "units": 16},
    "ternary": {"weights": "ternary"}, "binary": {"weights": "binary"},
    "powers3": {"weights": "powers3"}, "powers4": {"weights": "powers4"},
    "int8, a quarter of the weights": {"share": 0.25},
    "int8, a tenth, balanced": {"share": 0.1, "units": 16},
    "int8, a tenth, balanced, by transport": {"share": 0.1, "units": 16, "pruning": "transport"},
    "int8, 8 patterns of 4 taps": {"connections": "pattern"},
    "int8, shifts, 24-48-48 filters": {"connections": "shift", "filters": (24, 48, 48)},
}

#: Epochs, and rate and epochs of their tuning: rounding to 8 bits asks for little.
EPOCHS, RATE, TUNE = 40, 2e-4, 4
#: Fully connected networks of the digits: hidden nodes, and how their first layers are connected.
CONNECTED = {"dense": None, "masked": 0.1, "cyclic": 4}
HIDDEN = {"dense": 512, "masked": 512, "cyclic": 64}


def connected(kind):
    """(`NetworkParams`, the mask of each layer's weights or None) of one of `CONNECTED`."""
    between = Format(8, 5, signed=False)
    hidden, given = HIDDEN[kind], CONNECTED[kind]
    count = len(dilations(hidden, given)) if kind == "cyclic" else 1
    sizes = [64, *[hidden] * count, 10]
    layers = tuple(
        ConvParams(before, 1, 1, after, 1, relu=n < count,
                   input=between if n else Format(5, 4, signed=False),
                   output=between if n < count else Format(12, 6))
        for n, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False)))
    masks = [None] * len(layers)
    if kind == "masked":
        masks[0] = mask(masked(64, hidden, given))
    if kind == "cyclic":
        masks[:count] = [connections(cyclic(hidden, fan_in=given, dilation=step, lanes=1))
                         for step in dilations(hidden, given)]
    return NetworkParams(layers), masks


def train_connected(kind, seed, fold, data, epochs, tune):
    """One network, its connections fixed from the start."""
    params, masks = connected(kind)
    network = ConvNetwork(params, seed)
    for layer, kept in zip(network.layers, masks, strict=True):
        if kept is not None:
            layer.connect(kept[:, :, None, None])
    return fit(network, data, seed=seed, fold=fold, epochs=epochs, tune=tune, tune_rate=RATE)


def main(path, seeds=SEEDS, epochs=None, say=print):
    """Measure what is not in the file yet."""
    path = Path(path)
    found = json.loads(path.read_text()) if path.is_file() else {"variants": {}, "connected": {}}
    task = TASKS["digits"]
    data = load_data(task)
    runs = [(seed, fold) for seed in seeds for fold in range(len(data.splits))]
    ways = {"seeds": [seed for seed, _ in runs], "folds": [fold for _, fold in runs]}
    floats = None

    def note(part, name, results):
        found[part][name] = summary([{"seed": seed, "fold": fold, **result}
                                     for (seed, fold), result in zip(runs, results, strict=True)])
        found[part][name]["weights"] = results[0]["bits"]
        write_json(path, found)
        say(f"{name}: {found[part][name]['accuracy']['mean']:.2f}")

    for name, changes in VARIANTS.items():
        if name in found["variants"]:
            continue
        if floats is None:
            floats = tasks.train(task.replace(tune=1), **ways, data=data, epochs=epochs)
        own = task.replace(**changes)
        # Shifts are there from the start.
        networks = tasks.train(own, **ways, data=data, epochs=epochs,
                               floats=None if own.connections == "shift" else floats)
        note("variants", name, evaluate(networks, data, folds=ways["folds"]))
    flat = Samples(data.x.reshape(len(data.x), 64, 1, 1), data.y, data.splits, data.name)
    for kind in CONNECTED:
        if kind not in found["connected"]:
            networks = [train_connected(kind, seed, fold, flat, epochs or EPOCHS, TUNE)
                        for seed, fold in runs]
            note("connected", kind, evaluate(networks, flat, folds=ways["folds"]))
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    np.seterr(all="raise")
    main(sys.argv[1])
