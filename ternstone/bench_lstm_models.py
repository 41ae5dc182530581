"""What the trained networks in models/ are worth: equal to golden on real data, and accurate."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from golden.lstm.network import Network
from golden.lstm.tasks import Streams, Task, integer_outputs, load_data
from ternstone.bench import Row, Say, at_least, at_most, figure, side_by_side
from ternstone.catalogue import DESIGNS
from ternstone.designs import MODELS, Design, open_design
from ternstone.simulate import simulate

__all__ = ["TABLE", "accuracy", "equality", "variant"]

#: (design, share of its states that a threshold makes zero or None for the trained ones, batch)
CASES = [(name, zero, batch) for name, zero in [
    ("digits-lstm-ternary", None), ("digits-lstm-pruned", None),
    ("digits-lstm-binary", None), ("digits-lstm-binary", 0.8),
    ("text-lstm-ternary", None), ("text-lstm-ternary", 0.8),
    ("text-lstm-binary", None), ("text-lstm-binary", 0.8)] for batch in (1, 8)]

#: Frames of a batch of 1 and of 8, by the first word of a design's name.
FRAMES = {"digits": {1: 96, 8: 32}, "text": {1: 6, 8: 3}}

#: The cross-validated figures, made by golden.lstm.accuracy.
TABLE = MODELS.parent / "docs" / "results" / "lstm-accuracy.json"


def equality(say: Say) -> Iterator[Row]:
    """Hardware against golden on real data: dense and skipping, one sequence and eight."""
    return side_by_side(_equal, CASES, say, "trained networks on real data")


def variant(design: Design, zero: float | None, batch: int) -> Design:
    """The design with ``batch`` sequences side by side, and a threshold on h that about the share
    ``zero`` of its states does not reach (whatever that does to its accuracy)."""
    params = design.block.params
    threshold = {}
    if zero is not None:
        count = FRAMES[design.name.partition("-")[0]][1]
        trained = Network(params, design.block.tensors)
        states = np.abs(trained.trace(design.feed(count, 0).frames)[0])
        threshold = {"threshold": int(np.quantile(states, zero)) + 1}
    params = params.replace(
        layers=tuple(part.replace(batch=batch, **threshold) for part in params.layers),
        head=params.head.replace(batch=batch), batch=batch)
    name = f"{design.name}{'-skipping' if threshold else ''}-batch-{batch}"
    return Design(name, Network(params, design.block.tensors), design.task, design.info)


def _equal(case: tuple[str, float | None, int]) -> Row:
    name, zero, batch = case
    design = variant(open_design(name, None, {}), zero, batch)
    feed = design.feed(FRAMES[name.partition("-")[0]][batch], seed=1)
    verdict = simulate(design, frames=len(feed.frames), idle=0, stall=0, seed=1,
                       simulator="verilator", wave=False, feed=feed)
    block = design.block
    assert isinstance(block, Network)
    zeros = float(np.mean([np.mean(h == 0) for h in block.trace(feed.frames)]))
    setting = f"{name}, {zeros:.0%} of states zero, batch {batch}"
    if not verdict["passed"]:
        return figure("mismatches", setting, verdict.get("mismatches"), verdict["failure"],
                      target="0", met=False)
    return figure("mismatches", setting, verdict["mismatches"],
                  f"{verdict['beats']} beats of {verdict['frames']} frames, "
                  f"{verdict['cycles']} cycles as golden says", target="0",
                  met=verdict["mismatches"] == 0)


def accuracy(say: Say) -> Iterator[Row]:
    """The committed models on what they were not trained on, then the cross-validated table."""
    for name in (name for name, entry in DESIGNS.items() if entry.block == Network.name):
        say(f"{name} on held-out data")
        yield _held_out(open_design(name, None, {}))
    yield from _table(TABLE)


def _held_out(design: Design) -> Row:
    """The integers of a model file; images must give the accuracy that the file states."""
    params, tensors, info = design.block.params, design.block.tensors, design.info
    data = load_data(Task(**info["task"]))
    stated = info["figures"]
    text = isinstance(data, Streams)
    metric = "bpc" if text else "accuracy"
    trained = (f"when trained {stated[f'{metric}_integer']:.4g}, its float network "
               f"{stated[f'{metric}_float']:.4g} (the model file has integers only)")
    if text:
        streams = 32
        length = (len(data.test) - 1) // streams
        at = torch.arange(streams)[:, None] * length + torch.arange(length)
        codes, _, _ = integer_outputs(params, tensors, data.test[at])
        logits = codes.float() * params.output_format.resolution
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), data.test[at + 1].flatten())
        return figure("bits per character", design.name, round(float(loss) / math.log(2), 4),
                      f"{at.numel()} characters, the last tenth of {data.name}; {trained}")
    held = data.splits[0][1]
    codes, _, _ = integer_outputs(params, tensors, data.x[held])
    percent = 100 * float((codes.argmax(-1) == data.y[held]).double().mean())
    promised = stated["accuracy_integer"]
    return figure("accuracy, %", design.name, round(percent, 2),
                  f"the {len(held)} {data.name} of split 0; {trained}",
                  target=f"= {promised:.2f}, as its file says", met=abs(percent - promised) < 0.01)


def _table(path: Path) -> Iterator[Row]:
    """Rows of the cross-validated table, those that are in it; a row that is missing says so."""
    table = json.loads(path.read_text()) if path.is_file() else {}

    def best_float() -> float:
        return min(mean(name, "bpc_float") for name in ("text-float", "text-float-6"))

    def mean(experiment: str, *names: str) -> float:
        figures = table[experiment]["figures"]
        return max(figures[name]["mean"] for name in names if name in figures)

    # The better one of a float network's two figures is what the others stand beside.
    real = ("accuracy_float", "accuracy_step")
    wanted: list[tuple[str, str, tuple[str, ...], Any]] = [
        ("digits, float LSTM, %", "", ("digits-float",), lambda: (
            mean("digits-float", *real), 97, at_least)),
        ("digits, ternary, points below float", "", ("digits-ternary", "digits-float"), lambda: (
            mean("digits-float", *real) - mean("digits-ternary", "accuracy_integer"), 1, at_most)),
        ("digits, binary, points below float", "", ("digits-binary", "digits-float"), lambda: (
            mean("digits-float", *real) - mean("digits-binary", "accuracy_integer"), 2, at_most)),
        *[("digits, points between integer and fake-quantised", kind, (f"digits-{kind}",),
           lambda kind=kind: (abs(mean(f"digits-{kind}", "accuracy_fixed")
                                  - mean(f"digits-{kind}", "accuracy_integer")), 0.5, at_most))
          for kind in ("ternary", "binary")],
        ("digits, share of states zero", "pruned", ("digits-ternary-128-pruned",), lambda: (
            mean("digits-ternary-128-pruned", "zeros"), 0.9, at_least)),
        ("digits, points lost by pruning", "pruned",
         ("digits-ternary-128-pruned", "digits-ternary-128"), lambda: (
            mean("digits-ternary-128", "accuracy_integer")
            - mean("digits-ternary-128-pruned", "accuracy_integer"), 0.5, at_most)),
        ("text, float LSTM, bits per character", "",
         ("text-float-6", "text-float"), lambda: (best_float(), 2.3, at_most)),
        ("text, ternary, bits above float", "",
         ("text-ternary", "text-float", "text-float-6"), lambda: (
            mean("text-ternary", "bpc_integer") - best_float(), 0.05, at_most)),
        ("text, binary, bits per character", "", ("text-binary",), lambda: (
            mean("text-binary", "bpc_integer"), None, figure)),
    ]
    for name, setting, experiments, compute in wanted:
        first = experiments[0]
        missing = [e for e in experiments if e not in table]
        if missing:
            yield figure(name, setting or first, None, f"{path.name} has no {', '.join(missing)}: "
                         f"python -m golden.lstm.accuracy {path.name} {' '.join(missing)}")
            continue
        value, limit, kind = compute()
        entry = table[first]
        task, runs = entry["task"], len(entry["results"])
        how = (f"{task['data']}, {task['hidden']} units, {runs} run{'s' if runs > 1 else ''}; "
               f"from {path.name}, by: {entry['command']}")
        setting = f"{task['data']} {task['view']}, {task['hidden']} units"
        yield (figure(name, setting, round(value, 3), how) if limit is None
               else kind(name, setting, round(value, 3), limit, how))
