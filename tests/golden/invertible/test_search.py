"""The search by parallel trials: its rule by hand, one job among many, bad parameters."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from golden.invertible.factoring import cycles, products
from golden.invertible.job import unpack
from golden.invertible.search import (
    FORMS,
    Search,
    SearchParams,
    generators,
    search,
    select,
    span,
    starts,
)
from golden.xorshift import seeds, states
from tests.golden.invertible.circuits import AND, multiplier, random_circuit


def params_of(form, **changes):
    if form == "circuit":
        gates, ports = multiplier(4)
        return SearchParams(form, gates=gates, ports=ports, **changes)
    return SearchParams(form, 4, **changes)


def asked(width, values):
    return (np.asarray(values)[:, None] >> np.arange(width) & 1).astype(np.uint8)


def plainly(p, product, limit):
    """The product's forms, a job of one replica, as their text says."""
    (seed,), n = seeds(64, p.seed, 1), p.bits
    old, new = states(64, [seed], p.stages + limit)
    old, new = old.ravel().tolist(), new.ravel().tolist()
    searches = [[word & (1 << n) - 1, word >> n & (1 << n) - 1, []] for word in old[:p.stages]]
    for cycle in range(1, limit + 1):
        if cycle >= p.stages:
            search = searches[cycle % p.stages]
            if move(p, product, search, new[cycle - 1]):
                return True, cycle, *search[:2]
    # The one whose set would be finished in the next cycle, or which would begin.
    return False, limit, *searches[limit % p.stages][:2]


def move(p, product, search, random):
    """A set of trials: ``search`` (a, b, past places) goes on; whether it is solved."""
    (a, b, past), n = search, p.bits
    if a * b == product:
        return True
    moves = []
    for place in range(2 * n):
        word = random >> place * p.noise & (1 << p.noise) - 1
        zeros = (word & -word).bit_length() - 1 if word else p.noise
        for sign in (1, -1):
            bit = 1 << place % n
            x, y = (a + sign * bit, b) if place < n else (a, b + sign * bit)
            if not (0 <= x < 1 << n and 0 <= y < 1 << n):
                continue
            if p.form == "flips" and (x ^ a | y ^ b).bit_count() != 1:
                continue
            if p.form == "flips" and (a if place < n else b) & bit and sign > 0:
                continue
            rest = product - x * y
            if rest == 0:
                search[:2] = x, y
                return True
            if place in past[-p.memory:] and p.memory:
                continue
            text = (bin(rest) if rest > 0 else bin(~rest))[2:] if rest != -1 else ""
            moves.append((len(text) - (rest & -rest).bit_length() + 1 - 2 * zeros, place,
                          -sign, x, y))
    if moves:
        _, place, _, search[0], search[1] = min(moves)
        past.append(place)
    else:
        past.append(-1)
    return False


@pytest.mark.parametrize("form", ["steps", "flips"])
@pytest.mark.parametrize("memory, noise", [(0, 1), (1, 3), (4, 3), (16, 2)])
@pytest.mark.parametrize("stages", [1, 3, 6])
def test_rule(form, memory, noise, stages):
    rng = np.random.default_rng(memory)
    for seed in range(12):
        p = SearchParams(form, 4, memory=memory, noise=noise, seed=seed, stages=stages)
        product = int(rng.integers(256))
        (answer,) = Search(p, {}).run([p.ask(40, product=product)])
        found, cycles, a, b = plainly(p, product, 40)
        assert p.read(answer) == {"found": found, "replica": 0, "cycles": cycles, "a": a, "b": b}


