"""Loading memories at run time. The memories themselves are `amaranth.lib.memory`'s."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.memory import check_memories, word_beats

__all__ = ["NO_COLLISION", "Loader"]

#: Attributes of a memory that is never read and written at one address in one cycle: synthesis may
#: then take a block RAM as it is, without logic that settles such a collision.
NO_COLLISION = {"no_rw_check": 1}


class Loader(wiring.Component):
    """Takes an image over a stream and writes its words into several memories.

    One image is one frame: the memories one after another, their words from address 0, each word in
    whole beats, least significant beat first. The image that ends (``last``) where its last word
    does raises ``loaded``; the first beat of the next image lowers it, as does a reset. An image of
    any other length raises ``error`` instead, until the next image begins; what it wrote stays
    written, and beats past the end are dropped.

    **Latency** 1 cycle from a word's last beat to its write; ``loaded`` rises in the cycle after
    the last write, so that every word can be read from then on. **Throughput** a beat a cycle.
    **Back-pressure** none: ``w.ready`` is always high.

    Parameters
    ----------
    memories : list of (width, depth)
    beat : int
        Bits of a beat.

    Members
    -------
    w : In, stream of data: ArrayLayout(unsigned(beat), 1), last: 1
    write : Out(len(memories))
        Bit k: memory k takes ``word(k)`` at ``address``.
    address : Out
    words : Out
        See the method `word`.
    loaded, error : Out(1)

    Source of the order: `golden.memory.image`
    """

    def __init__(self, memories, beat=32):
        memories = [tuple(memory) for memory in memories]
        check_memories(memories, beat)
        self.memories, self.beat = memories, beat
        self.beats = [word_beats(width, beat) for width, _ in memories]
        super().__init__({
            "w": In(stream.Signature(data.StructLayout(
                {"data": data.ArrayLayout(unsigned(beat), 1), "last": 1}))),
            "write": Out(len(memories)),
            "address": Out(range(max(2, *(depth for _, depth in memories)))),
            "words": Out(beat * max(self.beats)),
            "loaded": Out(1), "error": Out(1),
        })

    def word(self, index):
        """The word for memory ``index``. Beats are shifted in from the top, so that the words of
        all memories end there."""
        start = len(self.words) - self.beats[index] * self.beat
        return self.words[start:start + self.memories[index][0]]

    def elaborate(self, _platform):
        m = Module()
        first = Signal(init=1)  # the next beat begins an image
        over = Signal()         # the image has gone on past its end
        part = Signal(range(max(2, *self.beats)))
        which = Signal(range(max(2, len(self.memories))))
        address = Signal.like(self.address)
        last_part = Signal()
        last_word = Signal()
        word_end = Signal()
        memory_end = Signal()
        image_end = Signal()
        with m.Switch(which):
            for index, (beats, (_, depth)) in enumerate(
                    zip(self.beats, self.memories, strict=True)):
                with m.Case(index):
                    m.d.comb += [last_part.eq(part == beats - 1),
                                 last_word.eq(address == depth - 1)]
        m.d.comb += [
            self.w.ready.eq(1),
            word_end.eq(self.w.valid & last_part & ~over),
            memory_end.eq(word_end & last_word),
            image_end.eq(memory_end & (which == len(self.memories) - 1)),
        ]
        complete = Signal()
        m.d.sync += [
            self.write.eq(Mux(word_end, 1 << which, 0)), self.address.eq(address),
            complete.eq(image_end & self.w.payload.last),
        ]
        with m.If(complete):
            m.d.sync += self.loaded.eq(1)
        with m.If(self.w.valid):
            m.d.sync += [
                self.words.eq(Cat(self.words, self.w.payload.data[0])[self.beat:]),
                first.eq(0), part.eq(part + 1),
            ]
            with m.If(first):
                m.d.sync += [self.loaded.eq(0), self.error.eq(0)]
            with m.If(word_end):
                m.d.sync += [part.eq(0), address.eq(address + 1)]
            with m.If(memory_end):
                m.d.sync += [address.eq(0), which.eq(which + 1)]
            with m.If(image_end):
                m.d.sync += over.eq(1)
            with m.If(self.w.payload.last):
                m.d.sync += [first.eq(1), over.eq(0), part.eq(0), address.eq(0), which.eq(0),
                             self.error.eq(~image_end)]
        return m
