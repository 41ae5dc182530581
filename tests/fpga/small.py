"""A design small enough to be placed and routed in a test: a table, and a product of two sums."""

import importlib.util

import pytest

from fpga.boards import BOARDS
from fpga.build import Project, shell
from fpga.tools import PROGRAMS, find, find_yosys
from sim.tools import ToolError

__all__ = ["MEMORIES", "PORTS", "SMALL", "needs_tools", "needs_yosys", "project"]


def _no_yosys():
    try:
        find_yosys()
    except ToolError as error:
        return str(error)
    return None


needs_yosys = pytest.mark.skipif(_no_yosys() is not None, reason=str(_no_yosys()))


def _missing():
    """What keeps this machine from building for boards, or None."""
    try:
        find_yosys()
        for program in PROGRAMS:
            find(program)
    except ToolError as error:
        return str(error)
    boards = importlib.util.find_spec("amaranth_boards")
    return None if boards else "no amaranth-boards (pip install 'ternstone[fpga]')"


needs_tools = pytest.mark.skipif(_missing() is not None, reason=str(_missing()))

PORTS = [("clk", "input", 1), ("rst", "input", 1), ("address", "input", 8), ("a", "input", 8),
         ("total", "output", 24)]

SMALL = {
    "small.v": """module small(input clk, input rst, input [7:0] address, input [7:0] a,
             output reg [23:0] total);
  wire [15:0] word;
  reg [15:0] product;
  small_table table_0(.clk(clk), .r_addr(address), .r_data(word));
  always @(posedge clk) begin
    product <= word[7:0] * a;
    total <= rst ? 24'd0 : total + product;
  end
endmodule
module small_table_0(input clk, input [7:0] r_addr, output reg [15:0] r_data);
  reg [15:0] contents [0:255];
  initial $readmemh("small_table_0.mem", contents);
  always @(posedge clk) r_data <= contents[r_addr];
endmodule
""".replace("small_table table_0", "small_table_0 table_0"),
    "small_table_0.mem": "".join(f"{n * 40503 % 65536:04x}\n" for n in range(256)),
}
MEMORIES = [{"module": "small_table_0", "name": "contents", "words": 256, "width": 16}]


def project(board="icebreaker", mhz=12.0, **changes):
    """The design within a shell, for ``board``."""
    given = {"name": "small", "board": BOARDS[board], "block": "small",
             "verilog": {**SMALL, "shell.v": shell("small", PORTS)}, "top": "shell", "mhz": mhz}
    return Project(**(given | changes))
