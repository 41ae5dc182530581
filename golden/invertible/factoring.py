"""How many cycles the searches take to factor, beside yardsticks.

``python -m golden.invertible.factoring docs/results/invertible-factoring.json``

Takes half an hour. The metric is the first cycle in which ``a b = P``. ``general`` is every
non-zero product of two numbers of N bits, ``semiprimes`` the products of two primes of at most N
bits. Every seed is a design of its own. Where all products with all seeds are too many, each seed
takes a random sample of its own, so that the means of seeds stay independent and without bias; the
bound is Student's, one-sided, over those means. The quantile is that of all runs.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from golden.files import write_json
from golden.invertible import collapsed, search
from golden.invertible.build import published_multiplier, weighted_multiplier
from golden.invertible.circuit import multiplier
from golden.invertible.collapsed import CollapsedParams
from golden.invertible.network import Job, simulate
from golden.invertible.params import NetworkParams
from golden.invertible.search import SearchParams

__all__ = ["PUBLISHED", "SETS", "YARDSTICKS", "Spins", "case", "cycles", "main", "measure",
           "products", "yardstick"]

SEEDS = 100
#: Student's t, one-sided 95 %, of 99 degrees of freedom.
STUDENT = 1.6604
#: Jobs of a case that run side by side.
CHUNK = 8192
#: Cycles of a case's runs together, about.
BUDGET = {"steps": 4_000_000, "flips": 4_000_000, "circuit": 2_000_000, "collapsed": 5_000_000,
          "weighted": 1_000_000, "published": 700_000}
LIMIT = 10_000_000
#: Cycles of a network's first round of runs.
ROUND = 256

#: Measured on the chip: 5 by 5 bits, cycles.
PUBLISHED: dict = {
    "source": "Smithson et al., TCAS-I 66(6), 2019, table 4", "bits": 5,
    "general": {"mean": 430, "worst": 8192, "products": 340},
    "semiprimes": {"mean": 219, "worst": 2048, "products": 66}}


def _primes(below):
    return [n for n in range(2, below) if all(n % d for d in range(2, int(n**0.5) + 1))]


#: Name -> the factors.
SETS = {"general": lambda bits: range(1, 1 << bits), "semiprimes": lambda bits: _primes(1 << bits)}


def products(kind, bits):
    """All products of a set, in order: int64 [products]."""
    factors = np.array(SETS[kind](bits), dtype=np.int64)
    return np.unique(factors[:, None] * factors)


# -- yardsticks: exact, without random numbers

def _solutions(product, bits):
    return [(a, product // a) for a in range(1, 1 << bits)
            if product % a == 0 and product // a < 1 << bits]


def _chance(product, bits):
    """That a uniform random pair is a solution."""
    return len(_solutions(product, bits)) / 4**bits


def _chance_beside(product, bits):
    """That a uniform random pair, or one that differs from it in one bit, is a solution."""
    near = set()
    for a, b in _solutions(product, bits):
        near.add((a, b))
        for k in range(bits):
            near |= {(a ^ 1 << k, b), (a, b ^ 1 << k)}
    return len(near) / 4**bits


def _saddleback(product, bits):
    """From a at its most and b = 1: b up where a b is too small, a down where it is too large."""
    a, b, count = (1 << bits) - 1, 1, 1
    while a * b != product:
        a, b = (a, b + 1) if a * b < product else (a - 1, b)
        count += 1
    return count


def _division(product, bits):
    """Divisors from 1 on, one exact division a cycle, until a quotient of ``bits`` bits."""
    return min(a for a, _ in _solutions(product, bits))


#: Name -> (what it gives for a product, whether that is a chance a cycle or a number of cycles).
YARDSTICKS = {
    "random pair": (_chance, True), "random pair and its 2N neighbours": (_chance_beside, True),
    "saddleback scan": (_saddleback, False), "one exact division a cycle": (_division, False)}


def yardstick(name, kind, bits):
    """Mean, pooled 99 % quantile, and, where there is one, the worst."""
    rule, chance = YARDSTICKS[name]
    values = np.array([rule(int(product), bits) for product in products(kind, bits)])
    row = {"rule": name, "bits": bits, "set": kind, "products": len(values)}
    if not chance:
        return {**row, "mean": round(float(values.mean()), 2),
                "q99": float(np.quantile(values, 0.99)), "worst": int(values.max())}
    low, high = 1, 1 << 40
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if ((1 - values)**middle).mean() <= 0.01 else (middle + 1, high)
    return {**row, "mean": round(float((1 / values).mean()), 2), "q99": float(low), "worst": None}


# -- the searches

class Spins(NamedTuple):
    """A network of spins, and the level of its noise."""

    params: NetworkParams
    noise: int


def case(rule, bits, replicas=1, stages=1):
    """The parameters of one: ``steps``, ``flips``, ``circuit`` or ``collapsed``; or `Spins`:
    ``weighted`` or ``published``."""
    if rule == "weighted":
        return Spins(*weighted_multiplier(bits))
    if rule == "published":
        return Spins(*published_multiplier(bits))
    if rule == "collapsed":
        return collapsed.factoring(bits, stages=stages)
    if rule == "circuit":
        circuit = multiplier(bits)
        return SearchParams(rule, gates=circuit.gates, ports=circuit.spin_ports,
                            replicas=replicas, stages=stages)
    return SearchParams(rule, bits, replicas=replicas, stages=stages)


def cycles(params, jobs):
    """Cycles to factor of ``jobs``, int64 [jobs, 2] of product and seed; each is factored."""
    p, found = params, []
    if isinstance(p, Spins):
        return np.concatenate([_settle(p, jobs[at:at + CHUNK])
                               for at in range(0, len(jobs), CHUNK)])
    network = isinstance(p, CollapsedParams)
    seeds, place = np.unique(jobs[:, 1], return_inverse=True)
    old, new = (collapsed if network else search).generators(p, seeds.tolist())
    for at in range(0, len(jobs), CHUNK):
        own, state = jobs[at:at + CHUNK, 0], place[at:at + CHUNK]
        limits = np.full(len(own), LIMIT)
        if network:
            answer = collapsed.factor(p, own, limits, old[state], new[state])
            a, b = answer.values & (1 << p.bits) - 1, answer.values >> p.bits
        else:
            half = p.values["a"]
            fields = (own[:, None] >> np.arange(2 * half) & 1).astype(np.uint8)[None]
            if p.circuit:
                held = np.arange(p.width) >= 2 * half
                fields = np.stack([np.pad(fields[0], ((0, 0), (2 * half, 0))),
                                   np.broadcast_to(held, (len(own), p.width))]).astype(np.uint8)
            answer = search.search(p, fields, limits, search.starts(p, old, new)[state],
                                   old[state], new[state])
            a, b = (answer.bits[:, at:at + half] @ (1 << np.arange(half)) for at in (0, half))
        if not (a * b == own).all():
            raise AssertionError(f"every job must be factored within {LIMIT} cycles")
        found.append(answer.cycles)
    return np.concatenate(found)


def _settle(case, jobs):
    """`cycles` of a network: the first one looks at spins at random.

    A batch takes as long as its longest run; so runs are cut short, and those that were, are made
    again, of more cycles: by the same seed they are the same.
    """
    p, limit = case.params, ROUND
    states, waiting = np.zeros(len(jobs), np.int64), np.arange(len(jobs))
    clamps = {product: Job((), {"product": product}).bits(p) for product in jobs[:, 0].tolist()}
    while len(waiting):
        if limit > LIMIT:
            raise AssertionError(f"every job must be factored within {LIMIT} cycles")
        products, seeds = jobs[waiting].T.tolist()
        found = simulate(p, ((limit, case.noise, 0),), np.stack([clamps[n] for n in products]),
                         seeds=seeds)
        states[waiting[found.found]] = found.states[found.found]
        waiting, limit = waiting[~found.found], 4 * limit
    return states


def measure(rule, bits, kind, replicas=1, seeds=SEEDS, budget=None, stages=1):
    """A row: mean, its upper 95 % bound, pooled 99 % quantile, worst, over products and seeds."""
    params = case(rule, bits, replicas, stages)
    every, rng = products(kind, bits), np.random.default_rng((bits, replicas))
    pilot = np.stack([rng.choice(every, 64), np.arange(64) % 8], 1)
    share = int((budget or BUDGET[rule]) / seeds / replicas / cycles(params, pilot).mean())
    count = min(len(every), max(2, share))
    jobs = np.stack([np.concatenate([rng.choice(every, count, replace=False)
                                     for _ in range(seeds)]),
                     np.repeat(np.arange(1, seeds + 1), count)], 1)
    ran = cycles(params, jobs)
    means = ran.reshape(seeds, count).mean(1)
    return {"rule": rule, "bits": bits, "set": kind, "replicas": replicas, "stages": stages,
            "products": len(every),
            "per_seed": count, "seeds": seeds, "mean": round(float(means.mean()), 2),
            "bound": round(float(means.mean() + STUDENT * means.std(ddof=1) / seeds**0.5), 2),
            "q99": float(np.quantile(ran, 0.99)), "worst": int(ran.max())}


def main(arguments):
    (path,) = arguments
    sizes = [(bits, kind) for bits in range(4, 9) for kind in SETS]
    # The networks' larger sizes take more minutes than all others together.
    largest = {"steps": 8, "flips": 8, "circuit": 8, "collapsed": 8, "weighted": 7, "published": 5}
    searched = [(rule, bits, kind, 1, 1) for rule, most in largest.items() for bits, kind in sizes
                if bits <= most]
    searched += [("steps", bits, kind, replicas, stages)
                 for replicas, stages in ((4, 1), (1, 2), (1, 6))
                 for bits, kind in ((5, "general"), (5, "semiprimes"), (8, "semiprimes"))]
    searched += [(rule, 10, "semiprimes", 1, 1) for rule in ("steps", "flips")]
    rows, exact = [], []
    for bits, kind in [*sizes, (10, "semiprimes")]:
        sys.stderr.write(f"yardsticks, {bits} bits, {kind}\n")
        exact += [yardstick(name, kind, bits) for name in YARDSTICKS]
    for number, (rule, bits, kind, replicas, stages) in enumerate(searched, 1):
        sys.stderr.write(f"{number} of {len(searched)}: {rule}, {bits} bits, {kind}, {replicas} "
                         f"replicas, {stages} stages\n")
        rows.append(measure(rule, bits, kind, replicas, stages=stages))
    write_json(Path(path), {"command": f"python -m golden.invertible.factoring {path}",
                            "published": PUBLISHED, "yardsticks": exact, "rows": rows})


if __name__ == "__main__":
    main(sys.argv[1:])
