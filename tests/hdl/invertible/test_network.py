"""Invertible networks in hardware equal golden: many tiny ones in Amaranth's simulator, a few in
Verilator and Icarus with the bench of every design."""

import random
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.invertible.network import Job, Network
from hdl.invertible.network import Network as Top
from hdl.verilog import emit
from tests.hdl.bench import (
    RANDOM,
    WORKDIR,
    check,
    in_icarus,
    made_once,
    nothing_of_machine,
)
from tests.hdl.invertible.gates import AND, FULL_ADDER, XOR, networks


def top(block):
    return Top(block.params, block.tensors)


def with_wrong_frames(block, frames, rng):
    """(frames to send, what must come): the right jobs' answers are as if there were no others."""
    answers, sent, due = iter(block.run(frames)), [], []
    for frame in frames:
        if rng.random() < 0.6:
            length = rng.choice([n for n in (1, len(frame) - 1, len(frame) + 1, 2 * len(frame))
                                 if n != len(frame)])
            sent.append(np.concatenate([frame, frame[::-1]])[:length])
            due.append((np.zeros((0, block.output.elements), int), "wrong"))
        sent.append(frame)
        due.append(next(answers))
    return sent, due


@settings(RANDOM, max_examples=25)
@given(networks())
def test_bits_order_tlast_and_cycles(case):
    block, frames = case
    check(block, top(block), frames, limit=60000)


@settings(RANDOM, max_examples=15)
@given(networks(), st.sampled_from([(0.3, 0.0), (0.0, 0.5), (0.4, 0.4), (0.9, 0.0), (0.0, 0.9)]),
       st.integers(0, 2**16))
def test_stalls(case, levels, seed):
    block, frames = case
    check(block, top(block), frames, idle=levels[0], stall=levels[1], seed=seed, limit=60000)


@settings(RANDOM, max_examples=15)
@given(networks(jobs=6), st.sampled_from([0.0, 0.4]), st.integers(0, 2**16))
def test_frames_of_wrong_length(case, stall, seed):
    block, frames = case
    sent, answers = with_wrong_frames(block, frames, np.random.default_rng(seed))
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed, limit=60000)


@settings(RANDOM, max_examples=10)
@given(networks(jobs=3), st.integers(0, 2**16), st.sampled_from([0.0, 0.4]))
def test_resets_leave_no_trace(case, seed, stall):
    block, frames = case
    rng, length = random.Random(seed), block.cycles(frames)
    resets = np.cumsum([rng.randint(4, length + 4) for _ in range(3)]).tolist()
    check(block, top(block), frames, resets=resets, idle=stall, stall=stall, seed=seed,
          limit=60000)


