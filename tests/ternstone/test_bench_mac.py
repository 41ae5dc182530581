"""The rows on multiply-accumulate structures: what they ask for, what they say without tools."""

import os
import re
from types import SimpleNamespace

import numpy as np
import pytest

from golden.formats import Format
from golden.weights import WeightKind
from sim.tools import ToolError
from ternstone import bench_mac
from ternstone.bench_mac import BOOTH8, BOOTH12, CASES, PLAIN, POWERS, WIDE, Case, PlainLane
from tests.hdl.bench import play


def said(_what):
    pass


def found(**each):
    """An answer for every case: 1000 um2, or as its weights and operands say."""
    return {case: {"case": str(case), "each": each.get(f"{case.weights}_{case.bits}", 1000.0),
                   "lane": 0.0, "shared": 0.0, "structure": "ripple", "ns": 5.0, "timing": "x",
                   "pdk": "p", "tool": "t", "version": "1", "flow": ""} for case in CASES}


@pytest.mark.parametrize("part", [bench_mac.arrays, bench_mac.powers])
@pytest.mark.parametrize("root, why", [
    (None, r"^not measured: PDK_ROOT must be set, to a folder that holds ihp-sg13g2$"),
    ("/nowhere", r"^not measured: PDK_ROOT must be a folder that holds ihp-sg13g2/.*'/nowhere'$")])
def test_without_a_kit(part, root, why, monkeypatch):
    monkeypatch.setattr(bench_mac, "find_yosys", lambda: None)
    monkeypatch.delenv("PDK_ROOT", raising=False)
    if root:
        monkeypatch.setenv("PDK_ROOT", root)
    (row,) = part(said)
    assert (row["measured"], row["met"]) == (None, None)
    assert re.search(why, row["how"])


def test_without_yosys(monkeypatch):
    def none():
        raise ToolError("Yosys must be installed")
    monkeypatch.setattr(bench_mac, "find_yosys", none)
    (row,) = bench_mac.arrays(said)
    assert row["how"] == "not measured: Yosys must be installed"


def test_ratios():
    few = found(binary_12=80.0, ternary_12=120.0, binary_8=130.0, ternary_8=150.0)
    rows = list(bench_mac.ratios(few))
    assert [(row["measured"], row["met"]) for row in rows] == [
        (12.5, True), (8.33, False), (12.5, False), (8.33, False), (12.5, None), (8.33, None),
        (7.69, False), (6.67, True), (7.69, None), (6.67, None)]


def test_references_have_as_many_lanes():
    answers = found()
    for case, answer in answers.items():
        if case.lanes == WIDE:
            answer["each"] = 900.0 if case.weights == "int8" else 100.0
    eight, ternary, few, _ = list(bench_mac.ratios(answers))[6:]
    assert (eight["measured"], ternary["measured"], few["measured"]) == (9.0, 9.0, 1.0)
    assert "128 lanes" in eight["setting"] and "128 lanes" in eight["how"]


def test_buffers():
    """One for 32 lanes, behind the register."""
    assert [Case("binary", 8, 3, lanes=lanes).buffers for lanes in (1, 32, 33, 128)] == [1, 1, 2, 4]


def test_too_slow_ones_do_not_count():
    answers = found(binary_12=80.0)
    for case, answer in answers.items():
        if (case.weights, case.bits, case.share) == ("binary", 12, 3):
            answer["each"], answer["ns"] = 10.0, 6.3
    assert bench_mac.smallest(answers, "binary", 12).share == 1
    assert bench_mac.smallest(answers, "int12", 12) in BOOTH12


def test_shares():
    rows = list(bench_mac.shares(found(powers3_8=500.0, powers4_8=600.0)))
    assert [(row["measured"], row["met"]) for row in rows] == [
        (0.5, None), (0.5, None), (0.5, True), (0.6, None), (0.6, None), (0.6, False)]


def test_cases_are_what_the_targets_name():
    assert {case.terms for case in POWERS} == {1, 4, 8} < {case.terms for case in BOOTH8}
    assert (BOOTH12[1].weights, BOOTH12[1].terms) == ("int12", 4)
    assert all(case.plain for case in PLAIN.values())
    assert str(Case("binary", 12, 24, 3)) == (
        "binary, 12-bit operands, 24 terms, shared sums of 3")
    assert str(PLAIN[8]) == "Yosys *, 8-bit operands, 1 term"


def test_plain_lane():
    """The reference is no less than a multiply-accumulate."""
    lane = PlainLane(Format(5), WeightKind("int4"), 4)
    values, weights = np.array([-16, 15, 3, -7]), np.array([-7, 7, -1, 5])

    async def testbench(ctx):
        ctx.set(lane.step, 1)
        for n, (value, weight) in enumerate(zip(values, weights, strict=True)):
            ctx.set(lane.first, n == 0)
            ctx.set(lane.value, int(value))
            ctx.set(lane.weight, int(weight))
            await ctx.tick()
        assert ctx.get(lane.total) == values @ weights

    play(lane, testbench)


def test_operands_bit_by_bit_take_as_many_cycles(monkeypatch):
    monkeypatch.setattr(bench_mac, "find_pdk", lambda: SimpleNamespace(buffer="buf"))
    monkeypatch.setattr(bench_mac, "find_yosys", lambda: None)
    monkeypatch.setattr(bench_mac, "cell_area", lambda *_: 2.0)
    monkeypatch.setattr(bench_mac, "area", lambda *_, **__: {
        "um2": 96.0, "ns": 5.0, "timing": "x", "tool": "t", "version": "1", "flow": ""})
    abreast, serial = (bench_mac.measured(Case("binary", 8, 4, serial=serial))["each"]
                       for serial in (False, True))
    # A lane, the shared part and its buffers, of operands and of their bits.
    assert abreast == (96 + (96 + 2 * 4 * 8) / 32) / 4
    assert serial == (96 + (96 + 2 * 4) / 32) / 4 * 8


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("PDK_ROOT") or bool(bench_mac.missing()),
                    reason="no process kit in PDK_ROOT")
def test_measured():
    answer = bench_mac.measured(Case("binary", 8, 3, 3))
    assert answer["structure"] == "ripple" and answer["ns"] < 6.25
    assert answer["each"] == pytest.approx((answer["lane"] + answer["shared"] / 32) / 3)
    assert 500 < answer["each"] < 1500
