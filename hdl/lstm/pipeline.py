"""A static pipeline of units: values are named by the cycle, counted from the unit's first row."""

from amaranth.hdl import Mux, Signal

__all__ = ["UnitPipeline", "word_fields"]


class UnitPipeline:
    """Adds registers and shared multipliers to module ``m`` for units that start at most every
    ``interval`` cycles, in any cycle that suits them.

    ``at(t)`` is high in the cycle t after a unit's start. An operator that is used at several
    times is shared as long as those times lie within ``interval`` cycles: then two units never
    want it at once, however far apart they start.
    """

    def __init__(self, m, start, interval):
        self.m, self.interval = m, interval
        self._started = [start]
        self._held = {}

    def at(self, time):
        while len(self._started) <= time:
            nxt = Signal(name=f"started_{len(self._started)}")
            self.m.d.sync += nxt.eq(self._started[-1])
            self._started.append(nxt)
        return self._started[time]

    def hold(self, value, ready, use, name):
        """``value``, right in cycle ``ready``, as it is wanted in cycle ``use``."""
        while ready < use:
            key = (name, ready)
            if key not in self._held:
                self._held[key] = Signal.like(value, name=f"{name}_{ready}", reset_less=True)
                with self.m.If(self.at(ready)):
                    self.m.d.sync += self._held[key].eq(value)
            value = self._held[key]
            # The register keeps the value for interval cycles: the next one can wait so long.
            ready += min(self.interval, use - ready)
        return value

    def select(self, uses):
        """The operands of whichever use's time it is. uses: list of (time, operands...)."""
        operands = uses[0][1:]
        for time, *others in uses[1:]:
            operands = [Mux(self.at(time), other, operand)
                        for other, operand in zip(others, operands, strict=True)]
        return operands

    def share(self, uses):
        """Group uses (time, ...) so that each group's times lie within ``interval`` cycles."""
        groups = []
        for index in sorted(range(len(uses)), key=lambda n: uses[n][0]):
            for group in groups:
                if uses[index][0] - uses[group[0]][0] < self.interval and all(
                        uses[index][0] != uses[other][0] for other in group):
                    group.append(index)
                    break
            else:
                groups.append([index])
        return groups

    def multiply(self, uses, name):
        """Products of (time, a, b); each is right in cycle time + 1, and only then."""
        products = [None] * len(uses)
        for number, group in enumerate(self.share(uses)):
            a, b = self.select([uses[index] for index in group])
            product = Signal((a * b).shape(), name=f"{name}_{number}", reset_less=True)
            self.m.d.sync += product.eq(a * b)
            for index in group:
                products[index] = product
        return products


def word_fields(word, widths):
    """Split a table word, least significant field first, into signed fields."""
    fields, offset = [], 0
    for width in widths:
        fields.append(word[offset:offset + width].as_signed())
        offset += width
    return fields
