"""What docs/invertible.md says of sampling: curves and tables from
docs/results/invertible-sampling.json, and cells from docs/results/invertible-sampling-area.json.

`docs.invertible_circuits` writes that page. ``python -m docs.invertible_sampling --measure``
measures, which takes some minutes, and has the page written; ``--area`` counts the cells.
"""

import sys

from docs import pages
from golden.files import write_json

__all__ = ["CURVES", "TABLES"]

FILE, AREA = "invertible-sampling.json", "invertible-sampling-area.json"
DESIGNS = ("and-gate", "full-adder", "adder-8")
#: Seeds of networks beside each other, and cycles of each: 2**20 together.
SEEDS, CYCLES = 64, 1 << 14
#: Networks of which the generators are compared: a circuit, arguments, noise.
COMPARED = (
    ("full-adder", {"scale": 6, "draws": 7, "update": "chromatic", "range": 0}, 1),
    ("full-adder", {"scale": 1, "update": "synchronous", "range": 8}, 2),
    ("and", {"scale": 2, "draws": 2, "update": "synchronous", "range": 8}, 3))


def _counts(params, schedule, clamps, seeds):
    """Of jobs of different seeds: int64 [seeds, 2, codes], of invalid and of valid states."""
    import numpy as np

    from golden.invertible.network import Job, simulate

    own = np.tile(Job((), clamps).bits(params), (seeds, 1))
    found = simulate(params, schedule, own, seeds=range(1, seeds + 1))
    return found.counts.reshape(seeds, 2, -1)


def _samplers():
    """Of every gate the worst of all clamps; of the adder each of the sampled ones."""
    from golden.invertible import sampling

    rows = []
    for name in sampling.NAMES:
        params = sampling.sampler(name)
        cases = ([("all", sampling.clamps(params))] if name != "adder-8" else
                 [(clamp, [bits]) for clamp, bits in sampling.sampled_clamps(params).items()])
        for clamp, own in cases:
            sys.stderr.write(f"{name}, {clamp}\n")
            found = sampling.measure(params, own)
            rows.append({"network": name, "clamp": clamp, "clamps": len(own),
                         "jobs": sampling.plan(params, found[-1].states)[1],
                         "states": max(each.states for each in found),
                         "valid": round(min(each.valid for each in found), 4),
                         "least": round(min(each.least for each in found), 3)})
    return rows


def _distributions():
    """Counts of states: gates and adders that sample, and factors under the paper's rule."""
    from golden.invertible.build import network
    from golden.invertible.network import Job
    from golden.invertible.sampling import measure, sampler

    (full_adder,) = measure(sampler("full-adder"), [(-1,) * 5])
    adder = sampler("adder-8")
    (total,) = measure(adder, [Job((), {"sum": 255}).bits(adder)])
    factors = network("multiplier", 4, scale=2, range=6, answer="histogram", histogram="a,b")
    counts = _counts(factors, ((CYCLES, 11, 0), (CYCLES, 5, 0)), {"product": 55}, SEEDS)
    return {"full-adder": full_adder.counts.tolist(), "adder-8": total.counts.tolist(),
            "factors": counts.sum(0).tolist()}


def _generators():
    """Shift registers beside xorshift64+: the same networks, nothing clamped."""
    import numpy as np

    from golden.invertible.build import network

    rows = []
    for circuit, arguments, noise in COMPARED:
        exact = None
        for random in ("xorshift", "lfsr"):
            params = network(circuit, answer="histogram", histogram="x,y", random=random,
                             **arguments)
            counts = _counts(params, ((CYCLES, noise, 0),), {}, SEEDS)
            share = counts.sum(0) / counts.sum()
            exact = share if exact is None else exact
            valid = share[1][share[1] > 0]
            each = counts / counts.sum((1, 2), keepdims=True)
            rows.append({
                "circuit": circuit, **arguments, "noise": noise, "random": random,
                "valid": round(float(valid.sum()), 4),
                "least": round(float(valid.min() * len(valid)), 3),
                "distance": round(float(np.abs(share - exact).sum() / 2), 4),
                "spread": round(float(np.abs(each - share).sum((1, 2)).mean() / 2), 4),
                "counts": counts.sum(0).tolist()})
    return rows


def measure():
    write_json(pages.RESULTS / FILE, {
        "command": pages.COMMANDS[FILE], "cycles": SEEDS * CYCLES, "generators": _generators(),
        "distributions": _distributions(), "samplers": _samplers()})


def measure_area():
    """Cells of the whole designs, stream ports included; no DSP for the noise."""
    from fpga.area import xc7
    from hdl.verilog import emit
    from ternstone.designs import open_design

    rows = []
    for name in DESIGNS:
        design = open_design(name, None, {})
        rows.append({"design": name, "spins": design.block.params.spins,
                     "counters": design.block.params.counters,
                     **xc7(emit(design.component(), "top"), dsp=False)})
    write_json(pages.RESULTS / AREA, {"command": pages.COMMANDS[AREA], "rows": rows})


