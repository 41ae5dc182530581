"""What the parameters of every family have in common."""

import math
from dataclasses import asdict, fields, replace

from golden.check import require_choice
from golden.formats import Format

__all__ = ["Params", "as_format", "ceil_div", "ceil_log2"]


def ceil_div(a, b):
    return -(-a // b)


def ceil_log2(n):
    """Bits that count ``n`` things; 0 for one thing."""
    return max(0, math.ceil(math.log2(n))) if n < 2**48 else (n - 1).bit_length()


def as_format(value):
    """A `Format`, also from its dictionary."""
    return Format.from_dict(value) if isinstance(value, dict) else value


class Params:
    """To and from JSON-ready dictionaries, with unknown and missing fields named."""

    def to_dict(self):
        return asdict(self)

    @classmethod
    def from_dict(cls, given):
        names = {f.name for f in fields(cls)}
        for name in given:
            require_choice(f"{cls.__name__} field", name, sorted(names))
        return cls(**given)

    def replace(self, **changes):
        return replace(self, **changes)