@pytest.mark.parametrize("form", FORMS)
def test_many_are_one_by_one(form):
    """What studies run is what hardware is compared with, replicas and run-on generators too."""
    p = params_of(form, replicas=2)
    products, limits = [0, 1, 15, 143, 169, 225, 251], [300, 300, 300, 50, 1, 300, 3]
    fields = np.stack([asked(p.width, products)] * (1 + p.circuit))
    if p.circuit:
        fields[0], fields[1] = np.roll(fields[0], 8, -1), np.arange(16) >= 8
    old, new = generators(p, range(len(products)))
    found = search(p, fields, np.array(limits), starts(p, old, new), old, new)
    assert found.found.tolist()[:3] == [True] * 3
    for job, (product, limit) in enumerate(zip(products, limits, strict=True)):
        own = p.replace(seed=job)
        (answer,) = Search(own, {}).run([own.ask(limit, product=product)])
        status, cycles, bits = unpack(p.answer, answer)
        assert (status, cycles) == (found.found[job] + 2 * found.replica[job], found.cycles[job])
        assert asked(p.width, [bits])[0].tolist() == found.bits[job].tolist()


@pytest.mark.parametrize("form", FORMS)
def test_finds(form):
    p = params_of(form, replicas=2, seed=5)
    block = Search(p, {})
    answers = [p.read(answer) for answer in block.run(
        [p.ask(5000, product=product) for product in (1, 6, 49, 143, 225)])]
    for answer, product in zip(answers, (1, 6, 49, 143, 225), strict=True):
        assert answer["found"] and answer["a"] * answer["b"] == product
    # 251 is a prime beyond 15: the limit ends it, and it says so.
    (answer,) = block.run([p.ask(77, product=251)])
    assert (p.read(answer)["found"], p.read(answer)["cycles"]) == (False, 77)


def test_searches_that_take_turns_need_about_as_many_sets():
    rng = np.random.default_rng(0)
    jobs = np.stack([rng.choice(products("semiprimes", 8), 1000), np.arange(1000)], 1)
    one, six = (cycles(SearchParams("steps", 8, stages=stages), jobs).mean() for stages in (1, 6))
    assert six - 5 < 1.1 * one


def test_any_direction():
    """A circuit's clamps: forwards, a division, some bits only, none."""
    p = params_of("circuit")
    frames = [p.ask(500, a=7, b=9), p.ask(500, b=13, product=143), p.ask(500, product=(1, 1)),
              p.ask(500)]
    forward, division, odd, free = [p.read(answer) for answer in Search(p, {}).run(frames)]
    assert forward == {"found": True, "replica": 0, "cycles": 1, "a": 7, "b": 9, "product": 63}
    assert (division["found"], division["a"]) == (True, 11)
    assert odd["found"] and odd["product"] & 1 and odd["product"] == odd["a"] * odd["b"]
    assert (free["found"], free["cycles"], free["product"]) == (True, 1, free["a"] * free["b"])


def test_random_circuits():
    rng = np.random.default_rng(3)
    for _ in range(20):
        gates, ports = random_circuit(rng, int(rng.integers(1, 70)), int(rng.integers(1, 12)))
        p = SearchParams("circuit", gates=gates, ports=ports, seed=1)
        block = Search(p, {})
        for frame in block.random_frames(3, rng):
            (answer,) = block.run([frame])
            read = p.read(answer)
            values = {spin: read[name] >> k & 1 for name, spins in ports
                      for k, spin in enumerate(spins)}
            bits = dict(values)
            for inputs, outputs, table in gates:
                code = table[sum(bits[spin] << k for k, spin in enumerate(inputs))]
                bits |= {spin: code >> k & 1 for k, spin in enumerate(outputs)}
            assert all(bits[spin] == value for spin, value in values.items())
            _, value, mask = unpack(p.job, frame)
            got = unpack(p.answer, answer)[-1]
            assert read["found"] == (not (got ^ value) & mask)


def test_span():
    for rest in (*range(-70, 0), *range(1, 70), 1 << 47, -(1 << 47), (1 << 47) - 1):
        length = rest.bit_length() if rest > 0 else (~rest).bit_length()
        zeros = int(math.log2(rest & -rest))
        assert span(np.array([rest])).tolist() == [length - zeros]


def test_select():
    for table in ((0, 1), (1, 1), AND, (0, 1, 1, 0, 1, 0, 0, 1)):
        for code, bit in enumerate(table):
            inputs = [code >> k & 1 for k in range(len(table).bit_length() - 1)]
            assert select(table, inputs, lambda s, one, zero: one if s else zero) == bit


