"""Maximum cuts of graphs of 800 nodes: cuts, cycles, and a software annealer beside them.

The yardstick is the best known cut where the G-set's own file is there, and else the best of long
runs of the software annealer and of all of ours. Everything is measured in one run, on one core.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from golden.invertible import graph as graphs
from golden.invertible.graph import Graph
from golden.invertible.ising import Ising, anneal, generators
from ternstone.bench import Row, Say, at_least, figure, verified

__all__ = ["maximum_cut", "software"]

#: Graph -> sweeps of a run.
RUNS = {"g1": 100, "g6": 200}
SEEDS = 20
#: The software annealer's long runs: sweeps, reads.
LONG = 5000, 32
SHARE = 0.99
MISSING = "not measured: dwave-samplers must be there (pip install dwave-samplers)"


def software(graph: Graph, sweeps: int, reads: int) -> dict[str, Any] | None:
    """Cuts [reads] of D-Wave's simulated annealing, with its own schedule, and the processor's
    seconds that it took; None where it is not installed.

    Source: dwave-samplers, `SimulatedAnnealingSampler`: Metropolis, spin by spin, in C++.
    """
    try:
        from dwave.samplers import SimulatedAnnealingSampler
    except ImportError:
        return None
    started = time.process_time()
    found = SimulatedAnnealingSampler().sample_ising(
        {}, {(i, j): -value for i, j, value in graph.couplings}, num_reads=reads,
        num_sweeps=sweeps, seed=1)
    seconds = time.process_time() - started
    return {"cuts": (graph.weight - found.record.energy) / 2, "seconds": seconds}


def maximum_cut(say: Say) -> Iterator[Row]:
    """Target: the average over seeds of the cut, at least 0.99 of the best one."""
    for name, sweeps in RUNS.items():
        yield from _graph(name, sweeps, say)


def _graph(name: str, sweeps: int, say: Say) -> Iterator[Row]:
    graph, where = graphs.graph_of(name)
    params = graphs.of_graph(graph)
    schedule = graphs.schedule(params, sweeps)
    setting = f"{name}, {where}: {params.replicas} replicas, {sweeps} sweeps"
    say(f"{name}: golden")
    started = time.monotonic()
    ours = anneal(params, schedule, *generators(params, range(1, SEEDS + 1)))
    seconds = time.monotonic() - started
    cuts = graph.cut_of(ours.energy)
    assert (graph.cut(ours.bits) == cuts).all()

    say(f"{name}: software")
    long, alike = software(graph, *LONG), software(graph, sweeps, params.replicas * SEEDS)
    known = graphs.BEST_KNOWN.get(where)
    mean, spread = float(cuts.mean()), float(cuts.std(ddof=1))
    measured = f"mean {mean:.1f} (spread {spread:.1f}, worst {cuts.min()}) of {SEEDS} seeds"
    what = "share of the best cut"
    if known is None and long is None:
        yield figure(what, setting, None, MISSING, target=f">= {SHARE}")
        best = int(cuts.max())
    else:
        best = known or int(max(long["cuts"].max(), cuts.max()))  # type: ignore[index]
        which = "known" if known else f"of {LONG[1]} software runs of {LONG[0]} sweeps, and ours"
        yield at_least(what, setting, round(mean / best, 4), SHARE,
                       f"{measured}; best {which}: {best}")
    yield figure("share of the best cut, one replica", setting,
                 round(float(graph.cut_of(ours.replicas).mean()) / best, 4),
                 "mean over all replicas and seeds")

    say(f"{name}: hardware")
    job = params.ask(schedule)
    block = Ising(params, {})
    verdict = verified(f"bench-maxcut-{name}", block, [job])
    cycles = block.cycles([job])
    if not verdict["passed"]:
        yield figure("cycles of a run", setting, None, verdict["failure"],
                     target="0 mismatches", met=False)
        return
    yield figure("cycles of a run", setting, cycles,
                 f"simulated, all bits golden's; lanes {params.lanes}", met=True,
                 target="0 mismatches")
    yield at_least("lanes in use", setting, round(block.utilisation([job]), 4), 0.95,
                   "couplings added up, of lanes x cycles")
    if alike is None:
        yield figure("clock that equals the software, MHz", setting, None, MISSING)
    else:
        each = alike["cuts"].reshape(SEEDS, params.replicas)
        run = alike["seconds"] / SEEDS
        yield figure("software: share of the best cut", setting,
                     round(float(each.max(1).mean()) / best, 4),
                     f"dwave-samplers, the same sweeps, best of {params.replicas} reads: "
                     f"mean {each.max(1).mean():.1f}")
        yield figure("clock that equals the software, MHz", setting, round(cycles / run / 1e6, 2),
                     f"{cycles} cycles in the {run * 1e3:.1f} ms that {params.replicas} software "
                     "reads of as many sweeps take on one core")
    updates = graph.nodes * sweeps * params.replicas
    yield at_least("golden: spin updates a second", setting, round(updates * SEEDS / seconds),
                   1e6, f"{SEEDS} seeds in {seconds:.1f} s, bit-exact")
    yield figure("hardware: spin updates a cycle", setting, round(updates / cycles, 3),
                 "of a whole run, load and answer included")


def curve(name: str, sweeps: int, seeds: int = SEEDS) -> dict[str, Any]:
    """Of runs of one length: cuts [seeds], best of all replicas; each replica's mean."""
    graph, where = graphs.graph_of(name)
    params = graphs.of_graph(graph)
    schedule = graphs.schedule(params, sweeps)
    found = anneal(params, schedule, *generators(params, range(1, seeds + 1)))
    cycles = Ising(params, {}).cycles([params.ask(schedule)])
    beside = software(graph, sweeps, params.replicas * seeds)
    row = {"graph": name, "from": where, "sweeps": sweeps, "cycles": cycles,
           "replicas": params.replicas, "cuts": graph.cut_of(found.energy).tolist(),
           "each": float(np.mean(graph.cut_of(found.replicas))),
           "last": float(np.mean(graph.cut_of(found.final)))}
    if beside:
        each = beside["cuts"].reshape(seeds, -1)
        row |= {"software": each.max(1).tolist(), "software_each": float(each.mean()),
                "software_seconds": beside["seconds"] / seeds}
    return row
