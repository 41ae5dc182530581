"""The cycle model against a clock that is counted out, and against the paper's latency."""

import pytest

from golden.stochastic import timing
from golden.stochastic.build import network
from golden.stochastic.timing import depth


def cycles(params, taken):
    return timing.cycles([params], [taken])


@pytest.mark.parametrize("changes, expected", [
    # Bits, sum, state, sum, scores, two levels of the best, output.
    ({}, 1 + 1 + 1 + 1 + 1 + 2 + 1),
    ({"layers": 0}, 1 + 1 + 1 + 2 + 1),
    # 16 inputs and a bias: 5 levels of adders; 8 and a bias: 4.
    ({"inputs": 16, "levels": 1}, 1 + 5 + 1 + 4 + 1 + 2 + 1),
    ({"inputs": 16, "m": 4, "levels": 3}, 1 + 3 + 1 + 2 + 1 + 2 + 1),
    ({"outputs": 1}, 1 + 1 + 1 + 1 + 1 + 1),
    ({"answer": "trace"}, 1 + 1 + 1 + 1),
])
def test_depth(changes, expected):
    assert depth(network(**{"inputs": 8, **changes})) == expected


def test_depth_of_counted_ones():
    params = network(inputs=8)
    counts = params.replace(layers=params.layers[:1], answer="ones")
    assert depth(counts) == 1 + 1 + 1 + 1 + 1  # bits, sum, state, count, output


def test_latency_is_stream_length_and_depth():
    """From the last beat of a frame: the beat that begins, the stream, the pipeline."""
    for length in (64, 256, 1024):
        params = network(inputs=64, hidden=32, outputs=10, length=length)
        assert cycles(params, [length]) == 64 + 1 + length + depth(params)


@pytest.mark.parametrize("changes, each", [
    ({"length": 64}, 64),                                # frames without a gap
    ({"length": 8}, 16 + 1),                             # loading takes longer
    ({"length": 8, "columns": 16}, (8 + 8 + 1) / 2),     # two places for answers
    ({"length": 64, "answer": "scores"}, 64 + 8 + 4),    # one place
    ({"length": 64, "answer": "trace"}, 64),
])
def test_frames_in_a_row(changes, each):
    params = network(**{"inputs": 16, "levels": 5, **changes})
    taken = [params.length] * 30
    assert (cycles(params, taken) - cycles(params, taken[:10])) / 20 == each


def test_early_decisions():
    """The next frame begins in the cycle in which the answer leaves."""
    params = network(inputs=8, length=256, stop="certain")
    one, two = cycles(params, [100]), cycles(params, [100, 50])
    assert two - one == 50 + depth(params)
    # A decision about the last cycles comes too late to save any.
    assert cycles(params, [256 - 2, 50]) - one == 2 * 256 - 100 - 256 + 50
