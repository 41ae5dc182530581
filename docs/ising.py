"""Tables and the curve of maximum cuts, from docs/results: ``python -m docs.ising``.

``--measure`` anneals first and ``--area`` counts cells with Yosys: each takes minutes. ``--fpga
FILE`` keeps what is shown of an answer of ``ternstone fpga``.
"""

import json
import sys
from pathlib import Path

import numpy as np

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/ising.md",)
CUTS, AREA, FPGA = "ising-cuts.json", "ising-area.json", "ising-fpga.json"
GRAPHS = ("g1", "g6")
SWEEPS = (10, 25, 50, 100, 200, 400)
SIZES = (("g1", {"replicas": 1}), ("g1", {}))
#: A dense row of 800 spins in as many cycles as four lanes take for 48 neighbours.
DENSE = 65


def _best(data, name):
    """The largest cut of a graph that any run found."""
    return int(max(max(row["cuts"] + row["software"]) for row in data["rows"]
                   if row["graph"] == name))


def _cuts():
    """Cut against sweeps, beside the software."""
    data = pages.load(CUTS)
    if data is None:
        return pages.missing(CUTS)
    rows = []
    for row in data["rows"]:
        best, cuts = _best(data, row["graph"]), np.array(row["cuts"])
        rows.append([
            f"{row['graph']}, {row['from']}", row["sweeps"], f"{row['cycles']:,}",
            f"{cuts.mean():.1f} ± {cuts.std(ddof=1):.1f}", f"{cuts.mean() / best:.4f}",
            f"{row['each']:.1f}", f"{row['last']:.1f}", f"{np.mean(row['software']):.1f}",
            f"{row['software_each']:.1f}", f"{1e3 * row['software_seconds']:.0f} ms",
            f"{row['cycles'] / row['software_seconds'] / 1e6:.1f} MHz"])
    return pages.table(
        ["graph", "sweeps", "cycles", "cut, best of 16", "of the best", "one replica",
         "its last state", "software, best of 16", "one read", "time of 16",
         "clock that equals it"],
        rows)


def _rules():
    """What other rules of update reach."""
    data = pages.load(CUTS)
    if data is None:
        return pages.missing(CUTS)
    return pages.table(["rule", "cut of one replica, mean"],
                       [[row["rule"], f"{row['cut']:.1f}"] for row in data["rules"]])


def _area():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    return pages.table(
        ["graph", "replicas", "lanes", "cycles a sweep", "updates a cycle", "iCE40: LUT4", "FF",
         "RAM (4 Kbit)", "ECP5: LUT4", "FF", "RAM (18 Kbit)"],
        [[row["graph"], row["replicas"], row["lanes"], f"{row['sweep_cycles']:,}",
          f"{800 * row['replicas'] / row['sweep_cycles']:.2f}",
          *(f"{row[kind][cell]:,}" for kind in ("ice40", "ecp5") for cell in ("LUT4", "FF", "RAM"))]
         for row in data["rows"]])


def _flows():
    """A list of couplings against dense rows."""
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    return pages.table(
        ["dataflow", "cycles a spin", "bits of couplings", "adder of a replica: LUT4, iCE40",
         "ECP5", "cycles x LUTs, ECP5"],
        [[row["flow"], f"{row['cycles']:.1f}", f"{row['bits']:,}", row["ice40"], row["ecp5"],
          f"{row['cycles'] * row['ecp5']:,.0f}"] for row in data["flows"]])


def _clock():
    """The routed design, and how long its runs take beside the software."""
    built, data = pages.load(FPGA), pages.load(CUTS)
    if built is None or data is None:
        return pages.missing(FPGA)
    rows = []
    for row in data["rows"]:
        if row["graph"] == "g1":
            ours, cells = row["cycles"] / built["fmax_mhz"] / 1e3, built["cells"]
            rows.append([built["part"], f"{built['fmax_mhz']:.1f} MHz", f"{cells['LUT4']:,}",
                         cells["FF"], cells["RAM"], row["sweeps"],
                         f"{ours:.1f} ms", f"{1e3 * row['software_seconds']:.0f} ms",
                         f"{1e3 * row['software_seconds'] / ours:.1f}"])
    return pages.table(["part", "Fmax", "LUT4", "FF", "RAM", "sweeps", "a run", "software",
                        "times as fast"], rows)


def _curve(pyplot):
    data = pages.load(CUTS)
    figure, plots = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for plot, name in zip(plots, GRAPHS, strict=True):
        rows, best = [r for r in data["rows"] if r["graph"] == name], _best(data, name)
        sweeps = [row["sweeps"] for row in rows]
        for key, label in (("cuts", "16 replicas"), ("each", "one replica"),
                           ("software", "dwave-samplers, 16 reads"),
                           ("software_each", "dwave-samplers, one read")):
            plot.semilogx(sweeps, [np.mean(row[key]) / best for row in rows],
                          "--" if "software" in key else "-", marker="o", ms=3, label=label)
        plot.axhline(0.99, color="grey", lw=0.8)
        plot.set(title=f"{name}: share of the best cut, {best}", xlabel="sweeps")
    plots[0].legend()
    return figure