def _area():
    found = pages.load(AREA)
    if found is None:
        return pages.missing(AREA)
    kinds = [kind for kind in found["rows"][0] if kind.isupper() or kind[:3] == "RAM"]
    return pages.table(["design", "spins", "counters", *kinds],
                       [[f"`{row['design']}`", row["spins"], row["counters"],
                         *(f"{row[kind]:,}" for kind in kinds)] for row in found["rows"]])


def _sampling():
    found = pages.load(FILE)
    if found is None:
        return pages.missing(FILE)
    return pages.table(
        ["network", "clamps", "valid states", "jobs", "valid, share of the cycles",
         "rarest valid state, of its even share"],
        [[f"`{row['network']}`", f"all {row['clamps']}" if row["clamp"] == "all" else row["clamp"],
          f"up to {row['states']}" if row["clamp"] == "all" else row["states"],
          f"{row['jobs']:,}", f"{row['valid']:.3f}", f"{row['least']:.2f}"]
         for row in found["samplers"]])


def _generator_table():
    found = pages.load(FILE)
    if found is None:
        return pages.missing(FILE)
    return pages.table(
        ["network", "update", "draws", "range", "generators", "valid",
         "rarest valid state, of its even share", "distance from xorshift64+"],
        [[f"`{row['circuit']}`", row["update"], row.get("draws", 1), row["range"],
          {"lfsr": "shift registers", "xorshift": "xorshift64+"}[row["random"]],
          f"{row['valid']:.3f}", f"{row['least']:.2f}", f"{row['distance']:.2f}"]
         for row in found["generators"]])


def _histograms(plot):
    """How often each state was seen, valid ones in another colour."""
    found = (pages.load(FILE) or {}).get("distributions")
    figure, axes = plot.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    if not found:
        return figure
    titles = {"full-adder": ("full adder, nothing clamped", "state (x, then y)"),
              "adder-8": ("8-bit adder, sum = 255", "a"),
              "factors": ("product of 4 bits = 55, the paper's rule", "a + 16 b")}
    for side, (name, (title, label)) in zip(axes, titles.items(), strict=True):
        invalid, valid = found[name]
        total = sum(invalid) + sum(valid)
        for counts, kind, colour in ((invalid, "invalid", "C1"), (valid, "valid", "C0")):
            places = [place for place, count in enumerate(counts) if count]
            side.vlines(places, 0, [100 * counts[place] / total for place in places], colour,
                        linewidth=3 if len(valid) == 32 else 1, label=kind)
        side.set(title=f"{title}: {100 * sum(valid) / total:.0f} % valid", xlabel=label,
                 ylim=(0, None))
        side.title.set_fontsize(9)
        side.legend(fontsize=8)
    axes[0].set(ylabel="share of the cycles, %")
    return figure


def _bias(plot):
    """Shares of valid states with both kinds of generators."""
    found = (pages.load(FILE) or {}).get("generators", [])
    figure, axes = plot.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    pairs = zip(found[::2], found[1::2], strict=True)
    for side, pair in zip(axes, pairs, strict=False):
        codes = [code for code, count in enumerate(pair[0]["counts"][1]) if count]
        for shift, row, name in ((-0.2, pair[0], "xorshift64+"), (0.2, pair[1], "shift registers")):
            total = sum(map(sum, row["counts"]))
            side.bar([place + shift for place in range(len(codes))],
                     [100 * row["counts"][1][code] / total for code in codes], 0.4, label=name)
        side.axhline(100 / len(codes), color="k", linewidth=0.8)
        side.set_xticks(range(len(codes)), labels=codes, fontsize=8)
        row = pair[0]
        side.set(title=f"{row['circuit']}, {row['update']}, draws {row.get('draws', 1)}, "
                       f"range {row['range']}", xlabel="valid state")
        side.title.set_fontsize(9)
        side.legend(fontsize=8)
    axes[0].set(ylabel="share of the cycles, %")
    return figure


#: File beside this one -> what draws it.
CURVES = {"invertible-histograms.svg": _histograms, "invertible-generators.svg": _bias}

#: Marker -> what writes the table that follows it.
TABLES = {"sampling": _sampling, "sampling-area": _area, "generators": _generator_table}


if __name__ == "__main__":
    asked = {"--measure": measure, "--area": measure_area}
    if len(sys.argv) != 2 or sys.argv[1] not in asked:
        sys.exit(f"error: Argument must be --measure or --area, not {' '.join(sys.argv[1:])!r}")
    asked[sys.argv[1]]()
    from docs import invertible_circuits as page

    pages.write(page.PAGES, page.TABLES, page.CURVES)