CORNERS = {
    "AND": AND.replace(stop="hit"),
    "full adder, two replicas": FULL_ADDER.replace(replicas=2, answer="trace", draws=2),
    "rests and a ring": XOR.replace(rest=(0, 0, 2, 1), replicas=3, ring=1),
    "no accumulator": AND.replace(range=0, answer="trace"),
    "a fixed accumulator": AND.replace(range=6, answer="trace"),
    "one spin, no gate": AND.replace(h=(2,), couplings=(), ports=(("x", (0,)),), gates=()),
    "a histogram": FULL_ADDER.replace(answer="histogram", histogram=("carry", "a"), replicas=2),
    "a histogram without gates": AND.replace(answer="histogram", histogram=("y",), gates=(),
                                             segments=2, count_bits=17),
    "shift registers": FULL_ADDER.replace(random="lfsr", update="chromatic"),
    "two take turns": XOR.replace(stages=2, rest=(0, 0, 2, 1), replicas=2, ring=1, answer="trace"),
    "three take turns": AND.replace(stages=3, update="sequential", draws=3, stop="hit"),
    "a histogram of turns": FULL_ADDER.replace(answer="histogram", histogram=("carry",), stages=3),
    "four take turns": FULL_ADDER.replace(stages=4, update="chromatic", draws=2, answer="trace"),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    """What random parameters seldom meet; jobs of the start alone, and of one segment."""
    block = Network(CORNERS[name], {})
    jobs = [Job(()), Job(((1, 3, 2),)), Job(((60, 9, 5), (40, 2, 5))), Job(((1, 0, 0), (70, 1, 3)))]
    frames = [Job(job.schedule[:block.params.segments]).frame(block.params) for job in jobs]
    frames += block.random_frames(3, np.random.default_rng(0))
    check(block, top(block), frames, limit=20000)
    check(block, top(block), frames, idle=0.3, stall=0.5, seed=1, limit=20000)


def test_a_job_ends_at_the_first_hit():
    """An AND gate with its output clamped to 1 has one answer; one of 0, three."""
    block = Network(AND.replace(stop="hit"), {})
    frames = [Job(((5000, 2, 4),), {"y": y}).frame(block.params) for y in (1, 0) * 20]
    answers = block.run(frames)
    assert all(answer[0, 0] & 1 for answer in answers)
    assert {int(answer[5, 0]) for answer in answers[::2]} == {0b111}
    assert {int(answer[5, 0]) for answer in answers[1::2]} == {0b000, 0b001, 0b010}
    check(block, top(block), frames, limit=90000)


def test_the_check_sees_what_it_should():
    """Another coupling, seed, coding or start of the accumulators is another network."""
    plain = FULL_ADDER.replace(answer="trace")
    block = Network(plain, {})
    frames = [Job(((60, noise, 9),)).frame(plain) for noise in (1, 2, 3)]
    check(block, top(block), frames)
    (i, j, value), *others = plain.couplings
    for changed in (plain.replace(couplings=((i, j, value - 1), *others)), plain.replace(seed=2),
                    plain.replace(coding="unipolar"), plain.replace(range=3),
                    plain.replace(update="sequential"), plain.replace(rest=(1, 0, 0, 0, 0)),
                    plain.replace(stages=2)):
        with pytest.raises(AssertionError, match=r"beats differ"):
            check(block, Top(changed), frames)
    counted = Network(FULL_ADDER.replace(answer="histogram", histogram=("a", "sum")), {})
    frames = [Job(((60, 9, 9), (90, 2, 9))).frame(counted.params)]
    check(counted, top(counted), frames)
    for changed in ({"histogram": ("sum", "a")}, {"gates": FULL_ADDER.gates[:-1] + (
            (*FULL_ADDER.gates[-1][:2], (0, 1, 1, 2, 1, 2, 2, 2)),)}):
        with pytest.raises(AssertionError, match=r"beats differ"):
            check(counted, Top(counted.params.replace(**changed)), frames)
    hits = Network(FULL_ADDER.replace(stop="hit"), {})
    frames = [Job(((300, 2, 4),), {"sum": n}).frame(hits.params) for n in range(4)]
    check(hits, Top(hits.params), frames)
    with pytest.raises(AssertionError):
        check(hits, Top(hits.params.replace(levels=1, gates=(*FULL_ADDER.gates[:-1], (
            (0, 1, 2), (3, 4), (0, 1, 1, 2, 1, 2, 2, 2))))), frames)


MIDDLE = {
    "hits": FULL_ADDER.replace(stop="hit", replicas=2, draws=2),
    "histogram": XOR.replace(answer="histogram", histogram=("a", "b", "y")),
    "turns": XOR.replace(answer="histogram", histogram=("y",), stages=3, draws=3),
    "trace": XOR.replace(answer="trace", update="chromatic"),
}


@pytest.fixture(scope="module")
def middle():
    return made_once(MIDDLE, Network, top)


@pytest.mark.parametrize("name", MIDDLE)
def test_stall_grid_and_resets(name, middle):
    """In Verilator; -Wall finds nothing."""
    block, frames, verilog = middle(name)
    verdicts = sim.check(block, verilog, frames=frames, name=f"invertible-{name}", workdir=WORKDIR)
    assert len(verdicts) == 11
    assert emit(top(block), asserts=True).text == verilog.text
    nothing_of_machine(verilog.text)


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
@pytest.mark.parametrize("name", ["hits", "turns"])
def test_a_second_simulator(name):
    block = Network(MIDDLE[name], {})
    in_icarus(block, top(block))
