"""Draws the curves of docs/lstm.md and writes its measured tables, and README.md's.

``python -m docs.lstm_curves`` from the root, with the packages installed; ``--area`` first measures
the array's cells, which takes a Yosys (``pip install -e .[synth]``) and some minutes. Curves come
from golden's cycle model, which simulation confirms cycle by cycle; multipliers and tables are
counted in the elaborated hardware; measured tables are copied from docs/results/*.json and models/.
The same inputs give the same bytes.
"""

import re
import sys

import numpy as np
from amaranth.back import rtlil

from docs import pages
from golden.files import write_json
from golden.formats import Format
from golden.lstm import layer
from golden.lstm.build import network
from golden.lstm.matvec import Schedule
from golden.lstm.memories import layer_memories
from golden.weights import WeightKind, accumulator_width, random_weights
from hdl.lstm.gru import Gru
from hdl.lstm.lstm import Lstm
from hdl.lstm.mac_array import MacArray
from hdl.store import stores
from hdl.verilog import emit

__all__ = ["CURVES", "PAGES", "TABLES", "dense_step", "flows", "layer_params",
           "measure_area", "step_cycles"]

PAGES = ("docs/lstm.md", "README.md")


# --- The cycle model -------------------------------------------------------------------------

def layer_params(**arguments):
    """Parameters of one layer without a head."""
    return network(outputs=0, steps=1, **arguments).layers[0]


