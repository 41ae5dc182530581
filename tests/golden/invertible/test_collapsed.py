"""The collapsed network: its energy by brute force, one job among many, bad parameters."""

import itertools

import numpy as np
import pytest

from golden.invertible.collapsed import (
    NOISE,
    REST,
    SERVED,
    TUNED,
    Collapsed,
    CollapsedParams,
    cells,
    factor,
    factoring,
    generators,
    uses,
)
from golden.invertible.factoring import cycles, products
from golden.xorshift import seeds, states


def energy(params, bits, near=None):
    """Of all adders, or of those that the spin ``near`` is part of."""
    total = 0
    for column, inputs, made, over in cells(params):
        if near not in (None, made, over, *sum(inputs, ())):
            continue
        error = sum(bits[spin] * (1 if gate is None else bits[gate]) for spin, gate in inputs)
        error -= bits[made] + (0 if over is None else 2 * bits[over])
        total += params.weights[column] * error**2
    return total


def test_ground_states():
    """Those whose product is the clamped one, and no others; every other state is above them."""
    p = CollapsedParams(2, (3, 2, 1))
    for product in range(16):
        clamped = [product >> k & 1 for k in range(4)]
        found = {}
        for free in itertools.product((0, 1), repeat=p.free):
            found.setdefault(energy(p, [*free, *clamped]), set()).add(free[:4])
        pairs = {tuple(x >> k & 1 for x in (a, b) for k in range(2))
                 for a in range(4) for b in range(4) if a * b == product}
        assert found.pop(0, set()) == pairs and min(found) > 0


def test_input_is_the_fall_of_energy():
    """The rule's sum, for random states, against energies."""
    rng = np.random.default_rng(0)
    p = CollapsedParams(4, tuple(rng.integers(1, 9, 7).tolist()))
    adders = cells(p)
    for _ in range(20):
        bits = rng.integers(0, 2, p.free + 8).tolist()
        for spin in range(p.free):
            zero, one = ([*bits[:spin], value, *bits[spin + 1:]] for value in (0, 1))
            pull = 0
            for own, cell, part, gate in uses(p):
                if own == spin and (gate is None or bits[gate]):
                    column, inputs, made, over = adders[cell]
                    error = sum(zero[s] * (1 if g is None else zero[g]) for s, g in inputs)
                    error -= zero[made] + (0 if over is None else 2 * zero[over])
                    pull += p.weights[column] * part * (2 * error + part)
            assert -pull == energy(p, zero) - energy(p, one)


