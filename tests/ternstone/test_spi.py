"""The host program over SPI: a simulated board's terminal, and Linux' spidev as it is asked."""

import ctypes
import os
import struct

import numpy as np
import pytest

from golden.link.link import Link, link_params
from golden.link.packet import FILL
from golden.link.params import SpiParams
from sim.serial import Board
from ternstone import host, serial, spi
from ternstone.designs import open_design
from ternstone.errors import BadInput
from tests.hdl.bench import WORKDIR
from tests.ternstone.words import assert_one_line

COUNTER = ("stochastic.counter", None, {"length": "20"})
LINE = SpiParams(12_000_000, 1_500_000)


def test_simulated_board(ternstone):
    """The verb's own bytes go into the design and its bytes come back; then the link alone."""
    design = open_design(*COUNTER)
    with Board(serial.verilog(design, LINE), line="spi", clock=LINE.clock, baud=LINE.sck,
               wire="terminal", workdir=WORKDIR) as board:
        given = ("--port", board.port, "--link", "spi", "--timeout", 30)
        answer = ternstone("host", "stochastic.counter", "--param", "length=20", "--frames", 3,
                           *given, "--json")
        assert answer.status == 0, answer.err
        made = answer.json
        assert made["passed"] and made["cycles"] == made["golden_cycles"] and not made["errors"]
        answer = ternstone("host", "--loopback", "--frames", 5, *given, "--json")
        assert answer.json["passed"] and not answer.json["errors"]


class Spidev:
    """The kernel's end: golden's link, which gives a byte for every one that it gets."""

    def __init__(self, link):
        self.link, self.waiting, self.modes, self.lengths = link, b"", [], []

    def ioctl(self, _file, request, argument):
        if request == 0x40016B01:
            self.modes.append(argument)
            return
        assert request == 0x40206B00
        sent, came, length, hz, _, bits, *_ = struct.unpack("=QQIIHBBBBBB", argument)
        assert (hz, bits) == (500_000, 8) and 0 < length <= 4096
        self.lengths.append(length)
        data = bytes(self.waiting[:length]).ljust(length, bytes([FILL]))
        self.waiting = self.waiting[length:]
        ctypes.memmove(came, data, length)
        self.waiting += self.link.feed(ctypes.string_at(sent, length))


@pytest.fixture
def spidev(monkeypatch):
    design = open_design(*COUNTER)
    kernel = Spidev(Link(link_params(design.block, clock=1, digest=design.identity), design.block))
    monkeypatch.setattr(spi.fcntl, "ioctl", kernel.ioctl)
    return design, kernel


def test_spidev(spidev):
    design, kernel = spidev
    wire = spi.SpiWire(os.devnull, 500_000)
    frames = design.block.random_frames(4, np.random.default_rng(1))
    answer = host.run(host.Host(wire, timeout=1.0), design, frames)
    assert answer["passed"] and not answer["errors"] and kernel.modes == [b"\0"]
    assert host.loopback(host.Host(wire, timeout=1.0), 10, 1)["passed"]
    assert len(wire.exchange(bytes([FILL]) * 5000)) == 5000 and 4096 in kernel.lengths
    wire.close()


def test_spidev_that_fails(spidev, monkeypatch):
    wire = spi.SpiWire(os.devnull, 500_000)

    def gone(*_):
        raise OSError(19, "No such device")

    monkeypatch.setattr(spi.fcntl, "ioctl", gone)
    with pytest.raises(BadInput, match=r"^Port /dev/null is gone: no such device \(SPI takes "):
        wire.write(b"x")


@pytest.mark.parametrize("port, why", [
    ("/dev/spidev99.9", "no such file or directory"),
    (os.devnull, "inappropriate ioctl for device")])
def test_no_spi_there(ternstone, port, why):
    assert_one_line(ternstone("host", "--loopback", "--port", port, "--link", "spi"),
                    rf"Port {port} cannot be opened: {why} \(SPI takes /dev/spidevB\.C\)")
