"""Writes the measured table of docs/link.md.

``python -m docs.link_tables`` from the root, with the packages installed; ``--measure`` first
damages thousands of frames on a simulated line, which takes minutes.
"""

import sys

from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES", "measure"]

PAGES = ("docs/link.md",)
CURVES: dict = {}
RESULTS = "link-faults.json"
SEED = 2


def measure(count=6000):
    """Damage so many frames; the counts become docs/results/link-faults.json."""
    from tests.hdl.link.outcomes import core, run

    write_json(pages.RESULTS / RESULTS, {"frames": count, "seed": SEED,
                                         "faults": run(core(), count, SEED)})


def _faults():
    results = pages.load(RESULTS)
    if not results:
        return pages.missing(RESULTS)
    faults = results["faults"]
    words = sorted({word for found in faults.values() for word in found},
                   key=lambda word: -sum(found.get(word, 0) for found in faults.values()))
    return pages.table(["fault", "frames", *words], [
        [fault, sum(found.values()), *(found.get(word, 0) for word in words)]
        for fault, found in faults.items()])


TABLES = {"link-faults": _faults}


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        measure()
    pages.write(PAGES, TABLES, CURVES)
