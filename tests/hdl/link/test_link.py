# amaranth: UnusedElaboratable=no
"""The link around a core on a simulated serial line answers as golden does, byte by byte."""

import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from hypothesis import given, settings
from hypothesis import strategies as st

from fpga.area import ice40
from golden.link.link import Link as Golden
from golden.link.link import from_beats, link_params
from golden.link.packet import ANSWER, Code, Decoder, Kind, Packet, Status, encode, parse
from golden.link.params import LinkParams, UartParams
from hdl.link.link import Link, UartTop
from hdl.link.packet import PacketReceiver
from hdl.verilog import emit
from sim import serial
from ternstone.designs import open_design
from tests.hdl.bench import WORKDIR, nothing_of_machine, play

UART = UartParams(12_000_000, 1_500_000)


def made(name, params, uart=UART, **options):
    """(block, its `LinkParams`, Verilog behind a UART)."""
    design = open_design(name, None, params)
    link = link_params(design.block, clock=uart.clock, digest="0123456789ab", **options)
    return design.block, link, emit(UartTop(link, uart, design.component()), asserts=True)


@pytest.fixture(scope="module")
def counter():
    """A small core: 20 beats in, one of two bytes out."""
    return made("stochastic.counter", {"length": "20"})


def board(verilog, uart=UART, **options):
    return serial.Board(verilog, clock=uart.clock, baud=uart.baud, wire="commands",
                        workdir=WORKDIR, **options)


def frames(block, count, seed=1):
    return [from_beats(block.input, frame)
            for frame in block.random_frames(count, np.random.default_rng(seed))]


def packets(line):
    decoder = Decoder()
    return [cause or parse(body) for body, cause in filter(None, map(decoder.byte, line))]


def requests(block):
    """Every kind of packet, and what is none."""
    return [encode(Packet(Kind.RESET, 1)), encode(Packet(Kind.STATUS, 2)),
            encode(Packet(Kind.ECHO, 3, bytes(range(256)))),
            *(encode(Packet(Kind.FRAME, 10 + n, frame))
              for n, frame in enumerate(frames(block, 5))),
            encode(Packet(Kind.FRAME, 14, frames(block, 1)[0])),   # doubled
            encode(Packet(Kind.FRAME, 20, bytes(19))), encode(Packet(9, 21)),
            encode(Packet(0x81, 22)), b"garbage\x7e", bytes(4) + b"\x7e", bytes(600) + b"\x7e",
            encode(Packet(Kind.ECHO, 23)), encode(Packet(Kind.ECHO, 24, bytes(503))),
            encode(Packet(Kind.ECHO, 25, bytes(504)))]


@pytest.mark.parametrize("faster", [-0.025, 0.0, 0.025])
def test_every_answer(counter, faster):
    block, params, verilog = counter
    golden = Golden(params, block)
    with board(verilog, faster=faster) as line:
        for request in requests(block):
            assert bytes(line.exchange(request)) == golden.feed(request)


def test_another_simulator():
    """Four states: whatever is not reset and reaches the pin would show."""
    design = open_design("stochastic.counter", None, {"length": "20"})
    params = link_params(design.block, clock=UART.clock, digest="0123456789ab")
    golden = Golden(params, design.block)
    with board(emit(UartTop(params, UART, design.component())), simulator="icarus",
               patience=2000) as line:
        for packet in (Packet(Kind.RESET, 1), Packet(Kind.ECHO, 2, b"}~"),
                       Packet(Kind.FRAME, 3, frames(design.block, 1)[0])):
            request = encode(packet)
            assert bytes(line.exchange(request)) == golden.feed(request)


@pytest.mark.parametrize("clock, baud", [
    (25_000_000, 3_000_000), pytest.param(12_000_000, 115_200, marks=pytest.mark.slow)])
def test_rates(clock, baud):
    """Fractional rates, and a peer near the limit that the parameters state."""
    uart = UartParams(clock, baud)
    block, params, verilog = made("stochastic.counter", {"length": "4"}, uart)
    golden = Golden(params, block)
    request = b"".join(encode(Packet(Kind.ECHO, n, bytes([n, 0, 255, 0x55]))) for n in range(9))
    answer = list(golden.feed(request))
    for faster in (-0.85 * uart.tolerance, 0.85 * uart.tolerance):
        with board(verilog, uart, faster=faster) as line:
            assert line.exchange(request) == answer


