"""Train the network of a ready design, with progress, and resumable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ternstone import report
from ternstone.catalogue import BLOCKS, DESIGNS
from ternstone.designs import MODELS, resolve
from ternstone.errors import bad_input
from ternstone.generate import BUILD

__all__ = ["print_answer", "train"]


def train(name: str, *, seed: int = 0, epochs: int | None = None,
          folder: Path | None = None) -> dict[str, Any]:
    """Train, quantise, evaluate on held-out data, and write ``<folder>/<name>.safetensors``.

    An interrupted training goes on where it was, from a checkpoint in ``build/train``.
    """
    design = DESIGNS[name]
    make_model = resolve(BLOCKS[design.block].train)
    checkpoint = BUILD / "train" / f"{name}-{seed}-{epochs or 'all'}.checkpoint"
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn(), TextColumn("{task.fields[figures]}"))
    with Progress(*columns, console=report.stderr, transient=True,
                  disable=not report.stderr.is_terminal) as progress:
        bar = progress.add_task(f"training {name}", total=None, figures="")

        def advance(epoch: int, total: int, figures: Mapping[str, float]) -> None:
            told = " ".join(f"{key} {value:.3f}" for key, value in figures.items())
            progress.update(bar, completed=epoch, total=total, figures=told)

        with bad_input(f"Training {name}"):
            path, info = make_model(name, folder or MODELS, seed=seed, epochs=epochs,
                                    progress=advance, resume=checkpoint)
    checkpoint.unlink(missing_ok=True)
    return {"design": name, "model": str(path), **info}


def print_answer(answer: Mapping[str, Any]) -> None:
    """The figures of the held-out data, and where the network went."""
    report.print_table(f"{answer['design']}, on {answer['held_out']} of {answer['data']}",
                       ["figure", "value"], [[k, v] for k, v in answer["figures"].items()])
    report.console().print(f"saved {answer['model']}", highlight=False, soft_wrap=True)
