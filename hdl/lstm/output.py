"""The output queue: room for whole vectors, so that an engine's rows never wait midway."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.lstm.params import OUTPUT_PLACES
from hdl.lstm.columns import VectorSignature
from hdl.stream import Queue

__all__ = ["OutputQueue", "beat_layout"]


def beat_layout(element, batch):
    """An output beat: one element of every batch item, ``last`` of its frame, ``error``."""
    return data.StructLayout({"data": data.ArrayLayout(element, batch), "last": 1, "error": 1})


class OutputQueue(wiring.Component):
    """Vectors in, stream out. A wrong frame's vector leaves as one beat with ``error``.

    **Latency** 1 cycle from an element to its beat. **Throughput** an element a cycle.
    **Back-pressure** by whole vectors: there is room for `golden.lstm.params.OUTPUT_PLACES`.

    Parameters
    ----------
    size, batch : int
        Elements in a vector.
    element : Shape

    Members
    -------
    i : In, `VectorSignature` of single elements
    o : Out, stream of `beat_layout`
    """

    def __init__(self, *, size, batch, element):
        self.size, self.batch, self.element = size, batch, element
        super().__init__({"i": In(VectorSignature(element, 1, batch)),
                          "o": Out(stream.Signature(beat_layout(element, batch)))})

    def elaborate(self, _platform):
        m = Module()
        layout = data.StructLayout({"beat": beat_layout(self.element, self.batch), "end": 1})
        m.submodules.queue = queue = Queue(layout, depth=OUTPUT_PLACES * self.size)
        place = Signal(range(OUTPUT_PLACES + 1), init=OUTPUT_PLACES)
        returned = queue.o.valid & queue.o.ready & queue.o.payload.end
        m.d.sync += place.eq(place + returned - self.i.reserve)
        m.d.comb += [
            self.i.free.eq(place != 0),
            queue.i.valid.eq(self.i.valid & (self.i.last | ~self.i.error)),
            queue.i.payload.end.eq(self.i.last),
            queue.i.payload.beat.last.eq(self.i.last & self.i.final),
            queue.i.payload.beat.error.eq(self.i.error),
            self.o.valid.eq(queue.o.valid), queue.o.ready.eq(self.o.ready),
            self.o.payload.eq(queue.o.payload.beat),
        ]
        for item in range(self.batch):
            with m.If(~self.i.error):
                m.d.comb += queue.i.payload.beat.data[item].eq(self.i.data[item][0])
        return m
