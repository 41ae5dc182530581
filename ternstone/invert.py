"""``ternstone invert``: a circuit from Verilog, run in any direction: as a network of spins, or by
parallel trials."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from golden.design import Block
from golden.invertible import search
from golden.invertible.build import of_circuit
from golden.invertible.circuit import Circuit
from golden.invertible.network import Job, Network, simulate
from golden.invertible.params import NetworkParams
from golden.invertible.search import Search, SearchParams
from ternstone import report
from ternstone.circuits import read_circuit
from ternstone.designs import Design
from ternstone.errors import BadInput, bad_input
from ternstone.generate import generate
from ternstone.parameters import suggest

__all__ = ["MOST_CYCLES", "SEARCHES", "guesses", "invert", "masked", "network", "parse_clamps",
           "print_answer", "run", "schedule", "size", "trials"]

#: Levels of noise, cycles of each in the first round, and most cycles: eight rounds.
LEVELS, ROUND, MOST_CYCLES = (3, 2, 1), 64, 4_000_000
#: Most free inputs of which all codes are tried, to say what guessing would take.
TRIED = 20

Clamps = dict[str, dict[int, int]]


def size(circuit: Circuit) -> dict[str, Any]:
    """What the network takes; ``gap`` is None where brute force does not reach, and at least
    ``gate_gap`` in any case."""
    h = circuit.hamiltonian
    return {"spins": h.spins, "couplings": len(h.couplings), "gates": len(circuit.gates),
            "h": max(map(abs, h.h)), "j": max((abs(j) for _, _, j in h.couplings), default=0),
            "fan_in": h.fan_in(), "gap": circuit.gap(), "gate_gap": circuit.gate_gap,
            "ports": {name: {"direction": direction, "width": len(spins)}
                      for name, direction, spins in circuit.ports}}


def parse_clamps(circuit: Circuit, given: Iterable[str]) -> Clamps:
    """``["p=35", "a=0b1xx"]`` to port -> bit -> value; x leaves a bit free.

    Errors: `BadInput` for a port that is not there, a value that does not fit, clamps that
    contradict each other.
    """
    widths = {name: len(spins) for name, spins in circuit.spin_ports}
    clamps: Clamps = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise BadInput(f"--clamp must be port=value, as sum=35 or sum=0b1xx0, not {text!r}")
        if name not in widths:
            raise BadInput(f"Port {name!r} is not one of the circuit: {suggest(name, widths)}")
        for bit, wanted in _bits(name, value, widths[name]).items():
            if clamps.setdefault(name, {}).setdefault(bit, wanted) != wanted:
                raise BadInput(f"Clamps of {name} contradict each other: bit {bit} must be 0 or 1, "
                               "not both")
    return clamps


def _bits(name: str, text: str, width: int) -> dict[int, int]:
    digits = text.replace("_", "").lower()
    if re.fullmatch(r"0b[01x]*x[01x]*", digits):
        if len(digits) - 2 != width:
            raise BadInput(f"Clamp of {name} must have {width} bits, not {len(digits) - 2}: {text}")
        return {bit: int(digit) for bit, digit in enumerate(reversed(digits[2:])) if digit != "x"}
    try:
        value = int(digits, 0)
    except ValueError:
        raise BadInput(f"Clamp of {name} must be an integer, or bits as 0b1x0, not {text!r}"
                       ) from None
    if not 0 <= value < 1 << width:
        raise BadInput(f"Clamp of {name} must be between 0 and {(1 << width) - 1}, not {value}")
    return {bit: value >> bit & 1 for bit in range(width)}


def network(circuit: Circuit) -> NetworkParams:
    """The parameters of the network of a circuit, which stops at the first hit.

    Ours, by trial on the examples: inputs move in every cycle, all other spins in every second one
    at random, and the noise is the sum of four bits.
    """
    inputs = {spin for _, direction, spins in circuit.ports if direction == "input"
              for spin in spins}
    return of_circuit(
        circuit, stop="hit", draws=4, range=0, noise_bits=4, segments=24,
        rest=tuple(int(spin not in inputs) for spin in range(circuit.hamiltonian.spins)))


def schedule(cycles: int) -> tuple[tuple[int, int, int], ...]:
    """(cycles, noise, range) of each segment: the levels of `LEVELS` one after another, in rounds
    each four times as long as the one before. Which level is best hangs on the circuit and on the
    clamps; so a run takes about as long as at the best one, times a small constant.

    >>> [count for count, _, _ in schedule(1000)]
    [64, 64, 64, 256, 256, 256, 40]
    """
    segments, count = [], ROUND
    while True:
        for noise in LEVELS:
            segments.append((min(count, cycles), noise, 0))
            cycles -= min(count, cycles)
            if not cycles:
                return tuple(segments)
        count *= 4


def trials(circuit: Circuit) -> SearchParams:
    """The parameters of the search by parallel trials on a circuit: every cycle each input bit is
    flipped on trial, and the flip is made that leaves the fewest clamped output bits wrong."""
    return SearchParams("circuit", gates=circuit.gates, ports=circuit.spin_ports)


#: What runs a circuit backwards: name -> the block of a circuit.
SEARCHES: dict[str, Callable[[Circuit], Block]] = {
    "network": lambda circuit: Network(network(circuit), {}),
    "parallel": lambda circuit: Search(trials(circuit), {}),
}


def run(circuit: Circuit, clamps: Clamps, cycles: int, seeds: int,
        by: str = "network") -> dict[str, Any]:
    """The golden block of ``by``, one of `SEARCHES`, once for each seed from 1 on: what it found at
    the ports, and when.

    ``guesses`` is the mean number of uniformly random inputs until one fits, None beyond reach.
    """
    hits, counts, bits, frame = (_network if by == "network" else _trials)(
        circuit, clamps, cycles, seeds)
    ports, at = {}, 0
    for name, spins in circuit.spin_ports:
        ports[name] = [sum(int(bit) << place for place, bit in enumerate(own))
                       for own in bits[:, at:at + len(spins)]]
        at += len(spins)
    runs = [{"seed": n + 1, "found": hit, "cycles": count,
             "ports": {name: values[n] for name, values in ports.items()} if hit else None}
            for n, (hit, count) in enumerate(zip(hits.tolist(), counts.tolist(), strict=True))]
    found = counts[hits]
    return {"clamps": clamps, "limit": cycles, "found": len(found), "runs": runs,
            "mean": float(found.mean()) if len(found) else None,
            "guesses": guesses(circuit, clamps), "frame": frame.ravel().tolist()}


#: Of each seed whether it found and after how many cycles, the ports' bits; the hardware's job.
Outcome = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _network(circuit: Circuit, clamps: Clamps, cycles: int, seeds: int) -> Outcome:
    params, job = network(circuit), Job(schedule(cycles), clamps)
    result = simulate(params, job.schedule, np.tile(job.bits(params), (seeds, 1)),
                      seeds=range(1, seeds + 1))
    return result.found, result.states - 1, result.bits, job.frame(params)


def masked(clamps: Clamps) -> dict[str, tuple[int, int]]:
    """Clamps as `SearchParams.ask` takes them: port -> (value, which of its bits are clamped)."""
    return {name: (sum(value << bit for bit, value in held.items()),
                   sum(1 << bit for bit in held)) for name, held in clamps.items()}


def _trials(circuit: Circuit, clamps: Clamps, cycles: int, seeds: int) -> Outcome:
    params = trials(circuit)
    frame = params.ask(cycles, **masked(clamps))
    _, bits = params.asked(frame)
    old, new = search.generators(params, range(1, seeds + 1))
    result = search.search(params, bits[:, None].repeat(seeds, 1), np.full(seeds, cycles),
                           search.starts(params, old, new), old, new)
    return result.found, result.cycles, result.bits, frame


def guesses(circuit: Circuit, clamps: Mapping[str, Mapping[int, int]]) -> float | None:
    """The mean number of uniformly random values of the free inputs until the circuit agrees with
    all clamps: infinite where none fits, None where there are more than `TRIED` free bits."""
    held, free = {}, []
    for name, direction, spins in circuit.ports:
        for bit, spin in enumerate(spins if direction == "input" else ()):
            if bit in clamps.get(name, {}):
                held[spin] = clamps[name][bit]
            else:
                free.append(spin)
    if len(free) > TRIED:
        return None
    fits = 0
    for start in range(0, 1 << len(free), 1 << 14):
        codes = np.arange(start, min(start + (1 << 14), 1 << len(free)))
        bits = np.zeros((len(codes), circuit.hamiltonian.spins), np.uint8)
        bits[:, free] = codes[:, None] >> np.arange(len(free)) & 1
        for spin, value in held.items():
            bits[:, spin] = value
        bits = circuit.settle(bits)
        fit = np.ones(len(codes), bool)
        for name, spins in circuit.spin_ports:
            for bit, value in clamps.get(name, {}).items():
                fit &= bits[:, spins[bit]] == value
        fits += int(fit.sum())
    return (1 << len(free)) / fits if fits else float("inf")


def invert(path: Path, top: str | None, given: Iterable[str], cycles: int, seeds: int,
           folder: Path | None, by: str = "network") -> dict[str, Any]:
    """The circuit of a Verilog file: its size, what it finds under clamps, its hardware."""
    circuit = read_circuit(path, top)
    clamps = parse_clamps(circuit, given)
    with bad_input(f"Circuit of {path.name}"):
        block = SEARCHES[by](circuit)
    answer: dict[str, Any] = {"circuit": size(circuit), "block": block.name}
    if clamps:
        answer["search"] = run(circuit, clamps, cycles, seeds, by)
    made = generate(Design(f"invert-{top or path.stem}", block), folder)
    answer["verilog"] = str(Path(made["folder"]) / f"{made['design']}.v")
    return answer


def print_answer(answer: Mapping[str, Any]) -> None:
    circuit = answer["circuit"]
    exact = circuit["gap"] is not None
    report.print_table(
        "Circuit", ["ports", "gates", "spins", "couplings", "largest h", "largest J", "fan-in",
                    "gap"],
        [[" ".join(f"{name}[{port['width']}]" for name, port in circuit["ports"].items()),
          circuit["gates"], circuit["spins"], circuit["couplings"], circuit["h"], circuit["j"],
          circuit["fan_in"],
          str(circuit["gap"]) if exact else f"at least {circuit['gate_gap']}"]])
    search = answer.get("search")
    if search:
        report.print_table(
            "Found", ["seed", "cycles", *circuit["ports"]],
            [[one["seed"], one["cycles"], *map(str, one["ports"].values())]
             for one in search["runs"] if one["found"]])
        missed = len(search["runs"]) - search["found"]
        if search["guesses"] == float("inf"):
            report.console().print("No input of the circuit agrees with the clamps.")
        elif missed:
            report.console().print(f"No valid state was found within {search['limit']:,} cycles "
                                   f"in {missed} of {len(search['runs'])} runs.")
        if search["found"] and search["guesses"] is not None:
            report.console().print(f"Mean {search['mean']:,.0f} cycles; random inputs, one a "
                                   f"cycle, would take {search['guesses']:,.0f}.")
    report.console().print(f"Verilog: {answer['verilog']}", soft_wrap=True)
