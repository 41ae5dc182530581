"""Finds a process design kit and its standard cells, or says what the counts are without one."""

import os
from dataclasses import dataclass
from pathlib import Path

from golden.check import require_choice

__all__ = ["PDKS", "Pdk", "PdkError", "find_pdk"]

#: Name -> (corner -> Liberty file, under the kit's folder), an open_pdks layout.
PDKS = {
    "ihp-sg13g2": {
        "typical": "libs.ref/sg13g2_stdcell/lib/sg13g2_stdcell_typ_1p20V_25C.lib",
        "slow": "libs.ref/sg13g2_stdcell/lib/sg13g2_stdcell_slow_1p08V_125C.lib",
        "fast": "libs.ref/sg13g2_stdcell/lib/sg13g2_stdcell_fast_1p32V_m40C.lib"},
}
#: Of each kit a buffer for nets of many loads, and (cell, port) of its constants 1 and 0.
CELLS = {"ihp-sg13g2": ("sg13g2_buf_4", ("sg13g2_tiehi", "L_HI"), ("sg13g2_tielo", "L_LO"))}


class PdkError(Exception):
    """A kit is missing; the message is one line that says where it was sought."""


@dataclass(frozen=True)
class Pdk:
    """Standard cells in one corner: ``liberty`` describes them."""

    name: str
    corner: str
    liberty: Path
    buffer: str
    high: tuple
    low: tuple

    def __str__(self):
        return f"{self.name} {self.corner} ({self.liberty.stem})"


def find_pdk(name="ihp-sg13g2", corner="typical", root=None):
    """The `Pdk` under ``root`` (by default the environment's ``PDK_ROOT``); None if there is no
    such variable, and transistors are all that can be counted.

    Errors: ValueError for a name or corner that is not known; `PdkError`, one line, for a root
    that does not hold the kit.
    """
    require_choice("PDK", name, PDKS)
    require_choice(f"Corner of {name}", corner, PDKS[name])
    root = root or os.environ.get("PDK_ROOT")
    if not root:
        return None
    liberty = Path(root) / name / PDKS[name][corner]
    if not liberty.is_file():
        raise PdkError(f"PDK_ROOT must be a folder that holds {name}/{PDKS[name][corner]}, "
                       f"not {str(root)!r}")
    return Pdk(name, corner, liberty, *CELLS[name])
