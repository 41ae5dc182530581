"""Finds a process design kit: its standard cells in each corner, and its memories."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from asic.liberty import LibertyError
from golden.check import require_choice

__all__ = ["PDKS", "Kit", "Pdk", "PdkError", "check_cells", "corners", "find_pdk", "installed"]


@dataclass(frozen=True)
class Kit:
    """Where a kit has its files, under the folder that holds it, and which cells do what.

    corners:    name -> Liberty
    buffer:     for nets of many loads
    high, low:  (cell, port) of constants; None where the kit has no such cells
    unused:     cells that synthesis must leave alone: patterns, as Yosys takes them
    memories:   pattern of the Liberty files of its SRAM
    home:       the folder itself, where it is not ``$PDK_ROOT/<name>``
    source:     where a user gets it
    """

    corners: dict
    buffer: str
    high: tuple | None
    low: tuple | None
    unused: tuple = ()
    memories: str = ""
    home: str = ""
    source: str = ""


_IHP = "libs.ref/sg13g2_stdcell/lib/sg13g2_stdcell_{}.lib"
_SKY = "libs.ref/sky130_fd_sc_hd/lib/sky130_fd_sc_hd__{}.lib"
PDKS = {
    "ihp-sg13g2": Kit(
        {"typical": _IHP.format("typ_1p20V_25C"), "slow": _IHP.format("slow_1p08V_125C"),
         "fast": _IHP.format("fast_1p32V_m40C")},
        "sg13g2_buf_4", ("sg13g2_tiehi", "L_HI"), ("sg13g2_tielo", "L_LO"),
        # Delay cells, which ABC takes for buffers.
        unused=("sg13g2_dlygate4sd*",),
        memories="libs.ref/sg13g2_sram/lib/RM_IHPSG13_*_typ_1p20V_25C.lib",
        source="github.com/IHP-GmbH/IHP-Open-PDK, or ciel"),
    "sky130A": Kit(
        {"typical": _SKY.format("tt_025C_1v80"), "slow": _SKY.format("ss_100C_1v60"),
         "fast": _SKY.format("ff_n40C_1v95")},
        "sky130_fd_sc_hd__buf_4", ("sky130_fd_sc_hd__conb_1", "HI"),
        ("sky130_fd_sc_hd__conb_1", "LO"),
        unused=("sky130_fd_sc_hd__probe*", "sky130_fd_sc_hd__lpflow*",
                "sky130_fd_sc_hd__dlygate*", "sky130_fd_sc_hd__dlymetal*"),
        source="ciel"),
    "osu018": Kit({"typical": "osu018_stdcells.lib"}, "BUFX4", None, None,
                  home="/usr/share/qflow/tech/osu018",
                  source="apt-get install qflow-tech-osu018"),
}


class PdkError(Exception):
    """A kit is missing; the message is one line that says where it was sought."""


@dataclass(frozen=True)
class Pdk:
    """Standard cells in one corner: ``liberty`` describes them. The rest is as in `Kit`."""

    name: str
    corner: str
    liberty: Path
    buffer: str
    high: tuple | None
    low: tuple | None
    unused: tuple = ()
    memories: tuple = ()

    def __str__(self):
        return f"{self.name} {self.corner} ({self.liberty.stem})"


def find_pdk(name="ihp-sg13g2", corner="typical", root=None):
    """The `Pdk` under ``root`` (by default the environment's ``PDK_ROOT``), or where a package of
    the system puts it; None if there is no such variable, and transistors are all that can be
    counted.

    Errors: ValueError for a name or corner that is not known; `PdkError`, one line, for a root
    that does not hold the kit, or that corner of it.
    """
    require_choice("PDK", name, PDKS)
    kit = PDKS[name]
    require_choice(f"Corner of {name}", corner, kit.corners)
    home, where = Path(kit.home), f"Folder {kit.home}"
    if not kit.home:
        root = root or os.environ.get("PDK_ROOT")
        if not root:
            return None
        home, where = Path(root) / name, "PDK_ROOT"
    liberty = home / kit.corners[corner]
    try:
        there = liberty.is_file()
    except OSError as error:  # a folder that may not be searched
        raise PdkError(f"{where} must be a folder that can be read, not {str(root or home)!r} "
                       f"({error.strerror})") from error
    if not there:
        if kit.home:
            raise PdkError(f"{where} must hold {kit.corners[corner]}, which is missing "
                           f"({kit.source})")
        raise PdkError(f"{where} must be a folder that holds {name}/{kit.corners[corner]}, "
                       f"not {str(root)!r}")
    memories = tuple(sorted(home.glob(kit.memories))) if kit.memories else ()
    return Pdk(name, corner, liberty, kit.buffer, kit.high, kit.low, kit.unused, memories)


def check_cells(pdk, library):
    """Refuse a Liberty without the cells that the flow puts in by name, or without a flip-flop.

    library:  the `asic.liberty.Library` of ``pdk.liberty``

    Errors: `LibertyError`.
    """
    missing = [] if pdk.buffer in library.cells else [pdk.buffer]
    for cell, port in filter(None, (pdk.high, pdk.low)):
        if cell not in library.cells or port not in library.directions(cell):
            missing.append(f"{cell} with output {port}")
    if not any(cell.all("ff") for cell, _ in library.cells.values()):
        missing.append("a flip-flop")
    if missing:
        raise LibertyError(f"Liberty {pdk.liberty} must have the cells that {pdk.name} is known "
                           f"by, but lacks {', '.join(dict.fromkeys(missing))}")
    into, out = (list(library.directions(pdk.buffer).values()).count(way)
                 for way in ("input", "output"))
    if (into, out) != (1, 1):
        raise LibertyError(f"Liberty {pdk.liberty}: buffer {pdk.buffer} must have an input and an "
                           f"output, not {into} and {out}")


def corners(pdk, root=None):
    """Corner -> `Pdk` of every corner of that kit whose Liberty is there."""
    found = {}
    for corner in PDKS[pdk.name].corners if pdk.name in PDKS else ():
        try:
            found[corner] = find_pdk(pdk.name, corner, root)
        except PdkError:
            continue
    return found or {pdk.corner: pdk}


def installed():
    """Names of the kits that are there, the best described first.

    Errors: `PdkError`, one line, for a ``PDK_ROOT`` that holds none.
    """
    found = []
    for name in PDKS:
        with contextlib.suppress(PdkError):
            if find_pdk(name):
                found.append(name)
    root = os.environ.get("PDK_ROOT")
    below = [name for name, kit in PDKS.items() if not kit.home]
    if root and not set(below) & set(found):
        raise PdkError(f"PDK_ROOT must be a folder that holds {' or '.join(below)}, not {root!r}")
    return found
