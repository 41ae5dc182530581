"""Images, or random maps, as the frames of a network of convolutions."""

import numpy as np

from golden import images
from golden.check import require_choice
from golden.images import task_of
from golden.sparse_conv import synthetic
from golden.sparse_conv.convolution import to_frames

__all__ = ["TASKS", "Feed", "feed", "task_of"]

#: Task -> what a frame of it is.
TASKS = images.TASKS | synthetic.TASKS


class Feed(images.Feed):
    """Frames [beats, beat]; answers are a class, or the last map."""

    def classes(self, params, beats):
        flat = beats.reshape(len(beats), -1)
        if params.answer == "class":
            return flat[:, 0]
        return flat[:, :params.network.last.filters].argmax(1)


def feed(task, params, count, seed=0, fold=0):
    """`Feed` of ``count`` frames in the order of `golden.images.pick`, or that of
    `golden.sparse_conv.synthetic.feed`.

    Errors: as `golden.images.load`, and ValueError for a network that does not fit the task.
    """
    require_choice("Task", task, tuple(TASKS))
    if task in synthetic.TASKS:
        return synthetic.feed(task, params, count, seed)
    found = images.load(task)
    first, last = params.network.first, params.network.last
    size = found.pixels.shape[1:]
    if (first.channels, first.height, first.width) != (1, *size):
        raise ValueError(f"Network for {task} must take a map of 1 x {size[0]} x {size[1]}, not "
                         f"{first.channels} x {first.height} x {first.width}")
    if (last.filters, last.out_height, last.out_width) != (10, 1, 1):
        raise ValueError(f"Network for {task} must make a map of 10 x 1 x 1, not {last.filters} x "
                         f"{last.out_height} x {last.out_width}")
    if first.input.maximum < found.maximum:
        raise ValueError(f"Network input for {task} must hold 0..{found.maximum}, "
                         f"not {first.input}")
    picks, counted = images.pick(found, count, seed, fold)
    frames = to_frames(found.pixels[picks, None].astype(np.int64), params.beat)
    return Feed(frames, found.labels[picks], counted)
