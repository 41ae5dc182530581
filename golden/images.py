"""Images as the frames of a network that answers with a class: what families share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from golden import data
from golden.check import require_choice, require_int

__all__ = ["TASKS", "Feed", "load", "pick", "task_of"]

#: Task -> what a frame of it is.
TASKS = {
    "digits": "a digit, 8 x 8 pixels",
    "mnist": "an MNIST image, 28 x 28 pixels",
}


@dataclass(frozen=True)
class Feed(ABC):
    """Frames for a network, and what it should have answered; a family says how (``classes``).

    frames:   list of int64 arrays [beats, elements]
    targets:  classes [frames]
    counted:  which frames the network was not trained on
    """

    frames: list
    targets: np.ndarray
    counted: np.ndarray
    metric: str = "accuracy"

    def score(self, params, answers):
        """Percent of right classes over the counted frames (None without one), and their number.

        answers: for each frame the beats that golden, or hardware, gave
        """
        number = int(self.counted.sum())
        classes = self.classes(params, np.stack(answers)) if number else None
        if classes is None:
            return None, 0
        return 100 * float((classes == self.targets)[self.counted].mean()), number

    @abstractmethod
    def classes(self, params, beats):
        """The class of each frame [frames] of answers [frames, beats, elements]; None where the
        network's answers have none."""


def task_of(info):
    """The task that a model file's ``info`` speaks of, or None.

    >>> task_of({"task": {"data": "digits", "m": 4}}), task_of({"task": "weather"})
    ('digits', None)
    """
    task = info.get("task")
    if isinstance(task, dict):
        task = task.get("data")
    return task if isinstance(task, str) and task in TASKS else None


def load(task):
    """The task's `golden.data.Images`.

    Errors: ValueError for a task that is not one of `TASKS`; FileNotFoundError for MNIST where it
    is not.
    """
    require_choice("Task", task, tuple(TASKS))
    return data.mnist() if task == "mnist" else data.digits()


def pick(images, count, seed=0, fold=0):
    """``(picks, counted)``: which images come, in an order that ``seed`` gives, the held-out part
    of ``fold`` first, then the rest, then from the start again; and which of them are held out."""
    require_int("Frames", count, 1)
    rng = np.random.default_rng(seed)
    train, held = images.splits[fold]
    picks = np.resize(np.concatenate([rng.permutation(held), rng.permutation(train)]), count)
    return picks, np.isin(picks, held)
