"""The cycle model. That hardware takes these cycles is shown in tests/hdl/lstm."""

import numpy as np
import pytest

from golden.formats import Format
from golden.lstm.matvec import Schedule, kept_words
from golden.lstm.params import DenseParams, LayerParams


@pytest.mark.parametrize("columns, kept", [
    (1, [0, 1, 0, 0, 1, 0, 1]), (2, [1, 0, 1, 1]), (3, [1, 1, 1]), (7, [1]), (9, [1])])
def test_kept_words(columns, kept):
    items = np.array([[0, -3, 0, 0, 0, 0, 1], [0, 0, 0, 0, 5, 0, 0]])
    assert kept_words(items, columns).tolist() == [bool(k) for k in kept]
    stacked = kept_words(np.stack([items, 0 * items]), columns)
    assert stacked.tolist() == [[bool(k) for k in kept], [False] * len(kept)]


def test_dense_vectors_follow_each_other_without_a_gap():
    p = DenseParams(10, 12, lanes=4, columns=2)
    engine = Schedule(p)
    first = engine.step(7, 5)
    # Three groups of five slots from cycle 7 on; each group's rows then leave one a cycle.
    ends = [7 + 5 * group - 1 for group in (1, 2, 3)]
    assert first.tolist() == [end + p.issue_to_rows + row + p.latency
                              for end in ends for row in range(4)]
    assert engine.released == [ends[-1] + 1] and engine.slots == 15
    assert (engine.step(0, 5) - first == 15).all()


def test_an_empty_vector_costs_a_slot_a_group():
    p = DenseParams(10, 1, lanes=1)
    engine = Schedule(p)
    assert engine.step(3, 0).tolist() == [3 + p.issue_to_rows + 4]
    assert engine.slots == 0 and engine.released == [4]


def test_the_rows_wait_for_the_receiver():
    p = DenseParams(4, 4, lanes=4)
    free, held = Schedule(p), Schedule(p)
    assert (held.step(0, 4, go=100) - free.step(0, 4)).tolist() == [101 - 3 - p.issue_to_rows] * 4


def test_rows_replace_only_rows_that_have_left():
    """Few columns and many rows: the rows' way out is what takes the time."""
    p = DenseParams(2, 64, lanes=16)
    times = Schedule(p).step(0, 2)
    assert np.diff(times).tolist() == [1] * 63  # a row every cycle


class Steady:
    """A layer whose vectors keep the same words in each step, until nothing changes any more."""

    def __init__(self, params, kept_x, keep_h, steps=8):
        self.engine = engine = Schedule(params)
        last = np.minimum((np.flatnonzero(keep_h) + 1) * params.columns, params.hidden) - 1
        h = None
        for _ in range(steps):
            times = engine.step(0, kept_x, h)
            h = times[last] + 1, int(times[-1]) + 1
        periods = np.diff(engine.released)
        assert periods[-1] == periods[-2] == periods[-3]
        self.period = int(periods[-1])


@pytest.mark.parametrize("lanes", [16, 32, 64, 128, 256])
@pytest.mark.parametrize("interval", [4, 2, 1])
@pytest.mark.parametrize("joint", [False, True])
def test_dense_utilisation(lanes, interval, joint):
    """Inputs 64, hidden 256, one column a cycle: a slot in at least 98 % of the cycles."""
    p = LayerParams(64, 256, lanes=lanes, interval=interval, joint=joint)
    steady = Steady(p, 64, np.ones(256, bool))
    useful = 4 * 256 * (64 + 256)
    utilisation = useful / (lanes * steady.period)
    print(f"lanes {lanes}, interval {interval}: {steady.period} cycles a step, {utilisation:.4f}")
    assert steady.engine.slots == (useful * 7 + 4 * 256 * 64) // lanes  # the first step has no h
    assert utilisation <= 1
    assert utilisation >= 0.98


def test_a_slow_cell_holds_the_array_back():
    """What the bound above would miss if the model left the element-wise part out."""
    kept = np.zeros(256, bool)
    kept[:8] = True
    p = LayerParams(64, 256, lanes=128, one_hot=True)
    periods = [Steady(p.replace(interval=interval), 1, kept).period for interval in (4, 2, 1)]
    assert periods[0] > 1.5 * periods[1] > 2 * periods[2] > 8 * 32


@pytest.mark.parametrize("sparsity", [0.81, 0.95])
@pytest.mark.parametrize("seed", range(3))
def test_skipping(sparsity, seed):
    """1,000 units, one-hot inputs, 200 lanes: at least 0.95 of the ideal speed-up 1 / (1 - s)."""
    p = LayerParams(50, 1000, one_hot=True, input=Format(6, 0, False), lanes=200)
    keep = np.random.default_rng(seed).permutation(1000) >= round(1000 * sparsity)
    dense, sparse = Steady(p, 1, np.ones(1000, bool)), Steady(p, 1, keep)
    speed_up = dense.period / sparse.period
    print(f"sparsity {sparsity}: {dense.period} and {sparse.period} cycles a step, {speed_up:.2f}x")
    assert 0.95 / (1 - sparsity) <= speed_up <= 1 / (1 - sparsity)
