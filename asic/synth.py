"""Verilog to a flat netlist of a kit's cells: Yosys and ABC, then ties and buffers of our own.

Blocks of some size are mapped one by one (`keep_hierarchy -min_cost`), which keeps names, an area
for each, and ABC's buffering within bounds; the netlist is flattened afterwards.
"""

import json
from dataclasses import dataclass

from asic.area import ABC, HALF_SUMS, gating, half_sums
from asic.liberty import Library
from asic.memory import BIT, Block, blackboxes, blocks, libmap, macros, techmap
from asic.netlist import buffered, load, tied
from asic.pdk import check_cells
from fpga import steps
from fpga.steps import Step

__all__ = ["FAST", "LOADS", "MEMORY_BITS", "ROM", "ROM_BITS", "Synthesis", "script", "synthesise"]

#: For a short path: choices of structure, delay before area.
FAST = ["strash", "ifraig", "scorr", "dc2", "strash", "&get -n", "&dch -f", "&nf", "&put",
        "buffer -c", "topo", "upsize {D}", "dnsize {D}", "stime -p"]
#: For a large memory of constants. A bit of its address has thousands of loads: ABC's `buffer` puts
#: more buffers there than there are gates, and sizing them has no end. Our own buffers follow.
ROM = ["strash", "dc2", "&get -n", "&nf -R 40 -F 40 -A 20", "&put"]
#: Inputs that a net drives at most, and that a tie cell does.
LOADS = 12
#: Gates from which a block is mapped by itself.
BLOCK = 500
#: Bits from which a memory is.
MEMORY_BITS = 256
#: Bits from which a memory of constants is a large one: 294,912 are mapped like any block in
#: minutes, 445,185 were not in ten.
ROM_BITS = 400_000


@dataclass(frozen=True)
class Synthesis:
    """A mapped design.

    netlist:  `asic.netlist.Netlist`, flat, with ties and buffers
    library:  `asic.liberty.Library` of its cells
    script:   of Yosys
    scripts:  name -> bytes, of what that reads besides the design
    macros:   Liberty files of the memories in it
    buffers, seconds, cached: buffers that were added behind nets of many loads; of Yosys
    """

    netlist: object
    library: Library
    script: str
    scripts: dict
    macros: list
    buffers: int
    seconds: float
    cached: bool


def script(pdk, gate, top, memories, target_ns, flat, fast, bit=0.0, roms=(), deep=(),
           halves=()):
    """What Yosys does, line by line.

    bit:       area of a bit of memory in flip-flops, where there are macros to compare with
    gate:      (cell, enable, clock, output) of a clock gate, or None
    memories:  modules that are memories, and are mapped one by one
    flat:      whether all else is one module: it takes longer, but ABC sees whole paths
    fast:      whether adders are parallel-prefix ones (Kogge and Stone), and not what is smallest
    roms:      of the memories those that are large and constant
    deep:      numbers of words that may take several macros one behind the other
    halves:    commands of `asic.area.half_sums`
    """
    unused = "".join(f" -dont_use {cell}" for cell in pdk.unused)
    keep = [f"setattr -mod -set keep_hierarchy 1 {' '.join(memories)}"] if memories else []
    if not flat:
        keep.append(f"keep_hierarchy -min_cost {BLOCK}")
    return "\n".join([
        *(["read_verilog -lib macros.v"] if bit else []), "read_verilog design.v",
        f"hierarchy -top {top}", "proc", *keep,
        f"synth -flatten -top {top} -run :fine",
        # FPGA's styles force nothing here: macros are taken where they are smaller.
        *(["setattr -unset ram_style -unset rom_style t:$mem_v2",
           *(f"memory_libmap -lib memories{words}.txt -logic-cost-ram {bit:.1f} "
             f"t:$mem_v2 r:SIZE={words} %i" for words in deep),
           f"memory_libmap -lib memories.txt -logic-cost-ram {bit:.1f}",
           "techmap -autoproc -map memories.v"] if bit else []),
        # A memory that starts with contents and is never written becomes logic, others flip-flops.
        "memory_map", "opt -full",
        "techmap" + (" -map +/techmap.v -map +/choices/kogge-stone.v" if fast else ""),
        "opt -fast", *gating(gate),
        f"dfflibmap -liberty cells.lib{unused}", "opt", *halves,
        *(["abc -liberty cells.lib -constr cells.constr -script roms.abc "
           f"-D {1000 * target_ns:.0f}{unused} {' '.join(roms)}"] if roms else []),
        "abc -liberty cells.lib -constr cells.constr -script cells.abc "
        f"-D {1000 * target_ns:.0f}{unused}",
        "setattr -mod -unset keep_hierarchy *", "flatten", "setundef -zero", "opt_clean -purge",
        "write_json netlist.json", ""])


