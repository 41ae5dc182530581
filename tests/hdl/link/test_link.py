"""The link around a core on a simulated serial line answers as golden does, byte by byte."""

import numpy as np
import pytest

from golden.link.link import Link as Golden
from golden.link.link import from_beats, link_params
from golden.link.packet import Kind, Packet, encode
from golden.link.params import UartParams
from hdl.link.link import UartTop
from hdl.verilog import emit
from sim.serial import Board
from ternstone.designs import open_design
from tests.hdl.bench import WORKDIR

UART = UartParams(12_000_000, 1_500_000)


@pytest.fixture(scope="module")
def counter():
    """Parameters, block and Verilog of a small core behind a UART."""
    design = open_design("stochastic.counter", None, {"length": "20"})
    params = link_params(design.block, clock=UART.clock, digest="0123456789ab")
    return params, design.block, emit(UartTop(params, UART, design.component()), asserts=True)


def frames(block, count):
    return [from_beats(block.input, frame)
            for frame in block.random_frames(count, np.random.default_rng(1))]


@pytest.mark.parametrize("faster", [-0.02, 0.0, 0.02])
def test_every_answer(counter, faster):
    params, block, verilog = counter
    golden = Golden(params, block)
    requests = [encode(Packet(Kind.RESET, 1)), encode(Packet(Kind.STATUS, 2)),
                encode(Packet(Kind.ECHO, 3, bytes(range(256)))),
                *(encode(Packet(Kind.FRAME, 10 + n, frame))
                  for n, frame in enumerate(frames(block, 5))),
                encode(Packet(Kind.FRAME, 14, frames(block, 1)[0])),   # doubled
                encode(Packet(Kind.FRAME, 20, bytes(19))), encode(Packet(9, 21)),
                encode(Packet(0x81, 22)), b"garbage\x7e", bytes(4) + b"\x7e", bytes(600) + b"\x7e"]
    with Board(verilog, clock=UART.clock, baud=UART.baud, faster=faster, wire="commands",
               workdir=WORKDIR) as board:
        for request in requests:
            assert bytes(board.exchange(request)) == golden.feed(request)
