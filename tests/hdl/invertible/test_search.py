import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from golden.invertible.job import words
from golden.invertible.search import FORMS, Search, SearchParams
from hdl.invertible.search import Search as Top
from hdl.verilog import emit
from tests.golden.invertible.circuits import multiplier, random_circuit
from tests.hdl.bench import RANDOM, WORKDIR, check, in_icarus, nothing_of_machine

OPTIONS = st.fixed_dictionaries({
    "replicas": st.integers(1, 3), "memory": st.integers(0, 5), "noise": st.integers(1, 4),
    "seed": st.integers(0, 2**64 - 1), "stages": st.sampled_from([1, 1, 2, 3, 5, 8, 13])})


def params_of(form, size, rng, **options):
    """``size``: of the operands; of a circuit, random or a multiplier, its inputs."""
    if form != "circuit":
        return SearchParams(form, size, **options)
    gates, ports = multiplier(2) if size == 4 else random_circuit(rng, size, int(rng.integers(6)))
    return SearchParams(form, gates=gates, ports=ports, **options)


@settings(RANDOM, max_examples=24)
@given(st.sampled_from(FORMS), st.integers(2, 5), OPTIONS, st.integers(0, 2**32 - 1),
       st.sampled_from([(0.0, 0.0), (0.3, 0.5)]))
def test_sim(form, size, options, seed, levels):
    rng = np.random.default_rng(seed)
    params = params_of(form, size, rng, **options)
    block = Search(params, {})
    check(block, Top(params, {}), block.random_frames(4, rng), idle=levels[0], stall=levels[1],
          seed=seed)


@settings(RANDOM, max_examples=12)
@given(st.sampled_from(FORMS), OPTIONS, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.4]))
def test_frames_of_wrong_length(form, options, seed, stall):
    """They are no jobs: generators stay where they are, and the next job is right."""
    rng = np.random.default_rng(seed)
    params = params_of(form, 4, rng, **options)
    block, beats = Search(params, {}), words(params.job)
    frames = block.random_frames(6, rng)
    lengths = [beats, 1, beats + 1, beats, 3 * beats, beats - 1]
    sent = [np.tile(frame, (3, 1))[:length] for frame, length in zip(frames, lengths, strict=True)]
    right = iter(block.run([frame for frame in sent if len(frame) == beats]))
    answers = [next(right) if length == beats else (np.zeros((0, 1), int), "wrong")
               for length in lengths]
    check(block, Top(params, {}), sent, answers=answers, idle=stall, stall=stall, seed=seed)


@pytest.mark.parametrize("form", FORMS)
def test_resets(form):
    """The generators' states among what they put back."""
    block = made(form, 4)
    params = block.params
    frames = [params.ask(60, product=251)] * 3
    check(block, Top(params, {}), frames, resets=(5, 21, 60), stall=0.2, seed=1)


def made(form, size):
    gates, ports = multiplier(size)
    params = (SearchParams(form, gates=gates, ports=ports) if form == "circuit"
              else SearchParams(form, size, replicas=2))
    return Search(params, {})


@pytest.mark.parametrize("form, size", [("steps", 4), ("circuit", 2)])
def test_stalls_and_resets(form, size):
    block = made(form, size)
    sim.check(block, emit(Top(block.params, {}), asserts=True), name=f"search-{form}",
              workdir=WORKDIR, frames=block.random_frames(40, np.random.default_rng(2)))


@pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
def test_icarus():
    block = made("flips", 3)
    in_icarus(block, Top(block.params, {}))


def test_verilog_is_clean():
    nothing_of_machine(emit(Top(made("circuit", 2).params, {})).text)
