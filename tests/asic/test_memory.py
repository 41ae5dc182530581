"""Memories in macros: which are taken, how they are wired, and what an access costs."""

import os
import shutil
import subprocess

import pytest

from asic.liberty import Library
from asic.memory import Block, Macro, accesses_pj, blocks, libmap, macros, techmap
from asic.pdk import find_pdk
from asic.synth import synthesise
from asic.timing import analyse
from fpga.steps import StepError
from tests.asic.few import few, needs_sta
from tests.fpga.small import needs_yosys

WORDS, WIDTH, UM2 = 64, 8, 900.0


def _port(side):
    pins = "".join(f'pin({side}_{name}) {{ direction : input; capacitance : 0.003; }}\n'
                   for name in ("MEN", "WEN", "REN", "DLY"))
    access = (f'timing() {{ related_pin : "{side}_CLK"; timing_type : rising_edge; '
              'cell_rise(scalar) { values("20"); } cell_fall(scalar) { values("20"); } '
              'rise_transition(scalar) { values("0.01"); } '
              'fall_transition(scalar) { values("0.01"); } }')
    buses = "".join(f'bus({side}_{name}) {{ bus_type : {kind}; direction : {way}; '
                    f"capacitance : 0.003; {access if name == 'DOUT' else ''} }}\n"
                    for name, kind, way in (
                        ("ADDR", "a", "input"), ("DIN", "d", "input"), ("DOUT", "d", "output")))
    power = "".join(
        f'internal_power() {{ when : "{when}"; rise_power("scalar") {{ values ({pj}); }}\n'
        'fall_power("scalar") { values (0); } }\n' for when, pj in (
            (f"{side}_MEN & {side}_WEN & !{side}_REN", 5), (f"!{side}_MEN  & !{side}_WEN", 0),
            (f"{side}_MEN & !{side}_WEN & {side}_REN", 3)))
    return (f"pin({side}_CLK) {{ direction : input; clock : true; capacitance : 0.003; {power} }}\n"
            f"{pins}{buses}")


LIBERTY = f"""library(ram) {{ delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V";
current_unit : "1mA";
capacitive_load_unit(1, pf); nom_voltage : 1.2; nom_temperature : 25; nom_process : 1;
input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
slew_lower_threshold_pct_rise : 20; slew_lower_threshold_pct_fall : 20;
slew_upper_threshold_pct_rise : 80; slew_upper_threshold_pct_fall : 80;
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
    assert "abits 6;\n  width 8;\n  cost 900;" in libmap([Block(macro)])
    assert "_x3 {\n  abits 8;\n  width 8;\n  cost 2700;" in libmap([Block(macro, 3)])
    # A macro without a second port is left alone.
    ram.with_name("single.lib").write_text(LIBERTY.replace("B_CLK", "C_CLK"))
    assert macros([ram.with_name("single.lib")]) == []


def test_blocks():
    """As many banks as the words need, and only what is the smallest for some number of bits."""
    small, wide, deep = (Macro(f"ram{words}x{width}", words, width, um2, None)
                         for words, width, um2 in ((64, 8, 30), (64, 16, 40), (256, 8, 58)))
    found = [small, wide, deep]
    assert blocks(found, 64, 16) == [Block(small), Block(wide)]
    assert blocks(found, 65, 8) == [Block(deep)]
    assert blocks(found, 65, 16) == [Block(deep), Block(wide, 2)]
    assert blocks(found, 1000, 64) == [Block(deep, 4)]


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


@needs_yosys
@needs_sta
def test_timed(ram, tmp_path, monkeypatch):
    """The slowest path is that out of the macros, and nothing is left out unsaid."""
    pdk = few(tmp_path, memories=(ram,))
    made = synthesise({"top.v": DESIGN}, "top", pdk, tmp_path / "cache", target_ns=5)
    timing = analyse(made.netlist, pdk, 10, tmp_path / "cache", made.macros)
    assert "ram64x8" in [cell for _, cell, _ in timing.path] and timing.setup_ns < 10 - 20
    text = made.netlist.verilog().replace(".B_DOUT()", ".B_DOUT({})")
    monkeypatch.setattr(made.netlist, "verilog", lambda: text)
    with pytest.raises(StepError, match=r"^OpenSTA must time the netlist, but it says: .*rror"):
        analyse(made.netlist, pdk, 10, tmp_path / "cache", made.macros)


#: The macro that `LIBERTY` describes, which counts what it is told to do.
RAM = """
module ram64x8(input A_CLK, A_MEN, A_WEN, A_REN, A_DLY, input [5:0] A_ADDR, input [7:0] A_DIN,
               output reg [7:0] A_DOUT, input B_CLK, B_MEN, B_WEN, B_REN, B_DLY,
               input [5:0] B_ADDR, input [7:0] B_DIN, output [7:0] B_DOUT, input [7:0] B_BM);
  reg [7:0] words [0:63];
  always @(posedge A_CLK) if (A_MEN & A_REN) begin A_DOUT <= words[A_ADDR]; bench.reads += 1; end
  always @(posedge B_CLK) if (B_MEN & B_WEN) begin words[B_ADDR] <= B_DIN; bench.writes += 1; end
