"""Layers without a trained network: random codes and weights, of which a stated share is 0."""

from dataclasses import dataclass

import numpy as np

from golden.check import require_choice, require_int
from golden.sparse_conv import convolution
from golden.sparse_conv.compressed import encode, to_beats
from golden.sparse_conv.nullhop_params import NullhopParams

__all__ = ["TASKS", "Feed", "feed", "task_of"]

#: Task -> what a frame of it is.
TASKS = {f"zeros-{percent}": f"a random map, {percent} % of whose codes are 0"
         for percent in (0, 50, 75, 90)}


@dataclass(frozen=True)
class Feed:
    """Frames that mean nothing: list of int64 arrays [beats, elements]."""

    frames: list
    metric: None = None

    def score(self, params, answers):
        return None, 0


def task_of(info):
    """None: no model file is of these tasks."""
    return None


def feed(task, params, count, seed=0):
    """`Feed` of ``count`` maps for a block of one convolution, or of several: of each map exactly
    the task's share of codes is 0, rounded, in random places.

    Errors: ValueError for a task that is not one of `TASKS`.
    """
    require_choice("Task", task, tuple(TASKS))
    require_int("Frames", count, 1)
    layer = params.network.first if hasattr(params, "network") else params.layer
    rng = np.random.default_rng(seed)
    allowed = np.arange(layer.input.minimum, layer.input.maximum + 1)
    maps = rng.choice(allowed[allowed != 0],
                      (count, layer.channels, layer.height, layer.width))
    for image in maps:
        convolution.zero_out(image, np.arange(image.size), int(task.removeprefix("zeros-")) / 100,
                             rng)
    if isinstance(params, NullhopParams):
        return Feed([to_beats(encode(image, params.word, params.order), params.beat)
                     for image in maps])
    return Feed(convolution.to_frames(maps, params.beat))
