"""The tables of docs/fpga.md that tell of netlists and bitstreams against golden.

``python -m docs.fpga_rungs`` from the root, with the packages installed, takes over the verdicts
that ``ternstone fpga --regress`` has left in build/; `docs.fpga_tables` writes the tables.
"""

import json

from docs import pages
from golden.files import write_json

__all__ = ["TABLES", "collect"]

RESULTS = "fpga-rungs.json"


def collect():
    """The newest verdict of each design, board and rung into docs/results/fpga-rungs.json; those
    that are there and were not made again stay, as do broken bits that a newer run did not try."""
    before = pages.load(RESULTS) or {"verdicts": []}
    kept = {_key(verdict): verdict for verdict in before["verdicts"]}
    files = [path for rung in ("netlist", "bitstream")
             for path in (pages.ROOT / "build").glob(f"*/*/{rung}-*.json")]
    for path in sorted(files, key=lambda path: path.stat().st_mtime):
        verdict = json.loads(path.read_text())
        if verdict.get("rung") in ("netlist", "bitstream") and verdict["design"] != "fake-adder":
            if "flips" in verdict:
                del verdict["flips"]["survivors"]
            kept[_key(verdict)] = {**_flips_of(kept.get(_key(verdict), {})), **verdict}
    write_json(pages.RESULTS / RESULTS, {"verdicts": sorted(kept.values(), key=_key)})


def _flips_of(verdict):
    return {"flips": verdict["flips"]} if "flips" in verdict else {}


def _key(verdict):
    return verdict["design"], verdict["board"], verdict["rung"]


def _rungs():
    results = pages.load(RESULTS)
    if not results:
        return pages.missing(RESULTS)
    rows = []
    for verdict in results["verdicts"]:
        for part in ("streams", "pins"):
            if part in verdict:
                found = verdict[part]
                rows.append([f"`{verdict['design']}`", verdict["board"], verdict["rung"], part,
                             verdict["frames"], f"{found['cycles']:,}",
                             f"{found['golden_cycles']:,}" if found["golden_cycles"] else "-",
                             found.get("requests", "-"), "equal" if found["passed"] else "FAILED"])
        if verdict["failure"]:
            rows.append([f"`{verdict['design']}`", verdict["board"], verdict["rung"], "-",
                         verdict["frames"], "-", "-", "-", "FAILED"])
    return pages.table(["design", "board", "device", "over", "frames", "cycles", "golden's",
                        "other requests", "verdict"], rows)


def _flips():
    results = pages.load(RESULTS)
    if not results:
        return pages.missing(RESULTS)
    rows = [[f"`{verdict['design']}`", verdict["board"], verdict["flips"]["frames"], kind,
             *(verdict["flips"][kind][name] for name in ("drawn", "read", "tried", "noticed"))]
            for verdict in results["verdicts"] if "flips" in verdict
            for kind in ("LUT", "RAM") if verdict["flips"][kind]["tried"]]
    return pages.table(["design", "board", "frames", "bits of", "drawn", "read", "broken",
                        "noticed"], rows)


TABLES = {"fpga-rungs": _rungs, "fpga-flips": _flips}


if __name__ == "__main__":
    collect()
