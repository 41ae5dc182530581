"""Cascades in hardware equal golden in every bit and cycle, and hand back-pressure through."""

import random
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.stochastic.cascade import Cascade, cascade, split
from golden.stochastic.network import Network
from hdl.stochastic.cascade import Cascade as Top
from hdl.stochastic.network import MOST_WEIGHTS
from hdl.stochastic.network import Network as NetworkTop
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus, wrong_frames
from tests.hdl.stochastic.networks import cascades, lengths, small

FOLDED = st.booleans()


def top(block):
    return Top(block.params, block.tensors)


def made(params, frames=5):
    rng = np.random.default_rng(1)
    block = Cascade.random(params, rng)
    return block, block.random_frames(frames, rng)


# -- many tiny ones

@settings(RANDOM, max_examples=15)
@given(st.data(), FOLDED)
def test_bits_order_tlast_and_cycles(data, folded):
    block, frames = data.draw(cascades(folded=folded))
    check(block, top(block), frames, limit=90000)


@settings(RANDOM, max_examples=12)
@given(st.data(), FOLDED, st.sampled_from([(0.3, 0.0), (0.0, 0.5), (0.4, 0.4), (0.0, 0.9)]),
       st.integers(0, 2**16))
def test_stalls(data, folded, levels, seed):
    block, frames = data.draw(cascades(folded=folded))
    check(block, top(block), frames, idle=levels[0], stall=levels[1], seed=seed, limit=90000)


@settings(RANDOM, max_examples=12)
@given(st.data(), FOLDED, st.sampled_from([0.0, 0.4]), st.integers(0, 2**16))
def test_frames_of_wrong_length(data, folded, stall, seed):
    block, frames = data.draw(cascades(frames=6, folded=folded))
    sent, answers = wrong_frames(block, frames, lengths(block, 6, random.Random(seed)),
                                 np.random.default_rng(seed))
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed, limit=90000)


@settings(RANDOM, max_examples=8)
@given(st.data(), FOLDED, st.integers(0, 2**16), st.sampled_from([0.0, 0.4]))
def test_resets_leave_no_trace(data, folded, seed, stall):
    block, frames = data.draw(cascades(frames=3, folded=folded))
    rng, length = random.Random(seed), block.cycles(frames)
    resets = np.cumsum([rng.randint(4, length + 4) for _ in range(3)]).tolist()
    check(block, top(block), frames, resets=resets, idle=stall, stall=stall, seed=seed,
          limit=90000)


CORNERS = {
    "the second section slower": cascade(lengths="8,64", columns=8),
    "the first section slower": cascade(lengths="64,8", columns=8),
    "streams shorter than the pipeline": cascade(lengths="2,2,1", columns=16),
    "transfers slower than streams": cascade(12, 12, 3, "4,4", columns=1),
    "a count a beat, all in one": cascade(3, 3, 3, "16,16", columns=3),
    "folded": cascade(lengths="8,8", neurons=2, synapses=5),
    "an early answer": cascade(lengths="16,64", stop="margin", margin=10, columns=8),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    """Plain, with stalls, and with wrong frames between."""
    block, frames = made(CORNERS[name], 8)
    check(block, top(block), frames, limit=20000)
    check(block, top(block), frames, idle=0.3, stall=0.5, seed=1, limit=20000)
    sent, answers = wrong_frames(block, frames, lengths(block, 8, random.Random(1)),
                                 np.random.default_rng(1))
    check(block, top(block), sent, answers=answers, limit=20000)


@pytest.mark.parametrize("columns", [1, 3, 8])
@pytest.mark.parametrize("fold", [{}, {"neurons": 2, "synapses": 3}])
def test_a_network_that_counts_ones(columns, fold):
    """By itself; its counts wait in place while nobody takes them."""
    params = small((6, 5), 8, {"columns": 2})
    params = params.replace(answer="ones", out_columns=columns, layers=(
        params.layers[0].replace(states=6, threshold=None, start=None, **fold),))
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(6, np.random.default_rng(2))
    device = NetworkTop(block.params, block.tensors)
    check(block, device, frames, limit=20000)
    check(block, device, frames, stall=0.9, seed=1, limit=20000)


def test_every_section_works_on_a_frame_of_its_own():
    """A frame as often as the slowest section takes one."""
    block, frames = made(cascade(lengths="64,256,32", columns=8), 8)
    cycles = [check(block, top(block), frames[:count], limit=20000).cycles for count in (4, 8)]
    assert cycles[1] - cycles[0] == 4 * 256


def test_the_check_sees_what_it_should():
    """A section with another seed or a stream of another length is another cascade."""
    block, frames = made(cascade(lengths="32,32"))
    check(block, top(block), frames)
    first, last = block.params.sections
    for section in (last.replace(x=last.x.replace(seed=7)), last.replace(length=31)):
        with pytest.raises(AssertionError):
            check(block, Top(block.params.replace(sections=(first, section)), block.tensors),
                  frames)


def test_stall_grid_and_resets():
    """In Verilator; -Wall finds nothing."""
    params = split(small((16, 10, 8, 5), 16, {"columns": 4}, weight_bits=4, states=12),
                   [32, 0, 64], stop="margin", margin=25, earliest=4)
    block, frames = made(params, 8)
    verdicts = sim.check(block, emit(top(block), asserts=True), frames=frames,
                         name="stochastic-cascade", workdir=WORKDIR)
    assert len(verdicts) == 11


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_a_second_simulator():
    block, _ = made(cascade(8, 6, 3, "8,16", columns=2))
    in_icarus(block, top(block))


def test_too_many_weights_in_parallel():
    params = cascade(600, 400, 2, "16,16")
    with pytest.raises(ValueError, match=rf"^Network in parallel must have at most {MOST_WEIGHTS}"):
        Top(params, {name: np.zeros(shape, int)
                     for name, shape in Cascade.shapes(params).items()})
