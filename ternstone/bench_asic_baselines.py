"""Whole designs beside what they are said to beat, on the same cells at the same clock: a
stochastic network beside the classic design and binary radix, a layer with a tenth of its
connections beside one with all of them."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from golden.formats import Format
from golden.lstm.dense import Dense
from golden.sparse_conv.masked import Masked, masked
from golden.stochastic import timing
from golden.stochastic.arithmetic import RadixParams
from golden.stochastic.network import Network
from golden.stochastic.params import Generators
from golden.stochastic.radix import Radix
from golden.stochastic.tasks import TASKS, Task, train
from ternstone.bench import Row, Say, at_least, figure
from ternstone.bench_asic_run import energy, equal, missing, run
from ternstone.bench_stochastic_area import CLASSIC
from ternstone.bench_stochastic_models import RESULTS
from ternstone.designs import Design, RandomFeed

__all__ = ["masks", "radix", "stochastic"]

Table = dict[str, dict[str, Any]]

# -- stochastic

#: Digits whose energy is taken.
DIGITS = 20
#: Digits that the first fold holds out.
HELD_OUT = 360
#: Points of accuracy below the float network that early decision may cost.
NEAR = 0.1


def stochastic(say: Say) -> Iterator[Row]:
    """64-32-10 on digits: beside the classic design with streams of equal accuracy, and beside
    binary radix, where frames end early."""
    file = RESULTS / "stochastic-accuracy.json"
    table = json.loads(file.read_text()) if file.is_file() else {}
    lacking = [part for part in ("length", "goal", "early") if part not in table]
    if why := missing() or lacking and f"{file.name} has no {', '.join(lacking)}":
        yield figure("area, latency, energy", "stochastic network", None, f"not measured: {why}")
        return
    classic, ours, stopping, real = _equal(table)
    say("training")
    plain = TASKS["digits"]
    long = train(plain.replace(**CLASSIC, length=classic["length"], tune=0))
    short = train(plain.replace(m=1, length=ours["length"], tune=ours["tune"]))
    early = train(plain.replace(m=1))
    params, tensors = long.quantise()
    # Sharing numbers costs the classic design accuracy.
    alone = params.replace(
        x=Generators("lfsr", params.inputs, seed=0),
        layers=tuple(part.replace(w=Generators("lfsr", part.terms, seed=n + 1))
                     for n, part in enumerate(params.layers)))
    stops = {"stop": "margin", "margin": stopping["margin"], "earliest": stopping["earliest"],
             "columns": 4}
    decided, weights = early.quantise()
    blocks: dict[str, Any] = {
        "classic": Network(alone, tensors), "ours": Network(*short.quantise()),
        "ours, early decision": Network(decided.replace(**stops), weights)}
    accuracy = {"classic": f"{classic['accuracy']['mean']:.2f} % by cross-validation, "
                           f"{classic['length']} stream cycles",
                "ours": f"{ours['accuracy']['mean']:.2f} % by cross-validation, "
                        f"{ours['length']} stream cycles",
                "ours, early decision": f"{stopping['accuracy']:.2f} % by cross-validation, "
                                        f"{stopping['cycles']} stream cycles in the mean"}
    found: Table = {}
    for name, block in blocks.items():
        design = Design(f"bench-{name.replace(', ', '-').replace(' ', '-')}", block, "digits")
        answer = run(design, say, frames=DIGITS)
        feed = design.feed(HELD_OUT, seed=0)
        right, _ = feed.score(block.params, block.run(feed.frames))
        yield from _whole(name, [answer], f"{accuracy[name]}; {right:.2f} % of {HELD_OUT} "
                          "held-out digits", found)
        if not answer["regression"]["passed"]:
            return
        found[name]["cycles"] = block.params.length + timing.depth(block.params) + 1
    first, second, right = _baseline(early, plain, DIGITS)
    answers = [run(Design(f"bench-radix-{n}", block), say, frames=DIGITS, feed=RandomFeed(frames))
               for n, (block, frames) in enumerate((first, second))]
    yield from _whole("binary radix", answers,
                      f"{right:.2f} % of {HELD_OUT} held-out digits; the float network "
                      f"{real:.2f} % by cross-validation", found)
    if not all(answer["regression"]["passed"] for answer in answers):
        return
    for what, limit in (("um2", 0.45), ("cycles", 0.62), ("nj", None)):
        yield _saved(found, what, "ours", "classic", limit)
    for what, limit in (("um2", None), ("nj", 0.21)):
        yield _saved(found, what, "ours, early decision", "binary radix", limit)


def _equal(table: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], float]:
    """Rows of the most accurate classic design that ours of m = 1 comes up to, of the shortest of
    ours that does, and of the fewest cycles with early decision, `NEAR` the float network; and
    that one's accuracy."""
    rows = table["length"]["rows"]
    ours = [row for row in rows if row["coding"] == "sign" and row["m"] == 1]
    best = max(row["accuracy"]["mean"] for row in ours)
    classic = max((row for row in rows
                   if row["coding"] == "classic" and row["accuracy"]["mean"] <= best),
                  key=lambda row: row["accuracy"]["mean"])
    equal = min((row for row in ours if row["accuracy"]["mean"] >= classic["accuracy"]["mean"]),
                key=lambda row: row["length"])
    real = max(row["accuracy_float"]["mean"] for row in table["goal"]["rows"])
    stopping = min((row for row in table["early"]["rows"] if row["m"] == 1
                    and row["stop"] == "margin" and row["accuracy"] >= real - NEAR),
                   key=lambda row: row["cycles"])
    return classic, equal, stopping, real


