"""A convolution driven by its non-zero activations. Bits and cycles: `golden.sparse_conv.nullhop`.
"""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.sparse_conv.nullhop_memories import memories
from hdl.axi import AxiStreamTop
from hdl.frame import input_layout
from hdl.memory import NO_COLLISION
from hdl.sparse_conv.nullhop_controller import Controller
from hdl.sparse_conv.nullhop_loader import Loader
from hdl.sparse_conv.nullhop_output import Encoder, Output, beat_layout
from hdl.store import Store, load_signature, loadable

__all__ = ["Core", "Nullhop"]


class Core(wiring.Component):
    """Loader, controllers, output and encoder side by side: one image comes in, while one is worked
    on and one leaves.

    **Latency** and **throughput**: `golden.sparse_conv.nullhop_cycles`. **Back-pressure**: a frame
    waits while two images are stored; all others, see the parts.

    A frame that is wrong (see `Loader`) is answered by one beat with ``error``, after the answers
    to all before it, and the next one is right.

    Parameters
    ----------
    p : golden.sparse_conv.nullhop_params.NullhopParams
    tensors : dict

    Members
    -------
    i, o : In, Out, streams of words
    w : In, the stream of an image
        Only with store "load": before the first frame; everything is in reset until it is there.
    """

    def __init__(self, p, tensors):
        self.p = p
        self.stores = [Store(width, len(words), words if p.store == "rom" else None)
                       for width, words in memories(p, tensors)]
        members = {"i": In(stream.Signature(input_layout(unsigned(p.word), p.beat))),
                   "o": Out(stream.Signature(beat_layout(p)))}
        if p.store == "load":
            members["w"] = In(load_signature())
        super().__init__(members)

    def elaborate(self, _platform):
        top = m = Module()
        p, loaded = self.p, 1
        if p.store == "load":
            m = Module()
            loaded = loadable(top, m, self.w, self.stores)
        controllers = [Controller(p, c, bank) for c, bank in enumerate(self.stores[:p.active])]
        m.submodules.loader = loader = Loader(p)
        m.submodules.output = output = Output(p, self.stores[p.active:],
                                              [c.macs.width for c in controllers])
        m.submodules.encoder = encoder = Encoder(p, output.depth)
        for c, controller in enumerate(controllers):
            m.submodules[f"controller_{c}"] = controller
            m.d.comb += [controller.store.eq(loader.store), controller.loaded.eq(loader.loaded),
                         controller.row.eq(output.row), controller.word.eq(output.word),
                         controller.release.eq(output.release),
                         getattr(output.sums, f"controller_{c}").eq(controller.sums)]
        m.d.comb += [loader.full.eq(Cat(c.full for c in controllers).any()),
                     loader.over.eq(Cat(c.over for c in controllers).any()),
                     output.ready.eq(Cat(c.ready for c in controllers).all())]
        m.submodules.lines = lines = Memory(
            shape=unsigned(p.layer.output.width * p.lanes), depth=2 * output.depth, init=[],
            attrs=NO_COLLISION)
        put, get = lines.write_port(), lines.read_port()
        # Images between the loader and the last word: stored, in the accumulators, in lines.
        inside = Signal(range(p.columns + 8))
        m.d.sync += inside.eq(inside + loader.loaded - encoder.sent)
        m.d.comb += [
            put.en.eq(output.write), put.addr.eq(output.address),
            put.data.eq(output.values.as_value()), get.addr.eq(encoder.address),
            encoder.values.as_value().eq(get.data), encoder.full.eq(output.full),
            output.freed.eq(encoder.freed), encoder.error.eq(loader.wrong & (inside == 0)),
            loader.answered.eq(encoder.answered)]
        m.d.comb += [loader.i.payload.eq(self.i.payload), loader.i.valid.eq(self.i.valid & loaded),
                     self.i.ready.eq(loader.i.ready & loaded)]
        wiring.connect(m, encoder.o, wiring.flipped(self.o))
        return top


class Nullhop(AxiStreamTop):
    """``sparse_conv.nullhop`` with AXI4-Stream ports: `Core`, whose outputs are registers.

    Parameters
    ----------
    params : golden.sparse_conv.nullhop_params.NullhopParams
    tensors : dict
        Of `golden.sparse_conv.nullhop.Nullhop`.
    """

    def __init__(self, params, tensors):
        super().__init__(Core(params, tensors), output_register=False)
