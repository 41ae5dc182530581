"""Real builds of a small design: counts, checks, seeds, bytes, and what is refused."""

import dataclasses
import json

import pytest

from fpga import steps
from fpga.boards import FAMILIES
from fpga.build import build, place, shell, synthesise
from fpga.report import critical_path, memory_fit, page, report
from fpga.steps import Step, StepError
from fpga.tools import Tool
from tests.fpga.small import MEMORIES, PORTS, SMALL, needs_tools, project

pytestmark = needs_tools


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def built(cache):
    """The design on an iCE40, two seeds."""
    return build(synthesise(project(), cache), cache, [1, 2])


def test_counts(cache):
    made = synthesise(project(), cache)
    # A product of eight bits each and a sum of 24: one SB_MAC16, or all of it in LUTs.
    assert made.cells["DSP"] == 1 and made.cells["RAM"] == 1
    soft = synthesise(project(dsp=False), cache)
    assert soft.cells["DSP"] == 0 and soft.cells["RAM"] == 1
    assert soft.cells["FF"] == 24 + 16
    assert soft.cells["LUT4"] > made.cells["LUT4"] + 60
    assert made.fits and soft.fits and not soft.too_much


@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-25f"])
def test_the_shell_is_known_to_the_cell(board, cache):
    """Of a block without any logic, the shell is all that is counted."""
    wires = ("module wires(input clk, input [4:0] a, output [4:0] b); assign b = a; endmodule")
    ports = [("clk", "input", 1), ("a", "input", 5), ("b", "output", 5)]
    made = synthesise(project(board, block="wires", name="wires", verilog={
        "wires.v": wires, "shell.v": shell("wires", ports)}), cache)
    assert sum(made.cells.values()) == 0
    taken, around = made.taken, made.around
    assert taken["FF"] == around["FF"] == 5 + 2 * 5 + 1
    # nextpnr adds a cell for each constant.
    assert around["LUT4"] <= taken["LUT4"] <= around["LUT4"] + 2


def test_every_seed_is_tried_and_the_best_kept(built):
    assert [r.seed for r in built.seeds] == [1, 2]
    assert built.best.slowest == max(r.slowest for r in built.seeds)
    assert built.met and built.best.slowest > 12
    assert len(built.image) > 10_000


def test_seeds_until_the_clock_is_met(built, cache):
    """No seed more than it takes; where none reaches the clock, all, and the best is kept."""
    assert [r.seed for r in build(built.synthesis, cache, [2, 1], until_met=True).seeds] == [2]
    missed = build(synthesise(project(mhz=700.0), cache), cache, [1, 2], until_met=True)
    assert [r.seed for r in missed.seeds] == [1, 2] and not missed.met
    assert missed.best.slowest == max(r.slowest for r in missed.seeds)


def test_same_inputs_same_bytes(built, tmp_path):
    """Once more, with nothing kept from before."""
    again = build(synthesise(project(), tmp_path), tmp_path, [2, 1])
    assert again.image == built.image
    assert again.files["netlist.v"] == built.files["netlist.v"]


def test_ecp5(cache):
    made = build(synthesise(project("ulx3s-25f", 50.0), cache), cache, [1])
    assert made.synthesis.cells["DSP"] == 1 and made.synthesis.cells["RAM"] == 1
    assert made.met and len(made.image) > 100_000


def test_what_was_made_is_kept(built, cache, monkeypatch):
    heard = []
    monkeypatch.setattr(steps.subprocess, "run", lambda *_, **__: pytest.fail("ran again"))
    again = build(synthesise(project(), cache, heard.append), cache, [1, 2], heard.append)
    assert again.image == built.image
    assert heard[0].startswith("synthesis for ice40 (")
    assert heard[-1].startswith("packing the bitstream (")


def test_missed_timing_is_said_not_hidden(cache):
    """nextpnr ends with an error; what it made is there all the same, and is not called good."""
    made = build(synthesise(project(mhz=700.0), cache), cache, [1])
    assert not made.met and 12 < made.best.slowest < 700


def test_too_large(cache):
    """Counted after synthesis, against what the device has."""
    many = SMALL["small.v"].replace("[0:255]", "[0:65535]").replace("[7:0] r_addr",
                                                                   "[15:0] r_addr")
    many = many.replace("[7:0] address", "[15:0] address")
    ports = [(name, way, 16 if name == "address" else width) for name, way, width in PORTS]
    large = project(verilog={**SMALL, "small.v": many, "shell.v": shell("small", ports)})
    made = synthesise(large, cache)
    assert not made.fits
    assert made.too_much == {"RAM": (128, 30)}


# -- the checks of synthesis

LOOP = "wire x; assign x = ~(x & a[0]); always @(posedge clk) total <= {23'd0, x};"
LATCH = "reg x; always @* if (a[0]) x = a[1]; always @(posedge clk) total <= {23'd0, x};"
FALLING = "always @(negedge clk) total <= {16'd0, a};"
TWICE = ("wire x; assign x = a[0]; assign x = a[1]; "
         "always @(posedge clk) total <= {23'd0, x};")


@pytest.mark.parametrize("body, said", [
    (LOOP, "found logic loop|Found 1 problems"), (LATCH, "Assertion failed"),
    (FALLING, "Assertion failed"), (TWICE, "Found 1 problems|multiple conflicting drivers"),
    ("assign nonsense", "ERROR")])
