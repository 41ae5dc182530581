"""What becomes of a frame that the line damages, counted: an error, never a wrong answer, and the
next frame is right. For the tests and for the table of docs/link.md."""

import collections
import random

import numpy as np

from golden.link.link import Link as Golden
from golden.link.link import from_beats, link_params
from golden.link.packet import ANSWER, BROKEN, FLAG, Code, Decoder, Kind, Packet, encode, parse
from golden.link.params import UartParams
from hdl.link.link import UartTop
from hdl.verilog import emit
from sim import serial
from ternstone.designs import open_design
from tests.hdl.bench import WORKDIR

__all__ = ["FAULTS", "core", "outcome", "run"]

FINE = 8  # bit times of the bench in one of the line
UART = UartParams(12_000_000, 750_000)
DIGEST = "0123456789ab"


def core():
    """(block, its `LinkParams`, Verilog behind a UART)."""
    design = open_design("stochastic.network", None, {"inputs": "4", "hidden": "3", "length": "16"})
    link = link_params(design.block, clock=UART.clock, digest=DIGEST)
    return design.block, link, emit(UartTop(link, UART, design.component()), asserts=True)


def bits(packet, rng):
    """A glitch: the line is turned over for a part of a bit, or for several."""
    return packet, [(rng.randrange(len(packet) * 10 * FINE), rng.choice((1, 2, 4, FINE, 3 * FINE)))
                    for _ in range(rng.randint(1, 2))]


def flipped(packet, rng):
    for _ in range(rng.randint(1, 3)):
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)
    return packet, ()


def dropped(packet, rng):
    at = rng.randrange(len(packet))
    return packet[:at] + packet[at + rng.randint(1, 3):], ()


def inserted(packet, rng):
    at = rng.randrange(len(packet))
    return packet[:at] + list(rng.randbytes(rng.randint(1, 9))) + packet[at:], ()


def doubled(packet, rng):
    """The whole packet, or some of its bytes."""
    if rng.random() < 0.3:
        return packet * 2, ()
    at = rng.randrange(len(packet))
    end = at + rng.randint(1, 6)
    return packet[:end] + packet[at:], ()


def cut(packet, rng):
    return packet[:rng.randrange(1, len(packet))], ()


FAULTS = (bits, flipped, dropped, inserted, doubled, cut)


def commands(data, glitches):
    return serial.waveform(data, FINE, glitches) + [serial.IDLE | 2 * FINE]


def outcome(packets, sequence, right):
    """What a damaged frame of that sequence number was answered with, in a word; "WRONG" is what
    must never be."""
    words = []
    for packet in packets:
        if not isinstance(packet, Packet):
            words.append("WRONG")  # the board's own line is whole
        elif packet.type == Kind.ERROR | ANSWER:
            words.append(f"error {Code(packet.payload[0]).name}")
        elif (packet.type, packet.sequence) == (Kind.FRAME | ANSWER, sequence):
            words.append("right" if packet.payload == right else "WRONG")
        else:
            words.append("WRONG")  # an answer to what nobody asked
    if not words:
        return "no answer"
    if "WRONG" in words:
        return "WRONG"
    if len(set(words)) == 1:
        return words[0]
    return "right and an error" if "right" in words else "several errors"


def run(core, count, seed):
    """Send ``count`` frames, each damaged by one of `FAULTS` in turn, and a whole one after each;
    returns name of the fault -> Counter of the `outcome`s.

    Raises AssertionError for a wrong answer, or for a whole frame that is not answered right.
    """
    block, link, verilog = core
    rng = random.Random(seed)
    frames = [from_beats(block.input, frame)
              for frame in block.random_frames(40, np.random.default_rng(seed))]
    golden = Golden(link, block)
    golden.feed(encode(Packet(Kind.RESET, 1)))
    answers = []
    for n, frame in enumerate(frames):
        answers.append(parse(*_bodies(golden.feed(encode(Packet(Kind.FRAME, n + 2, frame))))
                             ).payload)
    counts = {fault.__name__: collections.Counter() for fault in FAULTS}
    sequence = 1
    with serial.Board(verilog, clock=UART.clock, baud=UART.baud, fine=FINE, wire="commands",
                      patience=3000, workdir=WORKDIR) as board:
        board.exchange(commands(encode(Packet(Kind.RESET, 1)), ()))
        for n in range(count):
            fault, (which, other) = FAULTS[n % len(FAULTS)], rng.sample(range(len(frames)), 2)
            sequence = sequence % 250 + 1
            damaged = list(encode(Packet(Kind.FRAME, sequence, frames[which])))
            line, glitches = fault(damaged, rng)
            # A flag ends what is left open, after a byte's time in which a break is over.
            sent = [*commands(line, glitches), serial.IDLE | 10 * FINE, *commands([FLAG], ())]
            seen = _packets(board.exchange(sent))
            found = outcome(seen, sequence, answers[which])
            assert found != "WRONG", (fault.__name__, line, glitches, seen)
            counts[fault.__name__][found] += 1
            sequence = sequence % 250 + 1
            whole = encode(Packet(Kind.FRAME, sequence, frames[other]))
            assert _packets(board.exchange(commands(whole, ()))) == [
                Packet(Kind.FRAME | ANSWER, sequence, answers[other])]
    return counts


def _bodies(line):
    decoder = Decoder()
    return [cause or body for body, cause in filter(None, map(decoder.byte, line))]


def _packets(line):
    assert BROKEN not in [word & BROKEN for word in line]
    return [body if isinstance(body, Code) else parse(body) for body in _bodies(line)]
