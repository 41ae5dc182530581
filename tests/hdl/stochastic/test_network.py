"""Stochastic networks in hardware equal golden: many tiny ones in Amaranth's simulator, a few in
Verilator and Icarus with the bench of every design, and what their Verilog looks like."""

import random
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from fpga.tools import find_yosys
from golden.formats import Format
from golden.stochastic.network import Network
from hdl.stochastic.network import Network as Top
from hdl.verilog import emit
from sim.tools import ToolError
from tests.hdl.bench import (
    RANDOM,
    WORKDIR,
    check,
    in_icarus,
    made_once,
    nothing_of_machine,
    wrong_frames,
)
from tests.hdl.stochastic.networks import lengths, networks, small

icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")


def top(block):
    return Top(block.params, block.tensors)


# -- many tiny networks

@settings(RANDOM, max_examples=15)
@given(networks())
def test_bits_order_tlast_and_cycles(case):
    block, frames = case
    check(block, top(block), frames)


@settings(RANDOM, max_examples=15)
@given(networks(), st.sampled_from([(0.3, 0.0), (0.0, 0.5), (0.4, 0.4), (0.9, 0.0), (0.0, 0.9)]),
       st.integers(0, 2**16))
def test_stalls(case, levels, seed):
    """Bits, and never more cycles than golden's and those in which the bench held it up."""
    block, frames = case
    check(block, top(block), frames, idle=levels[0], stall=levels[1], seed=seed, limit=60000)


@settings(RANDOM, max_examples=15)
@given(networks(frames=6), st.sampled_from([0.0, 0.0, 0.4]), st.integers(0, 2**16))
def test_frames_of_wrong_length(case, stall, seed):
    """One beat with tuser for each, and the next frame is right."""
    block, frames = case
    sent, answers = wrong_frames(block, frames, lengths(block, 6, random.Random(seed)),
                                 np.random.default_rng(seed))
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed, limit=60000)


@settings(RANDOM, max_examples=15)
@given(networks(frames=3), st.integers(0, 2**16), st.sampled_from([0.0, 0.4]))
def test_resets_leave_no_trace(case, seed, stall):
    block, frames = case
    rng, length = random.Random(seed), block.cycles(frames)
    resets = np.cumsum([rng.randint(4, length + 4) for _ in range(3)]).tolist()
    check(block, top(block), frames, resets=resets, idle=stall, stall=stall, seed=seed,
          limit=80000)


