"""What a design takes on a kit's cells, and how fast it is: ``asic-<pdk>.json``, and a page."""

import html
import re
from collections import Counter

from asic.area import find_sta
from asic.memory import macros
from asic.netlist import NUMBERED, within
from asic.power import WHERE
from asic.timing import wire_load
from fpga.report import STYLE, svg, table
from fpga.steps import tool_of

__all__ = ["critical_path", "known", "page", "report"]

#: Blocks that the treemap calls by name, at least.
SHARE = 0.01
#: Types of cells that a note names, at most.
NAMED = 4
#: At the end of a name: of a bus the bit.
_BIT = re.compile(r"\[\d+\]$")


def critical_path(netlist, library, timing):
    """`Timing.path` in the source's names: ``hops`` are cells one after the other that drive nets
    of the same name; a port is a hop without a cell. A net without one has that of the next on the
    path that has one and is of the same block, else of the one before, else the block's."""
    every = {cell.name: cell for cell in netlist.cells}
    # A port is of no block, so that nothing else goes by its name.
    steps = [(None, _BIT.sub("", name)) if name not in every else
             (every[name].path, _source(netlist, library, every[name]))
             for name, _, _ in timing.path]
    hops, before = [], 0.0
    for n, ((block, _), (name, _, ns)) in enumerate(zip(steps, timing.path, strict=True)):
        source = next((steps[k][1] for k in (*range(n, len(steps)), *range(n - 1, -1, -1))
                       if steps[k][1] and steps[k][0] == block), block or "top")
        if not hops or hops[-1]["name"] != source:
            hops.append({"name": source, "cells": 0, "ns": 0.0})
        hops[-1]["cells"] += name in every
        hops[-1]["ns"] = round(hops[-1]["ns"] + ns - before, 4)
        before = ns
    if not hops:
        return None
    return {"from": hops[0]["name"], "to": hops[-1]["name"], "ns": round(before, 4), "hops": hops}


def _source(netlist, library, cell):
    """The name in the source of what the cell drives, without the bit, if it has one."""
    for port, nets in cell.pins.items():
        for net in nets if library.directions(cell.type)[port] == "output" else ():
            if net in netlist.nets:
                path, own = netlist.nets[net]
                if within(path, cell.path) and not NUMBERED.fullmatch(own):
                    return _BIT.sub("", f"{path}.{own}".lstrip("."))
    return None


def report(built, name, cycles, frames, written=0):
    """What ``asic-<pdk>.json`` says of a build.

    cycles, frames: golden's cycles for so many frames one after the other
    written:        bits of the design's memories that are written
    """
    made, timing, pdk = built.synthesis, built.timing, built.pdk
    netlist, library = made.netlist, made.library
    um2 = sum(library.area(cell.type) for cell in netlist.cells)
    kinds = Counter()
    taken, in_macros = Counter(), 0.0
    for cell in netlist.cells:
        kinds[library.kind(cell.type)] += 1
        if library.kind(cell.type) == "memory":
            taken[cell.type] += 1
            in_macros += library.area(cell.type)
    nand2 = library.nand2()
    per_frame = cycles / frames
    mhz = 1000 / built.period_ns
    clock = mhz if built.met else min(mhz, timing.mhz)
    return {
        "design": name, "pdk": pdk.name, "corner": pdk.corner, "liberty": pdk.liberty.stem,
        "target_mhz": round(mhz, 4), "met": built.met, "fmax_mhz": timing.mhz,
        "clock_mhz": round(clock, 4), "notes": _notes(built, taken, clock, written),
        "um2": round(um2, 1), "gates": round(um2 / nand2) if nand2 else None,
        "cells": {"all": len(netlist.cells), **dict(sorted(kinds.items()))},
        "macros": dict(sorted(taken.items())), "macro_um2": round(in_macros, 1),
        "types": netlist.counts(), "buffers_added": made.buffers,
        "blocks": [{"block": path or "top", "um2": area, "cells": count,
                    "share": round(area / um2, 4)}
                   for path, (area, count) in netlist.areas(library).items()],
        "timing": {"setup_ns": timing.setup_ns, "hold_ns": timing.hold_ns,
                   "slack_at_fmax_ns": timing.confirmed_ns, "clock": "ideal",
                   "wire_load": wire_load(library)},
        "corners": {corner: {"setup_ns": t.setup_ns, "hold_ns": t.hold_ns, "fmax_mhz": t.mhz}
                    for corner, t in built.corners.items()},
        "critical_path": critical_path(netlist, library, timing),
        "attempts": built.attempts,
        "cycles_per_frame": round(per_frame, 2),
        "frames_per_second": round(clock * 1e6 / per_frame, 1),
        "tools": {"yosys": str(tool_of("yosys")), "sta": str(find_sta())},
    }


