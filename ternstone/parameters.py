"""``--param name=value``: text to the parameters of a block."""

import dataclasses
import difflib
import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from golden.formats import Format
from ternstone.errors import BadInput, Unreadable, bad_input

__all__ = ["build", "override", "parse_pairs", "places", "suggest"]


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of an error line: the close matches of ``name``, or all that is known.

    >>> suggest("lanse", ["lanes", "steps"])
    'did you mean lanes?'
    >>> suggest("x", ["lanes", "steps"])
    'allowed: lanes, steps'
    """
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3)
    return f"did you mean {' or '.join(close)}?" if close else f"allowed: {', '.join(known)}"


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """``["lanes=16"]`` to ``{"lanes": "16"}``; the last of several wins."""
    given = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise BadInput(f"--param must be name=value, as lanes=16, not {pair!r}")
        given[name.strip()] = value.strip()
    return given


def _format(text: str) -> Format:
    match = re.fullmatch(r"([su])(\d+)\.(-?\d+)", text)
    if not match:
        raise ValueError(text)
    return Format(int(match[2]), int(match[3]), match[1] == "s")


def _bool(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
        text.lower()]


#: Type -> how it is read from text, and how an error names it.
_READERS: dict[type, tuple[Callable[[str], Any], str]] = {
    bool: (_bool, "true or false"),
    int: (lambda text: int(text, 0), "an integer"),
    str: (str, "text"),
    Format: (_format, "a format such as s8.7 (signed, 8 bits, 7 of them fraction) or u8.8"),
}


def _read(name: str, text: str, kind: Any) -> Any:
    """``text`` as a value of ``kind``; an optional one may be ``none``."""
    if isinstance(kind, types.UnionType):
        if text.lower() == "none":
            return None
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    read, called = _READERS[kind]
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        # A Format's own complaint (of its width, say) is more exact than ours.
        said = str(error) if str(error).startswith("Format ") else None
        raise Unreadable(said or f"Parameter {name} must be {called}, not {text!r}") from error


def build(subject: str, make: Callable[..., Any], defaults: Mapping[str, Any],
          given: Mapping[str, str]) -> Any:
    """Parameters from ``make`` (a class or function), called with ``defaults`` and ``given``."""
    target = make.__init__ if inspect.isclass(make) else make
    kinds = typing.get_type_hints(target)
    names = list(inspect.signature(make).parameters)
    for name in given:
        if name not in names:
            raise BadInput(f"Parameter {name!r} is not one of {subject}: {suggest(name, names)}")
    values = {name: _read(name, text, kinds[name]) for name, text in given.items()}
    with bad_input(subject):
        return make(**{**defaults, **values})


def override(subject: str, params: Any, given: Mapping[str, str]) -> Any:
    """``params`` (nested dataclasses) with some of its fields changed.

    A bare name changes the field wherever it occurs (``batch`` of a network is also its layers'
    and its head's); a path changes one (``head.lanes``, ``layers.0.lanes``). Later ones win.
    """
    if not given:
        return params
    tree = params.to_dict()
    kinds = dict(places(params))
    for name, text in given.items():
        found = [path for path in kinds if path == name] if "." in name else [
            path for path in kinds if path.rpartition(".")[2] == name]
        if not found:
            known = dict.fromkeys(n for path in kinds for n in (path.rpartition(".")[2], path))
            raise BadInput(f"Parameter {name!r} is not one of {subject}: {suggest(name, known)}")
        for path in found:
            *way, last = path.split(".")
            node = tree
            for step in way:
                node = node[int(step) if step.isdigit() else step]
            node[last] = _read(name, text, kinds[path])
    with bad_input(subject):
        return type(params).from_dict(tree)


def places(node: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    """Path -> type of every field under ``node`` that text can set."""
    kinds = typing.get_type_hints(type(node))
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, tuple):
            for n, item in enumerate(value):
                if dataclasses.is_dataclass(item):
                    yield from places(item, f"{path}{field.name}.{n}.")
        elif dataclasses.is_dataclass(value) and not isinstance(value, Format):
            yield from places(value, f"{path}{field.name}.")
        elif kinds[field.name] in _READERS:
            yield path + field.name, kinds[field.name]
