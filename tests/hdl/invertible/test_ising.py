import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.invertible.graph import random_graph
from golden.invertible.ising import Ising, IsingParams
from golden.invertible.job import words
from hdl.invertible.ising import Ising as Top
from hdl.verilog import emit
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus, nothing_of_machine

WEIGHTS = st.sampled_from([(1,), (-1, 1), (-1,), (5, -7, 2), (300, -1)])
OPTIONS = st.fixed_dictionaries({
    "replicas": st.integers(1, 20), "lanes": st.integers(1, 6), "draws": st.integers(1, 6),
    "fraction": st.integers(0, 3), "noise_bits": st.integers(1, 7),
    "range_bits": st.sampled_from([0, 0, 1, 4]), "segments": st.sampled_from([2, 4]),
    "seed": st.integers(0, 2**64 - 1)})


def params_of(nodes, density, weights, graph, **options):
    edges = max(1, round(density * nodes * (nodes - 1) / 2))
    return IsingParams(nodes, random_graph(nodes, edges, weights, graph).couplings, **options)


def middle(**options):
    return params_of(24, 0.3, (-1, 1), 1, replicas=6, lanes=2, segments=4, **options)


@settings(RANDOM, max_examples=24)
@given(st.integers(4, 24), st.floats(0, 1), WEIGHTS, OPTIONS, st.integers(0, 2**32 - 1),
       st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(nodes, density, weights, options, seed, levels):
    rng = np.random.default_rng(seed)
    params = params_of(nodes, density, weights, seed, **options)
    block = Ising(params, {})
    frames = block.random_frames(2, rng)
    check(block, Top(params, {}), frames, idle=levels[0], stall=levels[1], seed=seed,
          limit=4 * block.cycles(frames))


@settings(RANDOM, max_examples=6)
@given(OPTIONS, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(options, seed, stall):
    """They are no jobs: generators stay where they are, and the next job is right."""
    rng = np.random.default_rng(seed)
    params = params_of(9, 0.4, (-1, 1), seed, **options)
    block, beats = Ising(params, {}), words(params.job)
    frames = block.random_frames(6, rng)
    lengths = [beats, 1, beats + 1, beats, 3 * beats, beats - 1]
    sent = [np.tile(frame, (3, 1))[:length] for frame, length in zip(frames, lengths, strict=True)]
    right = iter(block.run([frame for frame in sent if len(frame) == beats]))
    answers = [next(right) if length == beats else (np.zeros((0, 1), int), "wrong")
               for length in lengths]
    check(block, Top(params, {}), sent, answers=answers, idle=stall, stall=stall, seed=seed,
          limit=20000)


@pytest.mark.parametrize("range_bits", [0, 3])
def test_resets(range_bits):
    """In the load, the first sweep, a later one, the scan, the answer."""
    block = Ising(middle(range_bits=range_bits), {})
    frames = [block.params.ask([(2, 9), (2, 3)])] * 2
    check(block, Top(block.params, {}), frames, resets=(5, 60, 250, 420, 640), stall=0.2, seed=1)


def test_answers_the_best_sweep_not_the_last():
    """Noise that grows leaves a state worse than the best one, which has been kept."""
    block = Ising(middle(), {})
    job = block.params.ask([(4, 2), (3, 60)])
    read = block.params.read(block.run([job])[0])
    assert read["sweep"] < 7
    check(block, Top(block.params, {}), [job])


def test_stalls_and_resets():
    block = Ising(middle(range_bits=3), {})
    sim.check(block, emit(Top(block.params, {}), asserts=True), name="ising", workdir=WORKDIR,
              frames=block.random_frames(12, np.random.default_rng(2)))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_icarus():
    block = Ising(middle(range_bits=2), {})
    in_icarus(block, Top(block.params, {}))


def test_verilog_is_clean():
    nothing_of_machine(emit(Top(middle(), {})).text)
