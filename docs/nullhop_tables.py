"""Tables and the curve of docs/nullhop.md, from docs/results: ``python -m docs.nullhop_tables``.

``--measure`` first simulates the layers of `ternstone.bench_sparse_conv_nullhop`, and lets golden's
cycle model, which they confirm, draw on; ``--area`` first counts cells with Yosys. Both take some
minutes.
"""

import sys

import numpy as np

from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/nullhop.md",)
FILE, AREA = "nullhop.json", "nullhop-area.json"

#: Shares of zeros of the curve.
SHARES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95)
#: Name -> family of cells, parameters of `golden.sparse_conv.nullhop.layer`.
DESIGNS = {
    "16 to 16 maps, 8 x 8": {"macs": 8},
    "16 to 16 maps, 8 x 8, more MACs": {"macs": 16},
    "64 to 64 maps, 14 x 14": {"channels": 64, "filters": 64, "height": 14, "width": 14,
                               "macs": 128, "lanes": 4},
}


def measure():
    from golden.sparse_conv.nullhop import Nullhop
    from ternstone import bench
    from ternstone.bench_sparse_conv_nullhop import IMAGES, PARTS, SHAPES, steady, vgg

    rows = bench.measure(PARTS, lambda what: None)
    curve = []
    for maps in SHAPES:
        for pool in (1, 2) if maps == 64 else (1,):
            block = vgg(maps)
            p = block.params
            p = p.replace(layer=p.layer.replace(pool=pool))
            block = Nullhop(p, block.tensors)
            gains = []
            for zeros in SHARES:
                period = steady(block, zeros)[1]
                gains.append(round(IMAGES * p.layer.macs / (p.macs * period), 4))
            curve.append({"maps": maps, "pool": pool, "efficiency": gains})
    write_json(pages.RESULTS / FILE, {"figures": rows, "shares": list(SHARES), "curve": curve})


def measure_area():
    from fpga.area import ecp5, ice40
    from golden.sparse_conv.nullhop import Nullhop, layer
    from hdl.sparse_conv.nullhop import Nullhop as Top
    from hdl.verilog import emit

    rows = []
    for name, arguments in DESIGNS.items():
        p = layer(**arguments)
        block = Nullhop.random(p, np.random.default_rng(0))
        verilog = emit(Top(p, block.tensors), "top")
        for family in (ecp5, ice40) if p.macs == 8 else (ecp5,):
            rows.append({"design": name, "macs": p.macs, "family": family.__name__,
                         **family(verilog)})
    write_json(pages.RESULTS / AREA, {"rows": rows})


def _figures(*names):
    found = pages.load(FILE)
    if found is None:
        return pages.missing(FILE)
    met = {True: "yes", False: "no", None: "-"}
    return pages.table(
        ["figure", "setting", "measured", "must be", "met", "how"],
        [[row["figure"], row["setting"].removeprefix("nullhop, "), row["measured"], row["target"],
          met[row["met"]], row["how"]] for row in found["figures"] if row["figure"] in names])


def _compression():
    found = pages.load(FILE)
    if found is None:
        return pages.missing(FILE)
    gains: dict = {}
    for row in found["figures"]:
        if row["figure"] == "dense bits over moved":
            _, maps, zeros = row["setting"].split(", ")
            gains.setdefault(maps, {})[zeros] = row["measured"]
    shares = list(next(iter(gains.values())))
    return pages.table(["dense bits over the stream's", *shares],
                       [[maps, *(f"{row[share]:.2f}" for share in shares)]
                        for maps, row in gains.items()])


def _area():
    found = pages.load(AREA)
    if found is None:
        return pages.missing(AREA)
    return pages.table(
        ["design", "MACs", "cells", "LUT4", "FF", "carry", "LUT RAM", "block RAM", "multipliers"],
        [[row["design"], row["macs"], row["family"], f"{row['LUT4']:,}", f"{row['FF']:,}",
          f"{row['carry']:,}", row.get("DPR16X4", "-"), row["RAM"],
          row.get("MULT18", row.get("MAC16"))] for row in found["rows"]])


def _efficiency(plot):
    """Efficiency against zeros, beside the ideal."""
    found = pages.load(FILE)
    figure, axes = plot.subplots(figsize=(6.4, 4.2), layout="constrained")
    shares = np.array(found["shares"] if found else SHARES)
    for line in found["curve"] if found else ():
        name = f"{line['maps']} maps" + (", pooled" if line["pool"] == 2 else "")
        axes.plot(100 * shares, line["efficiency"], marker="o", markersize=3, label=name)
    axes.plot(100 * shares, 1 / (1 - shares), "k:", linewidth=1, label="1 / (1 - s)")
    axes.axhline(3.68, color="gray", linewidth=0.8, linestyle="--", label="NullHop's 368 %")
    axes.set(yscale="log", xlabel="s: activations that are 0, %",
             ylabel="dense operations / (time x peak)")
    axes.set_yticks([1, 2, 4, 8, 16], labels=[1, 2, 4, 8, 16])
    axes.minorticks_off()
    axes.legend(fontsize=8)
    axes.set_title("3 x 3, 128 MACs, steady state", fontsize=10)
    return figure


#: File -> function of pyplot that draws it.
CURVES = {"nullhop-efficiency.svg": _efficiency}

#: Marker -> what writes the table that follows it.
TABLES = {"equality": lambda: _figures("mismatches"),
          "utilisation": lambda: _figures("utilisation", "efficiency"),
          "compression": _compression, "nullhop-area": _area}


if __name__ == "__main__":
    asked = {"--measure": measure, "--area": measure_area}
    if len(sys.argv) > 2 or not asked.keys() >= set(sys.argv[1:]):
        sys.exit("error: Arguments must be none, --measure or --area, "
                 f"not {' '.join(sys.argv[1:])}")
    for argument in sys.argv[1:]:
        asked[argument]()
    pages.write(PAGES, TABLES, CURVES)