CURVES = {"ising-cuts.svg": _curve}
#: Marker -> what writes the table that follows it.
TABLES = {"cuts": _cuts, "rules": _rules, "area": _area, "flows": _flows,
          "clock": _clock}


def measure_cuts():
    """Cuts of 20 seeds at each length, and at 100 sweeps what other rules reach."""
    from golden.files import write_json
    from ternstone.bench_invertible_maxcut import curve

    rows = []
    for name in GRAPHS:
        for sweeps in SWEEPS:
            sys.stderr.write(f"{name}, {sweeps} sweeps\n")
            rows.append(curve(name, sweeps))
    write_json(pages.RESULTS / CUTS, {"command": pages.COMMANDS[CUTS], "rows": rows,
                                      "rules": _measure_rules()})


def _measure_rules():
    """On g1, 100 updates of every spin: the noise falls, or the accumulators' range grows."""
    from golden.invertible import graph as graphs
    from golden.invertible.ising import anneal, generators
    from golden.invertible.network import ramp, simulate

    graph, _ = graphs.graph_of("g1")
    base = graphs.of_graph(graph)
    falling, rows = graphs.schedule(base, 100), []
    for rule, params, schedule in (
            ("one after another, noise of 4 bits", base, falling),
            ("noise of 1 bit", base.replace(draws=1), [(n, 2 * w, 0) for n, w, _ in falling]),
            ("accumulators of range 8 (2 in J)", base.replace(range_bits=4),
             [(n, w, 8) for n, w, _ in falling]),
            ("constant noise 4 in J, the range grows from 1 to 16 in J",
             base.replace(draws=1, fraction=0, range_bits=5),
             [(n, 4, r) for n, r in ramp("linear", 1, 16, 100, 16)])):
        sys.stderr.write(f"{rule}\n")
        found = anneal(params, schedule, *generators(params, range(1, 6)))
        rows.append({"rule": rule, "cut": float(graph.cut_of(found.final).mean())})
    free = np.full((80, graph.nodes), -1, np.int8)
    for rule, options, schedule in (
            ("all at once, noise of 4 bits", {}, falling),
            ("all at once, each resting every second cycle, 200 cycles",
             {"rest": (1,) * graph.nodes}, [(2 * n, w, 0) for n, w, _ in falling]),
            ("all at once, constant noise 4 in J, the range grows from 1 to 16 in J",
             {"scale": 1, "draws": 1, "range": -1, "range_bits": 5},
             [(n, 4, r) for n, r in ramp("linear", 1, 16, 100, 16)])):
        sys.stderr.write(f"{rule}\n")
        params = graphs.network(graph, **{"draws": 4, "range": 0, "segments": 16, **options})
        found = simulate(params, schedule, free, seeds=range(1, 81))
        rows.append({"rule": rule, "cut": float(graph.cut(found.bits).mean())})
    return rows


def measure_area():
    """Cells of whole designs, stream ports included, and of a replica's adder alone."""
    from fpga.area import ecp5, ice40
    from golden.files import write_json
    from golden.invertible.graph import graph_of, ising
    from hdl.invertible.ising import Ising
    from hdl.popcount import BitSum
    from hdl.verilog import emit

    flows, program = [], ising("g1").program
    nodes, entries = 800, program.weights.size
    for flow, lanes, cycles, bits in (
            ("list of couplings, 4 lanes", 4, len(program.last) / nodes,
             entries * (10 + 1) + len(program.last)),
            (f"dense rows, {DENSE} columns", DENSE, -(-nodes // DENSE), nodes * nodes)):
        verilog = emit(BitSum([(0, 1)] * lanes, 0), "top")
        flows.append({"flow": flow, "cycles": cycles, "bits": bits,
                      "ice40": ice40(verilog, dsp=False)["LUT4"],
                      "ecp5": ecp5(verilog, dsp=False)["LUT4"]})
    rows = []
    for name, options in SIZES:
        sys.stderr.write(f"{name}, {options}\n")
        params = ising(name, **options)
        verilog = emit(Ising(params, {}), "top")
        rows.append({"graph": name, "from": graph_of(name)[1], "replicas": params.replicas,
                     "lanes": params.lanes, "sweep_cycles": params.sweep_cycles,
                     "ice40": ice40(verilog, dsp=False), "ecp5": ecp5(verilog, dsp=False)})
    write_json(pages.RESULTS / AREA, {"command": pages.COMMANDS[AREA], "rows": rows,
                                      "flows": flows})


def keep_clock(path):
    """What the page shows of the answer of ``ternstone fpga``."""
    from golden.files import write_json

    answer = json.loads(Path(path).read_text())
    kept = ("design", "part", "fmax_mhz", "cells", "seeds", "tools")
    write_json(pages.RESULTS / FPGA, {"command": pages.COMMANDS[FPGA],
                                      **{key: answer[key] for key in kept}})


if __name__ == "__main__":
    if sys.argv[1:] == ["--area"]:
        measure_area()
    elif sys.argv[1:] == ["--measure"]:
        measure_cuts()
    elif sys.argv[1:2] == ["--fpga"]:
        keep_clock(sys.argv[2])
    pages.write(PAGES, TABLES, CURVES)
