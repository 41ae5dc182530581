"""Jobs and their answers as frames: fields of whole numbers, in words of 16 bits.

A job is a limit of cycles and what is asked; an answer is where it was found, the cycles that it
took, and the values. Every field begins with a word of its own, least significant word first.
"""

import numpy as np

from golden.design import Block, Stream
from golden.formats import Format
from golden.params import ceil_div

__all__ = ["COUNT", "STATUS", "WORD", "WORDS", "JobBlock", "pack", "unpack", "words"]

WORD = 16
WORDS = Stream(Format(WORD, 0, signed=False))
#: Bits of a limit, and of a count of cycles.
COUNT = 32
#: Bits of an answer's first field: bit 0 is 1 where something was found, above it the replica.
STATUS = 16


def words(widths):
    """Beats of fields of so many bits."""
    return sum(ceil_div(width, WORD) for width in widths)


def pack(widths, values):
    """Values of fields to a frame [beats, 1].

    >>> pack([32, 4], [0x10002, 5]).ravel().tolist()
    [2, 1, 5]
    """
    found = []
    for width, value in zip(widths, values, strict=True):
        if not 0 <= value < 1 << width:
            raise ValueError(f"Job field must be between 0 and {(1 << width) - 1}, not {value}")
        found += [value >> at & (1 << WORD) - 1 for at in range(0, width, WORD)]
    return np.array(found, dtype=np.int64)[:, None]


def unpack(widths, frame):
    """A frame [beats, 1] to the fields' values; bits beyond a field's width mean nothing.

    >>> unpack([32, 4], np.array([[2], [1], [0xFF5]]))
    [65538, 5]
    """
    beats, found = iter(np.asarray(frame).ravel().tolist()), []
    for width in widths:
        value = sum(next(beats) << at for at in range(0, width, WORD))
        found.append(value & (1 << width) - 1)
    return found


class JobBlock(Block):
    """A block whose frames are jobs; its parameters' ``job`` and ``answer`` are the fields' widths.

    Fields of a job: limit of cycles (0 counts as 1), then what is asked. Of an answer: status,
    cycles, then the values. An answer begins in the cycle after the last one that the job took,
    and the next job is taken when the answer has left.
    """

    input = output = WORDS
    #: Random bits run on from job to job.
    history = True

    @staticmethod
    def shapes(params):
        return {}

    @classmethod
    def random(cls, params, rng):
        return cls(params, {})

    def cycles(self, frames):
        p = self.params
        ran = sum(unpack(p.answer, answer)[1] for answer in self.run(frames))
        # A cycle more, in which the job's state is made.
        return ran + len(frames) * (words(p.job) + 1 + words(p.answer))

    def cycles_of_last(self, frames):
        """Jobs come one after the other: none begins before the one before it has left."""
        return int(self.cycles(frames) - self.cycles(frames[:-1]))