def step_cycles(params, kept_h, kept_x, steps=8):
    """Cycles of a step in the steady state, input and receiver never in the way.

    kept_h: bool array [words of h]; kept_x: kept words of x, in every step
    """
    engine, h, released = Schedule(params), None, []
    last = np.minimum((np.flatnonzero(kept_h) + 1) * params.columns, params.hidden) - 1
    for _ in range(steps):
        times = engine.step(0, kept_x, h)
        h = (times[last] + 1, int(times[-1]) + 1)
        released.append(engine.released[-1])
    return (released[-1] - released[steps // 2 - 1]) / (steps - steps // 2)


def dense_step(params):
    """The closed form of `step_cycles` when nothing is zero: groups x words."""
    return params.groups * (params.words_h + params.words_x)


def flows(params):
    """Whether the element-wise part keeps up when nothing is zero: then `dense_step` is exact.

    A group's rows must have left when the next sums for their registers come, and the last units
    of a step must be in h's list when the next step gets to its end.
    """
    last_units = params.hidden - (params.groups - 1) * params.units_per_group
    before = params.words_h + (params.words_x if params.joint else 0)
    rows_leave = params.groups == 1 or params.units_per_group * params.interval <= before
    return rows_leave and (params.issue_to_rows + 2 + (last_units - 1) * params.interval
                           + params.latency <= params.words_h)


# --- Curves ----------------------------------------------------------------------------------

def _cycles(plot):
    """Cycles per step and utilisation, against lanes and interval."""
    figure, (left, right) = plot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    lanes = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
    for interval in (1, 2, 4, 8, 16):
        cycles = []
        for n in lanes:
            p = layer_params(inputs=64, hidden=256, lanes=n, interval=interval)
            cycles.append(step_cycles(p, np.ones(p.words_h, bool), p.words_x))
        useful = [1024 * 320 / (n * c) for n, c in zip(lanes, cycles, strict=True)]
        left.plot(lanes, cycles, marker="o", markersize=3, label=f"interval {interval}")
        right.plot(lanes, useful, marker="o", markersize=3)
    left.plot(lanes, [1024 * 320 / n for n in lanes], "k:", linewidth=1, label="ideal")
    for axes, name in ((left, "cycles per step"), (right, "useful products / (lanes x cycles)")):
        axes.set(xscale="log", xlabel="lanes", ylabel=name)
        axes.set_xticks([16, 32, 64, 128, 256, 512, 1024], labels=[16, 32, 64, 128, 256, 512, 1024])
        axes.minorticks_off()
    left.set(yscale="log")
    left.set_yticks([500, 1000, 2000, 5000, 10000, 20000],
                    labels=["500", "1,000", "2,000", "5,000", "10,000", "20,000"])
    right.set(ylim=(0, 1.05))
    left.legend(fontsize=8)
    figure.suptitle("Dense steady state: 64 inputs, 256 units, one column a cycle", fontsize=10)
    return figure


def _skipping(plot):
    """Speed-up against state sparsity."""
    figure, axes = plot.subplots(figsize=(6, 4), layout="constrained")
    order = np.random.default_rng(0).permutation(1000)
    share = np.array([0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.81, 0.84, 0.87, 0.9, 0.92, 0.94,
                      0.95, 0.96, 0.97, 0.98])
    for interval in (1, 2, 4):
        p = layer_params(inputs=96, one_hot=True, hidden=1000, lanes=200, interval=interval)
        cycles = [step_cycles(p, ~np.isin(np.arange(1000), order[:round(s * 1000)]), 1)
                  for s in share]
        axes.plot(100 * share, cycles[0] / np.array(cycles), marker="o", markersize=3,
                  label=f"interval {interval}")
    axes.plot(100 * share, 1 / (1 - share), "k:", linewidth=1, label="1 / (1 - s)")
    axes.set(yscale="log", xlabel="s: state columns skipped, %", ylabel="speed-up of a whole step")
    axes.set_yticks([1, 2, 5, 10, 20, 50], labels=[1, 2, 5, 10, 20, 50])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    axes.set_title("1,000 units, 200 lanes, one-hot input; each against itself dense", fontsize=10)
    return figure


def _memory(plot):
    """Bits of the weight memory and of the row table."""
    figure, axes = plot.subplots(figsize=(6, 3.2), layout="constrained")
    kinds, bits = zip(*_memory_bits().items(), strict=True)
    weights, rows = (np.array(part) / 1000 for part in zip(*bits, strict=True))
    axes.bar(kinds, weights, label="weights")
    axes.bar(kinds, rows, bottom=weights, label="scales and biases of the rows")
    axes.set(ylabel="kbit")
    axes.legend(fontsize=8)
    axes.set_title("Memories of a layer with 64 inputs and 256 units", fontsize=10)
    return figure


def _area(plot):
    """LUTs for each product a cycle, against columns."""
    figure, axes = plot.subplots(figsize=(6, 3.6), layout="constrained")
    area = pages.load("lstm-area.json")
    for kind, style in (("int8", "-"), ("int4", "-"), ("ternary", "-"), ("binary", "--")):
        points = [p for p in area["points"] if p["weights"] == kind]
        columns = [p["columns"] for p in points]
        axes.plot(columns, [p["LUT4"] / (area["lanes"] * p["columns"]) for p in points], style,
                  marker="o", markersize=3, label=kind)
    axes.set(xscale="log", xlabel="columns", ylabel="iCE40 LUT4 per product a cycle",
             ylim=(0, None))
    axes.set_xticks(columns, labels=columns)
    axes.minorticks_off()
    axes.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.8))
    axes.set_title("MAC array alone: 8-bit operands, 256 terms, no MAC16", fontsize=10)
    return figure


def measure_area(lanes=8):
    """Cells of the array alone on an iCE40, into docs/results/lstm-area.json."""
    from fpga.area import ice40

    points, tools = [], {}
    operand = Format(8, 7)
    for kind in map(WeightKind, ("binary", "ternary", "int4", "int8")):
        widths = {"x": accumulator_width(operand, kind, 256)}
        for columns in (1, 2, 4, 8):
            array = MacArray(kind=kind, lanes=lanes, columns=columns, batch=1, operand=operand,
                             widths=widths)
            cells = ice40(emit(array, "top"), dsp=False)
            tools = {name: cells.pop(name) for name in ("tool", "version", "flow")}
            points.append({"weights": kind.name, "columns": columns, **cells})
    write_json(pages.RESULTS / "lstm-area.json", {"lanes": lanes, **tools, "points": points})


#: File beside this one -> what draws it.
CURVES = {"lstm-cycles.svg": _cycles, "lstm-skipping.svg": _skipping, "lstm-memory.svg": _memory,
          "lstm-area.svg": _area}


# --- Tables ----------------------------------------------------------------------------------

