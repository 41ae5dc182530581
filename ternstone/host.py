"""The host's end of a link: a design's frames go to a board, and its answers are compared.

What carries the bytes is anything with ``write(bytes)``, ``read(seconds) -> bytes`` (those that
have come, none if none come in that time) and ``close()``: a serial port, golden's link, or a
simulated board (`sim.serial.Board`). One whose ``complete`` is True has nothing more to give once
it gives nothing, so that nobody waits.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from golden.link.link import Link, from_beats, link_params, to_beats
from golden.link.packet import ANSWER, Code, Decoder, Kind, Packet, Status, encode, parse
from ternstone import report
from ternstone.designs import Design
from ternstone.errors import BadInput, bad_input
from ternstone.spi import SpiWire

__all__ = ["GoldenWire", "Host", "SerialWire", "Wire", "loopback", "print_answer", "run", "talk"]

#: Attempts at one request beside the first, and at a session.
RETRIES = 5
SESSIONS = 20

#: Trying again does not help: the device read the packet, and means it.
FINAL = (Code.LENGTH, Code.TYPE, Code.CORE)


class Wire(Protocol):
    """What carries bytes to a device and back."""

    def write(self, data: bytes) -> None: ...
    def read(self, timeout: float) -> bytes: ...
    def close(self) -> None: ...


class SerialWire:
    """A serial port.

    Errors: `BadInput` for a port that cannot be opened, or that goes away.
    """

    def __init__(self, port: str, baud: int) -> None:
        import serial

        self.port = port
        with self._failing("cannot be opened"):
            self._serial = serial.Serial(port, baud, timeout=0, write_timeout=10)
            self._serial.reset_input_buffer()

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # a SerialException is an OSError
            number = getattr(error, "errno", None)
            if number is None and error.__context__:  # pyserial wraps a termios.error
                number = next(iter(error.__context__.args), None)
            why = os.strerror(number) if isinstance(number, int) else str(error)
            if number == errno.ENOTTY:
                why = "it is no serial port"
            raise BadInput(f"Port {self.port} {what}: {why[:1].lower()}{why[1:]}") from error

    def write(self, data: bytes) -> None:
        with self._failing("is gone"):
            self._serial.write(data)

    def read(self, timeout: float) -> bytes:
        with self._failing("is gone"):
            self._serial.timeout = timeout
            return bytes(self._serial.read(max(1, self._serial.in_waiting)))

    def close(self) -> None:
        self._serial.close()


class GoldenWire:
    """A board that is golden's link."""

    port = "golden"
    complete = True

    def __init__(self, link: Link) -> None:
        self._link, self._waiting = link, b""

    def write(self, data: bytes) -> None:
        self._waiting += self._link.feed(data)

    def read(self, timeout: float) -> bytes:
        data, self._waiting = self._waiting, b""
        return data

    def close(self) -> None:
        pass


class _Lost(Exception):
    """A request failed that cannot just be sent again; ``why`` it did."""


