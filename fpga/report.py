"""What a build took, how fast it is and why not faster: ``fpga.json``, and a page with plots."""

import html
import io
import json
import re

from fpga.boards import BOARDS
from fpga.spram import WIDTH as spram_width
from fpga.spram import WORDS as spram_words
from fpga.steps import tool_of

__all__ = ["STYLE", "critical_path", "memory_fit", "page", "report", "svg", "table"]


# -- the critical path

#: Yosys names a cell after the net that it drives: ``net_SB_LUT4_O_3``; nextpnr appends what the
#: cell became. What stands before is the design's own name.
_CELL = re.compile(r"_(?:SB_(?:LUT4|CARRY|DFF\w*?|MAC16|RAM\w*?|GB)|LUT4|TRELLIS_\w+?|CCU2C|PFUMX"
                   r"|L6MUX21|MULT18X18D|DP16KD|PDPW16KD)_|\$|\.\d+\.\d+(?=_|$)"
                   r"|_(?:LC|DFFLC|RAM|DSP|COMB|FF)$")
#: Written by Yosys for wires that have no name in the source.
_UNNAMED = re.compile(r"_\d+_$")


def _source_name(cell):
    """The name in the source of what a cell computes, with its instances' path, or the path alone.

    >>> _source_name("block.core.count_0_SB_DFFSR_Q_3_D_SB_LUT4_O_LC")
    'core.count_0'
    >>> _source_name("block.core.table.contents.0.3_RDATA_7_SB_LUT4_I1_LC")
    'core.table.contents'
    >>> _source_name("block.core._006__SB_DFF_Q_1")
    'core'
    """
    path = re.sub(r"^(.*?\.)??block\.", "", _CELL.split(cell, maxsplit=1)[0])
    return _UNNAMED.sub("", path).rstrip(".") or "top"


def _kind(cell, port):
    if port in ("COUT", "FCO"):
        return "carry"
    if re.search(r"_RAM$|\.\d+\.\d+$", cell):
        return "block RAM"
    return "multiplier" if re.search(r"MAC16_\w*DSP$|_DSP$|_MULT18X18D_\w+$", cell) else "LUT"


def critical_path(timing):
    """The slowest path between registers, in the source's names, from nextpnr's report.

    ``hops``: cells one after the other that belong to the same name, with the delay (ns) through
    them and on the wires to them.
    """
    paths = [path for path in timing["critical_paths"]
             if "<async>" not in (path["from"], path["to"])]
    if not paths:
        return None
    path = max(paths, key=lambda p: sum(part["delay"] for part in p["path"]))["path"]
    hops, wire = [], 0.0
    for part in path:
        if part["type"] == "routing":
            wire += part["delay"]
            continue
        cell, port = part["to"]["cell"], part["to"]["port"]
        kind = {"clk-to-q": "start", "setup": "end"}.get(part["type"], _kind(cell, port))
        if kind == "start" and _kind(cell, port) in ("block RAM", "multiplier"):
            kind = f"from {_kind(cell, port)}"
        # nextpnr puts cells of its own between a carry chain and other logic.
        name = hops[-1]["name"] if cell.startswith("$nextpnr") and hops else _source_name(cell)
        same = hops and (hops[-1]["name"], hops[-1]["kind"]) == (name, kind)
        if not same:
            hops.append({"name": name, "kind": kind, "cells": 0, "ns": 0.0, "wire_ns": 0.0})
        hops[-1]["cells"] += 1
        hops[-1]["ns"] += part["delay"]
        hops[-1]["wire_ns"] += wire
        wire = 0.0
    for hop in hops:
        hop |= {"ns": round(hop["ns"], 3), "wire_ns": round(hop["wire_ns"], 3)}
    logic, wires = sum(hop["ns"] for hop in hops), sum(hop["wire_ns"] for hop in hops)
    return {"from": hops[0]["name"], "to": hops[-1]["name"], "ns": round(logic + wires, 3),
            "logic_ns": round(logic, 3), "wire_ns": round(wires, 3), "hops": hops}


