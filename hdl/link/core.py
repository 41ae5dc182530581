"""A core whose frames, weights and answers are bytes."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.stream import Queue

__all__ = ["ByteCore"]


class ByteCore(wiring.Component):
    """Bytes to the beats of a core with AXI4-Stream ports, and its beats to bytes, least
    significant byte of a beat first; counts the cycles of each frame.

    **Latency** a beat is offered to the core together with its last byte, and a byte of an answer
    with its beat: 0 cycles. **Throughput** a byte a cycle either way. **Back-pressure** passes
    through, both ways.

    With ``params.queued`` a frame waits until it is complete, 1 cycle after its last byte, and
    answers wait in a queue: 1 cycle more; the core then sees neither idles nor stalls. With
    ``params.several`` an answer, too, waits until it is complete.

    Frames must have a right length; that is the caller's work.

    Parameters
    ----------
    params : golden.link.params.LinkParams
    core : wiring.Component

    Members
    -------
    i : In, stream of data: 8, last: 1 (of a frame, of the image), load: 1 (to ``s_axis_w``)
    o : Out, stream of data: 8, last: 1 (of an answer), error: 1 (``m_axis_tuser``)
    cycle : Out(1)
        Of the last frame's cycles, from its first input transfer to its last output transfer, both
        counted, but for those in which the core waited for the link: one bit of 32, the least
        significant one first, from 24 cycles after the frame on.
    beats : Out, only with ``params.several``
        Of the answer on offer.
    turn : In(1)
        To the next bit; 32 times, or the count is lost. Not while a frame is inside.
    """

    def __init__(self, params, core):
        self.params, self.core = params, core
        members = {
            "i": In(stream.Signature(data.StructLayout({"data": 8, "last": 1, "load": 1}))),
            "o": Out(stream.Signature(data.StructLayout({"data": 8, "last": 1, "error": 1}))),
            "cycle": Out(1), "turn": In(1)}
        if params.several:
            members["beats"] = Out(range(params.output_beats + 1))
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        p, i, o = self.params, self.i, self.o
        m.submodules.core = core = self.core
        beat_in = data.StructLayout({"data": 8 * p.input_bytes, "last": 1})
        beat_out = data.StructLayout({"data": 8 * p.output_bytes, "last": 1, "error": 1})
        given = stream.Signature(beat_in).create()
        taken = stream.Signature(beat_out).create()

        # Bytes come in from the top, so that beats of either width end there.
        widest = max(p.input_bytes, p.load_bytes)
        gathered = Signal(8 * (widest - 1), reset_less=True)
        place = Signal(range(max(2, widest)))
        complete = Signal()
        beat = Cat(gathered, i.payload.data)
        is_frame = ~i.payload.load if p.load_bytes else Const(1)
        m.d.comb += [
            complete.eq(place == (Mux(is_frame, p.input_bytes, p.load_bytes) - 1)
                        if widest > 1 else 1),
            given.payload.data.eq(beat[8 * (widest - p.input_bytes):]),
            given.payload.last.eq(i.payload.last), given.valid.eq(i.valid & complete & is_frame),
            i.ready.eq(~complete | given.ready),
        ]
        if p.load_bytes:
            m.d.comb += [core.s_axis_w_tdata.eq(beat[8 * (widest - p.load_bytes):]),
                         core.s_axis_w_tlast.eq(i.payload.last),
                         core.s_axis_w_tvalid.eq(i.valid & complete & i.payload.load)]
            with m.If(i.payload.load):
                m.d.comb += i.ready.eq(~complete | core.s_axis_w_tready)
        with m.If(i.valid & i.ready):
            m.d.sync += [gathered.eq(beat[8:]), place.eq(Mux(complete, 0, place + 1))]

        out_place = Signal(range(max(2, p.output_bytes)))
        out_end = Signal()
        m.d.comb += [
            out_end.eq(out_place == p.output_bytes - 1), o.valid.eq(taken.valid),
            o.payload.last.eq(taken.payload.last & out_end),
            o.payload.error.eq(taken.payload.error),
            taken.ready.eq(o.ready & out_end),
        ]
        with m.Switch(out_place):
            for n in range(p.output_bytes):
                with m.Case(n):
                    m.d.comb += o.payload.data.eq(taken.payload.data[8 * n:8 * n + 8])
        with m.If(o.valid & o.ready):
            m.d.sync += out_place.eq(Mux(out_end, 0, out_place + 1))

        if p.queued:
            given, taken = self._queues(m, given, taken)
        m.d.comb += [
            core.s_axis_tdata.eq(given.payload.data), core.s_axis_tlast.eq(given.payload.last),
            core.s_axis_tvalid.eq(given.valid), given.ready.eq(core.s_axis_tready),
            taken.payload.data.eq(core.m_axis_tdata), taken.payload.last.eq(core.m_axis_tlast),
            taken.payload.error.eq(core.m_axis_tuser), taken.valid.eq(core.m_axis_tvalid),
            core.m_axis_tready.eq(taken.ready),
        ]
        self._count(m)
        return m

    def _queues(self, m, given, taken):
        """Between the bytes and the core: queues for a whole frame and a whole answer."""
        p = self.params
        m.submodules.frame = frame = Queue(given.payload.shape(), max(2, p.input_beats))
        m.submodules.answer = answer = Queue(taken.payload.shape(), max(2, p.output_beats))
        wiring.connect(m, given, frame.i)
        if p.several:
            self._whole(m, answer, taken)
            with m.If(answer.i.valid & answer.i.ready):
                m.d.sync += self.beats.eq(self.beats + 1)
            with m.If(taken.valid & taken.ready & taken.payload.last):
                m.d.sync += self.beats.eq(0)
        else:
            wiring.connect(m, answer.o, wiring.flipped(taken))
        opened = given.signature.create()
        self._whole(m, frame, opened)
        return opened, answer.i

    @staticmethod
    def _whole(m, queue, opened):
        """``opened`` gives what ``queue`` does, but not before the last beat is in it."""
        whole = Signal()
        with m.If(queue.i.valid & queue.i.ready & queue.i.payload.last):
            m.d.sync += whole.eq(1)
        with m.If(queue.o.valid & queue.o.ready & queue.o.payload.last):
            m.d.sync += whole.eq(0)
        m.d.comb += [opened.payload.eq(queue.o.payload), opened.valid.eq(queue.o.valid & whole),
                     queue.o.ready.eq(opened.ready & whole)]

    def _count(self, m):
        core = self.core
        taking = Signal()
        ending = Signal()
        running = Signal()  # a frame is inside
        over = Signal()     # all of it is
        held = Signal()
        m.d.comb += [
            taking.eq(core.s_axis_tvalid & core.s_axis_tready),
            ending.eq(core.m_axis_tvalid & core.m_axis_tready & core.m_axis_tlast),
        ]
        if not self.params.queued:
            m.d.comb += held.eq((~core.s_axis_tvalid & ~over)
                                | (core.m_axis_tvalid & ~core.m_axis_tready))
        with m.If(taking):
            m.d.sync += [running.eq(1), over.eq(core.s_axis_tlast)]
        with m.If(ending):
            m.d.sync += running.eq(0)
        counting, starting, full = Signal(), Signal(), Signal()
        # The count's low byte has a carry chain. The rest turns by a bit a cycle, once around and
        # past a half adder, whenever the low byte is full. Turning also is how it is read. All bits
        # of the low byte are turned over: counting down, and shifting otherwise, takes one LUT a
        # bit.
        low = Signal(8, init=0xFF)
        high = Signal(24)
        turns = Signal(range(len(high) + 1))  # to go
        turning, carry = Signal(), Signal()
        m.d.comb += [counting.eq(running & ~held), starting.eq(taking & ~running),
                     full.eq(counting & ~low.any()), turning.eq(turns.any()),
                     self.cycle.eq(~low[0])]
        with m.If(turning):
            m.d.sync += [turns.eq(turns - 1), carry.eq(carry & high[0])]
        with m.If(full):
            m.d.sync += [turns.eq(len(high)), carry.eq(1)]
        with m.If(turning | self.turn):
            m.d.sync += high.eq(Cat(high[1:], Mux(self.turn, ~low[0], high[0] ^ carry)))
        with m.If(counting | self.turn):
            m.d.sync += low.eq(Mux(counting, low + counting.replicate(len(low)),
                                   Cat(low[1:], ~high[0])))
        with m.If(starting):
            m.d.sync += [low.eq(~Const(1, 8)), high.eq(0), turns.eq(0)]
