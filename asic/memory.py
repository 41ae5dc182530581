"""Memories of a design in the SRAM macros of a kit.

Yosys picks macros by shape and area (`memory_libmap`): a memory stays in flip-flops where those are
smaller. Only macros of two ports are taken, one for each of a memory's ports. What a memory
holds at power-up is not kept, so one with contents stays logic.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from asic.liberty import Library

__all__ = ["Macro", "accesses_pj", "blackboxes", "libmap", "macros", "rows", "techmap"]

#: A bit of a memory of flip-flops, with its share of multiplexers and clock gates, against the
#: smallest flip-flop: 67 um2 against 49 in SG13G2, where 256 to 1,800 bits were measured.
BIT = 1.36
#: Bits of a port that are one; all others that are not named below are 0.
_ONES = {"DLY"}


@dataclass(frozen=True)
class Macro:
    """One macro: ``words`` of ``width`` bits, two ports A and B, and its Liberty."""

    name: str
    words: int
    width: int
    um2: float
    path: Path


def macros(paths):
    """The `Macro` of each Liberty that describes one with ports A and B."""
    found = []
    for path in paths:
        library = Library(path)
        for name, (cell, _) in library.cells.items():
            shape = cell.all("memory")
            if shape and {"A_CLK", "B_CLK"} <= set(library.pins(name)):
                found.append(Macro(name, 1 << int(shape[0].values["address_width"]),
                                   int(shape[0].values["word_width"]), cell.number("area"), path))
    return sorted(found, key=lambda macro: macro.um2)


def libmap(found):
    """What `memory_libmap` reads: port R reads, port W writes."""
    return "".join(
        f"ram block $__{m.name} {{\n  abits {m.words.bit_length() - 1};\n  width {m.width};\n"
        f"  cost {m.um2:.0f};\n  port sr \"R\" {{ clock posedge; rden; }}\n"
        "  port sw \"W\" { clock posedge; }\n}\n" for m in found)


def techmap(found):
    """From what `memory_libmap` leaves to macros: A reads, B writes.

    A word that is at the output already is not read again: an access costs as much as a hundred
    flip-flops that change, and many memories are read in every cycle, needed or not. Before the
    first write there is no word to be right or wrong, so that nothing has to be reset.
    """
    return "".join(_wrapper(m, Library(m.path)) for m in found)


def _wrapper(macro, library):
    bits = macro.words.bit_length() - 1
    roles = {"A_CLK": "PORT_R_CLK", "A_MEN": "read", "A_REN": "read",
             "A_ADDR": "PORT_R_ADDR", "A_DOUT": "PORT_R_RD_DATA",
             "B_CLK": "PORT_W_CLK", "B_MEN": "PORT_W_WR_EN", "B_WEN": "PORT_W_WR_EN",
             "B_ADDR": "PORT_W_ADDR", "B_DIN": "PORT_W_WR_DATA",
             "B_BM": f"{{{macro.width}{{1'b1}}}}"}
    pins = []
    for port, way in library.directions(macro.name).items():
        width = _width(library, macro, port)
        idle = f"{width}'b{'1' if port.partition('_')[2] in _ONES else '0'}"
        pins.append(f".{port}({roles.get(port, idle if way == 'input' else '')})")
    word = macro.width - 1
    return f"""module \\$__{macro.name} (PORT_R_CLK, PORT_R_RD_EN, PORT_R_ADDR, PORT_R_RD_DATA,
    PORT_W_CLK, PORT_W_WR_EN, PORT_W_ADDR, PORT_W_WR_DATA);
  input PORT_R_CLK, PORT_R_RD_EN, PORT_W_CLK, PORT_W_WR_EN;
  input [{bits - 1}:0] PORT_R_ADDR, PORT_W_ADDR;
  output [{word}:0] PORT_R_RD_DATA;
  input [{word}:0] PORT_W_WR_DATA;
  reg [{bits - 1}:0] last;
  reg stale;
  wire read = PORT_R_RD_EN & (stale | last != PORT_R_ADDR);
  always @(posedge PORT_R_CLK) begin
    if (read) last <= PORT_R_ADDR;
    stale <= PORT_W_WR_EN | (stale & ~read);
  end
  {macro.name} _TECHMAP_REPLACE_ ({', '.join(pins)});
endmodule
"""


def blackboxes(found):
    """The macros' ports, for Yosys."""
    text = []
    for macro in found:
        library = Library(macro.path)
        ports = [f"{way} [{_width(library, macro, port) - 1}:0] {port}"
                 for port, way in library.directions(macro.name).items()]
        text.append(f"(* blackbox *)\nmodule {macro.name} ({', '.join(ports)});\nendmodule\n")
    return "".join(text)


def _width(library, macro, port):
    if library.pins(macro.name)[port].name == "pin":
        return 1
    return macro.words.bit_length() - 1 if port.endswith("ADDR") else macro.width


def rows(cell, library, number, clocks):
    """The macro as a row of numbers, as ``gates.cpp`` reads it."""
    shape, = library.cells[cell.type][0].all("memory")
    width = int(shape.values["word_width"])
    found = [[1 << int(shape.values["address_width"]), width, 2]]
    for side in "AB":
        nets = {role: [number(net) for net in cell.pins.get(f"{side}_{role}", ())]
                for role in ("MEN", "WEN", "REN", "ADDR", "DIN", "BM", "DOUT")}
        nets["BM"] = nets["BM"] or [1] * width
        # An output that nothing reads still needs a place.
        nets["DOUT"] = nets["DOUT"] or [number(("unused", cell.name, side, k))
                                        for k in range(width)]
        found.append([clocks[cell.pins[f"{side}_CLK"][0]], *nets["MEN"], *nets["WEN"],
                      *nets["REN"], len(nets["ADDR"]), *nets["ADDR"], *nets["DIN"], *nets["BM"],
                      *nets["DOUT"]])
    return found


def accesses_pj(library, cell, accesses):
    """pJ of the accesses (writes, reads) of each port, by what the Liberty says of an edge of the
    clock while the port writes, or reads."""
    spent = 0.0
    for side, (writes, reads) in zip("AB", accesses, strict=True):
        for group in library.pins(cell)[f"{side}_CLK"].all("internal_power"):
            terms = set(re.sub(r"[\s()]", "", group.values.get("when", "")).split("&"))
            rise, = (table.numbers("values")[0] for table in group.all("rise_power"))
            if terms == {f"{side}_MEN", f"{side}_WEN", f"!{side}_REN"}:
                spent += writes * rise
            elif terms == {f"{side}_MEN", f"!{side}_WEN", f"{side}_REN"}:
                spent += reads * rise
    return spent
