"""The fastest clock, against paths of cells whose delays are 0.1 ns, and set-up times of 0.05."""

import pytest

from asic.synth import synthesise
from asic.timing import analyse
from tests.asic.few import few, needs_sta
from tests.fpga.small import needs_yosys

DESIGN = """module top(input clk, input a, input b, output y, output reg q, output reg r);
{}
endmodule
"""

#: A path, in Verilog; its length in ns, and the share of the period that it may take: the ports are
#: a fifth of it away.
PATHS = {
    "register to register": ("always @(posedge clk) begin q <= ~q; r <= ~(r & q); end", 0.25, 1),
    "input to register": ("always @(posedge clk) q <= ~(a & b);", 0.15, 0.8),
    "register to output": ("always @(posedge clk) q <= a; assign y = ~(q & q);", 0.2, 0.8),
    "input to output": ("always @(posedge clk) q <= a; assign y = ~(a & b);", 0.1, 0.6)}


@needs_yosys
@needs_sta
@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("period_ns", [100, 1, 0.2])
def test_fastest_clock(name, period_ns, tmp_path):
    """It does not depend on the clock that was asked for, and is met when it is asked for."""
    text, ns, share = PATHS[name]
    pdk = few(tmp_path)
    made = synthesise({"top.v": DESIGN.format(text)}, "top", pdk, tmp_path / "cache", target_ns=5)
    timing = analyse(made.netlist, pdk, period_ns, tmp_path / "cache")
    assert timing.mhz == pytest.approx(1000 * share / ns, rel=0.001)
    again = analyse(made.netlist, pdk, 1000 / timing.mhz, tmp_path / "cache")
    assert abs(again.setup_ns) <= 0.001 and again.mhz == pytest.approx(timing.mhz, rel=0.001)


@needs_yosys
@needs_sta
@pytest.mark.parametrize("text, path", [
    # At 100 ns the input, which arrives after 20, has less slack than what limits the clock.
    ("always @(posedge clk) begin q <= ~(a & b); r <= ~(r & q); end",
     [("dff", 0.1), ("nand2", 0.2), ("dff", 0.2)]),
    (PATHS["input to output"][0], [("in", 0), ("nand2", 0.1), ("out", 0.1)])])
def test_path(text, path, tmp_path):
    """That which keeps the clock from being faster, without the ports' distance from its edge."""
    pdk = few(tmp_path)
    made = synthesise({"top.v": DESIGN.format(text)}, "top", pdk, tmp_path / "cache", target_ns=5)
    for period_ns in (100, 0.2):
        timing = analyse(made.netlist, pdk, period_ns, tmp_path / "cache")
        assert [(kind, ns) for _, kind, ns in timing.path] == path