def _whole(name: str, answers: list[dict[str, Any]], accuracy: str, found: Table) -> Iterator[Row]:
    """Area and energy of one or more netlists that make a network; they are kept in ``found``."""
    for n, answer in enumerate(answers):
        yield equal(answer, f"{name}{f', layer {n}' if len(answers) > 1 else ''}")
        if not answer["regression"]["passed"]:
            return
    um2, nj = sum(answer["um2"] for answer in answers), sum(map(energy, answers))
    # Layers work side by side, on a frame each.
    cycles = max(answer["power"]["cycles"] for answer in answers) / DIGITS
    found[name] = {"um2": um2, "nj": nj, "cycles": cycles}
    clocks = ", ".join(f"{answer['fmax_mhz']:g}" for answer in answers)
    yield figure("um2", name, round(um2), f"{clocks} MHz; accuracy {accuracy}")
    yield figure("nJ a digit", name, round(nj, 3), f"{DIGITS} digits back to back, "
                 f"{cycles:.1f} cycles each")


def _saved(found: Table, what: str, ours: str, other: str, limit: float | None) -> Row:
    a, b = found[ours][what], found[other][what]
    names = {"um2": "area saved", "cycles": "latency saved", "nj": "energy saved"}
    given = (names[what], f"{ours}, beside {other}", round(1 - a / b, 3))
    units = {"um2": "um2", "cycles": "cycles, last input beat to class", "nj": "nJ a digit"}
    digits = 3 if what == "nj" else 0
    how = f"{a:,.{digits}f} beside {b:,.{digits}f} {units[what]}"
    return at_least(*given, limit, how) if limit else figure(*given, how)


def _baseline(network: Any, task: Task, digits: int) -> tuple[Any, Any, float]:
    """The float network in binary radix, with as many bits as ours: (layer, its frames) twice; and
    the percentage that it reads right of 360 held-out digits. The head is a layer without sigmoid,
    and what compares its sums is left out."""
    # Any network of this task has the digits.
    feed = Design("digits", Network(*network.quantise()), "digits").feed(HELD_OUT, seed=0)
    bits = task.weight_bits + 1
    first = radix(network.float_0[0].detach().numpy(), task.scales[0], Format(5, 4, signed=False),
                  bits)
    hidden = first.run(feed.frames)
    code = Format(bits, bits, signed=False)
    sigmoid = radix(network.float_1[0].detach().numpy(), task.scales[1], code, bits)
    head = Dense(sigmoid.params.dense, sigmoid.tensors)
    classes = np.array(head.run(hidden)).reshape(len(hidden), -1).argmax(1)
    return ((first, feed.frames[:digits]), (head, hidden[:digits]),
            100 * float((classes == feed.targets).mean()))