def test_reset_forgets(counter):
    """A reset in the middle of an answer cuts it short; the next one is whole."""
    block, _, verilog = counter
    long = encode(Packet(Kind.ECHO, 9, bytes(400)))
    with board(verilog) as line:
        seen = packets(line.exchange([*long, *encode(Packet(Kind.ECHO, 10)),
                                      *encode(Packet(Kind.RESET, 11)),
                                      *encode(Packet(Kind.ECHO, 10))]))
    assert seen == [Code.CRC, Packet(Kind.RESET | ANSWER, 11), Packet(Kind.ECHO | ANSWER, 10)]


def test_host_runs_ahead(counter):
    """The packet FIFO overflows: an error each time, or one for several; no answer is wrong."""
    block, params, verilog = counter
    golden = Golden(params, block)
    rng, asked, answers = random.Random(1), b"", {}
    for n in range(60):
        packet = Packet(Kind.ECHO, n + 1, rng.randbytes(200))
        asked += encode(packet) + encode(Packet(Kind.STATUS, 100 + n))
        answers[n + 1] = packet.payload
    with board(verilog) as line:
        seen = packets(line.exchange(asked))
        assert Packet(Kind.ERROR | ANSWER, 0, bytes((Code.OVERFLOW,))) in seen
        for packet in seen:
            if packet.type == Kind.ECHO | ANSWER:
                assert packet.payload == answers[packet.sequence]
            else:
                assert packet.type in (Kind.STATUS | ANSWER, Kind.ERROR | ANSWER)
        for frame in frames(block, 3):
            request = encode(Packet(Kind.FRAME, 250 - frame[0], frame))
            assert bytes(line.exchange(request)) == golden.feed(request)


@pytest.mark.parametrize("queued", [False, True])
def test_cycles(queued):
    """With queues they are golden's; without, at most."""
    block, params, verilog = made("lstm.dense", {"inputs": "12", "outputs": "5", "columns": "4"},
                                  queued=queued)
    with board(verilog) as line:
        for n, frame in enumerate(frames(block, 6)):
            line.exchange(encode(Packet(Kind.FRAME, 2 * n, frame)))
            (answer,) = packets(line.exchange(encode(Packet(Kind.STATUS, 2 * n + 1))))
            status = Status.unpack(answer.payload)
            golden = block.cycles(block.random_frames(6, np.random.default_rng(1))[n:n + 1])
            assert status.frames == n + 1 and status.errors == 0
            assert status.cycles == golden if queued else 0 < status.cycles <= golden


@settings(max_examples=3, deadline=None)
@given(st.integers(1, 9), st.integers(1, 6), st.integers(1, 4), st.booleans(), st.booleans(),
       st.integers(0, 999))
def test_random_links(inputs, outputs, columns, load, queued, seed):
    """Any widths of beats, loaded or not, queued or not."""
    block, params, verilog = made(
        "lstm.dense", {"inputs": str(inputs), "outputs": str(outputs),
                       "columns": str(min(columns, inputs)), "lanes": "1",
                       "store": "load" if load else "rom"}, queued=queued)
    golden, rng = Golden(params, block), random.Random(seed)
    image = from_beats(block.load, block.image()) if load else b""
    asked = [Packet(Kind.WEIGHTS if n + 1 < params.chunks else Kind.WEIGHTS_END, 100 + n,
                    image[n * params.chunk:(n + 1) * params.chunk]) for n in range(params.chunks)]
    asked += [Packet(Kind.FRAME, 1 + n, frame) for n, frame in enumerate(frames(block, 4, seed))]
    with board(verilog) as line:
        for packet in asked:
            commands = [c for byte in encode(packet)
                        for c in (byte, serial.IDLE | rng.randint(1, 9))]
            assert bytes(line.exchange(commands)) == golden.feed(encode(packet))


@pytest.mark.parametrize("word, beat, relu, size", [(4, 1, False, 4), (8, 2, True, 8)])
def test_frames_of_several_lengths(word, beat, relu, size):
    """Compressed maps: the cycles of each, and an error for a frame that contradicts itself. The
    larger maps' answers go on for longer than a header takes."""
    block, params, verilog = made("sparse_conv.nullhop", {
        "channels": "3", "height": str(size), "width": str(size), "filters": "4", "macs": "8",
        "word": str(word), "beat": str(beat), "relu": str(relu).lower(), "input": "u4.0",
        "output": "u4.0" if relu else "s4.0"})
    golden, rng = Golden(params, block), np.random.default_rng(beat)
    shape = (1, 3, size, size)
    maps = [np.zeros(shape, int), np.full(shape, 15),
            *(rng.integers(0, 16, shape) * (rng.random(shape) < kept) for kept in (0.1, 0.5, 0.9))]
    given = [from_beats(block.input, block.encode(each)[0]) for each in maps]
    assert len(given[1]) == params.frame_bytes
    assert len({len(frame) for frame in given}) == len(given)
    size = params.input_bytes
    lengths = [0, params.frame_bytes + 1, params.frame_bytes + size, size + 1, 3]
    foreign = [rng.bytes(size * int(rng.integers(1, params.input_beats + 1))) for _ in range(8)]
    asked = [*given, *map(bytes, lengths), given[2][:-size], given[3] + bytes(size), *foreign,
             *given]
    codes = set()
    with board(verilog) as line:
        for n, frame in enumerate(asked):
            request = encode(Packet(Kind.FRAME, 2 * n + 1, frame))
            answer = golden.feed(request)
            assert bytes(line.exchange(request)) == answer
            (packet,) = packets(answer)
            if packet.type == Kind.FRAME | ANSWER:
                request = encode(Packet(Kind.STATUS, 2 * n + 2))
                assert bytes(line.exchange(request)) == golden.feed(request)
            else:
                codes.add(packet.payload[0])
    assert codes == {Code.LENGTH, Code.CORE}


