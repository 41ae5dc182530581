"""Writes docs/invertible.md: the curves and tables of `docs.invertible_sampling`; of circuits the
library, by brute force each time, and the examples, from docs/results/invertible-circuits.json; and
the networks' cells, from docs/results/invertible-area.json.

``python -m docs.invertible_circuits`` from the root, with the packages installed; ``--measure``
first measures the examples, which takes some minutes, ``--area`` the cells.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from docs import invertible_curves, invertible_sampling, pages
from golden.files import write_json
from golden.invertible import search
from golden.invertible.circuit import multiplier
from golden.invertible.hamiltonian import GATES
from golden.invertible.network import Job, simulate
from ternstone.bench import PEERS
from ternstone.bench_invertible_area import MULTIPLIERS, NETWORKS, xc7_cells
from ternstone.circuits import read_circuit
from ternstone.invert import guesses, masked, network, schedule, size, trials

__all__ = ["CURVES", "PAGES", "TABLES"]

PAGES = ("docs/invertible.md",)
FILE, AREA = "invertible-circuits.json", "invertible-area.json"
EXAMPLES = pages.ROOT / "examples" / "invert"
RUNS, CYCLES = 100, 200_000

#: Example, a multiplier's width, the ports that are clamped to what they are for random inputs, a
#: new one in each run, bits (low, high) of an input that are clamped, too. ``sat`` has one target.
CASES = (("multiplier", 4, ("product",), {}), ("multiplier", 5, ("product",), {}),
         ("comparator", None, ("a", "less", "equal"), {}),
         ("checksum", None, ("crc",), {"word": (8, 16)}), ("hash", None, ("digest",), {}),
         ("subset_sum", None, ("sum",), {}), ("sat", None, ("clauses",), {}))
WIDTHS = (2, 3, 4, 5)


def _read(name, width):
    text = (EXAMPLES / f"{name}.v").read_text()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.v"
        path.write_text(text.replace("WIDTH = 4", f"WIDTH = {width}"))
        return read_circuit(path, name)


def _targets(circuit, ports, parts):
    """`RUNS` sets of clamps that inputs fit."""
    rng, found = np.random.default_rng(0), []
    widths = {name: len(spins) for name, spins in circuit.spin_ports}
    for _ in range(RUNS):
        inputs = {name: int(rng.integers(1, 1 << widths[name]))
                  for name, direction, _ in circuit.ports if direction == "input"}
        values = inputs | circuit.forward(inputs)
        if "clauses" in ports:
            values["clauses"] = (1 << widths["clauses"]) - 1
        bits = {name: range(widths[name]) for name in ports}
        bits |= {name: range(*ends) for name, ends in parts.items()}
        found.append({name: {bit: values[name] >> bit & 1 for bit in own}
                      for name, own in bits.items()})
    return found


def measure():
    """Sizes of the examples, and what they take to be run backwards."""
    runs = []
    for name, width, ports, parts in CASES:
        circuit = _read(name, width)
        targets = _targets(circuit, ports, parts)
        tries = [guesses(circuit, target) for target in (targets if name != "sat" else targets[:1])]
        runs.append({"example": name, "width": width, "clamped": [*ports, *parts], **size(circuit),
                     "runs": RUNS, "limit": CYCLES, "guesses": float(np.mean(tries)),
                     **{by: _cycles(*found(circuit, targets))
                        for by, found in (("network", _by_spins), ("parallel", _by_trials))}})
    widths = [{"width": width, "verilog": size(_read("multiplier", width)),
               "library": size(multiplier(width))} for width in WIDTHS]
    write_json(pages.RESULTS / FILE, {"runs": runs, "multipliers": widths})


def _cycles(found, counts):
    counts = counts[found]
    return {"found": len(counts), "mean": float(counts.mean()), "worst": int(counts.max()),
            "bound": float(counts.mean() + 1.96 * counts.std(ddof=1) / len(counts) ** 0.5)}


def _by_spins(circuit, targets):
    """Each target once, each by a seed of its own: whether it was found, after how many cycles."""
    params = network(circuit)
    clamps = np.stack([Job((), target).bits(params) for target in targets])
    result = simulate(params, schedule(CYCLES), clamps, seeds=range(1, RUNS + 1))
    return result.found, result.states - 1


def _by_trials(circuit, targets):
    params = trials(circuit)
    asked = np.stack([params.asked(params.ask(CYCLES, **masked(target)))[1]
                      for target in targets], 1)
    old, new = search.generators(params, range(1, RUNS + 1))
    result = search.search(params, asked, np.full(RUNS, CYCLES),
                           search.starts(params, old, new), old, new)
    return result.found, result.cycles


def measure_area():
    """Cells of whole designs, stream ports included, beside the paper's (`PEERS`)."""
    rows = [{"peer": peer, "finds": finds, **xc7_cells((circuit, width, finds))}
            for peer, circuit, width in NETWORKS for finds in (False, True)]
    sizes = [{"bits": bits, **xc7_cells(("multiplier", bits, False))} for bits in MULTIPLIERS]
    write_json(pages.RESULTS / AREA, {"rows": rows, "multipliers": sizes})