def test_cycles():
    """Two words of limit, one of product; a cycle; the trials; status, two words, one."""
    p = SearchParams("steps", 5)
    block = Search(p, {})
    frames = [p.ask(9, product=961), p.ask(0, product=1021)]
    ran = [p.read(answer)["cycles"] for answer in block.run(frames)]
    assert ran[1] == 1 and block.cycles(frames) == sum(ran) + 2 * (3 + 1 + 4)


GATES, PORTS = multiplier(2)


@pytest.mark.parametrize("given, error", [
    ({"form": "net"}, r"^Search form must be one of steps, flips, circuit, not 'net'$"),
    ({"bits": 1}, r"^Search bits must be between 2 and 24, not 1$"),
    ({"replicas": 0}, r"^Search replicas must be between 1 and 64, not 0$"),
    ({"memory": 17}, r"^Search memory must be between 0 and 16, not 17$"),
    ({"noise": 0}, r"^Search noise must be between 1 and 8, not 0$"),
    ({"stages": 0}, r"^Search stages must be between 1 and 16, not 0$"),
    ({"seed": -1}, r"^Search seed must be between 0 and 18446744073709551615, not -1$"),
    ({"ports": PORTS}, r"^Search ports must be empty in form 'steps' "
                       r"\(form 'circuit' takes them\)$"),
    ({"form": "circuit"}, r"^Circuit ports must be at least 1, not 0$"),
    ({"form": "circuit", "ports": (("x", ()),)}, r"^Port x width must be at least 1, not 0$"),
    ({"form": "circuit", "ports": (("x", (0,)), ("x", (1,)))},
     r"^Port name must be free, not 'x' again$"),
    ({"form": "circuit", "ports": (("x", (0,)), ("y", (0,)))},
     r"^Spin must be in one port, not in y again: 0$"),
    ({"form": "circuit", "ports": (("x", (0,)),), "gates": (((0, 1), (2,), AND),)},
     r"^Input spin 1 must be in a port$"),
    ({"form": "circuit", "ports": (("x", (0, 1)),), "gates": (((0, 1), (2,), (0, 1)),)},
     r"^Gate 0 table must be between 4 and 4, not 2$"),
    ({"form": "circuit", "ports": (("x", (0, 1)),), "gates": (((0, 1), (2,), (0, 0, 0, 2)),)},
     r"^Gate 0 output code must be between 0 and 1, not 2$"),
    ({"form": "circuit", "ports": (("x", (0,)),),
      "gates": (((0, 3), (2,), AND), ((0, 2), (3,), AND))},
     r"^Gate 0 must come after the gate that drives spin 3 "
     r"\(no loops; gates in topological order\)$"),
    ({"form": "circuit", "ports": (("x", (0,)),), "gates": (((0,), (2,), (0, 1)),) * 2},
     r"^Spin 2 must be driven by one gate, not by gate 1 again$"),
    ({"form": "circuit", "ports": (("y", (2,)),), "gates": (((2,), (2,), (0, 1)),)},
     r"^Gate 0 must come after the gate that drives spin 2")])
def test_wrong(given, error):
    with pytest.raises(ValueError, match=error):
        SearchParams(**given)


def test_wrong_jobs():
    with pytest.raises(ValueError, match=r"^Job field must be between 0 and 1023, not 1024$"):
        SearchParams("steps", 5).ask(1, product=1024)
    p = params_of("circuit")
    with pytest.raises(ValueError, match=r"^Port must be one of a, b, product, not 'c'$"):
        p.ask(1, c=1)
    with pytest.raises(ValueError, match=r"^Port a must be between 0 and 15, not 16$"):
        p.ask(1, a=16)


def test_example_of_the_page():
    text = (Path(__file__).resolve().parents[3] / "docs" / "invertible-search.md").read_text()
    (source,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    exec(compile(source, "invertible-search.md", "exec"), {})


def test_parameters_come_back():
    p = params_of("circuit", replicas=3)
    assert SearchParams.from_dict(p.to_dict()) == p
