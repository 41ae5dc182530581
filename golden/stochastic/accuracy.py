"""The accuracy tables: every experiment behind docs/results/stochastic-accuracy.json.

``python -m golden.stochastic.accuracy docs/results/stochastic-accuracy.json [EXPERIMENT ...]``

Digits by 5-fold cross-validation over all 1,797; MNIST with one seed on its split. Every figure is
of the exact simulation (`golden.stochastic.network.simulate`) on held-out images. The file is
written anew after each experiment; the others in it stay.
"""

import dataclasses
import functools
import json
import platform
import sys
import time
from pathlib import Path

import numpy as np
import torch

from golden import training
from golden.check import require_choice
from golden.files import write_json
from golden.stochastic import sharing, timing
from golden.stochastic.cascade import split
from golden.stochastic.network import Network, simulate
from golden.stochastic.tasks import (
    TASKS,
    evaluate,
    fit,
    load_data,
    network_params,
    summary,
    train,
)
from golden.stochastic.trainable import StochasticNetwork, even

__all__ = ["EXPERIMENTS", "main", "measure"]

_DIGITS, _MNIST = TASKS["digits"], TASKS["mnist"]
#: The paper's coding of weights, and the classic design (xnor, one stream, bipolar throughout).
#: Bits that are +-1 even for a weight near 0 must not be shared by many.
_CODINGS = {"sign": {}, "bipolar": {"coding": "bipolar", "weights": 64},
            "classic": {"coding": "bipolar", "product": "xnor", "weights": 64, "inputs": 64}}


class Lab:
    """Trains float networks once, and everything else from there.

    seeds:  of the cross-validation; MNIST takes the first one
    epochs: of the float networks, in place of the tasks' own
    """

    def __init__(self, seeds=range(5), epochs=None, say=lambda text: None):
        self.seeds, self.epochs, self.say = tuple(seeds), epochs, say
        self.data = functools.cache(lambda name: load_data(TASKS[name]))
        self._float = functools.cache(self._train_float)

    def runs(self, task, seeds=None):
        """The seed and the fold of each member."""
        seeds = self.seeds if seeds is None else self.seeds[:seeds]
        if task.data == "mnist":
            seeds = seeds[:1]
        folds = range(len(self.data(task.data).splits))
        return [(seed, fold) for seed in seeds for fold in folds]

    def _train_float(self, task):
        seeds, folds = zip(*self.runs(task), strict=True)
        return train(task, seeds=seeds, folds=folds, data=self.data(task.data),
                     epochs=self.epochs, progress=self._progress("float"))

    def _progress(self, what):
        return lambda epoch, epochs, figures: self.say(
            f"{what} {epoch}/{epochs} loss {figures['loss']:.3f}")

    def network(self, task, seeds=None):
        """The task's network, tuned as it says, from a float network that is trained once."""
        plain = TASKS[task.data].replace(hidden=task.hidden, scales=task.scales, tune=0,
                                         **_CODINGS["classic" if task.product == "xnor"
                                                    else "sign"])
        trained = self._float(plain)
        runs = self.runs(task, seeds)
        own, folds = zip(*runs, strict=True)
        network = StochasticNetwork(network_params(task), task.scales, seeds=own)
        with torch.no_grad():
            for n, weight in enumerate(network.weights):
                weight.copy_(getattr(trained, f"float_{n}")[:len(runs)])
        return fit(network, self.data(task.data), seeds=own, folds=folds, epochs=0,
                   tune=task.tune, batch=task.batch, tune_rate=task.tune_rate,
                   progress=self._progress("tuning"))

    def row(self, task, seeds=None, **marks):
        """Train and evaluate: ``marks`` and the figures' mean and spread over the seeds."""
        return {**marks, **self.figures(self.network(task, seeds), task, seeds)}

    def figures(self, network, task, seeds=None):
        runs = self.runs(task, seeds)
        results = evaluate(network, self.data(task.data), folds=[fold for _, fold in runs])
        found = summary([{"seed": seed, "fold": fold, **result}
                         for (seed, fold), result in zip(runs, results, strict=True)])
        return {name: {"mean": round(value["mean"], 3), "spread": round(value["spread"], 3)}
                for name, value in found.items()}

    def hidden_error(self, network, task):
        x, _, _ = training.held_out(self.data(task.data), [fold for _, fold in self.runs(task)])
        x = x[:, :100]
        value = torch.nn.functional.pad(x * network.params.input.resolution, (0, 1), value=1.0)
        expected = (value @ network.weights[0].detach()).sigmoid()
        return round(float((network.simulate(x)[0][0] - expected).abs().mean()), 4)

    def simulated(self, network, task, seeds=None, **changes):
        """Mean accuracy and mean cycles with some network parameters changed."""
        x, y, counts = training.held_out(self.data(task.data),
                                         [fold for _, fold in self.runs(task, seeds)])
        right, cycles = [], []
        for member, count in enumerate(counts):
            block = Network(*network.quantise(member))
            found = simulate(block.params.replace(**changes), block.weights(),
                             x[member, :count].numpy())
            right.append((found.classes == y[member, :count].numpy()).mean())
            cycles.append(found.cycles.mean())
        return {"accuracy": round(100 * float(np.mean(right)), 3),
                "cycles": round(float(np.mean(cycles)), 2)}