@dataclass
class Host:
    """Requests over a wire, each tried again when its answer is damaged, missing or an error.

    An answer counts only if it is whole, and of the very sequence number that was asked.

    wire:     see the module
    timeout:  seconds for which a device may be silent
    name:     of the device, for messages
    errors:   what went wrong on the way, in words, and how often
    """

    wire: Wire
    timeout: float = 2.0
    name: str = "Device"
    errors: dict[str, int] = field(default_factory=dict)
    _sequence: int = 0
    _decoder: Decoder = field(default_factory=Decoder)
    _bodies: list[Packet | Code] = field(default_factory=list)
    _heard: bytes = b""

    def ask(self, kind: Kind, payload: bytes = b"", retries: int = RETRIES) -> bytes:
        """The payload of the answer.

        Errors: `BadInput` when none came, however often it was asked.
        """
        why = ""
        for _ in range(retries + 1):
            self._sequence = self._sequence % 255 + 1  # 0 is for errors about unread packets
            packet = Packet(kind, self._sequence, payload)
            # What came before is about another attempt: an error would be taken for this one's.
            self.wire.read(0)
            self._decoder, self._bodies = Decoder(), []
            self.wire.write(encode(packet))
            answer = self._answer(packet)
            if isinstance(answer, bytes):
                return answer
            why = str(answer)
            self.errors[why] = self.errors.get(why, 0) + 1
        if not retries:
            raise _Lost(why)
        if not self._heard:
            raise BadInput(f"{self.name} must answer, but nothing came in {self.timeout:g} s, "
                           f"{retries + 1} times (see to the port, the baud rate, and whether the "
                           "board has its bitstream)")
        if why == "damaged":
            raise BadInput(f"{self.name} must answer with packets, not {self._heard[:16].hex(' ')} "
                           "(see to the baud rate, and whether the board has its bitstream)")
        raise BadInput(f"{self.name} must answer a {kind.name} request, "
                       f"but {retries + 1} times it failed: {why}")

    def _answer(self, request: Packet) -> bytes | str:
        """The payload of the request's answer, or why there is none."""
        end = time.monotonic() + self.timeout
        while True:
            packet = self._next(end)
            if packet is None:
                return "no answer"
            if isinstance(packet, Code):
                return "damaged"
            if packet.type == Kind.ERROR | ANSWER and packet.sequence in (0, request.sequence):
                return self._refused(request, packet)
            if (packet.type, packet.sequence) == (request.type | ANSWER, request.sequence):
                return packet.payload
            # Anything else answers an earlier attempt.

    def _refused(self, request: Packet, packet: Packet) -> str:
        known = len(packet.payload) == 1 and packet.payload[0] in set(Code)
        why = f"error {Code(packet.payload[0]).name}" if known else "an unknown error"
        if known and packet.sequence and packet.payload[0] in FINAL:
            raise BadInput(f"{self.name} must take a {Kind(request.type).name} packet of "
                           f"{len(request.payload)} bytes, but answers {why}")
        return why

    def _next(self, end: float) -> Packet | Code | None:
        """The next packet, or what is wrong with it; None when the time is over."""
        while not self._bodies:
            left = end - time.monotonic()
            data = self.wire.read(max(0.0, left))
            if not data and left <= 0:
                return None
            if not data and getattr(self.wire, "complete", False):
                return None
            self._heard = (self._heard + data)[:64]
            for byte in data:
                ended = self._decoder.byte(byte)
                if ended:
                    self._bodies.append(ended[1] or parse(ended[0]))
        return self._bodies.pop(0)

    def reset(self) -> None:
        """Reset core and link. Whatever was on the way before is dropped."""
        self.ask(Kind.RESET)

    def status(self) -> Status:
        with bad_input(self.name, (ValueError,)):
            return Status.unpack(self.ask(Kind.STATUS))


def _check_design(host: Host, design: Design) -> Status:
    status = host.status()
    if status.digest != design.identity:
        raise BadInput(f"{host.name} must hold {design.name} ({design.identity}), not a design "
                       f"{status.digest} (put its bitstream on the board, or name its design)")
    return status


def run(host: Host, design: Design, frames: Sequence[np.ndarray],
        progress: Any = lambda done: None) -> dict[str, Any]:
    """Send ``frames``, compare each answer with golden's, and its cycles with golden's.

    A core with state, or one that loads its weights, starts all over when an answer is lost: the
    device may have taken the frame or not.

    Errors: `BadInput` for a device that does not answer, or has another design.
    """
    block = design.block
    with bad_input(design.name):
        params = link_params(block, clock=1)
    expected = [from_beats(block.output, answer) for answer in block.run(frames)]
    started = time.perf_counter()
    host.reset()
    status = _check_design(host, design)
    rows: list[dict[str, Any]] = []
    for attempt in range(SESSIONS):
        try:
            if attempt or params.load_bytes:
                host.reset()
            _load(host, block, params)
            if block.history:
                rows = []
            for n in range(len(rows), len(frames)):
                payload = from_beats(block.input, frames[n])
                answer = host.ask(Kind.FRAME, payload, 0 if block.history else RETRIES)
                cycles = host.status().cycles
                golden = block.cycles_of_last(frames[:n + 1])
                rows.append({
                    "frame": n, "equal": answer == expected[n],
                    "answer": to_beats(block.output, answer).ravel().tolist(),
                    "cycles": cycles, "golden_cycles": golden})
                progress(len(rows))
            break
        except _Lost as lost:
            why = lost
    else:
        raise BadInput(f"{host.name} must answer, but {SESSIONS} sessions failed: {why}")
    wrong = [row["frame"] for row in rows if not row["equal"]]
    late = [row["frame"] for row in rows if row["golden_cycles"] is not None
            and row["cycles"] > row["golden_cycles"]]
    counted = [row["golden_cycles"] for row in rows if row["golden_cycles"] is not None]
    return {"design": design.name, "hash": design.digest, "port": host.name, "frames": len(rows),
            "mismatches": len(wrong), "cycles": sum(row["cycles"] for row in rows),
            "golden_cycles": sum(counted) if len(counted) == len(rows) else None,
            "clock_hz": status.clock, "errors": host.errors,
            "seconds": round(time.perf_counter() - started, 3),
            "passed": not wrong and not late, "answers": rows}


