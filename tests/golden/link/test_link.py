"""Golden's link: every answer by hand, and under random faults never a wrong one."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden.link.link import Link, from_beats, link_params
from golden.link.packet import (
    ANSWER,
    BROKEN,
    FILL,
    FLAG,
    Code,
    Decoder,
    Kind,
    Packet,
    Status,
    encode,
    parse,
)
from ternstone.designs import open_design
from tests.golden.link.faults import damage


def packets(line):
    """What is in a line's bytes."""
    decoder = Decoder()
    ended = filter(None, map(decoder.byte, line))
    return [cause or parse(body) for body, cause in ended]


def counter():
    block = open_design("stochastic.counter", None, {"length": "4"}).block
    return Link(link_params(block, clock=12_000_000, digest="0123456789ab"), block)


@pytest.fixture
def link():
    return counter()


@pytest.fixture
def loaded():
    block = open_design("lstm.dense", None, {"inputs": "24", "outputs": "100",
                                             "store": "load"}).block
    return Link(link_params(block, clock=12_000_000), block)


def error(code, sequence=0):
    return Packet(Kind.ERROR | ANSWER, sequence, bytes((code,)))


def ask(link, *given):
    return packets(link.feed(b"".join(encode(packet) for packet in given)))


@given(st.integers(0, 127), st.integers(0, 255), st.binary(max_size=300))
def test_packets_come_back(kind, sequence, payload):
    packet = Packet(kind, sequence, payload)
    line = encode(packet)
    assert packets(line) == [packet]
    assert not {FLAG, FILL} & set(line[1:-1])


@given(st.lists(st.integers(0, BROKEN), max_size=60))
def test_garbage_is_no_packet(line):
    assert all(isinstance(p, Code) for p in packets(line))


def test_frames(link):
    frames = link.block.random_frames(3, np.random.default_rng(1))
    for n, frame in enumerate(frames):
        payload = from_beats(link.block.input, frame)
        (answer,) = ask(link, Packet(Kind.FRAME, n + 1, payload))
        (right,) = link.block.run([frame])
        assert answer == Packet(Kind.FRAME | ANSWER, n + 1, from_beats(link.block.output, right))
    (answer,) = ask(link, Packet(Kind.STATUS, 9))
    assert Status.unpack(answer.payload) == Status(
        int(link.block.cycles(frames[-1:])), 3, 0, 12_000_000, "0123456789ab")


@pytest.mark.parametrize("line, code", [
    (bytes((1, FLAG)), Code.CRC), ((BROKEN, FLAG), Code.LINE), ((BROKEN, 1, 2, FLAG), Code.LINE),
    (bytes(4) + bytes((FLAG,)), Code.LENGTH),  # the CRC of nothing
    (bytes((0x7D, FLAG)), Code.CRC), (bytes(600) + bytes((FLAG,)), Code.OVERFLOW),
    (bytes((6, 1, 0, 2, FLAG)), Code.OVERFLOW),
    (encode(Packet(0x81, 1)), Code.TYPE),
    (encode(Packet(6, 1, b"abc"))[:-1] + bytes((0x7D, FLAG)), Code.CRC),
])
def test_unread(link, line, code):
    assert packets(link.feed(line)) == [error(code)]
    assert ask(link, Packet(Kind.ECHO, 1, b"ok")) == [Packet(Kind.ECHO | ANSWER, 1, b"ok")]


def test_silence(link):
    assert link.feed(bytes((FLAG, FLAG, FILL, FLAG, FILL))) == b""


def test_refused(link):
    good = Packet(Kind.ECHO, 7, b"x")
    assert ask(link, good, good)[1] == error(Code.DOUBLED, 7)
    assert ask(link, Packet(Kind.FRAME, 8, bytes(3))) == [error(Code.LENGTH, 8)]
    for kind in (0, 3, 4, 7, 8, 127):
        assert ask(link, Packet(kind, 9)) == [error(Code.TYPE, 9)]
    assert ask(link, Packet(Kind.RESET, 7), Packet(Kind.RESET, 7)) == [
        Packet(Kind.RESET | ANSWER, 7)] * 2


