"""The trained networks of models/ on real data: every bit and every cycle."""

import dataclasses

import pytest

import sim
from golden import modelfile
from golden.lstm import tasks
from golden.lstm.feed import feed, task_of
from golden.lstm.network import Network
from hdl.lstm.network import Network as Top
from hdl.verilog import emit
from tests.hdl.bench import WORKDIR

FOLDER = WORKDIR.parents[1] / "models"
MODELS = [FOLDER / f"{name}.safetensors" for name in tasks.MODELS]
CHARACTERS = 2000


def run(path, frames):
    """`Verdict` and score of a model on (about) so many frames of its task."""
    name, params, tensors, info = modelfile.load(path)
    assert name == "lstm.network"
    block = Network(params, tensors)
    given = feed(task_of(info), params, -(-frames // params.batch))
    verdict = sim.check(block, emit(Top(params, block.tensors)), frames=given.frames,
                        name=path.stem, workdir=WORKDIR, scenarios=[sim.Scenario()])[0]
    size = params.output_size * (params.steps if params.per_step else 1)
    assert verdict.mismatches == 0 and verdict.beats == len(given.frames) * size
    assert verdict.cycles == block.cycles(given.frames)
    score, number = given.score(params, block.run(given.frames))
    print(f"{path.stem}: {verdict.beats} beats, {verdict.cycles} cycles, "
          f"{score:.3f} {given.metric}")
    return score, number


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in MODELS if p.stem.startswith("digits")],
                         ids=lambda path: path.stem)
def test_all_digits(path):
    """All 1,797, in Verilator; what it was not trained on, it mostly reads right."""
    score, number = run(path, 1797)
    assert number >= 300 and score > 90


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in MODELS if p.stem.startswith("text")],
                         ids=lambda path: path.stem)
def test_text(path):
    params = modelfile.load(path)[1]
    score, number = run(path, -(-CHARACTERS // params.steps))
    assert number >= CHARACTERS and score < 4


def test_there_are_models():
    """Binary and ternary LSTMs, of digits and of text."""
    assert {path.stem for path in MODELS} >= {
        f"{task}-lstm-{kind}" for task in ("digits", "text") for kind in ("binary", "ternary")}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model_is_what_training_it_makes(path):
    """Its task, and the lanes that the task asks for."""
    _, params, _, info = modelfile.load(path)
    task = tasks.MODELS[path.stem]
    assert info["task"] == {**dataclasses.asdict(task), "epochs": info["task"]["epochs"]}
    assert {part.lanes for part in params.layers} == {task.lanes}
    assert params.head.lanes == task.head_lanes
