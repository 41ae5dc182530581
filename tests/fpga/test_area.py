"""Cells of designs whose cells can be counted by hand."""

import pytest

from fpga.area import ecp5, ice40, xc7
from fpga.tools import find_yosys, system_yosys
from hdl.verilog import Verilog
from tests.fpga.small import needs_yosys

#: Three registers behind four-input functions, and nothing else.
SMALL = Verilog("""module top(input clk, input [5:0] a, output reg [2:0] q);
  always @(posedge clk) q <= {&a[5:2], ^a[3:0], |a[4:1]};
endmodule
""")
PRODUCT = Verilog("""module top(input clk, input [15:0] a, input [15:0] b, output reg [31:0] q);
  always @(posedge clk) q <= a * b;
endmodule
""")
ROM = Verilog("""module top(input clk, input [7:0] a, output reg [15:0] q);
  reg [15:0] contents [0:255];
  initial $readmemh("rom.mem", contents);
  always @(posedge clk) q <= contents[a];
endmodule
""", {"rom.mem": "".join(f"{n * 40503 % 65536:04x}\n" for n in range(256))})


@needs_yosys
@pytest.mark.parametrize("count", [ice40, ecp5])
def test_cells(count):
    small = count(SMALL)
    assert (small["LUT4"], small["FF"], small["carry"], small["RAM"]) == (3, 3, 0, 0)
    assert small["tool"] == find_yosys().name
    assert small["version"][0].isdigit()
    assert small["flow"].startswith(f"synth_{count.__name__} -top top")


@needs_yosys
def test_cells_of_six_inputs():
    small = xc7(SMALL, dsp=False)
    assert (small["LUT"], small["FF"], small["carry"], small["LUTRAM"]) == (3, 3, 0, 0)
    assert small["flow"].startswith("synth_xilinx -family xc7 ")
    assert small["flow"].endswith(" -top top -nodsp")
    assert xc7(PRODUCT)["DSP"] == 1


@pytest.mark.skipif(system_yosys() is None, reason="no yosys on PATH")
def test_the_systems_own():
    """Old or new, it reads the same Verilog and counts the same cells."""
    small = ecp5(SMALL, yosys=system_yosys())
    assert (small["LUT4"], small["FF"], small["tool"]) == (3, 3, "yosys")


@needs_yosys
@pytest.mark.parametrize("count, block", [(ice40, "MAC16"), (ecp5, "MULT18")])
def test_multipliers(count, block):
    assert count(PRODUCT)[block] == 1
    without = count(PRODUCT, dsp=False)
    assert without[block] == 0
    assert without["LUT4"] > 200


@needs_yosys
@pytest.mark.parametrize("given", ["verilog", "path"])
def test_memory_images_are_read(given, tmp_path):
    source = ROM if given == "verilog" else ROM.write(tmp_path / "rom.v")[0]
    cells = ice40(source)
    assert (cells["RAM"], cells["FF"]) == (1, 0)


@needs_yosys
def test_refused():
    with pytest.raises(RuntimeError, match=r"^Yosys must accept the Verilog, but it says: .*ERROR"):
        ice40(Verilog("module top(input a);\n  assign b = ;\nendmodule\n"))
    with pytest.raises(RuntimeError, match=r"^Yosys must accept the Verilog, .*other"):
        ice40(SMALL, top="other")
    with pytest.raises(TypeError, match=r"^Verilog must be a Verilog, not 3$"):
        ice40(3)
