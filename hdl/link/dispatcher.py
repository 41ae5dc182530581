"""What a link does with each packet. Answers: `golden.link.link`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from golden.link.packet import ANSWER, HEADER, STATUS, Code, Kind
from golden.params import ceil_log2
from hdl.link.packet import BODY_BIT

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
    o : Out, stream of `hdl.link.packet.BODY_BIT`
        A bit a cycle.
    """

    def __init__(self, params, core):
        self.params, self.core = params, core
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(BODY_BIT))})

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.core = core = self.core

        # The packet that is worked on. The bits of its header come one by one, and so do those of
        # its answer: a register that turns takes no multiplexer.
        kind = Signal(3, reset_less=True)
        sequence = Signal(8, reset_less=True)
        length = Signal(16, reset_less=True)  # above `left` not once that is counted
        left = length[:p.length_bits]      # bytes of its payload still to be taken
        more = Signal(reset_less=True)     # there were some
        feeding = Signal()                 # it goes to the core
        differs = Signal(reset_less=True)  # its sequence, from the last one
        fresh = Signal(reset_less=True)    # it is accepted
        code = Signal(4, reset_less=True)  # of the error that answers it
        place = Signal(range(HEADER + STATUS.size))  # in its header, then in its answer
        bit = Signal(3)                              # of that byte
        # What came before.
        seen = Signal()                    # some packet was accepted,
        last = Signal(8, reset_less=True)  # and the last one had that sequence
        frames = Signal(8)
        errors = Signal(8)

        is_frame, is_status, is_echo, is_error = (Signal() for _ in range(4))
        reading, sending = Signal(), Signal()  # a bit of the header, of the answer
        answering = Signal()
        erring = Signal()  # it ends in an error
        end = Signal()     # of a byte
        head = Signal()    # in the header, or the answer's
        finished = Signal()
        given = Signal()   # a bit of the request
        step = Signal()    # a byte of the payload may go,
        taken = Signal()   # and does
        m.d.comb += [
            is_frame.eq(kind == Kind.FRAME), is_status.eq(kind == Kind.STATUS),
            is_echo.eq(kind == Kind.ECHO), is_error.eq(kind == Kind.ERROR),
            end.eq(bit.all()), given.eq((i.payload >> bit)[0]),
            # The header's length is a power of two; a comparison would take a carry chain.
            head.eq(~place[HEADER.bit_length() - 1:].any()),
            core.i.valid.eq(feeding & i.valid), core.i.payload.data.eq(i.payload),
            core.i.payload.load.eq(~is_frame),
            # The image's parts are one frame for the core.
            core.i.payload.last.eq((left == 1) & (kind != Kind.WEIGHTS)),
            i.ready.eq(step), taken.eq(step & i.valid),
        ]
        with m.If(feeding):
            m.d.comb += step.eq(core.i.ready)
        with m.If(taken & (left == 1)):
            m.d.sync += feeding.eq(0)

        # Conditions in one piece become enables and resets, which take no LUTs at each bit.
        turn = Signal()
        m.d.comb += turn.eq((place[1:] == 1) & (reading | (sending & is_echo)))
        with m.If(taken | turn):
            m.d.sync += length.eq(Cat(length[1:], Mux(answering, length[0], given)))
            with m.If(taken):  # one less; selected by its own operand, one LUT a bit
                m.d.sync += left.eq(left + taken.replicate(len(left)))
        with m.If((reading | sending) & (place == 1)):
            m.d.sync += sequence.eq(Cat(sequence[1:], Mux(answering, sequence[0], given)))
            with m.If(~answering | fresh):
                m.d.sync += last.eq(Cat(last[1:], Mux(answering, sequence[0], last[0])))
            m.d.sync += differs.eq((differs & bit.any()) | (given ^ last[0]))
        with m.If(reading & (place == 0)):
            m.d.sync += [sequence.eq(0), fresh.eq(0), code.eq(i.payload[:3]), kind.eq(i.payload)]
        with m.If(erring | (reading & (place == 0) & i.payload[3:].any())):
            m.d.sync += kind.eq(Kind.ERROR)
        with m.If(reading | sending):
            m.d.sync += bit.eq(bit + 1)
        # Beyond the headers only a status counts on: another payload has a source that does.
        with m.If((reading | sending) & end & (head | is_status)):
            m.d.sync += place.eq(place + 1)
        with m.If(finished):
            m.d.sync += place.eq(0)

        with m.FSM():
            with m.State("HEADER"):
                m.d.comb += reading.eq(i.valid & ~feeding)
                with m.If(reading & end):
                    m.d.comb += i.ready.eq(1)
                    with m.If((place == 0) & i.payload[7]):
                        # Of a packet that was not read there is nothing but this code.
                        m.d.comb += finished.eq(1)
                        m.next = "ANSWER"
                    with m.If(place[:2].all()):
                        m.next = "CHECK"
            with m.State("CHECK"):
                refused = Signal(4)
                accepted = Signal()
                m.d.comb += [accepted.eq(~refused.any()), finished.eq(1)]
                self._refuse(m, refused, accepted, kind, left, seen & ~differs)
                m.d.sync += [code.eq(refused), fresh.eq(accepted), more.eq(left.any())]
                m.next = "SKIP"
                with m.If(accepted):
                    m.d.sync += seen.eq(1)
                    with m.If(is_frame):
                        m.next = "CORE"
                    with m.If(is_echo):
                        m.next = "ANSWER"
                    m.d.sync += feeding.eq(is_frame | (kind == Kind.WEIGHTS)
                                           | (kind == Kind.WEIGHTS_END))
                with m.Else():
                    m.d.comb += erring.eq(1)
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
                    m.d.comb += erring.eq(1)
                    m.next = "SKIP"
            with m.State("ANSWER"):
                m.d.comb += [answering.eq(1), sending.eq(o.valid & o.ready), o.valid.eq(1),
                             finished.eq(sending & o.payload.last)]
                at = Cat(bit, place)
                with m.Switch(place):
                    with m.Case(0):
                        m.d.comb += o.payload.data.eq(
                            (Cat(kind, Const(ANSWER >> 3, 5)) >> bit)[0])
                    with m.Case(1):
                        m.d.comb += o.payload.data.eq(sequence[0])
                    with m.Case(2, 3):
                        with m.Switch(kind):
                            answer = core.beats * p.output_bytes if p.several else \
                                Const(p.answer_bytes, 16)
                            for key, value in ((Kind.FRAME, answer),
                                               (Kind.STATUS, Const(STATUS.size, 16)),
                                               (Kind.ERROR, Const(1, 16))):
                                with m.Case(key):
                                    m.d.comb += o.payload.data.eq((value >> at[:4])[0])
                            with m.Default():
                                m.d.comb += o.payload.data.eq(length[0])
                    with m.Case(*range(HEADER, HEADER + 4)):
                        m.d.comb += o.payload.data.eq(core.cycle)
                    with m.Case(HEADER + 4):
                        m.d.comb += o.payload.data.eq(frames[0])
                    with m.Case(HEADER + 5):
                        m.d.comb += o.payload.data.eq(errors[0])
                    with m.Default():
                        status = bytes(HEADER) + p.status(0, 0, 0).pack()
                        m.d.comb += o.payload.data.eq(
                            (Const(int.from_bytes(status, "little")) >> at)[0])
                with m.If(head):
                    m.d.comb += o.payload.last.eq(end & place[:2].all() & ~(
                        is_frame | is_status | is_error | (is_echo & more)))
                with m.Else():
                    with m.Switch(kind):
                        with m.Case(Kind.FRAME):
                            m.d.comb += [
                                o.valid.eq(core.o.valid),
                                o.payload.data.eq((core.o.payload.data >> bit)[0]),
                                o.payload.last.eq(end & core.o.payload.last),
                                o.payload.spoilt.eq(core.o.payload.error),
                                core.o.ready.eq(o.ready & end)]
                        with m.Case(Kind.ECHO):
                            m.d.comb += [o.valid.eq(i.valid), o.payload.data.eq(given),
                                         o.payload.last.eq(end & (left == 1)),
                                         step.eq(o.ready & end)]
                        with m.Case(Kind.ERROR):
                            m.d.comb += [o.payload.data.eq((code >> bit)[0]),
                                         o.payload.last.eq(end)]
                        with m.Default():
                            m.d.comb += o.payload.last.eq(
                                end & (place == HEADER + STATUS.size - 1))
                # With the type's bits the answer is counted: bit by bit, past a half adder. The
                # status turns the counts, too.
                turning = Signal(2)
                carry = Signal()
                adding = Signal()
                m.d.comb += [adding.eq((carry | ~bit.any()) & ~place.any()),
                             core.turn.eq(sending & is_status & (place[2:] == HEADER >> 2)),
                             turning[0].eq(Mux(place.any(), place == HEADER + 4, is_frame)),
                             turning[1].eq(Mux(place.any(), place == HEADER + 5, is_error))]
                with m.If(sending):
                    m.d.sync += carry.eq(adding & Mux(is_frame, frames[0], errors[0]))
                for n, count in enumerate((frames, errors)):
                    with m.If(sending & turning[n]):
                        m.d.sync += count.eq(Cat(count[1:], count[0] ^ adding))
                with m.If(finished):
                    m.next = "HEADER"
        return m

    def _refuse(self, m, refused, accepted, kind, left, doubled):
        """Set ``refused`` to what is wrong with the packet; count the image's parts."""
        p = self.params
        length = Signal(p.length_bits)  # that it must have
        early = Signal()
        m.d.comb += length.eq(left)
        unfit = length != left
        if p.several:
            cut = left[:ceil_log2(p.input_bytes)].any()  # not at the end of a beat
            unfit |= (kind == Kind.FRAME) & (cut | ~left.any() | (left > p.frame_bytes))
        with m.If(early):
            m.d.comb += refused.eq(Code.WEIGHTS)
        with m.If(unfit):
            m.d.comb += refused.eq(Code.LENGTH)
        with m.If(doubled):
            m.d.comb += refused.eq(Code.DOUBLED)
        with m.Switch(kind):
            with m.Case(0, Kind.ERROR, *(() if p.load_bytes else (Kind.WEIGHTS, Kind.WEIGHTS_END))):
                m.d.comb += refused.eq(Code.TYPE)
            with m.Case(Kind.FRAME):
                m.d.comb += length.eq(left if p.several else p.frame_bytes)
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
