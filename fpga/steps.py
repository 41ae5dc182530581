"""A build as ordinary commands: each is run once for the same inputs, and kept by content.

The same list of steps is run here and written into the Makefile that a user takes away.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fpga.tools import find, find_yosys
from golden.files import write_whole

__all__ = ["Done", "Step", "StepError", "run", "tool_of"]


class StepError(Exception):
    """A tool refused its input; the message holds what it said."""


@dataclass(frozen=True)
class Step:
    """One command: ``program arguments``, from files to files of the same folder.

    program:  "yosys", or one of `fpga.tools.PROGRAMS`
    inputs, outputs: names of files; ``log`` takes what the program prints
    fails:    an exit status that is a result, not a failure, where every output is there (nextpnr
              ends with 1 when timing is not met)
    """

    program: str
    arguments: tuple
    inputs: tuple
    outputs: tuple
    log: str
    fails: int = 0


@dataclass(frozen=True)
class Done:
    """What a step made: name -> bytes; the seconds that it took when it ran; its exit status."""

    files: dict
    seconds: float
    status: int
    cached: bool


def tool_of(program):
    """The `fpga.tools.Tool` that runs a step."""
    return find_yosys() if program == "yosys" else find(program)


def run(step, files, cache, tool=None):
    """Run ``step`` on ``files`` (name -> bytes) or take what it made of the same before.

    cache: folder of results, each in a folder named by the digest of inputs, arguments and the
           tool's version
    tool:  another than `tool_of` finds

    What was kept and is not what was written (a disk that was full) is made anew.

    Errors: `StepError` when the program fails, `ToolError` when there is none.
    """
    tool = tool or tool_of(step.program)
    inputs = {name: files[name] for name in step.inputs}
    folder = Path(cache) / _digest(step, tool, inputs)
    done = _kept(step, folder)
    if done:
        return done
    Path(cache).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=cache) as name:
        here = Path(name)
        for file, content in inputs.items():
            write_whole(here / file, content)
        started = time.perf_counter()
        with open(here / step.log, "w") as log:
            # A program in Python (icebox_vlog) must walk its sets in one order.
            status = subprocess.run([*tool.command, *step.arguments], cwd=here, stdout=log,
                                    stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                    env={**os.environ, "PYTHONHASHSEED": "0"},
                                    check=False).returncode
        missing = [name for name in step.outputs if not (here / name).is_file()]
        if missing or status not in (0, step.fails):
            if status < 0:  # out of memory, or of room for its files
                raise StepError(f"{step.program} must come to its end, but "
                                f"{signal.Signals(-status).name} stopped it")
            raise StepError(f"{step.program} must accept the design, but it says: "
                            f"{_said(here / step.log)}")
        seconds = round(time.perf_counter() - started, 3)
        for name in step.outputs:
            if name.endswith(".json") and not _is_json(here / name):
                # Yosys does not look whether its files are written.
                raise StepError(f"{step.program} must write all of {name}, but it ends early: is "
                                "there room for it?")
        result = {"seconds": seconds, "status": status,
                  "files": {file: _sha256((here / file).read_bytes())
                            for file in (*step.outputs, step.log)}}
        kept = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=cache))
        for file in (*step.outputs, step.log):
            shutil.move(here / file, kept / file)
        (kept / "step.json").write_text(json.dumps(result))
        if folder.is_dir() and not _kept(step, folder):
            shutil.rmtree(folder)  # a broken one
        try:
            os.replace(kept, folder)
        except OSError:  # another process was quicker, with the same bytes
            shutil.rmtree(kept)
    made = _kept(step, folder)
    assert made is not None, f"{folder} is not what was written"
    return Done(made.files, made.seconds, made.status, False)


def _kept(step, folder):
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        result = json.loads((folder / "step.json").read_text())
        files = {name: (folder / name).read_bytes() for name in (*step.outputs, step.log)}
        if {name: _sha256(content) for name, content in files.items()} == result["files"]:
            return Done(files, result["seconds"], result["status"], True)
    return None


def _is_json(path):
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _sha256(content):
    return hashlib.sha256(content).hexdigest()


def _digest(step, tool, inputs):
    state = hashlib.sha256(json.dumps(
        [step.program, step.arguments, step.outputs, tool.name, tool.version]).encode())
    for name, content in sorted(inputs.items()):
        state.update(f"{name} {len(content)}\n".encode() + content)
    return state.hexdigest()[:24]


def _said(log):
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    errors = [line for line in lines if "ERROR" in line]
    return " | ".join((errors or [line for line in lines if line][-3:] or ["nothing"])[:6])
