"""What a link does with each packet. Answers: `golden.link.link`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.link.packet import ANSWER, STATUS, STATUS_VERSION, Code, Kind
from hdl.link.core import ByteCore
from hdl.link.packet import BODY_BYTE

__all__ = ["Dispatcher"]


class Dispatcher(wiring.Component):
    """Takes the records of a `hdl.link.packet.PacketReceiver` one by one, and answers each.

    Times and back-pressure: see `hdl.link.link.Link`. A reset also resets the core.

    Parameters
    ----------
    params : golden.link.params.LinkParams
    core : wiring.Component

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
        m.submodules.core = core = ByteCore(p, self.core)

        # The packet that is worked on.
        kind, sequence, code = Signal(3), Signal(8), Signal(4)
        left = Signal(p.length_bits)  # bytes of its payload; then of its answer's, but a frame's
        place = Signal(2)             # in the header
        feeding = Signal()            # its payload goes to the core
        step = Signal()               # a byte of the payload is taken
        seen, last = Signal(), Signal(8)  # whether a sequence was accepted, and the last that was
        frames, errors = Signal(16), Signal(16)
        is_frame = kind == Kind.FRAME

        m.d.comb += [
            core.i.valid.eq(feeding & i.valid), core.i.payload.data.eq(i.payload),
            core.i.payload.load.eq(~is_frame),
            # The image's parts are one frame for the core.
            core.i.payload.last.eq((left == 1) & (kind != Kind.WEIGHTS)),
            step.eq(feeding & core.i.ready), i.ready.eq(step),
        ]
        with m.If(step & i.valid):
            m.d.sync += left.eq(left - 1)
            with m.If(left == 1):
                m.d.sync += feeding.eq(0)

        def fail(why):
            m.d.sync += [kind.eq(Kind.ERROR), code.eq(why), errors.eq(errors + 1)]

        with m.FSM():
            with m.State("HEADER"):
                with m.If(~feeding):
                    m.d.comb += i.ready.eq(1)
                with m.If(i.valid & ~feeding):
                    m.d.sync += place.eq(place + 1)
                    with m.Switch(place):
                        with m.Case(0):
                            m.d.sync += kind.eq(Mux(i.payload[3:].any(), Kind.ERROR, i.payload))
                            with m.If(i.payload[7]):
                                # Of a packet that could not be read there is nothing but why.
                                m.d.sync += [place.eq(0), sequence.eq(0), left.eq(0)]
                                fail(i.payload)
                                m.next = "SKIP"
                        with m.Case(1):
                            m.d.sync += sequence.eq(i.payload)
                        with m.Case(2):
                            m.d.sync += left[:8].eq(i.payload)
                        with m.Case(3):
                            m.d.sync += left[8:].eq(i.payload)
                            m.next = "CHECK"
            with m.State("CHECK"):
                m.next = "SKIP"
                refused, accepted = Signal(4), Signal()
                m.d.comb += accepted.eq(~refused.any())
                self._refuse(m, refused, accepted, kind, left, seen & (sequence == last))
                with m.If(~accepted):
                    fail(refused)
                with m.Else():
                    m.d.sync += [last.eq(sequence), seen.eq(1)]
                    with m.Switch(kind):
                        with m.Case(Kind.FRAME):
                            m.d.sync += feeding.eq(1)
                            m.next = "CORE"
                        with m.Case(Kind.WEIGHTS, Kind.WEIGHTS_END):
                            m.d.sync += feeding.eq(1)
                        with m.Case(Kind.ECHO):
                            m.next = "HEAD"
            with m.State("SKIP"):
                with m.If(~feeding):
                    m.d.comb += [step.eq(left != 0), i.ready.eq(step)]
                with m.If(left == 0):
                    with m.Switch(kind):
                        with m.Case(Kind.STATUS):
                            m.d.sync += left.eq(STATUS.size)
                        with m.Case(Kind.ERROR):
                            m.d.sync += left.eq(1)
                    m.next = "HEAD"
            with m.State("CORE"):
                with m.If(core.o.valid):
                    m.next = "HEAD"
                    with m.If(core.o.payload.error):
                        m.next = "FAILED"
            with m.State("FAILED"):
                m.d.comb += core.o.ready.eq(1)
                with m.If(core.o.valid & core.o.payload.last):
                    m.next = "FAILED-FED"
            with m.State("FAILED-FED"):
                with m.If(~feeding):
                    fail(Code.CORE)
                    m.next = "SKIP"
            with m.State("HEAD"):
                length = Mux(is_frame, Const(p.answer_bytes, 16), left)
                with m.Switch(place):
                    for n, byte in enumerate((Cat(kind, Const(ANSWER >> 3, 5)), sequence,
                                              length[:8], length[8:])):
                        with m.Case(n):
                            m.d.comb += o.payload.data.eq(byte)
                m.d.comb += [o.valid.eq(1),
                             o.payload.last.eq((place == 3) & ~is_frame & (left == 0))]
                with m.If(o.ready):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == 3):
                        m.next = "BODY"
                        with m.If(o.payload.last):
                            m.next = "HEADER"
            with m.State("BODY"):
                m.d.comb += [o.valid.eq(1), o.payload.last.eq(left == 1)]
                with m.Switch(kind):
                    with m.Case(Kind.FRAME):
                        m.d.comb += [
                            o.valid.eq(core.o.valid), o.payload.data.eq(core.o.payload.data),
                            o.payload.last.eq(core.o.payload.last),
                            o.payload.spoilt.eq(core.o.payload.error), core.o.ready.eq(o.ready)]
                    with m.Case(Kind.ECHO):
                        m.d.comb += [o.valid.eq(i.valid), o.payload.data.eq(i.payload),
                                     step.eq(o.ready), i.ready.eq(step)]
                    with m.Case(Kind.STATUS):
                        with m.Switch(left):
                            for n, byte in enumerate(self._status(core, frames, errors)):
                                with m.Case(STATUS.size - n):
                                    m.d.comb += o.payload.data.eq(byte)
                    with m.Default():
                        m.d.comb += o.payload.data.eq(code)
                with m.If(o.valid & o.ready):
                    with m.If((kind == Kind.STATUS) | (kind == Kind.ERROR)):
                        m.d.sync += left.eq(left - 1)
                    with m.If(o.payload.last):
                        with m.If(is_frame):
                            m.d.sync += frames.eq(frames + 1)
                        m.next = "HEADER"
        return m

    def _refuse(self, m, refused, accepted, kind, left, doubled):
        """Set ``refused`` to what is wrong with the packet; count the image's parts."""
        p = self.params
        wrong_length, early = Signal(), Signal()
        with m.If(wrong_length):
            m.d.comb += refused.eq(Code.LENGTH)
        with m.Elif(early):
            m.d.comb += refused.eq(Code.WEIGHTS)
        with m.If(doubled):
            m.d.comb += refused.eq(Code.DOUBLED)
        with m.If((kind == 0) | (kind == Kind.ERROR)):
            m.d.comb += refused.eq(Code.TYPE)
        loaded = Signal()
        with m.Switch(kind):
            with m.Case(Kind.FRAME):
                m.d.comb += wrong_length.eq(left != p.frame_bytes)
                if p.load_bytes:
                    m.d.comb += early.eq(~loaded)
            with m.Case(Kind.WEIGHTS, Kind.WEIGHTS_END):
                if not p.load_bytes:
                    m.d.comb += refused.eq(Code.TYPE)
        if not p.load_bytes:
            return
        is_end = kind == Kind.WEIGHTS_END
        parts = Signal(range(max(2, p.chunks)))
        with m.If((kind == Kind.WEIGHTS) | is_end):
            m.d.comb += [wrong_length.eq(left != Mux(is_end, p.last_chunk, p.chunk)),
                         early.eq(is_end != (parts == p.chunks - 1))]
            with m.If(accepted):
                m.d.sync += [loaded.eq(is_end), parts.eq(Mux(is_end, 0, parts + 1))]

    def _status(self, core, frames, errors):
        """The bytes of a `golden.link.packet.Status`."""
        packed = Cat(Const(STATUS_VERSION, 8), core.cycles, core.held, frames, errors,
                     Const(self.params.clock, 32),
                     *(Const(byte, 8) for byte in bytes.fromhex(self.params.digest)))
        assert len(packed) == 8 * STATUS.size
        return [packed[8 * n:8 * n + 8] for n in range(STATUS.size)]
