"""k winners take all: at every pixel the k largest channels stay, the others become 0.

Source: Pilly et al., JETC 15(2), 2019 (10.1145/3304104), of which only the abstract is known here:
the k largest of all feature maps at each location. The tie rule and the hardware are ours.
"""

import numpy as np

from golden.design import Block, Stream
from golden.sparse_conv.convolution import to_frames, to_maps

__all__ = ["Winners", "winners"]


def winners(params, maps):
    """Maps [frames, channels, height, width] with the k largest codes of every pixel; of equal
    codes those of lower channels stay."""
    # A stable sort keeps the order of equal codes.
    order = np.argsort(-maps, axis=1, kind="stable")[:, :params.winners]
    out = np.zeros_like(maps)
    np.put_along_axis(out, order, np.take_along_axis(maps, order, 1), 1)
    return out


class Winners(Block):
    """Input and output: a map as a frame of ``beat`` codes a beat. Pixels leave as they come."""

    name = "sparse_conv.winners"

    @staticmethod
    def shapes(_params):
        return {}

    @property
    def input(self):
        return Stream(self.params.format, self.params.beat)

    output = input

    def run(self, frames):
        p = self.params
        return to_frames(winners(p, to_maps(frames, p.channels, p.height, p.width)), p.beat)

    def cycles(self, frames):
        p = self.params
        # Last beat of a pixel, and the cycles in which it moves on to be searched and to be sent.
        collected, searched, sent = -1, 0, 0
        for _ in range(len(frames) * p.pixels):
            collected = max(collected + 1, searched) + p.beats - 1
            searched = max(collected + 1, sent)
            sent = max(searched + p.format.width, sent + p.beats)
        # The memory's and the output register, and the first cycle is one.
        return sent + p.beats + 2 + 1

    @classmethod
    def random(cls, params, rng):
        return cls(params, {})

    def random_frames(self, count, rng):
        """Of some frames most codes are equal."""
        p = self.params
        shape = (count, p.channels, p.height, p.width)
        maps = rng.integers(p.format.minimum, p.format.maximum + 1, shape)
        few = rng.choice(maps.ravel(), 2)[rng.integers(0, 2, shape)]
        return to_frames(np.where(rng.random((count, 1, 1, 1)) < 0.5, maps, few), p.beat)
