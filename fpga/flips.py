"""Bits of an iCE40's bitstream turned over, to see whether a regression notices.

All flips go into one Verilog text, which holds the bitstream as it is and takes the number of the
one that is broken from a file: so hundreds are tried with one compilation.
"""

import random
import re
from dataclasses import dataclass

from fpga.bitstream import from_text
from hdl.verilog import Verilog

__all__ = ["Flip", "broken", "flips"]

#: Of the 20 bits of a logic cell those of its LUT's table, in order; bits 36 to 45 of two rows of
#: its tile (Project IceStorm, "LOGIC tile").
_TABLE = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)

#: A line of icebox_vlog for a LUT: what it drives, where it stands, its function.
_LUT = re.compile(r"assign (\w+) *= /\* LUT +(\d+) +(\d+) +(\d+) \*/ (.*);")


@dataclass(frozen=True)
class Flip:
    """A bit to be turned over: ``kind`` "LUT" or "RAM", its tile, and which bit of it.

    cell: of the tile's logic cells; bit: of the LUT's table, or of the RAM's contents
    """

    kind: str
    x: int
    y: int
    cell: int
    bit: int


def flips(verilog, text, count, seed):
    """At most ``count`` `Flip`s at random: one bit in each LUT that computes something, and bits of
    block RAMs with contents, an eighth of all where there are some.

    verilog: regained from the bitstream ``text`` (.asc)
    """
    rng = random.Random(seed)
    luts = [tuple(map(int, line.group(2, 3, 4))) for line in map(_LUT.match, verilog.splitlines())
            if line and "n" in line[5]]
    contents = re.findall(r"^\.ram_data (\d+) (\d+)\n((?:[0-9a-f]+\n)*)", text, re.MULTILINE)
    rams = [(int(x), int(y)) for x, y, words in contents if re.search("[1-9a-f]", words)
            and f" ram40_{x}_{y} (" in verilog]
    in_rams = min(count // 8, 64 * len(rams))
    found = [Flip("LUT", *place, rng.randrange(16))
             for place in rng.sample(luts, min(count - in_rams, len(luts)))]
    return found + [Flip("RAM", *rng.choice(rams), 0, rng.randrange(4096))
                    for _ in range(in_rams)]


def _turned(text, flips):
    """The bitstream with all the LUTs' flips."""
    lines = text.splitlines()
    start = {line: n + 1 for n, line in enumerate(lines) if line.startswith(".logic_tile")}
    for flip in flips:
        if flip.kind == "LUT":
            row, column = divmod(_TABLE[flip.bit], 10)
            at = start[f".logic_tile {flip.x} {flip.y}"] + 2 * flip.cell + row
            bits = list(lines[at])
            bits[36 + column] = "10"[int(bits[36 + column])]
            lines[at] = "".join(bits)
    return "\n".join(lines) + "\n"


def broken(project, verilog, text, flips, cache):
    """(flips that change something, function from one of their numbers, or -1 for none, to the
    Verilog with that bit broken).

    A bit that no value of the LUT's inputs reaches, because some are constant, changes nothing.

    verilog, text: as for `flips`
    """
    turned = from_text(project, _turned(text, flips).encode(), cache)
    after = {line.group(2, 3, 4): line[5] for line in map(_LUT.match, turned.splitlines()) if line}
    numbers, kept = {}, []
    for flip in flips:
        place = tuple(map(str, (flip.x, flip.y, flip.cell)))
        if flip.kind == "RAM":
            kept.append(flip)
        elif any(line and line.group(2, 3, 4) == place and line[5] != after[place]
                 for line in map(_LUT.match, verilog.splitlines())):
            numbers[place] = len(kept)
            kept.append(flip)

    def choose(match):
        number = numbers.get(match.group(2, 3, 4))
        if number is None:
            return match[0]
        turned = after[match.group(2, 3, 4)]
        return f"assign {match[1]} = flip == {number} ? {turned} : {match[5]};"

    def turn(number, flip):
        word = f"ram40_{flip.x}_{flip.y}.memory[{flip.bit // 16}][{flip.bit % 16}]"
        return f"  if (!turned && flip == {number}) {word} <= ~{word};\n"

    words = "".join(turn(*pair) for pair in enumerate(kept) if pair[1].kind == "RAM")
    header = verilog.index(";\n") + 2
    made = f"""{verilog[:header]}reg [31:0] chosen [0:0];
initial $readmemh("flip.mem", chosen);
wire [31:0] flip = chosen[0];
reg turned = 0;
always @(posedge clk) begin
  turned <= 1;
{words}end
{_LUT.sub(choose, verilog[header:])}"""
    return kept, lambda number: Verilog(made, {"flip.mem": f"{number & 0xFFFFFFFF:08x}\n"})
