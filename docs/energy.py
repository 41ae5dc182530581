"""Writes the table of docs/energy.md: ``python -m docs.energy``."""

from docs import pages

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/energy.md",)
CURVES: dict = {}
BITS = (16, 8, 4, 2, 1)
DESIGNS = ("digits-lstm-ternary", "text-lstm-ternary", "digits-sparse-cnn", "mnist-sparse-cnn")


def _bits():
    from ternstone.designs import open_design
    from ternstone.energy import estimate

    rows = []
    for name in DESIGNS:
        runs = estimate(open_design(name, None, {}), None, BITS, 2000, None)["runs"]
        rows.append([f"`{name}`", *(f"{run['total'] / runs[0]['total']:.3f}" for run in runs),
                     f"{runs[1]['compute'] / runs[1]['total']:.0%}"])
    return pages.table(["design", *(f"Q = {bits}" for bits in BITS), "compute, Q = 8"], rows)


TABLES = {"energy-bits": _bits}


if __name__ == "__main__":
    pages.write(PAGES, TABLES, CURVES)
