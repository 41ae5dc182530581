"""Memories that are loaded at run time, in the UP5K's SPRAM.

SPRAM (four of 16,384 words of 16 bits) has one port and no initial contents. A memory that `hdl`
marks as loaded (`hdl.store.Store`) fits it: what reads it is in reset until the loader has filled
it, so that it is never read and written in one cycle.
"""

import re
from dataclasses import replace

__all__ = ["WIDTH", "WORDS", "blocks", "with_spram"]

#: FPGA-TN-02022 (iCE40 SPRAM Usage Guide).
WORDS, WIDTH = 16384, 16

_MODULE = re.compile(r"^module (\w+) \(\n(?:(?!^endmodule).)*?\(\* loaded = 1 \*\).*?^endmodule",
                     re.MULTILINE | re.DOTALL)
_MEMORY = re.compile(r"reg (?:\[(\d+):0\] )?contents \[0:(\d+)\];")


def blocks(words, width):
    """SPRAMs that so many words of ``width`` bits take."""
    return -(-words // WORDS) * -(-width // WIDTH)


def with_spram(project):
    """The `fpga.build.Project` with loaded memories in SPRAM, those first that free the most block
    RAM for each, as long as there are SPRAMs; None where no memory can be moved."""
    name, text = next(iter(project.verilog.items()))
    left = project.board.device.SPRAM
    found = []
    for module in _MODULE.finditer(text):
        high, last = _MEMORY.search(module[0]).groups()
        words, width = int(last) + 1, int(high or 0) + 1
        freed = min(-(-width // w) * -(-words // d) for d, w in project.family.shapes)
        found.append((freed / blocks(words, width), words, width, module[1]))
    moved = {}
    for _, words, width, module in sorted(found, reverse=True):
        if blocks(words, width) <= left:
            left -= blocks(words, width)
            moved[module] = _module(module, words, width)
    if not moved:
        return None
    text = _MODULE.sub(lambda match: moved.get(match[1], match[0]), text)
    return replace(project, verilog={**project.verilog, name: text})


def _module(name, words, width):
    """A module of that name with the ports of a memory that is read and written."""
    bits = max(1, (words - 1).bit_length())
    rows, columns = -(-words // WORDS), -(-width // WIDTH)
    select = f"address[{bits - 1}:14]" if rows > 1 else "1'b0"
    lines = [f"""module {name} (
  input clk,
  input w_en,
  input [{bits - 1}:0] w_addr,
  input [{width - 1}:0] w_data,
  input r_en,
  input [{bits - 1}:0] r_addr,
  output [{width - 1}:0] r_data
);
  wire [{bits - 1}:0] address = w_en ? w_addr : r_addr;
  wire [13:0] word = address;
  wire [{WIDTH * columns - 1}:0] given = w_data;
  wire [{WIDTH * columns - 1}:0] found [0:{rows - 1}];"""]
    if rows > 1:
        lines.append(f"  reg [{max(0, bits - 15)}:0] row;\n"
                     f"  always @(posedge clk) if (r_en) row <= {select};")
    for row in range(rows):
        chosen = f" && {select} == {row}" if rows > 1 else ""
        for column in range(columns):
            part = f"[{WIDTH * column + WIDTH - 1}:{WIDTH * column}]"
            # Named as Yosys names the parts of a memory that it maps: the report counts both.
            lines.append(
                f"  SB_SPRAM256KA \\contents.{row}.{column} (\n"
                f"    .ADDRESS(word), .DATAIN(given{part}),\n"
                f"    .MASKWREN(4'b1111), .WREN(w_en), .CHIPSELECT((w_en || r_en){chosen}),\n"
                f"    .CLOCK(clk), .STANDBY(1'b0), .SLEEP(1'b0), .POWEROFF(1'b1),\n"
                f"    .DATAOUT(found[{row}]{part}));")
    lines.append(f"  assign r_data = found[{'row' if rows > 1 else 0}];\nendmodule")
    return "\n".join(lines)