CORNERS = {
    "one of everything": small((1, 1), length=1),
    "a frame a cycle": small((2, 2), length=1, network={"columns": 2}),
    "frames shorter than the pipeline": small((3, 4, 4, 2), length=2, levels=1,
                                              network={"columns": 3}),
    "certain from the first cycle": small((3, 1), network={"stop": "certain"}),
    "certain, frames shorter than the pipeline": small(
        (3, 4, 1), length=3, levels=1, network={"columns": 3, "stop": "certain"}),
    "margin of 0": small((3, 4, 5), network={"columns": 3, "stop": "margin"}),
    "margin, scores": small((3, 4, 7), 64, {"columns": 2, "stop": "margin", "margin": 20,
                                            "answer": "scores"}),
    "trace, short frames": small((3, 4, 2, 2), length=2, levels=1,
                                 network={"columns": 3, "answer": "trace"}),
    "classic": small((9, 6, 3), 64, coding="bipolar", product="xnor", states=8),
    "streams of 4": small((9, 6, 3), 64, m=4, states=12),
    "inputs of 1 and more": small((5, 4, 2), network={"input": Format(5, 3, signed=False)}),
    "never a one": small(states=5, threshold=5, start=4),
    "always a one": small(states=5, threshold=0, start=0),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    """What random parameters seldom meet; plain, with stalls, and with wrong frames between."""
    rng = np.random.default_rng(len(name))
    block = Network.random(CORNERS[name], rng)
    frames = block.random_frames(8, rng)
    check(block, top(block), frames)
    check(block, top(block), frames, idle=0.3, stall=0.5, seed=1)
    sent, answers = wrong_frames(block, frames, lengths(block, 8, random.Random(1)), rng)
    check(block, top(block), sent, answers=answers)


@pytest.mark.parametrize("value", [-8, 0, 8])
@pytest.mark.parametrize("coding, product", [("sign", "and"), ("bipolar", "and"),
                                             ("bipolar", "xnor")])
def test_worst_values(value, coding, product):
    """All weights at an end of their range, or zero, and inputs always 1 or never."""
    params = small((6, 5, 3), coding=coding, product=product, m=2,
                   network={"input": Format(9, 8, signed=False), "answer": "scores"})
    block = Network(params, {name: np.full(shape, value)
                             for name, shape in Network.shapes(params).items()})
    check(block, top(block), [np.full((6, 1), 256), np.full((6, 1), 0)])


def test_frames_follow_each_other_without_a_gap():
    params = small(length=32, network={"columns": 2})
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(8, np.random.default_rng(2))
    cycles = [check(block, top(block), frames[:count]).cycles for count in (4, 8)]
    assert cycles[1] - cycles[0] == 4 * 32


def test_an_early_decision_ends_its_frame():
    """The class is golden's, in the cycle that golden says, and the next frame begins at once."""
    params = small(length=64, network={"columns": 6})
    block = Network.random(params, np.random.default_rng(1))
    frames = block.random_frames(8, np.random.default_rng(2))
    early = Network(params.replace(stop="margin", margin=12, earliest=8), block.tensors)
    taken = early.simulate(frames).cycles
    assert taken.min() < 32 < 64 == taken.max()
    assert check(early, top(early), frames).cycles < check(block, top(block), frames).cycles


def test_the_check_sees_what_it_should():
    """Another weight, another seed, another start, a wrong cycle count: each fails."""
    block = Network.random(small(network={"answer": "trace"}, states=12), np.random.default_rng(1))
    frames = block.random_frames(4, np.random.default_rng(2))
    check(block, top(block), frames)
    weight = block.tensors["layers.0.weight"].copy()
    weight[0] = 0
    with pytest.raises(AssertionError, match=r"beats differ"):
        check(block, Top(block.params, {**block.tensors, "layers.0.weight": weight}), frames)
    first, *others = block.params.layers
    for changed in (first.replace(start=0), first.replace(w=first.w.replace(seed=9)),
                    first.replace(threshold=9)):
        with pytest.raises(AssertionError, match=r"beats differ"):
            check(block, Top(block.params.replace(layers=(changed, *others)), block.tensors),
                  frames)
    with pytest.raises(AssertionError):
        check(block, top(block), frames, answers=block.run(frames),
              cycles=block.cycles(frames) - 1)
    slower = first.replace(levels=1)
    with pytest.raises(AssertionError):
        check(block, Top(block.params.replace(layers=(slower, *others)), block.tensors), frames)


# -- a few of middle size, in Verilator

MIDDLE = {
    "class": small((16, 10, 5), 64, {"columns": 3, "stop": "margin", "margin": 25, "earliest": 4},
                   weight_bits=4, states=12),
    "scores": small((8, 6, 6, 3), 32, {"answer": "scores"}, coding="bipolar", product="xnor"),
    "trace": small((12, 9, 7, 4), 16, {"columns": 4, "answer": "trace"}, m=4, weight_bits=5),
}


@pytest.fixture(scope="module")
def middle():
    return made_once(MIDDLE, Network, top)


@pytest.mark.parametrize("name", MIDDLE)
def test_stall_grid_and_resets(name, middle):
    """Every pair of idles and stalls, then resets in mid-frame; -Wall finds nothing."""
    block, frames, verilog = middle(name)
    verdicts = sim.check(block, verilog, frames=frames, name=f"stochastic-{name}", workdir=WORKDIR)
    assert len(verdicts) == 11
    assert len(np.unique(np.concatenate(block.run(frames)))) > 1


@icarus
@pytest.mark.parametrize("name", ["class", "trace"])
def test_a_second_simulator(name):
    block = Network.random(MIDDLE[name].replace(length=16), np.random.default_rng(1))
    in_icarus(block, top(block))


# -- the Verilog

@pytest.mark.parametrize("name", MIDDLE)
def test_the_same_bytes_and_nothing_of_this_machine(name, middle):
    block, _, verilog = middle(name)
    assert emit(top(block), asserts=True).text == verilog.text
    nothing_of_machine(verilog.text)


def test_zero_weights_and_shared_products_vanish():
    """Neurons of the same weights share every product; those of zeros have none."""
    params = small((8, 5), length=16)
    weight = np.tile(np.array([0, 0, 0, 3, 3, -2, 1, 0]), (5, 1))
    text = emit(Top(params, {"layers.0.weight": weight,
                             "layers.0.bias": np.zeros(5, dtype=np.int64)})).text
    assert len(set(re.findall(r"wire (product\w*)", text))) == 4


def yosys():
    try:
        return find_yosys()
    except ToolError:
        return None


@pytest.mark.skipif(yosys() is None, reason="a Yosys that reads Verilog is missing")
@pytest.mark.parametrize("layers", [{}, {"neurons": 2, "synapses": 3}])
def test_no_latch_no_loop(layers, tmp_path):
    """Yosys finds no combinational loop, no undriven or doubly driven wire, and no latch."""
    block = Network.random(small(network={"stop": "certain"}, **layers), np.random.default_rng(1))
    emit(top(block)).write(tmp_path / "device.v")
    checks = ("hierarchy -top top\nproc\ncheck -assert\n"
              "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr\n")

    def passes(name):
        (tmp_path / "check.ys").write_text(f"read_verilog {name}\n{checks}")
        return subprocess.run([*yosys().command, "-q", "-s", "check.ys"], cwd=tmp_path, check=False,
                              capture_output=True).returncode == 0
    assert passes("device.v")
    (tmp_path / "latch.v").write_text(
        "module top(input a, input b, output reg c); always @* if (a) c = b; endmodule")
    assert not passes("latch.v")
