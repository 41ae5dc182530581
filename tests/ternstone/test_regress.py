"""``ternstone fpga --regress``: what was built for a board, against golden."""

import json
import re
from pathlib import Path

import pytest

from fpga.flips import READ
from fpga.tools import RETURN, find
from golden.link.packet import Kind, Packet, encode
from sim.tools import ToolError
from ternstone import regress
from ternstone.regress import Pins
from tests.fpga.small import needs_tools
from tests.hdl.bench import WORKDIR
from tests.ternstone.words import assert_one_line, nothing_left

pytestmark = needs_tools


def _missing():
    try:
        for program in RETURN:
            find(program)
    except ToolError as error:
        return str(error)
    return None


needs_icestorm = pytest.mark.skipif(_missing() is not None, reason=str(_missing()))

#: Few cycles a bit, as the bench's time goes by bits.
GIVEN = ("--mhz", 24, "--baud", 3_000_000, "--seeds", 1, "--frames", 3, "--json")


@pytest.fixture
def build(ternstone, tmp_path):
    """``ternstone fpga``; Verilator's runtime is compiled once for all tests."""
    (tmp_path / "build").mkdir()
    WORKDIR.mkdir(parents=True, exist_ok=True)
    (tmp_path / "build" / "sim").symlink_to(WORKDIR)
    return lambda *arguments: ternstone("fpga", *GIVEN, *arguments)


def test_the_link_alone_answers_sooner():
    """The board's patience, which hangs on the core's cycles, is for what makes it work."""
    class Line:
        def exchange(self, commands, seconds, quiet):
            waited.append(quiet)
            return []

    def after(*line):
        waited.clear()
        pins.write(bytes(line))
        pins.read(0)
        return waited

    waited = []
    pins = Pins(Line(), 1, 700)
    frame = encode(Packet(Kind.FRAME, 1, b"frame"))
    for kind in (Kind.FRAME, Kind.WEIGHTS, Kind.WEIGHTS_END):
        assert after(*encode(Packet(kind, 1, b"frame"))) == [0]
    for kind in (Kind.STATUS, Kind.RESET, Kind.ECHO, Kind.ERROR):
        assert after(*encode(Packet(kind, 1, b"frame"))) == [700]
    assert after(*encode(Packet(Kind.RESET, 1)), *frame, *encode(Packet(Kind.STATUS, 2))) == [0]
    assert after(*frame[:-1]) == [700]


def right(rung):
    return (rung["passed"] and rung["failure"] is None
            and rung["pins"]["cycles"] == rung["pins"]["golden_cycles"] > 0
            and rung["pins"]["requests"] > 10 and not rung["pins"]["wrong_requests"])


@needs_icestorm
def test_bitstream_and_its_broken_bits(build):
    answer = build("fake.adder", "--board", "hx8k", "--regress", "bitstream", "--flips", 12)
    assert answer.status == 0, answer.err
    rung = answer.json["regression"]["bitstream"]
    assert right(rung)
    flips = rung["flips"]["LUT"]
    assert flips["drawn"] >= flips["read"] >= flips["tried"] == 12
    # How many hangs on where nextpnr puts things; some are read where nothing depends on them.
    assert flips["noticed"] > 0
    assert flips["tried"] - flips["noticed"] == len(rung["flips"]["survivors"])
    kept = Path("build/fake-adder") / answer.json["hash"] / "bitstream-hx8k.json"
    assert json.loads(kept.read_text()) == rung


@pytest.mark.slow
@needs_icestorm
def test_bits_that_are_not_read_change_nothing(build, monkeypatch):
    """So leaving them out hides nothing: with the list turned over, none is noticed."""
    over_pins, drawn = regress.over_pins, []
    broken = regress.broken

    def others(*given, written=None, **options):
        answer = over_pins(*given, written=written, **options)
        if written:
            read = set(map(int, written[READ].split()))
            written[READ] = " ".join(str(n) for n in range(len(drawn[0])) if n not in read)
        return answer

    def noted(*given):
        drawn.append(broken(*given)[0])
        return broken(*given)

    monkeypatch.setattr(regress, "over_pins", others)
    monkeypatch.setattr(regress, "broken", noted)
    answer = build("fake.adder", "--board", "hx8k", "--regress", "bitstream", "--flips", 6)
    flips = answer.json["regression"]["bitstream"]["flips"]["LUT"]
    assert flips["noticed"] == 0 < flips["tried"]


@pytest.mark.slow
@needs_icestorm
def test_broken_contents_of_block_rams(build):
    """Weights, scales and biases: of the bits that are read most change an answer."""
    answer = build("lstm.dense", "--param", "outputs=16", "--param", "inputs=32", "--param",
                   "weights=ternary", "--board", "hx8k", "--regress", "bitstream", "--flips", 32)
    flips = answer.json["regression"]["bitstream"]["flips"]["RAM"]
    assert flips["noticed"] > flips["tried"] / 2


@pytest.mark.slow
def test_netlist(build):
    answer = build("fake.adder", "--board", "hx8k", "--regress", "netlist")
    assert answer.status == 0, answer.err
    rung = answer.json["regression"]["netlist"]
    assert right(rung) and rung["streams"]["cycles"] == rung["streams"]["golden_cycles"]
    kept = Path("build/fake-adder") / answer.json["hash"] / "netlist-hx8k.json"
    assert json.loads(kept.read_text()) == rung


