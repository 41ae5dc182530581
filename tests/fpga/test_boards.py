"""Pins and clocks are amaranth-boards' own; what devices hold is what nextpnr knows."""

import re
import subprocess

import pytest

from fpga.boards import BOARDS, DEVICES
from fpga.tools import find
from sim.tools import ToolError

pytest.importorskip("amaranth_boards", reason="pip install 'ternstone[fpga]'")


def nextpnr(program):
    try:
        return find(program)
    except ToolError:
        return None


def test_icebreaker():
    board = BOARDS["icebreaker"]
    assert (board.part, board.clock_hz, board.options) == (
        "iCE40UP5K", 12_000_000, ("--up5k", "--package", "sg48"))
    # From the board's schematic.
    assert {name: pin.site for name, pin in board.pins.items()} == {
        "clk": "35", "uart_rx": "6", "uart_tx": "9",
        "spi_cs": "4", "spi_copi": "2", "spi_cipo": "47", "spi_sck": "45"}
    assert board.constraints(["clk", "uart_rx", "spi_sck"]) == (
        "set_io clk 35\nset_io -pullup yes uart_rx 6\nset_io spi_sck 45\nset_frequency clk 12\n")


def test_ulx3s():
    board = BOARDS["ulx3s-85f"]
    assert (board.part, board.clock_hz) == ("LFE5U-85F", 25_000_000)
    assert board.constraints(["clk"]) == (
        'LOCATE COMP "clk" SITE "G2";\nIOBUF PORT "clk" IO_TYPE=LVCMOS33;\n'
        'FREQUENCY PORT "clk" 25 MHZ;\n')


def test_a_board_whose_uart_is_on_its_header():
    board = BOARDS["orangecrab-25f"]
    assert (board.part, board.clock_hz, board.options) == (
        "LFE5U-25F", 48_000_000, ("--25k", "--package", "CSFBGA285", "--speed", "8"))
    assert {name: pin.site for name, pin in board.pins.items()} == {
        "clk": "A9", "uart_rx": "N17", "uart_tx": "M18",
        "spi_cs": "B10", "spi_copi": "N16", "spi_cipo": "N15", "spi_sck": "R17"}
    assert 'IOBUF PORT "uart_tx" IO_TYPE=LVCMOS33;' in board.constraints(["uart_tx"])


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_board_has_its_pins(board):
    pins = board.pins
    assert {name: pin.direction for name, pin in pins.items()} == {
        "clk": "i", "uart_rx": "i", "uart_tx": "o",
        "spi_cs": "i", "spi_copi": "i", "spi_cipo": "o", "spi_sck": "i"}
    assert len({pin.site for pin in pins.values()}) == len(pins)
    with pytest.raises(ValueError, match=r"^Port must be one of clk, .*, not 'led'$"):
        board.constraints(["led"])


@pytest.mark.parametrize("part", DEVICES)
def test_capacity_is_what_nextpnr_knows(part, tmp_path):
    """An empty design: nextpnr prints what there is of everything."""
    device, program = DEVICES[part], DEVICES[part].family.route
    tool = nextpnr(program)
    if tool is None:
        pytest.skip(f"no {program} (pip install 'ternstone[fpga]')")
    (tmp_path / "empty.json").write_text('{"modules": {"top": {"attributes": {"top": "1"}, '
                                         '"ports": {}, "cells": {}, "netnames": {}}}}')
    said = subprocess.run([*tool.command, device.option, "--json", "empty.json", "--pack-only"],
                          cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    there = {kind: int(count) for kind, count in re.findall(r"(\w+):\s+\d+/\s*(\d+)", said)}
    names = {"LUT4": ("ICESTORM_LC", "TRELLIS_COMB"), "FF": ("ICESTORM_LC", "TRELLIS_FF"),
             "RAM": ("ICESTORM_RAM", "DP16KD"), "SPRAM": ("ICESTORM_SPRAM",),
             "DSP": ("ICESTORM_DSP", "MULT18X18D"), "PLL": ("ICESTORM_PLL", "EHXPLLL")}
    for name, count in device.capacity.items():
        known = next(there[kind] for kind in names[name] if kind in there)
        # nextpnr gives the LFE5U-12F all of its die.
        assert count == known or part == "LFE5U-12F" and count <= known, (name, count, known)
