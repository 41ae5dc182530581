"""A fully connected layer masked by shift registers. Bits: `golden.sparse_conv.masked`."""

import numpy as np
from amaranth.hdl import Cat, Mux, ResetInserter, Signal, unsigned
from amaranth.lib.memory import Memory

from golden.sparse_conv.lists import first_states, masked_words
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.lfsr import Lfsr
from hdl.product import sum_of_products
from hdl.sparse_conv.ordered import OrderedCore, counter
from hdl.sparse_conv.requantiser import named

__all__ = ["Masked", "MaskedCore"]


class MaskedCore(OrderedCore):
    """``lanes`` neurons side by side; each takes every input, and multiplies those that its shift
    register keeps by the next of its weights.

    **Latency and throughput**: `golden.sparse_conv.masked.Masked.cycles`: an input a cycle, kept or
    not. The mask saves memory and multiplications, not time.

    Parameters
    ----------
    params : MaskedParams
    tensors : dict of int64 arrays as `golden.sparse_conv.convolution.shapes`
    """

    def __init__(self, params, tensors):
        self.weights = masked_words(params, tensors["weight"])
        super().__init__(params, tensors, many=1)

    def _engine(self, m, running, begin, room, half):
        p, layer = self.params, self.params.layer
        kind = layer.kind
        number, last_number, next_number = counter(m, layer.channels, "input_number")
        block, last_block, next_block = counter(m, p.blocks, "block")
        issue = Signal()
        m.d.comb += issue.eq(running & (room | (number != 0)))
        with m.If(issue):
            m.d.sync += next_number
            with m.If(last_number):
                m.d.sync += next_block
        port, = self._memories
        m.d.comb += port.addr.eq(number + Mux(half, self.words, 0))
        value = port.data.as_signed() if layer.input.signed else port.data

        going, began = delayed(m, issue, 1, "going"), delayed(m, begin, 1, "began")
        products, changes = [], []
        for lane, (seed, weights) in enumerate(zip(first_states(p), self.weights, strict=True)):
            register = Lfsr(p.register, seed, p.steps)
            m.submodules[f"register_{lane}"] = ResetInserter(begin)(register)
            keep = Signal(name=f"keep_{lane}")
            m.d.comb += [register.enable.eq(going), keep.eq(going & (register.value < p.threshold))]
            # The weight that is next stands at the memory's output.
            codes = [*kind.encode(np.array(weights, np.int64)).tolist(), 0]
            memory = Memory(shape=unsigned(kind.bits), depth=len(codes), init=codes)
            m.submodules[f"weights_{lane}"] = memory
            read = memory.read_port()
            at = Signal(range(max(2, len(codes))), name=f"at_{lane}")
            m.d.comb += [read.addr.eq(at + keep), read.en.eq(keep | began)]
            with m.If(keep | begin):
                m.d.sync += at.eq(Mux(begin, 0, at + keep))
            # Nothing of a lane changes while its inputs are not kept, so that none of it costs
            # energy: factors stay, and their product is registered once, then 0.
            operand = Signal.like(value, name=f"operand_{lane}", reset_less=True)
            weight = Signal(kind.bits, name=f"weight_{lane}", reset_less=True)
            with m.If(keep):
                m.d.sync += [operand.eq(value), weight.eq(read.data)]
            kept = delayed(m, keep, 1, f"kept_{lane}")
            changed = Signal(init=1, name=f"changed_{lane}")   # what stands before a reset goes
            m.d.sync += changed.eq(kept)
            product = named(m, sum_of_products(kind, [operand], [weight]), f"product_{lane}")
            term = Signal.like(product, name=f"product_late_{lane}", reset_less=True)
            with m.If(kept | changed):
                m.d.sync += term.eq(Mux(kept, product, 0))
            products.append(term)
            changes.append(changed)
        flags = Cat(issue, issue & last_number, block)
        late = delayed(m, named(m, flags, "flags"), p.latency, "flags_late")
        return {"sums": self._accumulate(m, products, late[0], late[1], changes), "start": late[1],
                "first": 1, "last": 1, "row": late[2:], "issued": issue & (number == 0),
                "rest": last_block, "finished": issue & last_number & last_block}


class Masked(AxiStreamTop):
    """`golden.sparse_conv.masked.Masked` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(MaskedCore(params, tensors), output_register=False)  # it ends in a queue
