"""The dividers against the laws of the PLLs, and against what nobody can make."""

import pytest

from fpga.pll import Divided, Ecp5Pll, Ice40Pll, dividers

MHZ = 10**6


@pytest.mark.parametrize("mhz, expected", [
    # What icepll of Project IceStorm gives for 12 MHz: DIVR, DIVF, DIVQ, FILTER_RANGE.
    (24, (0, 63, 5, 1)), (48, (0, 63, 4, 1)), (60, (0, 79, 4, 1))])
def test_ice40_as_icepll(mhz, expected):
    pll = dividers("ice40", 12 * MHZ, mhz * MHZ)
    assert (pll.divr, pll.divf, pll.divq, pll.filter_range) == expected
    assert pll.hz == mhz * MHZ


@pytest.mark.parametrize("hz", range(16 * MHZ, 275 * MHZ, 7 * MHZ))
@pytest.mark.parametrize("reference", [12 * MHZ, 48 * MHZ])
def test_ice40_limits(hz, reference):
    pll = dividers("ice40", reference, hz)
    phase = reference / (pll.divr + 1)
    assert 10 * MHZ <= phase <= 133 * MHZ
    assert 533 * MHZ <= phase * (pll.divf + 1) <= 1066 * MHZ
    assert 16 * MHZ <= pll.hz <= 275 * MHZ
    assert 0 <= pll.divr < 16 and 0 <= pll.divf < 128 and 1 <= pll.divq <= 6
    assert abs(pll.hz / hz - 1) < 0.05
    assert not any(abs(other.hz - hz) < abs(pll.hz - hz) for other in Ice40Pll.all(reference))


@pytest.mark.parametrize("hz", range(4 * MHZ, 400 * MHZ, 9 * MHZ))
def test_ecp5_limits(hz):
    pll = dividers("ecp5", 25 * MHZ, hz)
    assert 25 * MHZ / pll.clki_div >= 10 * MHZ
    assert 400 * MHZ <= pll.hz * pll.clkop_div <= 800 * MHZ
    assert all(1 <= n <= 128 for n in (pll.clki_div, pll.clkfb_div, pll.clkop_div))
    assert abs(pll.hz - hz) <= 12.5 * MHZ / 2 or pll.hz == 12.5 * MHZ


def test_ecp5_oscillator_is_in_the_middle():
    assert dividers("ecp5", 25 * MHZ, 50 * MHZ) == Ecp5Pll(25 * MHZ, 1, 2, 12)


@pytest.mark.parametrize("mhz, halvings", [(12, 0), (11, 0), (7, 1), (6, 1), (3.2, 2), (0.1, 6)])
def test_ice40_below_its_pll(mhz, halvings):
    made = dividers("ice40", 12 * MHZ, mhz * MHZ)
    assert made == Divided(12 * MHZ, halvings) and made.hz == 12 * MHZ / 2**halvings


@pytest.mark.parametrize("family, hz, expected", [
    ("ice40", 15.9e6, r"^Frequency must be between 16 and 275 MHz, the range of the ice40 PLL, "
     r"not 15\.9 MHz$"),
    ("ice40", 276e6, r"^Frequency must be between 16 and 275 MHz, .*, not 276 MHz$"),
    ("ecp5", 1e6, r"^Frequency must be between 3\.125 and 400 MHz, .* ecp5 PLL, not 1 MHz$")])
def test_out_of_range(family, hz, expected):
    with pytest.raises(ValueError, match=expected):
        dividers(family, 12 * MHZ, hz)