def _memory_bits():
    """Weight kind -> bits of (weight memory, row table)."""
    out = {}
    for kind in ("binary", "ternary", "int4", "int8", "int12"):
        p = layer_params(inputs=64, hidden=256, weights=kind)
        rng = np.random.default_rng(0)
        tensors = {name: random_weights(p.kind, shape, rng) if name.startswith("weight")
                   else np.zeros(shape, np.int64) for name, shape in layer.shapes(p).items()}
        bits = {name: width * len(words)
                for name, (width, words) in layer_memories(p, tensors).items()}
        out[kind] = (bits["weights"], bits["rows"])
    return out


def _memory_table():
    bits = _memory_bits()
    rows = [[kind, f"{weights:,}", f"{bits['int12'][0] / weights:.0f}", f"{rows:,}"]
            for kind, (weights, rows) in bits.items()]
    return pages.table(["weights", "bits of the weight memory", "times less than int12",
                   "bits of scales and biases"], rows)


def _interval_table(cell, intervals):
    """Multipliers and tables of the element-wise part, counted in the elaborated cell."""
    rows = []
    for interval in intervals:
        p = layer_params(inputs=1, hidden=2, lanes=12, cell=cell, interval=interval)
        modules = _modules(p)
        sums, unit = (len(re.findall(r"cell \$mul", modules[name])) for name in ("sums", "top"))
        small = _tables(_modules(p.replace(pre=Format(8, 4))))
        rows.append([interval, p.rows_per_cycle, sums, unit, _tables(modules), small, p.latency])
    return pages.table(["interval", "rows a cycle", "multipliers for scales",
                   "multipliers of the cell", "tables", "tables, pre s8.4", "latency"], rows)


def _modules(params):
    """Module name -> RTLIL of a layer's elaborated cell."""
    tensors = {name: np.ones(shape, np.int64) for name, shape in layer.shapes(params).items()}
    memories = layer_memories(params, tensors)
    del memories["weights"]     # the cell has no use for them
    cell = {"lstm": Lstm, "gru": Gru}[params.cell](params, stores(memories, params.store))
    text = rtlil.convert(cell, name="top")
    return {body.split()[0].split(".")[-1].lstrip("\\"): body
            for body in re.split(r"\nmodule ", text)}


def _tables(modules):
    count = {name: sum(module.startswith(start) for module in modules)
             for name, start in (("sigmoid", "sigmoid_"), ("tanh", "tanh_"),
                                 ("for both", "activation_"))}
    return ", ".join(f"{number} {name}" for name, number in count.items() if number)


def _accuracy_table():
    table = pages.load("lstm-accuracy.json")
    if table is None:
        return pages.missing("lstm-accuracy.json")
    rows = []
    for name, record in table.items():
        task, figures = record["task"], record["figures"]
        metric = "bpc" if task["view"] == "text" else "accuracy"
        digits, unit = (3, "bpc") if metric == "bpc" else (2, "%")
        cells = [pages.with_spread(figures.get(f"{metric}_{kind}"), digits)
                 for kind in ("step", "float", "fixed", "integer")]
        zeros = pages.with_spread(figures.get("zeros"), 1, 100) if "zeros" in figures else "-"
        rows.append([f"`{name}`", record.get("data", task["data"]),
                     f"{task['cell']} {task['hidden']}", task["weights"], record["epochs"],
                     len(record["seeds"]), unit, *cells, zeros])
    return pages.table(["experiment", "data", "network", "weights", "epochs", "seeds", "in",
                   "float, minibatch statistics", "float, frozen", "fake-quantised", "integer",
                   "zeros in h, %"], rows)


#: Marker -> what writes the table that follows it.
TABLES = {
    "accuracy": _accuracy_table,
    "bench": lambda: pages.bench_table("lstm"),
    "sim": pages.sim_table,
    "memory": _memory_table,
    "interval-lstm": lambda: _interval_table("lstm", (1, 2, 4, 5, 6, 7)),
    "interval-gru": lambda: _interval_table("gru", (1, 3, 5, 6)),
}


def main(arguments):
    if arguments not in ([], ["--area"]):
        sys.exit(f"error: Arguments must be none, or --area, not {' '.join(arguments)}")
    if arguments:
        measure_area()
    pages.write(PAGES, TABLES, CURVES)


if __name__ == "__main__":
    main(sys.argv[1:])
