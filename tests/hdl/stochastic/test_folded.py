"""Folded networks equal golden in every bit and cycle, as parallel ones do."""

import random
import shutil

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import sim
from golden.stochastic.network import Network
from hdl.stochastic.network import Network as Top
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, WORKDIR, check, wrong_frames
from tests.hdl.stochastic.networks import lengths, networks, small


def top(block):
    return Top(block.params, block.tensors)


# -- many tiny networks

@settings(RANDOM, max_examples=12)
@given(networks(folded=True))
def test_bits_order_tlast_and_cycles(case):
    block, frames = case
    assume(block.params.fold > 1)
    check(block, top(block), frames, limit=60000)


@settings(RANDOM, max_examples=10)
@given(networks(folded=True), st.sampled_from([(0.3, 0.0), (0.0, 0.5), (0.4, 0.4), (0.0, 0.9)]),
       st.integers(0, 2**16))
def test_stalls(case, levels, seed):
    block, frames = case
    assume(block.params.fold > 1)
    check(block, top(block), frames, idle=levels[0], stall=levels[1], seed=seed, limit=90000)


@settings(RANDOM, max_examples=10)
@given(networks(frames=5, folded=True), st.sampled_from([0.0, 0.4]), st.integers(0, 2**16))
def test_frames_of_wrong_length(case, stall, seed):
    block, frames = case
    assume(block.params.fold > 1)
    sent, answers = wrong_frames(block, frames, lengths(block, 5, random.Random(seed)),
                                 np.random.default_rng(seed))
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed, limit=90000)


@settings(RANDOM, max_examples=8)
@given(networks(frames=3, folded=True), st.integers(0, 2**16), st.sampled_from([0.0, 0.4]))
def test_resets_leave_no_trace(case, seed, stall):
    block, frames = case
    assume(block.params.fold > 1)
    rng, length = random.Random(seed), block.cycles(frames)
    resets = np.cumsum([rng.randint(4, length + 4) for _ in range(3)]).tolist()
    check(block, top(block), frames, resets=resets, idle=stall, stall=stall, seed=seed,
          limit=90000)


def folded(sizes, lanes, length=8, network=None, **layer):
    """``lanes``: (neurons, synapses) of each layer."""
    params = small(sizes, length, network, **layer)
    return params.replace(layers=tuple(
        part.replace(neurons=neurons, synapses=synapses)
        for part, (neurons, synapses) in zip(params.layers, lanes, strict=True)))


CORNERS = {
    "one lane": folded((5, 4, 3), [(1, 1), (1, 1)]),
    "all neurons of a synapse": folded((5, 4, 3), [(4, 1), (3, 1)]),
    "all synapses of a neuron": folded((5, 4, 3), [(1, 6), (1, 5)], network={"columns": 5}),
    "nothing divides": folded((7, 5, 4), [(2, 3), (3, 2)], bias=False, network={"columns": 2}),
    "a layer that is done at once": folded((5, 4, 3), [(0, 0), (1, 1)], network={"columns": 2}),
    "a layer of one group": folded((5, 4, 3), [(0, 3), (0, 2)], network={"columns": 2}),
    "two clock cycles": folded((3, 2, 2), [(0, 2), (1, 0)], network={"columns": 3}),
    "no hidden layer": folded((9, 3), [(1, 4)]),
    "trace, the second layer slower": folded((6, 5, 4, 2), [(1, 2), (1, 1), (1, 1)],
                                             network={"answer": "trace", "columns": 2}),
    "margin": folded((6, 5, 3), [(1, 2), (2, 3)], 64,
                     {"stop": "margin", "margin": 8, "columns": 2}),
    "certain": folded((6, 5, 2), [(1, 2), (1, 1)], 32, {"stop": "certain", "columns": 2},
                      m=2),
    "scores": folded((6, 5, 5), [(1, 2), (2, 3)], 16, {"answer": "scores", "columns": 2}),
    "classic": folded((6, 5, 5), [(2, 4), (2, 4)], 16, coding="bipolar", product="xnor"),
    "bipolar weights, streams of 4": folded((6, 5, 5), [(2, 4), (2, 4)], 16, coding="bipolar",
                                            m=4, states=12),
    "more beats than clock cycles": folded((30, 2), [(1, 16)]),
    "frames of one stream cycle": folded((4, 3, 2), [(1, 2), (1, 2)], 1, {"columns": 4}),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    """What random parameters seldom meet; plain, with stalls, and with wrong frames between."""
    rng = np.random.default_rng(len(name))
    block = Network.random(CORNERS[name], rng)
    assert block.params.fold > 1
    frames = block.random_frames(5, rng)
    check(block, top(block), frames, limit=20000)
    check(block, top(block), frames, idle=0.3, stall=0.5, seed=1, limit=20000)
    sent, answers = wrong_frames(block, frames, lengths(block, 5, random.Random(1)), rng)
    check(block, top(block), sent, answers=answers, limit=20000)


def test_the_parallel_network_answers_the_same():
    params = folded((12, 9, 4), [(2, 3), (2, 5)], 32)
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(5, np.random.default_rng(2))
    parallel = Network(small((12, 9, 4), 32), block.tensors)
    assert parallel.params.fold == 1
    check(block, top(block), frames, answers=parallel.run(frames), limit=20000)


def test_utilisation():
    """Lanes that divide their layers, equally slow ones: all work all the time, in the limit."""
    params = folded((15, 16, 3), [(4, 4), (3, 1)], 64, {"columns": 4})
    assert [part.fold for part in params.layers] == [16, 17]
    params = folded((15, 16, 3), [(4, 4), (1, 4)], 64, {"columns": 4})
    assert [part.fold for part in params.layers] == [16, 15]
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(20, np.random.default_rng(2))
    busy = [block.utilisation(frames[:count]) for count in (1, 20)]
    useful = (16 * 16 + 3 * 17) / (16 * (16 + 4))
    assert busy[0] < busy[1] <= useful
    assert busy[1] > 0.98 * useful
    # Cycles are those of the hardware.
    check(block, top(block), frames[:3], limit=20000)


@pytest.mark.parametrize("answer", ["class", "trace"])
def test_stall_grid_and_resets(answer):
    """In Verilator; -Wall finds nothing."""
    params = folded((20, 9, 6, 4), [(2, 8), (1, 5), (2, 3)], 16, {"columns": 3, "answer": answer},
                    m=2, weight_bits=4, states=12)
    block = Network.random(params, np.random.default_rng(1))
    sim.check(block, emit(top(block), asserts=True), name=f"folded-{answer}",
              frames=block.random_frames(8, np.random.default_rng(2)), workdir=WORKDIR)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    """What no memory was ever given shows as X, and reaches no port."""
    params = folded((7, 5, 3), [(2, 3), (2, 4)], 8, {"columns": 2})
    block = Network.random(params, np.random.default_rng(1))
    sim.check(block, emit(top(block)), frames=block.random_frames(3, np.random.default_rng(2)),
              simulator="icarus", workdir=WORKDIR,
              scenarios=[sim.Scenario("plain"), sim.Scenario("stalls", 0.3, 0.3, 2),
                         sim.Scenario("resets", seed=3, resets=(9, 150))])
