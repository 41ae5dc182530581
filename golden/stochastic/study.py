"""How far stream arithmetic is from what it stands for.

``python -m golden.stochastic.study docs/results/stochastic-arithmetic.json``

Takes half a minute. Every figure is a root mean square (or the largest) difference between a
frame's mean and the real function of the operands, over a grid of operands and over seeds. Operands
have 8 bits.
"""

import itertools
import sys
from pathlib import Path

import numpy as np

from golden.files import write_json
from golden.stochastic.adder import add
from golden.stochastic.arithmetic import (
    AdderParams,
    ConverterParams,
    FsmParams,
    ProductParams,
    values,
)
from golden.stochastic.converter import convert
from golden.stochastic.fsm import walk
from golden.stochastic.mac import MacParams, accumulate
from golden.stochastic.numbers import KINDS
from golden.stochastic.params import Generators
from golden.stochastic.product import product

__all__ = ["LENGTHS", "PARTS", "main", "stationary"]

LENGTHS = (16, 32, 64, 128, 256, 512, 1024)
SEEDS = range(8)
BITS = 8
ONE = 1 << BITS

#: Of NStanh and NSexp: (m, n), with m n states.
TANH = ((1, 4), (2, 4), (4, 4), (4, 8), (8, 4))
EXP = ((1, 16), (2, 16), (4, 16), (8, 16))
GAIN = 2


def _rms(errors):
    return round(float(np.sqrt(np.mean(np.square(errors)))), 5)


def _streams(codes, generators, bank, length, m, coding):
    """Codes [inputs] to streams [length, inputs]; input i's bits come from ``generators[i]``."""
    table = [(number, 0) for first in generators for number in range(first, first + m)]
    params = ConverterParams(length, m, coding, len(codes), BITS, bank.replace(table=table))
    return convert(params, np.asarray(codes)[None])[0]


def converters():
    """A stream's mean, over its range, less the number."""
    for kind, coding, m, length in itertools.product(
            KINDS, ("unipolar", "bipolar", "sign"), (1, 4), LENGTHS):
        codes = np.arange(0 if coding == "unipolar" else -ONE, ONE + 1, 2)
        errors = []
        for seed in SEEDS:
            bank = Generators(kind, m, seed=seed)
            streams = _streams(codes, [0] * len(codes), bank, length, m, coding)
            errors.append(values(streams, m, coding).mean(0) / m - codes / ONE)
        yield {"kind": kind, "coding": coding, "m": m, "length": length, "rmse": _rms(errors)}


#: Name -> (kind, coding and range of a, coding of b, their exact result).
PRODUCTS = {
    "AND": ("and", "unipolar", 1, "unipolar", lambda a, b: a * b),
    "AND, integer": ("and", "sign", 4, "unipolar", lambda a, b: a * b),
    "XNOR": ("xnor", "bipolar", 1, "bipolar", lambda a, b: a * b),
    "multiplexer": ("mux", "unipolar", 1, "unipolar", lambda a, b: (a + b) / 2),
}


