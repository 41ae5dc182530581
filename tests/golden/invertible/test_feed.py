"""Jobs for the invertible designs, and their scores."""

import numpy as np
import pytest

from golden.invertible.build import network
from golden.invertible.factoring import products
from golden.invertible.feed import TASKS, feed, task_of
from golden.invertible.network import Job, Network
from golden.invertible.sampling import allowed, sampler
from golden.invertible.search import Search, SearchParams, factoring


def test_factoring():
    p = factoring(5)
    made = feed("factoring", p, 12, 1)
    asked = [int(frame[2, 0]) for frame in made.frames]
    assert set(asked) <= set(products("semiprimes", 5).tolist())
    answers = Search(p, {}).run(made.frames)
    assert made.score(p, answers) == (100, 12)
    answers[0] = answers[0] & ~1
    assert made.score(p, answers)[0] == pytest.approx(100 * 11 / 12)


def test_sampling():
    p = sampler("full-adder")
    made = feed("sampling", p, 20, 3)
    clamps = [Job.of(p, frame)[1] for frame in made.frames]
    assert all(len(allowed(p, clamp)) for clamp in clamps)
    assert len({tuple(clamp < 0) for clamp in clamps}) == 4
    answers = Network(p, {}).run(made.frames)
    score, cycles = made.score(p, answers)
    assert cycles == 20 * 4000 and 95 < score < 100
    # Nothing is valid where the upper half of the counters, two words each, is empty.
    for answer in answers:
        answer[-p.counters:] = 0
    assert made.score(p, answers)[0] == 0


def test_a_seed_chooses():
    p = factoring(8)
    first, again, other = (feed("factoring", p, 5, seed).frames for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_tasks():
    assert task_of({"task": "factoring"}) is None and len(TASKS) == 2


@pytest.mark.parametrize("task, params, message", [
    ("weather", factoring(5), r"Task must be one of factoring, sampling, not 'weather'"),
    ("factoring", network("and"), r"Search for factoring must have form 'steps' or 'flips'"),
    ("factoring", SearchParams("circuit", gates=(((0, 1), (2,), (0, 0, 0, 1)),),
                               ports=(("x", (0, 1)), ("y", (2,)))),
     r"Search for factoring must have form 'steps' or 'flips'"),
    ("sampling", network("and"), r"Network for sampling must have gates and answer 'histogram'"),
    ("sampling", factoring(5), r"Network for sampling must have gates and answer 'histogram'"),
])
def test_what_does_not_fit(task, params, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        feed(task, params, 3)
