"""From the bitstream back to Verilog: what of it does not run through a whole build."""

from types import SimpleNamespace

import pytest

from fpga import bitstream
from fpga.boards import BOARDS
from fpga.flips import Flip, _columns, _turned, flips
from fpga.steps import StepError

TOP = "SB_PLL40_CORE #(.DIVF(7'h3f), .DIVQ(3'h5), .DIVR(4'h0), .FILTER_RANGE(3'h1)) pll ();"


def built(top=TOP):
    project = SimpleNamespace(verilog={"top.v": top}, image="x.bin")
    return SimpleNamespace(synthesis=SimpleNamespace(project=project), image=b"")


@pytest.mark.parametrize("divf", ["0111111", "0111110"])
def test_another_pll_is_seen(monkeypatch, divf):
    """Dividers mean nothing to a simulation, so they are compared."""
    found = (f".DIVR(4'b0000),\n .DIVF(7'b{divf}),\n .DIVQ(3'b101),\n .FILTER_RANGE(3'b001),\n")
    monkeypatch.setattr(bitstream, "unpacked", lambda *_: b"")
    monkeypatch.setattr(bitstream, "from_text", lambda *_: found)
    if divf == "0111111":
        assert bitstream.regain(built(), None) == found
    else:
        with pytest.raises(StepError, match=r"^The bitstream's PLL must divide by .*63.*not .*62"):
            bitstream.regain(built(), None)


@pytest.mark.parametrize("board, pins, taken, why", [
    ("hx8k", ("clk",), {"DSP": 0, "LUT4": 9}, None),
    ("hx8k", (), {}, "a bare block has no pins"),
    ("icebreaker", ("clk",), {"DSP": 1}, "icebox_vlog does not restore SB_MAC16"),
    ("icebreaker", ("clk",), {"SPRAM": 1}, "icebox_vlog does not restore SB_SPRAM256KA"),
    ("ulx3s-85f", ("clk",), {}, "no program turns an ECP5's bitstream back into Verilog")])
def test_why_not(board, pins, taken, why):
    assert bitstream.why_not(BOARDS[board], pins, taken) == why


def test_flips_are_bits_of_used_cells():
    wires = {2: "n13", 12: "n2", 0: "n0"}
    data = ", ".join(wires.get(bit, f"open_{bit}") for bit in reversed(range(16)))
    verilog = f"""module top(clk);
assign n5  = /* LUT    3  4  7 */ (n1 ? n2 : 1'b0);
assign n6  = /* LUT    3  4  1 */ 1'b0;
SB_RAM40_4K #(
  .READ_MODE(1),
) ram40_8_5 (
  .RDATA({{{data}}}),
);
SB_RAM40_4K #(
  .READ_MODE(0),
) ram40_8_9 (
  .RDATA({{{data}}}),
);
"""
    zeros = "\n".join(["0" * 54] * 16)
    text = f".logic_tile 3 4\n{zeros}\n\n.ram_data 8 5\n00a0\n\n.ram_data 8 9\n0000\n"
    found = flips(verilog, text, 64, 1)
    assert [flip for flip in found if flip.kind == "LUT"] == [
        Flip("LUT", 3, 4, 7, found[0].bit)]
    rams = [flip for flip in found if flip.kind == "RAM"]
    assert {(flip.x, flip.y) for flip in rams} == {(8, 5)}  # the only one with contents
    # 512 x 8: bits 2k and 2k + 1 of a word come out on wire 2k.
    assert {flip.bit % 16 for flip in rams} <= {0, 1, 2, 3, 12, 13}
    assert flips(verilog, text, 64, 1) == found != flips(verilog, text, 64, 2)
    # IceStorm's documentation of a logic tile: bit 4 of the table stands at 42 of the first row.
    lines = _turned(text, [Flip("LUT", 3, 4, 7, 4)]).splitlines()
    assert [(row, line.index("1")) for row, line in enumerate(lines) if "1" in line] == [(15, 42)]


@pytest.mark.parametrize("mode, shown", [(0, {9: 9}), (1, {8: 8, 9: 8}), (2, {8: 9, 11: 9}),
                                         (3, {8: 11, 15: 11, 0: 3})])
def test_columns_of_a_block_ram(mode, shown):
    """Which wire of RDATA shows a bit of a word: FPGA-TN-02002, and Yosys' cells_sim.v."""
    for bit, wire in shown.items():
        wires = [f"n{n}" if n == wire else f"open_{n}" for n in reversed(range(16))]
        assert bit in _columns(mode, wires)
        assert len(_columns(mode, wires)) == 1 << mode
