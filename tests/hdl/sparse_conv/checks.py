"""What every layer in hardware is put through."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hdl.bench import RANDOM, check, wrong_frames

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


def on_random(designs, top):
    """The four tests above, on random designs.

    designs: strategy of a block and as many frames as it is asked for
    """
    @settings(RANDOM, max_examples=15)
    @given(designs())
    def bits_order_tlast_and_cycles(made):
        plain(made[0], top, made[1])

    @settings(RANDOM, max_examples=8)
    @given(designs(), st.integers(0, 2**16))
    def stalls(made, seed):
        stalled(made[0], top, made[1], seed)

    @settings(RANDOM, max_examples=8)
    @given(designs(frames=6), st.integers(0, 2**16))
    def frames_of_wrong_length(made, seed):
        wrong_lengths(made[0], top, made[1], seed)

    @settings(RANDOM, max_examples=6)
    @given(designs(), st.integers(0, 2**16))
    def resets_leave_no_trace(made, seed):
        resets(made[0], top, made[1], seed)

    return bits_order_tlast_and_cycles, stalls, frames_of_wrong_length, resets_leave_no_trace
