"""The host program against golden's link, a line with faults, and a simulated board."""

import os
import random
import threading
import tty

import numpy as np
import pytest

from golden.link.link import Link, link_params
from golden.link.params import UartParams
from sim.serial import Board
from ternstone import host, serial
from ternstone.designs import open_design
from ternstone.errors import BadInput
from tests.golden.link.faults import damage
from tests.hdl.bench import WORKDIR

SMALL = ("stochastic.network", {"inputs": "4", "hidden": "3", "length": "16"})
LOADED = ("lstm.dense", {"inputs": "24", "outputs": "60", "store": "load"})
STATEFUL = ("lstm.network", {"inputs": "2", "hidden": "4", "outputs": "2", "steps": "2",
                             "lanes": "4", "stateful": "true"})
#: Random bits run on from job to job.
JOBS = ("invertible.search", {"bits": "3"})


def golden(design, digest=None):
    return Link(link_params(design.block, clock=12_000_000, digest=digest or design.identity),
                design.block)


def frames(design, count):
    return design.block.random_frames(count, np.random.default_rng(2))


class Noise:
    """A wire that damages what passes, either way, with some probability."""

    def __init__(self, link, p, seed):
        self.link, self.p, self.rng, self.waiting = link, p, random.Random(seed), b""

    def write(self, data):
        answer = self.link.feed(self._pass(data))
        self.waiting += bytes(byte & 0xFF for byte in self._pass(answer))

    def _pass(self, data):
        return damage(data, self.rng)[0] if data and self.rng.random() < self.p else data

    def read(self, timeout):
        data, self.waiting = self.waiting, b""
        return data

    def close(self):
        pass


class Fixed:
    """A wire to something that says the same, whatever it hears."""

    def __init__(self, says):
        self.says, self.heard = says, b""

    def write(self, data):
        self.heard += data

    def read(self, timeout):
        return self.says

    def close(self):
        pass


@pytest.mark.parametrize("name, params", [SMALL, LOADED, STATEFUL, JOBS])
def test_golden(name, params):
    design = open_design(name, None, params)
    answer = host.run(host.Host(host.GoldenWire(golden(design))), design, frames(design, 5))
    assert answer["passed"] and answer["frames"] == 5 and answer["errors"] == {}
    assert answer["golden_cycles"] in (None, answer["cycles"])


@pytest.mark.parametrize("name, params, p", [(*SMALL, 0.15), (*LOADED, 0.07), (*STATEFUL, 0.07)])
@pytest.mark.parametrize("seed", range(4))
def test_noise(name, params, p, seed):
    """Whatever a line does to packets, the answers are right."""
    design = open_design(name, None, params)
    wire = Noise(golden(design), p, seed)
    answer = host.run(host.Host(wire, timeout=0.0), design, frames(design, 12))
    assert answer["mismatches"] == 0 and answer["frames"] == 12 and answer["errors"]


def test_wrong_answer_is_seen():
    design = open_design(*SMALL[:1], None, SMALL[1])
    link = golden(design)
    run = link.block.run
    link.block.run = lambda frames: [answer ^ 1 for answer in run(frames)]
    try:
        wire = host.GoldenWire(link)
        asked = frames(design, 2)
        other = open_design(*SMALL[:1], None, SMALL[1])
        answer = host.run(host.Host(wire), other, asked)
    finally:
        del link.block.run
    assert answer["mismatches"] == 2 and not answer["passed"]


def test_loopback():
    design = open_design(*SMALL[:1], None, SMALL[1])
    answer = host.loopback(host.Host(host.GoldenWire(golden(design))), 40, 1)
    assert answer["passed"] and answer["packets"] == 40 and answer["bytes"] > 2000
    assert answer["status"]["digest"] == design.identity


@pytest.mark.parametrize("wire, message", [
    (Fixed(b""), r"Board must answer, but nothing came in 0 s, 6 times \(see to the port, .*\)"),
    (Fixed(b"login: ~"), r"Board must answer with packets, not 6c 6f 67 .* \(see to the baud .*\)"),
])
def test_not_a_board(wire, message):
    design = open_design(*SMALL[:1], None, SMALL[1])
    with pytest.raises(BadInput, match=f"^{message}$"):
        host.run(host.Host(wire, timeout=0, name="Board"), design, frames(design, 1))


def test_another_design():
    design = open_design(*SMALL[:1], None, SMALL[1])
    wire = host.GoldenWire(golden(design, "0123456789ab"))
    with pytest.raises(BadInput, match=r"^Board must hold stochastic-network \(\w{12}\), not a "
                                       r"design 0123456789ab \(put its bitstream on the board, "):
        host.run(host.Host(wire, name="Board"), design, frames(design, 1))


