"""Memories of a design in the SRAM macros of a kit.

Yosys picks macros by shape and area (`memory_libmap`): a memory stays in flip-flops where those are
smaller. Only macros of two ports are taken, one for each of a memory's ports. What a memory
holds at power-up is not kept, so one with contents stays logic.

Of several macros one behind the other Yosys reads all in every access. So a memory of more words
than a macro has is offered banks, as many as it needs, that are one block to Yosys; only the bank
that holds the word is enabled.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from asic.liberty import LibertyError, Library

__all__ = ["Block", "Macro", "accesses_pj", "blackboxes", "blocks", "libmap", "macros", "rows",
           "techmap"]

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


@dataclass(frozen=True)
class Block:
    """What Yosys takes for one memory: ``banks`` of a macro, one behind the other."""

    macro: Macro
    banks: int = 1

    @property
    def name(self):
        return f"$__{self.macro.name}" + (f"_x{self.banks}" if self.banks > 1 else "")

    @property
    def bits(self):
        """Of the address: those of the macro, and of the banks' numbers."""
        return self.macro.words.bit_length() - 1 + (self.banks - 1).bit_length()

    @property
    def um2(self):
        return self.banks * self.macro.um2


def macros(paths):
    """The `Macro` of each Liberty that describes one with ports A and B.

    Errors: `LibertyError`.
    """
    found = []
    for path in paths:
        library = Library(path)
        for name, (cell, _) in library.cells.items():
            shape = cell.all("memory")
            if shape and {"A_CLK", "B_CLK"} <= set(library.pins(name)):
                bits, width = (shape[0].values.get(key, "") for key in ("address_width",
                                                                        "word_width"))
                if not (bits.isdecimal() and width.isdecimal()):
                    raise LibertyError(f"Liberty {path}: memory of {name} must have address_width "
                                       f"and word_width, not {bits!r} and {width!r}")
                found.append(Macro(name, 1 << int(bits), int(width), cell.number("area"), path))
    return sorted(found, key=lambda macro: macro.um2)


def blocks(found, words, width):
    """The `Block` of each macro that may be the smallest for a memory of so many words: for some
    number of bits up to its width, because parts that are written apart need macros of their own.
    """
    fit = [Block(macro, -(-words // macro.words)) for macro in found]
    return list(dict.fromkeys(min(fit, key=lambda block: -(-bits // block.macro.width) * block.um2)
                              for bits in range(1, width + 1)))


def libmap(found):
    """What `memory_libmap` reads of these blocks: port R reads, port W writes."""
    return "".join(
        f"ram block {block.name} {{\n  abits {block.bits};\n  width {block.macro.width};\n"
        f"  cost {block.um2:.0f};\n  port sr \"R\" {{ clock posedge; rden; }}\n"
        "  port sw \"W\" { clock posedge; }\n}\n" for block in found)


def techmap(found):
    """From what `memory_libmap` leaves to macros: A reads, B writes.

    A word that is at the output already is not read again: an access costs as much as a hundred
    flip-flops that change, and many memories are read in every cycle, needed or not. Before the
    first write there is no word to be right or wrong, so that nothing has to be reset.
    """
    return "".join(_wrapper(block, Library(block.macro.path)) for block in found)


def _wrapper(block, library):
    macro, top = block.macro, block.bits - 1
    bits, word = macro.words.bit_length() - 1, macro.width - 1
    banks = range(block.banks)
    instances = "".join(
        f"  {macro.name} {name} ({_pins(macro, library, k if len(banks) > 1 else None)});\n"
        for k, name in ((k, f"\\_TECHMAP_REPLACE_.bank{k} " if len(banks) > 1 else
                         "_TECHMAP_REPLACE_") for k in banks))
    if len(banks) > 1:
        # The address that was read last says whose output it is.
        outputs = "".join(f"  wire [{word}:0] q{k};\n" for k in banks)
        instances = (f"{outputs}{instances}  assign PORT_R_RD_DATA = "
                     f"{_chosen([f'q{k}' for k in banks], bits)};\n")
    return f"""module \\{block.name} (PORT_R_CLK, PORT_R_RD_EN, PORT_R_ADDR, PORT_R_RD_DATA,
    PORT_W_CLK, PORT_W_WR_EN, PORT_W_ADDR, PORT_W_WR_DATA);
  input PORT_R_CLK, PORT_R_RD_EN, PORT_W_CLK, PORT_W_WR_EN;
  input [{top}:0] PORT_R_ADDR, PORT_W_ADDR;
  output [{word}:0] PORT_R_RD_DATA;
  input [{word}:0] PORT_W_WR_DATA;
  reg [{top}:0] last;
  reg stale;
  wire read = PORT_R_RD_EN & (stale | last != PORT_R_ADDR);
  always @(posedge PORT_R_CLK) begin
    if (read) last <= PORT_R_ADDR;
    stale <= PORT_W_WR_EN | (stale & ~read);
  end
{instances}endmodule
"""


def _pins(macro, library, bank):
    """The pins of a macro; of that bank, if it is one of several."""
    low = f"[{macro.words.bit_length() - 2}:0]" if bank is not None else ""
    read, write = "read", "PORT_W_WR_EN"
    if bank is not None:
        upper = macro.words.bit_length() - 1
        read += f" & PORT_R_ADDR >> {upper} == {bank}"
        write += f" & PORT_W_ADDR >> {upper} == {bank}"
    roles = {"A_CLK": "PORT_R_CLK", "A_MEN": read, "A_REN": read,
             "A_ADDR": f"PORT_R_ADDR{low}",
             "A_DOUT": "PORT_R_RD_DATA" if bank is None else f"q{bank}",
             "B_CLK": "PORT_W_CLK", "B_MEN": write, "B_WEN": write,
             "B_ADDR": f"PORT_W_ADDR{low}", "B_DIN": "PORT_W_WR_DATA",
             "B_BM": f"{{{macro.width}{{1'b1}}}}"}
    pins = []
    for port, way in library.directions(macro.name).items():
        width = _width(library, macro, port)
        idle = f"{width}'b{'1' if port.partition('_')[2] in _ONES else '0'}"
        pins.append(f".{port}({roles.get(port, idle if way == 'input' else '')})")
    return ", ".join(pins)


def _chosen(names, bit):
    """The one of these whose number is in ``last``, from this bit on."""
    if len(names) == 1:
        return names[0]
    half = 1 << (len(names) - 1).bit_length() - 1
    high = bit + (len(names) - 1).bit_length() - 1
    return (f"(last[{high}] ? {_chosen(names[half:], bit)} : "
            f"{_chosen(names[:half], bit)})")


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