def _area():
    found = pages.load(AREA)
    if found is None:
        return pages.missing(AREA)
    return pages.table(
        ["network", "spins", "finds hits", "LUTs", "registers", "the paper's LUTs", "registers"],
        [[PEERS[row["peer"]]["work"], row["spins"], "yes" if row["finds"] else "no",
          f"{row['LUT']:,}", f"{row['FF']:,}", f"{PEERS[row['peer']]['LUT']:,}",
          f"{PEERS[row['peer']]['FF']:,}"] for row in found["rows"]])


def _multiplier_area():
    found, other = pages.load(AREA), PEERS["invertible-multipliers"]
    if found is None:
        return pages.missing(AREA)
    areas = other["area"]
    return pages.table(
        ["N", "spins", "LUTs", "a spin", "registers", "a spin", "the paper's um2", "a node",
         "as NAND2, a node"],
        [[row["bits"], row["spins"], f"{row['LUT']:,}", f"{row['LUT'] / row['spins']:.1f}",
          f"{row['FF']:,}", f"{row['FF'] / row['spins']:.1f}", f"{areas[str(row['bits'])]:,}",
          f"{areas[str(row['bits'])] / row['spins']:,.0f}",
          f"{areas[str(row['bits'])] / row['spins'] / other['NAND2']:,.0f}"]
         for row in found["multipliers"]])


def _library():
    rows = []
    for name, gate in GATES.items():
        h = gate.hamiltonian
        exact = h.ground_states().tolist() == gate.valid_states().tolist()
        couplings = ", ".join(f"{_pin(gate, i)}{_pin(gate, j)} {value:+d}"
                              for i, j, value in h.couplings)
        rows.append([f"`{name}`", h.spins, " ".join(_pin(gate, k) for k in range(h.spins)),
                     " ".join(f"{value:+d}" if value else "0" for value in h.h), couplings,
                     len(h.ground_states()), "yes" if exact else "NO", h.gap()])
    return pages.table(["gate", "spins", "order", "h", "J", "ground states",
                        "exactly its rows", "gap"], rows)


def _pin(gate, spin):
    """A, B, C for inputs, Y and X for outputs."""
    return "ABC"[spin] if spin < gate.inputs else "YX"[spin - gate.inputs]


def _multipliers():
    found = pages.load(FILE)
    if found is None:
        return pages.missing(FILE)
    return pages.table(
        ["N", "3 N²", "spins, from Verilog", "spins, library", "couplings", "fan-in", "gap"],
        [[row["width"], 3 * row["width"]**2, row["verilog"]["spins"], row["library"]["spins"],
          row["verilog"]["couplings"], row["verilog"]["fan_in"], _gap(row["verilog"])]
         for row in found["multipliers"]])


def _gap(size):
    return size["gap"] if size["gap"] is not None else f"at least {size['gate_gap']}"


def _examples():
    found = pages.load(FILE)
    if found is None:
        return pages.missing(FILE)
    return pages.table(
        ["example", "clamped", "spins", "network: cycles, mean (95 % bound)", "worst",
         "parallel trials: cycles, mean (95 % bound)", "worst", "random inputs, mean"],
        [[f"`{row['example']}.v`" + (f", {row['width']} bits" if row["width"] else ""),
          ", ".join(f"`{name}`" for name in row["clamped"]), row["spins"],
          *(cell for by in ("network", "parallel") for cell in (
              f"{row[by]['mean']:,.0f} ({row[by]['bound']:,.0f})" + _missed(row, by),
              f"{row[by]['worst']:,}")),
          f"{row['guesses']:,.0f}"] for row in found["runs"]])


def _missed(row, by):
    missed = row["runs"] - row[by]["found"]
    return f", {missed} runs found nothing" if missed else ""


CURVES = invertible_curves.CURVES | invertible_sampling.CURVES

#: Marker -> what writes the table that follows it.
TABLES = {"library": _library, "multipliers": _multipliers, "examples": _examples,
          "network-area": _area, "multiplier-area": _multiplier_area,
          "bench": lambda: pages.bench_summary("invertible"), **invertible_sampling.TABLES}


if __name__ == "__main__":
    asked = {"--measure": measure, "--area": measure_area}
    if len(sys.argv) > 2 or not asked.keys() >= set(sys.argv[1:]):
        sys.exit("error: Arguments must be none, --measure or --area, "
                 f"not {' '.join(sys.argv[1:])}")
    for argument in sys.argv[1:]:
        asked[argument]()
    pages.write(PAGES, TABLES, CURVES)
