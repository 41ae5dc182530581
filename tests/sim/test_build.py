"""A simulator is compiled once for each content, whole or not at all."""

import os
import subprocess
import sys
import textwrap

import pytest

import sim
from sim import build as build_module
from sim.build import BuildError

WIDTHS = {"IN_WIDTH": 24, "OUT_WIDTH": 24, "LOAD_WIDTH": 8}


def build(echo, workdir, **options):
    return build_module.build({"device.v": echo.verilog()}, top="top", widths=WIDTHS,
                              workdir=workdir, **options)


def test_compiled_once(echo, workdir, monkeypatch):
    made = build(echo, workdir)
    monkeypatch.setattr(build_module, "_execute", None)
    assert build(echo, workdir).folder == made.folder
    for seed in (1, 2):
        assert sim.run(echo.Block(), echo.verilog(), frames=echo.frames[:seed], seed=seed,
                       stall=0.1 * seed, resets=(seed,), workdir=workdir).ok


def test_no_program_python_is_needed(echo, tmp_path, monkeypatch):
    """Debian has `python3` only."""
    wrong = tmp_path / "bin" / "python"
    wrong.parent.mkdir()
    wrong.write_text("#!/bin/sh\necho python was called\nexit 127\n")
    wrong.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrong.parent}{os.pathsep}{os.environ['PATH']}")
    assert (build(echo, tmp_path / "sim").folder / "bench").exists()


def test_content_decides(echo, workdir, monkeypatch):
    monkeypatch.setattr(build_module, "_verilate", lambda *arguments: None)
    folders = {build(echo, workdir / "content", **options).folder
               for options in ({}, {"wave": True}, {"lint": False})}
    text = echo.verilog() + "// one more line\n"
    folders.add(build_module.build({"device.v": text}, top="top", widths=WIDTHS,
                                   workdir=workdir / "content").folder)
    monkeypatch.setattr(build_module, "version", lambda name: "0.0")
    folders.add(build(echo, workdir / "content").folder)
    assert len(folders) == 5


def test_nothing_is_left_of_a_failed_build(echo, tmp_path, monkeypatch):
    def fail(*arguments):
        raise KeyboardInterrupt
    monkeypatch.setattr(build_module, "_verilate", fail)
    with pytest.raises(KeyboardInterrupt):
        build(echo, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]
    monkeypatch.undo()


def test_two_processes_build_one_simulator(echo, workdir, tmp_path):
    build(echo, workdir)  # the runtime's objects, to be quick below
    for path in workdir.glob("runtime-*"):
        (tmp_path / path.name).symlink_to(path)
    source = tmp_path / "device.txt"
    source.write_text(echo.verilog())
    program = textwrap.dedent(f"""
        from pathlib import Path
        from sim.build import build
        made = build({{"device.v": Path({str(source)!r}).read_text()}}, top="top",
                     widths={WIDTHS}, workdir={str(tmp_path)!r})
        print(made.folder, (made.folder / "bench").stat().st_ino)
    """)
    both = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
            for _ in range(2)]
    first, second = (process.communicate(timeout=300)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert first == second != ""
    assert len([path for path in tmp_path.iterdir() if path.is_dir()
                and not path.is_symlink()]) == 1


@pytest.mark.parametrize("before, after, message", [
    ("module top", "module ~top", r"^verilator must compile the device, but said:\n%Error"),
    ("assign m_axis_tvalid", "assign m_axis_tready", r"%(Error|Warning)"),
    ("wire take = s_axis_tvalid &&", "wire take = {2{s_axis_tvalid}} &", r"%Warning-WIDTHTRUNC"),
    ("    integer i;", "    integer i; reg z; always @* if (s_axis_tvalid) z = 1;",
     r"%Warning-LATCH"),
])
def test_device_that_does_not_compile(echo, workdir, before, after, message):
    assert before in echo.verilog()
    with pytest.raises(BuildError, match=message):
        sim.run(echo.Block(), echo.verilog().replace(before, after), frames=echo.frames,
                workdir=workdir)


def test_warnings_of_a_netlist_pass(echo, workdir, tmp_path):
    netlist = tmp_path / "netlist.v"
    netlist.write_text(echo.verilog().replace("wire take = s_axis_tvalid &&",
                                              "wire take = {2{s_axis_tvalid}} &"))
    assert sim.run(echo.Block(), "", netlist=netlist, frames=echo.frames, workdir=workdir).ok
