"""Recurrent layers and a head, from frames of beats to frames of beats, in integers."""

import numpy as np
import torch

from golden.design import Block, Stream
from golden.lstm import dense, layer
from golden.lstm.dense import LOAD, _check_range
from golden.lstm.matvec import Schedule, kept_words
from golden.lstm.memories import dense_memories, layer_memories
from golden.lstm.output import OutputTimes
from golden.memory import image
from golden.weights import random_weights

__all__ = ["Network"]


class Network(Block):
    """A stack of LSTM or GRU layers with an optional head (`golden.lstm.params.NetworkParams`).

    Tensors: ``layers.<n>.<name>`` as `golden.lstm.layer.shapes` has them, ``head.<name>`` as
    `golden.lstm.dense.shapes` has them.
    """

    name = "lstm.network"
    history = property(lambda self: self.params.stateful)

    @staticmethod
    def shapes(params):
        names = {f"layers.{n}.{name}": shape for n, part in enumerate(params.layers)
                 for name, shape in layer.shapes(part).items()}
        if params.head:
            names |= {f"head.{name}": shape for name, shape in dense.shapes(params.head).items()}
        return names

    def part(self, prefix):
        """Tensors of one layer (``layers.0``) or of the ``head``, without the prefix."""
        return {name.removeprefix(prefix + "."): value for name, value in self.tensors.items()
                if name.startswith(prefix + ".")}

    def check(self):
        for n, params in enumerate(self.params.layers):
            tensors = self.part(f"layers.{n}")
            for name in ("weight_h", "weight_x"):
                if not params.kind.contains(tensors[name]):
                    raise ValueError(f"Layer {n} {name} must hold {params.weights} values only")
            for name, value in tensors.items():
                if name.startswith("weight"):
                    continue
                width = params.scale_width if "scale" in name else params.bias_width
                _check_range(f"Layer {n} {name}", value, width)
        if self.params.head:
            dense.check(self.params.head, self.part("head"))

    @property
    def input(self):
        p = self.params
        return Stream(p.layers[0].input, p.input_elements * p.batch)

    @property
    def output(self):
        return Stream(self.params.output_format, self.params.batch)

    @property
    def load(self):
        return LOAD if self.params.store == "load" else None

    def memories(self):
        """(width, words) of every memory, in the order of the image."""
        parts = [layer_memories(params, self.part(f"layers.{n}"))
                 for n, params in enumerate(self.params.layers)]
        if self.params.head:
            parts.append(dense_memories(self.params.head, self.part("head")))
        return [memory for part in parts for memory in part.values()]

    def image(self):
        return image(self.memories()) if self.load else super().image()

    def sequences(self, frames):
        """Frames to [frames, steps, batch, inputs], or symbol codes [frames, steps, batch]."""
        p = self.params
        beats = np.stack(frames).reshape(len(frames), p.steps, p.step_beats, p.batch,
                                         p.input_elements)
        x = beats.transpose(0, 1, 3, 2, 4).reshape(len(frames), p.steps, p.batch, -1)
        return x[..., 0] if p.layers[0].one_hot else x[..., :p.layers[0].inputs]

    def trace(self, frames):
        """h of every layer: list of int64 arrays [frames, steps, batch, hidden]."""
        p = self.params
        x = torch.as_tensor(self.sequences(frames))
        count, steps, batch = x.shape[:3]
        # Sequences side by side, as far as no state is handed on from frame to frame.
        x = x.movedim(2, 0).flatten(1, 2) if p.stateful else x.movedim(2, 1).flatten(0, 1)
        outputs = []
        for n, params in enumerate(p.layers):
            x, _ = layer.run(params, self.part(f"layers.{n}"), x)
            h = (x.unflatten(1, (count, steps)).movedim(0, 2) if p.stateful
                 else x.unflatten(0, (count, batch)).movedim(1, 2))
            outputs.append(h.numpy())
        return outputs

    def run(self, frames):
        p = self.params
        h = torch.as_tensor(np.ascontiguousarray(self.trace(frames)[-1]))
        if not p.per_step:
            h = h[:, -1:]
        y = dense.product(p.head, self.part("head"), h) if p.head else h
        # [frames, steps, batch, outputs] to beats of one element of each batch item
        beats = y.movedim(2, 3).reshape(len(frames), -1, p.batch)
        return list(beats.numpy())

    def cycles(self, frames):
        return self.schedule(frames)[0]

    def utilisation(self, frames):
        """Products that count over lanes x columns x cycles, of the array that is busiest."""
        cycles, engines = self.schedule(frames)
        # A slot of the last group may have lanes without a row.
        return max(engine.slots / engine.params.groups * engine.params.rows / engine.params.lanes
                   for engine in engines) / cycles

    def schedule(self, frames):
        """The total of `cycles`, and the engines' `Schedule` objects, layers first, head last."""
        p = self.params
        x = self.sequences(frames)
        first = p.layers[0]
        if first.one_hot:
            kept_x = np.array([[len({c for c in step if c < first.inputs}) for step in frame]
                               for frame in x.tolist()])
        else:
            kept_x = kept_words(x, first.columns).sum(axis=-1)
        # A beat of symbols is taken apart one a cycle.
        beat_cycles = p.batch if first.one_hot else p.step_beats
        traces = self.trace(frames)
        engines = [Schedule(part) for part in p.layers]
        head = dense.schedule(p.head) if p.head else None
        output = OutputTimes()
        chain = [*engines, head] if head else engines
        recurrent = [kept_words(h, part.columns) for h, part in zip(traces, p.layers, strict=True)]
        forward = [kept_words(h, part.params.columns).sum(axis=-1)
                   for h, part in zip(traces, chain[1:], strict=False)]
        previous = [None] * len(engines)         # each layer's h of the step before
        beat = start = -1
        for frame in range(len(frames)):
            for step in range(p.steps):
                last = step == p.steps - 1
                beat = max(beat + 1, engines[0].free(0)) + beat_cycles - 1
                if start < 0:
                    start = beat - (p.step_beats - 1)
                ready, kept = beat + 1, int(kept_x[frame, step])
                for n, engine in enumerate(engines):
                    if step == 0 and not p.stateful:
                        previous[n] = None
                    sent = n + 1 < len(engines) or last or p.per_step
                    receiver = chain[n + 1] if n + 1 < len(chain) else None
                    go = None
                    if sent:
                        go = receiver.free(output.go()) if receiver else output.go()
                    times = engine.step(ready, kept, previous[n], go)
                    previous[n] = self._list(engine.params, times, recurrent[n][frame, step])
                    if n < len(forward):
                        ready, kept = int(times[-1]) + 1, int(forward[n][frame, step])
                    if receiver is None and sent:
                        output.push(times)
                if head and (last or p.per_step):
                    output.push(head.step(ready, kept, go=output.go()))
        return output.last - start + 1, chain

    @staticmethod
    def _list(params, times, kept):
        """When each kept word of h, and the end of its list, are visible to the next step."""
        last_element = np.minimum((np.flatnonzero(kept) + 1) * params.columns, params.hidden) - 1
        return times[last_element] + 1, int(times[-1]) + 1

    @classmethod
    def random(cls, params, rng):
        """Random tensors: gates spread over their tables, states over their format."""
        tensors = {}
        for n, part in enumerate(params.layers):
            rows = (part.gates, part.hidden)
            values = {"weight_h": random_weights(part.kind, (*rows, part.hidden), rng),
                      "weight_x": random_weights(part.kind, (*rows, part.inputs), rng)}
            limit = (1 << (part.scale_width - 1)) - 1
            for source, width in part.parts.items():
                count = part.hidden if source == "h" or part.joint else part.inputs
                spread = 2.0 ** (width - part.sum_shift - 1) / count ** 0.5
                typical = min(limit / 3,
                              max(1.0, 2.0 ** (part.pre.width + part.shift - 2) / spread))
                values["scale" if part.joint else f"scale_{source}"] = rng.normal(
                    0, typical, rows).round().clip(-limit, limit).astype(np.int64)
            limit = (1 << (min(part.bias_width, part.pre.width + part.shift) - 1)) - 1
            values["bias"] = rng.integers(-limit // 2, limit // 2 + 1, rows)
            if part.cell == "gru":
                values["bias_h"] = rng.integers(-limit // 2, limit // 2 + 1, part.hidden)
            if part.cell_norm:
                scale = 2.0 ** (part.cell_shift + part.pre.fraction - part.state.fraction)
                scale_limit = (1 << (part.scale_width - 1)) - 1
                values["cell_scale"] = rng.normal(0, max(1.0, scale), part.hidden).round().clip(
                    -scale_limit, scale_limit).astype(np.int64)
                limit = (1 << (min(part.bias_width, part.pre.width + part.cell_shift) - 1)) - 1
                values["cell_bias"] = rng.integers(-limit // 2, limit // 2 + 1, part.hidden)
            tensors |= {f"layers.{n}.{name}": value for name, value in values.items()}
        if params.head:
            tensors |= {f"head.{name}": value
                        for name, value in dense.random(params.head, rng).items()}
        return cls(params, tensors)

    def random_frames(self, count, rng):
        p = self.params
        first = p.layers[0]
        if first.one_hot:
            limit = min(first.inputs + 1, first.input.maximum + 1)   # one code beyond, if it fits
            return list(rng.integers(0, limit, (count, p.frame_beats, p.batch)))
        frames = rng.integers(first.input.minimum, first.input.maximum + 1,
                              (count, p.frame_beats, p.input_elements * p.batch))
        frames *= rng.random((count, p.frame_beats, 1)) > rng.choice([0.0, 0.5, 1.0], (count, 1, 1))
        return list(frames)
