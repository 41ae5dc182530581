"""The boards: device, clock and pins, as amaranth-boards has them, and what each device holds.

Pins and clocks are read from the platform classes of amaranth-boards (data; nothing of them runs).
What a device holds stands here, in one table, with its source.
"""

import importlib
from dataclasses import dataclass
from functools import cached_property

from golden.check import require_choice

__all__ = ["BOARDS", "DEVICES", "FAMILIES", "Board", "Device", "Family", "Pin"]


@dataclass(frozen=True)
class Family:
    """What all devices of a family have in common.

    synth:    pass of Yosys
    route, pack: programs of `fpga.tools`
    pins:     ending of the file of pin constraints; image: of the bitstream
    models:   Verilog models of the cells, in Yosys' share folder
    shapes:   (words, width) that one block RAM can be
    """

    name: str
    synth: str
    route: str
    pack: str
    pins: str
    routed: str
    image: str
    models: tuple
    shapes: tuple


FAMILIES = {
    # FPGA-TN-02002 (Memory Usage Guide for iCE40 Devices): 4 Kbit, both ports of the same shape.
    "ice40": Family("ice40", "synth_ice40", "nextpnr-ice40", "icepack", "pcf", "asc", "bin",
                    ("ice40/cells_sim.v",), ((256, 16), (512, 8), (1024, 4), (2048, 2))),
    # FPGA-TN-02204 (ECP5 Memory Usage Guide): 18 Kbit; 36 bits wide only with one port each way.
    "ecp5": Family("ecp5", "synth_ecp5", "nextpnr-ecp5", "ecppack", "lpf", "config", "bit",
                   ("ecp5/cells_sim.v", "ecp5/cells_bb.v"),
                   ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))),
}


@dataclass(frozen=True)
class Device:
    """What a device holds: logic cells (``LUT4``), flip-flops (``FF``), block RAMs (``RAM``),
    SPRAMs of 256 Kbit (``SPRAM``), multipliers (``DSP``: SB_MAC16, MULT18X18D), PLLs.

    option: what nextpnr calls it; model: definitions that Yosys' cell models want
    dsp:    whether synthesis may take multipliers
    mhz:    a clock that designs reach on it without care: the target when none is given
    """

    family: Family
    option: str
    mhz: float
    LUT4: int
    FF: int
    RAM: int
    SPRAM: int
    DSP: int
    PLL: int
    model: tuple = ()

    @property
    def capacity(self):
        """Name -> how many; those that it has."""
        return {name: getattr(self, name) for name in ("LUT4", "FF", "RAM", "SPRAM", "DSP", "PLL")
                if getattr(self, name)}


_ICE40, _ECP5 = FAMILIES["ice40"], FAMILIES["ecp5"]
#: Lattice's data sheets: iCE40 UltraPlus FPGA-DS-02008, iCE40 LP/HX FPGA-DS-02029, ECP5
#: FPGA-DS-02012 (table of the family). An iCE40 logic cell is one LUT4 and one flip-flop. nextpnr
#: 0.11.1 prints the same numbers, but for the LFE5U-12F: it lets a design have all of the 25F,
#: which is the same die; Lattice only promises half of it, and so do we.
DEVICES = {
    "iCE40UP5K": Device(_ICE40, "--up5k", 20, 5280, 5280, 30, 4, 8, 1, ("ICE40_U",)),
    "iCE40HX8K": Device(_ICE40, "--hx8k", 48, 7680, 7680, 32, 0, 0, 2, ("ICE40_HX",)),
    "LFE5U-12F": Device(_ECP5, "--12k", 50, 12144, 12144, 32, 0, 28, 2),
    "LFE5U-25F": Device(_ECP5, "--25k", 50, 24288, 24288, 56, 0, 28, 2),
    "LFE5U-45F": Device(_ECP5, "--45k", 50, 43848, 43848, 108, 0, 72, 4),
    "LFE5U-85F": Device(_ECP5, "--85k", 50, 83640, 83640, 208, 0, 156, 4),
}


@dataclass(frozen=True)
class Pin:
    """A pin of the package: its name, direction (i, o) and attributes (IO_TYPE and so on)."""

    site: str
    direction: str
    attributes: tuple


