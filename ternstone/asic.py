"""A design on a process kit's cells: area, timing, a netlist to take away, and proof that it still
computes what golden computes."""

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asic import folder as takeaway
from asic import power
from asic.area import find_sta, transistors
from asic.build import Built, build
from asic.gates import activity, gates
from asic.liberty import LibertyError
from asic.pdk import PDKS, Pdk, PdkError, find_pdk, installed
from asic.report import known, page
from asic.report import report as measure
from asic.synth import MEMORY_BITS, ROM_BITS
from fpga.steps import StepError
from fpga.tools import find_yosys
from golden.files import write_json
from hdl.verilog import Verilog
from sim.bench import Scenario, SimulationError, run_scenarios
from sim.build import BuildError, Sources
from ternstone import report
from ternstone.designs import Design
from ternstone.errors import BadInput, bad_input
from ternstone.fpga import count_cycles
from ternstone.generate import BUILD, folder_of, generate, identifier
from ternstone.parameters import suggest

__all__ = ["CLOCKS_MHZ", "GENERIC", "SCENARIOS", "count", "failed", "implement", "kit",
           "print_answer", "unmet"]

#: What tools made, by content.
CACHE = BUILD / "asic"
#: Frames whose cycles are counted.
FRAMES = 20
#: Clocks that may be asked for: a period has a thousandth of the fastest one's as its last digit
#: in the constraints, and the slowest one's still fits the tools' numbers.
CLOCKS_MHZ = (0.01, 10_000)
#: Without a kit: Yosys' own gates.
GENERIC = "generic"

#: What the netlist is run under: nothing in its way, both sides slow, resets at odd times.
SCENARIOS = (Scenario("plain"), Scenario("stalls", 0.3, 0.3, 2),
             Scenario("resets", 0.1, 0.1, 3, (7, 100)))

Say = Callable[[str], None]


def kit(name: str | None, corner: str) -> Pdk | None:
    """The kit of that name, or the first that is there; None for Yosys' own gates.

    Errors: `BadInput` for a name or corner that is not known, and a kit that is not there.
    """
    if name is None:
        try:
            name = next(iter(installed()), GENERIC)
        except PdkError as error:
            raise BadInput(f"{error} (or take --pdk {GENERIC})") from error
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


def implement(design: Design, pdk: Pdk, *, mhz: float, say: Say, regress: bool = False,
              frames: int = 5, seed: int = 0, feed: Any = None,
              scenarios: Sequence[Scenario] = SCENARIOS) -> dict[str, Any]:
    """Map ``design`` to the kit's cells and time it; returns what `asic.report.report` says, also
    ``asic-<pdk>.json``.

    regress:  also run frames on the netlist, against golden: ``regression``; and what they cost:
              ``power``: those of ``feed``, or so many ``frames`` of the design's own, from ``seed``
    scenarios: what they run under; the first is ``power``'s

    Errors: `BadInput` for a Liberty that tools refuse; `ToolError` for a missing tool.
    """
    find_yosys(), find_sta()
    verilog, memories, roms, shapes = _sources(design)
    name = _name(pdk)
    where = folder_of(design) / name
    with bad_input(f"{design.name} on {pdk.name}", (LibertyError, StepError)):
        built = build(verilog, identifier(design.name), pdk, 1000 / mhz, CACHE, say,
                      memories=memories, roms=roms, shapes=shapes)
        answer = measure(built, design.name, *count_cycles(design, FRAMES),
                         sum(words * width for words, width in shapes))
        answer |= {"hash": design.digest, "folder": str(where),
                   "params": design.block.params.to_dict()}
        if regress:
            say("the netlist against golden")
            answer["regression"], answer["power"], notes = _regression(
                design, built, 1000 / answer["clock_mhz"], feed or design.any_feed(frames, seed),
                scenarios)
            answer["notes"] += notes
    takeaway.write(built, verilog, where, answer, page(answer))
    write_json(folder_of(design) / f"{name}.json", answer)
    return answer


def _regression(design: Design, built: Built, period_ns: float, feed: Any,
                scenarios: Sequence[Scenario]
                ) -> tuple[dict[str, Any], dict[str, Any] | None, list[str]]:
    """The test bench of every design, on the netlist: the verdict, and what `asic.power.report`
    says of the frames, back to back, as far as it is known, and notes on that."""
    started = time.perf_counter()
    # A reset must come while there is something to reset.
    length = int(design.block.cycles(feed.frames))
    scenarios = [dataclasses.replace(s, resets=tuple(c for c in s.resets if c < length))
                 for s in scenarios]
    beats = sum(len(design.block.output.pack(answer)) for answer in design.block.run(feed.frames))
    netlist, library = built.synthesis.netlist, built.synthesis.library
    with tempfile.TemporaryDirectory(prefix="ternstone-asic-") as folder:
        counts = Path(folder) / "counts"
        device, nets, memories = gates(netlist, library, beats, str(counts))
        verdict = _verdict(design, device, feed.frames, scenarios)
        verdict["seconds"] = round(time.perf_counter() - started, 1)
        if not verdict["passed"]:
            return verdict, None, []
        spent = power.energy(netlist, library, activity(counts, nets, memories))
    return verdict, *known(power.report(spent, len(feed.frames), period_ns), netlist, library)