def radix(weight: np.ndarray, scale: float, given: Format, bits: int) -> Radix:
    """A layer of `stochastic.radix` with a multiplier a neuron.

    weight: real [inputs and a bias, outputs], within -scale .. scale
    given:  of the inputs
    bits:   of weights and outputs
    """
    limit = (1 << (bits - 1)) - 1
    output, width = Format(10, 4), 8
    # A unit of the sums in units of the output, and as large a shift as the scale's width allows.
    unit = scale / limit * 2.0 ** (output.fraction - given.fraction)
    shift = int(np.floor(np.log2(((1 << (width - 1)) - 1) / unit)))
    params = RadixParams(len(weight) - 1, weight.shape[1], weights=f"int{bits}", input=given,
                         output=output, lanes=weight.shape[1], shift=shift, scale_width=width,
                         bias_width=20, width=bits)
    codes = np.clip(np.round(weight[:-1].T / scale * limit), -limit, limit).astype(np.int64)
    # A code stands for the middle of its step.
    bias = np.round((weight[-1] * 2.0**output.fraction - 0.5) * 2.0**shift).astype(np.int64)
    return Radix(params, {"weight": codes, "bias": bias,
                          "scale": np.full(len(codes), round(unit * 2.0**shift), np.int64)})


# -- masked

#: Of the layer: inputs, outputs, neurons side by side; frames.
INPUTS, OUTPUTS, LANES, FRAMES = 256, 32, 8, 4
#: Of connections that stay.
TENTH = 0.1
#: What both layers have, whatever their connections.
COMMON = "stream, maps and requantiser"


def masks(say: Say) -> Iterator[Row]:
    """A layer whose shift registers leave a tenth of the connections beside one with all of them,
    which has neither registers nor comparators left."""
    if why := missing():
        yield figure("energy saved", "masked layer", None, f"not measured: {why}")
        return
    answers, stored = {}, {}
    for name, share in (("all", 1.0), ("a tenth", TENTH)):
        block = Masked.random(masked(INPUTS, OUTPUTS, share, lanes=LANES, shift=13),
                              np.random.default_rng(0))
        answers[name] = run(Design(f"bench-masked-{share:g}", block), say, frames=FRAMES)
        stored[name] = block.stored * block.params.layer.kind.bits
        yield equal(answers[name], f"{name} of the connections")
        if not answers[name]["regression"]["passed"]:
            return
    for name, answer in answers.items():
        rest = sorted(_parts(answer).items(), key=lambda item: -item[1])
        yield figure("nJ a frame", name, round(energy(answer), 3),
                     f"{INPUTS} inputs, {OUTPUTS} neurons, {LANES} side by side, int8, "
                     f"{answer['um2']:,.0f} um2, {answer['fmax_mhz']:g} MHz: "
                     + ", ".join(f"{part} {nj:.3f}" for part, nj in rest))
    before, after = (_neurons(answers[name]) for name in answers)
    yield at_least("energy saved", "neurons, a tenth of the connections beside all",
                   round(1 - after / before, 3), 0.84,
                   f"{after:.3f} beside {before:.3f} nJ a frame: products, sums, control, shift "
                   f"registers, weights as constant logic; {COMMON} apart")
    before, after = (energy(answer) for answer in answers.values())
    yield figure("energy saved", "whole layer, a tenth of the connections beside all",
                 round(1 - after / before, 3), f"{after:.3f} beside {before:.3f} nJ a frame")
    yield at_least("memory saved", "a tenth of the connections beside all",
                   round(1 - stored["a tenth"] / stored["all"], 3), 0.9,
                   f"{stored['a tenth']:,} beside {stored['all']:,} bits of weights; the mask has "
                   "none")


def _parts(answer: dict[str, Any]) -> dict[str, float]:
    """nJ a frame: sums, products and control; registers; weights; the rest."""
    found: dict[str, float] = {}
    for path, nj in answer["power"]["blocks"].items():
        word = path.removeprefix("core").lstrip(".").split("_")[0].split(".")[0]
        name = {"": "products, sums and control", "register": "shift registers",
                "weights": "weights"}.get(word, COMMON)
        found[name] = found.get(name, 0.0) + nj
    return found


def _neurons(answer: dict[str, Any]) -> float:
    return sum(nj for part, nj in _parts(answer).items() if part != COMMON)