@pytest.mark.slow
@needs_icestorm
def test_wrong_hardware_is_seen_on_every_rung(build):
    answer = build("fake.adder", "--param", "wrong=true", "--board", "hx8k", "--regress", "both",
                   "--flips", 5)
    assert answer.status == 1
    netlist, bitstream = answer.json["regression"].values()
    assert not netlist["passed"] and not bitstream["passed"]
    assert not netlist["streams"]["passed"] and "element 0" in netlist["streams"]["failures"][0]
    assert netlist["pins"]["mismatches"] == bitstream["pins"]["mismatches"] == 3
    assert "flips" not in bitstream


@pytest.mark.slow
@needs_icestorm
def test_a_divided_clock(build):
    """Registers in place of the PLL; their reset must be there in the netlist, too."""
    answer = build("fake.adder", "--board", "hx8k", "--regress", "both", "--mhz", 3,
                   "--baud", 300_000)
    netlist, bitstream = answer.json["regression"].values()
    assert answer.json["clock_mhz"] == 3 and answer.json["capacity"]["PLL"]["taken"] == 0
    assert right(netlist) and right(bitstream)


@pytest.mark.slow
@needs_icestorm
def test_spi(build):
    answer = build("fake.adder", "--board", "hx8k", "--link", "spi", "--regress", "bitstream")
    assert answer.status == 0, answer.err
    folder = Path(answer.json["folder"])
    assert folder.name == "hx8k-spi" and right(answer.json["regression"]["bitstream"])
    assert "set_io spi_cipo" in (folder / "fake-adder.pcf").read_text()
    assert (folder.parent / "bitstream-hx8k-spi.json").is_file()


@pytest.mark.slow
@needs_icestorm
@pytest.mark.parametrize("board", ["icebreaker", "ulx3s-25f"])
def test_other_boards(build, board):
    """A PLL on its own pin; a device whose bitstream nothing turns back."""
    answer = build("fake.adder", "--board", board, "--regress", "both")
    netlist, bitstream = answer.json["regression"].values()
    assert answer.status == 0 and right(netlist)
    assert right(bitstream) if board == "icebreaker" else bitstream == {
        "left_out": "no program turns an ECP5's bitstream back into Verilog"}


def test_a_bare_block_has_its_streams(build):
    answer = build("fake.adder", "--board", "ulx3s-25f", "--bare", "--regress", "both")
    netlist, bitstream = answer.json["regression"].values()
    assert netlist["passed"] and netlist["streams"]["beats"] > 10 and "pins" not in netlist
    assert "left_out" in bitstream


@pytest.mark.slow
def test_weights_too_large_for_block_ram_go_to_spram(build):
    """They come over the link, and the answers are right."""
    answer = build("lstm.dense", "--param", "inputs=256", "--param", "outputs=256", "--param",
                   "weights=ternary", "--param", "store=load", "--param", "lanes=16", "--board",
                   "icebreaker", "--regress", "netlist")
    assert answer.status in (0, 1), answer.err  # whatever the clock is
    made = answer.json
    assert right(made["regression"]["netlist"])
    (weights,) = [m for m in made["memories"] if m["spram"]]
    assert (weights["words"], weights["width"], weights["taken"], weights["best"]) == (
        4096, 32, 2, 2)
    assert made["capacity"]["SPRAM"] == {"taken": 2, "available": 4}


@pytest.mark.parametrize("arguments, message", [
    (["--board", "ulx3s-25f", "--regress", "bitstream"],
     r"Bitstream must be turned back into Verilog, but no program turns an ECP5's bitstream back "
     r"into Verilog \(--regress netlist\)"),
    (["--board", "hx8k", "--bare", "--regress", "bitstream"],
     r"Bitstream must be turned back into Verilog, but a bare block has no pins \(.*\)"),
    (["--board", "hx8k", "--flips", 3], r"--flips takes --regress bitstream, or both"),
    (["--board", "hx8k", "--frames", 3], r"--frames takes --regress"),
    (["--board", "hx8k", "--regress", "netlist", "--flips", 3], r"--flips takes --regress .*"),
    (["--board", "hx8k", "--regress", "netlist", "--frames", 0],
     r"--frames must be at least 1, not 0")])
def test_wrong_words(ternstone, arguments, message):
    assert_one_line(ternstone("fpga", "fake.adder", *arguments), message)


def test_missing_icestorm(ternstone, monkeypatch):
    real = __import__("shutil").which
    monkeypatch.setattr("fpga.tools.shutil.which",
                        lambda name: None if name.startswith("ice") else real(name))
    find.cache_clear()
    answer = ternstone("fpga", "fake.adder", "--board", "hx8k", "--regress", "both")
    find.cache_clear()
    assert_one_line(answer, r"iceunpack must be installed, and is missing "
                            r"\(apt install fpga-icestorm\)")
    assert nothing_left(Path("build"))


def test_wrong_choice(ternstone):
    answer = ternstone("fpga", "fake.adder", "--board", "hx8k", "--regress", "all")
    assert answer.status == 2 and re.search("netlist.*bitstream.*both", answer.err)
