"""Tables of multiply-accumulate structures, from docs/results: ``python -m docs.mac_area``.

``--measure`` synthesises every structure first: minutes, and a process kit in ``PDK_ROOT``.
"""

import json
import sys
from dataclasses import asdict

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/mac.md",)
AREA = "mac-area.json"
#: A length that all measured numbers of terms divide.
EVERY = 192


def _areas():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    reference = {bits: next(row["each"] for row in data["rows"] if row["weights"] == f"int{bits}"
                            and (row["terms"], row["share"], row["plain"]) == (4, 1, False))
                 for bits in (8, 12)}
    return pages.table(
        ["weights", "operands", "terms a cycle", "shared sums of", "adder", "um2 a product",
         "longest path", "lane, um2", "lanes", "shared by them, um2", "in Booth's, 4 terms"],
        [["Yosys `*`" if row["plain"] else row["weights"],
          f"{row['bits']} bits{', bit by bit' if row['serial'] else ''}", row["terms"],
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


def _defaults():
    from golden.mac.best import FILE, best

    if not FILE.exists():
        return pages.missing(AREA)
    rows = json.loads(FILE.read_text())["rows"]
    lines = []
    for weights, bits in dict.fromkeys((row["weights"], row["bits"]) for row in rows):
        one = next(row for row in rows if (row["weights"], row["bits"], row["terms"])
                   == (weights, bits, 1))
        shared = any(row["weights"] == weights and row["share"] > 1 for row in rows)
        for lanes in (8, 32) if shared else (32,):
            chosen = best(weights, bits, lanes, EVERY)
            row = next(row for row in rows if (row["weights"], row["bits"], row["terms"],
                                               row["share"]) == (weights, bits, *chosen[:2]))
            each, alone = ((r["lane"] + r["shared"] / lanes) / r["terms"] for r in (row, one))
            lines.append([weights, f"{bits} bits", lanes, chosen[0],
                          chosen[1] if chosen[1] > 1 else "-", chosen[2], f"{each:,.0f}",
                          f"{alone:,.0f}", f"{alone / each:.2f}"])
    return pages.table(["weights", "operands", "lanes", "terms a cycle", "shared sums of", "adder",
                        "um2 a product", "with 1 term", "ratio"], lines)


def _tools():
    data = pages.load(AREA)
    if data is None:
        return pages.missing(AREA)
    return (f"Measured with {data['pdk']}, {data['tool']} {data['version']}, paths by "
            f"{data['timing']}.")


CURVES = {}
#: Marker -> what writes the table that follows it.
TABLES = {"areas": _areas, "defaults": _defaults, "ratios": _ratios, "tools": _tools}


def measure_area():
    """Every structure, and the ratios that `ternstone.bench_mac` asks for; and the sweep that
    `golden.mac.best` reads."""
    from golden.files import write_json
    from golden.mac.best import FILE
    from ternstone import bench_mac

    why = bench_mac.missing()
    if why:
        sys.stderr.write(f"{why}\n")
        sys.exit(2)

    def say(what):
        sys.stderr.write(f"{what}\n")

    found = bench_mac.measure(say, bench_mac.CASES)
    rows = [{**asdict(case), **{key: answer[key] for key in
                                ("each", "lane", "shared", "structure", "ns")}}
            for case, answer in found.items()]
    one = found[bench_mac.CASES[-1]]
    made = {"command": pages.COMMANDS[AREA],
            **{key: one[key] for key in ("pdk", "tool", "version", "timing", "flow")}}
    write_json(pages.RESULTS / AREA, {
        **made, "rows": rows,
        "ratios": [*bench_mac.ratios(found), *bench_mac.shares(found)]})
    write_json(FILE, {**made, "rows": bench_mac.sweep(say)})


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        measure_area()
    pages.write(PAGES, TABLES, CURVES)
