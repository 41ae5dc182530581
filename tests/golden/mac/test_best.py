"""What an array is when nothing is said of it: the smallest that was measured."""

import json

import pytest

from golden.mac import best as module
from golden.mac.array import array
from golden.mac.best import FILE, best
from golden.weights import WEIGHT_KINDS

ROWS = json.loads(FILE.read_text())["rows"]


@pytest.mark.parametrize("weights", WEIGHT_KINDS)
@pytest.mark.parametrize("length", [1, 7, 16, 48, 1000])
def test_every_kind_and_length(weights, length):
    for bits, lanes in ((2, 1), (8, 8), (11, 32), (16, 1024)):
        p = array(weights, bits, lanes=lanes, length=length)
        assert (p.length % p.terms, p.terms % p.share) == (0, 0)
        assert (p.terms, p.share, p.structure) == best(weights, bits, lanes, length)


@pytest.mark.parametrize("weights, bits, lanes", [
    (row["weights"], row["bits"], lanes) for row in ROWS if row["terms"] == 1
    for lanes in (1, 8, 128)])
def test_nothing_measured_is_smaller(weights, bits, lanes):
    each = {(row["terms"], row["share"], row["structure"]):
            (row["lane"] + row["shared"] / lanes) / row["terms"] for row in ROWS
            if (row["weights"], row["bits"]) == (weights, bits)}
    assert each[best(weights, bits, lanes, 192)] == min(each.values())
    few = {key: area for key, area in each.items() if 16 % key[0] == 0}
    assert each[best(weights, bits, lanes, 16)] == min(few.values())


@pytest.fixture
def few(tmp_path, monkeypatch):
    """A sweep of six rows: shared sums pay from some lanes on, many terms need carry-save."""
    names = "weights", "bits", "terms", "share", "structure", "lane", "shared"
    rows = [("ternary", 8, 1, 1, "ripple", 1000, 100), ("ternary", 8, 4, 1, "ripple", 2000, 400),
            ("ternary", 8, 4, 2, "ripple", 1200, 8400), ("ternary", 12, 1, 1, "ripple", 1500, 100),
            ("int8", 8, 1, 1, "ripple", 4000, 100), ("int8", 8, 8, 1, "carry-save", 24000, 800)]
    path = tmp_path / "areas.json"
    path.write_text(json.dumps({"rows": [dict(zip(names, row, strict=True)) for row in rows]}))
    monkeypatch.setattr(module, "FILE", path)
    module._rows.cache_clear()
    yield
    module._rows.cache_clear()


def test_best(few):
    assert best("ternary", 8, 8, 16) == (4, 1, "ripple")  # 512.5 a product beside 562.5
    assert best("ternary", 8, 11, 16) == (4, 2, "ripple")  # 490.9 beside 509.1
    assert best("ternary", 8, 32, 6) == (1, 1, "ripple")  # 4 does not divide it
    assert best("ternary", 10, 32, 16) == (1, 1, "ripple")  # as at 12, the wider
    assert best("int4", 8, 8, 16) == (8, 1, "carry-save")  # as int8
    # What is given stays; the rest is that of the nearest number of terms.
    assert best("ternary", 8, 32, 16, share=1) == (4, 1, "ripple")
    assert best("ternary", 8, 1, 16, terms=2, share=2) == (2, 2, "ripple")
    assert best("ternary", 8, 32, 16, terms=8) == (8, 2, "ripple")
    assert best("ternary", 8, 32, 15, terms=3) == (3, 1, "ripple")
    assert best("int8", 8, 8, 16, terms=16) == (16, 1, "carry-save")
    assert best("int8", 8, 8, 16, terms=2) == (2, 1, "ripple")


@pytest.mark.parametrize("given, message", [
    ({"weights": "int1"}, r"^Weight kind must be one of binary, .*, not 'int1'$"),
    ({"terms": 0}, r"^Array terms must be between 1 and 256, not 0$"),
    ({"terms": 3}, r"^Array length must be a multiple of the 3 terms a cycle, not 16$"),
    ({"share": 0}, r"^Array share must be between 1 and 2, not 0$"),
    ({"share": 3}, r"^Array share must be between 1 and 2, not 3$"),
    ({"weights": "powers4", "share": 2}, r"^Array share must be 1 with powers4 weights, not 2$"),
    ({"length": 0}, r"^Array length must be between \d+ and 65536, not 0$"),
    ({"lanes": 0}, r"^Array lanes must be between 1 and 1024, not 0$"),
    ({"structure": "tree"}, r"^Array structure must be one of ripple, carry-save, not 'tree'$")])
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        array(**given)


def test_shared_sums_that_were_not_measured():
    """As many of them as of single operands."""
    most = max(row["terms"] for row in ROWS if row["weights"] == "binary" and row["share"] == 1)
    p = array("binary", share=4, length=64)
    assert (p.share, p.terms) == (4, 4 * most)
