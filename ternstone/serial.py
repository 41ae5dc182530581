"""A simulated board behind a serial port: `ternstone host` cannot tell it from a real one."""

import time

from golden.link.link import link_params
from golden.link.params import SpiParams, UartParams, line_params
from hdl.link.link import SpiTop, UartTop
from hdl.verilog import Verilog, emit
from sim.serial import Board
from ternstone import report
from ternstone.designs import Design
from ternstone.errors import bad_input
from ternstone.generate import BUILD

__all__ = ["UART", "serve", "verilog"]

#: As few clock cycles a bit as there may be: a simulated one takes long.
UART = UartParams(12_000_000, 1_500_000)


def verilog(design: Design, line: UartParams | SpiParams = UART, *, queued: bool = True) -> Verilog:
    """The design behind a UART or SPI, its top called ``top``.

    Errors: `BadInput` for a design that a link cannot feed.
    """
    with bad_input(design.name):
        params = link_params(design.block, clock=line.clock, digest=design.identity, queued=queued)
    core = design.component()
    top = SpiTop(params, core) if isinstance(line, SpiParams) else UartTop(params, line, core)
    return emit(top, asserts=True)


def serve(design: Design, link: str = "uart") -> None:
    """Be a board with ``design`` on a pseudo terminal, until interrupted.

    With SPI every byte that is written to it is clocked out, and the one that comes with it can be
    read.
    """
    line = line_params(link, UART.clock, UART.baud)
    with report.stderr.status(f"compiling {design.name}"):
        board = Board(verilog(design, line), line=link, clock=UART.clock, baud=UART.baud,
                      wire="terminal", workdir=BUILD / "sim")
    with board:
        given = "" if link == "uart" else f" --link {link}"
        report.console().print(f"{design.name} at {board.port} "
                               f"(ternstone host {design.name} --port {board.port}{given})",
                               highlight=False, soft_wrap=True)
        while True:
            time.sleep(0.2)
            board.alive()
