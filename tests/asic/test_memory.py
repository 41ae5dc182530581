"""Memories in macros: which are taken, how they are wired, and what an access costs."""

import os
import shutil
import subprocess

import pytest

from asic.liberty import Library
from asic.memory import accesses_pj, libmap, macros, techmap
from asic.pdk import find_pdk
from asic.synth import synthesise
from tests.asic.few import few
from tests.fpga.small import needs_yosys

WORDS, WIDTH, UM2 = 64, 8, 900.0


def _port(side):
    pins = "".join(f'pin({side}_{name}) {{ direction : input; capacitance : 0.003; }}\n'
                   for name in ("MEN", "WEN", "REN", "DLY"))
    buses = "".join(f'bus({side}_{name}) {{ bus_type : {kind}; direction : {way}; '
                    "capacitance : 0.003; }\n" for name, kind, way in (
                        ("ADDR", "a", "input"), ("DIN", "d", "input"), ("DOUT", "d", "output")))
    power = "".join(
        f'internal_power() {{ when : "{when}"; rise_power("scalar") {{ values ({pj}); }}\n'
        'fall_power("scalar") { values (0); } }\n' for when, pj in (
            (f"{side}_MEN & {side}_WEN & !{side}_REN", 5), (f"!{side}_MEN  & !{side}_WEN", 0),
            (f"{side}_MEN & !{side}_WEN & {side}_REN", 3)))
    return (f"pin({side}_CLK) {{ direction : input; clock : true; capacitance : 0.003; {power} }}\n"
            f"{pins}{buses}")


LIBERTY = f"""library(ram) {{
type (a) {{ base_type : array; data_type : bit; bit_width : 6; bit_from : 5; bit_to : 0; }}
type (d) {{ base_type : array; data_type : bit; bit_width : 8; bit_from : 7; bit_to : 0; }}
cell(ram64x8) {{ area : {UM2}; memory() {{ type : ram; address_width : 6; word_width : 8; }}
{_port('A')}{_port('B')} }} }}
"""

#: One memory that two macros in width and two in depth hold, and one that is better in flip-flops.
DESIGN = """module top(input clk, input [6:0] a, b, input [11:0] d, input w, r, s,
                  output reg [11:0] q, output reg [1:0] p);
  (* no_rw_check = 1, ram_style = "block" *) reg [11:0] big [0:127];
  (* no_rw_check = 1 *) reg [1:0] small [0:3];
  always @(posedge clk) begin
    if (w) big[a] <= d;
    if (r) q <= big[b];
    if (s) small[a[1:0]] <= d[1:0];
    if (r) p <= small[b[1:0]];
  end
endmodule
"""


@pytest.fixture
def ram(tmp_path):
    path = tmp_path / "ram.lib"
    path.write_text(LIBERTY)
    return path


def test_macros(ram, tmp_path):
    macro, = macros([ram])
    assert (macro.name, macro.words, macro.width, macro.um2) == ("ram64x8", WORDS, WIDTH, UM2)
    assert "abits 6;\n  width 8;\n  cost 900;" in libmap([macro])
    # A macro without a second port is left alone.
    ram.with_name("single.lib").write_text(LIBERTY.replace("B_CLK", "C_CLK"))
    assert macros([ram.with_name("single.lib")]) == []


def test_access(ram):
    assert accesses_pj(Library(ram), "ram64x8", [(0, 7), (2, 0)]) == 7 * 3 + 2 * 5


