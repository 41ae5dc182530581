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
from hdl.store import load_signature, loadable

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
    w : In, with store "load": the image, see `hdl.memory.Loader`; ``i`` waits until it is there
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
        members = {
            "i": In(stream.Signature(
                input_layout(shape(first.input), p.input_elements, p.batch))),
            "o": Out(stream.Signature(beat_layout(element, p.batch)))}
        if p.store == "load":
            members["w"] = In(load_signature())
        super().__init__(members)
        self._element = element

    def elaborate(self, _platform):
        body = Module()
        p = self.params
        first = p.layers[0]
        body.submodules.input = source = VectorInput(
            size=first.inputs, columns=first.columns, batch=p.batch, steps=p.steps,
            given=shape(first.input), element=self.layers[0].x.data[0][0].shape(),
            one_hot=first.one_hot)
        if first.one_hot:
            body.d.comb += [self.layers[0].x_position.eq(source.position),
                            self.layers[0].x_keep.eq(source.keep)]
        vector = source.o
        for n, layer in enumerate(self.layers):
            body.submodules[f"layer_{n}"] = layer
            wiring.connect(body, vector, layer.x)
            vector = layer.o
            following = self.layers[n + 1] if n + 1 < len(p.layers) else self.head
            if following:
                body.submodules[f"gather_{n}"] = gather = Gather(
                    columns=following.params.columns, batch=p.batch,
                    element=shape(following.params.input), to=following.x.data[0][0].shape())
                wiring.connect(body, vector, gather.i)
                vector = gather.o
        if self.head:
            body.submodules.head = self.head
            wiring.connect(body, vector, self.head.x)
            vector = self.head.o
        body.submodules.output = output = OutputQueue(
            size=p.output_size, batch=p.batch, element=self._element)
        wiring.connect(body, vector, output.i)
        # The layers see whole vectors only: they need not wait with the end of a wrong frame.
        body.d.comb += source.settled.eq(1)

        m, loaded = body, 1
        if p.store == "load":
            m = Module()
            loaded = loadable(m, body, self.w, [
                store for part in [*self.layers, *([self.head] if self.head else [])]
                for store in part.stores.values()])
        m.d.comb += [
            source.i.payload.eq(self.i.payload), source.i.valid.eq(self.i.valid & loaded),
            self.i.ready.eq(source.i.ready & loaded),
        ]
        wiring.connect(m, output.o, wiring.flipped(self.o))
        return m


class Network(AxiStreamTop):
    """`golden.lstm.network.Network` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(NetworkCore(params, tensors), output_register=False)  # it ends in a queue