@dataclass(frozen=True)
class Board:
    """A board by the name of its class in amaranth-boards.

    platform: ``module:class``
    spi:      connector and its pins for SPI, as (CS, COPI, CIPO, SCK)
    pll:      which one: see `fpga.top.pll_instance`
    uart:     connector and its pins for a UART, as (RX, TX), of a board that has none by itself
    """

    name: str
    title: str
    platform: str
    spi: tuple
    pll: str = "ECP5"
    uart: tuple = ()

    @cached_property
    def _class(self):
        module, _, name = self.platform.partition(":")
        return getattr(importlib.import_module(f"amaranth_boards.{module}"), name)

    @property
    def part(self):
        return self._class.device

    @property
    def device(self):
        return DEVICES[self.part]

    @property
    def package(self):
        """As nextpnr calls it."""
        names = {"BG256": "CABGA256", "BG381": "CABGA381",
                 "MG285": "CSFBGA285"}
        return names.get(self._class.package, self._class.package.lower())

    @property
    def options(self):
        """nextpnr's options for the device."""
        speed = getattr(self._class, "speed", None)
        return (self.device.option, "--package", self.package,
                *(("--speed", speed) if speed else ()))

    @property
    def clock_hz(self):
        return int(self._resource(self._class.default_clk).clock.frequency)

    @property
    def pins(self):
        """Name of a port of the board's top -> `Pin`: clk, uart_rx, uart_tx, spi_cs, ..."""
        clock = self._resource(self._class.default_clk)
        found = {"clk": _pin(clock.ios[0], clock.attrs)}
        if not self.uart:
            uart = self._resource("uart")
            found |= {f"uart_{line.name}": _pin(line.ios[0], uart.attrs)
                      for line in uart.ios if line.name in ("rx", "tx")}
        level = tuple((key, value) for key, value in found.get("uart_rx", found["clk"]).attributes
                      if key in ("IO_STANDARD", "IO_TYPE"))
        for kind, wired, names in (("uart", self.uart, ("rx", "tx")),
                                   ("spi", self.spi, ("cs", "copi", "cipo", "sck"))):
            connector, *pins = wired or ("",)
            mapping = next((c.mapping for c in self._class.connectors
                            if f"{c.name}_{c.number}" == connector), {})
            found |= {f"{kind}_{name}": Pin(mapping[pin], "o" if name in ("tx", "cipo") else "i",
                                            level)
                      for name, pin in zip(names, pins, strict=False)}
        return found

    def _resource(self, name):
        return next(r for r in self._class.resources if (r.name, r.number) == (name, 0))

    def constraints(self, ports):
        """The file of pin constraints for ``ports`` of the board's top (names in `pins`)."""
        for port in ports:
            require_choice("Port", port, self.pins)
        mhz = self.clock_hz / 1e6
        if self.device.family is _ICE40:
            lines = [f"set_io {'-pullup yes ' if ('PULLUP', 1) in pin.attributes else ''}"
                     f"{port} {pin.site}" for port, pin in self._sites(ports)]
            return "\n".join([*lines, f"set_frequency clk {mhz:g}", ""])
        lines = []
        for port, pin in self._sites(ports):
            lines.append(f'LOCATE COMP "{port}" SITE "{pin.site}";')
            settings = " ".join(f"{key}={value}" for key, value in pin.attributes)
            lines.append(f'IOBUF PORT "{port}" {settings};')
        return "\n".join([*lines, f'FREQUENCY PORT "clk" {mhz:g} MHZ;', ""])

    def _sites(self, ports):
        return [(port, self.pins[port]) for port in ports]


def _pin(pins, attributes):
    (site,) = pins.names
    return Pin(site, pins.dir, tuple((key, value) for key, value in attributes.items()
                                     if key != "GLOBAL"))


BOARDS = {board.name: board for board in (
    Board("icebreaker", "iCEBreaker", "icebreaker:ICEBreakerPlatform",
          ("pmod_0", "1", "2", "3", "4"), "PAD"),
    Board("hx8k", "iCE40-HX8K breakout", "ice40_hx8k_b_evn:ICE40HX8KBEVNPlatform",
          ("j_2", "5", "6", "9", "10"), "CORE"),
    Board("ulx3s-12f", "ULX3S 12F", "ulx3s:ULX3S_12F_Platform", ("gpio_0", "0+", "0-", "1+", "1-")),
    Board("ulx3s-25f", "ULX3S 25F", "ulx3s:ULX3S_25F_Platform", ("gpio_0", "0+", "0-", "1+", "1-")),
    Board("ulx3s-45f", "ULX3S 45F", "ulx3s:ULX3S_45F_Platform", ("gpio_0", "0+", "0-", "1+", "1-")),
    Board("ulx3s-85f", "ULX3S 85F", "ulx3s:ULX3S_85F_Platform", ("gpio_0", "0+", "0-", "1+", "1-")),
    Board("colorlight-5a-75b", "ColorLight 5A-75B (R7.0)",
          "colorlight_5a75b_r7_0:Colorlight_5A75B_R70Platform", ("j_1", "1", "2", "3", "5")),
    # The names of its header are those of the Feather boards whose shape it has.
    Board("orangecrab-25f", "OrangeCrab 25F (r0.2)", "orangecrab_r0_2:OrangeCrabR0_2_25FPlatform",
          ("io_0", "5", "copi", "cipo", "sck"), uart=("io_0", "0", "1")),
    Board("orangecrab-85f", "OrangeCrab 85F (r0.2)", "orangecrab_r0_2:OrangeCrabR0_2_85FPlatform",
          ("io_0", "5", "copi", "cipo", "sck"), uart=("io_0", "0", "1")),
)}