def products():
    """A product's mean less the product of the numbers (multiplexer, select 1/2: half their sum);
    operands from generators of their own, or both from the same."""
    for name, kind, shared, length in itertools.product(PRODUCTS, KINDS, (False, True), LENGTHS):
        gate, coding, m, other, exact = PRODUCTS[name]
        params = ProductParams(length, m, coding, gate)
        a, b = (np.arange(0 if c == "unipolar" else -ONE, ONE + 1, 16) for c in (coding, other))
        errors = []
        for seed in SEEDS:
            bank = Generators(kind, m + 2, seed=seed)
            x = _streams(a, [0] * len(a), bank, length, m, coding)[:, :, None]
            w = _streams(b, [0 if shared else m] * len(b), bank, length, 1, other)[:, None]
            half = _streams([ONE // 2], [m + 1], bank, length, 1, "unipolar")[:, :, None]
            operands = np.broadcast_arrays(x, w, half)[:params.input.elements]
            codes = product(params, np.stack(operands, -1))[..., 0]
            errors.append(values(codes, m, coding).mean(0) / m
                          - exact(a[:, None] / ONE, b[None] / ONE))
        yield {"gate": name, "kind": kind, "shared": shared, "length": length, "rmse": _rms(errors)}


def adders():
    """The mean of a sum of 16 streams, over its range, less the numbers' mean: from generators of
    their own, or all from the same."""
    for kind, m, shared, length in itertools.product(KINDS, (1, 4), (False, True), LENGTHS):
        params, errors = AdderParams(length, m, "sign", 16), []
        for seed in SEEDS:
            codes = np.random.default_rng(seed).integers(-ONE, ONE + 1, 50 * 16)
            numbers = [0 if shared else term * m for term in range(16)] * 50
            bank = Generators(kind, m if shared else 16 * m, seed=seed)
            streams = _streams(codes, numbers, bank, length, m, "sign")
            sums = add(params, streams.reshape(length, 50, 16))[..., 0]
            errors.append(sums.mean(0) / m / 16 - codes.reshape(50, 16).mean(1) / ONE)
        yield {"kind": kind, "m": m, "shared": shared, "length": length, "rmse": _rms(errors)}


def stationary(params, s):
    """The exact mean of the `FsmParams`' bits in the long run, when S is a sum of m independent
    streams of +-1 whose mean is s: array like ``s``."""
    m, states = params.m, params.states
    chance = (1 + np.asarray(s)[..., None] / m) / 2
    # How often S is -m, -m + 2, .. m: m bits, one after the other.
    steps = np.ones((*chance.shape[:-1], 1))
    for _ in range(m):
        steps = (np.pad(steps, [(0, 0)] * (steps.ndim - 1) + [(1, 0)]) * chance
                 + np.pad(steps, [(0, 0)] * (steps.ndim - 1) + [(0, 1)]) * (1 - chance))
    moves = np.zeros((*chance.shape[:-1], states, states))
    rows = np.arange(states)
    for ones in range(m + 1):
        moves[..., rows, (rows + 2 * ones - m).clip(0, states - 1)] += steps[..., ones, None]
    # pi = pi moves; the last equation is that pi adds up to 1.
    system = np.swapaxes(moves, -1, -2) - np.eye(states)
    system[..., -1, :] = 1
    pi = np.linalg.solve(system, np.eye(states)[-1][:, None])[..., 0]
    ones = (rows >= params.threshold) == (params.function == "tanh")
    return (pi * ones).sum(-1)


def functions():
    """NStanh and NSexp in the long run, with independent bits, exactly: what the circuit computes
    if streams are no source of error. Of NSexp also the error for s of 0.1 and more: at 0 it gives
    1 - gain / n."""
    for (m, n), more in itertools.product(TANH, (0, 1)):
        s = np.linspace(-m, m, 129)[1:-1]  # at the ends S is constant
        params = FsmParams(1, m, "bipolar", "tanh", m * n, m * n // 2 + more)
        errors = 2 * stationary(params, s) - 1 - np.tanh(n * s / 2)
        yield {"function": "tanh", "rule": "C > threshold" if more else "C >= threshold",
               "m": m, "n": n, "rmse": _rms(errors), "max": round(float(abs(errors).max()), 4)}
    for m, n in EXP:
        s = np.linspace(0, m, 40 * m + 1)[:-1]
        params = FsmParams(1, m, "bipolar", "exp", m * n, gain=GAIN)
        errors = abs(stationary(params, s) - np.exp(-2 * GAIN * s))
        yield {"function": "exp", "m": m, "n": n, "gain": GAIN, "rmse": _rms(errors),
               "max": round(float(errors.max()), 4),
               "max_from_0.1": round(float(errors[s >= 0.1].max()), 4)}


def fsms():
    """NStanh and NSexp of streams from generators, a frame long: against the real function."""
    cases = [("tanh", m, n) for m, n in TANH] + [("exp", m, n) for m, n in EXP]
    for (function, m, n), kind, length in itertools.product(cases, KINDS, LENGTHS):
        tanh = function == "tanh"
        codes = np.arange(-ONE if tanh else 0, ONE + 1, 8)
        s = codes / ONE * m
        params = FsmParams(length, m, "bipolar", function, m * n, gain=0 if tanh else GAIN)
        errors = []
        for seed in SEEDS:
            bank = Generators(kind, m, seed=seed)
            streams = _streams(codes, [0] * len(codes), bank, length, m, "bipolar")
            mean = walk(params, streams.T).mean(1)
            errors.append(2 * mean - 1 - np.tanh(n * s / 2) if tanh
                          else mean - np.exp(-2 * GAIN * s))
        yield {"function": function, "m": m, "n": n, "kind": kind, "length": length,
               "rmse": _rms(errors)}


def macs():
    """`stochastic.mac`: the mean of 16 products of 8-bit numbers, less the exact one."""
    x, w = np.random.default_rng(0).integers(-128, 128, (2, 2000, 16))
    for length in LENGTHS:
        got = accumulate(MacParams(16, 8, length), x, w) / length
        yield {"length": length, "rmse": _rms((got - (x * w).sum(1) / 128**2) / 16)}


#: Name -> its rows.
PARTS = {"converter": converters, "product": products, "adder": adders,
         "fsm in the long run": functions, "fsm": fsms, "mac": macs}


def _by_length(rows):
    """Rows that differ in length alone as one, whose rmse is a list."""
    found = {}
    for row in rows:
        if "length" not in row:
            yield row
            continue
        name = {key: value for key, value in row.items() if key not in ("length", "rmse")}
        found.setdefault(tuple(name.items()), []).append(row["rmse"])
    for name, errors in found.items():
        yield {**dict(name), "rmse": errors}


def main(arguments):
    (path,) = arguments
    write_json(Path(path), {"command": f"python -m golden.stochastic.study {path}", "bits": BITS,
                            "seeds": len(SEEDS), "lengths": LENGTHS,
                            **{name: list(_by_length(part())) for name, part in PARTS.items()}})


if __name__ == "__main__":
    main(sys.argv[1:])
