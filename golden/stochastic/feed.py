"""Images as the frames of a stochastic network, and what its answers are worth."""

from dataclasses import dataclass

import numpy as np

from golden import data
from golden.check import require_choice, require_int

__all__ = ["TASKS", "Feed", "feed", "task_of"]

#: Task -> what a frame of it is.
TASKS = {
    "digits": "a digit, 8 x 8 pixels",
    "mnist": "an MNIST image, 28 x 28 pixels",
}


@dataclass(frozen=True)
class Feed:
    """Frames for a network, and what it should have answered.

    frames:   list of int64 arrays [beats, columns]
    targets:  classes [frames]
    counted:  which frames the network was not trained on
    """

    frames: list
    targets: np.ndarray
    counted: np.ndarray
    metric: str = "accuracy"

    def score(self, params, answers):
        """Percent of right classes over the counted frames (None without one), and their number.

        answers: for each frame the beats that golden, or hardware, gave. Neither a trace nor counts
                 of ones have classes.
        """
        number = int(self.counted.sum())
        if not number or params.answer not in ("class", "scores"):
            return None, 0
        beats = np.stack(answers)
        classes = beats[:, 0, 0] if params.answer == "class" else beats[:, :, 0].argmax(1)
        return 100 * float((classes == self.targets)[self.counted].mean()), number


def task_of(info):
    """The task that a model file's ``info`` speaks of, or None.

    >>> task_of({"task": {"data": "digits", "m": 4}}), task_of({"task": "weather"})
    ('digits', None)
    """
    task = info.get("task")
    if isinstance(task, dict):
        task = task.get("data")
    return task if isinstance(task, str) and task in TASKS else None


def feed(task, params, count, seed=0, fold=0):
    """`Feed` of ``count`` frames in an order that ``seed`` gives: the held-out part of ``fold``
    first, then the rest, then from the start again.

    Errors: ValueError for a task that is not one of `TASKS`, or a network that does not fit it;
    FileNotFoundError for MNIST where it is not.
    """
    require_choice("Task", task, tuple(TASKS))
    require_int("Frames", count, 1)
    images = data.mnist() if task == "mnist" else data.digits()
    x = images.pixels.astype(np.int64).reshape(len(images.pixels), -1)
    if params.inputs != x.shape[1]:
        raise ValueError(f"Network for {task} must take {x.shape[1]} inputs, not {params.inputs}")
    if params.outputs != 10:
        raise ValueError(f"Network for {task} must have 10 outputs, not {params.outputs}")
    if params.input.maximum < images.maximum:
        raise ValueError(f"Network input for {task} must hold 0..{images.maximum}, "
                         f"not {params.input}")
    rng = np.random.default_rng(seed)
    train, held = images.splits[fold]
    picks = np.resize(np.concatenate([rng.permutation(held), rng.permutation(train)]), count)
    padded = np.zeros((count, params.words * params.columns), dtype=np.int64)
    padded[:, :params.inputs] = x[picks]
    return Feed(list(padded.reshape(count, params.words, params.columns)), images.labels[picks],
                np.isin(picks, held))