endmodule
"""

#: A memory that reads when it is told to, a few addresses again and again, with writes between, and
#: never both of one address at once, which is noise.
BENCH = """
module bench;
  reg clk = 0, read = 0, write = 0;
  reg [@TOP:0] a = 0, b = 0;
  reg [@WORD:0] d = 0, expected, words [0:@WORDS-1];
  wire [@WORD:0] q;
  integer reads = 0, writes = 0, asked = 0, given = 0, wrong = 0, most = 0, then, i;
  @DUT
  initial begin
    for (i = 0; i < 20000; i = i + 1) begin
      #1 read = i > @WORDS && $random & 1; write = i < @WORDS || ($random & 3) == 0;
      if (i < @WORDS || !($random & 3)) a = {$random} % @WORDS;
      b = i < @WORDS ? i : {$random} % @WORDS; d = $random;
      if (read && write && a == b) write = 0;
      then = reads;
      #1 clk = 1;
      if (read) begin expected = words[a]; asked = asked + 1; end
      if (write) begin words[b] = d; given = given + 1; end
      #1 clk = 0;
      if (reads - then > most) most = reads - then;
      if (asked && q !== expected) wrong = wrong + 1;
    end
    $display("%0d %0d %0d %0d %0d %0d", wrong, reads, asked, most, writes, given);
    $finish;
  end
endmodule
"""


def _run(folder, device, others, words, width):
    """What the bench says of a device with that many words: how often it was wrong, reads of
    macros, how often it was asked, most reads of macros in one cycle, writes of macros, and how
    often it was given a word."""
    text = BENCH.replace("@TOP", str((words - 1).bit_length() - 1)).replace("@DUT", device)
    text = text.replace("@WORDS", str(words)).replace("@WORD", str(width - 1))
    (folder / "bench.v").write_text(RAM + text + others)
    subprocess.run(["iverilog", "-g2012", "-o", "bench", "-s", "bench", "bench.v"], cwd=folder,
                   check=True)
    return tuple(map(int, subprocess.run(["vvp", "bench"], cwd=folder, capture_output=True,
                                         text=True, check=True).stdout.split()))


needs_icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="no Icarus")


@needs_icarus
@pytest.mark.parametrize("banks, words", [(1, 4), (1, 64), (2, 128), (3, 150), (5, 320), (7, 447)])
def test_words_are_read_once(ram, tmp_path, banks, words):
    """What is at the output is what was asked for, fewer words are read than are asked for, and
    one bank alone reads or writes."""
    macro, = macros([ram])
    block = Block(macro, banks)
    pins = ", ".join(f".PORT_{port}({net})" for port, net in (
        ("R_CLK", "clk"), ("R_RD_EN", "read"), ("R_ADDR", f"{block.bits}'d0 | a"),
        ("R_RD_DATA", "q"), ("W_CLK", "clk"), ("W_WR_EN", "write"),
        ("W_ADDR", f"{block.bits}'d0 | b"), ("W_WR_DATA", "d")))
    # Techmap's name of what it puts in place is one of a hierarchy elsewhere.
    wrapper = techmap([block]).replace("_TECHMAP_REPLACE_.", "")
    device = f"\\{block.name} dut ({pins}); initial begin dut.stale = 0; dut.last = 0; end"
    wrong, reads, asked, most, writes, given = _run(tmp_path, device, wrapper, words, WIDTH)
    assert wrong == 0 and most == 1 and writes == given and 0 < reads < 0.7 * asked


#: A memory that three macros in depth and two in width hold; cells as `few` describes them.
DEEP = """module top(input clk, r, w, input [7:0] a, b, input [11:0] d, output reg [11:0] q);
  (* no_rw_check = 1 *) reg [11:0] words [0:149];
  always @(posedge clk) begin
    if (w) words[b] <= d;
    if (r) q <= words[a];
  end
endmodule
"""
CELLS = """
module inv(input A, output Y); assign Y = !A; endmodule
module nand2(input A, B, output Y); assign Y = !(A & B); endmodule
module buf_(input A, output Y); assign Y = A; endmodule
module one(output Y); assign Y = 1; endmodule
module zero(output Y); assign Y = 0; endmodule
module dff(input C, D, output reg Q); initial Q = $random; always @(posedge C) Q <= D; endmodule
"""


@needs_yosys
@needs_icarus
def test_deep(ram, tmp_path):
    """The netlist of a deep memory holds what was written, one row of its macros is read or
    written at a time, and no bank is there that holds no word."""
    pdk = few(tmp_path, memories=(ram,))
    made = synthesise({"top.v": DEEP}, "top", pdk, tmp_path / "cache", target_ns=5,
                      shapes=[(150, 12)])
    assert made.netlist.counts()["ram64x8"] == 6
    netlist = made.netlist.verilog().replace("  buf ", "  buf_ ")
    wrong, reads, asked, most, writes, given = _run(
        tmp_path, "top top(.clk(clk), .r(read), .w(write), .a(a), .b(b), .d(d), .q(q));",
        CELLS + netlist, 150, 12)
    assert wrong == 0 and most == 2 and writes == 2 * given and 0 < reads < 0.7 * 2 * asked


@pytest.mark.skipif(not os.environ.get("PDK_ROOT"), reason="no PDK_ROOT")
def test_kit():
    found = {macro.name: macro for macro in macros(find_pdk().memories)}
    macro = found["RM_IHPSG13_2P_64x32_c2"]
    assert (macro.words, macro.width) == (64, 32)
    assert accesses_pj(Library(macro.path), macro.name, [(0, 1), (1, 0)]) > 10
