"""A board on SPI, as the host program's wire: a device of Linux, or a simulated board's terminal.

Linux' own spidev is asked by ioctl (linux/spi/spidev.h): every single-board computer has it beside
its FPGA, and it takes no package. Bytes go both ways at once, so while the host only listens it
clocks out bytes that mean nothing, and drops those that come.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import struct
import time
import tty
from collections.abc import Iterator

from golden.link.packet import FILL
from ternstone.errors import BadInput

__all__ = ["SpiWire"]

#: Bytes of a transfer: as many as spidev takes when nobody has told it otherwise.
CHUNK = 4096
#: The same of a terminal, whose buffer must hold what comes meanwhile.
TERMINAL_CHUNK = 512
#: Bytes that are clocked out at a time to listen.
LISTEN = 32

#: _IOW('k', number, size): 'k' is spidev's letter.
_WRITE_MODE = 0x40016B01
_MESSAGE = 0x40206B00
#: struct spi_ioc_transfer: tx_buf, rx_buf, len, speed_hz, delay_usecs, bits_per_word, and what 0
#: leaves as it is.
_TRANSFER = struct.Struct("=QQIIHBBBBBB")


class SpiWire:
    """SPI, mode 0, at ``sck`` Hz.

    port:  /dev/spidevB.C; or a terminal that gives a byte for every one that it gets, as
           ``ternstone sim --serial --link spi`` has it

    Errors: `BadInput` for a port that cannot be opened, or that fails.
    """

    def __init__(self, port: str, sck: int) -> None:
        self.port, self._sck = port, sck
        self._heard = b""
        with self._failing("cannot be opened"):
            self._file = os.open(port, os.O_RDWR)
            self._terminal = os.isatty(self._file)
            if self._terminal:
                tty.setraw(self._file)
            else:
                fcntl.ioctl(self._file, _WRITE_MODE, b"\0")

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise BadInput(f"Port {self.port} {what}: {why[:1].lower()}{why[1:]} "
                           "(SPI takes /dev/spidevB.C)") from error

    def exchange(self, data: bytes) -> bytes:
        """Clock ``data`` out; the bytes that came, one for each."""
        with self._failing("is gone"):
            change, size = ((self._through_terminal, TERMINAL_CHUNK) if self._terminal
                            else (self._transfer, CHUNK))
            return b"".join(change(data[n:n + size]) for n in range(0, len(data), size))

    def _transfer(self, data: bytes) -> bytes:
        sent = ctypes.create_string_buffer(data, len(data))
        came = ctypes.create_string_buffer(len(data))
        fcntl.ioctl(self._file, _MESSAGE, _TRANSFER.pack(
            ctypes.addressof(sent), ctypes.addressof(came), len(data), self._sck,
            0, 8, 0, 0, 0, 0, 0))
        return came.raw

    def _through_terminal(self, data: bytes) -> bytes:
        came = b""
        os.write(self._file, data)
        while len(came) < len(data):
            if not select.select([self._file], [], [], 60)[0]:
                raise TimeoutError(0, "no byte came for one that went")
            came += os.read(self._file, len(data) - len(came))
        return came

    def write(self, data: bytes) -> None:
        self._heard += self.exchange(data).replace(bytes([FILL]), b"")

    def read(self, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while not self._heard:
            self._heard = self.exchange(bytes([FILL]) * LISTEN).replace(bytes([FILL]), b"")
            if time.monotonic() >= end:
                break
        heard, self._heard = self._heard, b""
        return heard

    def close(self) -> None:
        os.close(self._file)
