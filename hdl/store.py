"""A synchronous memory of weights or tables: baked in, or loaded at run time."""

from amaranth.hdl import Module, ResetInserter, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.params import ceil_log2
from hdl.memory import NO_COLLISION, Loader

__all__ = ["Store", "index_width", "load_signature", "loadable", "stores"]


#: Memories of at least so many bits ask for block RAM.
BLOCK_BITS = 512


def index_width(count):
    """Bits of an index below ``count``; at least one, since other tools stumble over none."""
    return max(1, ceil_log2(count))


class Store(wiring.Component):
    """``depth`` words of ``width`` bits, read one cycle after the address.

    With ``words`` it is a memory with those initial contents and no write port; with None it has a
    write port, and must be loaded before it is read, since nothing depends on what a memory holds
    at power-up. The Verilog marks it as ``loaded``: it may then go to a memory with one port.

    Parameters
    ----------
    width, depth : int
    words : list of int, or None

    Members
    -------
    address, word : In, Out
    enable : In(1)
        Reads; else ``word`` stays. Need not be driven.
    write : In(1), write_address, write_word : In
        Only without ``words``.
    """

    def __init__(self, width, depth, words=None):
        self.width, self.depth, self.words = width, depth, words
        members = {"address": In(index_width(depth)), "enable": In(1, init=1), "word": Out(width)}
        if words is None:
            members |= {"write": In(1), "write_address": In(index_width(depth)),
                        "write_word": In(width)}
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        # Yosys would make logic of a small table; block RAM is what an FPGA has to spare.
        block = self.width * self.depth >= BLOCK_BITS
        m.submodules.memory = memory = Memory(
            shape=unsigned(self.width), depth=self.depth, init=self.words or [],
            attrs=NO_COLLISION | ({} if self.words else {"loaded": 1}) | (
                {"rom_style" if self.words else "ram_style": "block"} if block else {}))
        read = memory.read_port()
        m.d.comb += [read.addr.eq(self.address), read.en.eq(self.enable), self.word.eq(read.data)]
        if self.words is None:
            write = memory.write_port()
            m.d.comb += [write.en.eq(self.write), write.addr.eq(self.write_address),
                         write.data.eq(self.write_word)]
        return m


def stores(memories, store):
    """A `Store` for each of `golden.lstm.memories`; with ``store`` "load" they start empty."""
    return {name: Store(width, len(words), None if store == "load" else words)
            for name, (width, words) in memories.items()}


def load_signature():
    """The stream that an image comes in by."""
    return stream.Signature(
        data.StructLayout({"data": data.ArrayLayout(unsigned(32), 1), "last": 1}))


def loadable(m, body, w, filled):
    """Add ``body`` to ``m``, and a `Loader` that fills its stores ``filled``, in that order, from
    the stream ``w``; ``body`` is in reset until they are, so that it sees no unloaded word.

    Returns a signal: they are.
    """
    m.submodules.loader = loader = Loader([(store.width, store.depth) for store in filled])
    wiring.connect(m, wiring.flipped(w), loader.w)
    for index, store in enumerate(filled):
        m.d.comb += [store.write.eq(loader.write[index]),
                     store.write_address.eq(loader.address),
                     store.write_word.eq(loader.word(index))]
    m.submodules.body = ResetInserter(~loader.loaded)(body)
    return loader.loaded
