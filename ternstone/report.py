"""Tables for people, JSON for machines, errors for both."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["console", "error", "print_json", "print_table", "shorten", "stderr"]

#: A pipe has no width of its own; rich would take 80 columns and cut the cells.
_WIDTH = None if sys.stdout.isatty() else 160

stderr = Console(stderr=True)


def console() -> Console:
    """Standard output, as it is now (a test may have put another in its place)."""
    return Console(width=_WIDTH)


def print_json(content: Mapping[str, Any]) -> None:
    """One JSON object on standard output."""
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on standard output; columns whose cells are numbers stand right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for n, name in enumerate(columns):
        numbers = all(isinstance(row[n], int | float) or row[n] is None for row in rows)
        table.add_column(name, justify="right" if numbers and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(shorten, row))
    console().print(table)


def shorten(value: Any) -> str:
    """
    >>> [shorten(v) for v in (1234567, 4200.4, 0.98765, None, True, "x")]
    ['1,234,567', '4,200', '0.988', '-', 'yes', 'x']
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"
    return str(value)


def error(message: object, as_json: bool = False) -> None:
    """The one line on standard error; with ``as_json`` an object on standard output besides."""
    sys.stderr.write(f"error: {message}\n")
    if as_json:
        print_json({"error": str(message)})