def _notes(built, taken, clock, written):
    """What a reader of the figures must know, a sentence each."""
    pdk, found = built.pdk, []
    if not built.met:
        found.append(f"The clock is not met: frames a second, power and leakage a frame are at "
                     f"{clock:g} MHz, the fastest that was reached.")
    if taken:
        found.append("The Liberty of the SRAM macros is of the typical corner alone: in other "
                     "corners only the cells are slower or faster.")
    elif written and not macros(pdk.memories):
        found.append(f"{pdk.name} has no SRAM macros here: memories that are written, of "
                     f"{written:,} bits, are flip-flops.")
    late = [corner for corner, timing in built.corners.items() if timing.hold_ns < 0]
    if late:
        found.append(f"Hold slack is negative in the corners {', '.join(late)}: before layout "
                     "there are neither a clock tree nor hold buffers; a clock that is met is met "
                     "in setup alone.")
    return found


def known(spent, netlist, library):
    """(what `asic.power.report` says, None where the Liberty has no tables to know it from;
    notes that say so)."""
    types = {cell.type: library.kind(cell.type) for cell in netlist.cells
             if "input" in library.directions(cell.type).values()}
    lacking = sorted(cell for cell in types
                     if not any(pin.all("internal_power") for pin in library.pins(cell).values()))
    parts = {WHERE.get(types[cell], "internal") for cell in lacking}
    spent, notes = dict(spent), []
    if parts:
        spent |= {"mw": None, "nj_per_frame": None, "blocks": dict.fromkeys(spent["blocks"]),
                  "nj": {part: None if part in parts else nj for part, nj in spent["nj"].items()}}
        notes.append(f"The Liberty has no power tables of {_some(lacking)}: the energy of "
                     f"{', '.join(sorted(parts))} is not known, and so nor is the whole.")
    lacking = sorted(cell for cell in types
                     if "cell_leakage_power" not in library.cells[cell][0].values)
    if lacking:
        spent |= {"leakage_mw": None, "leakage_nj_per_frame": None}
        notes.append(f"The Liberty has no leakage of {_some(lacking)}: it is not known.")
    return spent, notes


def _some(names):
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


# -- the page

def page(answer):
    """One self-contained HTML page of what `report` found."""
    path = answer["critical_path"] or {"hops": []}
    corners = [[corner, f"{c['fmax_mhz']:g}", f"{c['setup_ns']:.3f}", f"{c['hold_ns']:.3f}"]
               for corner, c in answer["corners"].items()]
    figures = [
        ["kit", f"{answer['pdk']}, {answer['corner']} corner ({answer['liberty']})"],
        ["area", f"{answer['um2']:,.0f} um2 of cells" + (
            f", {answer['gates']:,} NAND2 equivalents" if answer["gates"] else "")],
        ["Fmax", f"{answer['fmax_mhz']:g} MHz; must reach {answer['target_mhz']:g} MHz"],
        ["clock, wires", f"ideal; wire load model {answer['timing']['wire_load'] or 'none'}"],
        ["cycles a frame", f"{answer['cycles_per_frame']:,}"],
        ["frames a second", f"{answer['frames_per_second']:,} at {answer['clock_mhz']:g} MHz"],
        ["tools", ", ".join(answer["tools"].values())]]
    blocks = [[b["block"], f"{b['um2']:,.0f}", f"{b['cells']:,}", f"{b['share']:.1%}"]
              for b in sorted(answer["blocks"], key=lambda b: -b["um2"])]
    if answer["macros"]:
        figures.insert(2, ["memories in macros", f"{answer['macro_um2']:,.0f} um2 of these: "
                           + ", ".join(f"{n} {name}" for name, n in answer["macros"].items())])
    title = html.escape(f"{answer['design']} on {answer['pdk']}")
    return f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{STYLE}</style>
