"""The Makefile: what `make help` promises is there, and a wrong Python is named in one line."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TARGETS = ("help", "sim", "test", "regress", "verilog", "train", "wave", "bench", "fpga", "asic",
           "lint", "clean")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments, cwd=ROOT):
    return subprocess.run(["make", "--no-print-directory", *arguments], cwd=cwd, check=False,
                          capture_output=True, text=True)


def test_help_lists_every_target():
    told = make("help").stdout
    assert re.findall(r"^\w+", told, re.MULTILINE) == list(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_target_exists(target):
    assert make("-n", target).returncode == 0


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_wrong_python(tmp_path, python):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    done = make("sim", f"PYTHON={python}", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == (
        f'error: Python must be 3.11 or newer, not "{python}" (name another: make '
        "PYTHON=python3.11)")
    assert not (tmp_path / ".venv").exists()


def test_constraints_pin_everything_exactly():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines()
             if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    names = [line.partition("==")[0].lower() for line in lines]
    assert len(names) == len(set(names))
