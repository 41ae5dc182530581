"""``ternstone bench fpga``: what is right is met, and what is wrong is not."""

import dataclasses

import pytest

from fpga.boards import BOARDS
from golden.link.params import LEAST_RATIO
from ternstone import bench_fpga, designs
from ternstone.bench_fpga import BLOCKS, PARTS
from ternstone.catalogue import BLOCKS as ALL
from ternstone.catalogue import DESIGNS, DesignEntry
from ternstone.errors import BadInput
from tests.fpga.small import needs_tools
from tests.ternstone.fake import ENTRY

pytestmark = needs_tools


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Puts designs of the block for tests in the place of all ready ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(ALL, "fake.adder", ENTRY)
    monkeypatch.setattr(bench_fpga, "SEEDS", 1)

    def put(**params):
        entry = DesignEntry(None, "fake.adder", None, "of the test", params=params,
                            boards={"hx8k": {}})
        monkeypatch.setattr(bench_fpga, "DESIGNS", {"fake": entry})
        monkeypatch.setattr(designs, "DESIGNS", {"fake": entry})

    return put


def test_on_boards(fake, monkeypatch):
    """Of one build: a clock that is reached, a rung that fails, one that this device has not, a
    memory of a block RAM too many. (Real ones: test_regress.)"""
    fake()
    row = {"frames": 4, "failure": None, "passed": True,
           "streams": {"cycles": 20, "golden_cycles": 20},
           "pins": {"cycles": 9, "golden_cycles": None}}
    answer = {
        **dict.fromkeys(bench_fpga._KEPT), "fmax_mhz": 50.0, "target_mhz": 48,
        "frames_per_second": 1e4, "cells": {"LUT4": 9},
        "tools": {"yosys": "Yosys"}, "seeds": [{"fmax_mhz": 50.0}],
        "regression": {"netlist": {**row, "passed": False, "failure": "2 beats differ"},
                       "bitstream": {"left_out": "no way back"}},
        "memories": [{"words": 256, "width": 16, "taken": 2, "best": 1, "fill": 0.5},
                     {"words": 512, "width": 16, "taken": 1, "best": 2, "fill": 1.0},
                     {"words": 4, "width": 4, "taken": 0, "best": 1, "fill": None}]}
    seen = []
    monkeypatch.setattr(bench_fpga, "implement",
                        lambda design, board, **given: seen.append(given["rungs"]) or answer)
    clock, netlist, bitstream, memory = bench_fpga.boards("fake", lambda what: None)
    assert seen == ["both"] and clock["met"] and "50" not in clock["target"]
    assert clock["build"]["given"] == {} and clock["build"]["memories"] == answer["memories"]
    assert netlist["met"] is False and netlist["measured"] == 4
    assert bitstream["met"] is None and "no way back" in bitstream["how"]
    assert memory["met"] is False and memory["measured"] == 1
    answer["regression"] = {"netlist": row}
    answer["memories"][0]["taken"] = 1
    _, netlist, memory = bench_fpga.boards("fake", lambda what: None)
    assert netlist["met"] and memory["met"]
    assert netlist["how"] == "4 frames; streams: 20 cycles as golden says; pins: 9 cycles"


def test_long_frames(fake, monkeypatch):
    """Fewer of them, over a faster line."""
    fake()
    seen = []

    def implement(design, board, *, baud, frames, **given):
        seen.append((frames, baud))
        raise BadInput("enough")

    monkeypatch.setattr(bench_fpga, "implement", implement)
    list(bench_fpga.boards("fake", lambda what: None))
    monkeypatch.setitem(bench_fpga.LONG, "fake", (1, 2_000_000))
    list(bench_fpga.boards("fake", lambda what: None))
    assert seen == [(bench_fpga.FRAMES, None), (1, 2_000_000)]


def test_long_frames_are_of_designs():
    """And their lines are not too fast for the clock."""
    for name, (frames, baud) in bench_fpga.LONG.items():
        entry = DESIGNS[name]
        assert 0 < frames < bench_fpga.FRAMES
        for board in entry.boards:
            mhz = entry.clocks.get(board, BOARDS[board].device.mhz)
            assert baud is None or baud * LEAST_RATIO <= mhz * 1e6


def test_a_design_that_does_not_fit(fake, monkeypatch):
    fake()

    def refuse(*_, **__):
        raise BadInput("fake must fit hx8k, but takes 2 of 1 LUT4")

    monkeypatch.setattr(bench_fpga, "implement", refuse)
    (row,) = bench_fpga.boards("fake", lambda what: None)
    assert row["met"] is False and "2 of 1 LUT4" in row["how"]


def testfmax(fake, monkeypatch):
    monkeypatch.setattr(bench_fpga, "BLOCKS", {
        "reached": bench_fpga.Bare("fake.adder", {}, "hx8k", 50),
        "not reached": bench_fpga.Bare("fake.adder", {}, "hx8k", 2000)})
    (reached,), (missed,) = (bench_fpga.block(name, lambda what: None)
                             for name in bench_fpga.BLOCKS)
    assert reached["met"] and not missed["met"]
    assert reached["build"]["critical_path"] and "path: " in reached["how"]


def test_seeds_until_one_reaches_the_clock(fake, monkeypatch):
    monkeypatch.setattr(bench_fpga, "SEEDS", 3)
    monkeypatch.setattr(bench_fpga, "BLOCKS", {
        str(mhz): bench_fpga.Bare("fake.adder", {}, "hx8k", mhz) for mhz in (50, 2000)})
    (reached,), (missed,) = (bench_fpga.block(name, lambda what: None)
                             for name in bench_fpga.BLOCKS)
    assert [len(row["build"]["seeds"]) for row in (reached, missed)] == [1, 3]


def test_checks(fake, monkeypatch):
    fake()
    assert bench_fpga._check("fake")["met"]

    def latch(verilog):
        return verilog.replace("endmodule", "reg q; always @* if (clk) q = rst; endmodule", 1)

    real = bench_fpga.outline

    def spoilt(design, *arguments):
        synthesis = real(design, *arguments)
        project = synthesis.project
        text = {name: latch(content) if name == "fake.v" else content
                for name, content in project.verilog.items()}
        return bench_fpga.synthesise(dataclasses.replace(project, verilog=text), bench_fpga.CACHE)

    monkeypatch.setattr(bench_fpga, "outline", spoilt)
    row = bench_fpga._check("fake")
    assert row["met"] is False and row["measured"] == 1


def test_a_small_circuit_on_an_ecp5(monkeypatch, tmp_path):
    """Yosys' ABC9 drove kept wires twice that are the same as an input; `check -assert` sees it."""
    monkeypatch.chdir(tmp_path)
    made = bench_fpga.outline(bench_fpga.open_design("and-gate", None, {}), BOARDS["ulx3s-85f"],
                              None, lambda what: None)
    assert made.fits


def test_same_bytes(fake, monkeypatch):
    monkeypatch.setattr(bench_fpga, "open_design",
                        lambda name, model, given: designs.open_design("fake", model, given))
    fake()
    row = next(bench_fpga.reproducible(lambda what: None))
    assert row["met"] and row["measured"] == 0


def test_every_design_and_block_is_a_part():
    """So that one can be measured anew, and `--only boards` measures all."""
    assert {*(f"boards {name}" for name in DESIGNS), *(f"blocks {name}" for name in BLOCKS),
            "checks", "bytes"} == set(PARTS)


def test_blocks_are_designs():
    for bare in BLOCKS.values():
        designs.open_design(bare.design, None, bare.given)
