"""Recurrent layers and a head between AXI4-Streams. Bits: `golden.lstm.network`."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi import AxiStreamTop
from hdl.formats import shape
from hdl.lstm.columns import Gather
from hdl.lstm.dense import DenseLayer
from hdl.lstm.input import VectorInput, input_layout
from hdl.lstm.layer import Layer
from hdl.lstm.output import OutputQueue, beat_layout

__all__ = ["Network", "NetworkCore"]


def part(tensors, prefix):
    """Tensors of one layer or of the head, without the prefix."""
    return {name.removeprefix(prefix + "."): value for name, value in tensors.items()
            if name.startswith(prefix + ".")}


class NetworkCore(wiring.Component):
    """A stack of layers and an optional head between streams.

    **Latency, throughput**: `golden.lstm.network.Network.cycles`; the layers and the head work at
    the same time, each on its own step. **Back-pressure** on both sides, in any cycle.

    Parameters
    ----------
    params : NetworkParams
    tensors : dict of int64 arrays as `golden.lstm.network.Network.shapes`

    Members
    -------
    i : In, stream of `hdl.lstm.input.input_layout`
    o : Out, stream of `hdl.lstm.output.beat_layout`
    """

    def __init__(self, params, tensors):
        self.params = p = params
        self.layers = []
        for n, layer in enumerate(p.layers):
            is_top = n == len(p.layers) - 1
            self.layers.append(Layer(layer, part(tensors, f"layers.{n}"),
                                     last_only=is_top and not p.per_step, stateful=p.stateful))
        self.head = DenseLayer(p.head, part(tensors, "head")) if p.head else None
        element = self.head.element if self.head else shape(p.layers[-1].activation)
        first = p.layers[0]
        super().__init__({
            "i": In(stream.Signature(
                input_layout(shape(first.input), p.input_elements, p.batch))),
            "o": Out(stream.Signature(beat_layout(element, p.batch)))})
        self._element = element

    def elaborate(self, _platform):
        m = Module()
        p = self.params
        first = p.layers[0]
        m.submodules.input = source = VectorInput(
            size=first.inputs, columns=first.columns, batch=p.batch, steps=p.steps,
            given=shape(first.input), element=self.layers[0].x.data[0][0].shape(),
            one_hot=first.one_hot)
        wiring.connect(m, wiring.flipped(self.i), source.i)
        if first.one_hot:
            m.d.comb += [self.layers[0].x_position.eq(source.position),
                         self.layers[0].x_keep.eq(source.keep)]
        vector = source.o
        for n, layer in enumerate(self.layers):
            m.submodules[f"layer_{n}"] = layer
            wiring.connect(m, vector, layer.x)
            vector = layer.o
            following = p.layers[n + 1] if n + 1 < len(p.layers) else p.head
            if following:
                receiver = self.layers[n + 1] if n + 1 < len(p.layers) else self.head
                m.submodules[f"gather_{n}"] = gather = Gather(
                    columns=following.columns, batch=p.batch, element=shape(following.input),
                    to=receiver.x.data[0][0].shape())
                wiring.connect(m, vector, gather.i)
                vector = gather.o
        if self.head:
            m.submodules.head = self.head
            wiring.connect(m, vector, self.head.x)
            vector = self.head.o
        m.submodules.output = output = OutputQueue(
            size=p.output_size, batch=p.batch, element=self._element)
        wiring.connect(m, vector, output.i)
        wiring.connect(m, output.o, wiring.flipped(self.o))
        return m


class Network(AxiStreamTop):
    """`golden.lstm.network.Network` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(NetworkCore(params, tensors))
