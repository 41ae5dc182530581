"""Validation with one error formula: *Subject must be X, not 'value'*."""

__all__ = ["require_choice", "require_int", "require_type"]


def require_type(subject, value, kind):
    """Raise TypeError unless ``value`` is a ``kind`` (a bool is not an int)."""
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        article = "an" if kind.__name__[0].lower() in "aeiou" else "a"
        raise TypeError(f"{subject} must be {article} {kind.__name__}, not {value!r}")


def require_int(subject, value, low, high=None):
    """Raise unless ``value`` is an int in ``low..high`` (no upper bound without ``high``)."""
    require_type(subject, value, int)
    if value < low or (high is not None and value > high):
        allowed = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{subject} must be {allowed}, not {value!r}")


def require_choice(subject, value, choices):
    """Raise ValueError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise ValueError(f"{subject} must be one of {', '.join(map(str, choices))}, not {value!r}")
