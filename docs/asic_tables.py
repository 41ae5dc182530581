"""Writes the measured tables of docs/asic.md: ``python -m docs.asic_tables``.

``--add FILE.json ...`` first takes over answers of ``ternstone asic DESIGN --corner slow --regress
--json``.
"""

import json
import sys
from pathlib import Path

from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES", "add"]

PAGES = ("docs/asic.md",)
CURVES: dict = {}
RESULTS = "asic.json"
KEPT = ("design", "pdk", "corner", "target_mhz", "met", "fmax_mhz", "um2", "gates", "macros",
        "macro_um2", "cells", "corners", "cycles_per_frame", "tools", "hash")


def add(paths):
    """Keep what the tables need of these answers, each design's newest."""
    kept = {one["design"]: one for one in (pages.load(RESULTS) or {"designs": []})["designs"]}
    for path in paths:
        answer = json.loads(Path(path).read_text())
        verdict, spent = answer["regression"], answer["power"]
        kept[answer["design"]] = {
            **{name: answer[name] for name in KEPT}, "store": answer["params"].get("store"),
            "regression": {name: verdict[name] for name in (
                "passed", "frames", "beats", "mismatches", "cycles", "expected_cycles")},
            "power": {name: spent[name] for name in (
                "mw", "leakage_mw", "nj_per_frame", "nj", "frames", "cycles")}}
    write_json(pages.RESULTS / RESULTS, {"command": pages.COMMANDS[RESULTS],
                                         "designs": sorted(kept.values(),
                                                           key=lambda one: one["design"])})


def _designs():
    data = pages.load(RESULTS)
    if data is None:
        return pages.missing(RESULTS)
    return pages.table(
        ["design", "um2", "of them macros", "NAND2", "MHz slow", "MHz typical", "100 MHz slow",
         "beats that differ", "mW at 100 MHz", "nJ a frame", "clock", "flip-flops", "logic",
         "nets", "memory"],
        [[f"`{one['design']}`" + _loaded(one), f"{one['um2']:,.0f}", f"{one['macro_um2']:,.0f}",
          f"{one['gates']:,}", f"{one['corners']['slow']['fmax_mhz']:.0f}",
          f"{one['corners']['typical']['fmax_mhz']:.0f}", "yes" if one["met"] else "no",
          f"{one['regression']['mismatches']:,} of {one['regression']['beats']:,}",
          f"{one['power']['mw']:.2f}", f"{one['power']['nj_per_frame']:,.2f}",
          *(f"{one['power']['nj'].get(name, 0):,.2f}" for name in (
              "clock", "flip-flops", "internal", "switching", "memory"))]
         for one in data["designs"]])


def _loaded(one):
    """What the name of a design does not say: its weights are in SRAM and come over a stream."""
    return f", `store={one['store']}`" if one.get("store") in ("load", "weights") else ""


def _bench():
    return pages.bench_table("asic")


#: Marker -> what writes the table that follows it.
TABLES = {"designs": _designs, "bench": _bench}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--add"]:
        add(sys.argv[2:])
    pages.write(PAGES, TABLES, CURVES)
