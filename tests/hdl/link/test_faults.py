"""Thousands of damaged packets on a simulated serial line: the hardware is golden's link."""

import random

import numpy as np
import pytest

from golden.link.link import Link as Golden
from golden.link.link import from_beats, link_params
from golden.link.packet import BROKEN, FLAG, Kind, Packet, encode
from golden.link.params import UartParams
from hdl.link.link import UartTop
from hdl.verilog import emit
from sim import serial
from ternstone.designs import open_design
from tests.golden.link.faults import damage
from tests.hdl.bench import WORKDIR

UART = UartParams(12_000_000, 1_500_000)

#: Small real cores: one whose answer has a beat for each of the frame's, one of one beat, one with
#: wide beats, one whose weights are loaded, in parts.
CORES = {
    "converter": ("stochastic.converter", {"length": "4"}),
    "network": ("stochastic.network", {"inputs": "4", "hidden": "3", "length": "16"}),
    "dense": ("lstm.dense", {"inputs": "12", "outputs": "3", "columns": "4", "lanes": "1"}),
    "loaded": ("lstm.dense", {"inputs": "24", "outputs": "60", "store": "load", "lanes": "2"}),
}


def commands(line, rng, gaps):
    """A line's bytes as what the simulated far end does, with pauses between them."""
    for byte in line:
        if rng.random() < gaps:
            yield serial.IDLE | rng.randint(1, 40)
        if byte == BROKEN:
            # A missing stop bit, or a break that lasts longer than a byte.
            yield rng.choice((serial.BROKEN | rng.randrange(256), serial.LOW | rng.randint(10, 60)))
            yield serial.IDLE | 2
        else:
            yield serial.SEND | byte


@pytest.fixture(scope="module", params=[
    pytest.param(name, marks=() if name in ("network", "loaded") else pytest.mark.slow)
    for name in CORES])
def core(request):
    name, params = CORES[request.param]
    design = open_design(name, None, params)
    queued = request.param == "dense"
    link = link_params(design.block, clock=UART.clock, digest="0123456789ab", queued=queued)
    top = UartTop(link, UART, design.component())
    return Golden(link, design.block), emit(top, asserts=True)


def load(golden, sequence):
    """The packets of the image."""
    p = golden.params
    image = from_beats(golden.block.load, golden.block.image()) if p.load_bytes else b""
    return [encode(Packet(Kind.WEIGHTS if n + 1 < p.chunks else Kind.WEIGHTS_END, sequence + n,
                          image[n * p.chunk:(n + 1) * p.chunk])) for n in range(p.chunks)]


def run(core, rounds, seed, gaps, faster):
    """Assert that the hardware answers damaged and whole packets as golden does, byte for byte."""
    golden, verilog = core
    rng = random.Random(seed)
    frames = golden.block.random_frames(30, np.random.default_rng(seed))
    payloads = [from_beats(golden.block.input, frame) for frame in frames]
    with serial.Board(verilog, clock=UART.clock, baud=UART.baud, faster=faster,
                      wire="commands", workdir=WORKDIR) as board:
        def ask(line):
            expected = golden.feed(line)
            assert board.exchange(commands(line, rng, gaps)) == list(expected)

        ask(encode(Packet(Kind.RESET, 1)))
        for part in load(golden, 1):
            ask(part)
        sequence = 100
        for _ in range(rounds):
            line, whole = [], random.Random(rng.random())
            # Bursts: what a packet FIFO has room for, and its answers have time for.
            for _ in range(6):
                sequence = sequence % 250 + 1
                kind = rng.choice((Kind.FRAME, Kind.FRAME, Kind.FRAME, Kind.ECHO, 9))
                payload = rng.choice(payloads) if kind == Kind.FRAME else rng.randbytes(9)
                line += damage(encode(Packet(kind, sequence, payload)), rng)[0]
                sequence = sequence % 250 + 1
                line += [FLAG, *encode(Packet(Kind.FRAME, sequence, whole.choice(payloads)))]
            ask(line)


@pytest.mark.parametrize("seed", [1])
def test_faults(core, seed):
    run(core, 12, seed, 0.02, 0.015 if seed % 2 else -0.015)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_thousands_of_faults(core, seed):
    run(core, 100, seed, 0.05 * (seed % 3), (seed % 5 - 2) / 100)
