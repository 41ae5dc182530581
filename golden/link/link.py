"""The link around a core, bytes in and bytes out. Hardware: `hdl.link`."""

import numpy as np

from golden.design import FrameError
from golden.link.packet import ANSWER, BROKEN, Code, Decoder, Kind, Packet, encode, parse
from golden.link.params import LinkParams

__all__ = ["Link", "from_beats", "link_params", "to_beats"]


def link_params(block, *, clock, digest="0" * 12, depth=None, queued=False):
    """The `LinkParams` for a `golden.design.Block`; ``depth`` is 512, or what a frame needs.

    One whose frames have several lengths is ``queued`` whatever is said.

    Errors: ValueError for a block that takes its weights beside every frame, as a link hands over
    one thing after another.
    """
    if block.load_beside:
        raise ValueError(f"Link core must take its weights before its frames, not beside them "
                         f"({block.name}: store must be rom or load)")
    if block.longest:
        beats, answer_beats = block.longest
    else:
        frames = block.random_frames(1, np.random.default_rng(0))
        (beats,), (answer_beats,) = map(len, frames), map(len, block.run(frames))
    load = block.load
    if depth is None:
        depth = max(512, LinkParams.needed_depth(beats * block.input.width // 8))
    return LinkParams(
        clock, block.input.width // 8, beats, block.output.width // 8, answer_beats,
        load.width // 8 if load else 0, len(block.image()) if load else 0, depth,
        queued or bool(block.longest), bool(block.longest), digest)


def to_beats(stream, payload):
    """Bytes to an array [beats, elements] for a `golden.design.Stream`."""
    size = stream.width // 8
    return stream.unpack([int.from_bytes(payload[n:n + size], "little")
                          for n in range(0, len(payload), size)])


def from_beats(stream, beats):
    """An array [beats, elements] to bytes, least significant byte of a beat first."""
    size = stream.width // 8
    return b"".join(word.to_bytes(size, "little") for word in stream.pack(beats))


class Link:
    """What a link around ``block`` answers, byte by byte.

    Each packet is answered before the next one ends: hardware is the same as long as its packet
    FIFO does not fill because a host sends ahead. The cycles of a status are golden's: in
    hardware that is so with `LinkParams.queued`.
    """

    def __init__(self, params, block):
        self.params, self.block = params, block
        self.decoder = Decoder(params.depth - 1)
        self.reset()

    def reset(self):
        """As a `Kind.RESET` does; what is on the line goes on."""
        self.last = None
        self.frames = self.errors = self.cycles = self.parts = 0
        self.loaded = not self.params.load_bytes
        self.history = []

    def feed(self, line):
        """The answer to the bytes of ``line`` (bytes, or ints with `BROKEN` among them)."""
        out = bytearray()
        for byte in line:
            ended = self.decoder.byte(byte)
            if ended:
                out += encode(self._answer(*ended))
        return bytes(out)

    def _answer(self, body, cause):
        cause = cause or parse(body)
        if isinstance(cause, Packet) and cause.type >= ANSWER:
            cause = Code.TYPE
        if not isinstance(cause, Packet):
            return self._error(cause)
        request = cause
        if request.type == Kind.RESET:
            self.reset()
        refused = self._refuse(request)
        if refused:
            return self._error(refused, request.sequence)
        self.last = request.sequence
        try:
            return Packet(request.type | ANSWER, request.sequence, self._accept(request))
        except FrameError:
            return self._error(Code.CORE, request.sequence)

    def _error(self, code, sequence=0):
        self.errors = (self.errors + 1) & 0xFF
        return Packet(Kind.ERROR | ANSWER, sequence, bytes((code,)))

    def _refuse(self, request):
        """The `Code` of what is wrong with a packet that came whole, or None."""
        p, kind, length = self.params, request.type, len(request.payload)
        weights = (Kind.WEIGHTS, Kind.WEIGHTS_END) if p.load_bytes else ()
        if kind not in (Kind.FRAME, Kind.STATUS, Kind.RESET, Kind.ECHO, *weights):
            return Code.TYPE
        if request.sequence == self.last:
            return Code.DOUBLED
        due = {Kind.WEIGHTS: p.chunk, Kind.WEIGHTS_END: p.last_chunk}
        if length != due.get(kind, length) or kind == Kind.FRAME and not p.takes(length):
            return Code.LENGTH
        if kind == Kind.FRAME and not self.loaded:
            return Code.WEIGHTS
        if kind in weights and (kind == Kind.WEIGHTS_END) != (self.parts == p.chunks - 1):
            return Code.WEIGHTS
        return None

    def _accept(self, request):
        """The payload of the answer."""
        match request.type:
            case Kind.FRAME:
                frame = to_beats(self.block.input, request.payload)
                self.history = [*self.history, frame] if self.block.history else [frame]
                answer = self.block.run(self.history)[-1]
                self.frames = (self.frames + 1) & 0xFF
                cycles = self.block.cycles_of_last(self.history)
                self.cycles = int(self.block.cycles([frame])) if cycles is None else cycles
                return from_beats(self.block.output, answer)
            case Kind.WEIGHTS:
                self.parts += 1
                self.loaded = False
            case Kind.WEIGHTS_END:
                self.parts, self.loaded = 0, True
            case Kind.STATUS:
                return self.params.status(self.cycles, self.frames, self.errors).pack()
            case Kind.ECHO:
                return request.payload
        return b""


assert BROKEN > 0xFF
