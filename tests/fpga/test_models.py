"""Our models of cells against RTL: what Yosys maps to them must compute what it mapped."""

import json
import subprocess
import sys

import pytest

from fpga.boards import DEVICES
from fpga.netlist import models
from fpga.tools import find_yosys
from sim.tools import find_verilator
from tests.fpga.small import needs_tools

pytestmark = needs_tools

#: A bench of two devices with the same random inputs: an end without "equal" is a failure.
BENCH = """
module bench;
  reg clk = 0;
  reg [127:0] in = 0;
  wire [{high}:0] rtl, net;
  {top} one(.clk(clk), .in(in), .out(rtl));
  mapped other(.clk(clk), .in(in), .out(net));
  integer n;
  initial begin
    for (n = 0; n < {cycles}; n = n + 1) begin
      in = {{$urandom, $urandom, $urandom, $urandom}};
      #1;
      if (rtl !== net) begin
        $display("cycle %0d: %h, mapped %h, differ in %h", n, rtl, net, rtl ^ net);
        $finish;
      end
      clk = 1; #1 clk = 0; #1;
      if (n == {cycles} - 1) $display("equal");
    end
    $finish;
  end
endmodule
"""


def rom(words, width):
    bits = (words - 1).bit_length()
    return f"""
module rom_{width}(input clk, input [127:0] in, output [63:0] out);
  reg [{width - 1}:0] memory [0:{words - 1}], q;
  integer n;
  initial for (n = 0; n < {words}; n = n + 1) memory[n] = (n + 1) * 64'h9e3779b97f4a7c15 >> 17;
  always @(posedge clk) if (in[0]) q <= memory[in[{bits}:1]];
  assign out = q;
endmodule"""


def ram(words, width, enables):
    """One port writes, with that many enables, and another reads; never both at one address."""
    bits, part = (words - 1).bit_length(), width // enables
    return f"""
module ram_{width}_{enables}(input clk, input [127:0] in, output [63:0] out);
  (* no_rw_check, ram_style = "block" *) reg [{width - 1}:0] memory [0:{words - 1}];
  reg [{width - 1}:0] q;
  wire [{bits - 1}:0] w = {{in[33:32], in[{bits + 1}:4]}};
  wire [{bits - 1}:0] r = {{~in[33], in[32], in[{bits + 19}:22]}};
  integer n;
  initial for (n = 0; n < {words}; n = n + 1) memory[n] = (n + 7) * 64'h9e3779b97f4a7c15 >> 11;
  integer k;
  always @(posedge clk) begin
    for (k = 0; k < {enables}; k = k + 1)
      if (in[40 + k]) memory[w][k*{part}+:{part}] <= in[64+k*{part}+:{part}];
    if (in[39]) q <= in[38:36] == 0 ? 0 : memory[r];
  end
  assign out = q;
endmodule"""


def both(kind):
    """Two ports that each read and write, of the same three kinds, at different addresses."""
    read = {"old": "q <= m[a];", "new": "q <= e ? d : m[a];", "none": "if (!e) q <= m[a];"}[kind]
    ports = "\n".join(f"""
  always @(posedge clk) if (in[{at}]) begin
    if (in[{at + 1}]) memory[{a}] <= in[{at + 20}+:16];
    {read.replace("m[a]", f"memory[{a}]").replace("q ", f"q{n} ").replace("e ?", f"in[{at + 1}] ?")
         .replace("!e", f"!in[{at + 1}]").replace("d :", f"in[{at + 20}+:16] :")}
  end""" for n, at, a in ((0, 0, "a"), (1, 64, "b")))
    return f"""
module both_{kind}(input clk, input [127:0] in, output [63:0] out);
  (* no_rw_check, ram_style = "block" *) reg [15:0] memory [0:1023];
  reg [15:0] q0, q1;
  wire [9:0] a = {{in[2], in[11:3]}}, b = {{~in[2], in[75:67]}};
  integer n;
  initial for (n = 0; n < 1024; n = n + 1) memory[n] = n * 40503;
{ports}
  assign out = {{q1, q0}};
endmodule"""


def product(a, b, signed):
    kind = "signed" if signed else ""
    return f"""
module product_{a}_{b}_{signed}(input clk, input [127:0] in, output [63:0] out);
  wire {kind} [{a - 1}:0] x = in[{a - 1}:0];
  wire {kind} [{b - 1}:0] y = in[{64 + b - 1}:64];
  wire {kind} [{a + b - 1}:0] p = x * y;
  assign out = p;
endmodule"""


MEMORIES = [*(rom(18432 // width if width > 4 else 16384 // width, width)
              for width in (1, 2, 4, 9, 18, 36)), rom(700, 50),
            ram(512, 36, 4), ram(512, 36, 1), ram(1024, 18, 2), ram(2048, 9, 1), ram(4096, 4, 1),
            ram(2048, 24, 3), both("old"), both("new"), both("none")]
PRODUCTS = [product(18, 18, 0), product(18, 18, 1), product(12, 16, 1), product(9, 17, 0),
            product(24, 20, 1)]


def compare(parts, device, synth, folder, cycles=3000):
    """Put all parts into one module, map it, and compare; returns the number of cells by type."""
    names = [part.split("module ")[1].split("(")[0] for part in parts]
    wires = "\n".join(f"  {name} part_{n}(.clk(clk), .in(in), .out(out[{64 * n}+:64]));"
                      for n, name in enumerate(names))
    design = "".join(parts) + f"""
module parts(input clk, input [127:0] in, output [{64 * len(parts) - 1}:0] out);
{wires}
endmodule
"""
    (folder / "design.v").write_text(design)
    (folder / "models.v").write_text(models(DEVICES[device]))
    (folder / "bench.v").write_text(
        BENCH.format(high=64 * len(parts) - 1, top="parts", cycles=cycles))
    (folder / "map.ys").write_text(f"read_verilog design.v\n{synth} -top parts -flatten\n"
                                   "stat\ntee -q -o stat.json stat -json\nrename parts mapped\n"
                                   "write_verilog -noattr -noexpr mapped.v\n")

    def run(command, environment=None):
        done = subprocess.run(command, cwd=folder, env=environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert not done.returncode, done.stdout[-3000:]
        return done.stdout

    run([*find_yosys().command, "-q", "-s", "map.ys"])
    verilator = find_verilator()
    run([verilator.path, "--binary", "-MAKEFLAGS", f"PYTHON3={sys.executable}", "--timing",
         "-Wno-lint", "-Wno-style", "-Wno-fatal",
         "--top-module", "bench", "-j", "2", "-CFLAGS", "-std=c++20", "bench.v", "models.v",
         "design.v", "mapped.v"],
        verilator.environ())
    assert run([str(folder / "obj_dir" / "Vbench")]).splitlines()[0] == "equal"
    return json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]


@pytest.mark.slow
def test_ecp5_memories_and_multipliers(tmp_path):
    cells = compare(MEMORIES + PRODUCTS, "LFE5U-85F", "synth_ecp5", tmp_path)
    assert cells["DP16KD"] >= len(MEMORIES) and cells["MULT18X18D"] >= len(PRODUCTS)


def test_ecp5_models(tmp_path):
    cells = compare([rom(2048, 9), ram(512, 36, 4), ram(2048, 24, 3), both("none"),
                     product(18, 18, 1), product(9, 17, 0)], "LFE5U-85F", "synth_ecp5", tmp_path)
    assert (cells["DP16KD"], cells["MULT18X18D"]) == (6, 2)
