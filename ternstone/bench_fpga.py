"""``ternstone bench fpga``: bitstreams that pass, Fmax of every family's block, memory fit, checks.

Everything is built as `ternstone fpga` builds it and kept by content: a second run measures what
has changed.
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from fpga.bitstream import why_not
from fpga.boards import BOARDS
from fpga.build import build, place, synthesise
from fpga.steps import StepError
from sim.tools import ToolError
from ternstone.bench import Part, Row, Say, at_least, at_most, figure, side_by_side
from ternstone.catalogue import DESIGNS
from ternstone.designs import open_design
from ternstone.errors import BadInput
from ternstone.fpga import CACHE, figures, implement, outline

__all__ = ["BLOCKS", "PARTS", "Bare"]

#: Frames of a regression.
FRAMES = 4
#: Design -> its frames and the line's bits a second, where frames are so long that at the usual
#: rate a simulation of the pins, of 10,000 to 20,000 cycles a second, would take hours.
LONG: dict[str, tuple[int, int | None]] = {
    "text-lstm-ternary": (1, 6_250_000),
    "text-lstm-binary": (1, 6_250_000),
    "mnist-stochastic": (1, None),
    "mnist-sparse-cnn": (1, 6_250_000),
    "vgg16-conv1-2": (2, 3_000_000),
    "vgg16-conv2-1": (1, 6_250_000),
    "vgg16-conv2-2": (1, 6_250_000),
    "mobilenet-depthwise": (1, 6_250_000),
    "mobilenet-pointwise": (1, 6_250_000),
}
#: Seeds of place and route, at most: one after the other, until one reaches the clock.
SEEDS = 6


# -- designs on boards

def boards(name: str, say: Say) -> Iterator[Row]:
    """A ready design on the boards that the catalogue names: timing, regression, memories."""
    entry = DESIGNS[name]
    for board, given in entry.boards.items():
        yield from _on_board(name, given, board, entry.clocks.get(board), say)


def _on_board(name: str, given: dict[str, str], board: str, clock: float | None, say: Say
              ) -> Iterator[Row]:
    place, setting = BOARDS[board], f"{name} on {board}"
    frames, baud = LONG.get(name, (FRAMES, None))
    design = open_design(name, None, given)
    rungs = "netlist" if why_not(place, True) else "both"
    try:
        answer = implement(design, place, bare=False, seeds=SEEDS, mhz=clock, baud=baud,
                           rungs=rungs, frames=frames, until_met=True,
                           say=lambda what: say(f"{setting}: {what}"))
    except (ToolError, BadInput) as error:
        missing = isinstance(error, ToolError)
        yield figure("Fmax, MHz", setting, None,
                     f"not measured: {error}" if missing else str(error),
                     met=None if missing else False)
        return
    cells = ", ".join(f"{count:,} {name}" for name, count in answer["cells"].items() if count)
    yield at_least(
        "Fmax, MHz", setting, answer["fmax_mhz"], answer["target_mhz"],
        f"whole bitstream, best of {len(answer['seeds'])} seeds; "
        f"{answer['frames_per_second']:,.0f} frames a second; the block: {cells}; "
        f"{', '.join(answer['tools'].values())}"
    ) | _build(answer, given, "memories")
    for rung, verdict in answer["regression"].items():
        yield _rung(setting, rung, verdict)
    yield _memories(setting, answer["memories"])


def _rung(setting: str, rung: str, verdict: dict[str, Any]) -> Row:
    """How many frames of a rung failed: all, where anything did."""
    if "left_out" in verdict:
        return figure(f"regression on the {rung}", setting, None,
                      f"not measured: {verdict['left_out']}")
    parts = [f"{part}: {found['cycles']:,} cycles"
             f"{' as golden says' if found['golden_cycles'] else ''}"
             for part in ("streams", "pins") if (found := verdict.get(part)) and verdict["passed"]]
    frames = verdict["frames"]
    return figure(f"regression on the {rung}", setting, 0 if verdict["passed"] else frames,
                  verdict["failure"] or "; ".join([f"{frames} frame{'s' * (frames > 1)}", *parts]),
                  target="0", met=verdict["passed"])


def _memories(setting: str, memories: list[dict[str, Any]]) -> Row:
    """Block RAMs above ceil(width / w) x ceil(words / d) of the best shape."""
    taken = [memory for memory in memories if memory["taken"]]
    more = sum(max(0, memory["taken"] - memory["best"]) for memory in taken)
    fill = ", ".join(f"{m['words']:,} x {m['width']}: {m['taken']} ({m['fill']:.0%})"
                     for m in sorted(taken, key=lambda m: -m["taken"])[:4])
    return at_most("block RAMs above the least", setting, more, 0,
                   f"of {sum(m['taken'] for m in taken)}; the largest, with their fill: {fill}"
                   if taken else "no memory is in block RAM")


# -- the families' blocks

class Bare:
    """A block alone: design, parameters, board, and the Fmax that it must reach."""

    def __init__(self, design: str, given: dict[str, str], board: str = "ulx3s-85f",
                 mhz: float = 100) -> None:
        self.design, self.given, self.board, self.mhz = design, given, board, mhz


_SMALL = {"interval": "4"}
#: About 32 lanes, neurons, spins or multipliers of each family.
BLOCKS = {
    "LSTM": Bare("digits-lstm-ternary", {"layers.0.lanes": "32"}),
    "LSTM, HX8K": Bare("digits-lstm-ternary", _SMALL, "hx8k", 48),
    "LSTM, UP5K": Bare("digits-lstm-ternary", _SMALL, "icebreaker", 24),
    "GRU": Bare("digits-gru-ternary", {"layers.0.lanes": "33"}),
    "dense": Bare("lstm.dense", {"inputs": "64", "outputs": "64", "lanes": "32"}),
    "stochastic, parallel": Bare("digits-stochastic", {
        "layers.0.levels": "3", "layers.1.levels": "3"}),
    "stochastic, folded": Bare("digits-stochastic", {
        "layers.0.neurons": "4", "layers.0.synapses": "8", "layers.1.neurons": "2",
        "layers.1.synapses": "8"}),
    "convolution, joint": Bare("sparse_conv.joint", {
        "channels": "16", "height": "8", "width": "8", "filters": "32", "lanes": "32",
        "beat": "8", "requantisers": "4"}),
    "convolution, array": Bare("sparse_conv.array", {"channels": "16", "filters": "16"}),
    "convolution, cyclic": Bare("sparse_conv.cyclic", {
        "nodes": "64", "fan_in": "8", "lanes": "32"}),
    "convolution, masked": Bare("sparse_conv.masked", {"outputs": "64", "lanes": "32"}),
    "convolution, NullHop": Bare("sparse_conv.nullhop", {
        "filters": "32", "macs": "32", "controllers": "8"}),
    "winners": Bare("sparse_conv.winners", {"channels": "32", "beat": "4", "winners": "8"}),
    "Ising": Bare("maxcut-g1", {}),
    "spins of a circuit": Bare("adder-8", {"stages": "3"}),
    "collapsed": Bare("invertible.collapsed", {"bits": "4", "stages": "3"}),
    "search": Bare("factor-8x8", {}),
    "MAC array": Bare("mac.array", {
        "lanes": "32", "terms": "4", "share": "1", "structure": "carry-save", "stages": "3"}),
}


def block(name: str, say: Say) -> Iterator[Row]:
    """Fmax of one of `BLOCKS`, and what its slowest path goes through."""
    say(f"Fmax: {name}")
    bare = BLOCKS[name]
    given = " ".join(f"{k}={v}" for k, v in bare.given.items())
    setting = f"{name}: {bare.design} {given}".strip() + f", {BOARDS[bare.board].part}"
    try:
        design = open_design(bare.design, None, bare.given)
        synthesis = outline(design, BOARDS[bare.board], bare.mhz, lambda what: None)
        found = figures(design, build(synthesis, CACHE, range(1, SEEDS + 1), until_met=True))
    except ToolError as error:
        yield figure("Fmax, MHz", setting, None, f"not measured: {error}")
        return
    cells = ", ".join(f"{count:,} {kind}" for kind, count in found["cells"].items() if count)
    path = found["critical_path"]
    way = " > ".join(dict.fromkeys(hop["name"] for hop in path["hops"]))
    seeds = ", ".join(f"{seed['fmax_mhz']:g}" for seed in found["seeds"])
    row = at_least("Fmax, MHz", setting, found["fmax_mhz"], bare.mhz,
                   f"seeds: {seeds}; {cells}; path: {way}")
    yield row | _build(found, bare.given)


#: What a row keeps of `fpga.report.report`.
_KEPT = ("design", "board", "part", "cells", "capacity", "seeds", "critical_path", "target_mhz",
         "fmax_mhz", "met", "clock_mhz", "cycles_per_frame", "frames_per_second", "tools")


def _build(found: dict[str, Any], given: dict[str, str], *more: str) -> dict[str, Any]:
    """Beside a row: the build that it was measured on."""
    return {"build": {"given": given, **{key: found[key] for key in (*_KEPT, *more)}}}


# -- checks

def checks(say: Say) -> Iterator[Row]:
    """Every ready design: one clock edge, no latch, no loop, each wire with one driver."""
    yield from side_by_side(_check, list(DESIGNS), say, "checks")


def _check(name: str) -> Row:
    """Yosys' checks stop a build that breaks one; nextpnr, without --ignore-loops, places it."""
    try:
        made = outline(open_design(name, None, {}), BOARDS["ulx3s-85f"], None, lambda what: None)
        if made.fits:
            place(made, CACHE)
    except ToolError as error:
        return figure("broken checks", name, None, f"not measured: {error}")
    except (BadInput, StepError) as error:
        return figure("broken checks", name, 1, str(error), target="0", met=False)
    part = made.project.board.part
    loops = "say Yosys and nextpnr" if made.fits else \
        f"says Yosys (for nextpnr too large: {part})"
    return figure("broken checks", name, 0, "check -assert before and after synthesis, no latch, "
                  f"no falling edge; no loop, {loops}", target="0", met=True)


# -- bytes

def reproducible(say: Say) -> Iterator[Row]:
    """The same inputs twice, nothing kept from the first time."""
    for board in ("icebreaker", "ulx3s-25f"):
        say(f"the same bytes: {board}")
        design = open_design("factor-5x5", None, {})
        try:
            project = outline(design, BOARDS[board], None, lambda what: None).project
            images = []
            for _ in range(2):
                with tempfile.TemporaryDirectory(prefix="ternstone-bytes-") as folder:
                    made = synthesise(project, Path(folder))
                    images.append(build(made, Path(folder), [1]).image)
        except ToolError as error:
            yield figure("bytes that differ", board, None, f"not measured: {error}")
            continue
        differ = sum(a != b for a, b in zip(*images, strict=False)) + abs(
            len(images[0]) - len(images[1]))
        yield at_most("bytes that differ", f"factor-5x5, {board}, built twice", differ, 0,
                      f"bitstreams of {len(images[0]):,} bytes; all steps anew")


#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {**{f"boards {name}": partial(boards, name) for name in DESIGNS},
                          **{f"blocks {name}": partial(block, name) for name in BLOCKS},
                          "checks": checks, "bytes": reproducible}