def synthesise(verilog, top, pdk, cache, *, memories=(), roms=(), shapes=(), target_ns, flat=False,
               fast=False):
    """The `Synthesis` of Verilog in a kit's cells.

    verilog:    file name -> text; the first is Verilog, the others are images that it reads
    memories:   names of modules that hold a memory of some size
    roms:       of these, those of `ROM_BITS` constants and more
    shapes:     (words, width) of the memories that are written
    target_ns:  what ABC sizes for
    flat, fast: see `script`
    cache:      folder of what Yosys made before

    Errors: `fpga.steps.StepError` for what Yosys refuses, `LibertyError` for a Liberty that does
    not parse or lacks cells.
    """
    library = Library(pdk.liberty)
    check_cells(pdk, library)
    found = macros(pdk.memories)
    name, *images = verilog
    deep = _deep(found, shapes)
    # For speed, ABC had better see all.
    halves, mapped = ([], "") if fast else half_sums(verilog[name], library)
    text = script(pdk, library.gate(), top, memories, target_ns, flat, fast,
                  BIT * library.flip_flop() if found else 0, roms, deep, halves)
    files = {"design.v": verilog[name].encode(), "synth.ys": text.encode(),
             "cells.lib": pdk.liberty.read_bytes(),
             "cells.constr": f"set_driving_cell {pdk.buffer}\nset_load 6\n".encode(),
             "cells.abc": ("\n".join(FAST if fast else ABC) + "\n").encode(),
             **{image: verilog[image].encode() for image in images}}
    if mapped:
        files[HALF_SUMS] = mapped.encode()
    if roms:
        files["roms.abc"] = ("\n".join(ROM) + "\n").encode()
    if found:
        single = [Block(macro) for macro in found]
        banked = dict.fromkeys(one for fit in deep.values() for one in fit if one.banks > 1)
        files |= {"memories.txt": libmap(single).encode(),
                  **{f"memories{words}.txt": libmap(fit).encode() for words, fit in deep.items()},
                  "memories.v": techmap([*single, *banked]).encode(),
                  "macros.v": blackboxes(found).encode()}
    step = Step("yosys", ("-q", "-s", "synth.ys"), tuple(files), ("netlist.json",), "synth.log")
    done = steps.run(step, files, cache)
    cells = json.loads(done.files["netlist.json"])["modules"][top]["cells"].values()
    types = {cell["type"] for cell in cells}
    taken = [macro.path for macro in found if macro.name in types]
    library = Library(pdk.liberty, *taken)
    netlist = load(done.files["netlist.json"], top, library)
    tied(netlist, library, pdk, LOADS)
    added = buffered(netlist, library, pdk.buffer, LOADS)
    scripts = {name: content for name, content in files.items()
               if name not in ("design.v", "synth.ys", *images)}
    return Synthesis(netlist, library, text, scripts, taken, added, done.seconds, done.cached)


def _deep(found, shapes):
    """Words -> `asic.memory.Block` of macros, for memories that may take several one behind the
    other."""
    widest = {}
    for words, width in shapes:
        widest[words] = max(width, widest.get(words, 0))
    fits = {words: blocks(found, words, widest[words]) for words in sorted(widest) if found}
    return {words: fit for words, fit in fits.items() if any(one.banks > 1 for one in fit)}
