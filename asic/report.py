"""What a design takes on a kit's cells, and how fast it is: ``asic-<pdk>.json``, and a page."""

import html
import re
from collections import Counter

from asic.area import find_sta
from asic.netlist import within
from asic.timing import wire_load
from fpga.report import STYLE, svg, table
from fpga.steps import tool_of

__all__ = ["critical_path", "page", "report"]

#: Blocks that the treemap calls by name, at least.
SHARE = 0.01


def critical_path(netlist, library, timing):
    """The slowest path in the source's names: ``hops`` are cells one after the other that drive
    nets of the same name, or unnamed ones of the same block."""
    cells = {cell.name: cell for cell in netlist.cells}
    hops, before = [], 0.0
    for name, _, ns in timing.path:
        cell = cells[name]
        source = _source(netlist, library, cell)
        if not hops or hops[-1]["name"] != source:
            hops.append({"name": source, "cells": 0, "ns": 0.0})
        hops[-1]["cells"] += 1
        hops[-1]["ns"] = round(hops[-1]["ns"] + ns - before, 4)
        before = ns
    if not hops:
        return None
    return {"from": hops[0]["name"], "to": hops[-1]["name"], "ns": round(before, 4), "hops": hops}


def _source(netlist, library, cell):
    """The name in the source of what the cell drives, without the bit; else its block."""
    for port, nets in cell.pins.items():
        for net in nets if library.directions(cell.type)[port] == "output" else ():
            if net in netlist.nets:
                path, own = netlist.nets[net]
                if within(path, cell.path):
                    return re.sub(r"\[\d+\]$", "", f"{path}.{own}".lstrip("."))
    return cell.path or "top"


def report(built, name, cycles, frames):
    """What ``asic-<pdk>.json`` says of a build.

    cycles, frames: golden's cycles for so many frames one after the other
    """
    made, timing, pdk = built.synthesis, built.timing, built.pdk
    netlist, library = made.netlist, made.library
    um2 = sum(library.area(cell.type) for cell in netlist.cells)
    kinds = Counter()
    macros, in_macros = Counter(), 0.0
    for cell in netlist.cells:
        kinds[library.kind(cell.type)] += 1
        if library.kind(cell.type) == "memory":
            macros[cell.type] += 1
            in_macros += library.area(cell.type)
    nand2 = library.nand2()
    per_frame = cycles / frames
    mhz = 1000 / built.period_ns
    return {
        "design": name, "pdk": pdk.name, "corner": pdk.corner, "liberty": pdk.liberty.stem,
        "target_mhz": round(mhz, 4), "met": built.met, "fmax_mhz": timing.mhz,
        "um2": round(um2, 1), "gates": round(um2 / nand2) if nand2 else None,
        "cells": {"all": len(netlist.cells), **dict(sorted(kinds.items()))},
        "macros": dict(sorted(macros.items())), "macro_um2": round(in_macros, 1),
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
        "frames_per_second": round(mhz * 1e6 / per_frame, 1),
        "tools": {"yosys": str(tool_of("yosys")), "sta": str(find_sta())},
    }


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
        ["frames a second", f"{answer['frames_per_second']:,} at {answer['target_mhz']:g} MHz"],
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
    parts = [[name, f"{nj:.3f}"] for name, nj in spent["nj"].items()]
    parts += [["all", f"{spent['nj_per_frame']:.3f}"],
              ["leakage", f"{spent['leakage_nj_per_frame']:.5f}"]]
    blocks = [[name, f"{nj:.3f}"] for name, nj in spent["blocks"].items()]
    return (f"<h2>Energy a frame</h2><p>{spent['mw']:.3f} mW at {answer['target_mhz']:g} MHz, from "
            f"every net's changes in {spent['cycles']:,} cycles of {spent['frames']} frames; "
            "values that have settled, no clock tree.</p>"
            + table(["part", "nJ"], parts) + table(["block", "nJ"], blocks))


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
