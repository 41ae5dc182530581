"""The cycle model of one array engine: column lists in, row sums out.

An engine issues one slot (one column word of one group of rows) a cycle, and stalls in three
places only; each is a ``max`` below:

* the first group of a step follows h as the step before produces it (``done``, ``available``);
* a group's sums may replace the group's before only when those have been shifted out;
* the rows of a step's first group wait until the receiver has a free buffer (``go``).
"""

import numpy as np

__all__ = ["DirectSchedule", "Schedule", "kept_words"]


def kept_words(values, columns):
    """Indices of the column words that are not all zero.

    values: array [..., batch, elements]; returns a bool array [..., words].
    """
    nonzero = (np.asarray(values) != 0).any(axis=-2)
    pad = -nonzero.shape[-1] % columns
    nonzero = np.pad(nonzero, [(0, 0)] * (nonzero.ndim - 1) + [(0, pad)])
    return nonzero.reshape(*nonzero.shape[:-1], -1, columns).any(axis=-1)


class Schedule:
    """Times of one engine, step after step. All times are cycles since reset.

    released: for each step so far, the first cycle in which its input buffer is free again
    slots:    column slots issued so far
    """

    def __init__(self, params):
        self.params = params
        self.released = []
        self.slots = 0
        self._next = 0        # first cycle in which a slot may be issued
        self._replace = 0     # first cycle in which a slot that replaces the rows may be issued

    def free(self, _go):
        """First cycle in which the next vector may be given a buffer."""
        return self.released[-2] if len(self.released) >= 2 else 0

    def step(self, ready, kept_x, h=None, go=None):
        """Schedule a step; returns the cycles in which its units' results are visible.

        ready: first cycle in which the whole input vector is visible; kept_x: its kept words;
        h: None, or (available, done): first cycles in which each kept word of h, and the end of
        its list, are visible; go: first cycle in which the receiver has a free buffer, None for a
        vector that is not sent.
        """
        params, interval = self.params, self.params.interval
        slot = max(self._next, ready)
        times = []
        left = params.hidden
        kept_h = 0 if h is None else len(h[0])
        for group in range(params.groups):
            if group == 0 and h is not None:
                available, done = h
                if kept_h:
                    # A word is issued once it is known whether it is the last.
                    known = np.append(available[1:], done) - np.arange(kept_h)
                    slot = max(slot, int(known.max()))
                else:
                    slot = max(slot, done)
            if kept_h and not params.joint:
                # h's sums move to their rows before x's begin.
                slot = max(slot + kept_h - 1, self._replace) + 1
                end = slot + kept_x - 1
            elif kept_h:
                end = max(slot + kept_h + kept_x - 1, self._replace)
            else:
                end = max(slot + max(kept_x, 1) - 1, self._replace)
            start = end + params.issue_to_rows
            units = min(left, params.units_per_group)
            left -= units
            self._replace = end + units * interval
            if group == 0 and go is not None:
                # The buffer is taken in the cycle after the end's issue, or when there is one.
                taken = max(end + 1, go)
                start = max(start, taken + 1)
                self._replace = max(self._replace, taken + 1
                                    + max(0, units * interval - params.issue_to_rows))
            times.append(start + interval * np.arange(units) + params.latency)
            self.slots += kept_h + kept_x
            slot = end + 1
        self._next = slot
        self.released.append(slot)
        return np.concatenate(times)


class DirectSchedule:
    """Times of an engine that stores nothing (`hdl.lstm.direct`); as `Schedule`."""

    def __init__(self, params):
        self.params = params
        self.slots = 0
        self._released = 0

    def free(self, go):
        """First cycle in which the next vector may be taken; its result's place is taken too."""
        return max(self._released, go)

    def step(self, ready, kept_x, go=0):
        """Schedule a vector whose last word arrives in the cycle before ``ready``."""
        params = self.params
        self.slots += params.words_x
        self._released = ready + max(0, params.outputs - params.words_x)
        return ready + params.array_latency + np.arange(params.outputs) + params.latency
