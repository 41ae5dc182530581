"""Loaded memories in SPRAM: the same words come back, and as many are moved as there is room."""

import re
import subprocess
import sys

import pytest

from fpga.boards import BOARDS, DEVICES
from fpga.netlist import models
from fpga.spram import blocks, with_spram
from sim.tools import find_verilator
from tests.fpga.small import needs_tools, project

pytestmark = needs_tools


def memory(name, words, width, loaded=True):
    """As `hdl.verilog.emit` writes one."""
    bits = (words - 1).bit_length()
    return f"""module {name} (
  input clk,
  input w_en,
  input [{bits - 1}:0] w_addr,
  input [{width - 1}:0] w_data,
  input r_en,
  input [{bits - 1}:0] r_addr,
  output reg [{width - 1}:0] r_data
);
  (* no_rw_check = 1 *)
{"  (* loaded = 1 *)" if loaded else ""}
  reg [{width - 1}:0] contents [0:{words - 1}];
  always @(posedge clk) begin
    if (w_en) contents[w_addr] <= w_data;
  end
  always @(posedge clk)
    if (r_en) begin
      r_data <= contents[r_addr];
    end
endmodule
"""


def moved(*memories, board="icebreaker"):
    made = with_spram(project(board, verilog={"small.v": "".join(memories), "other.v": "x"}))
    return made and made.verilog["small.v"]


#: Some addresses are written, then read and written at random; what comes in the cycle after a
#: write means nothing.
BENCH = """
module bench;
  reg clk = 0, w_en = 1, written = 1;
  reg [{high}:0] address = 0;
  reg [{width} - 1:0] data;
  wire [{width} - 1:0] one, other;
  plain a(.clk(clk), .w_en(w_en), .w_addr(address), .w_data(data), .r_en(1'b1), .r_addr(address),
          .r_data(one));
  moved b(.clk(clk), .w_en(w_en), .w_addr(address), .w_data(data), .r_en(1'b1), .r_addr(address),
          .r_data(other));
  integer n;
  initial begin
    for (n = 0; n < 4000; n = n + 1) begin
      // Every 61st of them, so that all rows of SPRAMs are met.
      address = (n < 256 ? n : $urandom % 256) * 61 % {words};
      w_en = n < 256 || $urandom % 4 == 0;
      data = {{$urandom, $urandom, $urandom}};
      #1 clk = 1; #1 clk = 0; #1;
      if (!w_en && one !== other) begin
        $display("cycle %0d, address %h: %h, moved %h", n, address, one, other);
        $finish;
      end
    end
    $display("equal");
    $finish;
  end
endmodule
"""


@pytest.mark.parametrize("words, width", [
    (20000, 20), pytest.param(576, 64, marks=pytest.mark.slow),
    pytest.param(33000, 7, marks=pytest.mark.slow)])
def test_the_same_words_come_back(words, width, tmp_path):
    text = moved(memory("moved", words, width))
    assert text.count("SB_SPRAM256KA") == blocks(words, width)
    (tmp_path / "design.v").write_text(
        models(DEVICES["iCE40UP5K"]) + memory("plain", words, width) + text
        + BENCH.format(words=words, width=width, high=(words - 1).bit_length() - 1))
    verilator = find_verilator()
    for command in ([verilator.path, "--binary", "-MAKEFLAGS", f"PYTHON3={sys.executable}",
                     "--timing", "-Wno-lint", "-Wno-style", "-Wno-fatal",
                     "--top-module", "bench", "-CFLAGS", "-std=c++20", "design.v"],
                    [str(tmp_path / "obj_dir" / "Vbench")]):
        done = subprocess.run(command, cwd=tmp_path, env=verilator.environ(), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        assert not done.returncode, done.stdout[-2000:]
    assert done.stdout.splitlines()[0] == "equal"


def test_what_frees_most_goes_first():
    """Four SPRAMs: the wide one would take all and free 16; two deep ones free 80 and 40."""
    text = moved(memory("wide", 1024, 64), memory("deep", 10000, 32), memory("other", 10000, 16),
                 memory("kept", 16000, 16, loaded=False))
    assert {name: body.count("SB_SPRAM256KA") for name, body in re.findall(
        r"^module (\w+) (.*?)^endmodule", text, re.MULTILINE | re.DOTALL)} == {
        "wide": 0, "deep": 2, "other": 1, "kept": 0}
    assert moved(memory("kept", 16000, 16, loaded=False)) is None
    assert moved(memory("huge", 16000, 128)) is None
    assert not BOARDS["hx8k"].device.SPRAM and moved(memory("a", 16, 16), board="hx8k") is None
