"""The upper rungs of the ladder: what was built for a board computes what golden computes.

Rung 3 is the netlist after synthesis: the design's module between its streams, in the test bench
of every design, and the board's top over its pins. Rung 4 is the Verilog regained from the packed
bitstream, over its pins: nothing else is left of its boundaries. Over the pins the host program
talks to the board as it does to a real one; cycles are those of the status.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fpga.bitstream import regain, unpacked, why_not
from fpga.boards import Board as FpgaBoard
from fpga.build import Built, Project
from fpga.flips import IN_RAMS, READ, Flip, broken
from fpga.flips import flips as pick
from fpga.netlist import models, with_models
from fpga.pll import Divided, dividers
from fpga.steps import StepError
from fpga.tools import RETURN, find
from golden.files import write_json
from golden.link.link import Link, from_beats, link_params
from golden.link.packet import BROKEN as BROKEN_BYTE
from golden.link.packet import FILL, Decoder, Kind, Packet, encode, parse
from golden.link.params import SpiParams, UartParams, line_params
from hdl.verilog import Verilog
from sim.bench import Scenario, SimulationError, run_scenarios
from sim.build import BuildError
from sim.serial import BROKEN, IDLE, SEND, Board
from ternstone import host, report
from ternstone.designs import Design
from ternstone.errors import BadInput
from ternstone.generate import BUILD, folder_of, identifier

__all__ = ["RUNGS", "Pins", "SpiPins", "break_bits", "check", "over_pins", "print_answer", "run",
           "variant"]

#: Name -> which are climbed.
RUNGS = {"netlist": ("netlist",), "bitstream": ("bitstream",), "both": ("netlist", "bitstream")}

#: So many bits are drawn for each one that is broken.
DRAWN = 5

#: The board's top as the far end of a serial line knows it. It has no reset but its PLL's lock.
TOPS = {"uart": """
module pins(input clk, input rst, input rx, output tx);
  top board(.clk(clk), .uart_rx(rx), .uart_tx(tx));
endmodule
""", "spi": """
module pins(input clk, input rst, input sck, input cs_n, input copi, output cipo);
  top board(.clk(clk), .spi_sck(sck), .spi_cs(cs_n), .spi_copi(copi), .spi_cipo(cipo));
endmodule
"""}


class Pins:
    """A wire to a simulated board that is told time by clock cycles, not by the wall: a request
    goes out, and what has come when the board is quiet is the answer.

    quiet:  cycles that are enough for requests of the link alone, in place of the board's patience;
            what came later still would be found in the next answer
    """

    complete = True

    def __init__(self, board: Board, seconds: float, quiet: int = 0) -> None:
        self._board, self._seconds, self._quiet, self._waiting = board, seconds, quiet, b""

    def exchange(self, line: Sequence[int]) -> bytes:
        """What ``line`` (bytes, and `golden.link.packet.BROKEN`) is answered with."""
        quiet = 0 if _for_core(line) else self._quiet
        return bytes(word & 0xFF for word in self._board.exchange(
            _commands(line), self._seconds, quiet))

    def write(self, data: bytes) -> None:
        self._waiting += data

    def read(self, timeout: float) -> bytes:
        waiting, self._waiting = self._waiting, b""
        return self.exchange(waiting) if waiting else b""

    def close(self) -> None:
        pass


class SpiPins(Pins):
    """The same over SPI: bytes that mean nothing are clocked out until nothing else has come for
    ``silent`` of them."""

    def __init__(self, board: Board, seconds: float, silent: int) -> None:
        super().__init__(board, seconds)
        self._silent = silent

    def exchange(self, line: Sequence[int]) -> bytes:
        fill, heard = bytes([FILL]), super().exchange(line)
        while True:
            more = super().exchange(fill * self._silent)
            heard += more
            if not more.strip(fill):
                return heard.replace(fill, b"")


def check(rungs: str, board: FpgaBoard, bare: bool) -> None:
    """What can be said before a long build.

    Errors: `ToolError` for what is missing, `BadInput` for a bitstream that cannot be turned back.
    """
    if "bitstream" in RUNGS[rungs]:
        _refuse(rungs, why_not(board, not bare))
        for program in RETURN:
            find(program)


def _refuse(rungs: str, reason: str | None) -> None:
    if reason and rungs == "bitstream":
        raise BadInput(f"Bitstream must be turned back into Verilog, but {reason} "
                       "(--regress netlist)")


def run(design: Design, built: Built, rungs: str, *, baud: int, frames: int, seed: int,
        flips: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Climb ``rungs`` (of `RUNGS`) with ``frames`` of the design's own; returns rung -> verdict.

    flips:  so many bits of the bitstream are broken afterwards: see `break_bits`

    A verdict is also ``<rung>-<board>.json`` beside the Verilog. A rung that this build cannot
    climb has ``left_out``, the reason, in place of a verdict.

    Errors: `BadInput` when the bitstream alone was asked for and cannot be turned back.
    """
    project, feed = built.synthesis.project, design.any_feed(frames, seed).frames
    answers = {}
    for rung in RUNGS[rungs]:
        reason = why_not(project.board, project.pins, built.synthesis.taken) \
            if rung == "bitstream" else None
        _refuse(rungs, reason)
        if reason:
            answers[rung] = {"left_out": reason}
            continue
        say(f"regression on the {rung}")
        answers[rung] = answer = _climb(design, built, rung, baud, feed)
        if rung == "bitstream" and flips and answer["passed"]:
            answer["flips"] = break_bits(design, built, flips, baud=baud, frames=frames, seed=seed,
                                         say=say)
        write_json(folder_of(design) / f"{rung}-{answer['board']}.json", answer)
    return answers


