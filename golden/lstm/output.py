"""The cycle model of the output queue, shared by every block that ends in `hdl.lstm.output`."""

from golden.lstm.params import OUTPUT_PLACES

__all__ = ["OutputTimes"]

#: Cycles from an element's result to its transfer on m_axis.
QUEUE_LATENCY = 1
#: Cycles from a vector's last transfer to the cycle in which its place is free again.
QUEUE_RETURN = 1


class OutputTimes:
    """Transfer times on ``m_axis`` with a sink that is always ready.

    The queue holds `OUTPUT_PLACES` vectors; another one starts only when a place is free.
    """

    def __init__(self):
        self.last = -1        # cycle of the last transfer
        self._ends = []       # per vector, cycle of its last transfer

    def go(self):
        """First cycle in which the next vector may start."""
        if len(self._ends) < OUTPUT_PLACES:
            return 0
        return self._ends[-OUTPUT_PLACES] + QUEUE_RETURN

    def push(self, times):
        """A vector whose elements' results are visible at ``times``."""
        for time in times:
            self.last = max(self.last + 1, int(time) + QUEUE_LATENCY)
        self._ends.append(self.last)
