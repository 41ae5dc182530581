"""What the training of several families shares: samples, minibatches of members that train side by
side, the rate's schedule, checkpoints, and the summary of a cross-validation."""

import io
import math
import os
from dataclasses import dataclass

import numpy as np
import torch

from golden.files import write_whole

__all__ = ["Samples", "checkpoint", "clip_gradients", "cross_validate", "held_out",
           "image_batches", "paired", "resume", "schedule", "summary"]


@dataclass(frozen=True)
class Samples:
    """Labelled samples: codes int64 [count, ...], classes int64 [count], splits (train, test)."""

    x: torch.Tensor
    y: torch.Tensor
    splits: tuple
    name: str


def schedule(step, total):
    """Share of the first rate: rises over a twentieth of the steps, then falls along a cosine."""
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def clip_gradients(network, limit):
    """Scale each member's whole gradient to at most ``limit``."""
    grads = [p.grad for p in network.parameters() if p.grad is not None]
    norm = sum(g.square().sum(tuple(range(1, g.dim()))) for g in grads).sqrt()
    factor = (limit / (norm + 1e-6)).clamp(max=1)
    for g in grads:
        g *= factor.reshape(-1, *(1,) * (g.dim() - 1))


def image_batches(data, seeds, folds, epoch, batch):
    """Minibatches [members, batch, ...]; each member's order hangs on its own seed alone."""
    orders = [np.random.default_rng((seed, epoch)).permutation(data.splits[fold][0])
              for seed, fold in zip(seeds, folds, strict=True)]
    for n in range(min(map(len, orders)) // batch):
        picks = torch.as_tensor(np.stack([o[n * batch:(n + 1) * batch] for o in orders]))
        yield data.x[picks], data.y[picks]


def held_out(data, folds):
    """Every member's held-out x and y, padded to one length with its first, and the counts."""
    tests = [data.splits[fold][1] for fold in folds]
    counts = [len(test) for test in tests]
    picks = torch.as_tensor(np.stack([np.pad(test, (0, max(counts) - len(test)), mode="wrap")
                                      for test in tests]))
    return data.x[picks], data.y[picks], counts


def checkpoint(path, network, optimizer, epoch, run):
    """Write what `resume` reads; ``run``: what must be the same for a run to go on."""
    buffer = io.BytesIO()
    torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict(),
                "epoch": epoch, "run": run, "rng": torch.get_rng_state()}, buffer)
    write_whole(path, buffer.getvalue())


def resume(path, network, optimizer, run):
    """Load a checkpoint if there is one; the epochs that are done."""
    if not path or not os.path.exists(path):
        return 0
    try:
        saved = torch.load(path, weights_only=True)
        epoch, found = saved["epoch"], saved["run"]
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
    except Exception as error:  # torch.load raises many kinds for a broken file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"Checkpoint {path} must be a whole one of this network: {reason}") from None
    if tuple(found) != run:
        raise ValueError(f"Checkpoint {path} must be of the same seeds, folds and epochs {run}, "
                         f"not {tuple(found)}")
    torch.set_rng_state(saved["rng"])
    return epoch


def summary(results):
    """Per figure: the mean over the folds of one seed, then ``mean`` and ``spread`` (standard
    deviation) over the seeds."""
    seeds = sorted({r["seed"] for r in results})
    out = {}
    for name in (n for n in results[0] if n not in ("seed", "fold")):
        means = [float(np.mean([r[name] for r in results if r["seed"] == seed])) for seed in seeds]
        out[name] = {"mean": float(np.mean(means)),
                     "spread": float(np.std(means, ddof=1)) if len(means) > 1 else 0.0,
                     "seeds": means}
    return out


def paired(one, other):
    """``(mean, standard error)`` of the difference of two figures of `summary`, seed by seed.

    >>> paired({"seeds": [3.0, 5.0]}, {"seeds": [2.0, 2.0]})
    (2.0, 1.0)
    """
    less = np.subtract(one["seeds"], other["seeds"])
    return float(less.mean()), float(less.std(ddof=1) / len(less) ** 0.5)


def cross_validate(train, evaluate, task, data, *, seeds, **options):
    """Train on every split of the data with every seed, side by side; evaluate each.

    train, evaluate: a family's own; options: what else ``train`` takes
    Returns a list of dicts: ``seed``, ``fold`` and the figures.
    """
    runs = [(seed, fold) for seed in seeds for fold in range(len(data.splits))]
    pairs = {"seeds": tuple(s for s, _ in runs), "folds": tuple(f for _, f in runs)}
    network = train(task, **pairs, data=data, **options)
    figures = evaluate(network, data, folds=pairs["folds"])
    return [{"seed": seed, "fold": fold, **result}
            for (seed, fold), result in zip(runs, figures, strict=True)]
