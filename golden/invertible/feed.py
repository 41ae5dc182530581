"""Problems as the jobs of invertible blocks, and what their answers are worth."""

from dataclasses import dataclass

import numpy as np

from golden.check import require_choice, require_int
from golden.invertible.factoring import products
from golden.invertible.network import Job
from golden.invertible.params import NetworkParams
from golden.invertible.sampling import allowed, schedule
from golden.invertible.search import SearchParams

__all__ = ["TASKS", "Feed", "feed", "task_of"]

#: Task -> what a job of it is.
TASKS = {
    "factoring": "a product of two primes, to be factored",
    "sampling": "ports clamped to a valid state's values, the others to be sampled",
}
#: Cycles of a job of sampling: golden runs one job after another.
CYCLES = 4000


@dataclass(frozen=True)
class Feed:
    """Frames for a block: list of int64 arrays [beats, 1]."""

    frames: list
    metric: str

    def score(self, params, answers):
        """Percent of the jobs that found factors, and the jobs; or of the cycles in the jobs' last
        segments that are in valid states, and these cycles.

        answers: for each frame the beats that golden, or hardware, gave.
        """
        if isinstance(params, SearchParams):
            found = [params.read(answer)["found"] for answer in answers]
            return 100 * float(np.mean(found)), len(found)
        halves = np.stack([answer[-2 * params.counters:, 0] for answer in answers])
        counts = halves[:, ::2] | halves[:, 1::2] << 16
        valid = counts[:, params.counters // 2:].sum()
        return 100 * float(valid / counts.sum()), int(counts.sum())


def task_of(info):
    """None: no model file is of these tasks."""
    return None


def feed(task, params, count, seed=0):
    """`Feed` of ``count`` jobs that ``seed`` chooses.

    Errors: ValueError for a task that is not one of `TASKS`, or a block that does not fit it.
    """
    require_choice("Task", task, tuple(TASKS))
    require_int("Frames", count, 1)
    rng = np.random.default_rng(seed)
    if task == "factoring":
        if not isinstance(params, SearchParams) or params.circuit:
            raise ValueError("Search for factoring must have form 'steps' or 'flips'")
        chosen = rng.choice(products("semiprimes", params.bits), count)
        # Some hundred times what they take in the mean.
        return Feed([params.ask(64 << params.bits, product=int(each)) for each in chosen],
                    "% found")
    if not isinstance(params, NetworkParams) or not params.histogram or not params.gates:
        raise ValueError("Network for sampling must have gates and answer 'histogram'")
    states = allowed(params, [-1] * len(params.bits))
    frames = []
    for state in states[rng.integers(len(states), size=count)]:
        at, clamps = 0, {}
        for name, spins in params.ports:
            if rng.random() < 0.5:
                clamps[name] = int(state[at:at + len(spins)] @ (1 << np.arange(len(spins))))
            at += len(spins)
        frames.append(Job(schedule(params, CYCLES // 2, CYCLES // 2), clamps).frame(params))
    return Feed(frames, "% valid")
