"""Which bits flip: drawn by generators that hardware has as well.

Every four bits of a group have an xorshift128+ of their own, which makes a word each stream cycle
and runs on from frame to frame; bit k flips when the word's 16 bits from 16 k on are less than the
rate. A layer has three groups: its input bits, its sums (neuron by neuron, least significant bit
first), its states (likewise).
"""

import numpy as np

from golden import xorshift
from golden.params import ceil_div

__all__ = ["GROUPS", "WORD", "Flips", "groups", "seeds"]

GROUPS = ("streams", "sums", "states")
#: Bits of an xorshift word, and of the number that decides on one flip.
WORD, DRAW = 64, 16


def groups(params):
    """(layer, name) -> (bits, rate), of those that can flip."""
    out = {}
    for n, part in enumerate(params.layers):
        bits = (part.inputs, part.outputs * part.sum_format.width,
                part.outputs * part.state_width)
        for name, count in zip(GROUPS, bits, strict=True):
            rate = getattr(params.faults, name)
            if rate and count:
                out[n, name] = (count, rate)
    return out


def seeds(params, layer, name):
    """The seeds of a group's generators."""
    count = ceil_div(groups(params)[layer, name][0], WORD // DRAW)
    rng = np.random.default_rng((params.faults.seed, layer, GROUPS.index(name)))
    words = rng.integers(1, 1 << 63, (count, 2))
    return [int(low) | int(high) << WORD for low, high in words]


class Flips:
    """The flips of all groups, a frame after another."""

    def __init__(self, params):
        self.params, self.groups = params, groups(params)
        found = {key: seeds(params, *key) for key in self.groups}
        self._first, at = {}, 0
        for key, those in found.items():
            self._first[key] = at
            at += len(those)
        self._seeds = [seed for those in found.values() for seed in those]

    def draw(self, frames):
        """(layer, name) -> bool [length, frames, bits] of the next ``frames`` frames."""
        steps = frames * self.params.length
        if not self._seeds:
            return {}
        # One more than is used: its state is the next call's seed.
        old, new = xorshift.states(WORD, self._seeds, steps + 1)
        self._seeds = [int(low) | int(high) << WORD
                       for low, high in zip(old[-1], new[-1], strict=True)]
        words = (old + new)[:steps]
        out = {}
        for key, (bits, rate) in self.groups.items():
            first = self._first[key]
            own = words[:, first:first + ceil_div(bits, WORD // DRAW)]
            draws = np.ascontiguousarray(own).astype("<u8").view("<u2")[:, :bits]
            out[key] = (draws < rate).reshape(frames, self.params.length, bits).swapaxes(0, 1)
        return out