def test_other_frames():
    """The digest is right, but the board's frames are longer."""
    design = open_design(*SMALL[:1], None, SMALL[1])
    link = golden(open_design("stochastic.network", None, {"inputs": "9"}), design.identity)
    with pytest.raises(BadInput, match=r"^Board must take a FRAME packet of 4 bytes, "
                                       r"but answers error LENGTH$"):
        host.run(host.Host(host.GoldenWire(link), name="Board"), design, frames(design, 1))


@pytest.fixture
def terminal():
    """The name of a pseudo terminal, and a function that puts a link behind it."""
    ours, other = os.openpty()
    tty.setraw(other)

    def serve(link):
        def loop():
            while data := os.read(ours, 4096):
                if b"end of test" in data:
                    return
                os.write(ours, link.feed(data))
        thread.append(threading.Thread(target=loop))
        thread[0].start()

    thread = []
    yield os.ttyname(other), serve
    if thread:
        os.write(other, b"end of test")
        thread[0].join()
    os.close(ours)
    os.close(other)


def test_verb(ternstone, terminal):
    port, serve = terminal
    serve(golden(open_design("stochastic.counter", None, {})))
    answer = ternstone("host", "stochastic.counter", "--port", port, "--frames", 3)
    assert answer.status == 0 and "equal" in answer.out and port in answer.out
    answer = ternstone("host", "stochastic.counter", "--port", port, "--frames", 3, "--json")
    assert answer.json["passed"] and len(answer.json["answers"]) == 3
    answer = ternstone("host", "--port", port, "--loopback", "--frames", 3, "--json")
    assert answer.json["passed"] and answer.json["status"]["clock"] == 12_000_000


def test_verb_on_a_silent_port(ternstone, terminal):
    answer = ternstone("host", "stochastic.counter", "--port", terminal[0], "--timeout", 0.01)
    assert answer.status == 2 and answer.err.count("\n") == 1
    assert answer.err.startswith(f"error: {terminal[0]} must answer, but nothing came in 0.01 s")


@pytest.mark.parametrize("arguments, message", [
    (["stochastic.counter", "--port", "/dev/nowhere"],
     "Port /dev/nowhere cannot be opened: no such file or directory"),
    (["stochastic.counter", "--port", "/dev/null"],
     "Port /dev/null cannot be opened: it is no serial port"),
    (["nonsense", "--port", "x"], "Design 'nonsense' is not known"),
    (["--port", "x"], "A design must be given once"),
    (["stochastic.counter"], "Missing option '--port'"),
    (["stochastic.counter", "--port", "x", "--baud", 0], "--baud must be at least 1, not 0"),
    (["stochastic.counter", "--port", "x", "--timeout", 0], "--timeout must be between 0 and 3600"),
    (["stochastic.counter", "--port", "x", "--loopback"], "--loopback takes no design"),
])
def test_wrong(ternstone, arguments, message):
    answer = ternstone("host", *arguments)
    assert answer.status == 2 and answer.err.count("\n") == 1
    assert answer.err.startswith(f"error: {message}"), answer.err


@pytest.mark.parametrize("name, params", [LOADED, JOBS,
                                          pytest.param(*SMALL, marks=pytest.mark.slow)])
def test_simulated_board(name, params):
    """Real bytes, bit by bit over a line that is 2 % fast, into the hardware and back; its cycles
    are golden's."""
    design = open_design(name, None, params)
    uart = serial.UART
    with Board(serial.verilog(design), clock=uart.clock, baud=uart.baud, faster=0.02,
               workdir=WORKDIR) as board:
        talker = host.Host(board, timeout=60)
        answer = host.run(talker, design, frames(design, 8))
        echo = host.loopback(talker, 5, 1)
    assert answer["passed"] and answer["errors"] == {}
    assert answer["cycles"] == answer["golden_cycles"]
    assert echo["passed"]


@pytest.mark.slow
def test_digits():
    """Fifty real frames of a ready design; the core is held by back-pressure alone where nothing
    is queued, and counts fewer cycles where it works meanwhile."""
    design = open_design("digits-lstm-ternary", None, {})
    for queued in (False, True):
        uart = UartParams(12_000_000, 115_200 if not queued else 1_500_000)
        with Board(serial.verilog(design, uart, queued=queued), clock=uart.clock, baud=uart.baud,
                   patience=200_000, workdir=WORKDIR) as board:
            answer = host.run(host.Host(board, timeout=60), design, design.feed(50, 0).frames)
        assert answer["passed"] and answer["errors"] == {}
        assert (answer["cycles"] == answer["golden_cycles"]) == queued
