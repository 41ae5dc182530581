"""Networks of spins: every kind of them against golden, bit by bit; and how they sample.

The first part simulates hardware, the second one is golden's, which the first one has shown to be
the hardware's.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from golden.invertible import sampling
from golden.invertible.build import network
from golden.invertible.hamiltonian import GATES
from golden.invertible.network import Network, simulate
from ternstone.bench import Row, Say, at_least, figure, side_by_side, verified

__all__ = ["CASES", "equality", "sampled", "speed"]

#: Jobs of a case, with and without stalls.
JOBS = 40


def _cases() -> Iterator[dict[str, Any]]:
    """Arguments of networks: every gate, adders, multipliers and a comparator, in such variants
    that each update order, replica scheme, coding, generator and answer is there several times."""
    circuits = [*((name, 1) for name in GATES), ("adder", 1), ("adder", 4), ("adder", 8),
                ("multiplier", 2), ("multiplier", 3), ("multiplier", 4), ("comparator", 4)]
    variants: list[dict[str, Any]] = [
        {"update": "synchronous", "answer": "trace"},
        {"update": "chromatic", "draws": 7, "range": 0, "stop": "hit"},
        {"update": "sequential", "coding": "unipolar", "answer": "trace", "replicas": 2},
        {"update": "synchronous", "replicas": 3, "ring": 1, "draws": 2, "stop": "hit"},
        {"update": "chromatic", "replicas": 2, "ring": -1, "answer": "trace"},
        {"update": "chromatic", "draws": 4, "answer": "histogram", "random": "lfsr"},
        {"update": "synchronous", "random": "lfsr", "range": 6, "replicas": 4},
        {"update": "sequential", "draws": 3, "ring": 2, "replicas": 2, "answer": "trace"}]
    for number, (circuit, width) in enumerate(circuits):
        own = variants[number % len(variants)]
        port = {"histogram": "x" if circuit in GATES else "a"}
        yield {"circuit": circuit, "width": width, "seed": number, "noise_bits": 5, **own,
               **(port if own.get("answer") == "histogram" else {})}


CASES = tuple(_cases())


def _equal(arguments: dict[str, Any]) -> Row:
    block = Network(network(**arguments), {})
    rng = np.random.default_rng(arguments["seed"])
    frames = block.random_frames(JOBS, rng)
    # Frames of random parameters are short ones.
    for frame in frames[::4]:
        frame[0, 0] = rng.integers(200, 1000)
    name = f"bench-invertible-{arguments['circuit']}-{arguments['width']}"
    plain = verified(name, block, frames)
    stalled = verified(name, block, frames[:JOBS // 2], idle=0.3, stall=0.3)
    passed = plain["passed"] and stalled["passed"]
    wrong = plain.get("mismatches", 0) + stalled.get("mismatches", 0)
    setting = f"{arguments['circuit']} {arguments['width']}: " + ", ".join(
        f"{key} {value}" for key, value in arguments.items()
        if key not in ("circuit", "width", "noise_bits"))
    how = (f"{JOBS} jobs of random clamps and schedules, {plain.get('beats', 0):,} beats; half of "
           "them again with stalls")
    if not passed:
        how = plain["failure"] or stalled["failure"] or how
    return figure("beats that differ from golden", setting, wrong, how, target="0",
                  met=passed and wrong == 0)


def equality(say: Say) -> Iterator[Row]:
    """Golden and hardware: gates, adders, multipliers, update orders, replica schemes."""
    return side_by_side(_equal, CASES, say, "equality")


# -- sampling

def _clamps(name: str) -> list[Any]:
    params = sampling.sampler(name)
    if name == "adder-8":
        return list(sampling.sampled_clamps(params).values())
    return sampling.clamps(params)


def _sampled(task: tuple[str, int | None]) -> list[sampling.Sampled]:
    """Of a gate, or of one of the adder's clamps."""
    name, number = task
    clamps = _clamps(name)
    return sampling.measure(sampling.sampler(name),
                            clamps if number is None else clamps[number:number + 1])


def _stuck(params: Any, states: int) -> Any:
    """Without noise, the first cycles: nothing moves after them."""
    own, jobs = sampling.frozen(params, states)
    return tuple((min(count, 1000), *level) for count, *level in own), min(jobs, 256)


def sampled(say: Say) -> Iterator[Row]:
    """Valid states: how much of the time, and how evenly; and that a frozen network fails."""
    tasks: list[tuple[str, int | None]] = [(name, None) for name in sampling.NAMES[:-1]]
    tasks += [("adder-8", number) for number in range(len(_clamps("adder-8")))]
    found: dict[str, list[sampling.Sampled]] = {name: [] for name in sampling.NAMES}
    for (name, _), own in zip(tasks, side_by_side(_sampled, tasks, say, "sampling"), strict=True):
        found[name] += own
    for name, all_clamps in found.items():
        kinds = "sampled" if name == "adder-8" else "all"
        setting = f"{name}, {len(all_clamps)} clamps ({kinds})"
        how = "the worst clamp's; 2^20 cycles at the final noise, from random starts"
        valid = min(own.valid for own in all_clamps)
        least = min(own.least for own in all_clamps)
        yield figure("share of the cycles in valid states", setting, round(valid, 4), how,
                     target=f"> {sampling.VALID}", met=valid > sampling.VALID)
        yield figure("rarest valid state, of its even share", setting, round(least, 3), how,
                     target=f">= {sampling.LEAST}", met=least >= sampling.LEAST)
    for name in sampling.NAMES:
        params, clamps = sampling.sampler(name), _clamps(name)
        stuck = sampling.measure(params, clamps, _stuck)
        failed = sum(not own.passed for own in stuck)
        yield figure("frozen: clamps at which the check fails", f"{name}, noise 0", failed,
                     f"of {len(clamps)}: with one valid state alone, some start in it",
                     target=">= 1", met=failed >= 1)


def speed(say: Say) -> Iterator[Row]:
    """Golden on one core: spin updates a second."""
    jobs, cycles = 2048, 300
    for circuit, width in (("adder", 8), ("multiplier", 5)):
        say(f"speed of golden, {circuit}")
        params = network(circuit, width, range=8)
        started = time.perf_counter()
        simulate(params, ((cycles, 5, 0),), np.full((jobs, len(params.bits)), -1),
                 seeds=range(jobs))
        rate = jobs * cycles * params.spins / (time.perf_counter() - started)
        yield at_least("golden, spin updates a second", f"{circuit} {width}, synchronous",
                       round(rate), 1_000_000, f"{jobs:,} jobs of {cycles} cycles, one core")
