"""Draws the curves of docs/stochastic.md and writes its tables, from docs/results/*.json.

``python -m docs.stochastic_curves`` from the root, with the packages installed. The same results
give the same bytes.
"""

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/stochastic.md",)
FILE = "stochastic-accuracy.json"
CODINGS = {"sign": "-", "bipolar": "--", "classic": ":"}


def _rows(experiment):
    """An experiment's rows; none before it was measured."""
    return (pages.load(FILE) or {}).get(experiment, {}).get("rows", [])


def _figure(value):
    """Mean and spread over seeds; without a spread where there was one seed."""
    return f"{value['mean']:.2f}" + (f" ± {value['spread']:.2f}" if value["spread"] else "")


def _table(experiment, head, cells):
    rows = _rows(experiment)
    return pages.table(head, map(cells, rows)) if rows else pages.missing(FILE)


def _goal():
    rows = [("digits", row) for row in _rows("goal")] + [("MNIST", row) for row in _rows("mnist")]
    if not rows:
        return pages.missing(FILE)
    return pages.table(
        ["data", "m", "epochs of tuning", "states", "float, %", "streams, %"],
        [[data, row["m"], row["tune"], f"{row['states']['mean']:.3g}",
          _figure(row["accuracy_float"]), _figure(row["accuracy"])] for data, row in rows])


def _states():
    return _table("states", ["data", "coding", "m", "choice", "states", "accuracy, %",
                             "distance of hidden streams from sigmoids"],
                  lambda row: [row["data"], row["coding"], row["m"], row["choice"],
                               f"{row['states']['mean']:.3g}", _figure(row["accuracy"]),
                               row["hidden_error"]])


def _early():
    return _table("early", ["m", "stop", "margin", "accuracy, %", "stream cycles, mean"],
                  lambda row: [row["m"], row["stop"], row.get("margin", "-"),
                               f"{row['accuracy']:.2f}", f"{row['cycles']:.1f}"])


def _generators():
    return _table("generators", ["kind", "numbers of the inputs", "of a layer's weights",
                                 "accuracy, %"],
                  lambda row: [row["kind"], row["inputs"], row["weights"],
                               _figure(row["accuracy"])])


def _maps():
    return _table("maps", ["kind", "numbers of the inputs", "of a layer's weights",
                           "error of a product", "error of S / m", "variance of S",
                           "if independent"],
                  lambda row: [row["kind"], row["inputs"], row["weights"],
                               *(f"{row['layers'][0][key]:.4f}" for key in (
                                   "product_error", "sum_error", "variance", "independent"))])


def _regenerated():
    rows = {(row["first"], row["head"]): row for row in _rows("regenerated")}
    heads = list(dict.fromkeys(head for _, head in rows))
    return pages.table(
        ["hidden layer", *("handed on" if head is None else f"head {head}" for head in heads)],
        [[first, *(f"{rows[first, head]['accuracy']:.2f} ({rows[first, head]['clocks']})"
                   for head in heads)] for first in dict.fromkeys(first for first, _ in rows)])


def _speed():
    return _table("speed", ["m", "images", "seconds", "images a second", "threads"],
                  lambda row: [row["m"], f"{row['images']:,}", row["seconds"],
                               row["images_per_second"], row["threads"]])


def _faults_table():
    rows = (pages.load("stochastic-faults.json") or {}).get("rows", [])
    rates = sorted({row["rate"] for row in rows})
    found = {}
    for row in rows:
        found.setdefault((row["net"], row["network"]), {})[row["rate"]] = row["accuracy"]
    return pages.table(["faults in", "network", *(f"{rate:.1%}" for rate in rates)],
                       [[net, name, *(f"{curve[rate]:.1f}" for rate in rates)]
                        for (net, name), curve in found.items()])


def _length(plot):
    """Accuracy against stream length."""
    figure, axes = plot.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
    rows = _rows("length")
    for coding, style in CODINGS.items():
        for m, colour in ((1, "C0"), (2, "C1"), (4, "C2")):
            for tuned, side in ((False, axes[0]), (True, axes[1])):
                points = [row for row in rows if (row["coding"], row["m"]) == (coding, m)
                          and bool(row["tune"]) == tuned]
                if points:
                    side.plot([row["length"] for row in points],
                              [row["accuracy"]["mean"] for row in points], style, color=colour,
                              marker="o", markersize=3, label=f"{coding}, m = {m}")
    for side, title in zip(axes, ("not tuned", "tuned for the length"), strict=True):
        real = [row["accuracy_float"]["mean"] for row in rows]
        side.axhline(max(real), color="k", linewidth=0.8)
        side.set(xscale="log", xlabel="stream cycles", title=title, ylim=(85, 98.5))
        side.set_xticks([16, 32, 64, 128, 256, 512, 1024],
                        labels=[16, 32, 64, 128, 256, 512, "1,024"])
        side.minorticks_off()
        side.legend(fontsize=7, loc="lower right")
    axes[0].set(ylabel="digits read right, %")
    return figure


def _early_curve(plot):
    """Accuracy against the mean of stream cycles, stopping at a margin."""
    figure, axes = plot.subplots(figsize=(6, 3.4), layout="constrained")
    for m in (1, 4):
        rows = [row for row in _rows("early") if row["m"] == m]
        points = sorted((row["cycles"], row["accuracy"]) for row in rows)
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=f"m = {m}")
    axes.set(xscale="log", xlabel="stream cycles, mean", ylabel="digits read right, %")
    axes.set_xticks([16, 32, 64, 128, 256], labels=[16, 32, 64, 128, 256])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    return figure


def _faults(plot):
    """Accuracy against the rate of flipped bits."""
    rows = (pages.load("stochastic-faults.json") or {}).get("rows", [])
    nets = list(dict.fromkeys(row["net"] for row in rows))
    figure, axes = plot.subplots(1, len(nets), figsize=(10, 3.4), layout="constrained",
                                 sharey=True)
    for side, net in zip(axes, nets, strict=True):
        for name in dict.fromkeys(row["network"] for row in rows):
            points = [(row["rate"], row["accuracy"]) for row in rows
                      if (row["net"], row["network"]) == (net, name) and row["rate"]]
            if points:
                side.plot(*zip(*points, strict=True), "--" if "radix" in name else "-",
                          marker="o", markersize=3, label=name)
        side.set(xscale="log", xlabel="rate of flipped bits", title=f"faults in {net}")
        side.legend(fontsize=7, loc="lower left")
    axes[0].set(ylabel="digits read right, %")
    return figure


#: File beside this one -> what draws it.
CURVES = {"stochastic-length.svg": _length, "stochastic-early.svg": _early_curve,
          "stochastic-faults.svg": _faults}

#: Marker -> what writes the table that follows it.
TABLES = {"goal": _goal, "states": _states, "early": _early, "generators": _generators,
          "maps": _maps, "regenerated": _regenerated, "speed": _speed, "faults": _faults_table,
          "bench": lambda: pages.bench_table("stochastic")}


if __name__ == "__main__":
    pages.write(PAGES, TABLES, CURVES)
