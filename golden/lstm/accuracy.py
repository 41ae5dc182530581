"""The accuracy table: every experiment behind docs/results/lstm-accuracy.json.

``python -m golden.lstm.accuracy docs/results/lstm-accuracy.json [EXPERIMENT ...]``

Digits by 5-fold cross-validation over all 1,797, row by row with 5 seeds, pixel by pixel with one;
MNIST with one seed on its split; text with one seed, the last tenth held out. The file is written
anew after each experiment; the others in it stay.
"""

import dataclasses
import json
import platform
import sys
import time
from pathlib import Path

import torch

from golden.check import require_choice
from golden.files import write_json
from golden.lstm.tasks import MODELS, TASKS, cross_validate, evaluate, load_data, summary, train

__all__ = ["EXPERIMENTS", "main", "measure"]

_ROWS = TASKS["digits-rows"]
_SHAKESPEARE = TASKS["text"].replace(data="tinyshakespeare", hidden=256, epochs=10)

#: Name -> task. ``untuned``: without the second phase, so that its figures say what freezing costs.
EXPERIMENTS = {
    "digits-float": _ROWS.replace(weights="float"),
    "digits-ternary": _ROWS,
    "digits-binary": _ROWS.replace(weights="binary"),
    "digits-ternary-128": _ROWS.replace(hidden=128),
    "digits-ternary-128-pruned": MODELS["digits-lstm-pruned"],
    "digits-ternary-untuned": _ROWS.replace(tune=0.0),
    "digits-ternary-stochastic": _ROWS.replace(stochastic=True),
    "digits-ternary-shared": _ROWS.replace(statistics="shared"),
    "digits-gru-ternary": _ROWS.replace(cell="gru"),
    "digits-pixels-float": TASKS["digits-pixels"].replace(weights="float"),
    "digits-pixels-ternary": TASKS["digits-pixels"],
    "mnist-rows-float": TASKS["mnist-rows"].replace(weights="float"),
    "mnist-rows-ternary": TASKS["mnist-rows"],
    "mnist-rows-binary": TASKS["mnist-rows"].replace(weights="binary"),
    "text-float": _SHAKESPEARE.replace(weights="float"),
    # The float network learns its text by heart: it is at its best after fewer epochs.
    "text-float-6": _SHAKESPEARE.replace(weights="float", epochs=6),
    "text-ternary": _SHAKESPEARE,
    "text-binary": _SHAKESPEARE.replace(weights="binary"),
}


def measure(name, *, seeds=None, epochs=None, data=None, progress=None):
    """One experiment's record: task, seeds, figures, and each run's results."""
    require_choice("Experiment", name, tuple(EXPERIMENTS))
    task = EXPERIMENTS[name]
    epochs, began = epochs or task.epochs, time.monotonic()
    if seeds is None:
        seeds = range(5) if (task.data, task.view) == ("digits", "rows") else [0]
    data = load_data(task) if data is None else data
    if task.view == "text":
        network = train(task, epochs=epochs, data=data, progress=progress)
        results = [{"seed": 0, **evaluate(network, data)[0]}]
    else:
        results = cross_validate(task, seeds=seeds, epochs=epochs, data=data, progress=progress)
    return {"task": dataclasses.asdict(task), "data": data.name, "epochs": epochs,
            "seeds": list(seeds), "figures": summary(results), "results": results,
            "seconds": round(time.monotonic() - began), "torch": torch.__version__,
            "python": platform.python_version(),
            "command": f"python -m golden.lstm.accuracy docs/results/lstm-accuracy.json {name}"}


def main(arguments):
    """Measure the experiments named (all by default) into the JSON file named first."""
    path, names = Path(arguments[0]), arguments[1:] or list(EXPERIMENTS)
    for name in names:
        require_choice("Experiment", name, tuple(EXPERIMENTS))
    for name in names:
        record = measure(name, progress=lambda epoch, epochs, figures, name=name:
                         sys.stderr.write(f"\r{name} {epoch}/{epochs} loss {figures['loss']:.3f} "))
        table = json.loads(path.read_text()) if path.exists() else {}
        table[name] = record
        write_json(path, {key: table[key] for key in EXPERIMENTS if key in table})
        means = {key: round(value["mean"], 3) for key, value in record["figures"].items()}
        sys.stderr.write(f"{means}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
