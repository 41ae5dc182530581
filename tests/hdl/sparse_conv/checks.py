"""What every layer in hardware is put through."""

import random

import numpy as np

from tests.hdl.bench import check, wrong_frames

LIMIT = 90000


def plain(block, top, frames):
    """Bits, order, tlast and cycles."""
    check(block, top(block), frames, limit=LIMIT)


def stalled(block, top, frames, seed):
    """Under idles and stalls that ``seed`` chooses."""
    idle, stall = [(0.3, 0.0), (0.0, 0.5), (0.4, 0.4), (0.0, 0.9)][seed % 4]
    check(block, top(block), frames, idle=idle, stall=stall, seed=seed, limit=LIMIT)


def wrong_lengths(block, top, frames, seed):
    """Frames of wrong lengths between right ones."""
    rng = random.Random(seed)
    right = len(frames[0])
    lengths = [rng.choice([None, rng.randint(1, 2 * right + 2)]) for _ in frames]
    lengths = [None if length == right else length for length in lengths]
    sent, answers = wrong_frames(block, frames, lengths, np.random.default_rng(seed))
    stall = rng.choice([0, 0.4])
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed, limit=LIMIT)


def resets(block, top, frames, seed):
    """Resets in cycles that ``seed`` chooses."""
    rng, length = random.Random(seed), block.cycles(frames)
    cycles = np.cumsum([rng.randint(4, length + 4) for _ in range(3)]).tolist()
    stall = rng.choice([0, 0.4])
    check(block, top(block), frames, resets=cycles, idle=stall, stall=stall, seed=seed,
          limit=LIMIT)
