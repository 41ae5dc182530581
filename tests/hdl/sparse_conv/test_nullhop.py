import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.formats import Format
from golden.sparse_conv.compressed import StreamError
from golden.sparse_conv.nullhop import Nullhop, layer
from golden.weights import WEIGHT_KINDS
from hdl.sparse_conv.nullhop import Nullhop as Top
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus, made_once, nothing_of_machine


@st.composite
def params_of(draw, largest=3):
    """Every kernel, stride, padding, pooling and allocation, on maps that simulate in no time."""
    kernel = draw(st.integers(1, 7))
    stride = draw(st.sampled_from([1, 1, 1, 2, 3]))
    padding = draw(st.integers(0, kernel - 1))
    least = max(1, kernel - 2 * padding)
    height, width = (draw(st.integers(least, least + largest)) for _ in range(2))
    rows, columns = ((size + 2 * padding - kernel) // stride + 1 for size in (height, width))
    channels = draw(st.sampled_from([1, 2, 3, 5, 8, 16, 17, 20, 33][:9 if kernel <= 3 else 5]))
    filters = draw(st.sampled_from([1, 2, 3, 4, 6, 8, 12, 16][:8 if kernel <= 3 else 4]))
    macs, controllers = draw(st.sampled_from([8, 8, 16])), draw(st.sampled_from([1, 2, 4, 8]))
    # Banks that ask for at most so many controllers.
    bank = draw(st.integers(kernel**2 * channels // controllers + 1, 5000))
    word = draw(st.sampled_from([4, 8, 16]))
    signed = draw(st.booleans())
    p = layer(
        channels, height, width, filters, kernel, stride, padding,
        pool=draw(st.sampled_from([1, 2])) if min(rows, columns) > 1 else 1,
        relu=draw(st.booleans()), weights=draw(st.sampled_from(WEIGHT_KINDS)),
        input=Format(draw(st.integers(2, word)), 0, signed),
        output=Format(draw(st.integers(2, word)), 0, draw(st.booleans())),
        scale_width=draw(st.sampled_from([0, 0, 8])), shift=draw(st.integers(0, 12)), macs=macs,
        controllers=controllers, bank=bank, word=word, beat=draw(st.sampled_from([1, 2, 4])),
        order=draw(st.sampled_from(["rows", "pairs"])),
        columns=draw(st.sampled_from([c for c in (2, 4, 8, 16) if c >= kernel])))
    return p.replace(lanes=draw(st.sampled_from(
        [n for n in (1, 2, 4, 8, 16) if filters % n == 0 and n <= p.filters_pass])))


@settings(RANDOM, max_examples=16)
@given(params_of(), st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.0, 0.0),
                                                                (0.3, 0.5)]))
def test_sim(params, seed, levels):
    """0 to 100 % zeros: `random_maps` draws another share for every frame."""
    rng = np.random.default_rng(seed)
    block = Nullhop.random(params, rng)
    check(block, Top(params, block.tensors), block.random_frames(3, rng), idle=levels[0],
          stall=levels[1], seed=seed, limit=30000)


def broken(block, frames, rng):
    """Frames as they are, cut, too long, or with other words; and what golden says of them."""
    sent, answers = [], []
    for frame in frames:
        frame = frame.copy()
        match rng.integers(5):
            case 0 if len(frame) > 1:
                frame = frame[:rng.integers(1, len(frame))]
            case 1:
                frame = np.concatenate([frame, frame[:rng.integers(1, len(frame) + 1)]])
            case 2:
                at = rng.integers(len(frame)), rng.integers(frame.shape[1])
                frame[at] = rng.integers(1 << block.params.word)
            case 3:
                frame[rng.integers(len(frame)), rng.integers(frame.shape[1])] = 0
        sent.append(frame)
        try:
            answers += block.run([frame])
        except StreamError:
            answers.append((np.zeros((0, frame.shape[1]), int), "wrong"))
    return sent, answers


@settings(RANDOM, max_examples=10)
@given(params_of(largest=2), st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from([0.0, 0.4]))
def test_wrong_streams(params, seed, no_room, stall):
    rng = np.random.default_rng(seed)
    params = params.replace(room=int(no_room) * params.layer.width)
    block = Nullhop.random(params, rng)
    sent, answers = broken(block, block.random_frames(8, rng), rng)
    check(block, Top(params, block.tensors), sent, answers=answers, idle=stall, stall=stall,
          seed=seed, limit=30000)


@pytest.mark.parametrize("where", ["row", "column", "map", "all"])
def test_zeros(where):
    """Whole rows, columns, maps of zeros, and a frame of nothing else."""
    params = layer(20, 4, 5, 8, pool=2, macs=16)
    rng = np.random.default_rng(3)
    block = Nullhop.random(params, rng)
    maps = rng.integers(0, 256, (2, 20, 4, 5))
    zeros = {"row": np.s_[:, :, 1:3], "column": np.s_[..., :3], "map": np.s_[:, 4:20],
             "all": np.s_[:]}
    maps[zeros[where]] = 0
    check(block, Top(params, block.tensors), block.encode(maps), limit=30000)


def test_columns_end_during_multiplications():
    """One value, whose 14 multiplications outlast the search of the columns after it."""
    params = layer(1, 2, 12, 1, 7, 1, 3, macs=8)
    block = Nullhop.random(params, np.random.default_rng(4))
    maps = np.zeros((2, 1, 2, 12), np.int64)
    maps[:, 0, 1, 7] = 7
    check(block, Top(params, block.tensors), block.encode(maps))


PARAMS = {
    "passes": layer(18, 4, 4, 12, pool=2, macs=8, lanes=2, bank=200),
    "clusters": layer(9, 3, 4, 4, 3, 2, 1, relu=False, weights="ternary", macs=16, word=16,
                      order="pairs", input=Format(8, 0), scale_width=6,
                      output=Format(12, 0), store="load"),
}
made = made_once(PARAMS, Nullhop, lambda block: Top(block.params, block.tensors))


@pytest.mark.parametrize("name", PARAMS)
def test_stalls_and_resets(name):
    block, frames, verilog = made(name)
    sim.check(block, verilog, name=f"nullhop-{name}", workdir=WORKDIR, frames=frames[:3])


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_icarus():
    params = layer(5, 3, 4, 4, macs=8, pool=2)
    block = Nullhop.random(params, np.random.default_rng(1))
    in_icarus(block, Top(params, block.tensors))


def test_verilog_is_clean():
    _, _, verilog = made("passes")
    nothing_of_machine(verilog.text)