@needs_yosys
def test_mapped(ram, tmp_path):
    """Macros where they are smaller than flip-flops, flip-flops elsewhere, whatever an attribute
    for FPGAs says; a macro's idle inputs are tied."""
    pdk = few(tmp_path, memories=(ram,))
    made = synthesise({"top.v": DESIGN}, "top", pdk, tmp_path / "cache", target_ns=5)
    counts = made.netlist.counts()
    assert counts["ram64x8"] == 4 and made.macros == [ram]
    # The small one, its output, which half is read, and of every macro the last address.
    assert 8 + 4 * 6 <= counts["dff"] <= 8 + 2 + 4 + 4 * (6 + 1)
    _, drivers = made.netlist.sinks(made.library)
    for cell in made.netlist.cells:
        if cell.type == "ram64x8":
            # What is read is not what was asked for: only what is not at the output already.
            assert cell.pins["A_MEN"] == cell.pins["A_REN"] != cell.pins["B_MEN"]
            assert cell.pins["A_CLK"] == cell.pins["B_CLK"]
            for port, value in (("A_WEN", "zero"), ("A_DLY", "one"), ("B_REN", "zero")):
                assert drivers[cell.pins[port][0]][0].type == value
    # Too large, they are not taken.
    ram.with_name("large.lib").write_text(LIBERTY.replace("area : 900", "area : 90000"))
    pdk = few(tmp_path, memories=(ram.with_name("large.lib"),))
    made = synthesise({"top.v": DESIGN}, "top", pdk, tmp_path / "cache", target_ns=5)
    assert "ram64x8" not in made.netlist.counts() and made.netlist.counts()["dff"] > 12 * 128


#: The macro that `LIBERTY` describes, and a memory that reads whenever it is told to: of a few
#: addresses, with writes between, and never both of one address at once, which is noise.
BENCH = """
module ram64x8(input A_CLK, A_MEN, A_WEN, A_REN, A_DLY, input [5:0] A_ADDR, input [7:0] A_DIN,
               output reg [7:0] A_DOUT, input B_CLK, B_MEN, B_WEN, B_REN, B_DLY,
               input [5:0] B_ADDR, input [7:0] B_DIN, output [7:0] B_DOUT, input [7:0] B_BM);
  reg [7:0] words [0:63];
  always @(posedge A_CLK) if (A_MEN & A_REN) begin A_DOUT <= words[A_ADDR]; bench.reads += 1; end
  always @(posedge B_CLK) if (B_MEN & B_WEN) words[B_ADDR] <= B_DIN;
endmodule
module bench;
  reg clk = 0, read = 0, write = 0;
  reg [1:0] a = 0, b = 0;
  reg [7:0] d = 0, expected, words [0:3];
  wire [7:0] q;
  integer reads = 0, asked = 0, wrong = 0, i;
  \\$__ram64x8 dut (.PORT_R_CLK(clk), .PORT_R_RD_EN(read), .PORT_R_ADDR({4'b0, a}),
                    .PORT_R_RD_DATA(q), .PORT_W_CLK(clk), .PORT_W_WR_EN(write),
                    .PORT_W_ADDR({4'b0, b}), .PORT_W_WR_DATA(d));
  initial begin
    dut.stale = 0; dut.last = 0;
    for (i = 0; i < 3000; i = i + 1) begin
      #1 read = i > 3 && $random & 1; write = i < 4 || ($random & 3) == 0;
      a = ($random & 3) ? a : $random; b = i < 4 ? i : $random; d = $random;
      if (read && write && a == b) write = 0;
      #1 clk = 1;
      if (read) begin expected = words[a]; asked = asked + 1; end
      if (write) words[b] = d;
      #1 clk = 0;
      if (i > 3 && asked && q !== expected) wrong = wrong + 1;
    end
    $display("%0d %0d %0d", wrong, reads, asked);
    $finish;
  end
endmodule
"""


@pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus")
def test_words_are_read_once(ram, tmp_path):
    """What is at the output is what was asked for, and fewer words are read than are asked for."""
    (tmp_path / "bench.v").write_text(BENCH + techmap(macros([ram])))
    subprocess.run(["iverilog", "-g2012", "-o", "bench", "-s", "bench", "bench.v"], cwd=tmp_path,
                   check=True)
    said = subprocess.run(["vvp", "bench"], cwd=tmp_path, capture_output=True, text=True,
                          check=True).stdout
    wrong, reads, asked = map(int, said.split())
    assert wrong == 0 and 0 < reads < 0.7 * asked, said


@pytest.mark.skipif(not os.environ.get("PDK_ROOT"), reason="no PDK_ROOT")
def test_kit():
    found = {macro.name: macro for macro in macros(find_pdk().memories)}
    macro = found["RM_IHPSG13_2P_64x32_c2"]
    assert (macro.words, macro.width) == (64, 32)
    assert accesses_pj(Library(macro.path), macro.name, [(0, 1), (1, 0)]) > 10