def plainly(p, product, limit):
    """A job, as the text says: found, cycles, a and above it b."""
    old, new = states(64, seeds(64, p.seed, p.generators), p.stages + limit + 1)
    clamped = [product >> k & 1 for k in range(2 * p.bits)]

    def drawn(at):
        words = np.stack([old[at], new[at]], -1).ravel().tolist()
        return [words[spin // SERVED] >> spin % SERVED * (NOISE + REST) & (1 << NOISE + REST) - 1
                for spin in range(p.free)]

    def values(spins):
        return sum(spin << k for k, spin in enumerate(spins[:2 * p.bits]))

    searches = [[word >> NOISE - 1 & 1 for word in drawn(at)] for at in range(p.stages)]
    for cycle in range(1, limit + 1):
        if cycle < p.stages:
            continue
        spins = searches[cycle % p.stages]
        at = values(spins)
        if (at & (1 << p.bits) - 1) * (at >> p.bits) == product:
            return True, cycle, at
        after = []
        for spin, word in enumerate(drawn(cycle - (p.stages == 1))):
            noise = p.amplitude * (2 * (word & (1 << NOISE) - 1) - (1 << NOISE) + 1) >> NOISE
            rises = np.subtract(*(energy(p, [*spins[:spin], value, *spins[spin + 1:], *clamped],
                                         near=spin) for value in (1, 0)))
            awake = word >> NOISE < (p.inputs if spin < 2 * p.bits else p.hidden)
            after.append(int(noise >= rises) if awake else spins[spin])
        searches[cycle % p.stages] = after
    # The one whose update would be finished in the next cycle, or which would begin.
    return False, limit, values(searches[limit % p.stages])


@pytest.mark.parametrize("stages", [1, 2, 4])
def test_rule(stages):
    rng = np.random.default_rng(stages)
    for seed in range(8):
        p = CollapsedParams(3, tuple(rng.integers(1, 20, 5).tolist()), int(rng.integers(256)),
                            int(rng.integers(1, 9)), int(rng.integers(1, 9)), seed, stages)
        product, limit = int(rng.integers(64)), int(rng.integers(1, 60))
        (answer,) = Collapsed(p, {}).run([p.ask(limit, product)])
        found, cycles, values = plainly(p, product, limit)
        assert p.read(answer) == {"found": found, "cycles": cycles, "a": values & 7,
                                  "b": values >> 3}


def test_searches_that_take_turns_need_about_as_many_updates():
    rng = np.random.default_rng(0)
    jobs = np.stack([rng.choice(products("general", 4), 1000), np.arange(1000)], 1)
    one, three = (cycles(factoring(4, stages=stages), jobs).mean() for stages in (1, 3))
    assert three - 2 < 1.2 * one


def test_spins():
    for bits in (2, 5, 8):
        p = CollapsedParams(bits, (1,) * (2 * bits - 1))
        assert len(cells(p)) == bits * (bits - 1) + 1 and p.spins == 2 * bits**2
        seen = {s for _, inputs, *made in cells(p) for s in [*sum(inputs, ()), *made]
                if s is not None}
        assert seen == set(range(p.free + 2 * bits))


@pytest.mark.parametrize("stages", [1, 3])
def test_many_are_one_by_one(stages):
    p = CollapsedParams(4, TUNED[4][0], stages=stages)
    products, limits = np.array([0, 15, 143, 225, 251]), np.array([900, 900, 900, 3, 40])
    found = factor(p, products, limits, *generators(p, range(5)))
    assert found.found.tolist()[:3] == [True] * 3 and not found.found[4]
    for job in range(5):
        own = p.replace(seed=job)
        (answer,) = Collapsed(own, {}).run([own.ask(int(limits[job]), int(products[job]))])
        read = p.read(answer)
        assert read == {"found": found.found[job], "cycles": found.cycles[job],
                        "a": found.values[job] & 15, "b": found.values[job] >> 4}
        assert not read["found"] or read["a"] * read["b"] == products[job]


def test_finds():
    p = factoring(5)
    block = Collapsed(p, {})
    frames = [p.ask(20000, product) for product in (1, 35, 361, 961)]
    for answer, product in zip(block.run(frames), (1, 35, 361, 961), strict=True):
        read = p.read(answer)
        assert read["found"] and read["a"] * read["b"] == product


@pytest.mark.parametrize("given, error", [
    ({"bits": 1}, r"^Collapsed bits must be between 2 and 16, not 1$"),
    ({"weights": (1, 2)}, r"^Collapsed weights must be 9, one for each column, not 2$"),
    ({"bits": 2, "weights": (1, 0, 1)}, r"^Collapsed weight must be between 1 and 255, not 0$"),
    ({"amplitude": 256}, r"^Collapsed amplitude must be between 0 and 255, not 256$"),
    ({"hidden": 0}, r"^Collapsed hidden must be between 1 and 8, not 0$"),
    ({"inputs": 9}, r"^Collapsed inputs must be between 1 and 8, not 9$"),
    ({"stages": 5}, r"^Collapsed stages must be between 1 and 4, not 5$"),
    ({"seed": -1}, r"^Collapsed seed must be between 0 and 18446744073709551615, not -1$")])
def test_wrong(given, error):
    with pytest.raises(ValueError, match=error):
        CollapsedParams(**given)


def test_wrong_bits():
    with pytest.raises(ValueError, match=r"^Collapsed bits must be between 4 and 8 for tuned "
                                         r"weights, not 9 \(CollapsedParams takes weights of your "
                                         r"own\)$"):
        factoring(9)


def test_parameters_come_back():
    assert CollapsedParams.from_dict(factoring(8).to_dict()) == factoring(8)
