"""A chain of registers."""

from amaranth.hdl import Signal

__all__ = ["delayed"]


def delayed(m, value, cycles, name="delayed"):
    """``value`` so many cycles later."""
    for _ in range(cycles):
        register = Signal.like(value, name=name)
        m.d.sync += register.eq(value)
        value = register
    return value