def _verdict(design: Design, device: Sources, frames: Sequence[Any],
             scenarios: Sequence[Scenario]) -> dict[str, Any]:
    answer: dict[str, Any] = {"passed": False, "failure": None, "frames": len(frames)}
    try:
        verdicts = run_scenarios(design.block, None, scenarios, frames=frames,
                                 name=design.name, netlist=device, top=identifier(design.name),
                                 workdir=BUILD / "sim")
    except (BuildError, SimulationError) as error:
        return {**answer, "failure": str(error)}
    plain = verdicts[0]
    return {"passed": all(v.ok for v in verdicts),
            "failure": next((str(v) for v in verdicts if not v.ok), None),
            "frames": plain.frames, "beats": sum(v.beats for v in verdicts),
            "mismatches": sum(v.mismatches for v in verdicts),
            "cycles": plain.cycles, "expected_cycles": plain.expected_cycles,
            "scenarios": [v.scenario for v in verdicts], "simulator": plain.simulator,
            "cycles_per_second": plain.cycles_per_second}


def failed(answer: Mapping[str, Any]) -> bool:
    """Whether a clock was not reached, or the netlist differs from golden."""
    return answer["met"] is False or not answer.get("regression", {"passed": True})["passed"]


def count(design: Design, say: Say) -> dict[str, Any]:
    """Yosys' own gates and the transistors that it estimates: all that can be said without a kit.
    Also ``asic-generic.json``."""
    say("Yosys' own gates")
    verilog, _, _, shapes = _sources(design)
    name, *images = verilog
    found = transistors(Verilog(verilog[name], {image: verilog[image] for image in images}),
                        find_yosys(), top=identifier(design.name))
    cycles, frames = count_cycles(design, FRAMES)
    answer = {"design": design.name, "pdk": GENERIC, "met": None, **found,
              "memory_bits": sum(words * width for words, width in shapes),
              "what": "Yosys' own gates; transistors of static CMOS as Yosys estimates them, apart "
                      "from memories that are written; no kit, so neither area nor time",
              "cycles_per_frame": round(cycles / frames, 2), "hash": design.digest}
    write_json(folder_of(design) / f"asic-{GENERIC}.json", answer)
    return answer


def _name(pdk: Pdk) -> str:
    return f"asic-{pdk.name}" + (f"-{pdk.corner}" if pdk.corner != "typical" else "")


def _sources(design: Design) -> tuple[dict[str, str], list[str], list[str], list[tuple[int, int]]]:
    """Files of the design's Verilog, itself first, its modules that are memories, of those the
    large ones that are constant, and words and width of those that are written."""
    made = generate(design)
    folder = Path(made["folder"])
    verilog = {name: (folder / name).read_text() for name in made["files"] if name != "ports.json"}
    memories = [memory for memory in made["memories"] if memory["bits"] >= MEMORY_BITS]
    return verilog, [memory["module"] for memory in memories], [
        memory["module"] for memory in memories if memory["rom"] and memory["bits"] >= ROM_BITS], [
        (memory["words"], memory["width"]) for memory in memories if not memory["rom"]]


def print_answer(answer: Mapping[str, Any]) -> None:
    """Tables of a build: figures, blocks, corners, critical path."""
    if answer["pdk"] == GENERIC:
        report.print_table(
            f"{answer['design']}: {answer['what']}", ["transistors", "flip-flops", "memory bits",
                                                     "cycles/frame"],
            [[answer["transistors"], answer["registers"], answer["memory_bits"],
              answer["cycles_per_frame"]]])
        return
    report.print_table(
        f"{answer['design']} on {answer['pdk']}, {answer['corner']} corner, before layout",
        ["um2", "NAND2", "cells", "Fmax MHz", "target MHz", "met", "cycles/frame", "frames/s",
         "at MHz"],
        [[round(answer["um2"]), answer["gates"], answer["cells"]["all"], answer["fmax_mhz"],
          answer["target_mhz"], answer["met"], answer["cycles_per_frame"],
          round(answer["frames_per_second"]), answer["clock_mhz"]]])
    if answer["macros"]:
        report.print_table("Memories in macros", ["macro", "number"],
                           [list(item) for item in answer["macros"].items()])
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
    if "regression" in answer:
        verdict = answer["regression"]
        report.print_table(
            "Netlist against golden",
            ["frames", "beats", "mismatches", "cycles", "golden", "scenarios", "verdict"],
            [[verdict["frames"], verdict.get("beats"), verdict.get("mismatches"),
              verdict.get("cycles"), verdict.get("expected_cycles"),
              " ".join(verdict.get("scenarios", ())), "equal" if verdict["passed"] else "FAILED"]])
        if verdict["failure"]:
            report.stderr.print(f"{answer['design']}: {verdict['failure']}", markup=False,
                                highlight=False, soft_wrap=True)
    if answer.get("power"):
        spent = answer["power"]
        report.print_table(
            f"Energy a frame at {answer['clock_mhz']:g} MHz (settled values, no clock tree)",
            ["mW", "nJ/frame", *(f"{name} nJ" for name in spent["nj"]), "leakage mW"],
            [[spent["mw"], spent["nj_per_frame"], *spent["nj"].values(), spent["leakage_mw"]]])
    if answer["notes"]:
        report.print_table("Notes", ["note"], [[note] for note in answer["notes"]])
    report.print_table("Files", ["folder", "page"],
                       [[answer["folder"], os.path.join(answer["folder"], "asic.html")]])


def unmet(answer: Mapping[str, Any]) -> str:
    """One line on a clock that was not reached."""
    tried = len(answer["attempts"])
    return (f"{answer['design']} must reach {answer['target_mhz']:g} MHz on {answer['pdk']}, "
            f"{answer['corner']} corner, and the best of {tried} attempts is "
            f"{answer['fmax_mhz']:g} MHz")
