"""A cyclic sparsely connected layer. Bits: `golden.sparse_conv.cyclic`."""

from amaranth.hdl import Cat, Mux, Signal, signed

from golden.sparse_conv.lists import cyclic_words
from hdl.axi import AxiStreamTop
from hdl.delay import delayed
from hdl.product import sum_of_products
from hdl.sparse_conv.ordered import OrderedCore, counter
from hdl.sparse_conv.requantiser import named
from hdl.store import Store

__all__ = ["Cyclic", "CyclicCore"]


class CyclicCore(OrderedCore):
    """``lanes`` filters side by side, each with one connection and one tap a cycle.

    Channels of neighbouring filters are neighbours: one from each memory, turned. Which turns there
    are hangs on the dilation; where it is a multiple of the lanes, none.

    **Latency and throughput**: `golden.sparse_conv.cyclic.Cyclic.cycles`; every lane multiplies in
    every cycle of a frame.

    Parameters
    ----------
    params : CyclicParams
    tensors : dict of int64 arrays as `golden.sparse_conv.convolution.shapes`
    """

    def __init__(self, params, tensors):
        self.weights = cyclic_words(params, tensors["weight"])
        super().__init__(params, tensors, many=params.requantisers)

    def _engine(self, m, running, begin, room, half):
        p, layer = self.params, self.params.layer
        kind, pool, stride = layer.kind, layer.pool, layer.stride
        right, last_right, next_right = counter(m, layer.kernel, "right")
        down, last_down, next_down = counter(m, layer.kernel, "down")
        _number, last_number, next_number = counter(m, p.fan_in, "connection")
        pooled, last_pooled, next_pooled = counter(m, pool**2, "pooled")
        block, last_block, next_block = counter(m, p.blocks, "block")
        column, last_column, next_column = counter(m, layer.out_width, "column")
        row, last_row, next_row = counter(m, layer.out_height, "row")
        address = Signal(range(max(2, len(self.weights))))
        start = Signal.like(address)           # of the block
        # The first lane's channel: its word, and how far beats must be turned.
        jump, rest = divmod(p.dilation, p.lanes)
        word, turn = Signal(range(max(2, p.blocks))), Signal(range(max(2, p.lanes)))
        fresh = Signal(init=1)                 # a block begins
        issue, block_ends = Signal(), Signal()
        m.d.comb += [
            issue.eq(running & (room | ~fresh | ~last_pooled)),
            block_ends.eq(last_right & last_down & last_number)]
        with m.If(issue):
            m.d.sync += [*next_right, fresh.eq(block_ends), address.eq(address + 1)]
            with m.If(last_right):
                m.d.sync += next_down
            with m.If(last_right & last_down):
                m.d.sync += next_number
                carry = Signal()
                moved = Signal(range(max(2, 2 * p.blocks + 1)))
                m.d.comb += [carry.eq(turn + rest >= p.lanes), moved.eq(word + jump + carry)]
                m.d.sync += [turn.eq(turn + rest - Mux(carry, p.lanes, 0)),
                             word.eq(Mux(moved >= p.blocks, moved - p.blocks, moved))]
            with m.If(block_ends):
                m.d.sync += [*next_pooled, address.eq(start), word.eq(block), turn.eq(0)]
                with m.If(last_pooled):
                    m.d.sync += [*next_block, address.eq(address + 1), start.eq(address + 1),
                                 word.eq(Mux(last_block, 0, block + 1))]
                    with m.If(last_block):
                        m.d.sync += [*next_column, address.eq(0), start.eq(0)]
                        with m.If(last_column):
                            m.d.sync += next_row
        finished = issue & block_ends & last_pooled & last_block & last_column & last_row

        # The pixel, and whether it is one or padding.
        tall = (layer.out_height * pool) * stride + layer.kernel
        wide = (layer.out_width * pool) * stride + layer.kernel
        y, x = Signal(signed(tall.bit_length() + 1)), Signal(signed(wide.bit_length() + 1))
        m.d.comb += [
            y.eq((row * pool + pooled[1:] if pool > 1 else row) * stride + down - layer.padding),
            x.eq((column * pool + pooled[0] if pool > 1 else column) * stride + right
                 - layer.padding)]
        inside = (y >= 0) & (y < layer.height) & (x >= 0) & (x < layer.width)
        here = delayed(m, named(m, inside, "inside"), 3, "inside_late")
        pixel = delayed(m, named(m, ((y * layer.width + x) * p.blocks + Mux(half, self.words, 0))[
            :len(self._memories[0].addr)], "pixel"), 1, "pixel_late")
        after = Mux(word == p.blocks - 1, 0, word + 1)
        words = [delayed(m, named(m, value, name), 1, f"{name}_late")
                 for name, value in (("word_now", word), ("word_after", after))]
        turned = delayed(m, named(m, turn, "turn_now"), 1, "turn_late")
        for n, port in enumerate(self._memories):
            m.d.comb += port.addr.eq(pixel + Mux(n < turned, words[1], words[0]))
        turned = delayed(m, turned, 2, "turn_later")
        codes = [delayed(m, port.data, 1, f"code_{n}") for n, port in enumerate(self._memories)]
        values = [Signal(codes[0].shape(), name=f"value_{n}") for n in range(p.lanes)]
        with m.Switch(turned):
            for by in sorted({n * p.dilation % p.lanes for n in range(p.fan_in)}):
                with m.Case(by):
                    m.d.sync += [value.eq(Mux(here, codes[(by + n) % p.lanes], 0))
                                 for n, value in enumerate(values)]

        coded = kind.encode(self.weights).tolist()
        m.submodules.weights = store = Store(
            p.lanes * kind.bits, len(coded),
            [sum(code << n * kind.bits for n, code in enumerate(entry)) for entry in coded])
        m.d.comb += store.address.eq(address)
        weights = delayed(m, store.word, 3, "weights")
        products = [delayed(m, named(m, sum_of_products(
            kind, [value.as_signed() if layer.input.signed else value],
            [weights.word_select(n, kind.bits)]), f"product_{n}"), 1, f"product_late_{n}")
            for n, value in enumerate(values)]
        flags = Cat(issue, issue & block_ends, pooled == 0, last_pooled, block)
        late = delayed(m, named(m, flags, "flags"), p.latency, "flags_late")
        return {"sums": self._accumulate(m, products, late[0], late[1]), "start": late[1],
                "first": late[2], "last": late[3], "row": late[4:],
                "issued": issue & fresh & last_pooled, "rest": 0, "finished": finished}


class Cyclic(AxiStreamTop):
    """`golden.sparse_conv.cyclic.Cyclic` as an AXI4-Stream top."""

    def __init__(self, params, tensors):
        super().__init__(CyclicCore(params, tensors), output_register=False)  # it ends in a queue
