"""Dividers of the PLLs for a wished frequency, within the limits of the data sheets; and below
those of an iCE40's, registers that divide the clock pin."""

from dataclasses import dataclass

__all__ = ["Divided", "Ecp5Pll", "Ice40Pll", "dividers"]

MHZ = 10**6


@dataclass(frozen=True)
class Ice40Pll:
    """SB_PLL40 in simple feedback: out = reference (DIVF + 1) / ((DIVR + 1) 2^DIVQ)."""

    reference_hz: int
    divr: int
    divf: int
    divq: int

    #: FPGA-DS-02029 and FPGA-DS-02008, table of the PLL: reference and phase detector 10..133 MHz,
    #: oscillator 533..1066 MHz, output 16..275 MHz.
    RANGE = (16 * MHZ, 275 * MHZ)

    @property
    def hz(self):
        return self.reference_hz * (self.divf + 1) / ((self.divr + 1) << self.divq)

    @property
    def filter_range(self):
        """The loop filter by the phase detector's frequency, as icepll has it."""
        phase = self.reference_hz / (self.divr + 1)
        limits = (17, 26, 44, 66, 101, 133)
        return 1 + next(n for n, limit in enumerate(limits) if phase <= limit * MHZ)

    @classmethod
    def all(cls, reference_hz):
        """Every setting within the limits."""
        for divr in range(16):
            if not 10 * MHZ <= reference_hz / (divr + 1) <= 133 * MHZ:
                continue
            for divf in range(128):
                oscillator = reference_hz * (divf + 1) / (divr + 1)
                if not 533 * MHZ <= oscillator <= 1066 * MHZ:
                    continue
                for divq in range(1, 7):
                    if cls.RANGE[0] <= oscillator / (1 << divq) <= cls.RANGE[1]:
                        yield cls(reference_hz, divr, divf, divq)


@dataclass(frozen=True)
class Ecp5Pll:
    """EHXPLLL with its feedback from CLKOP: out = reference CLKFB_DIV / CLKI_DIV."""

    reference_hz: int
    clki_div: int
    clkfb_div: int
    clkop_div: int

    #: FPGA-DS-02012, sysCLOCK PLL timing: reference 8..400 MHz, phase detector 10..400 MHz,
    #: oscillator 400..800 MHz, output 3.125..400 MHz.
    RANGE = (int(3.125 * MHZ), 400 * MHZ)

    @property
    def hz(self):
        return self.reference_hz * self.clkfb_div / self.clki_div

    @classmethod
    def all(cls, reference_hz):
        for clki_div in range(1, 129):
            if reference_hz / clki_div < 10 * MHZ:
                break
            for clkfb_div in range(1, 129):
                out = reference_hz * clkfb_div / clki_div
                if not cls.RANGE[0] <= out <= cls.RANGE[1]:
                    continue
                # The middle of the oscillator's range, as Lattice's own tools choose it.
                clkop_div = min(range(1, 129), key=lambda n: abs(out * n - 600 * MHZ))
                if 400 * MHZ <= out * clkop_div <= 800 * MHZ:
                    yield cls(reference_hz, clki_div, clkfb_div, clkop_div)


@dataclass(frozen=True)
class Divided:
    """No PLL: the clock pin through so many registers, each of which halves it."""

    reference_hz: int
    halvings: int

    @property
    def hz(self):
        return self.reference_hz / (1 << self.halvings)

    @classmethod
    def all(cls, reference_hz):
        return (cls(reference_hz, halvings) for halvings in range(7))


def dividers(family, reference_hz, hz):
    """The setting of a family's PLL whose output is nearest to ``hz``, fewest divisions first.

    An iCE40's PLL does not go below 16 MHz: for less it is a `Divided` in its place, which gives at
    most the clock pin's frequency.

    family: "ice40" or "ecp5"

    Errors: ValueError for a frequency that the PLL does not make, with what it does.
    """
    kind = {"ice40": Ice40Pll, "ecp5": Ecp5Pll}[family]
    if kind is Ice40Pll and 0 < hz < kind.RANGE[0] and hz <= reference_hz:
        return min(Divided.all(reference_hz), key=lambda made: abs(made.hz - hz))
    low, high = kind.RANGE
    if not low <= hz <= high:
        raise ValueError(f"Frequency must be between {low / MHZ:g} and {high / MHZ:g} MHz, "
                         f"the range of the {family} PLL, not {hz / MHZ:g} MHz")
    # Ties: the smallest input divider first, so the phase detector is as fast as it can be.
    return min(kind.all(reference_hz), key=lambda pll: abs(pll.hz - hz))
