"""A simulated board on a serial line: whole lists of bytes go in and come out.

`Board` runs the simulator in a process of its own. Its other end is a socket, or a pseudo terminal
that any program can open as its serial port. Python sees bytes by the hundred, never a clock cycle.
"""

import contextlib
import itertools
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import tempfile
import time
import tty
from pathlib import Path

from golden.check import require_int
from sim.bench import SimulationError
from sim.build import build, device

__all__ = ["BROKEN", "COMMANDS", "IDLE", "LOW", "POLL", "SEND", "SYNC", "Board",
           "unframe", "waveform"]

# What a board's line can be told, in 16 bits: the upper four say what, the others how much.
SEND = 0x0000    # a byte
IDLE = 0x1000    # bit times of nothing
LOW = 0x2000     # bit times of a line held low: a break, if longer than a byte
BROKEN = 0x3000  # a byte without its stop bit
SYNC = 0x4000    # wait for the device to be quiet, so many times `POLL` cycles, or with 0 for
                 # `patience` cycles, then answer DONE
DONE = 0xFFFF

COMMANDS = 512   # of them go into the simulator at a time: see serial.v
POLL = 500       # cycles after which the simulation looks at the line again


def unframe(data):
    """(commands, bytes that are left over)."""
    whole = len(data) & ~1
    return [int.from_bytes(data[n:n + 2], "little") for n in range(0, whole, 2)], data[whole:]


def waveform(data, fine, glitches=()):
    """Commands for a `Board` with as many ``fine``: the bytes as a UART sends them, but for
    ``glitches``, (start, length) in fine bit times, in which the line is turned over.

    >>> [hex(command) for command in waveform(b"\\xf0", 8, [(2, 3)])]
    ['0x2002', '0x1003', '0x2023', '0x1028']
    """
    line = [bit for byte in data for bit in (0, *((byte >> n) & 1 for n in range(8)), 1)
            for _ in range(fine)]
    for start, length in glitches:
        for n in range(start, min(start + length, len(line))):
            line[n] ^= 1
    return [(IDLE if level else LOW) | len(list(run)) for level, run in itertools.groupby(line)]


class Board:
    """A device with ``clk``, ``rst`` and a serial line in a simulator, as a context manager.

    verilog:   as `sim.bench.run` takes it
    line:      "uart": ``rx`` and ``tx``; "spi": ``sck``, ``cs_n``, ``copi`` and ``cipo``, where
               every byte that goes brings one, and of the commands there are only SEND and IDLE
    clock:     Hz of the device; baud: of the line, bits a second
    faster:    how much faster the far end's bits are than ``baud``, as a fraction: both ways
    fine:      bit times of the commands, in one of the line: with 8 of them `waveform` draws a line
               that no UART would
    wire:      "bytes": `fileno` is a socket that carries the line's bytes;
               "commands": `exchange` tells the line what to do, faults and pauses included;
               "terminal": `port` is the name of a pseudo terminal that carries the bytes
    patience:  cycles that the device is let run without anything happening on the line
    seed:      of what is random at power-up

    Errors: `ToolError`, `BuildError`, and `SimulationError` when the simulator ends by itself.
    """

    def __init__(self, verilog, *, clock, baud, top="top", line="uart", faster=0.0, fine=1,
                 wire="bytes", patience=20000, simulator="verilator", seed=1, wave=False, lint=True,
                 workdir="build/sim"):
        require_int("Board patience", patience, 1000)
        require_int("Board fine", fine, 1, (clock - 1) // baud)
        self.wire_kind, self._left = wire, b""
        sources, images = device(verilog)
        self._made = build(sources, top=top, widths={}, simulator=simulator, wave=wave,
                           lint=lint, workdir=workdir, bench={"uart": "serial", "spi": "spi"}[line])
        step = round(baud * (1 + faster) / clock * 2**32)
        fine *= 2 if line == "spi" else 1  # of SPI's clock both edges
        self._plan = {"send_step": step * fine, "receive_step": step, "patience": patience,
                      "framed": wire == "commands"}
        self._images, self._seed = images, seed

    def __enter__(self):
        self._folder = Path(tempfile.mkdtemp(prefix="run-", dir=self._made.folder))
        for name, text in self._images.items():
            (self._folder / name).write_text(text)
        if self.wire_kind == "terminal":
            ours, self._other = pty.openpty()
            tty.setraw(self._other)  # kept open: a port that a program closes stays there
            self.port = os.ttyname(self._other)
        else:
            self._socket, other = socket.socketpair()
            ours = other.detach()
        (self._folder / "plan.json").write_text(json.dumps({**self._plan, "wire": ours}))
        with open(self._folder / "log.txt", "w") as log:
            self._process = subprocess.Popen(
                self._made.command(self._seed), cwd=self._folder, env=self._made.environ(),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, pass_fds=[ours])
        os.close(ours)
        return self

    def __exit__(self, *exception):
        if self.wire_kind == "terminal":
            os.close(self._other)
        else:
            self._socket.close()
        self._process.kill()  # it has nothing to save, and may be asleep
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fileno(self):
        """Of the socket that carries the line's bytes."""
        return self._socket.fileno()

    def alive(self):
        """Raise `SimulationError` if the simulator has ended."""
        if self._process.poll() is not None:
            tail = (self._folder / "log.txt").read_text(errors="replace").splitlines()[-15:]
            raise SimulationError("The simulator must run on, but ended:\n" + "\n".join(tail))

    def written(self, name):
        """What the device has written into the file ``name`` so far ($fopen in its Verilog)."""
        return (self._folder / name).read_text()

    def write(self, data):
        self._socket.sendall(data)

    def read(self, timeout):
        """What has come, at least a byte, unless none comes within ``timeout`` seconds."""
        if not select.select([self._socket], [], [], timeout)[0]:
            return b""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            data = self._socket.recv(65536)
        if not data:
            self._process.wait(10)
            self.alive()
        return data

    def exchange(self, commands, timeout=600, quiet=0):
        """Carry out ``commands``, wait until the device is quiet (for ``quiet`` cycles, or with 0
        for ``patience``); return the bytes that it sent (ints; from 256 on: without stop bit)."""
        require_int("Board quiet", quiet, 0, POLL * 0xFFF)
        sync = SYNC | -(-quiet // POLL)
        self.write(b"".join(c.to_bytes(2, "little") for c in [*commands, sync]))
        seen, end = [], time.monotonic() + timeout
        while not seen or seen[-1] != DONE:
            data = self.read(1.0)
            if not data:
                self.alive()
            if time.monotonic() > end:  # also of a device that never stops talking
                raise SimulationError(f"The device must be quiet within {timeout} s")
            words, self._left = unframe(self._left + data)
            seen += words
        return seen[:-1]
