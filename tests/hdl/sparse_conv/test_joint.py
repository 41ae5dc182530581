"""The engine that skips both kinds of zeros: many tiny ones in Amaranth's simulator, a few in
Verilator and Icarus."""

import random
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.sparse_conv import convolution
from golden.sparse_conv.joint import Joint, build
from golden.sparse_conv.joint_params import JointParams
from golden.sparse_conv.params import ConvParams, NetworkParams
from golden.weights import WEIGHT_KINDS
from hdl.sparse_conv.joint import Joint as Top
from hdl.verilog import emit
from tests.golden.sparse_conv.joint_networks import joint_params
from tests.hdl.bench import (
    RANDOM,
    WORKDIR,
    check,
    in_icarus,
    made_once,
    nothing_of_machine,
    wrong_frames,
)
from tests.hdl.sparse_conv import checks
from tests.hdl.sparse_conv.checks import LIMIT


def top(block):
    return Top(block.params, block.tensors)


def lengths(block, count, rng):
    """Right and wrong lengths of frames; at least one is wrong, and the last one right."""
    right = block.params.map_words(block.params.network.first)
    wrong = [n for n in (1, right - 1, right // 2, right + 1, 2 * right, 3 * right)
             if 1 <= n != right]
    return [*(rng.choice([None, *wrong]) for _ in range(count - 2)), rng.choice(wrong), None]


@st.composite
def made(draw, frames=3):
    """A random engine with random tensors, and frames."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    block = Joint.random(draw(joint_params()), rng)
    return block, block.random_frames(frames, rng)


@settings(RANDOM, max_examples=10)
@given(made())
def test_bits_order_tlast_and_cycles(case):
    checks.plain(case[0], top, case[1])


@settings(RANDOM, max_examples=5)
@given(made(), st.integers(0, 2**16))
def test_stalls(case, seed):
    """Bits, and never more cycles than golden's and those in which the bench held it up."""
    checks.stalled(case[0], top, case[1], seed)


@settings(RANDOM, max_examples=5)
@given(made(frames=5), st.integers(0, 2**16), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(case, seed, stall):
    """One beat with tuser for each, and the next frame is right."""
    block, frames = case
    sent, answers = wrong_frames(block, frames, lengths(block, 5, random.Random(seed)),
                                 np.random.default_rng(seed))
    check(block, top(block), sent, answers=answers, idle=stall, stall=stall, seed=seed,
          limit=LIMIT)


@settings(RANDOM, max_examples=4)
@given(made(frames=2), st.integers(0, 2**16))
def test_resets_leave_no_trace(case, seed):
    checks.resets(case[0], top, case[1], seed)


@pytest.mark.parametrize("weights", WEIGHT_KINDS)
def test_every_weight_kind(weights):
    """Every weight meets the ends of the codes' range."""
    layer = ConvParams(2, 2, 3, 3, 3, padding=1, relu=False, weights=weights, input=Format(4),
                       output=Format(16))
    values = layer.kind.values
    tensors = {"layers.0.weight": np.resize(values, (3, 2, 3, 3)),
               "layers.0.bias": np.array([5, -7, 0])}
    block = Joint(JointParams(NetworkParams((layer,)), lanes=2, beat=2), tensors)
    maps = np.stack([np.full((2, 2, 3), code) for code in (-8, 7, 1)])
    frames = convolution.to_frames(maps, 2)
    check(block, top(block), frames, limit=LIMIT)


def zeros(case, rng):
    """A block and frames of which whole parts are zero."""
    params = build(2, 3, 3, 3, lanes=2, beat=2, outputs=2, shift=4)
    maps, weight = rng.integers(1, 256, (2, 2, 3, 3)), rng.integers(-99, 99, (3, 2, 3, 3))
    maps[0] *= case != "map"
    maps[:, :, [0, 2]] *= case != "rows"
    maps[..., [0, 1]] *= case != "columns"
    maps[:, 1] *= case != "channels"
    weight[:, 1] *= case != "kernels"
    weight[2] *= case != "kernels"
    weight *= case != "weights"
    tensors = Joint.random(params, rng).tensors | {"layers.0.weight": weight}
    return Joint(params, tensors), convolution.to_frames(maps, 2)


@pytest.mark.parametrize("case", ["map", "rows", "columns", "channels", "kernels", "weights"])
def test_all_zero(case):
    block, frames = zeros(case, np.random.default_rng(0))
    check(block, top(block), frames, limit=LIMIT)


CORNERS = {
    "one of everything": build(1, 1, 1, 1, kernel=1, padding=0, lanes=1, beat=1),
    "more lanes than filters": build(2, 3, 3, filters=3, lanes=6),
    "a kernel as large as its map": build(3, 5, 5, 4, kernel=5, padding=0, lanes=2),
    "a single column of outputs": build(2, 6, 3, 4, kernel=3, padding=0, lanes=2),
    "a stride beyond the kernel": build(3, 7, 7, 4, kernel=1, stride=3, padding=0, lanes=2),
    "full padding": build(2, 3, 4, 3, kernel=3, padding=2, lanes=3),
    "the largest kernel": build(1, 5, 4, 2, kernel=7, padding=3, lanes=2),
    "words wider than the map": build(1, 3, 3, 2, lanes=2, beat=8, clusters=4),
    "pooled, an odd row left out": build(2, 5, 7, 3, pool=2, lanes=3, beat=2),
    "three layers, loaded": build(2, 8, 8, 5, layers=2, pool=2, outputs=4, lanes=4, beat=2,
                                  requantisers=2, scale_width=6, answer="class", store="load"),
    "one layer, loaded": build(3, 3, 3, 3, lanes=2, beat=2, store="load"),
    "in passes, its weights loaded": build(
        2, 6, 6, 5, layers=2, pool=2, outputs=7, lanes=2, beat=2, clusters=2, scale_width=6,
        answer="class", store="weights", passes="words"),
    "a word, loaded in passes": build(3, 3, 3, 3, layers=2, lanes=4, beat=4, store="load",
                                      passes="words"),
    "kinds of weights that differ": JointParams(NetworkParams((
        ConvParams(2, 4, 4, 3, padding=1, weights="binary"),
        ConvParams(3, 4, 4, 2, padding=1, weights="powers4", relu=False, output=Format(12)),
        ConvParams(2, 4, 4, 2, kernel=4, weights="ternary", input=Format(12), scale_width=1,
                   relu=False, output=Format(20)))), lanes=2, beat=2),
}


@pytest.mark.parametrize("name", [name for name in CORNERS if "loaded" not in name])
def test_corners(name):
    """What random parameters seldom meet."""
    rng = np.random.default_rng(len(name))
    block = Joint.random(CORNERS[name], rng)
    check(block, top(block), block.random_frames(2, rng), limit=LIMIT)


@pytest.mark.parametrize("zeros", [18, 21, 24, 27])
def test_the_queue_hides_words_of_zeros(zeros):
    """Cycles say how many codes wait: runs of zeros that a full queue just hides, and longer."""
    layer = ConvParams(1, 8, 10, 1, kernel=2, weights="ternary", shift=2)
    block = Joint(JointParams(NetworkParams((layer,)), lanes=1, beat=1),
                  {"layers.0.weight": np.array([[[[1, -1], [0, 1]]]]), "layers.0.bias": [3]})
    frame = np.ones((80, 1), int)
    frame[30:30 + zeros] = 0
    check(block, top(block), [frame])


@pytest.mark.parametrize("stall", [0.5, 0.9])
def test_words_wait_for_the_sink(stall):
    """More of them than the output's queue holds."""
    block = Joint.random(build(1, 4, 4, 4, lanes=4, beat=1), np.random.default_rng(1))
    check(block, top(block), block.random_frames(2, np.random.default_rng(2)), stall=stall,
          limit=LIMIT)


@pytest.mark.parametrize("requantisers", [1, 2, 4])
def test_class_of_equals_is_the_first(requantisers):
    params = build(1, 1, 1, 7, kernel=1, padding=0, activation=Format(6), lanes=4, beat=4,
                   requantisers=requantisers, answer="class", shift=0)
    for bias in ([3, 5, 5, 5, 2, 5, 1], [0] * 7, [9, 9, 8, 7, 9, 9, 9], [1, 2, 3, 4, 5, 6, 6]):
        block = Joint(params, {"layers.0.weight": np.zeros((7, 1, 1, 1)),
                               "layers.0.bias": np.array(bias)})
        check(block, top(block), [np.zeros((1, 4), int)])


def test_frames_load_while_the_last_layer_runs():
    """A layer alone takes frames as fast as it works on them."""
    params = build(4, 2, 2, 4, lanes=2, beat=1, shift=12)
    block = Joint.random(params, np.random.default_rng(1))
    frames = block.random_frames(6, np.random.default_rng(2))
    maps = [np.full_like(frame, 9) for frame in frames]
    cycles = [check(block, top(block), maps[:count], limit=LIMIT).cycles for count in (2, 6)]
    busy = int(block.work(maps)[0, 0]) + 2 * 2 * 4
    # Between the frames: clearing, and the requantisers' latency.
    assert cycles[1] - cycles[0] == 4 * (busy + params.depth + params.latency + 2)
    assert busy > params.map_words(params.network.first)


def test_the_check_sees_what_it_should():
    """A wrong weight, a wrong bias, a cycle too many: each fails."""
    params = build(2, 4, 4, 4, lanes=2, shift=4)
    block = Joint.random(params, np.random.default_rng(1))
    frames = block.random_frames(2, np.random.default_rng(2))
    check(block, top(block), frames)
    for name, change in (("weight", 1), ("bias", 16)):
        other = {key: np.where(value == value.max(), value - change, value)
                 if key.endswith(name) else value for key, value in block.tensors.items()}
        with pytest.raises(AssertionError, match=r"beats differ"):
            check(block, Top(params, other), frames)
    with pytest.raises(AssertionError):
        check(block, top(block), frames, answers=block.run(frames),
              cycles=block.cycles(frames) - 1)


# -- a few of middle size, in Verilator

MIDDLE = {
    "network": build(3, 10, 10, 6, layers=2, pool=2, outputs=5, weights="ternary", lanes=4,
                     clusters=2, beat=4, requantisers=2, scale_width=8, shift=10),
    "classes": build(1, 8, 8, 4, layers=2, stride=2, outputs=10, lanes=2, beat=2, clusters=2,
                     shift=8, answer="class", store="weights", passes="words"),
}


@pytest.fixture(scope="module")
def middle():
    return made_once(MIDDLE, Joint, top)


@pytest.mark.parametrize("name", MIDDLE)
def test_stall_grid_and_resets(name, middle):
    block, frames, verilog = middle(name)
    sim.check(block, verilog, name=f"joint-{name}", workdir=WORKDIR, frames=frames[:4])


@pytest.mark.parametrize("name", MIDDLE)
def test_wrong_frames_in_verilator(name, middle):
    block, frames, verilog = middle(name)
    sent = [*frames[:2], frames[2][:-1], frames[3], np.concatenate(frames[4:6]), frames[6]]
    sim.check(block, verilog, name=f"joint-{name}", workdir=WORKDIR, frames=sent, bad=(2, 4),
              scenarios=[sim.Scenario("plain"), sim.Scenario("stalls", 0.3, 0.3)])


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
@pytest.mark.parametrize("name", [name for name in CORNERS if "loaded" in name])
def test_icarus(name):
    block = Joint.random(CORNERS[name], np.random.default_rng(1))
    in_icarus(block, top(block))


def test_verilog_names_nothing_of_the_machine():
    block = Joint.random(CORNERS["one of everything"], np.random.default_rng(1))
    nothing_of_machine(emit(top(block)).text)
