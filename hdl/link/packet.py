"""Packets off the line and onto it. Bytes: `golden.link.packet`."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.check import require_int
from golden.link.packet import ESCAPE, FILL, FLAG, HEADER, OVERHEAD, Code, Kind
from golden.params import ceil_log2
from hdl.link.uart import LINE_BYTE
from hdl.memory import NO_COLLISION

__all__ = ["BODY_BIT", "Crc", "PacketReceiver", "PacketSender"]

#: A bit of a packet that is to be sent, a byte's least significant one first; ``last``: of the last
#: byte; ``spoilt``, with that: send a wrong CRC.
BODY_BIT = data.StructLayout({"data": 1, "last": 1, "spoilt": 1})

POLYNOMIAL = 0xEDB88320
RESIDUE = 0xDEBB20E3  # of every body with its own CRC at its end, before the final inversion


class Crc(wiring.Component):
    """CRC-32, a bit a cycle.

    Members
    -------
    clear : In(1)
        A new packet begins.
    load : In(1)
        Take ``bit``.
    fold : In(1)
        With ``load``: whether the bit goes in, or one of the CRC's own is shifted out.
    bit : In(1)
    crc : Out(32)
        Not yet inverted.
    """

    def __init__(self):
        super().__init__({"clear": In(1), "load": In(1), "fold": In(1), "bit": In(1),
                          "crc": Out(32, init=0xFFFFFFFF)})

    def elaborate(self, _platform):
        m = Module()
        feedback = Signal()
        m.d.comb += feedback.eq((self.crc[0] ^ self.bit) & self.fold)
        with m.If(self.load):
            m.d.sync += self.crc.eq((self.crc >> 1) ^ (feedback.replicate(32) & POLYNOMIAL))
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
        there = Signal(OVERHEAD)  # a bit for each byte that is there, up to the fewest of a packet
        # Of the payload, as the header says; less one for each byte behind the header.
        length = Signal(bits, reset_less=True)
        code = Signal(range(Code.DOUBLED))   # what is wrong with it
        byte = Signal(8)
        taken = Signal()
        # On its way to the CRC; the bit above the byte marks its end, and stays at the bottom.
        shift = Signal(9)
        back = Signal()

        m.d.comb += [
            byte.eq(self.i.payload.data ^ (escaped << 5)),
            crc.load.eq(shift[1:].any()), crc.bit.eq(shift[0]), crc.fold.eq(1),
            write.data.eq(byte),
            # One adder does both: on by a byte, or back by the CRC's four.
            moved.eq(write.addr + Cat(~back, 0, back.replicate(bits - 2))),
            room.eq(moved != first),
        ]

        why = Signal.like(code)
        with m.If(~code.any()):  # the first of all that is wrong
            m.d.sync += code.eq(why)

        def fail(reason):
            m.d.comb += why.eq(reason)

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
                            m.d.comb += [taken.eq(1), write.en.eq(room)]
            with m.State("SHORTEN"):  # to be without its CRC
                m.d.comb += back.eq(1)
                m.d.sync += write.addr.eq(moved)
                m.next = "CHECK"
            with m.State("CHECK"):
                with m.If((length != (1 << bits) - OVERHEAD + HEADER) | ~there[-1]):
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
                # ANSWER | code; of the bits between nothing is read.
                m.d.comb += [write.data[:len(code)].eq(code), write.data[7].eq(1),
                             write.en.eq(room)]
                with m.If(room):
                    m.next = "COMMIT"
            with m.State("COMMIT"):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += [committed.eq(write.addr), started.eq(0), escaped.eq(0), there.eq(0),
                             code.eq(0)]
                m.next = "BODY"
        with m.If(write.en):
            m.d.sync += write.addr.eq(moved)
        with m.If(crc.load):
            m.d.sync += shift.eq(shift[1:])
        with m.If(taken):
            m.d.sync += shift.eq(Cat(byte, 1))
            with m.If(~room):
                fail(Code.OVERFLOW)
            m.d.sync += there.eq(Cat(1, there[:-1]))
            with m.If(~there[0]):
                m.d.sync += [is_answer.eq(byte[7]), is_reset.eq(byte == Kind.RESET)]
            # A sum whose operand also selects it takes one LUT a bit of an iCE40 for both.
            said = Mux(there[3], length + there[3].replicate(bits), Cat(byte, byte))
            with m.If(there[3] | (there[1] & ~there[2])):
                m.d.sync += length[:8].eq(said)
            with m.If(there[2]):
                m.d.sync += length[8:].eq(said[8:])
            with m.If(there[2] & ~there[3] & (byte >= self.depth >> 8)):
                fail(Code.OVERFLOW)

        m.d.comb += [read.addr.eq(first), self.o.payload.eq(read.data),
                     read.en.eq((self.o.ready | ~self.o.valid) & (first != committed))]
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += self.o.valid.eq(read.en)
        with m.If(self.reset):
            m.d.sync += self.o.valid.eq(0)
        with m.If(read.en | self.reset):
            # One LUT a bit, as above.
            m.d.sync += first.eq(Mux(self.reset, committed, first + Cat(
                1, self.reset.replicate(bits - 1))))
        return m


class PacketSender(wiring.Component):
    """Puts packets on a line: flags, stuffing, CRC.

    **Latency** the opening flag is offered in the cycle after the first bit is. **Throughput** a
    byte in 9 cycles, an escaped one in 10, which is faster than any line. **Back-pressure** the
    line's goes through to ``i``; a source may be as late as it likes.

    Members
    -------
    i : In, stream of `BODY_BIT`
        A body but for its CRC.
    o : Out, stream of 8 bits
    """

    def __init__(self):
        super().__init__({"i": In(stream.Signature(BODY_BIT)), "o": Out(stream.Signature(8))})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        # Bits come in from the top; the one that is set at first is at the bottom behind eight.
        shift = Signal(9, init=1 << 8)
        full, byte, bit = shift[0], shift[1:], Signal()
        take, gone = Signal(), Signal()  # a bit, a byte
        escaped, special = Signal(), Signal()
        body = Signal()                  # its bytes, and not flags, are offered
        trailer = Signal()               # the last one before the CRC is full, or the CRC's follow
        count = Signal(3)                # bytes of the trailer that are gone
        spoilt = Signal(reset_less=True)
        m.d.comb += [
            special.eq((byte[2:] == FLAG >> 2) & ~escaped),
            self.o.payload.eq(Mux(body, Mux(special, ESCAPE, byte ^ (escaped << 5)), FLAG)),
            bit.eq(Mux(trailer, crc.crc[0] ^ ~spoilt, self.i.payload.data)),
            crc.load.eq(take), crc.bit.eq(bit), crc.fold.eq(~trailer),
            gone.eq(full & self.o.ready & ~special),
        ]
        with m.If(take):
            m.d.sync += shift.eq(Cat(shift[1:], bit))
        with m.If(gone):
            m.d.sync += shift.eq(shift.init)
        with m.If(full & self.o.ready):
            m.d.sync += escaped.eq(special)
        with m.If(take & ~trailer):
            m.d.sync += [trailer.eq(self.i.payload.last), spoilt.eq(self.i.payload.spoilt)]
        with m.If(gone & trailer):
            m.d.sync += count.eq(count + 1)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += crc.clear.eq(1)
                m.d.sync += [trailer.eq(0), count.eq(0)]
                with m.If(self.i.valid):
                    m.next = "OPEN"
            with m.State("OPEN"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "BODY"
            with m.State("BODY"):
                m.d.comb += [body.eq(1), self.o.valid.eq(full),
                             self.i.ready.eq(~full & ~trailer),
                             take.eq(~full & (trailer | self.i.valid))]
                with m.If(gone & count[2]):
                    m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