def _climb(design: Design, built: Built, rung: str, baud: int, feed: Sequence[np.ndarray]
           ) -> dict[str, Any]:
    started = time.perf_counter()
    project = built.synthesis.project
    board = variant(project)
    answer: dict[str, Any] = {"design": design.name, "hash": design.digest, "board": board,
                              "rung": rung, "frames": len(feed), "passed": False, "failure": None}
    try:
        if rung == "netlist":
            text = with_models(project, built.files["netlist.v"].decode())
            answer["streams"] = _between_streams(design, text, feed)
        else:
            regained = regain(built, BUILD / "fpga")
            text = f"{models(project.board.device)}\n{regained}"
        if project.pins:
            answer["pins"] = over_pins(design, Verilog(text), _line(project, baud), feed,
                                       halvings=_halvings(project))
    except (BuildError, SimulationError, StepError, BadInput) as error:
        answer["failure"] = str(error)
    parts = [answer[part] for part in ("streams", "pins") if part in answer]
    answer["passed"] = answer["failure"] is None and all(part["passed"] for part in parts)
    answer["seconds"] = round(time.perf_counter() - started, 1)
    return answer


def _between_streams(design: Design, text: str, feed: Sequence[np.ndarray]) -> dict[str, Any]:
    """The design's module in the bench of every design: plain, with stalls, and with a reset."""
    half = int(design.block.cycles(feed)) // 2
    scenarios = [Scenario(), Scenario("stalls", 0.3, 0.3, 2), Scenario("reset", resets=(half,))]
    verdicts = run_scenarios(design.block, "", scenarios, frames=feed, name=design.name,
                             netlist=text, top=identifier(design.name), workdir=BUILD / "sim")
    return {"passed": all(verdict.ok for verdict in verdicts), "cycles": verdicts[0].cycles,
            "golden_cycles": verdicts[0].expected_cycles,
            "beats": sum(verdict.beats for verdict in verdicts),
            "failures": [str(verdict) for verdict in verdicts if not verdict.ok],
            "simulator": verdicts[0].simulator}


def _link(project: Project) -> str:
    return "spi" if "spi_sck" in project.pins else "uart"


def _line(project: Project, baud: int) -> UartParams | SpiParams:
    return line_params(_link(project), round(project.mhz * 1e6), baud)


def _halvings(project: Project) -> int:
    """Of the clock pin, where registers stand in place of the PLL, through which a simulation's
    clock goes unchanged."""
    board = project.board
    made = dividers(board.device.family.name, board.clock_hz, project.mhz * 1e6)
    return made.halvings if isinstance(made, Divided) else 0