def goal(lab):
    """At 256 cycles, tuned and not: what must be within half a point of float."""
    return [lab.row(_DIGITS.replace(m=m, tune=tune), m=m, tune=tune)
            for m in (1, 2, 4) for tune in (0, _DIGITS.tune)]


def mnist(lab):
    """784-100-200-10 at 256 cycles."""
    return [lab.row(_MNIST.replace(m=m, tune=tune), m=m, tune=tune)
            for m in (1, 4) for tune in (0, _MNIST.tune)]


def length(lab):
    """Accuracy against stream length and m: two seeds without tuning, one seed tuned for it."""
    return [lab.row(_DIGITS.replace(m=m, length=cycles, tune=tune, **_CODINGS[name]),
                    1 if tune else 2, coding=name, m=m, length=cycles, tune=tune)
            for name, streams, tunes in (("sign", (1, 2, 4), (0, 4)), ("bipolar", (1, 2, 4), (0,)),
                                         ("classic", (1,), (0,)))
            for m in streams for tune in tunes
            for cycles in (16, 32, 64, 128, 256, 512, 1024)]


def states(lab):
    """The rule for the states against choices by hand, without tuning.

    ``hidden_error``: mean distance of the first layer's streams from the float network's sigmoids.
    """
    rows = []
    for data, name, m in (("digits", "sign", 1), ("digits", "sign", 4), ("digits", "bipolar", 1),
                          ("digits", "bipolar", 4), ("mnist", "sign", 1), ("mnist", "sign", 4)):
        task = TASKS[data].replace(m=m, tune=0, length=_DIGITS.length, **_CODINGS[name])
        network = lab.network(task)
        rule, twice = network.states.clone(), torch.full_like(network.states, 2 * task.scales[0])
        choices = {"rule": rule, "2 scale m'/m with m' = m": twice}
        choices |= {f"{n}": torch.full_like(rule, n) for n in (8, 16, 32)}
        choices |= {f"rule x {factor:g}": rule * factor for factor in (0.5, 1.5, 2)}
        for choice, value in choices.items():
            network.states = value.clone().apply_(even)
            rows.append({"data": data, "coding": name, "m": m, "choice": choice,
                         "hidden_error": lab.hidden_error(network, task),
                         **lab.figures(network, task)})
    return rows


def generators(lab):
    """Kinds of number generators, and how many are shared, without tuning."""
    return [lab.row(_DIGITS.replace(kind=kind, inputs=inputs, weights=weights, tune=0), 2,
                    kind=kind, inputs=inputs, weights=weights)
            for kind in ("net", "vdc", "lfsr")
            for inputs, weights in ((1, 1), (1, 2), (1, 4), (1, 16), (1, 65), (64, 65))]


def maps(lab):
    """What sharing costs: errors of products and sums, variance, accuracy; one fold, not tuned."""
    data, rows = lab.data("digits"), []
    held = data.splits[0][1]
    x, y = data.x[held].numpy(), data.y[held].numpy()
    for kind in ("net", "lfsr"):
        for inputs, weights in ((1, 1), (1, 4), (1, 16), (1, 65), (64, 1), (64, 65)):
            task = _DIGITS.replace(kind=kind, inputs=inputs, weights=weights, tune=0)
            block = Network(*lab.network(task, 1).quantise(0))
            right = simulate(block.params, block.weights(), x).classes == y
            rows.append({"kind": kind, "inputs": inputs, "weights": weights,
                         "accuracy": round(100 * float(right.mean()), 3),
                         "layers": [{key: round(value, 4) for key, value in layer.items()}
                                    for layer in sharing.cost(block, x[:64])]})
    return rows


