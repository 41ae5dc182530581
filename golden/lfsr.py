"""Linear feedback shift registers of maximal length.

Fibonacci form: stages 1..width, stage 1 in bit 0. A step moves every stage up by one and puts the
exclusive or of the taps into stage 1, so that the recurrence is ``a[k] = xor of a[k - tap]``.

>>> [state for state, in sequence(3, [1], 8).tolist()]
[1, 2, 5, 3, 7, 6, 4, 1]
"""

import numpy as np

from golden.check import require_int

__all__ = ["TAPS", "check_lfsr", "jump", "sequence"]

#: Taps that make each width's length maximal, 2**width - 1.
#: Source: Xilinx XAPP 052 (P. Alfke, "Efficient Shift Registers, LFSR Counters, and Long
#: Pseudo-Random Sequence Generators", 1996), table 3. There the gates are XNOR and the lock-up
#: state is all ones; here they are XOR, and it is zero. The tests prove each length.
TAPS = {
    3: (3, 2), 4: (4, 3), 5: (5, 3), 6: (6, 5), 7: (7, 6), 8: (8, 6, 5, 4), 9: (9, 5),
    10: (10, 7), 11: (11, 9), 12: (12, 6, 4, 1), 13: (13, 4, 3, 1), 14: (14, 5, 3, 1),
    15: (15, 14), 16: (16, 15, 13, 4), 17: (17, 14), 18: (18, 11), 19: (19, 6, 2, 1),
    20: (20, 17), 21: (21, 19), 22: (22, 21), 23: (23, 18), 24: (24, 23, 22, 17), 25: (25, 22),
    26: (26, 6, 2, 1), 27: (27, 5, 2, 1), 28: (28, 25), 29: (29, 27), 30: (30, 6, 4, 1),
    31: (31, 28), 32: (32, 22, 2, 1),
}


def check_lfsr(width, seed, steps):
    """Raise unless there is such a generator; the all-zero seed would never leave zero."""
    require_int("LFSR width", width, min(TAPS), max(TAPS))
    require_int("LFSR seed", seed, 1, (1 << width) - 1)
    require_int("LFSR steps", steps, 1, 1 << width)


def jump(width, steps):
    """What ``steps`` steps do: for every bit of the new state, the mask of old bits to xor."""
    rows = [1 << bit for bit in range(width)]
    result, power = rows, _step(width)
    while steps:
        if steps & 1:
            result = _after(power, result)
        power = _after(power, power)
        steps >>= 1
    return result


def _step(width):
    return [sum(1 << (tap - 1) for tap in TAPS[width]), *(1 << bit for bit in range(width - 1))]


def _after(second, first):
    """Masks of the map ``first``, then ``second``."""
    masks = []
    for row in second:
        mask = 0
        for bit, inner in enumerate(first):
            mask ^= inner if row >> bit & 1 else 0
        masks.append(mask)
    return masks


def sequence(width, seeds, count, steps=1):
    """The first ``count`` states from each of ``seeds``, the seed first, ``steps`` steps from one
    to the next: int64 [count, seeds]."""
    seeds = [int(seed) for seed in seeds]
    for seed in seeds:
        check_lfsr(width, seed, steps)
    states = np.empty((max(count, 1), len(seeds)), dtype=np.int64)
    states[0] = seeds
    known = 1
    while known < count:  # all known states, moved on by as many as there are
        more = min(known, count - known)
        states[known:known + more] = _apply(jump(width, steps * known), states[:more])
        known += more
    return states[:count]


def _apply(masks, states):
    result = np.zeros_like(states)
    for bit, mask in enumerate(masks):
        result |= (np.bitwise_count(states & mask).astype(np.int64) & 1) << bit
    return result
