"""``ternstone bench``: the answer's form, its file, its exit status."""

import json

import pytest

from ternstone import bench, bench_lstm
from ternstone.bench import at_least, at_most, figure, side_by_side
from ternstone.catalogue import BENCHES

HOW = "counted"


@pytest.fixture
def parts(monkeypatch):
    """The bench of three parts, each of one row."""
    made = {"first": lambda say: iter([at_least("utilisation", "16 lanes", 0.99, 0.98, HOW)]),
            "second": lambda say: iter([figure("area", "binary", 41.5, HOW)]),
            "missed": lambda say: iter([at_most("cycles", "8 to 16", 1001, 1000, HOW)])}
    monkeypatch.setattr(bench_lstm, "PARTS", made)
    return made


def test_answer(ternstone, parts, tmp_path):
    answer = ternstone("bench", "lstm", "--json")
    assert answer.status == 1  # one figure is missed
    assert (answer.json["family"], answer.json["met"]) == ("lstm", False)
    assert answer.json["figures"] == [
        {"part": "first", "figure": "utilisation", "setting": "16 lanes", "measured": 0.99,
         "target": ">= 0.98", "met": True, "how": HOW},
        {"part": "second", "figure": "area", "setting": "binary", "measured": 41.5,
         "target": "-", "met": None, "how": HOW},
        {"part": "missed", "figure": "cycles", "setting": "8 to 16", "measured": 1001,
         "target": "<= 1,000", "met": False, "how": HOW}]
    assert {"python", "amaranth", "torch", "verilator"} <= answer.json["tools"].keys()
    assert json.loads((tmp_path / "build" / "bench-lstm.json").read_text()) == answer.json
    assert "16 lanes" in ternstone("bench", "lstm").out


def test_only(ternstone, parts):
    answer = ternstone("bench", "lstm", "--only", "second", "--only", "first", "--json")
    assert answer.status == 0
    assert [row["part"] for row in answer.json["figures"]] == ["first", "second"]
    answer = ternstone("bench", "lstm", "--only", "secund")
    assert (answer.status, answer.err) == (
        2, "error: Part 'secund' of lstm is not known: did you mean second?\n")


def test_only_by_the_first_word(ternstone, parts):
    parts |= {f"first {name}": parts["second"] for name in ("a", "b")}
    for only, ran in (("first", ["first", "first a", "first b"]), ("first b", ["first b"])):
        answer = ternstone("bench", "lstm", "--only", only, "--json")
        assert [row["part"] for row in answer.json["figures"]] == ran
    assert ternstone("bench", "lstm", "--only", "b").status == 2


def test_save(ternstone, parts, tmp_path):
    answer = ternstone("bench", "lstm", "--only", "first", "--json", "--save", "kept.json")
    assert json.loads((tmp_path / "kept.json").read_text()) == answer.json
    parts["first"] = lambda say: iter([figure("cycles", "again", 7, HOW)])
    for part in ("second", "first"):  # beside what is there, in the parts' order
        ternstone("bench", "lstm", "--only", part, "--save", "kept.json")
    rows = json.loads((tmp_path / "kept.json").read_text())["figures"]
    assert [(row["part"], row["setting"]) for row in rows] == [
        ("first", "again"), ("second", "binary")]
    ternstone("bench", "lstm", "--save", "kept.json")
    assert len(json.loads((tmp_path / "kept.json").read_text())["figures"]) == 3
    (tmp_path / "kept.json").write_text("[]")
    answer = ternstone("bench", "lstm", "--only", "first", "--save", "kept.json")
    assert (answer.status, answer.err.splitlines()[-1]) == (
        2, "error: File kept.json must be an answer of this bench, which it is not "
        "(remove it, or name another)")
    answer = ternstone("bench", "lstm", "--only", "first", "--save", "nowhere/kept.json")
    assert (answer.status, answer.err) == (2, "error: File nowhere/kept.json must be in a folder "
                                           "that exists, and must not be a folder itself\n")


def test_what_was_not_measured_is_said(ternstone, parts):
    parts.clear()
    parts["array"] = lambda say: iter([figure("area", "all", None, "not measured: no Yosys")])
    answer = ternstone("bench", "lstm")
    assert answer.status == 0
    assert "area, all: not measured: no Yosys\n" in answer.err


def test_unknown_family(ternstone):
    answer = ternstone("bench", "lst")
    assert (answer.status, answer.err) == (
        2, "error: Family 'lst' is not known: did you mean lstm?\n")
    assert list(BENCHES) == ["lstm", "stochastic", "invertible", "sparse_conv", "mac", "asic",
                             "fpga", "peers"]


def test_side_by_side_keeps_order():
    said = []
    assert list(side_by_side(abs, (-3, 2, -1), said.append, "sizes")) == [3, 2, 1]
    assert said == [f"sizes ({n} of 3 done)" for n in range(3)]
    with pytest.raises(TypeError, match=r"^bad operand type for abs"):
        list(side_by_side(abs, ("x",)))


def test_limits():
    assert bench.at_most("a", "b", 5.0, 5, HOW)["met"]
    assert not bench.at_most("a", "b", 5.1, 5, HOW)["met"]
    assert bench.at_least("a", "b", 5.0, 5, HOW)["met"]
    assert not bench.at_least("a", "b", 4.9, 5, HOW)["met"]
    assert bench.at_most("a", "b", 1, 83580.4, HOW)["target"] == "<= 83,580.4"