def test_weights(loaded):
    p = loaded.params
    image = from_beats(loaded.block.load, loaded.block.image())
    parts = [Packet(Kind.WEIGHTS if n + 1 < p.chunks else Kind.WEIGHTS_END, 10 + n,
                    image[n * p.chunk:(n + 1) * p.chunk]) for n in range(p.chunks)]
    assert p.chunks > 2
    frame = bytes(p.frame_bytes)
    assert ask(loaded, Packet(Kind.FRAME, 1, frame)) == [error(Code.WEIGHTS, 1)]
    assert ask(loaded, parts[-1]) == [error(Code.WEIGHTS, parts[-1].sequence)]
    assert ask(loaded, *parts) == [Packet(q.type | ANSWER, q.sequence) for q in parts]
    assert ask(loaded, Packet(Kind.FRAME, 1, frame))[0].type == Kind.FRAME | ANSWER
    assert ask(loaded, parts[0], Packet(Kind.FRAME, 2, frame))[1] == error(Code.WEIGHTS, 2)
    ask(loaded, Packet(Kind.RESET, 3))
    assert ask(loaded, Packet(Kind.FRAME, 4, frame)) == [error(Code.WEIGHTS, 4)]


def test_weights_beside_frames():
    block = open_design("lstm.dense", None, {"outputs": "4", "lanes": "4", "raw": "true",
                                             "store": "stream"}).block
    with pytest.raises(ValueError, match="^Link core must take its weights before its frames, "):
        link_params(block, clock=1)


def test_frames_of_several_lengths():
    """Compressed activations: as many beats as there are values, and a word for each map of 16."""
    block = open_design("sparse_conv.nullhop", None, {}).block
    params = link_params(block, clock=1)
    assert params.several and params.queued
    assert [length for length in (0, 2, 3, 4) if params.takes(length)] == [2, 4]
    assert params.takes(params.frame_bytes) and not params.takes(params.frame_bytes + 2)
    full = np.full((1, *block.maps(block.random_frames(1, np.random.default_rng(0))).shape[1:]), 1)
    (frame,) = block.encode(full)
    assert params.frame_bytes == len(from_beats(block.input, frame))
    link = Link(params, block)
    good, wrong = from_beats(block.input, frame), from_beats(block.input, frame[:-1])
    assert ask(link, Packet(Kind.FRAME, 1, wrong)) == [error(Code.CORE, 1)]
    assert ask(link, Packet(Kind.FRAME, 2, good + bytes(2))) == [error(Code.LENGTH, 2)]
    assert ask(link, Packet(Kind.FRAME, 3, good)) == [
        Packet(Kind.FRAME | ANSWER, 3, from_beats(block.output, block.run([frame])[0]))]
    assert link.errors == 2 and link.frames == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_faults(seed):
    """Whatever happens to packets, an answer with a sequence is the right one to that frame; a
    packet that came whole after a flag is answered."""
    link, rng = counter(), random.Random(seed)
    numbers = np.random.default_rng(seed)
    frames = link.block.random_frames(40, numbers)
    right = [from_beats(link.block.output, a) for a in link.block.run(frames)]
    link.feed(encode(Packet(Kind.RESET, 255)))
    for round_ in range(60):
        n, sequence = rng.randrange(40), round_ % 254 + 1
        packet = encode(Packet(Kind.FRAME, sequence, from_beats(link.block.input, frames[n])))
        line, fault = damage(packet, rng)
        for answer in packets(link.feed(line)):
            if answer.type == Kind.FRAME | ANSWER:
                assert (answer.sequence, answer.payload) == (sequence, right[n]), fault
            else:
                assert answer.type == Kind.ERROR | ANSWER
        link.feed((FLAG,))
        fresh = Packet(Kind.FRAME, 255 if round_ % 2 else 254, from_beats(link.block.input,
                                                                        frames[n]))
        assert ask(link, fresh) == [Packet(Kind.FRAME | ANSWER, fresh.sequence, right[n])]
