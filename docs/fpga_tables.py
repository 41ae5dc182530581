"""Writes the measured tables of docs/fpga.md.

``python -m docs.fpga_tables`` from the root, with the packages installed; ``--measure SEEDS`` first
builds every design anew, ``--blocks SEEDS [NAME ...]`` the families' blocks (or those named), with
so many seeds of place and route. Both take the tools of `ternstone fpga` and many minutes.
"""

import sys

from docs import fpga_rungs, pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES", "measure", "measure_blocks"]

PAGES = ("docs/fpga.md",)
CURVES: dict = {}
RESULTS = "fpga.json"
BLOCK_RESULTS = "fpga-blocks.json"

#: Design, parameters, board, bare, MHz.
BUILDS = [
    ("digits-lstm-ternary", {"interval": "4"}, "icebreaker", True, 24),
    ("digits-lstm-ternary", {"interval": "4"}, "hx8k", True, 48),
    ("digits-lstm-ternary", {}, "ulx3s-85f", True, 100),
    ("digits-stochastic", {}, "ulx3s-85f", True, 100),
    ("digits-lstm-ternary", {"interval": "4"}, "icebreaker", False, 20),
    ("digits-lstm-ternary", {"interval": "4"}, "hx8k", False, 48),
    ("digits-stochastic", {}, "ulx3s-25f", False, 50),
]

#: What is kept of a build.
_KEPT = ("design", "board", "part", "bare", "met", "target_mhz", "cells", "capacity", "fmax_mhz",
         "seeds", "critical_path", "memories", "clock_mhz", "cycles_per_frame",
         "frames_per_second", "energy_proxy", "tools", "seconds")


def measure(seeds):
    """Build everything of `BUILDS` with so many seeds into docs/results/fpga.json."""
    from fpga.boards import BOARDS
    from ternstone.designs import open_design
    from ternstone.fpga import implement

    builds = []
    for name, params, board, bare, mhz in BUILDS:
        sys.stderr.write(f"{name} {params} {board} {'bare' if bare else ''}\n")
        answer = implement(open_design(name, None, params), BOARDS[board], bare=bare, seeds=seeds,
                           mhz=mhz, baud=1_000_000, say=lambda what: None)
        builds.append({**{key: answer[key] for key in _KEPT}, "given": params})
        write_json(pages.RESULTS / RESULTS, {"builds": builds})


def measure_blocks(seeds, names):
    """Build ``names`` of `ternstone.bench_fpga.BLOCKS`, or all, with so many seeds, into
    docs/results/fpga-blocks.json."""
    from fpga.boards import BOARDS
    from fpga.build import build
    from ternstone.bench_fpga import BLOCKS
    from ternstone.designs import open_design
    from ternstone.fpga import CACHE, figures, outline

    builds = pages.load(BLOCK_RESULTS) or {}
    for name in names or BLOCKS:
        bare = BLOCKS[name]
        design = open_design(bare.design, None, bare.given)
        synthesis = outline(design, BOARDS[bare.board], bare.mhz, lambda what: None)
        found = figures(design, build(synthesis, CACHE, range(1, seeds + 1)))
        builds[name] = {key: found[key] for key in _KEPT if key != "memories"} | {
            "given": bare.given}
        sys.stderr.write(f"{name}: {found['fmax_mhz']} MHz\n")
        write_json(pages.RESULTS / BLOCK_RESULTS,
                   {known: builds[known] for known in BLOCKS if known in builds})


def _builds(bare):
    results = pages.load(RESULTS)
    return [build for build in (results or {"builds": []})["builds"] if build["bare"] == bare]


def _name(build):
    given = "".join(f", `{name}={value}`" for name, value in build["given"].items())
    return f"`{build['design']}`{given}"


def _fmax(build):
    """Of the slowest and of the fastest seed."""
    seeds = [seed["fmax_mhz"] for seed in build["seeds"]]
    return " .. ".join(f"{mhz:.1f}" for mhz in sorted({min(seeds), max(seeds)}))


def _figures(bare):
    if not _builds(bare):
        return pages.missing(RESULTS)
    rows = []
    for build in _builds(bare):
        cells = build["cells"]
        taken = build["capacity"]["LUT4"]
        rows.append([
            _name(build), f"{build['board']} ({build['part']})", f"{cells['LUT4']:,}",
            f"{cells['FF']:,}", cells["RAM"], cells["DSP"],
            f"{taken['taken']:,} of {taken['available']:,}",
            _fmax(build), f"{build['target_mhz']:g}",
            "yes" if build["met"] else "no", f"{build['frames_per_second']:,.0f}"])
    return pages.table(["design", "board", "LUT4", "FF", "block RAM", "DSP", "logic cells",
                        "Fmax, MHz", "must be", "met", "frames/s"], rows)


def _paths():
    if not _builds(True):
        return pages.missing(RESULTS)
    rows = []
    for build in _builds(True):
        path = build["critical_path"]
        way = " > ".join(dict.fromkeys(f"`{hop['name']}`" for hop in path["hops"]))
        rows.append([_name(build), build["board"], way, f"{path['logic_ns']:.1f}",
                     f"{path['wire_ns']:.1f}"])
    return pages.table(["design", "board", "through", "ns in cells", "ns on wires"], rows)


def _blocks():
    builds = pages.load(BLOCK_RESULTS)
    if not builds:
        return pages.missing(BLOCK_RESULTS)
    rows = []
    for name, build in builds.items():
        cells, path = build["cells"], build["critical_path"]
        hops = list(dict.fromkeys(f"`{hop['name'].removeprefix('core.')}`"
                                  for hop in path["hops"]))
        way = " > ".join(hops if len(hops) < 4 else [hops[0], "..", hops[-1]])
        rows.append([name, _name(build), build["part"], f"{cells['LUT4']:,}", f"{cells['FF']:,}",
                     cells["RAM"], cells["DSP"], _fmax(build), f"{build['target_mhz']:g}",
                     "yes" if build["met"] else "no", way])
    return pages.table(["family", "block", "device", "LUT4", "FF", "block RAM", "DSP", "Fmax, MHz",
                        "must be", "met", "critical path"], rows)


def _memories():
    builds = _builds(True)
    if not builds:
        return pages.missing(RESULTS)
    build = builds[0]
    rows = [[f"`{m['module'].partition('_core_')[2]}`", m["words"], m["width"], m["taken"],
             m["best"], f"{m['fill']:.0%}" if m["fill"] else "in LUTs"]
            for m in build["memories"]]
    return pages.table(["memory", "words", "width", "block RAMs", "least", "fill"], rows)


TABLES = {"fpga-bare": lambda: _figures(True), "fpga-boards": lambda: _figures(False),
          "fpga-blocks": _blocks, "fpga-paths": _paths, "fpga-memories": _memories,
          **fpga_rungs.TABLES}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--blocks"]:
        measure_blocks(int(sys.argv[2]), sys.argv[3:])
    pages.write(PAGES, TABLES, CURVES)
