"""The stochastic family's bench: what it measures is what it says, and it can fail."""

import pytest

from golden.stochastic.mac import MacParams
from sim.tools import ToolError
from ternstone import bench_stochastic
from ternstone.bench import PEERS

AREA = {"LUT4": 700, "FF": 300, "carry": 10, "tool": "a tool", "version": "1",
        "flow": "synth_ecp5 -top top"}
PASSED = {"passed": True, "mismatches": 0}
PARAMS = MacParams(length=64)


@pytest.fixture
def without_tools(monkeypatch):
    """Neither simulator nor synthesis; a system with a Yosys."""
    monkeypatch.setattr(bench_stochastic, "verified", lambda *_, **__: PASSED)
    monkeypatch.setattr(bench_stochastic, "ecp5", lambda *_, **__: AREA)
    monkeypatch.setattr(bench_stochastic, "system_yosys", lambda: "yosys")


def _rows():
    return list(bench_stochastic._mac(PARAMS, PEERS["mac-16"]))


def test_beside_the_peer(without_tools):
    rows = _rows()
    assert [row["figure"] for row in rows] == [
        "mismatches", "RMSE", "cycles", *["LUT4", "FF", "LUT4 and the LUTs of CCU2C"] * 2]
    assert all(row["met"] for row in rows)
    error, cycles = rows[1:3]
    assert 0.0015 < error["measured"] < 0.003 and error["target"] == "<= 0.0113"
    assert cycles["measured"] == 16 + 64 + 2
    assert (rows[3]["measured"], rows[3]["target"]) == (700, "<= 718")
    assert (rows[5]["measured"], rows[5]["target"]) == (720, "<= 1,242")


def test_a_mismatch_ends_it(without_tools, monkeypatch):
    monkeypatch.setattr(bench_stochastic, "verified", lambda *_, **__: {
        "passed": False, "mismatches": 3, "failure": "3 of 7 beats differ"})
    (row,) = _rows()
    assert (row["measured"], row["met"], row["how"]) == (3, False, "3 of 7 beats differ")


def test_without_a_yosys(without_tools, monkeypatch):
    def missing(*_, **__):
        raise ToolError("Yosys must be there")

    monkeypatch.setattr(bench_stochastic, "ecp5", missing)
    monkeypatch.setattr(bench_stochastic, "system_yosys", lambda: None)
    rows = _rows()[3:]
    assert [(row["figure"], row["measured"], row["met"]) for row in rows] == [
        ("LUT4", None, None), ("FF", None, None)] * 2
    assert rows[0]["how"] == "not measured: Yosys must be there"
    assert rows[2]["how"] == "not measured: a yosys must be on PATH, best the peer's 0.23"