def test_checks(body, said, cache):
    verilog = ("module small(input clk, input rst, input [7:0] address, input [7:0] a, "
               f"output reg [23:0] total); {body} endmodule\n")
    with pytest.raises(StepError, match=rf"^yosys must accept the design, but it says: .*({said})"):
        synthesise(project(verilog={**project().verilog, "small.v": verilog}), cache)


def test_nextpnr_finds_a_loop(cache):
    """A loop put into the netlist, behind Yosys' checks: the LUT's first input is its output."""
    made = synthesise(project("ulx3s-25f", dsp=False), cache)
    assert "loop" not in place(made, cache)
    netlist = json.loads(made.files["netlist.json"])
    cells = netlist["modules"]["small"]["cells"].values()
    pins = next(cell["connections"] for cell in cells if cell["type"] == "LUT4")
    pins["A"] = pins["Z"]
    broken = dataclasses.replace(made, files={**made.files,
                                              "netlist.json": json.dumps(netlist).encode()})
    with pytest.raises(StepError, match=r"nextpnr-ecp5 must .*failed due to combinational loops"):
        place(broken, cache)


def test_what_nextpnr_refuses(cache):
    broken = dataclasses.replace(synthesise(project(), cache), files={"netlist.json": b"{"})
    with pytest.raises(StepError, match=r"^nextpnr-ice40 must accept the design, but it says: "):
        build(broken, cache, [1])


def test_a_failed_step_leaves_nothing(tmp_path):
    step = Step("yosys", ("-q", "-s", "x.ys"), ("x.ys",), ("out",), "log")
    with pytest.raises(StepError):
        steps.run(step, {"x.ys": b"no_such_pass\n"}, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_step_that_is_killed(tmp_path):
    """By the system, for want of memory or of room for its files."""
    step = Step("sh", ("-c", "kill -XFSZ $$"), (), ("out",), "log")
    with pytest.raises(StepError, match=r"^sh must come to its end, but SIGXFSZ stopped it$"):
        steps.run(step, {}, tmp_path / "cache", Tool("sh", "1", ("sh",)))


def test_a_file_that_ends_early(tmp_path):
    """Of a program that does not look whether its file was written: nothing is kept."""
    step = Step("sh", ("-c", "printf '{' > out.json"), (), ("out.json",), "log")
    with pytest.raises(StepError, match=r"^sh must write all of out\.json, but it ends early: is "
                                        r"there room for it\?$"):
        steps.run(step, {}, tmp_path / "cache", Tool("sh", "1", ("sh",)))
    assert not list((tmp_path / "cache").iterdir())


def test_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("golden.files.os.fsync", full)
    step = Step("sh", ("-c", "true"), ("x.ys",), (), "log")
    with pytest.raises(OSError, match=r"No space left on device: '.*/x\.ys'$"):
        steps.run(step, {"x.ys": b"ours"}, tmp_path, Tool("sh", "1", ("sh",)))


def test_broken_results_are_made_anew(tmp_path):
    step = Step("sh", ("-c", "echo ours > out"), (), ("out",), "log")
    shell = Tool("sh", "1", ("sh",))
    assert not steps.run(step, {}, tmp_path, shell).cached
    for name in ("out", "log", "step.json"):
        file, = tmp_path.glob(f"*/{name}")
        for harm in ("", "other"):
            file.write_text(harm)
            made = steps.run(step, {}, tmp_path, shell)
            assert made.files["out"] == b"ours\n" and made.cached == (
                (name, harm) == ("log", ""))
    assert steps.run(step, {}, tmp_path, shell).cached


# -- what is reported

def test_critical_path_is_in_the_sources_names(built):
    path = critical_path(built.best.timing)
    names = {hop["name"] for hop in path["hops"]}
    assert names <= {"table_0.contents", "product", "total", "a", "held", "drive", "top", "word"}
    assert path["ns"] == pytest.approx(1000 / built.best.slowest, rel=0.001)
    assert path["logic_ns"] + path["wire_ns"] == pytest.approx(path["ns"], abs=0.002)


def test_report(built):
    answer = report(built, MEMORIES, cycles=2000, frames=20)
    assert answer["fmax_mhz"] == round(built.best.slowest, 2)
    assert answer["frames_per_second"] == pytest.approx(built.best.slowest * 1e4, rel=0.001)
    (memory,) = answer["memories"]
    assert (memory["taken"], memory["best"], memory["fill"]) == (1, 1, 1.0)
    # The registers around the block are not counted.
    assert answer["capacity"]["FF"]["taken"] == answer["cells"]["FF"]
    assert answer["capacity"]["DSP"] == {"taken": 1, "available": 8}
    text = page(answer)
    assert text.count("<svg") == 3 and "table_0" in text and "src=" not in text
    assert page(answer) == text


@pytest.mark.parametrize("words, width, ice40, ecp5", [
    (256, 16, 1, 1), (512, 8, 1, 1), (576, 64, 12, 4), (640, 8, 2, 1), (2049, 2, 2, 1),
    (16385, 1, 9, 2)])
def test_least_block_rams(words, width, ice40, ecp5):
    netlist = {"modules": {"top": {"cells": {}}}}
    memory = {"module": "m", "name": "contents", "words": words, "width": width}
    for family, expected in (("ice40", ice40), ("ecp5", ecp5)):
        (fit,) = memory_fit(FAMILIES[family], "top", netlist, [memory])
        assert (fit["best"], fit["taken"], fit["fill"]) == (expected, 0, None)
