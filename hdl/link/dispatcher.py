"""What a link does with each packet. Answers: `golden.link.link`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.link.packet import ANSWER, HEADER, STATUS, Code, Kind
from hdl.link.packet import BODY_BYTE

__all__ = ["Dispatcher"]


class Dispatcher(wiring.Component):
    """Takes the records of a `hdl.link.packet.PacketReceiver` one by one, and answers each.

    Times and back-pressure: see `hdl.link.link.Link`. A reset also resets the core.

    Parameters
    ----------
    params : golden.link.params.LinkParams
    core : hdl.link.core.ByteCore

    Members
    -------
    i : In, stream of 8 bits
    o : Out, stream of `hdl.link.packet.BODY_BYTE`
    """

    def __init__(self, params, core):
        self.params, self.core = params, core
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(BODY_BYTE))})

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.core = core = self.core

        # The packet that is worked on.
        kind = Signal(3, reset_less=True)
        sequence = Signal(8, reset_less=True)
        left = Signal(p.length_bits, reset_less=True)  # bytes of its payload still to be taken
        feeding = Signal()                 # it goes to the core
        code = Signal(4, reset_less=True)  # of the error that answers it
        place = Signal(range(HEADER + STATUS.size))  # in its header, then in its answer
        # What came before.
        seen = Signal()                    # some packet was accepted,
        last = Signal(8, reset_less=True)  # and the last one had that sequence
        frames = Signal(8)
        errors = Signal(8)

        is_frame = Signal()
        step = Signal()                    # a byte of the payload is taken
        m.d.comb += [
            is_frame.eq(kind == Kind.FRAME),
            core.i.valid.eq(feeding & i.valid), core.i.payload.data.eq(i.payload),
            core.i.payload.load.eq(~is_frame),
            # The image's parts are one frame for the core.
            core.i.payload.last.eq((left == 1) & (kind != Kind.WEIGHTS)),
        ]
        with m.If(feeding):
            m.d.comb += step.eq(core.i.ready)
        with m.If(step & i.valid):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 1):
                m.d.sync += feeding.eq(0)
        m.d.comb += i.ready.eq(step)

        with m.FSM():
            with m.State("HEADER"):
                with m.If(~feeding):
                    m.d.comb += i.ready.eq(1)
                    with m.If(i.valid):
                        m.d.sync += place.eq(place + 1)
                        with m.If(place == 3):
                            m.next = "CHECK"
                        with m.If(place == 0):
                            m.d.sync += [code.eq(i.payload), kind.eq(
                                Mux(i.payload[3:].any(), Kind.ERROR, i.payload))]
                            with m.If(i.payload[7]):
                                # Of a packet that was not read there is nothing but this code.
                                m.d.sync += [place.eq(0), sequence.eq(0)]
                                m.next = "ANSWER"
                with m.If(place == 1):
                    m.d.sync += sequence.eq(i.payload)
                with m.If(place == 2):
                    m.d.sync += left[:8].eq(i.payload)
                with m.If(place == 3):
                    m.d.sync += left[8:].eq(i.payload)
            with m.State("CHECK"):
                refused = Signal(4)
                accepted = Signal()
                m.d.comb += accepted.eq(~refused.any())
                self._refuse(m, refused, accepted, kind, left, seen & (sequence == last))
                m.d.sync += [place.eq(0), code.eq(refused)]
                m.next = "SKIP"
                with m.If(accepted):
                    m.d.sync += [last.eq(sequence), seen.eq(1)]
                    with m.If(is_frame):
                        m.next = "CORE"
                    with m.If(kind == Kind.ECHO):
                        m.next = "ANSWER"
                    m.d.sync += feeding.eq(is_frame | (kind == Kind.WEIGHTS)
                                           | (kind == Kind.WEIGHTS_END))
                with m.Else():
                    m.d.sync += kind.eq(Kind.ERROR)
            with m.State("SKIP"):
                with m.If(~feeding):
                    m.d.comb += step.eq(left.any())
                with m.If(~left.any()):
                    m.next = "ANSWER"
            with m.State("CORE"):
                with m.If(core.o.valid):
                    m.next = "ANSWER"
                    with m.If(core.o.payload.error):
                        m.next = "DISCARD"
            with m.State("DISCARD"):
                m.d.comb += core.o.ready.eq(1)
                m.d.sync += code.eq(Code.CORE)
                with m.If(core.o.valid & core.o.payload.last):
                    m.d.sync += kind.eq(Kind.ERROR)
                    m.next = "SKIP"
            with m.State("ANSWER"):
                head = Signal()
                length = Signal(16)
                # The header's length is a power of two; a comparison would take a carry chain.
                m.d.comb += [head.eq(~place[HEADER.bit_length() - 1:].any()), length.eq(left)]
                lengths = {Kind.FRAME: p.answer_bytes, Kind.STATUS: STATUS.size, Kind.ERROR: 1}
                with m.Switch(kind):
                    for key, value in lengths.items():
                        with m.Case(key):
                            m.d.comb += length.eq(value)
                counts = Cat(core.cycles, frames, errors)
                fixed = p.status(0, 0, 0).pack()[len(counts) // 8:]
                table = [Cat(kind, Const(ANSWER >> 3, 5)), sequence, length[:8], length[8:],
                         *(counts[n:n + 8] for n in range(0, len(counts), 8)), *fixed]
                with m.Switch(place):
                    for n, byte in enumerate(table):
                        with m.Case(n):
                            m.d.comb += o.payload.data.eq(byte)
                m.d.comb += [o.valid.eq(1), o.payload.last.eq(place == len(table) - 1)]
                with m.If(head):
                    m.d.comb += o.payload.last.eq((place == 3) & ~length.any())
                with m.Else():
                    with m.Switch(kind):
                        with m.Case(Kind.FRAME):
                            m.d.comb += [
                                o.valid.eq(core.o.valid), o.payload.data.eq(core.o.payload.data),
                                o.payload.last.eq(core.o.payload.last),
                                o.payload.spoilt.eq(core.o.payload.error), core.o.ready.eq(o.ready)]
                        with m.Case(Kind.ECHO):
                            m.d.comb += [o.valid.eq(i.valid), o.payload.data.eq(i.payload),
                                         o.payload.last.eq(left == 1), step.eq(o.ready)]
                        with m.Case(Kind.ERROR):
                            m.d.comb += [o.payload.data.eq(code), o.payload.last.eq(1)]
                with m.If(o.valid & o.ready):
                    # Only a status counts on: another payload has a source that does.
                    with m.If(head | (kind == Kind.STATUS)):
                        m.d.sync += place.eq(place + 1)
                    with m.If(o.payload.last):
                        m.d.sync += place.eq(0)
                        with m.If(is_frame):
                            m.d.sync += frames.eq(frames + 1)
                        with m.If(kind == Kind.ERROR):
                            m.d.sync += errors.eq(errors + 1)
                        m.next = "HEADER"
        return m

    def _refuse(self, m, refused, accepted, kind, left, doubled):
        """Set ``refused`` to what is wrong with the packet; count the image's parts."""
        p = self.params
        length = Signal(p.length_bits)  # that it must have
        early = Signal()
        m.d.comb += length.eq(left)
        with m.If(early):
            m.d.comb += refused.eq(Code.WEIGHTS)
        with m.If(length != left):
            m.d.comb += refused.eq(Code.LENGTH)
        with m.If(doubled):
            m.d.comb += refused.eq(Code.DOUBLED)
        with m.Switch(kind):
            with m.Case(0, Kind.ERROR, *(() if p.load_bytes else (Kind.WEIGHTS, Kind.WEIGHTS_END))):
                m.d.comb += refused.eq(Code.TYPE)
            with m.Case(Kind.FRAME):
                m.d.comb += length.eq(p.frame_bytes)
        if not p.load_bytes:
            return
        loaded = Signal()
        is_part = Signal()
        parts = Signal(range(max(2, p.chunks)))
        with m.Switch(kind):
            with m.Case(Kind.FRAME):
                m.d.comb += early.eq(~loaded)
            with m.Case(Kind.WEIGHTS):
                m.d.comb += [is_part.eq(1), length.eq(p.chunk), early.eq(parts == p.chunks - 1)]
            with m.Case(Kind.WEIGHTS_END):
                m.d.comb += [is_part.eq(1), length.eq(p.last_chunk),
                             early.eq(parts != p.chunks - 1)]
        with m.If(is_part & accepted):
            m.d.sync += [loaded.eq(kind == Kind.WEIGHTS_END),
                         parts.eq(Mux(kind == Kind.WEIGHTS_END, 0, parts + 1))]
