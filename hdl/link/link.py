"""A core behind packets: requests in, answers out. Bytes: `golden.link.link`."""

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.link.core import ByteCore
from hdl.link.dispatcher import Dispatcher
from hdl.link.packet import PacketReceiver, PacketSender
from hdl.link.spi import SpiPeripheral
from hdl.link.uart import LINE_BYTE, UartReceiver, UartTransmitter

__all__ = ["Link", "SpiTop", "UartTop"]


class Link(wiring.Component):
    """Takes packets from a line, feeds frames to ``core``, and answers.

    One packet is worked on at a time; what comes meanwhile waits in the packet FIFO. Nothing of a
    packet reaches the core before all of it is known to be whole and right.

    The core is any component with AXI4-Stream ports as `hdl.axi.AxiStreamTop` has them. It is reset
    by a `Kind.RESET`, together with all of the link but the line.

    **Latency** from a request's closing flag to the first byte of a frame at ``s_axis``: 38 cycles,
    and one for each byte of a beat; from the core's first beat to the answer's opening flag on
    offer: 2 cycles. **Throughput** towards the core a byte a cycle; answers as fast as the line.
    **Back-pressure** of the line holds the core's output; the core's holds the packet FIFO, which
    then fills. With ``params.queued`` whole frames and answers wait in queues beside the core,
    which sees a source that is always valid and a sink that is always ready.

    Parameters
    ----------
    params : golden.link.params.LinkParams
    core : wiring.Component

    Members
    -------
    rx : In, stream of `hdl.link.uart.LINE_BYTE`, always ready
    tx : Out, stream of 8 bits
    """

    def __init__(self, params, core):
        for port, size in (("s_axis", params.input_bytes), ("m_axis", params.output_bytes),
                           ("s_axis_w", params.load_bytes)):
            has = len(getattr(core, f"{port}_tdata", ())) // 8
            if size != has:
                raise ValueError(f"Link {port} must have {has} bytes as the core's has, not {size}")
        self.params, self.core = params, ByteCore(params, core)
        super().__init__({"rx": In(stream.Signature(LINE_BYTE, always_ready=True)),
                          "tx": Out(stream.Signature(8))})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.receiver = receiver = PacketReceiver(self.params.depth)
        m.submodules.dispatcher = dispatcher = ResetInserter(receiver.reset)(
            Dispatcher(self.params, self.core))
        m.submodules.sender = sender = ResetInserter(receiver.reset)(PacketSender())
        wiring.connect(m, wiring.flipped(self.rx), receiver.i)
        wiring.connect(m, receiver.o, dispatcher.i)
        wiring.connect(m, dispatcher.o, sender.i)
        wiring.connect(m, sender.o, wiring.flipped(self.tx))
        return m


class UartTop(wiring.Component):
    """``core`` behind a UART: a `Link`, and pins.

    Parameters
    ----------
    params : golden.link.params.LinkParams
    uart : golden.link.params.UartParams
        Of the same clock.
    core : wiring.Component

    Members
    -------
    rx : In(1)
    tx : Out(1)
    """

    def __init__(self, params, uart, core):
        if uart.clock != params.clock:
            raise ValueError(f"UART clock must be the link's, {params.clock} Hz, not {uart.clock}")
        self.uart, self.link = uart, Link(params, core)
        super().__init__({"rx": In(1), "tx": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.receiver = receiver = UartReceiver(self.uart)
        m.submodules.transmitter = transmitter = UartTransmitter(self.uart)
        wiring.connect(m, receiver.o, link.rx)
        wiring.connect(m, link.tx, transmitter.i)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        return m


class SpiTop(wiring.Component):
    """``core`` behind an SPI peripheral: a `Link`, and pins.

    Parameters
    ----------
    params : golden.link.params.LinkParams
    core : wiring.Component

    Members
    -------
    sck, cs_n, copi : In(1); cipo : Out(1)
    """

    def __init__(self, params, core):
        self.link = Link(params, core)
        super().__init__({"sck": In(1), "cs_n": In(1), "copi": In(1), "cipo": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.spi = spi = SpiPeripheral()
        wiring.connect(m, spi.o, link.rx)
        wiring.connect(m, link.tx, spi.i)
        m.d.comb += [spi.sck.eq(self.sck), spi.cs_n.eq(self.cs_n), spi.copi.eq(self.copi),
                     self.cipo.eq(spi.cipo)]
        return m
