"""Parameters of the link: the serial line's, and those that fit it to a core."""

import re
from dataclasses import dataclass

from golden.check import require_int, require_type
from golden.link.packet import HEADER, OVERHEAD, STATUS, Status
from golden.params import Params, ceil_div, ceil_log2

__all__ = ["LEAST_RATIO", "LinkParams", "SpiParams", "UartParams", "line_params"]

#: Clock cycles of a bit, or of an SPI clock period, at least: the receiver samples its line.
LEAST_RATIO = 8

#: What rounding the phase step may cost of the baud rate; a peer's own error comes on top.
RATE_ERROR = 0.002


@dataclass(frozen=True)
class UartParams(Params):
    """A UART, 8N1, whose bit times come from a phase accumulator.

    clock:  Hz
    baud:   bits a second, at most ``clock / 8``

    >>> p = UartParams(48_000_000, 3_000_000)
    >>> p.phase_bits, p.step, round(p.tolerance, 3)
    (4, 1, 0.039)
    """

    clock: int
    baud: int

    def __post_init__(self):
        require_int("UART clock", self.clock, 1, 10**9)
        require_int("UART baud", self.baud, 1)
        if self.baud * LEAST_RATIO > self.clock:
            raise ValueError(f"UART baud must be at most {self.clock // LEAST_RATIO} "
                             f"(clock / {LEAST_RATIO}), not {self.baud} (slow the line down)")

    #: The step of an accumulator of that many bits, whose overflow ends a bit.
    step = property(lambda self: self._step(self.phase_bits))
    #: Made rate / wanted rate - 1; at most `RATE_ERROR` either way.
    error = property(lambda self: self._error(self.phase_bits))

    @property
    def phase_bits(self):
        """The narrowest accumulator that makes the rate."""
        bits = ceil_log2(LEAST_RATIO)
        while abs(self._error(bits)) > RATE_ERROR:
            bits += 1
        return bits

    def _step(self, bits):
        return round((self.baud << bits) / self.clock)

    def _error(self, bits):
        return self._step(bits) * self.clock / (self.baud << bits) - 1

    @property
    def tolerance(self):
        """How far a peer's baud rate may be off, as a fraction of it: its stop bit is sampled nine
        and a half bits after its start, and sampling costs up to two clock cycles of half a bit."""
        return (0.5 - 2 * self.baud / self.clock) / 9.5 - abs(self.error)


@dataclass(frozen=True)
class SpiParams(Params):
    """An SPI peripheral, mode 0, eight bits, most significant bit first.

    clock:  Hz of the logic that samples the pins
    sck:    Hz of the controller's clock, at most ``clock / 8``
    """

    clock: int
    sck: int

    def __post_init__(self):
        require_int("SPI clock", self.clock, 1, 10**9)
        require_int("SPI sck", self.sck, 1)
        if self.sck * LEAST_RATIO > self.clock:
            raise ValueError(f"SPI sck must be at most {self.clock // LEAST_RATIO} "
                             f"(clock / {LEAST_RATIO}), not {self.sck} (slow the line down)")


def line_params(kind, clock, baud):
    """The parameters of a line of ``kind`` "uart" or "spi" with so many bits a second."""
    return {"uart": UartParams, "spi": SpiParams}[kind](clock, baud)


@dataclass(frozen=True)
class LinkParams(Params):
    """What a link knows of its core.

    clock:          Hz, for the status
    input_bytes:    of a beat of ``s_axis``
    input_beats:    of a frame
    output_bytes, output_beats:  likewise of an answer
    load_bytes:     of a beat of ``s_axis_w``, 0 without that port
    load_beats:     of the image
    depth:          bytes of the packet FIFO, a power of two; a frame's packet must fit, and one
                    byte always stays free
    queued:         whole frames and whole answers wait beside the core, so that the cycles of the
                    status are golden's exactly; otherwise the core waits for the line, and where it
                    works on meanwhile they are fewer
    several:        frames and answers have several lengths, of which the beats above are the
                    longest; only with ``queued``: an answer's length comes before it
    digest:         12 hexadecimal digits that tell designs apart
    """

    clock: int
    input_bytes: int
    input_beats: int
    output_bytes: int
    output_beats: int
    load_bytes: int = 0
    load_beats: int = 0
    depth: int = 512
    queued: bool = False
    several: bool = False
    digest: str = "0" * 12

    def __post_init__(self):
        require_int("Link clock", self.clock, 1, 10**9)
        for name in ("input_bytes", "input_beats", "output_bytes", "output_beats"):
            require_int(f"Link {name}", getattr(self, name), 1)
        require_int("Link load_bytes", self.load_bytes, 0)
        require_int("Link load_beats", self.load_beats, min(1, self.load_bytes),
                    None if self.load_bytes else 0)
        require_type("Link queued", self.queued, bool)
        require_type("Link several", self.several, bool)
        if self.several and not self.queued:
            raise ValueError("Link must be queued for frames of several lengths")
        if self.several and self.input_bytes & (self.input_bytes - 1):
            raise ValueError("Link input_bytes must be a power of two for frames of several "
                             f"lengths, not {self.input_bytes}")
        require_type("Link digest", self.digest, str)
        if not re.fullmatch("[0-9a-f]{12}", self.digest):
            raise ValueError(f"Link digest must be 12 hexadecimal digits, not {self.digest!r}")
        require_int("Link frame", self.frame_bytes, 1, 0xFFFF)
        require_int("Link answer", self.answer_bytes, 1, 0xFFFF)
        require_int("Link depth", self.depth, 256, 1 << 16)
        if self.depth & (self.depth - 1):
            raise ValueError(f"Link depth must be a power of two, not {self.depth}")
        largest = max(self.frame_bytes, self.load_bytes)
        if largest > self.payload:
            raise ValueError(
                f"Link depth must be at least {self.needed_depth(largest)} for packets of "
                f"{largest} bytes, not {self.depth}")

    @staticmethod
    def needed_depth(payload):
        """The smallest depth for packets with that payload."""
        return 1 << max(8, ceil_log2(payload + OVERHEAD + 1))

    frame_bytes = property(lambda self: self.input_bytes * self.input_beats)
    answer_bytes = property(lambda self: self.output_bytes * self.output_beats)
    #: Bytes that a packet carries at most.
    payload = property(lambda self: self.depth - 1 - OVERHEAD)
    #: Bits that count the bytes of a payload.
    length_bits = property(lambda self: ceil_log2(self.depth))

    @property
    def chunk(self):
        """Bytes of every packet of the image but the last: as many whole beats as fit."""
        return self.payload // self.load_bytes * self.load_bytes if self.load_bytes else 0

    @property
    def chunks(self):
        """Packets of the image."""
        return ceil_div(self.load_bytes * self.load_beats, self.chunk) if self.load_bytes else 0

    @property
    def last_chunk(self):
        """Bytes of the image's last packet."""
        return self.load_bytes * self.load_beats - max(0, self.chunks - 1) * self.chunk

    def takes(self, length):
        """Whether a frame may have that many bytes."""
        if not self.several:
            return length == self.frame_bytes
        return 0 < length <= self.frame_bytes and length % self.input_bytes == 0

    def status(self, cycles, frames, errors):
        """The `Status` of a link that counted so much."""
        return Status(cycles, frames, errors, self.clock, self.digest)


assert HEADER + 4 == OVERHEAD and STATUS.size < 64  # it fits any FIFO's length
