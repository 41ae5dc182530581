"""The rows of structured connections, without simulator."""

import numpy as np
import pytest

from ternstone import bench_sparse_conv_structured as bench


@pytest.fixture
def verdict(monkeypatch):
    """What simulations are said to show; parts run in this process."""
    said = {"passed": True, "mismatches": 0, "beats": 7}
    monkeypatch.setattr(bench, "verified", lambda *_, **__: said)
    monkeypatch.setattr(bench, "side_by_side", lambda function, items, *_: map(function, items))
    return said


def test_random_designs_are_of_their_kind():
    for kind, index in zip(bench.KINDS[1:], ("shift", "pattern", "dense", "comb"), strict=True):
        found = [bench._random(kind, np.random.default_rng(seed)).params for seed in range(30)]
        assert {params.index for params in found} == {index}
        assert all((params.block_scale_width > 0) == (index == "dense") for params in found)
        assert len({params.layer.kernel for params in found}) == 4
        assert len({params.layer.weights for params in found}) > 6
    found = [bench._random(bench.KINDS[0], np.random.default_rng(seed)) for seed in range(30)]
    assert {block.params.format.signed for block in found} == {False, True}


def test_rows(verdict):
    rows = list(bench.structured(lambda what: None))
    assert [row["met"] for row in rows] == [True] * 5 + [None] * 2
    assert "56 beats" in rows[0]["how"]
    # Of a pattern three bits a kernel, and four bits for each of its taps; in lists eight a weight.
    assert "12,416 bits for 16,384 weights, 131,072 in lists" in rows[5]["how"]
    assert 64 * 64 * 3 + 8 * 4 * 4 == 12_416 and 16_384 * 8 == 131_072
    verdict.update(passed=False, mismatches=0)
    assert [row["met"] for row in bench.structured(lambda what: None)][:5] == [False] * 5
    verdict.update(mismatches=3)
    assert [row["measured"] for row in bench.structured(lambda what: None)][:5] == [24] * 5
