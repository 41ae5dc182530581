"""Images as the frames of a network of convolutions, and what its answers are worth."""

from dataclasses import dataclass

import numpy as np

from golden import data
from golden.check import require_choice, require_int
from golden.sparse_conv.convolution import to_frames

__all__ = ["TASKS", "Feed", "feed", "task_of"]

#: Task -> what a frame of it is.
TASKS = {
    "digits": "a digit, 8 x 8 pixels",
    "mnist": "an MNIST image, 28 x 28 pixels",
}


@dataclass(frozen=True)
class Feed:
    """Frames for a network, and what it should have answered.

    frames:   list of int64 arrays [beats, beat]
    targets:  classes [frames]
    counted:  which frames the network was not trained on
    """

    frames: list
    targets: np.ndarray
    counted: np.ndarray
    metric: str = "accuracy"

    def score(self, params, answers):
        """Percent of right classes over the counted frames (None without one), and their number.

        answers: for each frame the beats that golden, or hardware, gave: a class, or the last map.
        """
        number = int(self.counted.sum())
        if not number:
            return None, 0
        beats = np.stack(answers).reshape(len(answers), -1)
        if params.answer == "class":
            classes = beats[:, 0]
        else:
            classes = beats[:, :params.network.last.filters].argmax(1)
        return 100 * float((classes == self.targets)[self.counted].mean()), number


def task_of(info):
    """The task that a model file's ``info`` speaks of, or None.

    >>> task_of({"task": {"data": "digits"}}), task_of({"task": "weather"})
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
    first, last = params.network.first, params.network.last
    size = images.pixels.shape[1:]
    if (first.channels, first.height, first.width) != (1, *size):
        raise ValueError(f"Network for {task} must take a map of 1 x {size[0]} x {size[1]}, not "
                         f"{first.channels} x {first.height} x {first.width}")
    if (last.filters, last.out_height, last.out_width) != (10, 1, 1):
        raise ValueError(f"Network for {task} must make a map of 10 x 1 x 1, not {last.filters} x "
                         f"{last.out_height} x {last.out_width}")
    if first.input.maximum < images.maximum:
        raise ValueError(f"Network input for {task} must hold 0..{images.maximum}, "
                         f"not {first.input}")
    rng = np.random.default_rng(seed)
    train, held = images.splits[fold]
    picks = np.resize(np.concatenate([rng.permutation(held), rng.permutation(train)]), count)
    frames = to_frames(images.pixels[picks, None].astype(np.int64), params.beat)
    return Feed(frames, images.labels[picks], np.isin(picks, held))
