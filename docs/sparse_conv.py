"""Tables of the convolutions, from docs/results: ``python -m docs.sparse_conv``.

``--area`` counts cells with Yosys first, which takes some minutes.
"""

import sys

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/sparse_conv.md",)
ACCURACY, AREA = "sparse-conv-accuracy.json", "sparse-conv-area.json"
CURVES: dict = {}

#: Name in the table -> block, its flat parameters.
LAYER = {"filters": 16, "shift": 8, "groups": 16}
CELLS = {
    "array, ternary, 64 lanes": ("array", {**LAYER, "weights": "ternary", "tiles": 4}),
    "array, ternary, 128 lanes": ("array", {**LAYER, "weights": "ternary", "tiles": 8}),
    "array, int8, 64 lanes": ("array", {**LAYER, "tiles": 4}),
    "array, int8, 64 lanes, lists": ("array", {**LAYER, "tiles": 4, "index": "list"}),
    "array, powers3, 64 lanes": ("array", {**LAYER, "weights": "powers3", "tiles": 4}),
    "cyclic, int8, 16 lanes": ("cyclic", {"height": 8, "width": 8, "kernel": 3, "padding": 1,
                                          "lanes": 16}),
    "masked, int8, 16 lanes, a tenth": ("masked", {"outputs": 64, "lanes": 16}),
}


def _accuracy():
    found = pages.load(ACCURACY)
    if found is None:
        return pages.missing(ACCURACY)
    rows = list(found["variants"].items())
    before = rows[0][1]["accuracy_float"]
    return pages.table(
        ["weights", "held-out digits, %", "weights that are not 0, %", "kbit of weights"],
        [["float", pages.with_spread(before, 2), "100", "-"]] + [
            [name, pages.with_spread(row["accuracy"], 2), f"{100 * row['share']['mean']:.0f}",
             f"{row['bits']['mean'] / 1000:.1f}"] for name, row in rows])


def _connected():
    from golden.training import paired

    found = pages.load(ACCURACY)
    if found is None:
        return pages.missing(ACCURACY)
    names = {"dense": "64-512-10, all connections",
             "masked": "64-512-10, a tenth of the first layer's, masked",
             "cyclic": "64-64-64-64-10, three cyclic layers of fan-in 4"}
    rows = found["connected"]
    beside = {name: "{:+.2f} ± {:.2f}".format(*paired(rows[name]["accuracy"],
                                                      rows["dense"]["accuracy"]))
              for name in rows if name != "dense"}
    return pages.table(
        ["network", "float, %", "int8, %", "beside dense, with its standard error",
         "weights that are not 0"],
        [[names[name], pages.with_spread(row["accuracy_float"], 2),
          pages.with_spread(row["accuracy"], 2), beside.get(name, "-"),
          f"{row['bits']['mean'] / 8:,.0f}"] for name, row in rows.items()])


def _area():
    found = pages.load(AREA)
    if found is None:
        return pages.missing(AREA)
    cells = ("LUT4", "carry", "FF", "RAM", "MULT18")
    return pages.table(
        ["layer", "ECP5: LUT4", "CCU2C", "FF", "DP16KD", "MULT18", "cycles of a frame"],
        [[row["name"], *(f"{row['ecp5'][cell]:,}" for cell in cells), f"{row['cycles']:,}"]
         for row in found["rows"]])


def measure_area():
    """Counts the cells of every layer, stream ports included."""
    import numpy as np

    from fpga.area import ecp5
    from golden.files import write_json
    from hdl.verilog import emit
    from ternstone.catalogue import BLOCKS
    from ternstone.designs import resolve

    rows = []
    for name, (block, given) in CELLS.items():
        sys.stderr.write(f"{name}\n")
        entry = BLOCKS[f"sparse_conv.{block}"]
        params = resolve(entry.build)(**({"channels": 16} if block == "array" else {}), **given)
        made = resolve(entry.golden).random(params, np.random.default_rng(0))
        frames = made.random_frames(1, np.random.default_rng(1))
        rows.append({"name": name, "cycles": made.cycles(frames),
                     "ecp5": ecp5(emit(resolve(entry.hdl)(params, made.tensors)))})
    write_json(pages.RESULTS / AREA, {"command": pages.COMMANDS[AREA], "rows": rows})


#: Marker -> what writes the table that follows it.
TABLES = {"conv-accuracy": _accuracy, "conv-connected": _connected, "conv-area": _area,
          "conv-bench": lambda: pages.bench_summary("sparse_conv")}


if __name__ == "__main__":
    if sys.argv[1:] == ["--area"]:
        measure_area()
    pages.write(PAGES, TABLES, CURVES)
