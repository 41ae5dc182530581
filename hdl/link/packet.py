"""Packets off the line and onto it. Bytes: `golden.link.packet`."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.check import require_int
from golden.link.packet import ANSWER, ESCAPE, FILL, FLAG, OVERHEAD, Code, Kind
from golden.params import ceil_log2
from hdl.link.uart import LINE_BYTE
from hdl.memory import NO_COLLISION

__all__ = ["BODY_BYTE", "Crc", "PacketReceiver", "PacketSender"]

#: A byte of a packet that is to be sent; ``spoilt``, on the last one: with a wrong CRC.
BODY_BYTE = data.StructLayout({"data": 8, "last": 1, "spoilt": 1})

POLYNOMIAL = 0xEDB88320
RESIDUE = 0xDEBB20E3  # of every body with its own CRC at its end, before the final inversion


class Crc(wiring.Component):
    """CRC-32 a bit a cycle: 8 cycles for a byte, and few cells.

    Members
    -------
    clear : In(1)
        A new packet begins.
    load : In(1)
        Take ``byte``; not while ``busy``.
    fold : In(1)
        With ``load``: whether the byte goes in, or one of the CRC's own is shifted out.
    byte : In(8)
    busy : Out(1)
    crc : Out(32)
        Not yet inverted.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "load": In(1), "fold": In(1), "byte": In(8),
                          "busy": Out(1), "crc": Out(32, init=0xFFFFFFFF)})

    def elaborate(self, _platform):
        m = Module()
        # The bit above the byte marks its end: alone at the bottom, it stays there.
        shift, folding, feedback = Signal(9), Signal(reset_less=True), Signal()
        m.d.comb += [self.busy.eq(shift[1:].any()),
                     feedback.eq((self.crc[0] ^ shift[0]) & folding)]
        with m.If(self.busy):
            m.d.sync += [shift.eq(shift[1:]),
                         self.crc.eq((self.crc >> 1) ^ (feedback.replicate(32) & POLYNOMIAL))]
        with m.If(self.load):
            m.d.sync += [shift.eq(Cat(self.byte, 1)), folding.eq(self.fold)]
        with m.If(self.clear):
            m.d.sync += self.crc.eq(self.crc.init)
        return m


