"""Cycles to factor: the searches and the networks, beside random guessing, deterministic scans and
the published chip (`golden.invertible.factoring`)."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from golden.invertible.factoring import PUBLISHED, YARDSTICKS, measure, yardstick
from ternstone.bench import Row, Say, at_most, figure, side_by_side

__all__ = ["CASES", "GOALS", "factoring", "yardsticks"]

Case = tuple[str, int, str, int]

#: (rule, bits, set, replicas) -> most cycles: of the mean's upper 95 % bound, and of the number
#: within which 99 % of all runs end.
GOALS: dict[Case, tuple[int, int | None]] = {
    ("weighted", 5, "general", 1): (240, None), ("weighted", 5, "semiprimes", 1): (180, None),
    ("collapsed", 5, "general", 1): (130, None), ("collapsed", 5, "semiprimes", 1): (140, None),
    ("collapsed", 8, "semiprimes", 1): (2600, None),
    ("steps", 5, "general", 1): (15, 80), ("steps", 5, "semiprimes", 1): (19, 110),
    ("steps", 8, "semiprimes", 1): (180, None), ("steps", 5, "general", 4): (6, None),
    ("steps", 5, "semiprimes", 4): (8, None), ("steps", 8, "semiprimes", 4): (60, None)}

#: Sizes that all rules are measured at; a tenth of the study's runs where there is no goal.
SIZES = [(bits, kind) for bits in range(4, 9) for kind in ("general", "semiprimes")]
NAMES = {"weighted": "3 N^2 network, our weights", "published": "3 N^2 network, as published",
         "collapsed": "collapsed network", "steps": "parallel trials", "flips":
         "parallel trials, one flip", "circuit": "parallel trials of any netlist"}
#: Rule -> the largest size that takes no minutes.
LARGEST = {"published": 5, "weighted": 6, "collapsed": 8, "circuit": 8, "steps": 8}
SMALL = {"published": 400_000, "weighted": 300_000, "collapsed": 300_000, "circuit": 200_000,
         "steps": 400_000, "flips": 400_000}
CASES: list[Case] = [
    *GOALS, *(case for rule, largest in LARGEST.items() for bits, kind in SIZES
              if bits <= largest and (case := (rule, bits, kind, 1)) not in GOALS),
    ("steps", 10, "semiprimes", 1), ("flips", 10, "semiprimes", 1)]


def yardsticks(say: Say) -> Iterator[Row]:
    """Exact: what guessing and conventional scans take; and what the chip took."""
    for bits, kind in [*SIZES, (10, "semiprimes")]:
        say(f"yardsticks, {bits} bits, {kind}")
        for name in YARDSTICKS:
            row = _yardstick(name, kind, bits)
            yield figure(f"cycles, mean: {name}", _setting(bits, kind), row["mean"],
                         f"over {row['products']:,} products, exact; 99 % within {row['q99']:,.0f}"
                         + (f"; worst {row['worst']:,}" if row["worst"] else ""))
    for kind in ("general", "semiprimes"):
        row = PUBLISHED[kind]
        yield figure("cycles, mean: the published chip", _setting(PUBLISHED["bits"], kind),
                     row["mean"], f"published, over {row['products']} products; worst "
                     f"{row['worst']:,}; {PUBLISHED['source']}")


def factoring(say: Say) -> Iterator[Row]:
    """Upper 95 % bounds of means, each over at least 100 seeds."""
    for case, row in zip(CASES, side_by_side(_measure, CASES, say, "factoring"), strict=True):
        rule, bits, kind, replicas = case
        name = NAMES[rule] + (f", {replicas} replicas" if replicas > 1 else "")
        how = (f"mean {row['mean']:,} over {row['seeds']} seeds, {row['per_seed']} of "
               f"{row['products']:,} products each; 99 % within {row['q99']:,.0f}; worst "
               f"{row['worst']:,}; {_beside(bits, kind)}")
        bound, quantile = GOALS.get(case, (None, None))
        title = f"cycles, mean's 95 % bound: {name}"
        yield (figure(title, _setting(bits, kind), row["bound"], how) if bound is None else
               at_most(title, _setting(bits, kind), row["bound"], bound, how))
        if quantile is not None:
            yield at_most(f"cycles, 99 % within: {name}", _setting(bits, kind), row["q99"],
                          quantile, how)


def _measure(case: Case) -> dict[str, Any]:
    rule, bits, kind, replicas = case
    return measure(rule, bits, kind, replicas, budget=None if case in GOALS else SMALL[rule])


@cache
def _yardstick(name: str, kind: str, bits: int) -> dict[str, Any]:
    return yardstick(name, kind, bits)


def _setting(bits: int, kind: str) -> str:
    return f"{bits} x {bits}, {kind}"


def _beside(bits: int, kind: str) -> str:
    """The yardsticks' means."""
    means = [f"{name} {_yardstick(name, kind, bits)['mean']:,}" for name in YARDSTICKS]
    if bits == PUBLISHED["bits"]:
        means.append(f"the published chip {PUBLISHED[kind]['mean']:,}")
    return "beside " + ", ".join(means)
