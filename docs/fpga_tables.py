"""Writes the measured tables and the curve of docs/fpga.md.

``python -m docs.fpga_tables`` from the root, with the packages installed, from what ``ternstone
bench fpga`` and ``ternstone explore`` have written into docs/results (`docs.pages.COMMANDS`).
"""

from docs import fpga_rungs, pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/fpga.md",)
RESULTS = "fpga-bench.json"
EXPLORED = "fpga-explore.json"


def _rows(*parts):
    """The bench's rows of the parts that begin with one of these words."""
    rows = (pages.load(RESULTS) or {"figures": []})["figures"]
    return [row for row in rows if row["part"].partition(" ")[0] in parts]


def _builds(part):
    """A part's rows that have builds: setting -> build."""
    return {row["setting"]: row["build"] for row in _rows(part) if "build" in row}


def _name(build):
    given = "".join(f", `{name}={value}`" for name, value in build["given"].items())
    return f"`{build['design']}`{given}"


def _fmax(build):
    """Of every seed."""
    return " ".join(f"{seed['fmax_mhz']:.1f}" for seed in build["seeds"])


def _cells(build):
    cells = build["cells"]
    return [f"{cells['LUT4']:,}", f"{cells['FF']:,}", cells["RAM"], cells["DSP"]]


def _boards():
    builds = _builds("boards")
    if not builds:
        return pages.missing(RESULTS)
    rows = []
    for build in builds.values():
        taken = build["capacity"]["LUT4"]
        rows.append([
            _name(build), f"{build['board']} ({build['part']})", *_cells(build),
            f"{taken['taken']:,} of {taken['available']:,}", _fmax(build),
            f"{build['target_mhz']:g}", "yes" if build["met"] else "no",
            f"{build['frames_per_second']:,.0f}"])
    return pages.table(["design", "board", "LUT4", "FF", "block RAM", "DSP", "logic cells",
                        "Fmax, MHz", "must be", "met", "frames/s"], rows)


def _blocks():
    builds = _builds("blocks")
    if not builds:
        return pages.missing(RESULTS)
    rows = []
    for setting, build in builds.items():
        path = build["critical_path"]
        hops = list(dict.fromkeys(f"`{hop['name'].removeprefix('core.')}`"
                                  for hop in path["hops"]))
        way = " > ".join(hops if len(hops) < 4 else [hops[0], "..", hops[-1]])
        rows.append([setting.partition(":")[0], _name(build), build["part"],
                     *_cells(build), _fmax(build), f"{build['target_mhz']:g}",
                     "yes" if build["met"] else "no", way,
                     f"{path['logic_ns']:.1f} + {path['wire_ns']:.1f}"])
    return pages.table(["family", "block", "device", "LUT4", "FF", "block RAM", "DSP", "Fmax, MHz",
                        "must be", "met", "critical path", "ns in cells and on wires"], rows)


def _memories():
    builds = _builds("boards")
    if not builds:
        return pages.missing(RESULTS)
    rows = [[f"`{m['module'].partition('_core_')[2]}`", m["words"], m["width"], m["taken"],
             m["best"], f"{m['fill']:.0%}" if m["fill"] else "in LUTs"]
            for m in next(iter(builds.values()))["memories"]]
    return pages.table(["memory", "words", "width", "block RAMs", "least", "fill"], rows)


def _checks():
    """Of each design and board, what the parts "checks" and "bytes" found."""
    rows = _rows("checks", "bytes")
    if not rows:
        return pages.missing(RESULTS)
    return pages.table(["of", "figure", "found", "must be", "how"], [
        [f"`{row['setting']}`" if row["part"] == "checks" else row["setting"], row["figure"],
         row["measured"], row["target"], row["how"]] for row in rows])


def _explored():
    answer = pages.load(EXPLORED)
    if not answer:
        return pages.missing(EXPLORED)
    names = list(answer["over"])
    rows = []
    for row in sorted(answer["points"], key=lambda row: row.get("logic_cells", 0)):
        if row["why"]:
            rows.append([*row["given"].values(), *["-"] * 7, row["why"]])
            continue
        cells = row["cells"]
        rows.append([*row["given"].values(), f"{row['logic_cells']:,}", f"{cells['FF']:,}",
                     cells["RAM"], cells["DSP"], f"{row['fmax_mhz']:.1f}",
                     f"{row['cycles_per_frame']:,.0f}", f"{row['frames_per_second']:,.0f}",
                     "yes" if row["front"] else "no"])
    return pages.table([*(f"`{name}`" for name in names), "logic cells", "FF", "block RAM", "DSP",
                        "Fmax, MHz", "cycles/frame", "frames/s", "on the front"], rows)


def _curve(pyplot):
    from ternstone.explore import draw

    figure, axes = pyplot.subplots(figsize=(7.5, 4.5), layout="constrained")
    draw(axes, pages.load(EXPLORED))
    return figure


TABLES = {"fpga-boards": _boards, "fpga-blocks": _blocks, "fpga-memories": _memories,
          "fpga-checks": _checks, "fpga-explore": _explored, **fpga_rungs.TABLES}
CURVES = {"fpga-explore.svg": _curve}


if __name__ == "__main__":
    pages.write(PAGES, TABLES, CURVES)