# -- memories

def memory_fit(family, block, netlist, memories):
    """Each memory of the block beside the block RAMs that it took.

    memories:  module, name, words, width of each, as `ternstone.generate.memories` finds them

    ``best`` is the least number of block RAMs that hold so many words of that width, all of one
    shape: ceil(width / w) ceil(words / d). ``fill`` is the share of the taken ones' bits that are
    used. A memory that took none is made of LUTs or registers (``taken`` 0). For one with ``spram``
    all of that counts SPRAMs.
    """
    taken: dict = {}
    for name, cell in netlist["modules"][block]["cells"].items():
        match = re.match(r"(.+)\.\d+\.\d+$", name)
        if match and cell["type"].startswith(("SB_RAM40_4K", "SB_SPRAM", "DP16KD", "PDPW16KD")):
            path = f"{block}.{match[1]}".replace(".", "_")
            taken.setdefault(path, []).append(cell["type"])
    fits = []
    for memory in memories:
        cells = taken.pop(f"{memory['module']}_{memory['name']}", [])
        spram = "SB_SPRAM256KA" in cells
        shapes = ((spram_words, spram_width),) if spram else family.shapes
        bits = max(words * width for words, width in shapes)
        fits.append({**{key: memory[key] for key in ("module", "name", "words", "width")},
                     "taken": len(cells), "spram": spram,
                     "best": min(-(-memory["width"] // width) * -(-memory["words"] // words)
                                 for words, width in shapes),
                     "fill": memory["words"] * memory["width"] / (len(cells) * bits) if cells
                     else None})
    assert not taken, f"block RAMs of no memory: {taken}"
    return fits


# -- the whole

def report(built, memories, cycles, frames):
    """What ``fpga.json`` says of a build.

    memories:  of the design, as `memory_fit` takes them
    cycles, frames: golden's cycles for so many frames one after the other
    """
    synthesis = built.synthesis
    project = synthesis.project
    device = project.board.device
    around = {} if project.pins else synthesis.around
    netlist = json.loads(synthesis.files["netlist.json"])
    mhz = built.best.slowest
    clock = mhz if not project.pins else project.mhz
    per_frame = cycles / frames
    return {
        "design": project.name, "board": project.board.name, "part": project.board.part,
        "bare": not project.pins, "met": built.met, "target_mhz": project.mhz,
        "cells": synthesis.cells,
        "capacity": {name: {"taken": synthesis.taken.get(name, 0) - around.get(name, 0),
                            "available": there} for name, there in device.capacity.items()},
        "fmax_mhz": round(mhz, 2),
        "clocks": {clock: round(value, 2) for clock, value in built.best.mhz.items()},
        "seeds": [{"seed": r.seed, "fmax_mhz": round(r.slowest, 2), "seconds": r.seconds}
                  for r in built.seeds],
        "best_seed": built.best.seed,
        "critical_path": critical_path(built.best.timing),
        "memories": memory_fit(project.family, project.block, netlist, memories),
        "clock_mhz": round(clock, 2),
        "cycles_per_frame": round(per_frame, 2),
        "frames_per_second": round(clock * 1e6 / per_frame, 1),
        "energy_proxy": round((synthesis.cells["LUT4"] + synthesis.cells["FF"]) * per_frame),
        "tools": {program: str(tool_of(program)) for program in
                  ("yosys", project.family.route, project.family.pack)},
        "seconds": round(built.seconds, 1),
    }


# -- the page

STYLE = """body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse } td, th { padding: .2em .8em; border-bottom: 1px solid #ccc;
text-align: left } svg { max-width: 100%; height: auto }"""


def page(answer):
    """One self-contained HTML page of what `report` found."""
    board = BOARDS[answer["board"]]
    rows = {
        "figures": (["figure", "value"], [
            ["board", f"{board.title} ({answer['part']})"],
            ["Fmax", f"{answer['fmax_mhz']:g} MHz, seed {answer['best_seed']}; must reach "
                     f"{answer['target_mhz']:g} MHz"],
            ["cycles a frame", f"{answer['cycles_per_frame']:,}"],
            ["frames a second", f"{answer['frames_per_second']:,} at {answer['clock_mhz']:g} MHz"],
            ["energy proxy", f"{answer['energy_proxy']:,} (LUTs + flip-flops) x cycles a frame"],
            ["tools", ", ".join(answer["tools"].values())]]),
        "cells": (["cell", "in the block"], list(answer["cells"].items())),
        "path": (["name in the source", "what", "cells", "ns", "ns on wires"],
                 [[h["name"], h["kind"], h["cells"], f"{h['ns']:.2f}", f"{h['wire_ns']:.2f}"]
                  for h in (answer["critical_path"] or {"hops": []})["hops"]]),
        "memories": (["memory", "words", "width", "in", "blocks", "least", "fill"],
                     [[m["module"], m["words"], m["width"],
                       "SPRAM" if m["spram"] else "block RAM" if m["fill"] else "LUTs",
                       m["taken"], m["best"], f"{m['fill']:.0%}" if m["fill"] else ""]
                      for m in answer["memories"]]),
    }
    tables = {name: table(*content) for name, content in rows.items()}
    plots = {name: svg(draw, answer) for name, draw in (
        ("capacity", _draw_capacity), ("seeds", _draw_seeds), ("path", _draw_path))}
    title = html.escape(f"{answer['design']} on {board.title}")
    note = ("Of the block alone, without the registers around it that stand in place of pins."
            if answer["bare"] else "Of the whole bitstream.")
    return f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{STYLE}</style>
<h1>{title}</h1>{tables["figures"]}
<h2>Cells against capacity</h2><p>{note}</p>{plots["capacity"]}{tables["cells"]}
<h2>Fmax</h2>{plots["seeds"]}
<h2>Critical path</h2>{plots["path"]}{tables["path"]}
<h2>Memories</h2>{tables["memories"]}
</html>
"""


def table(head, rows):
    """A table in HTML."""
    def line(tag, cells):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    return "<table>" + line("th", head) + "".join(line("td", row) for row in rows) + "</table>"


def svg(draw, answer, size=(7.5, 2.4)):
    """What ``draw(axes, answer)`` draws, as an element of a page."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with matplotlib.rc_context({"svg.hashsalt": "ternstone", "svg.fonttype": "none"}):
        figure, axes = pyplot.subplots(figsize=size, layout="constrained")
        draw(axes, answer)
        file = io.StringIO()
        figure.savefig(file, metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    return file.getvalue().partition("<!DOCTYPE")[2].partition(">")[2]


def _draw_capacity(axes, answer):
    names = list(answer["capacity"])
    parts = [answer["capacity"][name] for name in names]
    shares = [100 * part["taken"] / part["available"] for part in parts]
    axes.barh(names, [100] * len(names), color="#eee")
    axes.barh(names, shares, color=["#c33" if share > 100 else "#8be" for share in shares])
    for at, part in enumerate(parts):
        axes.text(1, at, f"{part['taken']:,} of {part['available']:,}", va="center", fontsize=8)
    axes.set(xlabel="%", xlim=(0, max([100, *shares])))
    axes.invert_yaxis()


def _draw_seeds(axes, answer):
    seeds = answer["seeds"]
    axes.bar([str(s["seed"]) for s in seeds], [s["fmax_mhz"] for s in seeds], color="#47a")
    axes.axhline(answer["target_mhz"], color="#c33", linewidth=1)
    axes.set(xlabel="seed of place and route", ylabel="Fmax, MHz")


def _draw_path(axes, answer):
    at = 0.0
    for hop in (answer["critical_path"] or {"hops": []})["hops"]:
        axes.barh([0], [hop["wire_ns"]], left=at, color="#ccc")
        axes.barh([0], [hop["ns"]], left=at + hop["wire_ns"], color="#47a", edgecolor="white")
        at += hop["wire_ns"] + hop["ns"]
    axes.set(xlabel="ns from the start (grey: wires)", yticks=[])
