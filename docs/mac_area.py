"""Tables of multiply-accumulate structures, from docs/results: ``python -m docs.mac_area``.

``--measure`` synthesises every structure first: minutes, and a process kit in ``PDK_ROOT``.
"""

import sys
from dataclasses import asdict

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/mac.md",)
AREA = "mac-area.json"


def _areas():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    reference = {bits: next(row["each"] for row in data["rows"] if row["weights"] == f"int{bits}"
                            and row["terms"] == 4 and not row["plain"]) for bits in (8, 12)}
    return pages.table(
        ["weights", "operands", "terms a cycle", "shared sums of", "adder", "um2 a product",
         "longest path", "lane, um2", "lanes", "shared by them, um2", "in Booth's, 4 terms"],
        [["Yosys `*`" if row["plain"] else row["weights"], f"{row['bits']} bits", row["terms"],
          row["share"] if row["share"] > 1 else "-", row["structure"], f"{row['each']:,.0f}",
          f"{row['ns']:.2f} ns", f"{row['lane']:,.0f}", row["lanes"], f"{row['shared']:,.0f}",
          f"{reference[row['bits']] / row['each']:.2f}"] for row in data["rows"]])


def _ratios():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    met = {True: "yes", False: "no", None: "-"}
    return pages.table(["figure", "structure", "measured", "must be", "met", "how"],
                       [[row["figure"], row["setting"], row["measured"], row["target"],
                         met[row["met"]], row["how"]] for row in data["ratios"]])


def _tools():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    return (f"Measured with {data['pdk']}, {data['tool']} {data['version']}, paths by "
            f"{data['timing']}.")


CURVES = {}
#: Marker -> what writes the table that follows it.
TABLES = {"areas": _areas, "ratios": _ratios, "tools": _tools}


def measure_area():
    """Every structure, and the ratios that `ternstone.bench_mac` asks for."""
    from golden.files import write_json
    from ternstone import bench_mac

    why = bench_mac.missing()
    if why:
        sys.exit(why)
    found = bench_mac.measure(lambda what: sys.stderr.write(f"{what}\n"), bench_mac.CASES)
    rows = [{**asdict(case), **{key: answer[key] for key in
                                ("each", "lane", "shared", "structure", "ns")}}
            for case, answer in found.items()]
    first = next(iter(found.values()))
    write_json(pages.RESULTS / AREA, {
        "command": pages.COMMANDS[AREA],
        **{key: first[key] for key in ("pdk", "tool", "version", "timing", "flow")},
        "rows": rows, "ratios": [*bench_mac.ratios(found), *bench_mac.shares(found)]})


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        measure_area()
    pages.write(PAGES, TABLES, CURVES)