class Stubborn(wiring.Component):
    """A core that answers a frame's beats with its own, `error` with the last one, or the first."""

    def __init__(self, at):
        self.at = at
        super().__init__({
            "s_axis_tdata": In(8), "s_axis_tvalid": In(1), "s_axis_tready": Out(1),
            "s_axis_tlast": In(1), "m_axis_tdata": Out(8), "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1), "m_axis_tlast": Out(1), "m_axis_tuser": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        once = self.at == "first"  # one beat for the whole frame
        m.d.comb += [
            self.m_axis_tdata.eq(self.s_axis_tdata), self.m_axis_tlast.eq(self.s_axis_tlast),
            self.m_axis_tvalid.eq(self.s_axis_tvalid & (self.s_axis_tlast if once else 1)),
            self.s_axis_tready.eq(self.m_axis_tready | (~self.s_axis_tlast if once else 0)),
            self.m_axis_tuser.eq(self.s_axis_tlast & (self.s_axis_tdata == 13)),
        ]
        return m


@pytest.mark.parametrize("at, beats", [("first", 1), ("last", 3)])
def test_core_that_fails(at, beats):
    """Its first beat in error makes an error answer; a later one an answer that is spoilt."""
    params = LinkParams(1000, 1, 3, 1, beats, depth=256)
    link, seen = Link(params, Stubborn(at)), []

    async def testbench(ctx):
        ctx.set(link.tx.ready, 1)
        for n, last in enumerate((12, 13, 14)):
            for byte in encode(Packet(Kind.FRAME, n + 1, bytes((1, 2, last)))):
                ctx.set(link.rx.payload, {"data": byte, "broken": 0})
                ctx.set(link.rx.valid, 1)
                await collect(ctx, 1)
                ctx.set(link.rx.valid, 0)
                await collect(ctx, 12)
            await collect(ctx, 300)

    async def collect(ctx, cycles):
        for _ in range(cycles):
            if ctx.get(link.tx.valid):
                seen.append(ctx.get(link.tx.payload))
            await ctx.tick()

    play(link, testbench)
    failed = Code.CRC if at == "last" else Packet(Kind.ERROR | ANSWER, 2, bytes((Code.CORE,)))
    payload = bytes((1, 2)) if at == "last" else b""
    assert packets(seen) == [Packet(Kind.FRAME | ANSWER, 1, payload + bytes((12,))), failed,
                             Packet(Kind.FRAME | ANSWER, 3, payload + bytes((14,)))]


def test_wrong_parameters():
    params = LinkParams(1000, 1, 3, 2, 1)
    with pytest.raises(ValueError, match="^UART clock must be the link's, 1000 Hz, not 2000$"):
        UartTop(params, UartParams(2000, 100), Stubborn("first"))
    with pytest.raises(ValueError, match="^Link m_axis must have 1 bytes as the core's has, not 2"):
        Link(params, Stubborn("first"))
    with pytest.raises(ValueError, match=r"^Packet FIFO depth must be a power of two, not 300$"):
        PacketReceiver(300)


def test_verilog(counter):
    nothing_of_machine(counter[2].text.replace("assert", ""))


def test_area():
    """What a link costs, beside its core."""
    design = open_design("stochastic.counter", None, {"length": "20"})
    params = link_params(design.block, clock=48_000_000)
    core = ice40(emit(design.component()), dsp=False)
    whole = ice40(emit(UartTop(params, UartParams(48_000_000, 3_000_000), design.component())),
                  dsp=False)
    assert whole["LUT4"] - core["LUT4"] <= 450
    assert whole["RAM"] - core["RAM"] == 1
