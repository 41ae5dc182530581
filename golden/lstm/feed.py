"""Real data as the frames of a recurrent network, and what its answers are worth."""

from dataclasses import dataclass

import numpy as np

from golden import data
from golden.check import require_choice, require_int

__all__ = ["TASKS", "Feed", "feed", "task_of"]

#: Task -> what a step of it is.
TASKS = {
    "digits-rows": "a row of a digit",
    "digits-pixels": "a pixel of a digit",
    "mnist-rows": "a row of an MNIST image",
    "mnist-pixels": "a pixel of an MNIST image",
    "text": "a character",
}


@dataclass(frozen=True)
class Feed:
    """Frames for a block, and what the network should have answered.

    frames:   list of int64 arrays [beats, elements]
    targets:  classes [frames, batch], or next symbols [frames, steps, batch]
    counted:  which targets the network was not trained on, in the shape of the targets
    metric:   ``accuracy`` in percent, or ``bpc``, bits per character
    """

    frames: list
    targets: np.ndarray
    counted: np.ndarray
    metric: str

    def score(self, params, answers):
        """The metric over the counted targets (None where there are none), and their number.

        answers: for each frame the beats [beats, batch] that golden, or hardware, gave.
        """
        number = int(self.counted.sum())
        if not number:
            return None, 0
        outputs = np.stack(answers).reshape(len(answers), -1, params.output_size, params.batch)
        if self.metric == "accuracy":
            right = outputs[:, -1].argmax(axis=1) == self.targets
            return 100 * float(right[self.counted].mean()), number
        logits = params.output_format.dequantise(outputs.astype(float)).swapaxes(2, 3)
        logits -= logits.max(axis=-1, keepdims=True)
        chosen = np.take_along_axis(logits, self.targets[..., None], axis=-1)[..., 0]
        nats = np.log(np.exp(logits).sum(axis=-1)) - chosen
        return float(nats[self.counted].mean() / np.log(2)), number


def task_of(info):
    """The task that a model file's ``info`` speaks of, or None.

    >>> task_of({"task": {"data": "digits", "view": "rows"}}), task_of({"task": "weather"})
    ('digits-rows', None)
    """
    task = info.get("task")
    if isinstance(task, dict):
        view = task.get("view")
        task = view if view == "text" else f"{task.get('data')}-{view}"
    return task if isinstance(task, str) and task in TASKS else None


def feed(task, params, count, seed=0, fold=0):
    """`Feed` of ``count`` frames in an order that ``seed`` gives.

    Images: the held-out part of ``fold`` first, then the rest, then from the start again. Text:
    the committed sample, which no network is trained on; each batch item reads its own part.

    Errors: ValueError for a task that is not one of `TASKS`, or a network that does not fit it;
    FileNotFoundError for MNIST where it is not.
    """
    require_choice("Task", task, tuple(TASKS))
    require_int("Frames", count, 1)
    return (_text if task == "text" else _images)(task, params, count, seed, fold)


def _images(task, params, count, seed, fold):
    first = params.layers[0]
    images = data.mnist() if task.startswith("mnist") else data.digits()
    pixels = images.pixels.astype(np.int64)
    x = pixels if task.endswith("rows") else pixels.reshape(len(pixels), -1, 1)
    if (first.one_hot, params.steps, first.inputs) != (False, *x.shape[1:]):
        raise ValueError(f"Network for {task} must take {x.shape[1]} steps of {x.shape[2]} values, "
                         f"not {params.steps} of {first.inputs}")
    if params.per_step or params.stateful or params.output_size != 10:
        raise ValueError(f"Network for {task} must answer each frame with 10 values")
    if first.input.maximum < images.maximum:
        raise ValueError(f"Network input for {task} must hold 0..{images.maximum}, "
                         f"not {first.input}")
    rng = np.random.default_rng(seed)
    train, held = images.splits[fold]
    order = np.concatenate([rng.permutation(held), rng.permutation(train)])
    picks = np.resize(order, (count, params.batch))
    padded = np.zeros((*x.shape[:2], first.words_x * first.columns), dtype=np.int64)
    padded[..., :first.inputs] = x
    # [frames, batch, steps, words, columns] to beats of columns, batch item by item
    beats = padded[picks].reshape(count, params.batch, params.steps, first.words_x, first.columns)
    beats = beats.transpose(0, 2, 3, 1, 4).reshape(count, params.frame_beats, -1)
    return Feed(list(beats), images.labels[picks], np.isin(picks, held), "accuracy")


def _text(task, params, count, seed, _fold):
    first = params.layers[0]
    symbols = len(data.VOCABULARY)
    if not first.one_hot or first.inputs != symbols or params.output_size != symbols:
        raise ValueError(f"Network for {task} must take and give {symbols} symbols, one-hot")
    if not params.per_step:
        raise ValueError(f"Network for {task} must answer after every step")
    codes = data.text("sample").astype(np.int64)
    start = np.random.default_rng(seed).integers(len(codes)) if seed else 0
    parts = start + np.arange(params.batch) * (len(codes) // params.batch)
    places = (np.arange(count * params.steps)[:, None] + parts).reshape(
        count, params.steps, params.batch)
    targets = codes[(places + 1) % len(codes)]
    return Feed(list(codes[places % len(codes)]), targets, np.ones(targets.shape, bool), "bpc")
