"""Writes the tables of docs/peers.md from docs/results/peers-bench.json."""

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/peers.md",)
CURVES: dict = {}
RESULTS = "peers-bench.json"
COST = "LUTs x cycles / MHz"


def _rows(wanted):
    bench = pages.load(RESULTS)
    return [row for row in (bench or {"figures": []})["figures"] if wanted(row)]


def _twins(ranked):
    """Ours over theirs in every column."""
    rows = []
    for row in _rows(lambda row: row["figure"] == COST and (row["met"] is not None) is ranked
                     and "ours" in row):
        ours, theirs = row["ours"], row["theirs"]
        cost = theirs["cost"]
        rows.append([
            row["setting"], "ours", *_cells(ours), f"{row['measured']:,}",
            f"{cost / row['measured']:.1f}" if cost else "-"])
        rows.append(["", theirs["peer"], *_cells(theirs), f"{cost:,.0f}" if cost else "-", ""])
    if not rows:
        return pages.missing(RESULTS)
    return pages.table(["work", "of", "LUTs", "FF", "block RAM", "DSP", "cycles", "MHz", COST,
                        "times less"], rows)


def _cells(found):
    luts = found["LUT4"] + 2 * found.get("carry", 0) + 4 * found.get("LUT RAM", 0)
    return [f"{luts:,}", f"{found['FF']:,}", found.get("RAM", 0), found.get("MULT18", 0),
            f"{found['cycles']:,}", f"{found['mhz']:g}" if found.get("mhz") else "-"]


def _boundaries():
    rows = _rows(lambda row: row["figure"] == COST and "ours" in row)
    equal = {row["setting"]: row for row in _rows(lambda row: row["figure"] == "mismatches")}
    if not rows:
        return pages.missing(RESULTS)
    return pages.table(
        ["work", "ours: beats that differ from golden", "theirs", "boundary"],
        [[row["setting"], equal[row["setting"]]["measured"], row["theirs"]["exactness"],
          row["boundary"]] for row in rows])


def _system():
    rows = _rows(lambda row: row["figure"].startswith("LUTs, "))
    if not rows:
        return pages.missing(RESULTS)
    return pages.table(["work", "Yosys", "LUTs, ours"],
                       [[row["setting"], row["figure"].removeprefix("LUTs, yosys "),
                         f"{row['measured']:,}"] for row in rows])


TABLES = {"peers-ranked": lambda: _twins(True), "peers-shown": lambda: _twins(False),
          "peers-boundaries": _boundaries, "peers-system": _system}


if __name__ == "__main__":
    pages.write(PAGES, TABLES, CURVES)
