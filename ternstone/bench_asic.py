"""Headline figures on standard cells: area, energy, clocks; all of SG13G2, before layout."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from asic.calibrate import MAIN, access_pj
from asic.pdk import find_pdk
from golden.lstm.build import network
from golden.lstm.network import Network
from golden.mac.array import Array, array
from ternstone import bench_mac
from ternstone.asic import SCENARIOS
from ternstone.bench import Part, Row, Say, at_least, at_most, figure
from ternstone.bench_asic_baselines import masks, stochastic
from ternstone.bench_asic_run import CLOCK_MHZ, energy, equal, missing, run
from ternstone.bench_invertible_area import standard_cells
from ternstone.bench_lstm_states import set_states
from ternstone.catalogue import DESIGNS
from ternstone.designs import Design, open_design

__all__ = ["ARRAYS", "PARALLEL", "PARTS"]

#: Designs that are fully parallel: the whole network is logic, and no clock is asked of them.
PARALLEL = ("digits-stochastic",)
#: Parameters of ready designs whose weights would be too much constant logic: SRAM, loaded.
LOADED = {"text-lstm-ternary": {"store": "load"}, "text-lstm-binary": {"store": "load"},
          "vgg16-conv2-2": {"store": "weights"}}
#: The paper's: how much less a binary or ternary array takes than 12-bit weights, at equal
#: throughput.
PAPER = {"binary": 9.0, "ternary": 5.5}
#: Weights -> terms a cycle and shared columns, of `bench_mac`'s best of some size.
ARRAYS = {"int12": (4, 1), "binary": (12, 3), "ternary": (8, 2)}
LANES, LENGTH, VECTORS = 32, 96, 20
#: Kind of weights and bits of operands, for the energy model: the widest and the narrowest that
#: `golden.mac.array` has, and some between.
PRODUCTS = (("int12", 12), ("int8", 8), ("int4", 4), ("ternary", 2), ("binary", 2))


@dataclass(frozen=True)
class Skipped:
    """An LSTM whose states are set to zero. ``scenarios``: how many of `asic`'s its netlist runs
    under; each begins with all weights."""

    inputs: int
    hidden: int
    steps: int
    frames: int
    store: str
    scenarios: int = len(SCENARIOS)

    def __str__(self) -> str:
        where = {"load": "weights in SRAM", "rom": "weights as logic"}[self.store]
        return f"{self.hidden:,} units, {where}"


#: A small one, with its weights and row tables in either place; and the size of Learning Recurrent
#: Binary/Ternary Weights' character model, 1,000 units and 50 characters.
SKIPPED = (Skipped(16, 64, 16, 3, "load"), Skipped(16, 64, 16, 3, "rom"),
           Skipped(50, 1000, 4, 1, "load", 1))
#: Blocks of the array and of the weights' memory.
ARRAY = ("engine.array", "weight_memory")


def array_energy(say: Say) -> Iterator[Row]:
    """Energy of a product: few-bit arrays against 12-bit weights, weight memory apart."""
    if missing():
        yield figure("energy of a product, 12-bit over", "all", None, f"not measured: {missing()}")
        return
    found = {}
    for weights, (terms, share) in ARRAYS.items():
        params = array(weights=weights, bits=12, lanes=LANES, terms=terms, length=LENGTH,
                       share=share, structure="carry-save" if weights == "int12" else "ripple")
        block = Array.random(params, np.random.default_rng(0))
        answer = run(Design(f"bench-array-{weights}", block), say, mhz=160, frames=VECTORS)
        yield equal(answer, f"{weights} array")
        if not answer["regression"]["passed"]:
            return
        memory = energy(answer, "memory")
        found[weights] = 1e6 * (energy(answer) - memory) / (LANES * LENGTH)
        yield figure("fJ a product", weights, round(found[weights], 1),
                     f"{LANES} lanes, {terms} terms, shared sums of {share}, {LENGTH} products; "
                     f"{answer['fmax_mhz']:g} MHz; weight memory apart: "
                     f"{1e6 * memory / (LANES * LENGTH):.1f} fJ")
    for weights, paper in PAPER.items():
        yield at_least("energy of a product, 12-bit over", weights,
                       round(found["int12"] / found[weights], 2), paper,
                       f"{found['int12']:.1f} fJ (Booth, 4 terms merged) / {found[weights]:.1f} fJ")


def products(say: Say) -> Iterator[Row]:
    """What the energy model is calibrated with: products of several widths, and a memory."""
    if missing():
        yield figure("fJ a product", "all widths", None, f"not measured: {missing()}")
        return
    for weights, bits in PRODUCTS:
        params = array(weights=weights, bits=bits, terms=1, length=LENGTH, share=1,
                       structure="ripple")
        setting = f"{params.kind.bits} x {bits} bits, one a cycle"
        block = Array.random(params, np.random.default_rng(0))
        answer = run(Design(f"bench-product-{weights}", block), say, mhz=160, frames=VECTORS)
        yield equal(answer, setting)
        if answer["regression"]["passed"]:
            spent = energy(answer) - energy(answer, "memory")
            yield figure("fJ a product", setting, round(1e6 * spent / (params.lanes * LENGTH), 1),
                         f"{weights} weights, {params.lanes} lanes with an accumulator each, "
                         f"{LENGTH} products; {answer['fmax_mhz']:g} MHz; weight memory apart")
    pdk = find_pdk()
    assert pdk
    memory = next((path for path in pdk.memories if MAIN in path.name), None)
    for write, what in ((False, "read"), (True, "written")):
        name = f"pJ a word that is {what}"
        if memory is None:
            yield figure(name, MAIN, None, f"not measured: {pdk.name} has no such macro here")
        else:
            yield figure(name, MAIN, round(access_pj(memory, write), 2),
                         f"{memory.stem}, by its Liberty")


def skipping(say: Say) -> Iterator[Row]:
    """Energy of a step at 81 % and 95 % joint sparsity against dense."""
    if missing():
        yield figure("share of the cycle ratio", "skipping", None, f"not measured: {missing()}")
        return
    for size in SKIPPED:
        yield from _skipping(say, size)


def _skipping(say: Say, size: Skipped) -> Iterator[Row]:
    order = np.random.default_rng(0).permutation(size.hidden)
    params = network(inputs=size.inputs, hidden=size.hidden, outputs=0, steps=size.steps, lanes=32,
                     one_hot=True, store=size.store)
    answers = {}
    for share in (0.0, 0.81, 0.95):
        zero = np.isin(np.arange(size.hidden), order[:round(share * size.hidden)])
        block = set_states(Network.random(params, np.random.default_rng(0)), zero)
        # Weights that are loaded are no part of the netlist: all shares have one.
        name = f"bench-skip-{size.hidden}" + (f"-{share:.2f}" if size.store == "rom" else "")
        answer = run(Design(name, block), say, frames=size.frames,
                     scenarios=SCENARIOS[:size.scenarios])
        verdict = answer["regression"]
        if not verdict["passed"]:
            yield figure("share of the cycle ratio", f"{share:.0%} zero, {size}", None,
                         verdict["failure"], target="0 mismatches", met=False)
            return
        answers[share] = answer
    dense = answers.pop(0.0)
    for share, answer in answers.items():
        cycles = dense["power"]["cycles"] / answer["power"]["cycles"]
        zeros = f"{share:.0%} of states zero, {size}"
        for what, words, limit in (
                ("array and weight memory", ARRAY, 0.9),
                ("whole step", (), 0.9 if share < 0.9 else None)):
            before, after = energy(dense, *words), energy(answer, *words)
            given = ("share of the cycle ratio", f"{what}, {zeros}",
                     round(before / after / cycles, 3))
            how = (f"{before / size.steps:.3f} nJ a step dense, {after / size.steps:.3f} then: "
                   f"{before / after:.2f} x less in {cycles:.2f} x fewer cycles")
            yield at_least(*given, limit, how) if limit else figure(*given, how)
        rest = sorted(answer["power"]["blocks"].items(), key=lambda item: -item[1])
        yield figure("nJ a step", zeros, round(energy(answer) / size.steps, 3),
                     ", ".join(f"{path} {nj / size.steps:.3f}" for path, nj in rest[:8]))
        for what, words in (("array and weight memory", ARRAY), ("whole step", ())):
            yield _fixed(dense, answer, words, size.steps, f"{what}, {zeros}")


def _fixed(dense: dict[str, Any], answer: dict[str, Any], words: tuple[str, ...], steps: int,
           setting: str) -> Row:
    """What a step takes however many cycles it has: two steps, taken for a straight line."""
    c, d = answer["power"]["cycles"], dense["power"]["cycles"]
    each = {path: (dense["power"]["blocks"].get(path, 0) - nj) / (d - c)
            for path, nj in answer["power"]["blocks"].items()
            if not words or any(word in path for word in words)}
    fixed = {path: (answer["power"]["blocks"][path] - c * nj) / steps for path, nj in each.items()}
    most = 0.1 * d * sum(each.values()) / (0.9 * d / c - 1) / steps
    rest = sorted(fixed.items(), key=lambda item: -item[1])
    return figure("nJ a step, of any length", setting, round(sum(fixed.values()), 3),
                  f"0.9 of the cycle ratio asks for {most:.3f} at most beside what goes by cycles: "
                  + ", ".join(f"{path} {nj:.3f}" for path, nj in rest[:5]))


def design(name: str, say: Say) -> Iterator[Row]:
    """A ready design that is not fully parallel: its clock, its netlist against golden."""
    if why := missing():
        yield figure("MHz in the slow corner", name, None, f"not measured: {why}")
        return
    given = LOADED.get(name, {})
    answer = run(open_design(name, None, given), say, corner="slow", frames=1)
    verdict = answer["regression"]
    setting = " ".join([name, *(f"--param {key}={value}" for key, value in given.items())])
    yield at_least("MHz in the slow corner", setting, answer["fmax_mhz"], CLOCK_MHZ,
                   f"{answer['um2']:,.0f} um2, of them {answer['macro_um2']:,.0f} in macros, "
                   f"whose Liberty is typical; {len(answer['attempts'])} attempts")
    yield figure("mismatches at gate level", setting, verdict.get("mismatches"),
                 verdict["failure"] or f"{verdict['beats']} beats, {verdict['cycles']} cycles "
                 "as golden says", target="0", met=verdict["passed"])


def whole(say: Say) -> Iterator[Row]:
    """A whole `ternstone asic`, nothing kept from before."""
    name = "digits-lstm-ternary"
    if missing():
        yield figure("seconds", name, None, f"not measured: {missing()}")
        return
    say(f"{name}, from nothing")
    root = str(Path(__file__).resolve().parent.parent)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", "ternstone", "asic", name, "--regress", "--json"],
                       cwd=folder, stdout=subprocess.DEVNULL, check=True,
                       env={**os.environ, "PYTHONPATH": root})
        seconds = time.monotonic() - started
    yield at_most("seconds", name, round(seconds), 300, "synthesis, three corners, regression on "
                  f"the netlist, energy; load of the machine {os.getloadavg()[0]:.1f}")


_PARTS: dict[str, Part] = {
    "mac arrays": bench_mac.arrays, "array energy": array_energy, "products": products,
    "skipping": skipping, "stochastic": stochastic, "masks": masks,
    "spins": standard_cells, "powers of two": bench_mac.powers,
    **{f"designs {name}": partial(design, name) for name in DESIGNS if name not in PARALLEL},
    "whole": whole}
PARTS: dict[str, Part] = {name: partial(bench_mac.with_kit, part) for name, part in _PARTS.items()}
