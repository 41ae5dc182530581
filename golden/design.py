"""What every block offers to the other rooms: parameters, tensors, streams, reference, cycles."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from golden.check import require_int
from golden.formats import Format

__all__ = ["Block", "FrameError", "Stream"]


class FrameError(ValueError):
    """A frame that a block answers with an error."""


@dataclass(frozen=True)
class Stream:
    """One AXI4-Stream port as golden sees it: ``elements`` values of one format in a beat.

    Packed least significant element first, padded with zeros to whole bytes.
    """

    format: Format
    elements: int = 1

    def __post_init__(self):
        require_int("Stream elements", self.elements, 1)

    @property
    def width(self):
        """Bits of ``tdata``."""
        return -(-self.format.width * self.elements // 8) * 8

    def pack(self, beats):
        """Array [beats, elements] of codes to a list of ``tdata`` integers.

        A code outside the format is refused: cut to its width, it would equal another one.
        """
        mask, width = (1 << self.format.width) - 1, self.format.width
        codes = np.asarray(beats).reshape(-1, self.elements)
        least, most = self.format.minimum, self.format.maximum
        wrong = codes[(codes < least) | (codes > most)]
        if len(wrong):
            raise ValueError(f"Stream code must lie between {least} and {most} in {self.format}, "
                             f"not {wrong[0]}")
        return [sum((int(v) & mask) << (i * width) for i, v in enumerate(beat)) for beat in codes]

    def unpack(self, words):
        """List of ``tdata`` integers to an int64 array [beats, elements]."""
        mask, width = (1 << self.format.width) - 1, self.format.width
        out = np.array([[(word >> (i * width)) & mask for i in range(self.elements)]
                        for word in words], dtype=np.int64).reshape(-1, self.elements)
        return np.where(out > self.format.maximum, out - (1 << width), out)


class Block(ABC):
    """A block with its quantised tensors: the specification that hardware must equal.

    params:   the frozen dataclass of `golden.<family>.params`
    tensors:  name -> int64 array, exactly the names and shapes of `shapes(params)`

    A frame is an int64 array [beats, elements] of codes; its last beat carries ``tlast``.
    """

    #: Dotted name, the same in golden and hdl: ``lstm.network``.
    name: str

    def __init__(self, params, tensors):
        self.params = params
        expected = self.shapes(params)
        for missing in sorted(expected.keys() - tensors.keys()):
            raise ValueError(f"Tensors must have {missing!r}, which is missing")
        for foreign in sorted(tensors.keys() - expected.keys()):
            raise ValueError(f"Tensors must not have {foreign!r}")
        self.tensors = {}
        for name, shape in expected.items():
            value = np.asarray(tensors[name]).astype(np.int64)
            if value.shape != shape:
                raise ValueError(f"Tensor {name} must have shape {shape}, not {value.shape}")
            self.tensors[name] = value
        self.check()

    @staticmethod
    @abstractmethod
    def shapes(params):
        """Name -> shape of every tensor that the hardware needs."""

    def check(self):  # noqa: B027 (optional: most blocks have ranges to check, some have none)
        """Raise ValueError for a tensor value outside its format."""

    @property
    @abstractmethod
    def input(self):
        """`Stream` of ``s_axis``."""

    @property
    @abstractmethod
    def output(self):
        """`Stream` of ``m_axis``."""

    #: Whether an answer hangs on the frames before it, and not on its own alone.
    history = False

    #: (beats of a frame, of an answer) at most, where there are several lengths.
    longest = None

    #: `Stream` of ``s_axis_w``, where weights are loaded at run time.
    load = None
    #: Whether the image goes in beside every frame, instead of once before the first.
    load_beside = False

    def image(self):
        """The frame that loads the weights: array [beats, elements]; only with `load`."""
        raise ValueError(f"{self.name} must have store 'load' to have an image")

    @abstractmethod
    def run(self, frames):
        """The frames that the block answers with: for each input frame one array of beats.

        Errors: `FrameError` for a frame that it answers with an error.
        """

    @abstractmethod
    def cycles(self, frames):
        """Clock cycles from the first input beat's transfer to the last output beat's, both
        counted, with a source that is always valid and a sink that is always ready, from reset."""

    def cycles_of_last(self, frames):
        """`cycles` of the last of ``frames`` when the others have left long before it comes; None
        where history makes that a question of its own."""
        return None if self.history else int(self.cycles(frames[-1:]))

    @classmethod
    @abstractmethod
    def random(cls, params, rng):
        """The block with random tensors (NumPy generator ``rng``) that reach every format."""

    @abstractmethod
    def random_frames(self, count, rng):
        """``count`` random input frames."""
