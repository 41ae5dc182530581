"""Converter, product, adder, FSM, counter: bits, order, tlast, cycles; stalls, wrong frames."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.stochastic import adder, converter, counter, fsm, product
from golden.stochastic.arithmetic import (
    AdderParams,
    ConverterParams,
    CounterParams,
    FsmParams,
    ProductParams,
)
from golden.stochastic.params import Generators
from hdl.stochastic.adder import Adder
from hdl.stochastic.converter import Converter
from hdl.stochastic.counter import Counter
from hdl.stochastic.fsm import Fsm
from hdl.stochastic.product import Product
from hdl.verilog import emit
from tests.golden.stochastic.blocks import adders, converters, counters, fsms, products
from tests.hdl.bench import RANDOM, WORKDIR, check

#: Name -> (golden, hardware, random parameters, what of a wrong frame is answered).
BLOCKS = {
    "converter": (converter.Converter, Converter, converters(), "nothing"),
    "product": (product.Product, Product, products(), "beats"),
    "adder": (adder.Adder, Adder, adders(), "beats"),
    "fsm": (fsm.Fsm, Fsm, fsms(), "beats"),
    "counter": (counter.Counter, Counter, counters(), "nothing"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_sim(name):
    golden, top, params, _ = BLOCKS[name]

    @settings(RANDOM, max_examples=25)
    @given(params, st.integers(0, 2**32 - 1), st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
    def run(params, seed, levels):
        rng = np.random.default_rng(seed)
        block = golden.random(params, rng)
        check(block, top(params, {}), block.random_frames(4, rng), idle=levels[0],
              stall=levels[1], seed=seed)

    run()


@pytest.mark.parametrize("name", BLOCKS)
def test_frames_of_wrong_length(name):
    golden, top, params, owed = BLOCKS[name]

    @settings(RANDOM, max_examples=12)
    @given(params, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
    def run(params, seed, stall):
        rng = np.random.default_rng(seed)
        block = golden.random(params, rng)
        frames = block.random_frames(5, rng)
        right = len(frames[0])
        sent, answers = [], []
        for frame, answer in zip(frames, block.run(frames), strict=True):
            length = int(rng.choice([right, *(n for n in (1, right - 1, right + 1, 2 * right + 1)
                                              if 0 < n != right)]))
            sent.append(np.tile(frame, (3, 1))[:length])
            early = answer[:min(length, right) - 1] if owed == "beats" else answer[:0]
            answers.append(answer if length == right else (early, "wrong"))
        check(block, top(params, {}), sent, answers=answers, idle=stall, stall=stall, seed=seed)

    run()


LARGER = {
    "converter": ConverterParams(64, 4, "sign", 3, 7, Generators(count=5, rotations=3)),
    "product": ProductParams(64, 4, "sign", kind="mux"),
    "adder": AdderParams(64, 4, "sign", 33),
    "fsm": FsmParams(64, 4, "bipolar", "exp", 64, gain=2),
    "counter": CounterParams(64, 4, "bipolar"),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_stalls_and_resets(name):
    golden, top, *_ = BLOCKS[name]
    block = golden.random(LARGER[name], np.random.default_rng(1))
    sim.check(block, emit(top(block.params, {}), asserts=True), name=f"stochastic-{name}",
              workdir=WORKDIR, frames=block.random_frames(8, np.random.default_rng(2)))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
@pytest.mark.parametrize("name", BLOCKS)
def test_icarus(name):
    golden, top, *_ = BLOCKS[name]
    block = golden.random(LARGER[name], np.random.default_rng(1))
    sim.check(block, emit(top(block.params, {})), name=f"stochastic-{name}", workdir=WORKDIR,
              frames=block.random_frames(2, np.random.default_rng(2)), simulator="icarus",
              scenarios=[sim.Scenario(stall=0.3)])
