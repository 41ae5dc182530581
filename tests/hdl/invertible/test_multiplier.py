"""The multipliers that factor: hardware takes golden's cycles, and gives golden's factors."""

import pytest

from golden.invertible.build import published_multiplier, weighted_multiplier
from golden.invertible.network import Job, Network
from hdl.invertible.network import Network as Top
from tests.hdl.bench import check


@pytest.mark.parametrize("make", [weighted_multiplier, published_multiplier])
def test_factors(make):
    params, noise = make(4)
    block = Network(params, {})
    frames = [Job(((60, noise, 0),), {"product": product}).frame(params) for product in (143, 35)]
    check(block, Top(params), frames, idle=0.3, stall=0.3, limit=5000)
    found = [answer.ravel() for answer in block.run(frames)]
    assert any(answer[0] & 1 for answer in found)
    for answer, product in zip(found, (143, 35), strict=True):
        a, b = answer[5] & 15, answer[5] >> 4 & 15
        assert not answer[0] & 1 or a * b == product == answer[5] >> 8
