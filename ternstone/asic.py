"""A design on a process kit's cells: area, timing, a netlist to take away."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from asic import folder as takeaway
from asic.area import find_sta, transistors
from asic.build import build
from asic.liberty import LibertyError
from asic.pdk import PDKS, Pdk, PdkError, find_pdk, installed
from asic.report import page
from asic.report import report as measure
from asic.synth import MEMORY_BITS
from fpga.steps import StepError
from fpga.tools import find_yosys
from golden.files import write_json
from hdl.verilog import Verilog
from ternstone import report
from ternstone.designs import Design
from ternstone.errors import BadInput, bad_input
from ternstone.fpga import count_cycles
from ternstone.generate import BUILD, folder_of, generate, identifier
from ternstone.parameters import suggest

__all__ = ["GENERIC", "count", "implement", "kit", "print_answer"]

#: What tools made, by content.
CACHE = BUILD / "asic"
#: Frames whose cycles are counted.
FRAMES = 20
#: Without a kit: Yosys' own gates.
GENERIC = "generic"

Say = Callable[[str], None]


def kit(name: str | None, corner: str) -> Pdk | None:
    """The kit of that name, or the first that is there; None for Yosys' own gates.

    Errors: `BadInput` for a name or corner that is not known, and a kit that is not there.
    """
    if name is None:
        name = next(iter(installed()), GENERIC)
    if name == GENERIC:
        return None
    if name not in PDKS:
        raise BadInput(f"PDK {name!r} is not known: {suggest(name, [*PDKS, GENERIC])}")
    with bad_input("", (ValueError, PdkError)):
        found = find_pdk(name, corner)
    if found is None:
        raise BadInput(f"PDK {name} must be in a folder that PDK_ROOT names, which is not set "
                       f"(it comes from {PDKS[name].source}; or take --pdk {GENERIC})")
    return found


def implement(design: Design, pdk: Pdk, *, mhz: float, say: Say) -> dict[str, Any]:
    """Map ``design`` to the kit's cells and time it; returns what `asic.report.report` says, also
    ``asic-<pdk>.json``.

    Errors: `BadInput` for a Liberty that tools refuse; `ToolError` for a missing tool.
    """
    find_yosys(), find_sta()
    verilog, memories = _sources(design)
    with bad_input(f"{design.name} on {pdk.name}", (LibertyError, StepError)):
        built = build(verilog, identifier(design.name), pdk, 1000 / mhz, CACHE, say,
                      memories=memories)
    answer = measure(built, design.name, *count_cycles(design, FRAMES))
    name = _name(pdk)
    where = folder_of(design) / name
    answer |= {"hash": design.digest, "folder": str(where), "params": design.block.params.to_dict()}
    takeaway.write(built, verilog, where, answer, page(answer))
    write_json(folder_of(design) / f"{name}.json", answer)
    return answer


def count(design: Design, say: Say) -> dict[str, Any]:
    """Yosys' own gates and the transistors that it estimates: all that can be said without a kit.
    Also ``asic-generic.json``."""
    say("Yosys' own gates")
    verilog, _ = _sources(design)
    name, *images = verilog
    found = transistors(Verilog(verilog[name], {image: verilog[image] for image in images}),
                        find_yosys(), top=identifier(design.name))
    cycles, frames = count_cycles(design, FRAMES)
    answer = {"design": design.name, "pdk": GENERIC, "met": None, **found,
              "what": "Yosys' own gates; transistors of static CMOS as Yosys estimates them; "
                      "no kit, so neither area nor time",
              "cycles_per_frame": round(cycles / frames, 2), "hash": design.digest}
    write_json(folder_of(design) / f"asic-{GENERIC}.json", answer)
    return answer


def _name(pdk: Pdk) -> str:
    return f"asic-{pdk.name}" + (f"-{pdk.corner}" if pdk.corner != "typical" else "")


def _sources(design: Design) -> tuple[dict[str, str], list[str]]:
    """Files of the design's Verilog, itself first, and its modules that are memories."""
    made = generate(design)
    folder = Path(made["folder"])
    verilog = {name: (folder / name).read_text() for name in made["files"] if name != "ports.json"}
    return verilog, [memory["module"] for memory in made["memories"]
                     if memory["bits"] >= MEMORY_BITS]


def print_answer(answer: Mapping[str, Any]) -> None:
    """Tables of a build: figures, blocks, corners, critical path."""
    if answer["pdk"] == GENERIC:
        report.print_table(
            f"{answer['design']}: {answer['what']}", ["transistors", "flip-flops", "cycles/frame"],
            [[answer["transistors"], answer["registers"], answer["cycles_per_frame"]]])
        return
    report.print_table(
        f"{answer['design']} on {answer['pdk']}, {answer['corner']} corner, before layout",
        ["um2", "NAND2", "cells", "Fmax MHz", "target MHz", "met", "cycles/frame", "frames/s"],
        [[round(answer["um2"]), answer["gates"], answer["cells"]["all"], answer["fmax_mhz"],
          answer["target_mhz"], answer["met"], answer["cycles_per_frame"],
          round(answer["frames_per_second"])]])
    report.print_table("Area by block", ["block", "um2", "cells", "%"],
                       [[b["block"], round(b["um2"]), b["cells"], 100 * b["share"]]
                        for b in sorted(answer["blocks"], key=lambda b: -b["um2"])])
    report.print_table(
        "Corners", ["corner", "Fmax MHz", "setup slack ns", "hold slack ns"],
        [[corner, c["fmax_mhz"], c["setup_ns"], c["hold_ns"]]
         for corner, c in answer["corners"].items()])
    path = answer["critical_path"]
    if path:
        report.print_table(f"Critical path, {path['ns']:g} ns", ["name", "cells", "ns"],
                           [[h["name"], h["cells"], h["ns"]] for h in path["hops"]])
    report.print_table("Files", ["folder", "page"],
                       [[answer["folder"], os.path.join(answer["folder"], "asic.html")]])
    if not answer["met"]:
        report.error(unmet(answer))


def unmet(answer: Mapping[str, Any]) -> str:
    """One line on a clock that was not reached."""
    tried = len(answer["attempts"])
    return (f"{answer['design']} must reach {answer['target_mhz']:g} MHz on {answer['pdk']}, "
            f"{answer['corner']} corner, and the best of {tried} attempts is "
            f"{answer['fmax_mhz']:g} MHz")
