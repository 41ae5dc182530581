"""The top of a board: clock pin, PLL, reset, serial link, and the design as a Verilog module."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fpga.pll import Divided, Ice40Pll
from golden.link.params import SpiParams
from hdl.link.link import SpiTop, UartTop

__all__ = ["PINS", "BoardTop", "VerilogCore", "pll_instance"]

#: Link -> pins of a board's top that carry it -> (pin of the link's top, direction).
PINS = {"uart": {"uart_rx": ("rx", In), "uart_tx": ("tx", Out)},
        "spi": {"spi_sck": ("sck", In), "spi_cs": ("cs_n", In), "spi_copi": ("copi", In),
                "spi_cipo": ("cipo", Out)}}


class VerilogCore(wiring.Component):
    """A design's Verilog module with AXI4-Stream ports, as a component.

    The module is reset one cycle after the component, for a cycle at least, and neither takes nor
    gives anything in that cycle: so a `ResetInserter` around it, which reaches registers but not
    instances, resets the module as well.

    Parameters
    ----------
    module : str
    ports : iterable of (name, direction, width)
        As the module has them; ``clk`` and ``rst`` among them.

    Members
    -------
    The ports but for ``clk`` and ``rst``.
    """

    def __init__(self, module, ports):
        self.module = module
        super().__init__({name: (In if direction == "input" else Out)(width)
                          for name, direction, width in ports if name not in ("clk", "rst")})

    def elaborate(self, _platform):
        m = Module()
        cold = Signal(init=1)
        m.d.sync += cold.eq(0)
        connections = {"i_clk": ClockSignal(), "i_rst": cold}
        for name, member in self.signature.members.items():
            port = getattr(self, name)
            if not name.endswith(("_tvalid", "_tready")):
                connections[f"{'i' if member.flow is In else 'o'}_{name}"] = port
                continue
            inner = Signal(name=f"{name}_inner")
            if member.flow is In:
                m.d.comb += inner.eq(port & ~cold)
            else:
                m.d.comb += port.eq(inner & ~cold)
            connections[f"{'i' if member.flow is In else 'o'}_{name}"] = inner
        m.submodules.block = Instance(self.module, **connections)
        return m


def pll_instance(kind, pll, *, pin, clock, lock):
    """The primitive of a PLL with the dividers of `fpga.pll`, or the registers in its place.

    kind:  "PAD" (an iCE40's whose reference is its own pin), "CORE" (any other iCE40's), "ECP5"
    """
    if isinstance(pll, Divided):
        m = Module()
        count, started = Signal(max(4, pll.halvings), name="count"), Signal(name="started")
        m.domains.pin = ClockDomain(reset_less=True, local=True)
        m.d.comb += [ClockSignal("pin").eq(pin), lock.eq(started),
                     clock.eq(count[pll.halvings - 1] if pll.halvings else pin)]
        # 0 after configuration. A constant in its place would be one through the registers of the
        # reset, too: to Yosys these begin with anything, so with what they end with.
        m.d.pin += [count.eq(count + 1), started.eq(started | count.all())]
        return m
    if isinstance(pll, Ice40Pll):
        reference = {"PAD": "i_PACKAGEPIN", "CORE": "i_REFERENCECLK"}[kind]
        return Instance(
            f"SB_PLL40_{kind}", p_FEEDBACK_PATH="SIMPLE", p_DIVR=Const(pll.divr, 4),
            p_DIVF=Const(pll.divf, 7), p_DIVQ=Const(pll.divq, 3),
            p_FILTER_RANGE=Const(pll.filter_range, 3), i_RESETB=Const(1), i_BYPASS=Const(0),
            o_PLLOUTGLOBAL=clock, o_LOCK=lock, **{reference: pin})
    return Instance(
        "EHXPLLL", p_FEEDBK_PATH="CLKOP", p_CLKI_DIV=pll.clki_div, p_CLKFB_DIV=pll.clkfb_div,
        p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=pll.clkop_div,
        # In phase with the reference: half of the divider, as ecppll of Project Trellis sets it.
        p_CLKOP_CPHASE=pll.clkop_div // 2 - 1, p_CLKOP_FPHASE=0,
        i_CLKI=pin, i_CLKFB=clock, o_CLKOP=clock, o_LOCK=lock,
        i_RST=Const(0), i_STDBY=Const(0), i_PHASESEL0=Const(0), i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1), i_PHASESTEP=Const(1), i_PHASELOADREG=Const(1), i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0), a_FREQUENCY_PIN_CLKI=f"{pll.reference_hz / 1e6:g}",
        a_FREQUENCY_PIN_CLKOP=f"{pll.hz / 1e6:g}", a_ICP_CURRENT="12", a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2")


class BoardTop(wiring.Component):
    """A core behind a UART or SPI on a board: PLL, reset, link.

    Everything is reset until the PLL has locked, and for three cycles more; so it is again whenever
    the lock is lost. The registers that see to it are 0 after configuration, as an iCE40's and an
    ECP5's are.

    For simulation ``fpga/pll_models.v`` takes the place of the PLL: the clock pin then is the
    design's clock.

    Parameters
    ----------
    kind : str
        As for `pll_instance`.
    pll : Ice40Pll or Ecp5Pll
    line : golden.link.params.UartParams or golden.link.params.SpiParams
    link : golden.link.params.LinkParams
        Both with the PLL's clock.
    core : wiring.Component

    Members
    -------
    clk : In(1)
    uart_rx : In(1); uart_tx : Out(1)
        With a UART.
    spi_sck, spi_cs, spi_copi : In(1); spi_cipo : Out(1)
        With SPI; ``spi_cs`` is low while the board is selected.
    """

    def __init__(self, kind, pll, line, link, core):
        if round(pll.hz) != link.clock:
            raise ValueError(f"Link clock must be the PLL's, {round(pll.hz)} Hz, not {link.clock}")
        self.kind, self.pll = kind, pll
        if isinstance(line, SpiParams):
            self.name, self.link = "spi", SpiTop(link, core)
        else:
            self.name, self.link = "uart", UartTop(link, line, core)
        self.pins = PINS[self.name]
        super().__init__({"clk": In(1), **{name: flow(1) for name, (_, flow) in self.pins.items()}})

    def elaborate(self, _platform):
        m = Module()
        clock, lock, locked = Signal(name="core_clk"), Signal(name="lock"), Signal(3)
        m.submodules.pll = pll_instance(self.kind, self.pll, pin=self.clk, clock=clock, lock=lock)
        # The same clock twice: the registers that make the reset must not be reset by it.
        m.domains.start = start = ClockDomain(reset_less=True, local=True)
        m.domains.sync = sync = ClockDomain(local=True)
        start.clk = sync.clk = clock
        m.d.start += locked.eq(Cat(lock, locked))
        m.d.comb += sync.rst.eq(~locked[2])
        m.submodules[self.name] = link = self.link
        for name, (inner, flow) in self.pins.items():
            outer, pin = getattr(self, name), getattr(link, inner)
            m.d.comb += pin.eq(outer) if flow is In else outer.eq(pin)
        return m
