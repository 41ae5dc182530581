"""Areas and paths of designs that can be counted by hand, in a kit of a few cells."""

import pytest

from asic import area as module
from asic.area import area, cell_area, find_sta, transistors
from asic.pdk import PdkError, find_pdk
from fpga.area import statistics
from fpga.tools import find_yosys
from hdl.verilog import Verilog
from sim.tools import ToolError
from tests.asic.few import LIBERTY, few, needs_sta
from tests.fpga.small import needs_yosys

SMALL = Verilog("""module top(input clk, input [1:0] a, output reg q);
  always @(posedge clk) q <= ~(a[0] & a[1]);
endmodule
""")

@pytest.fixture
def pdk(tmp_path):
    return few(tmp_path)


@needs_yosys
def test_area(pdk):
    found = area(SMALL, pdk, find_yosys())
    assert (found["um2"], found["cells"]) == (13, {"dff": 1, "nand2": 1})
    assert found["version"][0].isdigit() and found["flow"].startswith("synth -flatten -top top; ")


@needs_yosys
def test_few_loads(pdk, monkeypatch):
    """The structure as it is written, and no buffers."""
    scripts = []
    monkeypatch.setattr(module, "statistics", lambda yosys, folder, lines: scripts.append(
        (folder / "cells.abc").read_text().split("\n")) or statistics(yosys, folder, lines))
    flows = [area(SMALL, pdk, find_yosys(), few_loads=few)["flow"] for few in (False, True)]
    assert ["-noabc" in flow for flow in flows] == [False, True]
    assert [script.count("buffer -c") for script in scripts] == [1, 0]


@needs_yosys
@needs_sta
def test_longest_path(pdk):
    found = area(SMALL, pdk, find_yosys(), clock_ns=2, input_ns=0.3)
    assert found["timing"] == str(find_sta())
    assert found["ns"] == pytest.approx(0.3 + 0.1 + 0.05, abs=0.011)


@needs_yosys
def test_without_sta(pdk, monkeypatch):
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    found = area(SMALL, pdk, find_yosys())
    assert found["timing"].startswith("ABC's estimate") and 0.05 < found["ns"] < 0.5
    with pytest.raises(ToolError, match=r"^OpenSTA must be installed, .*opensta\)$"):
        find_sta()


@needs_yosys
def test_refused(pdk):
    with pytest.raises(RuntimeError, match=r"^Yosys must accept the Verilog, .*ERROR.*\w"):
        area(Verilog("module top(input a, output b; endmodule"), pdk, find_yosys())
    pdk.liberty.write_text("library(few) { cell(inv { }")
    with pytest.raises(RuntimeError, match=r"^Yosys must accept the Liberty, [^\n]*$"):
        area(SMALL, pdk, find_yosys())


@needs_yosys
def test_transistors():
    found = transistors(SMALL, find_yosys())
    assert (found["transistors"], found["registers"]) == (4 + 16, 1)


@needs_yosys
def test_transistors_beside_memories():
    """One that is written is left out, with the register it is read into; one that is not becomes
    gates: here an inverter."""
    found = transistors(Verilog("""
module top(input clk, we, a, input [3:0] at, input [7:0] d, output reg [7:0] q, output y);
  reg [7:0] ram [0:15];
  reg rom [0:1];
  initial begin rom[0] = 1; rom[1] = 0; end
  assign y = rom[a];
  always @(posedge clk) begin if (we) ram[at] <= d; q <= ram[at]; end
endmodule
"""), find_yosys())
    assert (found["transistors"], found["registers"]) == (2, 0)


def test_cell_area(pdk):
    assert cell_area(pdk, "nand2") == 3
    with pytest.raises(RuntimeError, match=r"^Liberty .*few\.lib must have the cell nor2, which"):
        cell_area(pdk, "nor2")


def test_find_pdk(tmp_path, monkeypatch):
    monkeypatch.delenv("PDK_ROOT", raising=False)
    assert find_pdk() is None
    with pytest.raises(PdkError, match=r"^PDK_ROOT must be a folder that holds ihp-sg13g2/libs\.ref"
                       r"/.*typ_1p20V_25C\.lib, not '.*'$"):
        find_pdk(root=tmp_path)
    file = tmp_path / "ihp-sg13g2/libs.ref/sg13g2_stdcell/lib/sg13g2_stdcell_slow_1p08V_125C.lib"
    file.parent.mkdir(parents=True)
    file.write_text(LIBERTY)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert find_pdk(corner="slow").liberty == file
    with pytest.raises(ValueError, match=r"^PDK must be one of ihp-sg13g2, sky130A, osu018, "
                       r"not 'sky'$"):
        find_pdk("sky")
    with pytest.raises(ValueError, match=r"^Corner of ihp-sg13g2 must be one of typical, slow, "
                       r"fast, not 'hot'$"):
        find_pdk(corner="hot")
