"""Clock gates: registers with an enable share one, whether they have a reset or not. Memories of
constants."""

from dataclasses import replace

from asic.area import area
from asic.gates import _Table
from asic.synth import ROM, synthesise
from fpga.tools import find_yosys
from hdl.verilog import Verilog
from tests.asic.few import LIBERTY, few, gate
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


def _settle(rows, known):
    """Adds the gates' outputs to the nets' values."""
    for count, *row in rows:
        bits, ins, out = row[:1 << count], row[1 << count:-1], row[-1]
        known[out] = int(bits[sum(known[net] << k for k, net in enumerate(ins))])


#: Four ones of a kind, as `hdl.mac.heap` adds them: carries change their polarity.
ADDER = """module adder(input a, b, c, output sum, not_carry);
  (* half_sum = 32'd1 *) wire half;
  assign half = a ^ b;
  assign sum = half ^ c;
  assign not_carry = ~(a & b | c & half);
endmodule
module top(input [3:0] a, b, c, output [3:0] sum, not_carry);
  adder adders[3:0](.a(a), .b(b), .c(c), .sum(sum), .not_carry(not_carry));
endmodule
"""
#: What a full adder can be made of.
ADDERS = "".join([gate("xor2", 8, "A^B", "AB"), gate("xnor2", 8, "!(A^B)", "AB"),
                  gate("aoi21", 5, "!((A&B)|C)", "ABC"), gate("and2", 5, "A&B", "AB"),
                  gate("aoi22", 6, "!((A&B)|(C&D))", "ABCD")])


@needs_yosys
def test_full_adders(tmp_path, monkeypatch):
    """Three cells each, where half sums are marked; ABC by itself makes them larger."""
    path = tmp_path / "adders.lib"
    path.write_text(LIBERTY[:LIBERTY.rindex("}")] + ADDERS + "}\n")
    pdk = replace(few(tmp_path), liberty=path)
    fast = synthesise({"top.v": ADDER}, "top", pdk, tmp_path / "cache", target_ns=5, fast=True)
    assert set(fast.scripts) == {"cells.abc", "cells.constr", "cells.lib"}
    for marked in (True, False):
        text = ADDER if marked else ADDER.replace("(* half_sum = 32'd1 *) ", "")
        made = synthesise({"top.v": text}, "top", pdk, tmp_path / "cache", target_ns=5)
        counts = made.netlist.counts()
        assert ("half_sums.v" in made.scripts) == marked
        assert (counts.get("aoi22", 0), counts["xor2"] + counts.get("xnor2", 0)) == (
            (4, 8) if marked else (0, 8))
        assert marked == (sum(counts.values()) == 12)
        monkeypatch.setattr("shutil.which", lambda name: None)  # it has no clock to be timed with
        assert area(Verilog(text), pdk, find_yosys(), few_loads=True)["cells"] == counts
        table = _Table(made.netlist, made.library)
        nets = {name: [table.number(net) for net in own] for name, _, own in made.netlist.ports}
        for value in range(8):
            known = {0: 0, 1: 1} | {net: value >> k & 1 for k, name in enumerate("abc")
                                    for net in nets[name]}
            _settle(table.gates(), known)
            ones = value.bit_count()
            assert [known[net] for net in nets["sum"]] == 4 * [ones & 1]
            assert [known[net] for net in nets["not_carry"]] == 4 * [1 - (ones >> 1)]


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
        _settle(rows, known)
        assert sum(known[net] << k for k, net in enumerate(nets["q"])) == value
