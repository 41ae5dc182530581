"""What the pages' scripts share: tables between markers, results of measurements, curves."""

import json
import re
from pathlib import Path

from golden import modelfile
from ternstone.catalogue import DESIGNS

__all__ = ["MODELS", "RESULTS", "ROOT", "bench_summary", "bench_table", "draw", "fill", "load",
           "missing", "sim_table", "table", "with_spread", "write"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
MODELS = ROOT / "models"

#: What makes each file of results.
COMMANDS = {
    "asic.json": "python -m docs.asic_tables --add FILE.json ...",
    "asic-bench.json": "ternstone bench asic --save docs/results/asic-bench.json",
    "invertible-area.json": "python -m docs.invertible_circuits --area",
    "invertible-circuits.json": "python -m docs.invertible_circuits --measure",
    "fpga-bench.json": "ternstone bench fpga --save docs/results/fpga-bench.json",
    "fpga-explore.json":
        "ternstone explore digits-lstm-ternary --over layers.0.lanes=8,16,32,64 --param interval=4 "
        "--board hx8k --json > docs/results/fpga-explore.json",
    "fpga-rungs.json": "python -m docs.fpga_rungs",
    "invertible-factoring.json":
        "python -m golden.invertible.factoring docs/results/invertible-factoring.json",
    "invertible-sampling-area.json": "python -m docs.invertible_sampling --area",
    "invertible-sampling.json": "python -m docs.invertible_sampling --measure",
    "invertible-search-area.json": "python -m docs.invertible_search --area",
    "ising-area.json": "python -m docs.ising --area",
    "ising-cuts.json": "python -m docs.ising --measure",
    "ising-fpga.json":
        "ternstone fpga maxcut-g1 --board ulx3s-25f --bare --seeds 1 --json",
    "joint-area.json": "python -m docs.joint_tables --area",
    "joint-cycles.json": "python -m docs.joint_tables --measure",
    "link-area.json": "python -m docs.link_tables --area",
    "link-faults.json": "python -m docs.link_tables --measure",
    "lstm-accuracy.json": "python -m golden.lstm.accuracy docs/results/lstm-accuracy.json",
    "lstm-area.json": "python -m docs.lstm_curves --area",
    "lstm-bench.json": "ternstone bench lstm --save docs/results/lstm-bench.json",
    "mac-area.json": "python -m docs.mac_area --measure",
    "nullhop-area.json": "python -m docs.nullhop_tables --area",
    "nullhop.json": "python -m docs.nullhop_tables --measure",
    "peers-bench.json": "ternstone bench peers --save docs/results/peers-bench.json",
    "sim.json": "ternstone sim --all --json > docs/results/sim.json",
    "sparse-conv-accuracy.json":
        "python -m golden.sparse_conv.accuracy docs/results/sparse-conv-accuracy.json",
    "sparse-conv-area.json": "python -m docs.sparse_conv --area",
    "sparse-conv-structured-area.json": "python -m docs.sparse_conv_structured --area",
    "sparse_conv-bench.json":
        "ternstone bench sparse_conv --save docs/results/sparse_conv-bench.json",
    "invertible-bench.json":
        "ternstone bench invertible --save docs/results/invertible-bench.json",
    "stochastic-accuracy.json":
        "python -m golden.stochastic.accuracy docs/results/stochastic-accuracy.json",
    "stochastic-bench.json":
        "ternstone bench stochastic --save docs/results/stochastic-bench.json",
}


def load(name):
    """A file of results, or None."""
    path = RESULTS / name
    return json.loads(path.read_text()) if path.exists() else None


def missing(name):
    return f"Not measured yet: `{COMMANDS[name]}`."


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def with_spread(figure, digits, factor=1):
    if figure is None:
        return "-"
    text = f"{factor * figure['mean']:.{digits}f}"
    many = len(figure["seeds"]) > 1
    return f"{text} ± {factor * figure['spread']:.{digits}f}" if many else text


def _number(value):
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else (
        f"{value:.4g}" if isinstance(value, float) else str(value))


def bench_table(family):
    """Figures of ``ternstone bench``."""
    bench = load(f"{family}-bench.json")
    if bench is None:
        return missing(f"{family}-bench.json")
    met = {True: "yes", False: "no", None: "-"}
    return table(["figure", "setting", "measured", "must be", "met", "how"],
                 [[row["figure"], row["setting"], _number(row["measured"]), row["target"],
                   met[row["met"]], row["how"]] for row in bench["figures"]])


def bench_summary(family):
    """Of each part of ``ternstone bench``: how many figures have a target, and meet it."""
    bench = load(f"{family}-bench.json")
    if bench is None:
        return missing(f"{family}-bench.json")
    parts = {}
    for row in bench["figures"]:
        parts.setdefault(row["part"], []).append(row["met"])
    return table(["part", "figures", "with a target", "met"],
                 [[name, len(met), sum(one is not None for one in met),
                   sum(one is True for one in met)] for name, met in parts.items()])


def sim_table():
    """The ready designs, as ``make sim`` shows them."""
    sim = load("sim.json")
    if sim is None:
        return missing("sim.json")
    rows = []
    for run in sim["designs"]:
        what, score = _design(run)
        equal = f"{run['mismatches']} of {run['beats']:,}" if run["passed"] else "FAILED"
        rows.append([f"`{run['design']}`", what, equal, f"{run['cycles']:,}",
                     f"{run['expected_cycles']:,}",
                     "-" if run["utilisation"] is None else f"{run['utilisation']:.3f}", score])
    return table(["design", "network", "beats that differ", "cycles, measured", "cycles, golden",
                  "utilisation", "answers"], rows)


def _design(run):
    """What a ready design is, and what it answers on data that its training never saw; of one
    that needs no training, what it answered here."""
    entry = DESIGNS[run["design"]]
    if entry.model is None:
        score = run["score"]
        return entry.summary, f"{score['value']:.1f} {score['metric']}" if score else "-"
    _, params, _, info = modelfile.load(MODELS / entry.model)
    figures = info["figures"]
    if "bpc_integer" in figures:
        return _DESCRIBE[run["block"]](params), f"{figures['bpc_integer']:.2f} bpc"
    accuracy = figures.get("accuracy_integer", figures.get("accuracy"))
    return _DESCRIBE[run["block"]](params), f"{accuracy:.1f} %"


def _recurrent(params):
    first = params.layers[0]
    return f"{first.cell} {first.hidden}, {first.weights}, {first.lanes} lanes"


def _stochastic(params):
    sizes = "-".join(str(size) for size in
                     (params.inputs, *(part.outputs for part in params.layers)))
    return f"{sizes}, m {params.layers[0].m}, {params.length} stream cycles"


def _convolutions(params):
    sizes = "-".join(str(layer.filters) for layer in params.layers)
    return f"convolutions {sizes}, {params.layers[1].weights}, {params.lanes} lanes"


#: Block -> what a table says of its parameters.
_DESCRIBE = {"lstm.network": _recurrent, "stochastic.network": _stochastic,
             "sparse_conv.joint": _convolutions}


def fill(text, tables):
    """``text`` with every table between its markers written anew."""
    def replaced(match):
        return f"<!-- table: {match[1]} -->\n\n{tables[match[1]]()}\n\n<!-- end -->"

    return re.sub(r"<!-- table: ([\w-]+) -->.*?<!-- end -->", replaced, text, flags=re.DOTALL)


def draw(curves, folder):
    """Draw every curve (file name -> function of pyplot that returns a figure) into ``folder``."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    style = {"svg.hashsalt": "ternstone", "svg.fonttype": "none", "axes.grid": True,
             "grid.alpha": 0.3, "savefig.facecolor": "white"}
    with matplotlib.rc_context(style):
        for name, make in curves.items():
            figure = make(pyplot)
            figure.savefig(Path(folder) / name, metadata={"Date": None, "Creator": None})
            pyplot.close(figure)


def write(names, tables, curves):
    """Pages with their tables, and the curves beside them."""
    for name in names:
        path = ROOT / name
        path.write_text(fill(path.read_text(), tables))
    draw(curves, ROOT / "docs")
