"""A design on a board: built, or refused with what would fit, and said so."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fpga import folder as takeaway
from fpga.boards import BOARDS, Board
from fpga.build import Built, Project, Synthesis, build, shell, synthesise
from fpga.pll import dividers
from fpga.report import page
from fpga.report import report as measure
from fpga.spram import with_spram
from fpga.steps import StepError
from fpga.top import PINS, BoardTop, VerilogCore
from golden.link.link import link_params
from golden.link.params import LEAST_RATIO, line_params
from hdl.verilog import Verilog, emit
from ternstone import regress, report
from ternstone.designs import Design, resolve
from ternstone.errors import BadInput, bad_input
from ternstone.generate import BUILD, folder_of, generate, identifier
from ternstone.parameters import override, places, suggest
from ternstone.regress import variant

__all__ = ["count_cycles", "figures", "find_board", "implement", "outline", "print_answer"]

#: What tools made, by content.
CACHE = BUILD / "fpga"
#: Frames whose cycles are counted: for the report, and to compare settings.
FRAMES = 20
COMPARED = 3
#: Settings that are tried, at most, for a design that is too large.
TRIES = 5

#: Bits a second of a link for which none are given.
RATES = (1_000_000, 500_000, 115_200)

Say = Callable[[str], None]


def find_board(name: str) -> Board:
    """Errors: `BadInput` for a board that is not known."""
    if name not in BOARDS:
        raise BadInput(f"Board {name!r} is not known: {suggest(name, BOARDS)}")
    return BOARDS[name]


def implement(design: Design, board: Board, *, bare: bool, seeds: int, mhz: float | None,
              baud: int | None, say: Say, link: str = "uart", rungs: str | None = None,
              frames: int = FRAMES, flips: int = 0, until_met: bool = False) -> dict[str, Any]:
    """Build ``design`` for ``board``; returns what `fpga.report.report` says, also ``fpga.json``.

    bare:   the block alone, within registers in place of pins, for figures
    seeds:  of place and route: so many are tried; with ``until_met`` one after the other, until
            one reaches the clock
    mhz:    the clock, from the PLL that nearest; by default one that the device reaches easily
    baud:   of the link, bits a second; by default the first of `RATES` that the clock allows
    link:   "uart" or "spi" (of `fpga.top.PINS`)
    rungs:  of `ternstone.regress.RUNGS`: what is run against golden afterwards, with ``frames``
            frames; the verdicts are ``regression``
    flips:  bits of the bitstream that are broken then, one at a time

    Errors: `BadInput` for a design that is too large, with the figures and what would fit;
    `ToolError` for a missing tool.
    """
    if rungs:
        regress.check(rungs, board, bare)
    wanted = _Wanted(board, bare, mhz or board.device.mhz, baud, link)
    project = _project(design, wanted)
    synthesis = _synthesise(project, say)
    if not synthesis.fits:
        raise BadInput(_refusal(design, wanted, synthesis, say))
    try:
        built = build(synthesis, CACHE, range(1, seeds + 1), say, until_met=until_met)
    except StepError as error:  # it fits by number, but a device that is almost full may not do
        raise BadInput(f"{design.name} on {board.name}: {error}") from error
    answer = figures(design, built)
    where = folder_of(design) / variant(built.synthesis.project)
    answer |= {"hash": design.digest, "link": None if bare else link, "folder": str(where),
               "params": design.block.params.to_dict()}
    takeaway.write(built, where, answer, page(answer))
    if rungs:
        rate = _rate(wanted, round(built.synthesis.project.mhz * 1e6))
        answer["regression"] = regress.run(design, built, rungs, baud=rate, frames=frames, seed=0,
                                           flips=flips, say=say)
    return answer


def outline(design: Design, board: Board, mhz: float | None, say: Say, *, dsp: bool = True
            ) -> Synthesis:
    """The synthesis of the block alone, whether or not it fits."""
    project = _project(design, _Wanted(board, True, mhz or board.device.mhz, 0))
    return _synthesise(dataclasses.replace(project, dsp=dsp), say)


def figures(design: Design, built: Built) -> dict[str, Any]:
    """`fpga.report.report` of a build of ``design``."""
    return measure(built, generate(design)["memories"], *count_cycles(design, FRAMES))


@dataclasses.dataclass(frozen=True)
class _Wanted:
    """What was asked for, beside the design."""

    board: Board
    bare: bool
    mhz: float
    baud: int | None
    link: str = "uart"


def _rate(wanted: _Wanted, hz: int) -> int:
    """Bits a second of the link."""
    return wanted.baud or next((rate for rate in RATES if rate * LEAST_RATIO <= hz), RATES[-1])


def _project(design: Design, wanted: _Wanted) -> Project:
    made = generate(design)
    folder = Path(made["folder"])
    verilog = {name: (folder / name).read_text() for name in made["files"] if name != "ports.json"}
    block = identifier(design.name)
    described = json.loads((folder / "ports.json").read_text())["ports"]
    ports = [(port["name"], port["direction"], port["width"]) for port in described]
    if wanted.bare:
        verilog["shell.v"] = shell(block, ports)
        return Project(design.name, wanted.board, block, verilog, "shell", wanted.mhz)
    hz, top = _top(design, wanted, block, ports)
    return Project(design.name, wanted.board, block, {**verilog, "top.v": top.text, **top.files},
                   "top", hz / 1e6, ("clk", *PINS[wanted.link]))


def _top(design: Design, wanted: _Wanted, block: str, ports: list[tuple[str, str, int]]
         ) -> tuple[int, Verilog]:
    """Clock in Hz, and the board's top.

    Errors: `BadInput` for a clock that the PLL does not make, a baud rate that is too high for it,
    a design that a link cannot feed.
    """
    board = wanted.board
    with bad_input("", (ValueError,)):
        pll = dividers(board.device.family.name, board.clock_hz, wanted.mhz * 1e6)
        hz = round(pll.hz)
        line = line_params(wanted.link, hz, _rate(wanted, hz))
        link = link_params(design.block, clock=hz, digest=design.identity, queued=True)
    return hz, emit(BoardTop(board.pll, pll, line, link, VerilogCore(block, ports)))


def _synthesise(project: Project, say: Say) -> Synthesis:
    """With multipliers of the device, unless it has too few: then all are made of LUTs. With loaded
    memories in block RAM, unless it has too little: then in SPRAM, where there is some."""
    synthesis = synthesise(project, CACHE, say)
    if "RAM" in synthesis.too_much and project.board.device.SPRAM:
        moved = with_spram(project)
        if moved:
            project, synthesis = moved, synthesise(moved, CACHE, say)
    if "DSP" in synthesis.too_much:
        without = synthesise(dataclasses.replace(project, dsp=False), CACHE, say)
        if without.fits:
            return without
    return synthesis


def count_cycles(design: Design, count: int) -> tuple[int, int]:
    """Golden's cycles for at most ``count`` frames, and how many there are."""
    frames = design.any_feed(count, 0).frames
    return int(design.block.cycles(frames)), len(frames)


