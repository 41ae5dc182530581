"""A UART, 8N1. Rates: `golden.link.params.UartParams`."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["LINE_BYTE", "UartReceiver", "UartTransmitter"]

#: A byte from a line; ``broken``: it came without its stop bit.
LINE_BYTE = data.StructLayout({"data": 8, "broken": 1})


class UartReceiver(wiring.Component):
    """Samples each bit once, in its middle; two registers keep the pin's timing out.

    A start bit that is over before its middle is a glitch, and is forgotten. After a ``broken``
    byte (a break, or another baud rate) nothing is taken before the line is high again.

    **Latency** a byte is given in the middle of its stop bit, 4 cycles later. **Throughput** a byte
    in ten bit times, back to back. **Back-pressure** none.

    Parameters
    ----------
    params : golden.link.params.UartParams

    Members
    -------
    rx : In(1)
        The pin.
    o : Out, stream of `LINE_BYTE`, always ready
        ``valid`` is high for one cycle.
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"rx": In(1), "o": Out(stream.Signature(LINE_BYTE, always_ready=True))})

    def elaborate(self, _platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, rx, init=1)
        bits = self.params.phase_bits
        # Loaded whenever idle, so it needs no reset; with one the bits that are loaded with 1 would
        # take another reset than the others, which breaks the carry chain of an iCE40.
        phase, busy, waiting = Signal(bits, reset_less=True), Signal(), Signal()
        # The bits come in from the top; the one that is set at first leaves with the stop bit.
        shift = Signal(10, init=1 << 9)
        tick = Signal()
        m.d.comb += [self.o.payload.data.eq(shift[1:]), self.o.payload.broken.eq(~shift[9])]
        m.d.sync += self.o.valid.eq(busy & tick & shift[0])
        with m.If(busy):
            m.d.sync += Cat(phase, tick).eq(phase + self.params.step)
        with m.Else():
            # The first sample is half a bit after the edge, which is seen a cycle late.
            m.d.sync += [phase.eq((1 << (bits - 1)) + self.params.step), tick.eq(0)]
        with m.If(tick):
            m.d.sync += shift.eq(Cat(shift[1:], rx))
        with m.If(~busy):
            m.d.sync += shift.eq(shift.init)
        with m.If(busy & tick & shift[0]):
            m.d.sync += [busy.eq(0), waiting.eq(~rx)]
        with m.If(busy & tick & ~shift[:9].any()):
            m.d.sync += busy.eq(~rx)
        with m.If(rx):
            m.d.sync += waiting.eq(0)
        with m.If(~busy & ~waiting & ~rx):
            m.d.sync += busy.eq(1)
        return m


class UartTransmitter(wiring.Component):
    """Sends bytes; the pin is a register.

    **Latency** up to a bit time, because bits follow an accumulator that never stops, then ten bit
    times for the byte. **Throughput** a byte in ten bit times. **Back-pressure** ``i.ready`` is
    high for one cycle at the end of each stop bit.

    Parameters
    ----------
    params : golden.link.params.UartParams

    Members
    -------
    i : In, stream of 8 bits
    tx : Out(1)
        The pin.
    """

    def __init__(self, params):
        self.params = params
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        phase, tick = Signal(self.params.phase_bits), Signal()
        # Start bit, data, stop bit; zeros follow, so the stop bit alone is what stays.
        shift = Signal(10, init=1)
        m.d.sync += Cat(phase, tick).eq(phase + self.params.step)
        m.d.comb += [self.tx.eq(shift[0]), self.i.ready.eq(tick & ~shift[1:].any())]
        with m.If(self.i.ready):
            m.d.sync += shift.eq(Mux(self.i.valid, Cat(0, self.i.payload, 1), 1))
        with m.Elif(tick):
            m.d.sync += shift.eq(shift[1:])
        return m