def early(lab):
    """Stopping early: accuracy, and stream cycles in the mean."""
    rows = []
    for m in (1, 4):
        task = _DIGITS.replace(m=m)
        network = lab.network(task)
        rows.append({"m": m, "stop": "never", **lab.simulated(network, task)})
        rows.append({"m": m, "stop": "certain", **lab.simulated(network, task, stop="certain")})
        for margin in (4, 8, 16, 32, 64):
            rows.append({"m": m, "stop": "margin", "margin": margin * m, "earliest": 16,
                         **lab.simulated(network, task, stop="margin", margin=margin * m,
                                         earliest=16)})
    return rows


def regenerated(lab):
    """Streams made anew before the head, and a length for each layer, without tuning.

    Of equal networks; ``head`` is None where the streams are handed on. ``clocks``: of one frame.
    """
    task = _DIGITS.replace(m=1, tune=0)
    network = lab.network(task, 2)
    x, y, counts = training.held_out(lab.data("digits"), [fold for _, fold in lab.runs(task, 2)])
    rows, lengths = [], (16, 32, 64, 128, 256)
    for first in lengths:
        for head in (None, *lengths):
            right, clocks = [], None
            for member, count in enumerate(counts):
                block = Network(*network.quantise(member))
                codes, weights = x[member, :count].numpy(), block.weights()
                sections = (block.params.replace(length=first),)
                if head:
                    sections = split(block.params, [first, head]).sections
                    codes = simulate(sections[0], weights[:1], codes).ones[-1]
                    weights = weights[1:]
                right.append((simulate(sections[-1], weights, codes).classes
                              == y[member, :count].numpy()).mean())
                clocks = timing.cycles(sections, [[s.length] for s in sections])
            rows.append({"first": first, "head": head, "clocks": clocks,
                         "accuracy": round(100 * float(np.mean(right)), 3)})
    return rows


def speed(lab):
    """Images a second of the exact simulation, 784-100-200-10 at 256 cycles, 10,000 images."""
    rows = []
    for m in (1, 4):
        block = Network.random(network_params(_MNIST.replace(m=m)), np.random.default_rng(0))
        rng = np.random.default_rng(1)
        x = rng.integers(0, 256, (10_000, 784)) * (rng.random((10_000, 784)) < 0.2)
        began = time.perf_counter()
        simulate(block.params, block.weights(), x)
        seconds = time.perf_counter() - began
        rows.append({"m": m, "images": len(x), "seconds": round(seconds, 2),
                     "images_per_second": round(len(x) / seconds),
                     "threads": torch.get_num_threads()})
    return rows


EXPERIMENTS = {"goal": goal, "mnist": mnist, "length": length, "states": states,
               "generators": generators, "maps": maps, "early": early, "regenerated": regenerated,
               "speed": speed}


def measure(name, lab):
    """One experiment's record: its rows, and how they came to be."""
    require_choice("Experiment", name, tuple(EXPERIMENTS))
    began = time.monotonic()
    rows = EXPERIMENTS[name](lab)
    task = TASKS["mnist" if name in ("mnist", "speed") else "digits"]
    return {"what": EXPERIMENTS[name].__doc__.partition(".")[0], "task": dataclasses.asdict(task),
            "seeds": list(lab.seeds), "rows": rows, "seconds": round(time.monotonic() - began),
            "torch": torch.__version__, "python": platform.python_version(),
            "command": "python -m golden.stochastic.accuracy "
                       f"docs/results/stochastic-accuracy.json {name}"}


def main(arguments):
    """Measure the experiments named (all by default) into the JSON file named first."""
    path, names = Path(arguments[0]), arguments[1:] or list(EXPERIMENTS)
    for name in names:
        require_choice("Experiment", name, tuple(EXPERIMENTS))
    lab = Lab(say=lambda text: sys.stderr.write(f"\r{text}   "))
    for name in names:
        record = measure(name, lab)
        table = json.loads(path.read_text()) if path.exists() else {}
        table[name] = record
        write_json(path, {key: table[key] for key in EXPERIMENTS if key in table})
        sys.stderr.write(f"\r{name}: {record['seconds']} s\n")


if __name__ == "__main__":
    main(sys.argv[1:])
