"""Headline figures of the LSTM family: each is measured on generated hardware, beside its target.

Cycles are the simulation's, which must equal golden's formula; memory is counted in the Verilog.
Weights are random; biases make a chosen share of the states zero in every step, and no other, so
that dense means dense and the sparsity is the stated one.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from golden.lstm.build import network
from golden.lstm.network import Network
from ternstone.designs import Design, RandomFeed
from ternstone.generate import generate
from ternstone.simulate import simulate

__all__ = ["measure"]

Say = Callable[[str], None]

#: Steps of the two sequences whose difference is the steady state.
SHORT, LONG = 4, 8


def measure(say: Say) -> Iterator[dict[str, Any]]:
    """One row a figure; ``say`` is told what comes next."""
    for lanes in (16, 32, 64, 128, 256, 512):
        say(f"dense utilisation of {lanes} lanes")
        yield _utilisation(lanes)
    for sparsity in (0.81, 0.95):
        say(f"skipping at {sparsity:.0%}")
        yield _skipping(sparsity)
    say("weight memory")
    yield from _memory()
    say("generating 4.4 million weights")
    yield from _generation()


def _row(figure: str, setting: str, measured: float, target: str, met: bool | None,
         how: str) -> dict[str, Any]:
    return {"figure": figure, "setting": setting, "measured": measured, "target": target,
            "met": met, "how": how}


def _verified(name: str, block: Network, frames: list[np.ndarray]) -> dict[str, Any]:
    """The verdict of a simulation without stalls: bits and cycles are golden's if it passed."""
    return simulate(Design(name, block), frames=len(frames), idle=0, stall=0, seed=1,
                    simulator="verilator", wave=False, feed=RandomFeed(frames))


def _set_states(block: Network, zero: np.ndarray) -> Network:
    """The block with biases so large that h is 0 for the units ``zero``, and never for others."""
    layer = block.params.layers[0]
    bias = np.zeros((layer.gates, layer.hidden), dtype=np.int64)
    large = 1 << (layer.bias_width - 2)
    for gate, name in enumerate(layer.gate_names):
        bias[gate] = {"i": large, "g": large, "f": -large, "o": large}[name]
        if name == "o":
            bias[gate, zero] = -large
    return Network(block.params, {**block.tensors, "layers.0.bias": bias})


def _columns(block: Network, frames: list[np.ndarray]) -> int:
    """Matrix columns of h and x that are not zero, over all steps: what must be added."""
    h = block.trace(frames)[0]
    x = block.sequences(frames)
    return int(np.count_nonzero(x) + np.count_nonzero(h[:, :-1]))


def _utilisation(lanes: int) -> dict[str, Any]:
    rng = np.random.default_rng(lanes)
    none = np.zeros(256, dtype=bool)
    measured = {}
    frames = list(rng.integers(1, 128, (1, LONG * 64, 1)))
    for steps in (SHORT, LONG):
        params = network(inputs=64, hidden=256, outputs=0, steps=steps, lanes=lanes)
        # One state of random tensors for both lengths.
        block = _set_states(Network.random(params, np.random.default_rng(lanes)), none)
        part = [frames[0][:steps * 64]]
        verdict = _verified(f"bench-dense-{lanes}-{steps}", block, part)
        if not verdict["passed"]:
            return _row("dense utilisation", f"{lanes} lanes", 0.0, ">= 0.98", False,
                        verdict["failure"])
        measured[steps] = (verdict["cycles"], _columns(block, part) * 4 * 256)
    cycles, macs = (measured[LONG][n] - measured[SHORT][n] for n in (0, 1))
    value = macs / (lanes * cycles)
    return _row("dense utilisation", f"{lanes} lanes", round(value, 4),
                ">= 0.98" if lanes <= 256 else "-", value >= 0.98 if lanes <= 256 else None,
                f"64 inputs, 256 units: {macs} MACs in {cycles} cycles, {LONG - SHORT} steps")


def _skipping(sparsity: float) -> dict[str, Any]:
    hidden, symbols = 1000, 96
    rng = np.random.default_rng(0)
    order = rng.permutation(hidden)
    codes = rng.integers(0, symbols, (1, LONG, 1))
    step_cycles = {}
    for share in (0.0, sparsity):
        zero = np.isin(np.arange(hidden), order[:round(share * hidden)])
        cycles = {}
        for steps in (SHORT, LONG):
            params = network(inputs=symbols, hidden=hidden, outputs=0, steps=steps, lanes=200,
                             one_hot=True)
            block = _set_states(Network.random(params, np.random.default_rng(0)), zero)
            part = [codes[0, :steps]]
            seen = float((block.trace(part)[0] == 0).mean())
            assert abs(seen - share) < 0.005, f"sparsity must be {share}, not {seen}"
            if steps == SHORT:
                # The long one is simulated; the formula that it confirms gives the short one.
                cycles[steps] = block.cycles(part)
                continue
            verdict = _verified(f"bench-skip-{share:.2f}", block, part)
            if not verdict["passed"]:
                return _row("skipping", f"{share:.0%} zero", 0.0, "0 mismatches", False,
                            verdict["failure"])
            cycles[steps] = verdict["cycles"]
        step_cycles[share] = (cycles[LONG] - cycles[SHORT]) / (LONG - SHORT)
    gained = step_cycles[0.0] / step_cycles[sparsity]
    ideal = 1 / (1 - sparsity)
    return _row("share of the ideal speed-up", f"{sparsity:.0%} of states zero",
                round(gained / ideal, 4), ">= 0.95", gained >= 0.95 * ideal,
                f"{gained:.2f} x of {ideal:.2f} x: {step_cycles[sparsity]:.0f} of "
                f"{step_cycles[0.0]:.0f} cycles a step, 1,000 units, 200 lanes")


def _memory() -> Iterator[dict[str, Any]]:
    bits = {}
    for weights in ("int12", "binary", "ternary"):
        params = network(inputs=64, hidden=256, outputs=0, weights=weights)
        block = Network.random(params, np.random.default_rng(0))
        made = generate(Design(f"bench-memory-{weights}", block))
        bits[weights] = sum(m["bits"] for m in made["memories"] if "weights" in m["module"])
    for weights, target in (("binary", 12), ("ternary", 6)):
        ratio = bits["int12"] / bits[weights] if bits[weights] else 0.0
        yield _row("weight memory, 12-bit over", weights, ratio, f">= {target}", ratio >= target,
                   f"{bits['int12']} and {bits[weights]} bits in the Verilog's memories")


def _generation() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["generate", "lstm.network", "-o", folder, "--json"]
        for pair in ("inputs=96", "one_hot=true", "hidden=1000", "lanes=200", "outputs=0"):
            arguments += ["--param", pair]
        started = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-m", "ternstone", *arguments],
                                 stdout=subprocess.PIPE, text=True)
        assert child.stdout
        made = json.loads(child.stdout.read())
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
    weights = sum(m["bits"] for m in made["memories"] if "weights" in m["module"]) // 2
    gigabytes = usage.ru_maxrss / 2**20
    how = f"{weights} ternary weights, whole command"
    yield _row("generation, seconds", "1,000 units, 200 lanes", round(seconds, 1), "<= 30",
               seconds <= 30, how)
    yield _row("generation, GB", "1,000 units, 200 lanes", round(gigabytes, 2), "<= 2",
               gigabytes <= 2, how)
