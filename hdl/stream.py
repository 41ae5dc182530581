"""Stream pieces that keep the payload's shape: a queue and a skid buffer."""

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.check import require_int
from hdl.memory import NO_COLLISION

__all__ = ["Queue", "SkidBuffer"]

#: From this depth on a queue's memory is read synchronously, so that it can be a block RAM.
BLOCK_DEPTH = 16


class Queue(wiring.Component):
    """A first-in, first-out queue of ``depth`` payloads.

    **Latency** 1 cycle, whatever the depth: a payload taken in one cycle is offered in the next.
    **Throughput** one payload a cycle. **Back-pressure** ``i.ready`` falls when the queue is full
    (it takes none in the cycle in which the first one leaves) and ``o.valid`` when it is empty;
    both are functions of a register, so that no path leads through the queue.

    A depth of 16 or more has a memory with synchronous read that can be a block RAM: its read
    register is the output. What comes while the queue is empty, or as its only payload leaves,
    passes beside the memory, which is never read and written at one address in one cycle. A smaller
    depth reads its memory in the same cycle (distributed RAM or registers).

    A reset empties it; the memory's contents stay, unseen.

    Parameters
    ----------
    shape : ShapeLike
        Of the payload; kept, signed fields and all.
    depth : int
        At least 2.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
    level : Out(range(depth + 1))
        Payloads inside.
    """

    def __init__(self, shape, depth):
        require_int("Queue depth", depth, 2)
        self.shape, self.depth = shape, depth
        super().__init__({
            "i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, _platform):
        m = Module()
        put = Signal()
        take = Signal()
        m.d.comb += [
            self.i.ready.eq(self.level != self.depth), self.o.valid.eq(self.level != 0),
            put.eq(self.i.valid & self.i.ready), take.eq(self.o.valid & self.o.ready),
        ]
        with m.If(put != take):  # one adder: of 1, or of all ones
            m.d.sync += self.level.eq(self.level + Cat(1, take.replicate(len(self.level) - 1)))
        m.submodules.memory = memory = Memory(
            shape=unsigned(Shape.cast(self.shape).width), depth=self.depth, init=[],
            attrs=NO_COLLISION)
        write = memory.write_port()
        first = Signal(range(self.depth))
        following = Signal(range(self.depth))
        m.d.comb += [write.data.eq(self.i.payload), write.en.eq(put),
                     following.eq(Mux(take, self._next(first), first))]
        m.d.sync += first.eq(following)
        with m.If(put):
            m.d.sync += write.addr.eq(self._next(write.addr))
        output = Value.cast(self.o.payload)
        if self.depth < BLOCK_DEPTH:
            read = memory.read_port(domain="comb")
            m.d.comb += [read.addr.eq(first), output.eq(read.data)]
            return m
        read = memory.read_port()
        passing = Signal()
        beside = Signal(reset_less=True)
        passed = Signal.like(write.data, reset_less=True)
        m.d.comb += [passing.eq(put & (write.addr == following)),
                     read.addr.eq(following), read.en.eq(~passing),
                     output.eq(Mux(beside, passed, read.data))]
        m.d.sync += beside.eq(passing)
        with m.If(passing):
            m.d.sync += passed.eq(write.data)
        return m

    def _next(self, address):
        if self.depth & (self.depth - 1):
            return Mux(address == self.depth - 1, 0, address + 1)
        return (address + 1)[:len(address)]


class SkidBuffer(wiring.Component):
    """Cuts every path of a stream by registers: ``o.valid``, ``o.payload`` and ``i.ready``.

    **Latency** 1 cycle. **Throughput** one payload a cycle. **Back-pressure** ``i.ready`` falls one
    cycle after ``o.ready`` has; the payload that comes in between is held aside.

    A reset empties it.

    Parameters
    ----------
    shape : ShapeLike
        Of the payload; kept.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, _platform):
        m = Module()
        output, given = Value.cast(self.o.payload), Value.cast(self.i.payload)
        aside = Signal.like(output, reset_less=True)
        full = Signal()  # something is held aside
        m.d.comb += self.i.ready.eq(~full)
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += [output.eq(Mux(full, aside, given)), full.eq(0),
                         self.o.valid.eq(full | self.i.valid)]
        with m.Elif(self.i.valid):
            m.d.sync += full.eq(1)
        with m.If(~full):
            m.d.sync += aside.eq(given)
        return m
