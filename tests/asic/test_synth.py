"""Clock gates: registers with an enable share one, whether they have a reset or not. Memories of
constants."""

from dataclasses import replace

from asic.area import area
from asic.gates import _Table
from asic.synth import ROM, synthesise
from fpga.tools import find_yosys
from hdl.verilog import Verilog
from tests.asic.few import LIBERTY, few
from tests.fpga.small import needs_yosys

GATE = """cell(icg) { area : 5; clock_gating_integrated_cell : "latch_posedge";
pin(C) { direction : input; capacitance : 0.003; clock : true; clock_gate_clock_pin : true; }
pin(E) { direction : input; capacitance : 0.003; clock_gate_enable_pin : true; }
pin(G) { direction : output; max_capacitance : 0.3; clock_gate_out_pin : true; } }
"""
#: Eight flip-flops with an enable and a reset before it, as Amaranth writes them; eight with an
#: enable alone, and three, which are too few for a gate.
DESIGN = """module top(input clk, rst, e, f, g, input [7:0] d, output reg [7:0] p, q,
                  output reg [2:0] r);
  always @(posedge clk) begin
    if (e) p <= d;
    if (rst) p <= 8'h5a;
    if (f) q <= d;
    if (g) r <= d[2:0];
  end
endmodule
"""


@needs_yosys
def test_gated(tmp_path):
    path = tmp_path / "gated.lib"
    path.write_text(LIBERTY[:LIBERTY.rindex("}")] + GATE + "}\n")
    pdk = replace(few(tmp_path), liberty=path)
    made = synthesise({"top.v": DESIGN}, "top", pdk, tmp_path / "cache", target_ns=5)
    assert made.netlist.counts()["icg"] == 2 and made.netlist.counts()["dff"] == 8 + 8 + 3
    clocks = [cell.pins["C"] for cell in made.netlist.cells if cell.type == "dff"]
    root, = (nets for name, _, nets in made.netlist.ports if name == "clk")
    assert clocks.count(root) == 3
    # An area is of the same gates.
    cells = area(Verilog(DESIGN), pdk, find_yosys())["cells"]
    assert (cells["icg"], cells["dff"]) == (2, 8 + 8 + 3)


#: A memory of constants by itself, as the generator writes it.
CONSTANTS = [(37 * n * n + 11) % 251 for n in range(32)]
MEMORY = f"""module rom(input [4:0] a, output reg [7:0] q);
  always @* case (a)
    {" ".join(f"5'd{n}: q = 8'd{value};" for n, value in enumerate(CONSTANTS))}
  endcase
endmodule
module top(input [4:0] a, output [7:0] q);
  rom rom(.a(a), .q(q));
endmodule
"""


@needs_yosys
def test_large_memory_of_constants(tmp_path):
    """Mapped by commands of its own, without ABC's buffers, and what it holds is right."""
    made = synthesise({"top.v": MEMORY}, "top", few(tmp_path), tmp_path / "cache", target_ns=5,
                      memories=["rom"], roms=["rom"])
    lines = made.script.splitlines()
    own, = (n for n, line in enumerate(lines) if "-script roms.abc" in line)
    assert lines[own].endswith(" rom") and "-script cells.abc" in lines[own + 1]
    assert not any("buffer" in command for command in ROM)
    table = _Table(made.netlist, made.library)
    rows = table.gates()
    nets = {name: [table.number(net) for net in own] for name, _, own in made.netlist.ports}
    for address, value in enumerate(CONSTANTS):
        known = {0: 0, 1: 1} | {net: address >> k & 1 for k, net in enumerate(nets["a"])}
        for count, *row in rows:
            bits, ins, out = row[:1 << count], row[1 << count:-1], row[-1]
            known[out] = int(bits[sum(known[net] << k for k, net in enumerate(ins))])
        assert sum(known[net] << k for k, net in enumerate(nets["q"])) == value
