"""Tables of the factoring cores, from docs/results: ``python -m docs.invertible_search``.

``--area`` counts cells with Yosys first, which takes some minutes.
"""

import sys

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/invertible-search.md",)
CYCLES, AREA = "invertible-factoring.json", "invertible-search-area.json"
CURVES: dict = {}

#: Rule -> name in the table.
CORES = {"steps": "`search`, form `steps`", "flips": "`search`, form `flips`",
         "circuit": "`search`, form `circuit`", "collapsed": "`collapsed`"}
NAMES = {**CORES, "weighted": "`network`, 3 N² spins, our weights",
         "published": "`network`, 3 N² spins, the published rule"}
COLUMNS = ((5, "general"), (5, "semiprimes"), (8, "semiprimes"), (10, "semiprimes"))


def _number(value):
    return "-" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def _head(*first):
    return [*first, *(f"{bits} x {bits}, {kind}" for bits, kind in COLUMNS)]


def _summary():
    """Means, their bounds and quantiles, beside what is published and the yardsticks."""
    data = pages.load(CYCLES)
    if data is None:
        return f"Not measured yet: `{pages.COMMANDS[CYCLES]}`."
    rows = []
    for rule, name in NAMES.items():
        for replicas, stages in ((1, 1), (4, 1), (1, 2), (1, 6)):
            found = {(row["bits"], row["set"]): row for row in data["rows"]
                     if (row["rule"], row["replicas"], row["stages"]) == (rule, replicas, stages)}
            if found:
                more = [f", {count} {what}" for count, what in (
                    (replicas, "replicas"), (stages, "stages")) if count > 1]
                rows.append([name + "".join(more), *(
                    f"{_number(row['mean'])} (≤ {_number(row['bound'])}) / {row['q99']:,.0f}"
                    if (row := found.get(column)) else "-" for column in COLUMNS)])
    published = data["published"]
    rows.append(["the published network, on its chip", *(
        f"{published[kind]['mean']} / -" if bits == published["bits"] else "-"
        for bits, kind in COLUMNS)])
    for name in dict.fromkeys(row["rule"] for row in data["yardsticks"]):
        found = {(row["bits"], row["set"]): row for row in data["yardsticks"]
                 if row["rule"] == name}
        rows.append([name, *(f"{_number(found[column]['mean'])} / {found[column]['q99']:,.0f}"
                             for column in COLUMNS)])
    return pages.table(_head("cycles: mean (95 % bound) / 99 % quantile"), rows)


def _sizes():
    """Every case: mean and bound, quantile, worst, runs."""
    data = pages.load(CYCLES)
    if data is None:
        return f"Not measured yet: `{pages.COMMANDS[CYCLES]}`."
    return pages.table(
        ["rule", "bits", "products", "replicas", "stages", "mean", "95 % bound", "99 % within",
         "worst", "runs"],
        [[NAMES[row["rule"]], row["bits"], row["set"], row["replicas"], row["stages"],
          _number(row["mean"]), _number(row["bound"]), f"{row['q99']:,.0f}", f"{row['worst']:,}",
          f"{row['seeds'] * row['per_seed']:,}"] for row in data["rows"]])


def _area():
    data = pages.load(AREA)
    if data is None:
        return f"Not measured yet: `{pages.COMMANDS[AREA]}`."
    return pages.table(
        ["core", "bits", "stages", "iCE40: LUT4", "FF", "carry", "ECP5: LUT4", "FF", "CCU2C"],
        [[NAMES[row["rule"]], row["bits"], row["stages"],
          *(f"{row[kind][cell]:,}" for kind in ("ice40", "ecp5")
            for cell in ("LUT4", "FF", "carry"))]
         for row in data["rows"]])


def measure_area():
    """Counts the cells of every core, stream ports and generators included."""
    from fpga.area import ecp5, ice40
    from golden.files import write_json
    from golden.invertible.factoring import case
    from hdl.invertible.collapsed import Collapsed
    from hdl.invertible.search import Search
    from hdl.verilog import emit

    rows = []
    for rule, stages in [(rule, 1) for rule in CORES] + [("collapsed", 3), ("steps", 6)]:
        for bits in (5, 8):
            sys.stderr.write(f"{rule}, {bits} bits, {stages} stages\n")
            top = Collapsed if rule == "collapsed" else Search
            verilog = emit(top(case(rule, bits, stages=stages), {}), "top")
            rows.append({"rule": rule, "bits": bits, "stages": stages,
                         "ice40": ice40(verilog, dsp=False), "ecp5": ecp5(verilog, dsp=False)})
    write_json(pages.RESULTS / AREA, {"command": pages.COMMANDS[AREA], "rows": rows})


#: Marker -> what writes the table that follows it.
TABLES = {"summary": _summary, "sizes": _sizes, "area": _area}


if __name__ == "__main__":
    if sys.argv[1:] == ["--area"]:
        measure_area()
    pages.write(PAGES, TABLES, CURVES)