def variant(project: Project) -> str:
    """The board, and what sets this build for it apart: the name of its folder and verdicts."""
    kind = _link(project) if project.pins else "bare"
    return project.board.name if kind == "uart" else f"{project.board.name}-{kind}"


def over_pins(design: Design, verilog: Verilog, line: UartParams | SpiParams,
              feed: Sequence[np.ndarray], *, seconds: float = 600, halvings: int = 0,
              workdir: Path = BUILD / "sim", written: dict[str, str] | None = None
              ) -> dict[str, Any]:
    """A board's top, ``verilog`` with all of its cells, against golden.

    Of the design's frames answers and cycles are compared; of `_requests`, among them damaged ones,
    every byte that comes back. ``seconds``: for which a request may keep the simulator busy;
    ``halvings``: of the clock pin, down to the design's clock; ``written``: names of files that the
    Verilog writes, to which their texts are added.

    Errors: `BadInput` for a board that gives no answer, `SimulationError` for one that gives no
    end of answers.
    """
    longest = 2 * max(int(design.block.cycles([frame])) for frame in feed) + 1000
    golden = Link(link_params(design.block, clock=line.clock, digest=design.identity, queued=True),
                  design.block)
    uart = isinstance(line, UartParams)
    speed = line.baud if isinstance(line, UartParams) else line.sck
    clock, longest = line.clock << halvings, longest << halvings
    whole = Verilog(verilog.text + TOPS["uart" if uart else "spi"], verilog.files)
    with Board(whole, top="pins", line="uart" if uart else "spi", clock=clock, baud=speed,
               wire="commands", lint=False, workdir=workdir,
               patience=longest + 40 * clock // speed if uart else 1000) as board:
        wire = Pins(board, seconds, 1000 + 40 * clock // speed) if uart else SpiPins(
            board, seconds, 8 + longest * speed // (8 * clock))
        answer = host.run(host.Host(wire, timeout=0.0, name="Board"), design, feed)
        requests = [request for request in _requests(golden, feed)
                    if uart or BROKEN_BYTE not in request]
        wrong = sum(wire.exchange(request) != golden.feed(request) for request in requests)
        if written is not None:
            written.update({name: board.written(name) for name in written})
    equal = all(row["golden_cycles"] in (None, row["cycles"]) for row in answer["answers"])
    return {**{name: answer[name] for name in ("frames", "mismatches", "cycles", "golden_cycles",
                                               "clock_hz", "errors")},
            "requests": len(requests), "wrong_requests": wrong,
            "passed": answer["passed"] and equal and not answer["errors"] and not wrong}


def _commands(line: Sequence[int]) -> Iterator[int]:
    """What the far end of the line does; after a byte without stop bit the line must be idle."""
    for byte in line:
        yield from (BROKEN | 0x55, IDLE | 2) if byte == BROKEN_BYTE else (SEND | byte,)


def _for_core(line: Sequence[int]) -> bool:
    """Whether a packet of ``line`` makes the core work, which takes as long as the core takes."""
    decoder = Decoder()
    packets = [parse(ended[0]) for byte in line if (ended := decoder.byte(byte))]
    return any(isinstance(packet, Packet)
               and packet.type in (Kind.FRAME, Kind.WEIGHTS, Kind.WEIGHTS_END)
               for packet in packets)


def _requests(golden: Link, feed: Sequence[np.ndarray]) -> list[list[int]]:
    """What a line may hand a link, each kind once: requests of every type, and every error."""
    frame = from_beats(golden.block.input, feed[0])
    echo = Packet(Kind.ECHO, 2, bytes(range(0x60, 0x90)))
    packets = [Packet(Kind.RESET, 1), echo, echo, Packet(Kind.STATUS, 3), Packet(9, 4),
               Packet(Kind.FRAME, 5, frame[:-1]), Packet(Kind.FRAME, 6, frame),
               Packet(Kind.ECHO, 0xFF, bytes(golden.params.payload)[:60]),
               Packet(Kind.STATUS, 0x5A), Packet(Kind.RESET, 7), Packet(Kind.STATUS, 8)]
    line = [list(encode(packet)) for packet in packets]
    damaged = list(encode(Packet(Kind.ECHO, 9, b"damaged")))
    damaged[8] ^= 0x10
    cut = list(encode(Packet(Kind.ECHO, 10, b"cut")))[:-4] + [0x7E]
    broken = [0x7E, 1, 2, BROKEN_BYTE, 3, 0x7E]
    return [*line[:8], damaged, cut, broken, *line[8:]]


def break_bits(design: Design, built: Built, count: int, *, baud: int, frames: int, seed: int,
               say: Callable[[str], None]) -> dict[str, Any]:
    """Turn bits of the bitstream over, one at a time, and see how many the regression notices.

    Bits are picked at random: of the tables of LUTs that compute something, and of block RAMs'
    contents. `DRAWN` times as many are drawn, and of those that the unbroken device reads in the
    same regression ``count`` are broken: a bit that nothing reads changes nothing.

    For "LUT" and "RAM": how many were drawn, of these read, of these broken (``tried``), of these
    noticed. ``survivors`` are those that were not: read, but what they changed did not matter.

    Errors: `BadInput` where the bitstream as it is fails already.
    """
    project, cache = built.synthesis.project, BUILD / "fpga"
    feed = design.any_feed(frames, seed).frames
    line = _line(project, baud)
    verilog, text = regain(built, cache), unpacked(built, cache).decode()
    drawn, choose = broken(project, verilog, text, pick(verilog, text, DRAWN * count, seed), cache)
    cells = models(project.board.device)

    def failure(number: int, written: dict[str, str] | None = None) -> str | None:
        made = choose(number)
        try:
            answer = over_pins(design, Verilog(f"{cells}\n{made.text}", made.files), line, feed,
                               seconds=20, halvings=_halvings(project), written=written)
        except (SimulationError, BadInput) as error:
            return str(error)
        return None if answer["passed"] else "answers or cycles differ"

    say(f"broken bits: which of {len(drawn)} are read")
    written = {READ: ""}
    if why := failure(-1, written):
        raise BadInput(f"Bitstream of {design.name} must pass before bits of it are broken, "
                       f"but {why}")
    read = sorted(map(int, written[READ].split()))
    counts = {kind: {"drawn": sum(flip.kind == kind for flip in drawn),
                     "read": sum(drawn[number].kind == kind for number in read)}
              for kind in ("LUT", "RAM")}
    in_rams = min(count // IN_RAMS, counts["RAM"]["read"])
    chosen = [number for kind, share in (("LUT", count - in_rams), ("RAM", in_rams))
              for number in [n for n in read if drawn[n].kind == kind][:share]]
    survivors: list[Flip] = []
    for done, number in enumerate(chosen):
        say(f"broken bits: {done} of {len(chosen)}, {len(survivors)} not noticed")
        if failure(number) is None:
            survivors.append(drawn[number])
    for kind, found in counts.items():
        tried = [drawn[number] for number in chosen if drawn[number].kind == kind]
        found |= {"tried": len(tried), "noticed": sum(flip not in survivors for flip in tried)}
    return {**counts, "survivors": [dataclasses.asdict(flip) for flip in survivors],
            "frames": len(feed), "seed": seed}


def print_answer(answers: dict[str, Any]) -> None:
    """One row for each rung and boundary."""
    rows: list[list[Any]] = []
    for rung, answer in answers.items():
        if "left_out" in answer:
            rows.append([rung, "-", None, None, None, f"left out: {answer['left_out']}"])
            continue
        for part in ("streams", "pins"):
            if part in answer:
                found = answer[part]
                rows.append([rung, part, answer["frames"], found["cycles"], found["golden_cycles"],
                             "equal" if found["passed"] else "FAILED"])
        for why in [answer["failure"], *answer.get("streams", {}).get("failures", ())]:
            if why:
                rows.append([rung, "-", None, None, None, f"FAILED: {why}"])
    report.print_table("Regression", ["device", "over", "frames", "cycles", "golden", "verdict"],
                       rows)
    broken_bits = answers.get("bitstream", {}).get("flips")
    if broken_bits:
        names = ("drawn", "read", "tried", "noticed")
        report.print_table("Bits of the bitstream turned over", ["of", *names],
                           [[kind, *(broken_bits[kind][name] for name in names)]
                            for kind in ("LUT", "RAM")])
