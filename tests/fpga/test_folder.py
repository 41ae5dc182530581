"""The folder that a user takes away works without us: its Makefile gives the same bitstream."""

import json
import re
import shlex
import shutil
import subprocess

import pytest

from fpga import folder
from fpga.build import build, synthesise
from fpga.netlist import models
from fpga.report import page, report
from fpga.steps import tool_of
from tests.fpga.small import MEMORIES, needs_tools, project

pytestmark = needs_tools


@pytest.fixture(scope="module", params=["icebreaker", "ulx3s-25f"])
def made(request, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    built = build(synthesise(project(request.param), cache), cache, [2])
    answer = report(built, MEMORIES, 2000, 20)
    target = tmp_path_factory.mktemp("out") / "board"
    folder.write(built, target, answer, page(answer))
    return built, target


def test_make(made, tmp_path):
    """With the tools that were found here, in a folder of its own, from the sources alone."""
    built, target = made
    wanted = built.synthesis.project.image
    sources = ("Makefile", "synth.ys", *built.synthesis.project.verilog)
    for name in sources:
        shutil.copyfile(target / name, tmp_path / name)
    programs = re.findall(r"^(\w+) \?= ([a-z]\S*)$", (tmp_path / "Makefile").read_text(), re.M)
    assert len(programs) == 3
    given = [f"{name}={shlex.join(tool_of(program).command)}" for name, program in programs]
    subprocess.run(["make", "-s", *given], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / wanted).read_bytes() == built.image == (target / wanted).read_bytes()
    subprocess.run(["make", "-s", "clean"], cwd=tmp_path, check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(sources)


def test_makefile_tries_the_best_seed(made):
    _, target = made
    text = (target / "Makefile").read_text()
    assert "SEED ?= 2\n" in text and "--seed $(SEED) " in text and "--ignore-loops" not in text


def test_core_file(made):
    built, target = made
    text = (target / "small.core").read_text()
    project = built.synthesis.project
    assert text.startswith("CAPI=2:\n")
    assert "files: [small.v, shell.v]" in text and "- small_table_0.mem:" in text
    assert f"flow: {'icestorm' if project.family.name == 'ice40' else 'trellis'}" in text


def test_netlist_has_its_models(made):
    built, target = made
    text = (target / "netlist_sim.v").read_text()
    defined = re.findall(r"^\s*module (\w+)", text, re.MULTILINE)
    assert len(defined) == len(set(defined))
    cells = {line["type"] for module in json.loads((target / "netlist.json").read_text())[
        "modules"].values() for line in module["cells"].values()}
    assert {cell for cell in cells if cell.isupper()} <= set(defined)
    assert models(built.synthesis.project.board.device) in text


def test_rewritten_whole(made, tmp_path):
    """What was in the folder before is gone, and no other folder is left."""
    built, _ = made
    answer = report(built, MEMORIES, 2000, 20)
    target = tmp_path / "board"
    target.mkdir()
    (target / "old.bin").write_text("old")
    folder.write(built, target, answer, page(answer))
    assert not (target / "old.bin").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["board"]
    assert json.loads((target / "fpga.json").read_text())["files"] == answer["files"]
