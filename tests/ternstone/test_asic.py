"""``ternstone asic``: a design in a kit of a few cells, and every wrong word."""

import json
import os
import re
from pathlib import Path

import pytest

from asic import pdk
from tests.asic.few import KIT, LIBERTY, needs_sta
from tests.fpga.small import needs_yosys
from tests.ternstone.words import assert_one_line, nothing_left

GIVEN = ("asic", "fake.adder", "--pdk", "few")


@pytest.fixture
def kit(tmp_path, monkeypatch):
    """The kit under PDK_ROOT; in its slow corner everything takes twice as long."""
    folder = tmp_path / "kits" / "few"
    folder.mkdir(parents=True)
    (folder / "few.lib").write_text(LIBERTY)
    (folder / "slow.lib").write_text(LIBERTY.replace('values("0.1")', 'values("0.2")'))
    monkeypatch.setitem(pdk.PDKS, "few", KIT)
    monkeypatch.setenv("PDK_ROOT", str(folder.parent))
    return folder


@needs_yosys
@needs_sta
def test_answer(ternstone, kit):
    answer = ternstone(*GIVEN, "--json")
    assert answer.status == 0, answer.err
    made = answer.json
    area = {"inv": 2, "nand2": 3, "buf": 4, "one": 1, "zero": 1, "dff": 10}
    assert made["um2"] == sum(area[kind] * n for kind, n in made["types"].items())
    assert made["um2"] == pytest.approx(sum(block["um2"] for block in made["blocks"]))
    assert made["gates"] == round(made["um2"] / 3)
    # Two elements of 4 bits, tvalid and tlast.
    assert made["types"]["dff"] == made["cells"]["flip-flop"] == 10
    assert made["met"] and made["fmax_mhz"] > 100
    # A port is a fifth of the period away, so that the slack grows by less than the period.
    assert 10 - 1000 / made["fmax_mhz"] >= made["timing"]["setup_ns"] > 0
    assert made["timing"]["slack_at_fmax_ns"] == pytest.approx(0, abs=0.001)
    assert made["corners"]["slow"]["fmax_mhz"] < made["fmax_mhz"]
    path = made["critical_path"]
    assert sum(hop["ns"] for hop in path["hops"]) == pytest.approx(path["ns"], abs=0.001)
    assert made["frames_per_second"] == pytest.approx(100e6 / made["cycles_per_frame"], rel=1e-3)
    folder = Path(made["folder"])
    assert folder.parts == ("build", "fake-adder", made["hash"], "asic-few")
    assert json.loads(folder.with_suffix(".json").read_text()) == made
    assert set(made["files"]) == {path.name for path in folder.iterdir()} >= {
        "netlist.v", "design.sdc", "synth.ys", "asic.html", "fake-adder.core"}
    assert "config.json" not in made["files"]  # LibreLane knows no such kit
    assert "<svg" in (folder / "asic.html").read_text()


@needs_yosys
@needs_sta
def test_unmet(ternstone, kit):
    """A clock that no cell of the kit reaches: the figures, one line with the best, status 1."""
    answer = ternstone(*GIVEN, "--clock-mhz", 4000)
    assert answer.status == 1
    assert re.search(r"4,000 .* no ", answer.out)
    said, = (line for line in answer.err.splitlines() if line.startswith("error"))
    best = re.fullmatch(r"error: fake-adder must reach 4000 MHz on few, typical corner, and the "
                        r"best of 4 attempts is ([\d.]+) MHz", said)
    assert best and 100 < float(best[1]) < 4000
    # What goes by the clock is at the one that was reached.
    as_json = ternstone(*GIVEN, "--clock-mhz", 4000, "--regress", "--frames", 6, "--json")
    made = as_json.json
    assert as_json.status == 1 and said in as_json.err.splitlines()
    assert made["clock_mhz"] == made["fmax_mhz"] == float(best[1])
    assert made["frames_per_second"] == pytest.approx(
        made["clock_mhz"] * 1e6 / made["cycles_per_frame"], rel=1e-3)
    assert made["power"]["period_ns"] == pytest.approx(1000 / made["clock_mhz"])
    assert made["notes"][0].endswith(f"at {best[1]} MHz, the fastest that was reached.")
    assert made["notes"][0] in (Path(made["folder"]) / "asic.html").read_text()
    assert "Notes" in answer.out and "at MHz" in answer.out


