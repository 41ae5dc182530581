"""Tables of layers with structured connections: ``python -m docs.sparse_conv_structured``.

``--area`` counts cells with Yosys first, which takes some minutes.
"""

import sys

import numpy as np

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/sparse_conv_structured.md",)
AREA = "sparse-conv-structured-area.json"
CURVES: dict = {}

#: Channels, how many stay, codes of a beat; maps of 8 x 8 bytes.
WINNERS = ((16, 4, 4), (64, 8, 8), (256, 16, 16))


def _arrays():
    """The same layer with every index; lists have the weights that patterns keep."""
    from golden.sparse_conv.array import Array, array
    from golden.sparse_conv.patterns import prune_to_patterns

    dense = array(32, 8, 8, 32, groups=8, tiles=2, shift=10)
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 128, (32, 32, 3, 3)) * rng.choice([-1, 1], (32, 32, 3, 3))
    bias = np.zeros(32, np.int64)
    pruned, patterns = prune_to_patterns(weight, 4, 8)
    return [Array(dense, {"weight": weight, "bias": bias}),
            Array(dense.replace(index="list"), {"weight": pruned, "bias": bias}),
            Array(dense.replace(index="pattern"),
                  {"weight": pruned, "bias": bias, "patterns": patterns}),
            Array.random(dense.replace(index="shift"), rng),
            Array.random(dense.replace(index="comb"), np.random.default_rng(2)),
            Array.random(dense.replace(layer=dense.layer.replace(weights="int4"),
                                       block_scale_width=6), rng)]


def _cells(row):
    cells = row["ecp5"]
    return [f"{cells[name]:,}" for name in ("LUT4", "carry", "FF", "RAM", "DPR16X4", "MULT18")]


_COLUMNS = ["LUT4", "CCU2C", "FF", "DP16KD", "DPR16X4", "MULT18"]


def _indices():
    data = pages.load(AREA)
    if data is None:
        return f"Not measured yet: `{pages.COMMANDS[AREA]}`."
    return pages.table(
        ["index, weights", "weights stored", "their bits", "bits of index", "cycles a frame",
         *_COLUMNS],
        [[f"`{row['index']}`, {row['kind']}",
          *(f"{row[name]:,}" for name in ("stored", "bits", "index_bits", "cycles")), *_cells(row)]
         for row in data["arrays"]])


def _winners():
    data = pages.load(AREA)
    if data is None:
        return f"Not measured yet: `{pages.COMMANDS[AREA]}`."
    return pages.table(["channels", "that stay", "codes a beat", "cycles a pixel", *_COLUMNS],
                       [[row["channels"], row["winners"], row["beat"], row["cycles"], *_cells(row)]
                        for row in data["winners"]])


def measure_area():
    """Counts cells of every array and of `winners`, stream ports included."""
    from fpga.area import ecp5
    from golden.files import write_json
    from golden.sparse_conv.lists import lists
    from golden.sparse_conv.params import WinnersParams
    from golden.sparse_conv.planner import memory
    from golden.sparse_conv.winners import Winners
    from hdl.sparse_conv import array, winners
    from hdl.verilog import emit

    rows: dict = {"arrays": [], "winners": []}
    for block in _arrays():
        p, tensors = block.params, block.tensors
        kind = p.layer.weights + (" and scales" if p.block_scale_width else "")
        sys.stderr.write(f"array, {p.index}, {kind}\n")
        values = lists(p, *(tensors.get(name) for name in ("weight", "patterns", "copy")))[0]
        index = p.index_bits(len(values))
        frames = [block.cycles([None] * count) for count in (4, 6)]
        rows["arrays"].append({
            "index": p.index, "kind": kind, "stored": values.size, "index_bits": index,
            "bits": memory(p, len(values))["weights"] - index,
            "cycles": int(frames[1] - frames[0]) // 2,
            "ecp5": ecp5(emit(array.Array(p, tensors)))})
    for channels, count, beat in WINNERS:
        sys.stderr.write(f"winners, {channels}\n")
        params = WinnersParams(channels, 8, 8, count, beat=beat)
        frames = [Winners(params, {}).cycles([None] * n) for n in (4, 6)]
        rows["winners"].append({
            "channels": channels, "winners": count, "beat": beat,
            "cycles": (frames[1] - frames[0]) // (2 * params.pixels),
            "ecp5": ecp5(emit(winners.Winners(params, {})))})
    write_json(pages.RESULTS / AREA, {"command": pages.COMMANDS[AREA], **rows})


#: Marker -> what writes the table that follows it.
TABLES = {"indices": _indices, "winners": _winners}


if __name__ == "__main__":
    if sys.argv[1:] == ["--area"]:
        measure_area()
    pages.write(PAGES, TABLES, CURVES)
