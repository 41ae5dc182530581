"""Tables of the engine that skips both kinds of zeros, from docs/results: ``python -m
docs.joint_tables``.

``--measure`` counts cycles first, ``--area`` cells with Yosys: a minute, and some.
"""

import sys

from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/joint.md",)
CURVES: dict = {}
CYCLES, AREA = "joint-cycles.json", "joint-area.json"

#: Shares of zeros; of weights those that sets of 6 or 18 can have.
ZEROS = (0, 1 / 3, 1 / 2, 2 / 3, 5 / 6)
SHARES = (0.0, 0.25, 0.5, 0.75, 0.9)


def measure():
    """Cycles of golden, which the hardware's equal, of a layer at every pair of sparsities."""
    from golden.sparse_conv.joint_params import balance
    from ternstone.bench_sparse_conv_joint import bits, engine, layer_of

    rows = []
    for size, how in ((28, "rows"), (28, "lists"), (28, "random"), (14, "rows"), (14, "lists")):
        params = layer_of(size)
        for zeros in ZEROS:
            for dark in SHARES if how == "rows" and size == 28 else (0.5,):
                block, frames = engine(params, how, zeros, dark)
                valid, made = block.products(frames)
                cycles, (stored, plain) = block.cycles(frames), bits(block)
                rows.append({
                    "size": size, "how": how, "dark": dark, "cycles": cycles,
                    "valid": valid, "made": made, "lanes": params.lanes,
                    "zeros": float((block.own[0]["weight"] == 0).mean()), "stored": stored / plain,
                    "fill": balance(params.layers[0], params.lanes,
                                    block.own[0]["weight"])[1]})
    write_json(pages.RESULTS / CYCLES, {"rows": rows})


def measure_area():
    """Cells on an ECP5."""
    import numpy as np

    from fpga.area import ecp5
    from golden.sparse_conv.joint import Joint, build
    from hdl.sparse_conv.joint import Joint as Top
    from hdl.verilog import emit
    from ternstone.bench_sparse_conv_joint import beside

    designs = [
        ("a layer, 8x8x16 to 16", weights, *beside(weights, clusters, requantisers), True)
        for weights, clusters, requantisers in (
            ("ternary", 1, 2), ("ternary", 4, 8), ("ternary", 8, 8), ("int8", 1, 2),
            ("int8", 4, 8))]
    designs.append(("a layer, 8x8x16 to 16, no blocks", "int8", *beside("int8", 4, 8), False))
    for weights, store in (("ternary", "rom"), ("int8", "rom"), ("int8", "load")):
        block = Joint.random(build(
            1, 8, 8, 16, layers=2, pool=2, outputs=10, weights=weights, answer="class",
            store=store), np.random.default_rng(1))
        name = "digits, 8x8 to 10 classes, three layers" + (", loaded" if store == "load" else "")
        designs.append((name, weights, block, block.random_frames(1, np.random.default_rng(2)),
                        True))
    rows = []
    for name, weights, block, frames, dsp in designs:
        p = block.params
        rows.append({"name": name, "weights": weights, "lanes": p.lanes * p.clusters,
                     "requantisers": p.requantisers, "cycles": block.cycles(frames),
                     **ecp5(emit(Top(p, block.tensors)), dsp=dsp)})
        write_json(pages.RESULTS / AREA, {"rows": rows})


def _grid():
    """Utilisation, and how many times as fast as without zeros, at every pair of sparsities."""
    data = pages.load(CYCLES)
    if data is None:
        return pages.missing(CYCLES)
    found = {(row["zeros"], row["dark"]): row for row in data["rows"]
             if (row["size"], row["how"]) == (28, "rows")}
    dense = found[0.0, 0.0]["cycles"]
    zeros = sorted({zeros for zeros, _ in found})
    return pages.table(
        ["zero weights", *(f"{share:.0%} zero activations" for share in SHARES)],
        [[f"{own:.0%}", *(f"{_share(found[own, dark]):.3f} · "
                          f"{dense / found[own, dark]['cycles']:.1f}x" for dark in SHARES)]
         for own in zeros])


def _share(row, what="valid"):
    return row[what] / row["cycles"] / row["lanes"]


def _pruning():
    """What the places of the zeros cost."""
    data = pages.load(CYCLES)
    if data is None:
        return pages.missing(CYCLES)
    names = {"rows": "each row of taps", "lists": "each list", "random": "not balanced"}
    return pages.table(
        ["map", "equally many in", "zero weights", "cycles", "utilisation",
         "with products beyond the edges", "entries that fill up", "stored bits over dense"],
        [[f"{row['size']}x{row['size']}", names[row["how"]], f"{row['zeros']:.0%}",
          f"{row['cycles']:,}", f"{_share(row):.3f}", f"{_share(row, 'made'):.3f}",
          f"{row['fill']:.1%}", f"{row['stored']:.2f}"]
         for row in data["rows"] if row["dark"] == 0.5 and 0.45 < row["zeros"] < 0.7])


def _area():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    return pages.table(
        ["design", "weights", "lanes", "requantisers", "cycles of a frame", "LUT4", "CCU2C", "FF",
         "DP16KD", "DPR16X4", "MULT18"],
        [[row["name"], row["weights"], row["lanes"], row["requantisers"], f"{row['cycles']:,}",
          *(f"{row[cell]:,}" for cell in ("LUT4", "carry", "FF", "RAM", "DPR16X4", "MULT18"))]
         for row in data["rows"]])


#: Marker -> what writes the table that follows it.
TABLES = {"joint-grid": _grid, "joint-pruning": _pruning, "joint-area": _area}


if __name__ == "__main__":
    asked = {"--measure": measure, "--area": measure_area}
    if not asked.keys() >= set(sys.argv[1:]):
        sys.exit("error: Arguments must be none, --measure or --area, "
                 f"not {' '.join(sys.argv[1:])}")
    for argument in sys.argv[1:]:
        asked[argument]()
    pages.write(PAGES, TABLES, CURVES)