# -- too large

def _refusal(design: Design, wanted: _Wanted, synthesis: Synthesis, say: Say) -> str:
    board = wanted.board
    takes = " and ".join(f"{count:,} of {there:,} {name}"
                         for name, (count, there) in synthesis.too_much.items())
    found = _smaller(design, wanted, say)
    mends = []
    if found:
        given, before, after = found
        mends.append(f"fits with {' '.join(f'--param {n}={v}' for n, v in given.items())}, "
                     f"which takes {after:,} in place of {before:,} cycles for {COMPARED} frames")
    boards = _boards(design, wanted, say)
    mends.append(f"as it is, it fits {', '.join(boards)}" if boards else
                 "as it is, it fits none of the boards")
    return (f"{design.name} must fit {board.name} ({board.part}), but takes {takes} "
            f"({'; '.join(mends)})")


def _smaller(design: Design, wanted: _Wanted, say: Say
             ) -> tuple[dict[str, str], int, int] | None:
    """Of the settings that trade cycles for cells the fastest that was found to fit, with cycles
    before and after. Bisection over the settings in the order of golden's cycles: each is
    synthesised, none is guessed."""
    before, _ = count_cycles(design, COMPARED)
    options = sorted(_settings(design, before), key=lambda option: option[0])
    best, low, high = None, 0, len(options)
    for _ in range(TRIES):
        if low == high:
            break
        middle = (low + high) // 2
        cycles, given, smaller = options[middle]
        say(f"trying {' '.join(f'{n}={v}' for n, v in given.items())}")
        if _synthesise(_project(smaller, wanted), lambda what: None).fits:
            best, high = (given, before, cycles), middle
        else:
            low = middle + 1
    return best