def _load(host: Host, block: Any, params: Any) -> None:
    """Send the image of the weights, where there is one."""
    if not params.load_bytes:
        return
    image = from_beats(block.load, block.image())
    for n in range(params.chunks):
        kind = Kind.WEIGHTS_END if n == params.chunks - 1 else Kind.WEIGHTS
        host.ask(kind, image[n * params.chunk:(n + 1) * params.chunk], 0)


def loopback(host: Host, count: int, seed: int,
             progress: Any = lambda done: None) -> dict[str, Any]:
    """Have ``count`` packets of all lengths and bytes sent back by the link itself."""
    rng = np.random.default_rng(seed)
    host.reset()
    started, size = time.perf_counter(), 0
    wrong = 0
    for n in range(count):
        payload = rng.bytes(int(rng.integers(0, 200))) if n else bytes(range(0x70, 0x90))
        wrong += host.ask(Kind.ECHO, payload) != payload
        size += len(payload)
        progress(n + 1)
    seconds = time.perf_counter() - started
    return {"port": host.name, "packets": count, "bytes": size, "mismatches": wrong,
            "errors": host.errors, "seconds": round(seconds, 3),
            "bytes_per_second": round(size / seconds), "status": host.status().to_dict(),
            "passed": not wrong}


def talk(port: str, baud: int, timeout: float, design: Design | None, frames: int,
         seed: int, link: str = "uart") -> dict[str, Any]:
    """`run` of a design's own frames, or without one `loopback`, over a serial port or SPI."""
    if design:
        with bad_input(f"Frames of {design.name}"):
            feed = design.feed(frames, seed)
    wire = SpiWire(port, baud) if link == "spi" else SerialWire(port, baud)
    host = Host(wire, timeout, port)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())
    try:
        with Progress(*columns, console=report.stderr, transient=True,
                      disable=not report.stderr.is_terminal) as progress:
            bar = progress.add_task(port, total=frames)

            def moved(done: int) -> None:
                progress.update(bar, completed=done)

            return (run(host, design, feed.frames, moved) if design
                    else loopback(host, frames, seed, moved))
    finally:
        wire.close()


def print_answer(answer: dict[str, Any]) -> None:
    """A loopback's figures, or a table of answers (the first few) and their sum."""
    if "packets" in answer:
        report.print_table("Loopback", ["port", "packets", "bytes", "mismatches", "bytes/s",
                                        "clock, Hz", "design"],
                           [[answer["port"], answer["packets"], answer["bytes"],
                             answer["mismatches"], answer["bytes_per_second"],
                             answer["status"]["clock"], answer["status"]["digest"]]])
    else:
        shown = [row for n, row in enumerate(answer["answers"]) if n < 10 or not row["equal"]][:20]
        report.print_table(
            "Answers", ["frame", "answer", "cycles", "golden", "verdict"],
            [[row["frame"], _short(row["answer"]), row["cycles"], row["golden_cycles"],
              "equal" if row["equal"] else "DIFFERS"] for row in shown])
        report.print_table(
            "Board against golden", ["design", "port", "frames", "mismatches", "cycles", "golden",
                                     "clock, Hz", "seconds", "verdict"],
            [[answer["design"], answer["port"], answer["frames"], answer["mismatches"],
              answer["cycles"], answer["golden_cycles"], answer["clock_hz"], answer["seconds"],
              "equal" if answer["passed"] else "FAILED"]])
    for why, times in answer["errors"].items():
        report.stderr.print(f"tried again {times} times: {why}", markup=False)


def _short(values: Iterable[int]) -> str:
    """
    >>> _short(range(99))
    '0 1 2 3 4 5 6 7 8 9 10 11 ...'
    """
    values = list(values)
    return " ".join(map(str, values[:12])) + (" ..." if len(values) > 12 else "")


