"""``ternstone anneal``: the maximum cut of a graph, by a network of spins, and its hardware."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golden.invertible import graph as graphs
from golden.invertible.graph import Graph
from golden.invertible.ising import Ising, IsingParams, anneal, generators
from ternstone import report
from ternstone.designs import Design
from ternstone.errors import bad_input
from ternstone.generate import generate

__all__ = ["MOST_SWEEPS", "anneal_file", "print_answer", "run"]

MOST_SWEEPS = 100_000


def run(graph: Graph, params: IsingParams, sweeps: int, seeds: int) -> dict[str, Any]:
    """The golden network, once for each seed from 1 on: the best cut of all replicas and sweeps,
    and the cycles until then. ``cycles`` is what a run takes."""
    schedule = graphs.schedule(params, sweeps)
    found = anneal(params, schedule, *generators(params, range(1, seeds + 1)))
    frame = params.ask(schedule)
    cuts = graph.cut_of(found.energy).tolist()
    best = max(range(seeds), key=lambda n: cuts[n])
    return {"sweeps": sweeps, "cycles": Ising(params, {}).cycles([frame]), "best": max(cuts),
            "mean": sum(cuts) / seeds, "worst": min(cuts),
            "runs": [{"seed": n + 1, "cut": cuts[n], "sweep": int(found.sweep[n]),
                      "cycles": int(found.sweep[n]) * params.sweep_cycles} for n in range(seeds)],
            "parts": "".join(map(str, found.bits[best].tolist())),
            "frame": frame.ravel().tolist()}


def anneal_file(path: Path, sweeps: int, seeds: int, folder: Path | None) -> dict[str, Any]:
    """The graph of a file: its network, the cuts that it finds, its hardware."""
    with bad_input(f"Graph {path}"):
        graph = graphs.read(path)
        params = graphs.of_graph(graph)
    answer: dict[str, Any] = {
        "graph": {"nodes": graph.nodes, "edges": len(graph.edges), "weight": graph.weight},
        "network": {"replicas": params.replicas, "lanes": params.lanes,
                    "sweep_cycles": params.sweep_cycles,
                    "utilisation": params.program.utilisation},
        "search": run(graph, params, sweeps, seeds)}
    made = generate(Design(f"anneal-{path.stem}", Ising(params, {})), folder)
    answer["verilog"] = str(Path(made["folder"]) / f"{made['design']}.v")
    return answer


def print_answer(answer: Mapping[str, Any]) -> None:
    graph, network, search = (answer[key] for key in ("graph", "network", "search"))
    report.print_table(
        "Network", ["nodes", "edges", "weight", "replicas", "lanes", "cycles a sweep",
                    "lanes used"],
        [[graph["nodes"], graph["edges"], graph["weight"], network["replicas"],
          network["lanes"], network["sweep_cycles"], network["utilisation"]]])
    report.print_table(
        "Maximum cut", ["seeds", "sweeps", "cycles", "best", "mean", "worst"],
        [[len(search["runs"]), search["sweeps"], search["cycles"], search["best"],
          search["mean"], search["worst"]]])
    report.console().print(f"Verilog: {answer['verilog']}", soft_wrap=True)
