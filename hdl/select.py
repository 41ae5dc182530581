"""A choice from a list, as a tree of multiplexers."""

from amaranth.hdl import Mux

__all__ = ["selected"]


def selected(values, index):
    """``values[index]``, combinational, a multiplexer for each bit of ``index`` on the way; any of
    them where there is no such value. (Of a switch over constants Yosys would make a memory, and
    registers behind it.)
    """
    if len(values) == 1:
        return values[0]
    bit = (len(values) - 1).bit_length() - 1
    low, high = values[:1 << bit], values[1 << bit:]
    return Mux(index[bit], selected(high, index), selected(low, index))
