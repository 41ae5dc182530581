"""Images as the frames of a stochastic network."""

import numpy as np

from golden import images
from golden.images import TASKS, task_of

__all__ = ["TASKS", "Feed", "feed", "task_of"]


class Feed(images.Feed):
    """Frames [beats, columns]; answers are classes or scores. Neither a trace nor counts of ones
    have classes."""

    def classes(self, params, beats):
        if params.answer not in ("class", "scores"):
            return None
        return beats[:, 0, 0] if params.answer == "class" else beats[:, :, 0].argmax(1)


def feed(task, params, count, seed=0, fold=0):
    """`Feed` of ``count`` frames in the order of `golden.images.pick`.

    Errors: as `golden.images.load`, and ValueError for a network that does not fit the task.
    """
    found = images.load(task)
    x = found.pixels.astype(np.int64).reshape(len(found.pixels), -1)
    if params.inputs != x.shape[1]:
        raise ValueError(f"Network for {task} must take {x.shape[1]} inputs, not {params.inputs}")
    if params.outputs != 10:
        raise ValueError(f"Network for {task} must have 10 outputs, not {params.outputs}")
    if params.input.maximum < found.maximum:
        raise ValueError(f"Network input for {task} must hold 0..{found.maximum}, "
                         f"not {params.input}")
    picks, counted = images.pick(found, count, seed, fold)
    padded = np.zeros((count, params.words * params.columns), dtype=np.int64)
    padded[:, :params.inputs] = x[picks]
    return Feed(list(padded.reshape(count, params.words, params.columns)), found.labels[picks],
                counted)