<h1>{title}</h1><p>Before layout: no clock tree, no routing.</p>
{"".join(f"<p>{html.escape(note)}</p>" for note in answer["notes"])}
{table(["figure", "value"], figures)}
<h2>Area by block</h2>{svg(_draw_blocks, answer, (7.5, 4.5))}
{table(["block", "um2 of its own cells", "cells", "share"], blocks)}
<h2>Cells</h2>{table(["kind", "number"], list(answer["cells"].items()))}
<h2>Corners</h2>{table(["corner", "Fmax, MHz", "setup slack, ns", "hold slack, ns"], corners)}
{_energy(answer)}
<h2>Critical path</h2>{table(["name in the source", "cells", "ns"],
                             [[h["name"], h["cells"], f"{h['ns']:.3f}"] for h in path["hops"]])}
</html>
"""


def _energy(answer):
    """Of the frames that ran on the netlist; nothing without them."""
    spent = answer.get("power")
    if not spent:
        return ""
    parts = [[name, _known(nj)] for name, nj in spent["nj"].items()]
    parts += [["all", _known(spent["nj_per_frame"])],
              ["leakage", _known(spent["leakage_nj_per_frame"], 5)]]
    blocks = [[name, _known(nj)] for name, nj in spent["blocks"].items()]
    return (f"<h2>Energy a frame</h2><p>{_known(spent['mw'])} mW at {answer['clock_mhz']:g} MHz, "
            f"from every net's changes in {spent['cycles']:,} cycles of {spent['frames']} frames; "
            "values that have settled, no clock tree.</p>"
            + table(["part", "nJ"], parts) + table(["block", "nJ"], blocks))


def _known(value, digits=3):
    return "unknown" if value is None else f"{value:.{digits}f}"


def _draw_blocks(axes, answer):
    """A treemap: an area for each block, in a colour for each part of the core."""
    blocks = sorted(answer["blocks"], key=lambda b: -b["um2"])
    parts = list(dict.fromkeys(_part(b["block"]) for b in blocks))
    for block, (x, y, width, height) in zip(
            blocks, squarify([b["um2"] for b in blocks], 0, 0, 1.6, 1), strict=True):
        axes.add_patch(_rectangle((x, y), width, height, parts.index(_part(block["block"]))))
        if block["share"] >= SHARE:
            steps = block["block"].split(".")
            axes.text(x + width / 2, y + height / 2, "\n".join([*steps[-2:],
                      f"{block['share']:.0%}"]), ha="center", va="center", fontsize=6, clip_on=True)
    axes.set(xlim=(0, 1.6), ylim=(0, 1), xticks=[], yticks=[])


def _part(block):
    return ".".join(block.split(".")[:2])


def _rectangle(corner, width, height, colour):
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, facecolor=colormaps["Set3"](colour % 12),
                     edgecolor="white")


def squarify(sizes, x, y, width, height):
    """Rectangles (x, y, width, height) of these areas' proportions, descending, that fill the given
    one and are as square as can be (Bruls, Huizing and van Wijk, Squarified Treemaps, 2000).

    >>> squarify([2, 1, 1], 0, 0, 2, 1)
    [(0, 0, 1.0, 1.0), (1.0, 0, 1.0, 0.5), (1.0, 0.5, 1.0, 0.5)]
    """
    sizes = list(sizes)
    scale = width * height / sum(sizes) if sum(sizes) else 0
    areas, found = [size * scale for size in sizes], []
    while areas:
        side = min(width, height)
        row = 1
        while row < len(areas) and _worst(areas[:row + 1], side) <= _worst(areas[:row], side):
            row += 1
        thick = sum(areas[:row]) / side if side else 0
        at = 0
        for area in areas[:row]:
            length = area / thick if thick else 0
            found.append((x, y + at, thick, length) if width >= height else
                         (x + at, y, length, thick))
            at += length
        if width >= height:
            x, width = x + thick, width - thick
        else:
            y, height = y + thick, height - thick
        areas = areas[row:]
    return found


def _worst(areas, side):
    """The worst ratio of sides in a row of these areas."""
    thick = sum(areas) / side if side else 0
    return max((max(thick * thick / area, area / (thick * thick)) for area in areas
                if area and thick), default=float("inf"))
