"""Writes the measured tables of docs/link.md.

``python -m docs.link_tables`` from the root, with the packages installed; ``--area`` first counts
cells, ``--measure`` damages thousands of frames on a simulated line, which takes minutes.
"""

import sys

from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES", "area", "measure"]

PAGES = ("docs/link.md",)
CURVES: dict = {}
RESULTS = "link-faults.json"
AREA = "link-area.json"
SEED = 2


def measure(count=6000):
    """Damage so many frames; the counts become docs/results/link-faults.json."""
    from tests.hdl.link.outcomes import core, run

    write_json(pages.RESULTS / RESULTS, {"frames": count, "seed": SEED,
                                         "faults": run(core(), count, SEED)})


def area():
    """Count what a link adds to a core; docs/results/link-area.json."""
    from fpga.area import ice40
    from golden.link.link import link_params
    from golden.link.params import UartParams
    from hdl.link.link import SpiTop, UartTop
    from hdl.verilog import emit
    from ternstone.designs import open_design

    design = open_design("stochastic.counter", None, {})
    uart = UartParams(48_000_000, 3_000_000)
    core = ice40(emit(design.component()), dsp=False)
    found = {}
    for name, queued in (("UART", False), ("UART, `queued`", True), ("SPI", False)):
        params = link_params(design.block, clock=uart.clock, digest="0123456789ab", queued=queued)
        whole = ice40(emit(SpiTop(params, design.component()) if name == "SPI"
                           else UartTop(params, uart, design.component())), dsp=False)
        found[name] = {cell: whole[cell] - core[cell] for cell in ("LUT4", "FF", "carry", "RAM")}
    write_json(pages.RESULTS / AREA, {"cells": found, "tool": f"{core['tool']} {core['version']}"})


def _area():
    results = pages.load(AREA)
    if not results:
        return pages.missing(AREA)
    return pages.table([results["tool"], "LUT4", "FF", "carry", "block RAM"], [
        [name, *cells.values()] for name, cells in results["cells"].items()])


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


TABLES = {"link-area": _area, "link-faults": _faults}


if __name__ == "__main__":
    for option in sys.argv[1:]:
        {"--area": area, "--measure": measure}[option]()
    pages.write(PAGES, TABLES, CURVES)
