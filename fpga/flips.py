"""Bits of an iCE40's bitstream turned over, to see whether a regression notices.

All flips go into one Verilog text, which holds the bitstream as it is and takes the number of the
one that is broken from a file: so hundreds are tried with one compilation. Unbroken, the same text
tells which of the bits are read at all: a table of a LUT has rows for inputs that never come
together, and a run of a few frames reads few of the others.
"""

import random
import re
from dataclasses import dataclass

from fpga.bitstream import from_text
from hdl.verilog import Verilog

__all__ = ["IN_RAMS", "READ", "Flip", "broken", "flips"]

#: Of so many bits one is of a block RAM's contents, where there are some.
IN_RAMS = 4
#: File in which the unbroken device lists the numbers of the flips whose bits it reads.
READ = "read.txt"

#: Of the 20 bits of a logic cell those of its LUT's table, in order; bits 36 to 45 of two rows of
#: its tile (Project IceStorm, "LOGIC tile").
_TABLE = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)

#: A line of icebox_vlog for a LUT: what it drives, where it stands, its function.
_LUT = re.compile(r"assign (\w+) *= /\* LUT +(\d+) +(\d+) +(\d+) \*/ (.*);")
#: One for a flip-flop behind a LUT: its enable, its reset, what the LUT drives.
_FF = re.compile(r"always @\(posedge \w+\) if \((\S+)\) \w+ <= (\S+) \? 1'b[01] : (\w+);")
#: A block RAM: its read mode, where it stands, the wires of RDATA from bit 15 down.
_RAM = re.compile(r"\.READ_MODE\((\d)\),(?:(?!SB_RAM40).)*?\) ram40_(\d+)_(\d+) \("
                  r"(?:(?!SB_RAM40).)*?\.RDATA\(\{(.*?)\}\)", re.DOTALL)


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
    block RAMs with contents, on columns that lead somewhere: one of `IN_RAMS`.

    verilog: regained from the bitstream ``text`` (.asc)
    """
    rng = random.Random(seed)
    luts = [tuple(map(int, line.group(2, 3, 4))) for line in map(_LUT.match, verilog.splitlines())
            if line and "n" in line[5]]
    contents = re.findall(r"^\.ram_data (\d+) (\d+)\n((?:[0-9a-f]+\n)*)", text, re.MULTILINE)
    columns = {(int(x), int(y)): _columns(int(mode), wires.split(", "))
               for mode, x, y, wires in _RAM.findall(verilog)}
    rams = [place for place in ((int(x), int(y)) for x, y, words in contents
                                if re.search("[1-9a-f]", words)) if columns.get(place)]
    in_rams = min(count // IN_RAMS, 64 * len(rams))
    found = [Flip("LUT", *place, rng.randrange(16))
             for place in rng.sample(luts, min(count - in_rams, len(luts)))]
    for _ in range(in_rams):
        place = rng.choice(rams)
        found.append(Flip("RAM", *place, 0, 16 * rng.randrange(256) + rng.choice(columns[place])))
    return found


def _columns(mode, wires):
    """Bits of a word that a wire of RDATA shows: of each 2**mode of them it shows one at a time."""
    group = 1 << mode
    shows = {0: 0, 1: 0, 2: 1, 3: 3}[mode]
    return [bit for bit in range(16)
            if not wires[15 - (bit - bit % group + shows)].startswith("open_")]


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
    With none broken, the numbers of those whose bits are read come to stand in the file `READ`, a
    line each: a LUT's when its inputs choose the bit at a clock edge, at which the flip-flop behind
    it, if there is one, is enabled and not reset; a RAM's when it is read out.

    verilog, text: as for `flips`
    """
    turned = from_text(project, _turned(text, flips).encode(), cache)
    after = {line.group(2, 3, 4): line[5] for line in map(_LUT.match, turned.splitlines()) if line}
    before, drives = {}, {}
    for line in filter(None, map(_LUT.match, verilog.splitlines())):
        before[line.group(2, 3, 4)], drives[line.group(2, 3, 4)] = line[5], line[1]
    behind = {lut: f" && {enable} && !{reset}" for enable, reset, lut in _FF.findall(verilog)}
    numbers, kept, reads = {}, [], []
    for flip in flips:
        place = tuple(map(str, (flip.x, flip.y, flip.cell)))
        if flip.kind == "RAM":
            ram, word = f"ram40_{flip.x}_{flip.y}", flip.bit // 16
            reads.append(f"{ram}.RE && {ram}.RCLKE && {ram}.RADDR[7:0] == {word} && "
                         f"!{ram}.RMASK_I[{flip.bit % 16}]")
        elif place in before and before[place] != after[place]:
            numbers[place] = len(kept)
            reads.append(f"({before[place]}) != ({after[place]}){behind.get(drives[place], '')}")
        else:
            continue
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
    seen = "".join(f"""  if (!seen[{number}] && ({condition})) begin
    seen[{number}] <= 1;
    $fwrite(list, "{number}\\n");
    $fflush(list);
  end
""" for number, condition in enumerate(reads))
    header = verilog.index(";\n") + 2
    made = f"""{verilog[:header]}reg [31:0] chosen [0:0];
initial $readmemh("flip.mem", chosen);
wire [31:0] flip = chosen[0];
reg turned = 0;
always @(posedge clk) begin
  turned <= 1;
{words}end
reg [{len(kept)}:0] seen = 0;
integer list;
initial list = $fopen("{READ}", "w");
{_LUT.sub(choose, verilog[header:]).replace("endmodule", "")}
always @(posedge clk) if (flip == 32'hffffffff) begin
{seen}end
endmodule
"""
    return kept, lambda number: Verilog(made, {"flip.mem": f"{number & 0xFFFFFFFF:08x}\n"})
