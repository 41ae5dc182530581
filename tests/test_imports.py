"""Which room may import which: hardware is free of torch, and imports point downwards."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: From the top down; rooms of one line are side by side.
ROOMS = (("ternstone",), ("asic",), ("fpga",), ("sim",), ("hdl",), ("golden",))

_PROBE = """
import importlib, json, pkgutil, sys
import hdl
names = [m.name for m in pkgutil.walk_packages(hdl.__path__, "hdl.")]
for name in names:
    importlib.import_module(name)
print(json.dumps({"names": names, "torch": sorted(m for m in sys.modules if m == "torch")}))
"""


def test_hdl_never_imports_torch():
    probe = subprocess.run([sys.executable, "-c", _PROBE], cwd=ROOT, check=False,
                           capture_output=True, text=True)
    assert probe.stderr == ""
    answer = json.loads(probe.stdout)
    files = {path for path in (ROOT / "hdl").rglob("*.py") if path.name != "__init__.py"}
    packages = {path.parent for path in (ROOT / "hdl").rglob("*/__init__.py")}
    assert len(answer["names"]) == len(files | packages)  # the probe saw every module
    assert answer["torch"] == []


def _imported(path):
    """Top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("level", range(len(ROOMS)), ids=["-".join(r) for r in ROOMS])
def test_imports_point_downwards(level):
    above = {room for rooms in ROOMS[:level] for room in rooms}
    for room in ROOMS[level]:
        forbidden = (above | set(ROOMS[level]) - {room}) | {"tests"}
        for path in (ROOT / room).rglob("*.py"):
            assert not forbidden & set(_imported(path)), path