@needs_yosys
@needs_sta
def test_regression(ternstone, kit):
    """The netlist in the test bench; one of other hardware differs, and the exit status is 1."""
    answer = ternstone(*GIVEN, "--regress", "--frames", 6, "--json")
    assert answer.status == 0, answer.err
    verdict = answer.json["regression"]
    assert verdict["passed"] and verdict["mismatches"] == 0 and verdict["frames"] == 6
    assert verdict["cycles"] == verdict["expected_cycles"] == 6 * 4 + 1
    assert verdict["scenarios"] == ["plain", "stalls", "resets"] and verdict["beats"] > 3 * 24
    spent = answer.json["power"]  # this kit has capacitances and no tables
    assert spent["cycles"] == verdict["cycles"] and spent["frames"] == 6
    assert spent["nj"]["switching"] > 0 and spent["nj"]["clock"] > 0
    assert [spent[name] for name in ("mw", "nj_per_frame", "leakage_mw")] == [None] * 3
    assert spent["nj"]["internal"] is spent["nj"]["flip-flops"] is None
    page = (Path(answer.json["folder"]) / "asic.html").read_text()
    tables, leakage = answer.json["notes"]
    assert "no power tables" in tables and "no leakage" in leakage
    assert tables in page and "unknown mW" in page
    answer = ternstone(*GIVEN, "--regress", "--param", "wrong=true", "--json")
    assert answer.status == 1 and answer.json["met"]
    assert not answer.json["regression"]["passed"] and answer.json["regression"]["mismatches"]
    assert_one_line(ternstone("asic", "fake.adder", "--pdk", "generic", "--regress"),
                    r"--regress takes a kit, which is not there \(see: --pdk\)")


@pytest.mark.slow
@needs_yosys
@needs_sta
@pytest.mark.skipif(not os.environ.get("PDK_ROOT"), reason="no PDK_ROOT")
def test_network(ternstone):
    """A network in a real kit: its states in macros, its weights in logic, equal to golden."""
    answer = ternstone("asic", "digits-lstm-ternary", "--pdk", "ihp-sg13g2", "--regress",
                       "--frames", 2, "--json")
    assert answer.status == 0, answer.err
    made = answer.json
    assert made["regression"]["passed"] and made["macros"] and made["power"]["nj"]["memory"] > 0


@needs_yosys
def test_generic(ternstone, monkeypatch):
    """Without a kit: transistors, and what they are."""
    monkeypatch.setattr("ternstone.asic.installed", list)
    answer = ternstone("asic", "fake.adder", "--json")
    assert answer.status == 0, answer.err
    made = answer.json
    assert (made["pdk"], made["met"], made["registers"], made["memory_bits"]) == (
        "generic", None, 10, 0)
    assert made["transistors"] > 16 * 10 and "no kit" in made["what"]
    said = ternstone("asic", "fake.adder", "--pdk", "generic").out
    assert "no kit" in " ".join(said.split())


@pytest.mark.parametrize("arguments, message", [
    (["--pdk", "fw"], r"PDK 'fw' is not known: did you mean few\?"),
    (["--pdk", "x"], r"PDK 'x' is not known: allowed: ihp-sg13g2, sky130A, osu018, few, generic"),
    (["--frames", 2], r"--frames takes --regress"),
    (["--corner", "hot"], r"Corner of few must be one of typical, slow, not 'hot'"),
    *((["--clock-mhz", mhz], rf"--clock-mhz must be between 0\.01 and 10000 MHz, not {mhz}")
      for mhz in ("0", "nan", "inf", "1e-300", r"20000", "-5")),
    *((["--pdk", "generic", *more], rf"{more[0]} takes a kit, which is not there \(see: --pdk\)")
      for more in (["--corner", "slow"], ["--clock-mhz", 50], ["--regress"])),
    (["--pdk", "sky130A"], r"PDK_ROOT must be a folder that holds sky130A/libs\.ref/.*, not '.*'")])
def test_wrong_words(ternstone, kit, arguments, message):
    assert_one_line(ternstone(*GIVEN, *arguments), message)


def test_no_kit(ternstone, kit, monkeypatch, tmp_path):
    (kit / "slow.lib").unlink()
    assert_one_line(ternstone(*GIVEN, "--corner", "slow"),
                    r"PDK_ROOT must be a folder that holds few/slow\.lib, not '.*'")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert_one_line(ternstone("asic", "fake.adder"), r"PDK_ROOT must be a folder that holds "
                    r"ihp-sg13g2 or sky130A or few, not '.*' \(or take --pdk generic\)")
    monkeypatch.delenv("PDK_ROOT")
    assert_one_line(ternstone(*GIVEN), r"PDK few must be in a folder that PDK_ROOT names, which is "
                                       r"not set \(it comes from tests; or take --pdk generic\)")