class PacketReceiver(wiring.Component):
    """Takes packets off a line and hands over those that are whole and undamaged.

    A body's bytes go to a FIFO behind a pointer that moves on only when the body has ended, with
    the right length and CRC; of a bad one nothing is left but one byte with its cause, in its
    place. So for every body there is exactly one record, in order: type, sequence, length and
    payload, or ``0x80 | Code``. Where the FIFO has no room even for that one byte, it waits, and
    what comes in the meantime is lost: one error then stands for all.

    A `Kind.RESET` that is whole throws everything out that still waits, raises ``reset``, and is
    then the only record.

    **Latency** a record can be read 6 cycles after its closing flag. **Throughput** a byte from the
    line in 12 cycles; a byte of a record in every cycle. **Back-pressure** none towards the line.

    Parameters
    ----------
    depth : int
        Bytes of the FIFO, a power of two, at least 256; a block RAM. One stays free.

    Members
    -------
    i : In, stream of `hdl.link.uart.LINE_BYTE`, always ready
    o : Out, stream of 8 bits
    reset : Out(1)
        High for one cycle.
    """

    def __init__(self, depth):
        require_int("Packet FIFO depth", depth, 256, 1 << 16)
        if depth & (depth - 1):
            raise ValueError(f"Packet FIFO depth must be a power of two, not {depth}")
        self.depth = depth
        super().__init__({"i": In(stream.Signature(LINE_BYTE, always_ready=True)),
                          "o": Out(stream.Signature(8)), "reset": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        bits = ceil_log2(self.depth)
        m.submodules.memory = memory = Memory(shape=8, depth=self.depth, init=[],
                                              attrs=NO_COLLISION)
        write, read = memory.write_port(), memory.read_port()
        m.submodules.crc = crc = Crc()
        first = Signal(bits)      # to be read next
        committed = Signal(bits)  # the end of what may be read
        moved = Signal(bits)      # where the write address goes
        room = Signal()

        # What is known of the body.
        started = Signal()
        escaped = Signal()
        is_answer = Signal(reset_less=True)
        is_reset = Signal(reset_less=True)
        index = Signal(range(OVERHEAD + 1))  # bytes that are there, up to the fewest of a packet
        length = Signal(bits, reset_less=True)
        code = Signal(range(Code.DOUBLED))   # what is wrong with it
        byte = Signal(8)
        back = Signal()

        m.d.comb += [
            byte.eq(self.i.payload.data ^ (escaped << 5)),
            crc.byte.eq(byte), crc.fold.eq(1), write.data.eq(byte),
            # One adder does all: on by a byte, or back by four.
            moved.eq(write.addr + Cat(~back, 0, back.replicate(bits - 2))),
            room.eq(moved != first),
        ]

        def fail(why):
            with m.If(~code.any()):  # the first of all that is wrong
                m.d.sync += code.eq(why)

        with m.FSM():
            with m.State("BODY"):
                with m.If(self.i.valid):
                    with m.If(self.i.payload.broken):
                        m.d.sync += started.eq(1)
                        fail(Code.LINE)
                    with m.Elif(self.i.payload.data == FLAG):
                        with m.If(started):
                            with m.If(escaped | (crc.crc != RESIDUE)):
                                fail(Code.CRC)
                            m.next = "SHORTEN"
                    with m.Elif(self.i.payload.data != FILL):
                        m.d.sync += started.eq(1)
                        with m.If((self.i.payload.data == ESCAPE) & ~escaped):
                            m.d.sync += escaped.eq(1)
                        with m.Else():
                            m.d.sync += escaped.eq(0)
                            m.d.comb += [crc.load.eq(1), write.en.eq(room)]
            with m.State("SHORTEN"):  # to be without its CRC
                m.d.comb += back.eq(1)
                m.d.sync += write.addr.eq(moved)
                m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += back.eq(1)  # over the header, too
                with m.If((moved != (committed + length)[:bits]) | (index != OVERHEAD)):
                    fail(Code.LENGTH)
                with m.Elif(is_answer):
                    fail(Code.TYPE)
                m.next = "DECIDE"
            with m.State("DECIDE"):
                m.next = "COMMIT"
                m.d.comb += self.reset.eq(is_reset & ~code.any())
                with m.If(code.any()):
                    m.d.sync += write.addr.eq(committed)
                    m.next = "RECORD"
            with m.State("RECORD"):
                m.d.comb += [write.data.eq(ANSWER | code), write.en.eq(room)]
                with m.If(room):
                    m.next = "COMMIT"
            with m.State("COMMIT"):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += [committed.eq(write.addr), started.eq(0), escaped.eq(0), index.eq(0),
                             code.eq(0)]
                m.next = "BODY"
        with m.If(write.en):
            m.d.sync += write.addr.eq(moved)
        with m.If(crc.load):
            with m.If(~room):
                fail(Code.OVERFLOW)
            with m.If(index != OVERHEAD):
                m.d.sync += index.eq(index + 1)
            with m.If(index == 0):
                m.d.sync += [is_answer.eq(byte[7]), is_reset.eq(byte == Kind.RESET)]
            with m.If(index == 2):
                m.d.sync += length[:8].eq(byte)
            with m.If(index == 3):
                m.d.sync += length[8:].eq(byte[:bits - 8])
                with m.If(byte >= self.depth >> 8):
                    fail(Code.OVERFLOW)

        m.d.comb += [read.addr.eq(first), self.o.payload.eq(read.data),
                     read.en.eq((self.o.ready | ~self.o.valid) & (first != committed))]
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += self.o.valid.eq(read.en)
        with m.If(read.en):
            m.d.sync += first.eq(first + 1)
        with m.If(self.reset):
            m.d.sync += [first.eq(committed), self.o.valid.eq(0)]
        return m


class PacketSender(wiring.Component):
    """Puts packets on a line: flags, stuffing, CRC.

    **Latency** the opening flag is offered in the cycle in which the first byte is. **Throughput**
    a byte in 9 cycles at most, which is faster than any line. **Back-pressure** the line's goes
    through to ``i``; a source may be as late as it likes.

    Members
    -------
    i : In, stream of `BODY_BYTE`
        Bytes of a body but for its CRC.
    o : Out, stream of 8 bits
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(BODY_BYTE)), "o": Out(stream.Signature(8))})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        byte, escaped, special, spoilt = Signal(8), Signal(), Signal(), Signal()
        index, sending, sent = Signal(2), Signal(), Signal()
        m.d.comb += [
            crc.byte.eq(byte), special.eq((byte[2:] == FLAG >> 2) & ~escaped),
            sent.eq(sending & self.o.ready & ~special),
            self.o.payload.eq(Mux(sending & ~special, byte ^ (escaped << 5),
                                  Mux(sending, ESCAPE, FLAG))),
            crc.load.eq(sent),
        ]
        with m.If(sending & self.o.ready):
            m.d.sync += escaped.eq(special)
        with m.FSM():
            with m.State("OPEN"):
                m.d.comb += self.o.valid.eq(self.i.valid)
                with m.If(self.i.valid & self.o.ready):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [byte.eq(self.i.payload.data), sending.eq(self.i.valid & ~crc.busy),
                             self.o.valid.eq(sending), self.i.ready.eq(sent), crc.fold.eq(1)]
                m.d.sync += spoilt.eq(self.i.payload.spoilt)
                with m.If(sent & self.i.payload.last):
                    m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += [byte.eq(crc.crc[:8] ^ (~spoilt).replicate(8)), sending.eq(~crc.busy),
                             self.o.valid.eq(sending)]
                with m.If(sent):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == 3):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [self.o.valid.eq(~crc.busy), crc.clear.eq(~crc.busy)]
                with m.If(self.o.valid & self.o.ready):
                    m.next = "OPEN"
        return m


