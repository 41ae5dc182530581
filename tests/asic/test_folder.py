"""The folder to take away: its script makes the same netlist, LibreLane knows its variables."""

import json
import re
import subprocess
from dataclasses import replace

import pytest

from asic import folder
from asic.build import build
from asic.folder import librelane, write
from fpga.tools import find_yosys
from tests.asic.few import few, needs_sta
from tests.asic.test_memory import DESIGN, LIBERTY, needs_yosys

pytestmark = [needs_yosys, needs_sta]

#: The variables of LibreLane 3.0.17 that we give, with its types; it defines them in
#: librelane/config/flow.py, flows/classic.py, steps/pyosys.py and steps/openroad.py.
VARIABLES = {
    "DESIGN_NAME": "str", "CLOCK_PORT": "Union[None, str, List[str]]", "CLOCK_PERIOD": "Decimal",
    "VERILOG_FILES": "List[Path]", "SYNTH_ELABORATE_ONLY": "bool", "RUN_LINTER": "bool",
    "PNR_SDC_FILE": "Optional[Path]", "SIGNOFF_SDC_FILE": "Optional[Path]",
    "EXTRA_LIBS": "Optional[List[Path]]", "EXTRA_LEFS": "Optional[List[Path]]",
    "EXTRA_GDS": "Optional[List[Path]]", "EXTRA_VERILOG_MODELS": "Optional[List[Path]]"}
#: What such a type is in JSON.
TYPES = {"str": str, "Union[None, str, List[str]]": str, "Decimal": float, "bool": bool,
         "List[Path]": list, "Optional[List[Path]]": list, "Optional[Path]": str}
#: Of the folder itself, and of the PDK.
PATH = r"(dir|pdk_dir)::[\w./]+"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A memory of macros, one behind the other, and one of flip-flops."""
    home = tmp_path_factory.mktemp("few")
    (home / "ram_typ_1p20V.lib").write_text(LIBERTY)
    return build({"ours.v": DESIGN}, "top", few(home, (home / "ram_typ_1p20V.lib",)), 50.0,
                 home / "cache", lambda what: None, shapes=[(128, 12)])


@pytest.fixture(params=["few", "ihp-sg13g2"])
def taken(request, built, tmp_path, monkeypatch):
    """What is in the folder, and where it is."""
    named = replace(built, pdk=replace(built.pdk, name=request.param))
    write(named, {"ours.v": DESIGN}, tmp_path / "away", {"design": "ours"}, "<html>")
    return named, tmp_path / "away"


def plain(text):
    """Cells, ports and how they hang together, without whence they come."""
    module = json.loads(text)["modules"]["top"]
    return module["ports"], {name: (cell["type"], cell["connections"])
                             for name, cell in module["cells"].items()}


@pytest.mark.parametrize("name", ["ours", "netlist", "two words"])
def test_script(built, tmp_path, name):
    """Yosys in the folder, without anything else, makes what was built, whatever a user's model
    is called."""
    away = tmp_path / "away"
    write(built, {f"{name}.v": DESIGN}, away, {"design": name}, "<html>")
    subprocess.run([*find_yosys().command, "-q", "-s", "synth.ys"], cwd=away, check=True,
                   capture_output=True)
    kept, = (built.pdk.liberty.parent / "cache").glob("*/netlist.json")
    assert plain((away / "netlist.json").read_text()) == plain(kept.read_text())


def test_configuration(taken):
    """Only for PDKs of LibreLane; names and types of variables are its own."""
    built, away = taken
    assert (away / "config.json").exists() == (built.pdk.name in folder.LIBRELANE)
    config = librelane(built)
    if built.pdk.name in folder.LIBRELANE:
        assert json.loads((away / "config.json").read_text()) == config
    note = config.pop("//")
    assert note.startswith("Untested. ") and f"--pdk {built.pdk.name} " in note
    assert set(config) == set(VARIABLES)
    for name, value in config.items():
        assert type(value) is TYPES[VARIABLES[name]], name
        if "Path" in VARIABLES[name]:
            for path in value if isinstance(value, list) else [value]:
                assert re.fullmatch(PATH, path)
                if path.startswith("dir::"):
                    assert (away / path.removeprefix("dir::")).is_file()
    assert config["DESIGN_NAME"] == "top" and config["CLOCK_PERIOD"] == 50.0
