"""What trained stochastic networks are worth: equal to golden on real data, accurate, robust."""

import json
from collections.abc import Iterator
from typing import Any

from golden.stochastic import timing
from golden.stochastic.network import Network
from ternstone.bench import (
    Row,
    Say,
    at_least,
    at_most,
    figure,
    side_by_side,
    verified,
)
from ternstone.designs import MODELS, Design, open_design
from ternstone.simulate import simulate

__all__ = ["CASES", "RESULTS", "accuracy", "equality", "faults", "latency"]

RESULTS = MODELS.parent / "docs" / "results"
DESIGN = "digits-stochastic"

#: (what, changes of the network, changes of every layer, digits)
CASES: list[tuple[str, dict[str, Any], dict[str, int], int]] = [
    ("class", {}, {}, 1797),
    ("every hidden bit of every stream cycle", {"answer": "trace"}, {}, 1797),
    ("scores", {"answer": "scores"}, {}, 1797),
    ("class, stop certain", {"stop": "certain"}, {}, 1797),
    ("class, stop at a margin of 32", {"stop": "margin", "margin": 32, "earliest": 16}, {}, 1797),
    ("folded: class", {}, {"neurons": 5, "synapses": 8}, 100),
    ("folded: every hidden bit", {"answer": "trace"}, {"neurons": 5, "synapses": 8}, 100),
]


def variant(design: Design, changes: dict[str, Any], layer: dict[str, int]) -> Design:
    """The design with other answers, or folded."""
    params = design.block.params
    params = params.replace(layers=tuple(part.replace(**layer) for part in params.layers),
                            **changes)
    return Design(f"{design.name}-bench", Network(params, design.block.tensors), design.task,
                  design.info)


def equality(say: Say) -> Iterator[Row]:
    """Hardware against golden on real data, cycle by cycle and class by class."""
    return side_by_side(_equal, CASES, say, "digits")


def _equal(case: tuple[str, dict[str, Any], dict[str, int], int]) -> Row:
    what, changes, layer, count = case
    plain = open_design(DESIGN, None, {})
    design = variant(plain, changes, layer)
    frames = plain.feed(count, seed=0).frames
    verdict = verified(design.name, design.block, frames)
    if not verdict["passed"]:
        return figure("mismatches", what, verdict.get("mismatches"), verdict["failure"],
                      target="0", met=False)
    return figure("mismatches", what, verdict["mismatches"],
                  f"{verdict['beats']} beats of {count} digits, {verdict['cycles']} clock cycles "
                  f"as golden says", target="0", met=verdict["mismatches"] == 0)


def latency(say: Say) -> Iterator[Row]:
    """Clock cycles from a frame's last beat to its class, for several stream lengths."""
    return side_by_side(_latency, (16, 64, 256, 1024), say, "latency")


def _latency(length: int) -> Row:
    plain = open_design(DESIGN, None, {})
    design = variant(plain, {"length": length}, {})
    params = design.block.params
    verdict = simulate(design, frames=1, idle=0, stall=0, seed=1, simulator="verilator",
                       wave=False, feed=plain.feed(1, seed=0))
    setting = f"{length} stream cycles"
    if not verdict["passed"]:
        return figure("latency", setting, None, verdict["failure"], target="0 mismatches",
                      met=False)
    # The last beat's own cycle is counted among the words.
    measured = verdict["cycles"] - params.words
    depth = timing.depth(params) + 1
    return figure("latency", setting, measured, "clock cycles from the last input beat to the "
                  f"class: the stream's and {depth} of the pipeline",
                  target=f"= {length + depth}", met=measured == length + depth)


def _json(name: str) -> dict[str, Any]:
    path = RESULTS / name
    return json.loads(path.read_text()) if path.is_file() else {}


def _missing(name: str, setting: str, file: str, part: str) -> Row:
    return figure(name, setting, None, f"{file} has no {part}: "
                  f"python -m golden.stochastic.accuracy docs/results/{file} {part}")


def accuracy(say: Say) -> Iterator[Row]:
    """The committed network on what it was not trained on, then the cross-validated tables."""
    say("accuracy")
    design = open_design(DESIGN, None, {})
    feed = design.feed(1797, seed=0)
    value, number = feed.score(design.block.params, design.block.run(feed.frames))
    stated = design.info["figures"]["accuracy"]
    yield figure("accuracy, %", DESIGN, round(value, 2),
                 f"{number} digits that its training never saw", met=abs(value - stated) < 0.01,
                 target=f"= {stated:.2f}, as its file says")
    table = _json("stochastic-accuracy.json")
    for name, part in (("digits", "goal"), ("MNIST", "mnist")):
        if part not in table:
            yield _missing("accuracy, float network, %", name, "stochastic-accuracy.json", part)
            continue
        record = table[part]
        how = f"{record['what']}; by: {record['command']}"
        real = max(row["accuracy_float"]["mean"] for row in record["rows"])
        if name == "digits":
            yield at_least("accuracy, float network, %", name, round(real, 2), 97, how)
        for row in record["rows"]:
            lost = round(row["accuracy_float"]["mean"] - row["accuracy"]["mean"], 3)
            setting = f"{name}, m = {row['m']}, {'tuned' if row['tune'] else 'not tuned'}"
            if row["m"] == 4 and row["tune"]:
                yield at_most("points below float at 256 cycles", setting, lost, 0.5, how)
            else:
                yield figure("points below float at 256 cycles", setting, lost, how)
    if "speed" in table:
        for row in table["speed"]["rows"]:
            yield figure("golden, images per second", f"784-100-200-10, m = {row['m']}",
                         row["images_per_second"],
                         f"256 stream cycles, {row['images']} images, {row['threads']} threads")


def faults(say: Say) -> Iterator[Row]:
    """At a rate at which binary radix has lost 10 points, what the stochastic network loses."""
    say("faults")
    file = "stochastic-faults.json"
    rows = _json(file).get("rows")
    if not rows:
        yield figure("points lost to faults", "all", None, f"{file} is not there: "
                     f"python -m golden.stochastic.fault_study docs/results/{file}")
        return
    lost: dict[tuple[str, str], dict[float, float]] = {}
    for row in rows:
        lost.setdefault((row["network"], row["net"]), {})[row["rate"]] = row["accuracy"]
    for curve in lost.values():
        clean = curve[0]
        curve.update({rate: clean - value for rate, value in curve.items()})
    for (name, net), curve in lost.items():
        if not name.startswith("radix"):
            continue
        wrecked = [rate for rate, points in curve.items() if points >= 10]
        best = min(((min(lost[other, net][rate] for other, n in lost
                         if n == net and other.startswith("stochastic")), rate)
                    for rate in wrecked), default=None)
        if best:
            yield at_most("points lost to faults, stochastic", f"{net} at {best[1]:.2%}",
                          round(best[0], 2), 1,
                          f"{name} has lost {curve[best[1]]:.1f} points at this rate; {file}")

