"""Generate, simulate on the design's data, and say what came of it."""

import concurrent.futures
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from golden.files import write_json
from sim.bench import SimulationError, run
from sim.build import BuildError
from ternstone import report
from ternstone.designs import Design, open_design
from ternstone.errors import BadInput, bad_input
from ternstone.generate import BUILD, folder_of, generate, identifier

__all__ = ["print_verdicts", "simulate", "simulate_all"]

#: Simulations side by side: each is one process on one core.
JOBS = 2


def simulate(design: Design, *, frames: int, idle: float, stall: float, seed: int,
             simulator: str, wave: bool, netlist: Path | None = None,
             feed: Any = None) -> dict[str, Any]:
    """Run ``frames`` frames through the design's Verilog, or through ``netlist``.

    ``feed`` has frames of one's own, in place of the design's data.

    The answer is also ``sim.json`` (``sim-netlist.json``) beside the Verilog. ``passed`` is True
    only if every expected beat was compared and the cycles are golden's.

    Errors: `BadInput` for a netlist that does not compile; `ToolError` for a missing simulator.
    """
    started = time.perf_counter()
    if feed is None:
        with bad_input(f"Frames of {design.name}"):
            feed = design.feed(frames, seed)
    made = generate(design)
    folder = folder_of(design)
    answer: dict[str, Any] = {"design": design.name, "block": design.block.name,
                              "hash": design.digest, "task": design.task, "passed": False,
                              "failure": None, "netlist": str(netlist) if netlist else None}
    try:
        verdict = run(design.block, folder / f"{made['design']}.v", frames=feed.frames,
                      name=design.name, netlist=netlist, top=identifier(design.name),
                      simulator=simulator, idle=idle, stall=stall, seed=seed, wave=wave,
                      workdir=BUILD / "sim")
    except BuildError as error:
        if netlist:
            raise BadInput(f"Netlist {netlist}: {error}") from error
        answer["failure"] = str(error)
    except SimulationError as error:
        answer["failure"] = str(error)
    else:
        answer |= {**verdict.to_dict(), "passed": verdict.ok}
        answer.pop("name")
        answer.pop("ok")
    if answer["passed"]:
        # Hardware gave what golden gives, so golden's answers are the hardware's.
        metric, value, number = design.score(feed)
        answer["score"] = {"metric": metric, "value": value, "over": number} if metric else None
        utilisation = getattr(design.block, "utilisation", None)
        answer["utilisation"] = float(utilisation(feed.frames)) if utilisation else None
    answer["seconds"] = round(time.perf_counter() - started, 3)
    answer["tools"] = made["tools"]
    write_json(folder / ("sim-netlist.json" if netlist else "sim.json"), answer)
    return answer


def _job(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return simulate(open_design(name, None, {}), **options)


def simulate_all(names: Sequence[str], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`simulate` of several ready designs, `JOBS` at a time; answers in the order of ``names``."""
    # Processes, because a simulation changes nothing of ours but takes a core; spawned, because
    # torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())
    with (concurrent.futures.ProcessPoolExecutor(JOBS, mp_context=context) as pool,
          Progress(*columns, console=report.stderr, transient=True,
                  disable=not report.stderr.is_terminal) as progress):
        bar = progress.add_task("simulating", total=len(names))
        jobs = [pool.submit(_job, name, options) for name in names]
        try:
            for _ in concurrent.futures.as_completed(jobs):
                progress.advance(bar)
            return [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def print_verdicts(answers: Sequence[Mapping[str, Any]]) -> None:
    """One table, and below it what failed and where its waves are."""
    report.print_table(
        "Hardware against golden",
        ["design", "frames", "beats", "mismatches", "cycles", "golden", "utilisation", "score",
         "simulator", "cycles/s", "verdict"],
        [[a["design"], a.get("frames"), a.get("beats"), a.get("mismatches"), a.get("cycles"),
          a.get("expected_cycles"), a.get("utilisation"), _score(a.get("score")),
          a.get("simulator"), round(a["cycles_per_second"]) if "cycles_per_second" in a else None,
          "equal" if a["passed"] else "FAILED"] for a in answers])
    for a in answers:
        if a["failure"]:
            report.stderr.print(f"{a['design']}: {a['failure']}", markup=False, highlight=False,
                                soft_wrap=True)
        if a.get("wave"):
            report.stderr.print(f"{a['design']}: waves in {a['wave']}", markup=False,
                                highlight=False, soft_wrap=True)


def _score(score: Mapping[str, Any] | None) -> str | None:
    if not score or score["value"] is None:
        return None
    if score["metric"] == "accuracy":
        return f"{score['value']:.1f} % of {score['over']}"
    return f"{score['value']:.2f} {score['metric']} of {score['over']}"
