"""An SPI peripheral, mode 0, most significant bit first. Rates: `golden.link.params.SpiParams`."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from golden.link.packet import FILL
from hdl.link.uart import LINE_BYTE

__all__ = ["SpiPeripheral"]


class SpiPeripheral(wiring.Component):
    """Bytes both ways at once, at the controller's pace; the pins are sampled by the clock.

    While there is nothing to send it sends `golden.link.packet.FILL`; so must the controller while
    it only reads. A byte whose eighth bit the controller did not clock out is sent again.

    **Latency** a byte is given 4 cycles after its last rising edge; ``cipo`` follows a falling edge
    by 4 cycles, so ``sck`` is at most an eighth of the clock, and ``cs_n`` falls at least 4 cycles
    before the first edge. **Throughput** a byte in eight periods of ``sck``. **Back-pressure**
    ``i.ready`` is high for one cycle at the end of each byte that was sent; none on ``o``.

    Members
    -------
    sck, cs_n, copi : In(1); cipo : Out(1)
        The pins. ``cipo`` is 0 while ``cs_n`` is high; a shared line needs a driver that lets go.
    i : In, stream of 8 bits
    o : Out, stream of `hdl.link.uart.LINE_BYTE`, always ready
        ``valid`` is high for one cycle; never ``broken``.
    """

    def __init__(self):
        super().__init__({
            "sck": In(1), "cs_n": In(1), "copi": In(1), "cipo": Out(1),
            "i": In(stream.Signature(8)), "o": Out(stream.Signature(LINE_BYTE, always_ready=True))})

    def elaborate(self, _platform):
        m = Module()
        sck = Signal()
        idle = Signal(init=1)
        copi = Signal()
        m.submodules.sck = FFSynchronizer(self.sck, sck)
        m.submodules.cs_n = FFSynchronizer(self.cs_n, idle, init=1)
        m.submodules.copi = FFSynchronizer(self.copi, copi)
        before = Signal()       # sck, a cycle ago
        rising = Signal()
        falling = Signal()
        count = Signal(3)       # bits that came
        begin = Signal(init=1)  # a byte begins
        real = Signal()         # what is sent comes from ``i``
        received = Signal(8, reset_less=True)
        sending = Signal(8)
        m.d.sync += [before.eq(sck), self.o.valid.eq(0)]
        m.d.comb += [rising.eq(sck & ~before), falling.eq(~sck & before),
                     self.o.payload.data.eq(received), self.cipo.eq(sending[7])]
        with m.If(idle):
            m.d.sync += [count.eq(0), begin.eq(1), sending.eq(0)]
        with m.Else():
            with m.If(begin & ~sck):
                m.d.sync += [sending.eq(Mux(self.i.valid, self.i.payload, FILL)),
                             real.eq(self.i.valid), begin.eq(0)]
            with m.Elif(falling):
                m.d.sync += sending.eq(Cat(0, sending)[:8])
            with m.If(rising):
                m.d.sync += [received.eq(Cat(copi, received)[:8]), count.eq(count + 1)]
                with m.If(count == 7):
                    m.d.sync += [self.o.valid.eq(1), begin.eq(1)]
                    m.d.comb += self.i.ready.eq(real)
        return m
