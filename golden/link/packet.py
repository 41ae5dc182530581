"""Packets on a byte stream: types, layout, stuffing, CRC. `docs/link.md` has the tables.

A body is type, sequence, length (2 bytes), payload, CRC-32 (4 bytes; zlib's, of all before it);
numbers are little-endian. On the line flags enclose a body, and bytes of it that would look like
one of the line's own are escaped.
"""

import struct
import zlib
from dataclasses import asdict, dataclass
from enum import IntEnum

__all__ = ["ABORT", "ANSWER", "BROKEN", "Decoder", "ESCAPE", "FILL", "FLAG", "HEADER", "OVERHEAD",
           "STATUS", "STATUS_VERSION", "Code", "Kind", "Packet", "Status", "encode", "parse",
           "stuff"]

FLAG = 0x7E    # begins and ends a body
ESCAPE = 0x7D  # the next byte is meant with bit 5 turned over
FILL = 0x7C    # means nothing, anywhere: what an SPI link sends while it has nothing to say
#: Among the bytes of a line: one that came without its stop bit.
BROKEN = 0x100

ANSWER = 0x80  # in the type: this packet is an answer
HEADER = 4     # bytes before the payload
OVERHEAD = 8   # bytes of a body beside the payload

#: An escape right before the closing flag: the body must not be used, whatever it holds.
ABORT = bytes((ESCAPE, FLAG))


class Kind(IntEnum):
    """What a packet is; its answer has the same kind, or is an error."""

    FRAME = 1        # a frame for the core, answered by the core's
    STATUS = 2       # answered by a `Status`
    WEIGHTS = 3      # a part of the image that loads the weights
    WEIGHTS_END = 4  # the last part
    RESET = 5        # core and link as after power-up; always accepted
    ECHO = 6         # answered by its own payload
    ERROR = 7        # an answer: one byte, a `Code`


class Code(IntEnum):
    """Why a packet was refused."""

    LINE = 1      # a byte without its stop bit
    OVERFLOW = 2  # it does not fit into the packet FIFO
    CRC = 3       # wrong checksum: damaged or cut
    LENGTH = 4    # not as long as it says, or not as its kind must be
    TYPE = 5      # no request has that type
    DOUBLED = 6   # the sequence number of the last packet that was accepted
    WEIGHTS = 7   # a frame before the image is complete, or a part of the image out of turn
    CORE = 8      # the core itself answered with an error


@dataclass(frozen=True)
class Packet:
    """One packet. ``sequence`` is 0 in errors about packets that could not be read."""

    type: int
    sequence: int
    payload: bytes = b""

    def body(self):
        """Every byte of it, the CRC included."""
        head = struct.pack("<BBH", self.type, self.sequence, len(self.payload)) + self.payload
        return head + zlib.crc32(head).to_bytes(4, "little")


def stuff(body):
    """``body`` without bytes that the line keeps for itself.

    >>> stuff(bytes([1, 0x7E, 2])).hex()
    '017d5e02'
    """
    out = bytearray()
    for byte in body:
        out += bytes((ESCAPE, byte ^ 0x20)) if byte & 0xFC == 0x7C else bytes((byte,))
    return bytes(out)


def encode(packet):
    """A packet as it goes over the line.

    >>> encode(Packet(Kind.STATUS, 1)).hex(" ")
    '7e 02 01 00 00 a0 7d 5d 8f 8a 7e'
    """
    return bytes((FLAG,)) + stuff(packet.body()) + bytes((FLAG,))


class Decoder:
    """Bytes of a line to bodies. ``limit``: bytes that a body may have; a length that says more is
    refused as soon as its high byte is there."""

    def __init__(self, limit=0xFFFF + OVERHEAD):
        self.limit = limit
        self._clear()

    def _clear(self):
        self.body, self.escaped, self.cause = bytearray(), False, None
        self.empty = True

    def byte(self, byte):
        """Take one byte, or `BROKEN`. Returns None, or at the end of a body (bytes, cause): the
        `Code` of what can be seen without looking into it, or None."""
        if byte == FLAG:
            ended = None if self.empty else (
                bytes(self.body), self.cause or (Code.CRC if self.escaped else None))
            self._clear()
            return ended
        if byte == FILL:
            return None
        self.empty = False
        if byte == BROKEN:
            self.cause = self.cause or Code.LINE
        elif byte == ESCAPE and not self.escaped:
            self.escaped = True
        else:
            fits = len(self.body) < self.limit
            if fits:
                self.body.append(byte ^ 0x20 if self.escaped else byte)
            if not fits or len(self.body) == HEADER and self.body[-1] << 8 > self.limit:
                self.cause = self.cause or Code.OVERFLOW
            self.escaped = False
        return None


def parse(body):
    """A body to its `Packet`, or the `Code` of what is wrong with it.

    >>> parse(Packet(Kind.ECHO, 9, b"abc").body())
    Packet(type=6, sequence=9, payload=b'abc')
    >>> parse(b"abcdefghijk")
    <Code.CRC: 3>
    """
    if zlib.crc32(body) != 0x2144DF1C:  # what any body with its own CRC at its end leaves
        return Code.CRC
    if len(body) < OVERHEAD:
        return Code.LENGTH
    kind, sequence, length = struct.unpack_from("<BBH", body)
    return Packet(kind, sequence, body[HEADER:-4]) if len(body) == length + OVERHEAD \
        else Code.LENGTH


STATUS = struct.Struct("<IBBI6sB")
STATUS_VERSION = 1


@dataclass(frozen=True)
class Status:
    """The status of a link.

    cycles:  of the last frame, first input transfer to last output transfer, both counted, less
             those in which the core waited for the link: for a beat of its frame, or with one of
             its answer
    frames:  answered since the last reset, modulo 256
    errors:  answers that were errors since then, modulo 256
    clock:   Hz
    digest:  of the design
    """

    cycles: int
    frames: int
    errors: int
    clock: int
    digest: str

    def pack(self):
        return STATUS.pack(self.cycles, self.frames, self.errors, self.clock,
                           bytes.fromhex(self.digest), STATUS_VERSION)

    @classmethod
    def unpack(cls, payload):
        """Errors: ValueError for a payload that is no status, or one of another version."""
        if len(payload) != STATUS.size or payload[-1] != STATUS_VERSION:
            raise ValueError(f"Status must be {STATUS.size} bytes of version {STATUS_VERSION}, "
                             f"not {payload.hex(' ') or 'nothing'}")
        *counts, clock, digest, _ = STATUS.unpack(payload)
        return cls(*counts, clock, digest.hex())

    def to_dict(self):
        return asdict(self)