@needs_yosys
@needs_sta
def test_broken_liberty(ternstone, kit):
    (kit / "few.lib").write_text(LIBERTY[:-100])
    assert_one_line(ternstone(*GIVEN), r"fake-adder on few: Liberty .*few\.lib must be complete, "
                                       r"but line \d+ has .*")
    # It parses, but lacks what Yosys needs.
    (kit / "few.lib").write_text(LIBERTY.replace("cell(dff)", "cell(dff) { area : 1; } gone(dff)"))
    assert_one_line(ternstone(*GIVEN), r"fake-adder on few: .*")
    assert nothing_left(Path("build/fake-adder") / "asic-few")


@needs_yosys
@needs_sta
@pytest.mark.parametrize("before, after, said", [
    ("cell(one)", "cell(ones)",
     r" must have the cells that few is known by, but lacks one with output Y"),
    ("cell(buf)", "cell(bufs)", r" must have the cells that few is known by, but lacks buf"),
    ("ff(IQ, IQN)", "gone(IQ, IQN)",
     r" must have the cells that few is known by, but lacks a flip-flop"),
    ("area : 3", "area : abc", r": area of cell\(nand2\) must be a number, not 'abc'")])
def test_foreign_liberty(ternstone, kit, before, after, said):
    (kit / "few.lib").write_text(LIBERTY.replace(before, after))
    assert_one_line(ternstone(*GIVEN), rf"fake-adder on few: Liberty .*few\.lib{said}")


@needs_yosys
@needs_sta
def test_flip_flop_that_cannot_be_run(ternstone, kit):
    (kit / "few.lib").write_text(LIBERTY.replace('next_state : "D"', 'next_state : "!D"'))
    assert_one_line(ternstone(*GIVEN, "--regress"),
                    r"fake-adder on few: Cell dff must take a pin at a rise of a pin to be run, "
                    r"not '!D' at 'C'")


@needs_yosys
@needs_sta
def test_broken_liberty_of_another_corner(ternstone, kit):
    (kit / "slow.lib").write_text(LIBERTY[:-100])
    assert_one_line(ternstone(*GIVEN), r"fake-adder on few: Liberty .*slow\.lib must be complete, "
                                       r"but line \d+ has .*")


def test_kit_cannot_be_searched(ternstone, kit, monkeypatch):
    def refused(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", refused)
    assert_one_line(ternstone(*GIVEN), r"PDK_ROOT must be a folder that can be read, not '.*' "
                                       r"\(Permission denied\)")


@needs_yosys
@needs_sta
@pytest.mark.parametrize("path, said, more", [
    ("build/asic", "file exists", ()), (".*build/sim", "file exists", ("--regress",)),
    ("build/fake-adder/{hash}/asic-few.json", "is a directory", ())])
def test_folders_in_the_way(ternstone, kit, path, said, more):
    """A file in a folder's place, or a folder in a file's: who runs this may write anywhere."""
    path = path.format(hash=ternstone("generate", "fake.adder", "--json").json["hash"])
    if path.endswith("json"):
        Path(path).mkdir()
    else:
        Path(path.removeprefix(".*")).write_text("mine")
    assert_one_line(ternstone(*GIVEN, *more),
                    rf"{path}.* must be free to read and write, and is not: {said}")


@needs_yosys
def test_full_disk(ternstone, monkeypatch):
    ternstone("generate", "fake.adder")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("golden.files.os.fsync", full)
    assert_one_line(ternstone("asic", "fake.adder", "--pdk", "generic"),
                    r"build/fake-adder/\w+/asic-generic\.json must be free to read and write, and "
                    r"is not: no space left on device")


@needs_yosys
@needs_sta
def test_broken_cache(ternstone, kit):
    """What Yosys made before is there, but is not what was written: it is made anew."""
    first = ternstone(*GIVEN, "--json").json
    kept, = Path("build/asic").glob("*/netlist.json")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:len(whole) // 2])
    again = ternstone(*GIVEN, "--json")
    assert again.status == 0, again.err
    assert again.json["files"] == first["files"] and kept.read_bytes() == whole


@needs_yosys
def test_no_sta(ternstone, kit, monkeypatch):
    monkeypatch.setattr("asic.area.shutil.which", lambda name: None)
    assert_one_line(ternstone(*GIVEN), r"OpenSTA must be installed, and sta is missing "
                                       r"\(apt-get install opensta\)")