def _settings(design: Design, before: int) -> list[tuple[int, dict[str, str], Design]]:
    """Cycles, parameters and design of every setting of the block's own, none faster than now."""
    entry, params = design.entry, design.block.params
    here = [path for path, _ in places(params)]
    knobs = [[(path, str(value)) for value in values]
             for name, values in entry.smaller.items()
             for path in here if path.rpartition(".")[2] == name and path not in entry.keep]
    found, seen = [], set()
    for choice in itertools.product(*knobs):
        try:
            changed = override(design.name, params, dict(choice))
            block = resolve(entry.golden)(changed, design.block.tensors)
        except (BadInput, ValueError):
            continue  # not every combination is a block
        smaller = dataclasses.replace(design, block=block)
        given = {path: value for path, value in choice
                 if _at(params.to_dict(), path) != _at(changed.to_dict(), path)}
        cycles, _ = count_cycles(smaller, COMPARED)
        if cycles >= before and given and smaller.digest not in seen:
            seen.add(smaller.digest)
            found.append((cycles, given, smaller))
    return found


def _at(tree: Any, path: str) -> Any:
    for step in path.split("."):
        tree = tree[int(step)] if step.isdigit() else tree[step]
    return tree


def _boards(design: Design, wanted: _Wanted, say: Say) -> list[str]:
    """The boards that hold the design as it is: one synthesis for each kind of device, with the
    link around it, which on the boards of a kind differs in the rate of its clock alone."""
    fits = []
    made: dict[tuple[str, str], Synthesis] = {}
    for board in BOARDS.values():
        kind = (board.device.family.name, board.pll)
        if kind not in made:
            there = dataclasses.replace(wanted, board=board, mhz=board.device.mhz, baud=None)
            made[kind] = _synthesise(_project(design, there), say)
        project = dataclasses.replace(made[kind].project, board=board)
        if dataclasses.replace(made[kind], project=project).fits:
            fits.append(board.name)
    return fits


# -- said

def print_answer(answer: Mapping[str, Any]) -> None:
    """Tables of a build: figures, capacity, critical path, memories."""
    what = "block alone" if answer["bare"] else "bitstream"
    report.print_table(
        f"{answer['design']} on {answer['board']} ({answer['part']}), {what}",
        ["Fmax MHz", "target MHz", "met", "seeds MHz", "cycles/frame", "frames/s", "at MHz"],
        [[answer["fmax_mhz"], answer["target_mhz"], answer["met"],
          " ".join(f"{s['fmax_mhz']:g}" for s in answer["seeds"]), answer["cycles_per_frame"],
          round(answer["frames_per_second"]), answer["clock_mhz"]]])
    cells = answer["cells"]
    report.print_table("Cells of the block", list(cells), [list(cells.values())])
    report.print_table(
        "Capacity", ["what", "taken", "available", "%"],
        [[name, part["taken"], part["available"], 100 * part["taken"] / part["available"]]
         for name, part in answer["capacity"].items()])
    path = answer["critical_path"]
    if path:
        report.print_table(
            f"Critical path, {path['ns']:g} ns", ["name", "what", "cells", "ns", "ns on wires"],
            [[h["name"], h["kind"], h["cells"], h["ns"], h["wire_ns"]] for h in path["hops"]])
    _print_memories(answer["memories"])
    report.print_table("Files", ["folder", "page"],
                       [[answer["folder"], f"{answer['folder']}/fpga.html"]])
    if "regression" in answer:
        regress.print_answer(answer["regression"])


def _print_memories(memories: Sequence[Mapping[str, Any]]) -> None:
    if memories:
        report.print_table(
            "Memories", ["memory", "words", "width", "in", "blocks", "least", "fill"],
            [[m["module"], m["words"], m["width"],
              "SPRAM" if m["spram"] else "block RAM" if m["taken"] else "LUTs", m["taken"],
              m["best"], f"{m['fill']:.0%}" if m["fill"] else None] for m in memories])
