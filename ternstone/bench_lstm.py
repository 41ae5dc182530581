"""Headline figures of the LSTM family: each is measured on generated hardware, beside its target.

Cycles are the simulation's, which must equal golden's formula; memory is counted in the Verilog.
Weights are random; biases make a chosen share of the states zero in every step, and no other, so
that dense means dense and the sparsity is the stated one.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import numpy as np

from golden.lstm.build import network
from golden.lstm.network import Network
from ternstone.bench import Part, Row, Say, at_least, at_most, figure, side_by_side, verified
from ternstone.bench_lstm_area import array, peers
from ternstone.bench_lstm_models import accuracy, equality
from ternstone.bench_lstm_states import set_states
from ternstone.designs import Design
from ternstone.generate import generate

__all__ = ["PARTS"]

#: Steps of the two sequences whose difference is the steady state.
SHORT, LONG = 4, 8


def utilisation(say: Say) -> Iterator[Row]:
    """Useful products over lanes x cycles, in the steady state of a dense sequence."""
    return side_by_side(_utilisation, (16, 32, 64, 128, 256, 512), say, "dense utilisation")


def skipping(say: Say) -> Iterator[Row]:
    """How much of the ideal speed-up skipped states give."""
    return side_by_side(_skipping, (0.81, 0.95), say, "skipping")


def _columns(block: Network, frames: list[np.ndarray]) -> int:
    """Matrix columns of h and x that are not zero, over all steps: what must be added."""
    h = block.trace(frames)[0]
    x = block.sequences(frames)
    return int(np.count_nonzero(x) + np.count_nonzero(h[:, :-1]))


def _utilisation(lanes: int) -> Row:
    rng = np.random.default_rng(lanes)
    none = np.zeros(256, dtype=bool)
    measured = {}
    frames = list(rng.integers(1, 128, (1, LONG * 64, 1)))
    for steps in (SHORT, LONG):
        params = network(inputs=64, hidden=256, outputs=0, steps=steps, lanes=lanes)
        # One state of random tensors for both lengths.
        block = set_states(Network.random(params, np.random.default_rng(lanes)), none)
        part = [frames[0][:steps * 64]]
        verdict = verified(f"bench-dense-{lanes}-{steps}", block, part)
        if not verdict["passed"]:
            return figure("dense utilisation", f"{lanes} lanes", None, verdict["failure"],
                          target="0 mismatches", met=False)
        measured[steps] = (verdict["cycles"], _columns(block, part) * 4 * 256)
    cycles, macs = (measured[LONG][n] - measured[SHORT][n] for n in (0, 1))
    value = macs / (lanes * cycles)
    how = f"64 inputs, 256 units: {macs} MACs in {cycles} cycles, {LONG - SHORT} steps"
    if lanes > 256:
        return figure("dense utilisation", f"{lanes} lanes", round(value, 4), how)
    return at_least("dense utilisation", f"{lanes} lanes", round(value, 4), 0.98, how)


def _skipping(sparsity: float) -> Row:
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
            block = set_states(Network.random(params, np.random.default_rng(0)), zero)
            part = [codes[0, :steps]]
            seen = float((block.trace(part)[0] == 0).mean())
            assert abs(seen - share) < 0.005, f"sparsity must be {share}, not {seen}"
            if steps == SHORT:
                # The long one is simulated; the formula that it confirms gives the short one.
                cycles[steps] = block.cycles(part)
                continue
            verdict = verified(f"bench-skip-{share:.2f}", block, part)
            if not verdict["passed"]:
                return figure("skipping", f"{share:.0%} zero", None, verdict["failure"],
                              target="0 mismatches", met=False)
            cycles[steps] = verdict["cycles"]
        step_cycles[share] = (cycles[LONG] - cycles[SHORT]) / (LONG - SHORT)
    gained = step_cycles[0.0] / step_cycles[sparsity]
    ideal = 1 / (1 - sparsity)
    return at_least("share of the ideal speed-up", f"{sparsity:.0%} of states zero",
                    round(gained / ideal, 4), 0.95,
                    f"{gained:.2f} x of {ideal:.2f} x: {step_cycles[sparsity]:.0f} of "
                    f"{step_cycles[0.0]:.0f} cycles a step, 1,000 units, 200 lanes")


def memory(say: Say) -> Iterator[Row]:
    """Weight memory against 12-bit weights."""
    say("weight memory")
    bits = {}
    for weights in ("int12", "binary", "ternary"):
        params = network(inputs=64, hidden=256, outputs=0, weights=weights)
        block = Network.random(params, np.random.default_rng(0))
        made = generate(Design(f"bench-memory-{weights}", block))
        bits[weights] = sum(m["bits"] for m in made["memories"] if "weight_memory" in m["module"])
    for weights, target in (("binary", 12), ("ternary", 6)):
        ratio = bits["int12"] / bits[weights] if bits[weights] else 0.0
        yield at_least("weight memory, 12-bit over", weights, ratio, target,
                       f"{bits['int12']} and {bits[weights]} bits in the Verilog's memories")


#: Runs a command, then prints its peak of memory in KiB: in a process of its own, because a child
#: counts from what its parent had when it began.
_PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def generation(say: Say) -> Iterator[Row]:
    """Time and memory that a large network's Verilog takes to make."""
    say("generating 4.4 million weights")
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["generate", "lstm.network", "-o", folder, "--json"]
        for pair in ("inputs=96", "one_hot=true", "hidden=1000", "lanes=200", "outputs=0"):
            arguments += ["--param", pair]
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", _PEAK, sys.executable, "-m", "ternstone",
                               *arguments], stdout=subprocess.PIPE, text=True, check=True)
        seconds = time.perf_counter() - started
    answer, _, peak = done.stdout.rstrip().rpartition("\n")
    made = json.loads(answer)
    weights = sum(m["bits"] for m in made["memories"] if "weight_memory" in m["module"]) // 2
    gigabytes = int(peak) / 2**20
    how = f"{weights} ternary weights, whole command"
    yield at_most("generation, seconds", "1,000 units, 200 lanes", round(seconds, 1), 30, how)
    yield at_most("generation, GB", "1,000 units, 200 lanes", round(gigabytes, 2), 2, how)


#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {
    "equality": equality,
    "utilisation": utilisation,
    "skipping": skipping,
    "accuracy": accuracy,
    "memory": memory,
    "array": array,
    "generation": generation,
    "peers": peers,
}
