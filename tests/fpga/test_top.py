# amaranth: UnusedElaboratable=no
"""A board's top, PLL modelled, on a simulated serial line: it answers as golden's link does."""

from pathlib import Path

import numpy as np
import pytest

import fpga
from fpga.pll import dividers
from fpga.top import BoardTop, VerilogCore
from golden.link.link import Link as Golden
from golden.link.link import from_beats, link_params
from golden.link.packet import Kind, Packet, encode
from golden.link.params import SpiParams, UartParams
from hdl.verilog import Verilog, emit
from sim.serial import Board
from ternstone.designs import open_design
from ternstone.generate import ports
from ternstone.regress import over_pins
from tests.hdl.bench import WORKDIR

#: What `sim.serial` drives around the pins of a board. The reset of the bench does nothing: the
#: design is reset by the lock of its PLL.
WRAPPER = """
module pins(input clk, input rst, input rx, output tx);
  top board(.clk(clk), .uart_rx(rx), .uart_tx(tx));
endmodule
"""


def board_top(kind, design, line=UartParams):
    family, reference = ("ecp5", 25_000_000) if kind == "ECP5" else ("ice40", 12_000_000)
    pll = dividers(family, reference, 24_000_000)
    clock = round(pll.hz)
    made = emit(design.component(), "core_under_test")
    described = [(port["name"], port["direction"], port["width"])
                 for port in ports(made.text, "core_under_test", design)]
    line = line(clock, clock // 8)
    link = link_params(design.block, clock=clock, digest=design.identity, queued=True)
    core = VerilogCore("core_under_test", described)
    return made.text, emit(BoardTop(kind, pll, line, link, core)).text, line, link


@pytest.mark.parametrize("kind", ["PAD", pytest.param("CORE", marks=pytest.mark.slow),
                                  pytest.param("ECP5", marks=pytest.mark.slow)])
def test_answers_over_its_pins(kind):
    design = open_design("stochastic.counter", None, {"length": "20"})
    core, top, uart, link = board_top(kind, design)
    models = (Path(fpga.__path__[0]) / "pll_models.v").read_text()
    golden = Golden(link, design.block)
    frames = [from_beats(design.block.input, frame)
              for frame in design.block.random_frames(4, np.random.default_rng(1))]
    requests = [encode(packet) for packet in (
        Packet(Kind.RESET, 1), Packet(Kind.ECHO, 2, b"board"),
        *(Packet(Kind.FRAME, 10 + n, frame) for n, frame in enumerate(frames)),
        Packet(Kind.STATUS, 20), Packet(Kind.FRAME, 20, frames[0]),  # doubled
        Packet(Kind.RESET, 1), Packet(Kind.FRAME, 2, frames[1]), Packet(Kind.STATUS, 3))]
    with Board("\n".join([core, top, models, WRAPPER]), top="pins", clock=uart.clock,
               baud=uart.baud, wire="commands", lint=False, workdir=WORKDIR) as board:
        for request in requests:
            assert bytes(board.exchange(request)) == golden.feed(request)


def test_answers_over_spi():
    """Frames by the host program, and every other request, damaged ones among them."""
    design = open_design("stochastic.counter", None, {"length": "20"})
    core, top, line, _ = board_top("CORE", design, SpiParams)
    models = (Path(fpga.__path__[0]) / "pll_models.v").read_text()
    frames = design.feed(4, 0).frames
    answer = over_pins(design, Verilog("\n".join([core, top, models])), line, frames,
                       workdir=WORKDIR)
    assert answer["passed"] and answer["cycles"] == answer["golden_cycles"] > 0
    assert answer["requests"] >= 10


def test_a_reset_of_the_link_reaches_the_core():
    """`ResetInserter` does not reach an instance; its module's reset pin must rise all the same."""
    core = VerilogCore("m", [("clk", "input", 1), ("rst", "input", 1),
                             ("s_axis_tvalid", "input", 1), ("s_axis_tready", "output", 1)])
    text = emit(core).text
    assert ".rst(cold)" in text
    assert "s_axis_tready = s_axis_tready_inner & " in text


def test_wrong_clock():
    design = open_design("stochastic.counter", None, {})
    link = link_params(design.block, clock=20_000_000)
    with pytest.raises(ValueError, match=r"^Link clock must be the PLL's, 24000000 Hz, "
                                         r"not 20000000$"):
        BoardTop("PAD", dividers("ice40", 12_000_000, 24e6), UartParams(20_000_000, 1_000_000),
                 link, VerilogCore("m", []))
