"""The link over SPI: a controller that clocks bytes both ways, and leaves off where it likes."""

import random

import numpy as np
import pytest

from golden.link.link import Link as Golden
from golden.link.link import from_beats, link_params
from golden.link.packet import FILL, Decoder, Kind, Packet, encode, parse
from hdl.link.link import SpiTop
from hdl.verilog import emit
from ternstone.designs import open_design
from tests.hdl.bench import nothing_of_machine, play


async def exchange(ctx, pins, data, half, rng):
    """Send ``data`` in runs of bytes, some of them left in the middle and sent again; return what
    came with each whole byte."""
    seen, at = [], 0
    while at < len(data):
        ctx.set(pins.cs_n, 0)
        await ctx.tick().repeat(half)
        for _ in range(rng.randint(1, 6)):
            stop = rng.randint(1, 7) if rng.random() < 0.1 else 8
            byte = 0
            for bit in range(stop):
                ctx.set(pins.copi, data[at] >> (7 - bit) & 1)
                await ctx.tick().repeat(half)
                ctx.set(pins.sck, 1)
                byte = byte << 1 | ctx.get(pins.cipo)
                await ctx.tick().repeat(half)
                ctx.set(pins.sck, 0)
            if stop < 8:
                await ctx.tick().repeat(half)
                break
            seen.append(byte)
            at += 1
            if at == len(data):
                break
        await ctx.tick().repeat(half)
        ctx.set(pins.cs_n, 1)
        await ctx.tick().repeat(half + rng.randint(0, 9))
    return seen


@pytest.mark.parametrize("half, seed", [(4, 1), (5, 2), (9, 3)])
def test_link(half, seed):
    design = open_design("stochastic.counter", None, {"length": "4"})
    params = link_params(design.block, clock=12_000_000, depth=256)
    golden, rng = Golden(params, design.block), random.Random(seed)
    frames = design.block.random_frames(3, np.random.default_rng(seed))
    packets = [Packet(Kind.RESET, 1), Packet(Kind.ECHO, 2, bytes(range(0x78, 0x84)))]
    packets += [Packet(Kind.FRAME, 3 + n, from_beats(design.block.input, frame))
                for n, frame in enumerate(frames)]
    packets += [packets[-1], Packet(9, 20)]
    line = b"".join(map(encode, packets))
    expected = golden.feed(line)
    seen = []

    async def controller(ctx):
        seen.extend(await exchange(ctx, top, line + bytes([FILL]) * (len(expected) + 20), half,
                                   rng))

    top = SpiTop(params, design.component())
    play(top, controller)
    assert bytes(byte for byte in seen if byte != FILL) == expected
    decoder = Decoder()
    assert [parse(body).type for body, _ in filter(None, map(decoder.byte, seen))] == [
        0x85, 0x86, 0x81, 0x81, 0x81, 0x87, 0x87]


def test_verilog():
    design = open_design("stochastic.counter", None, {"length": "4"})
    params = link_params(design.block, clock=12_000_000)
    nothing_of_machine(emit(SpiTop(params, design.component())).text)
