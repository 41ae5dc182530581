"""k winners take all across channels. Bits: `golden.sparse_conv.winners`."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.design import Stream
from hdl.axi import AxiStreamTop
from hdl.frame import FrameCheck, beat_in, beat_out
from hdl.memory import NO_COLLISION
from hdl.popcount import BitSum
from hdl.sparse_conv.ordered import counter
from hdl.tree import tree_sum

__all__ = ["Winners", "WinnersCore"]

#: Pixels in memory: one comes, one is searched, one leaves, and the next may already come.
PIXELS = 4


class WinnersCore(wiring.Component):
    """Finds the k largest codes of every pixel bit by bit, from the most significant one.

    Channels are open, won or lost, at first all open. If k or more of the open ones have the next
    bit, those that have it not are lost; or else those that have it have won, and k is so many
    less. After the last bit the open ones are equal, and the first k of them have won. So a bit
    takes two counts of ones, for either outcome of the bit before, and no code is compared with
    another.

    **Latency** 2 cycles more than a pixel's beats and bits. **Throughput** a pixel in as many
    cycles as it has beats, or its codes bits, whichever is more
    (`golden.sparse_conv.winners.Winners.cycles`). **Back-pressure** in any cycle, either way.

    A frame of a wrong length is answered by those of its pixels that were over before, then the
    beat with ``error``.

    Parameters
    ----------
    params : WinnersParams

    Members
    -------
    i : In, stream of ``data``, ``last``
    o : Out, stream of ``data``, ``last``, ``error``
    """

    def __init__(self, params):
        self.params = params
        self.port = Stream(params.format, params.beat)
        super().__init__({"i": In(stream.Signature(beat_in(self.port))),
                          "o": Out(stream.Signature(beat_out(self.port)))})

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        lanes = p.beats * p.beat      # codes behind the last channel never win
        bits = p.format.width

        # A pixel comes.
        m.submodules.check = check = FrameCheck(p.pixels * p.beats)
        full, search = Signal(), Signal()
        wrong, final = Signal(), Signal()
        slot, _, next_slot = counter(m, PIXELS, "slot")
        part, last_part, next_part = counter(m, p.beats, "part")
        step, last = Signal(), self.i.payload.last
        codes = Signal(lanes * bits, reset_less=True)
        sign = int(p.format.signed)
        # How many have the first bit: those behind the last channel are in the last beat.
        first = Signal(range(p.channels + 1))
        real = p.channels - (p.beats - 1) * p.beat
        firsts = [(code[-1] ^ sign) & (~last_part if n >= real else 1)
                  for n, code in enumerate(self.i.payload.data)]
        m.d.comb += [self.i.ready.eq(~full | search), step.eq(self.i.valid & self.i.ready),
                     check.step.eq(step), check.last.eq(last)]
        with m.If(search):
            m.d.sync += full.eq(0)
        m.submodules.pixels = memory = Memory(
            shape=unsigned(p.beat * bits), depth=PIXELS * p.beats, init=[], attrs=NO_COLLISION)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [write.en.eq(step), write.addr.eq(slot * p.beats + part),
                     write.data.eq(self.i.payload.data.as_value())]
        with m.If(step):
            m.d.sync += [codes.eq(Cat(codes, self.i.payload.data.as_value())[p.beat * bits:]),
                         first.eq(Mux(part == 0, 0, first) + tree_sum(firsts)), *next_part]
            over = Mux(last, check.wrong, ~check.inner)   # the frame's length is wrong
            with m.If(last | (last_part & ~over)):
                m.d.sync += [full.eq(1), wrong.eq(over), final.eq(last), part.eq(0), *next_slot]

        # Its winners are searched.
        order = [channel * bits for channel in range(p.channels)]
        left = [Signal(bits, name=f"left_{n}", reset_less=True) for n in range(p.channels)]
        opened, won, ones = (Signal(p.channels, name=name) for name in ("opened", "won", "ones"))
        still, found = Signal(p.channels), Signal(p.channels)     # open and won after this bit
        needed, rest = Signal(range(p.winners + 1)), Signal(range(p.winners + 1))
        bit, last_bit, next_bit = counter(m, bits, "bit")
        busy, wrong_searched, final_searched = Signal(), Signal(), Signal()
        slot_searched = Signal.like(slot)
        send, free = Signal(), Signal()
        # How many have the bit is known a cycle before, for either way in which the one before it
        # may go: so that no cycle both counts and decides. The two sets that may be counted stand
        # in registers: open channels that have this bit and the next one, or only the next one.
        both, lower = Signal(p.channels), Signal(p.channels)
        m.submodules.above = above = BitSum([(0, 1)] * p.channels, 0)
        m.submodules.below = below = BitSum([(0, 1)] * p.channels, 0)
        count, if_enough, if_not = (Signal(range(p.channels + 1), name=name)
                                    for name in ("count", "if_enough", "if_not"))
        enough, was_enough = Signal(), Signal()
        # Signed codes are ordered as unsigned ones are when their sign is turned round.
        entered = [codes[at:at + bits] ^ (sign << bits - 1) for at in order]

        def look(among, values):
            """Goes on to ``values``' first bit, with the channels ``among`` open."""
            following = among & Cat(value[-2] if bits > 1 else 0 for value in values)
            tops = Cat(value[-1] for value in values)
            return [opened.eq(among), Cat(left).eq(Cat(values)), both.eq(following & tops),
                    lower.eq(following & ~tops)]

        m.d.comb += [
            ones.eq(opened & Cat(code[-1] for code in left)),
            count.eq(Mux(was_enough, if_enough, if_not)), enough.eq(count >= needed),
            still.eq(Mux(enough, ones, opened & ~ones)),
            above.i.eq(both), below.i.eq(lower),
            found.eq(won | (ones & ~enough.replicate(p.channels))),
            rest.eq(needed - Mux(enough, 0, count)),
            send.eq(busy & last_bit & free), search.eq(full & (~busy | send))]
        with m.If(busy & (~last_bit | send)):
            m.d.sync += [*next_bit, won.eq(found), needed.eq(rest),
                         was_enough.eq(enough), if_enough.eq(above.o), if_not.eq(below.o),
                         *look(still, [(code << 1)[:bits] for code in left])]
        with m.If(send):
            m.d.sync += busy.eq(0)
        with m.If(search):
            m.d.sync += [*look(Const(-1, p.channels), entered), won.eq(0), needed.eq(p.winners),
                         busy.eq(1), was_enough.eq(1), if_enough.eq(first),
                         wrong_searched.eq(wrong), final_searched.eq(final),
                         slot_searched.eq(slot - 1)]

        # They leave.
        kept, equal = Signal(lanes), Signal(lanes)
        room = Signal.like(needed)    # for codes that are equal
        leaving, wrong_left, final_left = Signal(), Signal(), Signal()
        base = Signal.like(slot)
        sent, last_sent, next_sent = counter(m, p.beats, "sent")
        valid, ended, error = Signal(), Signal(), Signal()
        go, end = Signal(), Signal()
        chosen, lanes_chosen = Signal(p.beat), Signal(p.beat)
        m.d.comb += [go.eq(~valid | self.o.ready), end.eq(last_sent | wrong_left),
                     free.eq(~leaving | (go & end)),
                     read.en.eq(go), read.addr.eq(base * p.beats + sent)]
        ties = equal[:p.beat]
        m.d.comb += [lanes_chosen[n].eq(kept[n] | (ties[n] & (
            room > (tree_sum(list(ties[:n])) if n else 0)))) for n in range(p.beat)]
        with m.If(leaving & go):
            here = tree_sum(list(ties))
            m.d.sync += [*next_sent, kept.eq(kept >> p.beat), equal.eq(equal >> p.beat),
                         room.eq(Mux(room > here, room - here, 0))]
            with m.If(end):
                m.d.sync += [leaving.eq(0), sent.eq(0)]
        with m.If(send):
            m.d.sync += [kept.eq(found), equal.eq(still), room.eq(rest), leaving.eq(1),
                         wrong_left.eq(wrong_searched), final_left.eq(final_searched),
                         base.eq(slot_searched)]
        with m.If(go):
            m.d.sync += [valid.eq(leaving), ended.eq(final_left & end), error.eq(wrong_left),
                         chosen.eq(Mux(wrong_left, 0, lanes_chosen))]
        m.d.comb += [self.o.valid.eq(valid), self.o.payload.last.eq(ended),
                     self.o.payload.error.eq(error)]
        m.d.comb += [code.eq(read.data.word_select(n, bits) & chosen[n].replicate(bits))
                     for n, code in enumerate(self.o.payload.data)]
        return m


class Winners(AxiStreamTop):
    """`golden.sparse_conv.winners.Winners` as an AXI4-Stream top."""

    def __init__(self, params, _tensors):
        super().__init__(WinnersCore(params))
