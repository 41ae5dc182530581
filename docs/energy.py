"""Writes the tables of docs/energy.md, and asic/energy-sg13g2.json from what `ternstone bench asic`
measured: ``python -m docs.energy``."""

import json
import re

from asic.calibrate import FILE, constants
from asic.energy import CONSTANTS
from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/energy.md",)
CURVES: dict = {}
BITS = (16, 8, 4, 2, 1)
DESIGNS = ("digits-lstm-ternary", "text-lstm-ternary", "digits-sparse-cnn", "mnist-sparse-cnn")


def calibrated():
    """Constants from the cells, of the committed results; None without them."""
    data = pages.load("asic-bench.json")
    rows = [row for row in (data or {"figures": []})["figures"] if row["part"] == "products"]
    sizes = {row["setting"]: re.match(r"(\d+) x (\d+) bits", row["setting"]) for row in rows}
    products = {tuple(map(int, sizes[row["setting"]].groups())): round(row["measured"] / 1000, 4)
                for row in rows if row["figure"] == "fJ a product" and row["measured"]}
    words = {row["figure"]: row["measured"] for row in rows
             if "a word" in row["figure"] and row["measured"]}
    if not products or len(words) != 2:
        return None
    return constants(products, words["pJ a word that is read"],
                     words["pJ a word that is written"], "ternstone bench asic")


def _constants():
    paper, own = (json.loads(path.read_text())["constants"] for path in (CONSTANTS, FILE))
    return pages.table(
        ["constant", "paper's", "trust", "SG13G2", "trust", "unit", "source of ours"],
        [[f"`{name}`", f"{entry['value']:g}", entry["trust"],
          *((f"{own[name]['value']:g}", own[name]["trust"]) if name in own else ("as it is", "")),
          entry["unit"], own.get(name, {}).get("source", "-")] for name, entry in paper.items()])


def _bits():
    from ternstone.designs import open_design
    from ternstone.energy import estimate

    rows = []
    for name in DESIGNS:
        for whose, file in (("paper's", None), ("SG13G2", FILE)):
            runs = estimate(open_design(name, None, {}), None, BITS, 2000, file)["runs"]
            rows.append([f"`{name}`", whose,
                         *(f"{run['total'] / runs[0]['total']:.3f}" for run in runs),
                         f"{runs[1]['compute'] / runs[1]['total']:.0%}",
                         f"{runs[1]['total'] / 1e3:,.0f}"])
    return pages.table(["design", "constants", *(f"Q = {bits}" for bits in BITS),
                        "compute, Q = 8", "nJ a frame, Q = 8"], rows)


TABLES = {"energy-constants": _constants, "energy-bits": _bits}


if __name__ == "__main__":
    if measured := calibrated():
        write_json(FILE, measured)
    pages.write(PAGES, TABLES, CURVES)
