"""How many terms a cycle, of which shared sums, under which adder: what a sweep found smallest.

``areas.json`` holds the sweep: lanes in the cells of SG13G2, those that keep 160 MHz in the typical
corner. ``python -m docs.mac_area --measure`` writes it.
"""

import json
from functools import cache
from math import log2
from pathlib import Path

from golden.mac.params import SHARES
from golden.weights import WeightKind

__all__ = ["FILE", "best"]

FILE = Path(__file__).with_name("areas.json")


def best(weights, bits, lanes, length, terms=None, share=None):
    """(terms, share, structure) of an array: what is given, and for the rest what the sweep found
    to take the least area a product, of a lane and its part of what all lanes share.

    weights:  name of a `WeightKind`; for one that was not measured that of the nearest bits stands
    bits:     of an operand; the nearest width that was measured stands for it
    terms:    if not given, one that was measured and divides ``length``

    >>> best("ternary", 8, 32, 1024)[1], best("ternary", 8, 32, 7)[0]
    (2, 1)

    Errors: as `WeightKind`.
    """
    rows = _rows(weights, bits)
    if share is not None and not 1 <= share <= SHARES.get(weights, 1):
        return 1 if terms is None else terms, share, "ripple"  # which `ArrayParams` refuses
    if share is not None:
        # One that was not measured: what holds of none.
        rows = [row for row in rows if row["share"] == share] or [
            row | {"share": share, "terms": row["terms"] * share} for row in rows
            if row["share"] == 1]
    if terms is None:
        rows = [row for row in rows if length % row["terms"] == 0] or rows[:1]
        row = min(rows, key=lambda row: _each(row, lanes))
    else:
        rows = [row for row in rows if terms % row["share"] == 0] or rows
        row = min(rows, key=lambda row: (abs(log2(row["terms"] / max(terms, 1))),
                                         _each(row, lanes)))
    return row["terms"] if terms is None else terms, row["share"], row["structure"]


def _each(row, lanes):
    return (row["lane"] + row["shared"] / max(lanes, 1)) / row["terms"]


@cache
def _rows(weights, bits):
    """The sweep's rows of the nearest kind and width, fewest terms first."""
    kind = WeightKind(weights)
    rows = json.loads(FILE.read_text())["rows"]
    if weights not in {row["weights"] for row in rows}:
        multiplied = {row["weights"] for row in rows if WeightKind(row["weights"]).multiplied}
        weights = min(sorted(multiplied), key=lambda name: abs(WeightKind(name).bits - kind.bits))
    rows = [row for row in rows if row["weights"] == weights]
    width = min({row["bits"] for row in rows}, key=lambda width: (abs(width - bits), -width))
    return sorted((row for row in rows if row["bits"] == width), key=lambda row: row["terms"])
