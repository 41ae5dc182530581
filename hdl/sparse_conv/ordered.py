"""What layers share whose sums are made in the order of the map, so that none has to wait."""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.design import Stream
from hdl.formats import shape
from hdl.frame import FrameInput, beat_in, beat_out
from hdl.memory import NO_COLLISION
from hdl.sparse_conv.requantiser import Requantiser
from hdl.stream import Queue

__all__ = ["OrderedCore", "counter"]


def counter(m, limit, name):
    """(value, whether it is the last of ``limit``, statements that move it on)."""
    value = Signal(range(max(2, limit)), name=name)
    last = value == limit - 1
    return value, last, [value.eq(Mux(last, 0, value + 1))]


class OrderedCore(wiring.Component):
    """Loads a frame into one half of its memories while the one before is computed from the other
    half. Sums go through a requantiser into a queue.

    **Back-pressure**: a block of sums is begun when the queue has room for what comes of it.

    Parameters
    ----------
    params, tensors
    many : int
        Values that the requantiser makes a cycle.

    A class that inherits has ``_engine(m, running, begin, room, half)``. It returns a dictionary:
    ``sums`` with ``start``, ``row``, ``first``, ``last`` as `Requantiser` takes them; ``issued``,
    which says that a block begins whose values will come, and ``finished``, the frame's last
    address. It reads the memories ``self._memories``, one for each code of a beat, at addresses of
    its own; the word of beat n of the frame in a half is ``half * words + n``.

    Members
    -------
    i : In, stream of ``data``, ``last``
    o : Out, stream of ``data``, ``last``, ``error``
    """

    def __init__(self, params, tensors, *, many):
        self.params, self.tensors, self.many = params, tensors, many
        layer = params.layer
        self._in, self._out = Stream(layer.input, params.beat), Stream(layer.output, params.beat)
        self.words, self.answers = layer.beats(params.beat)
        super().__init__({"i": In(stream.Signature(beat_in(self._in))),
                          "o": Out(stream.Signature(beat_out(self._out)))})

    def elaborate(self, _platform):
        m = Module()
        p, layer = self.params, self.params.layer
        m.submodules.input = source = FrameInput(words=self.words, columns=p.beat,
                                                 element=shape(layer.input))
        wiring.connect(m, wiring.flipped(self.i), source.i)
        half, over = Signal(), Signal()
        running, begin, wrong, room = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [begin.eq(source.full & ~source.error & ~running),
                     source.begin.eq(begin | wrong)]
        with m.If(begin):
            m.d.sync += [half.eq(~half), running.eq(1)]
        # Beats behind a frame's last one have no word.
        with m.If(source.write):
            with m.If(source.word == self.words - 1):
                m.d.sync += over.eq(1)
            with m.If(self.i.payload.last):
                m.d.sync += over.eq(0)
        self._memories = []
        for n in range(p.beat):
            memory = Memory(shape=unsigned(layer.input.width), depth=2 * self.words, init=[],
                            attrs=NO_COLLISION)
            m.submodules[f"pixels_{n}"] = memory
            port = memory.write_port()
            m.d.comb += [port.en.eq(source.write & ~over),
                         port.addr.eq(source.word + Mux(half, self.words, 0)),
                         port.data.eq(self.i.payload.data[n])]
            self._memories.append(memory.read_port())

        # The frame that runs is in the half that does not load.
        engine = self._engine(m, running, begin, room, ~half)
        with m.If(engine["finished"]):
            m.d.sync += running.eq(0)
        m.submodules.requantiser = made = Requantiser(
            layer, self.tensors, lanes=p.lanes, many=self.many, shared=False)
        m.d.comb += [port.eq(total) for port, total in zip(made.sums, engine["sums"], strict=True)]
        m.d.comb += [getattr(made, name).eq(engine[name])
                     for name in ("start", "row", "first", "last")]

        m.submodules.queue = queue = Queue(beat_out(self._out), max(2, p.places))
        number, last, following = counter(m, self.answers, "number")
        push, skip = Signal(), Signal()
        final = made.step == made.steps - 1
        if p.beat > self.many:
            # The values of all steps are one beat.
            kept = [Signal(shape(layer.output), name=f"kept_{n}", reset_less=True)
                    for n in range(self.many * (made.steps - 1))]
            with m.If(made.made):
                for n, value in enumerate(kept):
                    m.d.sync += value.eq(kept[n + self.many] if n + self.many < len(kept)
                                         else made.value[n + self.many - len(kept)])
            values = [*kept, *made.value][:p.beat]
            m.d.comb += push.eq(made.made & final)
        else:
            # A step is a beat; of the last block some may be behind the last filter.
            values = list(made.value)[:p.beat]
            m.d.comb += push.eq(made.made & ~skip)
            with m.If(made.made):
                m.d.sync += skip.eq(~final & (skip | last))
        with m.If(push):
            m.d.sync += following
        m.d.comb += [
            queue.i.valid.eq(push | wrong), queue.i.payload.last.eq(last | wrong),
            queue.i.payload.error.eq(wrong)]
        with m.If(push):
            m.d.comb += [port.eq(value) for port, value in zip(queue.i.payload.data, values,
                                                               strict=True)]
        wiring.connect(m, queue.o, wiring.flipped(self.o))

        # Places that are taken, or will be.
        each = p.lanes if p.beat == 1 else 1
        rest = self.answers % each or each
        waiting = Signal(range(p.places + each + 1))
        m.d.comb += [room.eq(waiting <= p.places - each),
                     wrong.eq(source.full & source.error & ~running & (waiting == 0))]
        taken = Mux(engine["issued"], Mux(engine["rest"], rest, each), 0)
        m.d.sync += waiting.eq(waiting + taken - (self.o.valid & self.o.ready
                                                   & ~self.o.payload.error))
        return m

    def _accumulate(self, m, products, valid, last, there=()):
        """Sums of the products that come while ``valid``, up to ``last``.

        there:  for each product whether it may be other than 0; by default all may
        """
        first = Signal(init=1)
        with m.If(valid):
            m.d.sync += first.eq(last)
        totals = []
        for n, product in enumerate(products):
            total = Signal(signed(self.params.layer.sum_width), name=f"total_{n}")
            kept = Signal(signed(self.params.layer.sum_width), name=f"kept_total_{n}")
            m.d.comb += total.eq(product + Mux(first, 0, kept))
            with m.If(valid & (first | there[n]) if there else valid):
                m.d.sync += kept.eq(total)
            totals.append(total)
        return totals


