"""Reads Liberty files: the cells of a kit, their areas, pins and power tables."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

__all__ = ["Group", "Library", "LibertyError", "parse", "read", "truth", "unit"]

_TOKEN = re.compile(r"""
    (?P<skip>\s+|\\\s*\n|/\*.*?\*/|//[^\n]*)
  | "(?P<string>(?:[^"\\]|\\.)*)"
  | (?P<mark>[{}();:,])
  | (?P<word>[^\s{}();:,"]+)
""", re.VERBOSE | re.DOTALL)


#: Attributes that are numbers.
_NUMBERS = {"area", "capacitance", "cell_leakage_power", "nom_voltage"}
#: Units of a library, and what each is where the file does not say.
_UNITS = {"time_unit": "1ns", "capacitive_load_unit": "1pF", "leakage_power_unit": "1nW"}
_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0}


class LibertyError(Exception):
    """A file is no Liberty; the message is one line that says where it ends to be one."""


@dataclass
class Group:
    """``name(arguments) { values; groups }``.

    values:  attribute -> its last value, text, or a list where it was given in parentheses
    lists:   attribute -> every list that it was given in parentheses
    groups:  in their order
    """

    name: str
    arguments: list
    values: dict = field(default_factory=dict)
    lists: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)

    def all(self, name):
        """The groups of that name."""
        return [group for group in self.groups if group.name == name]

    def number(self, name, default=0.0):
        """The attribute as a number.

        >>> parse('cell(a) { area : 1.5; }').number("area")
        1.5

        Errors: `LibertyError` for one that is none.
        """
        value = self.values.get(name, default)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise LibertyError(f"{name} of {self} must be a number, not {value!r}") from None

    def numbers(self, name):
        """All numbers of an attribute in parentheses: ``values ("1, 2", "3")``.

        Errors: as `number`.
        """
        try:
            return [float(number) for text in self.values[name]
                    for number in text.replace(",", " ").split()]
        except (AttributeError, KeyError, ValueError):
            raise LibertyError(f"{name} of {self} must be numbers, not "
                               f"{self.values.get(name)!r}") from None

    def __str__(self):
        return f"{self.name}({', '.join(self.arguments)})"


class Library:
    """The cells of several Liberty files.

    Errors: `LibertyError` for a file that does not parse; KeyError for a cell that is not there.
    """

    def __init__(self, *paths):
        self.groups = [read(path) for path in paths]
        self.cells = {cell.arguments[0]: (cell, group) for group in self.groups
                      for cell in group.all("cell")}
        self._directions = {}

    def area(self, cell):
        return self.cells[cell][0].number("area")

    def directions(self, cell):
        """Port -> "input" or "output"; a bus is one port."""
        if cell not in self._directions:
            found = {}
            for group in self.cells[cell][0].groups:
                if group.name in ("pin", "bus") and group.values.get("direction") != "internal":
                    found |= dict.fromkeys(group.arguments, group.values.get("direction"))
            self._directions[cell] = found
        return self._directions[cell]

    def kind(self, cell):
        """What it is: "flip-flop", "latch", "clock gate", "tie", "buffer", "memory" or
        "logic"."""
        group = self.cells[cell][0]
        if group.all("memory"):
            return "memory"
        if group.all("ff"):
            return "flip-flop"
        if "clock_gating_integrated_cell" in group.values:
            return "clock gate"
        if group.all("latch"):
            return "latch"
        inputs = [port for port, way in self.directions(cell).items() if way == "input"]
        if not inputs:
            return "tie"
        functions = {pin.values.get("function", "").strip("() ") for pin in group.all("pin")}
        return "buffer" if len(inputs) == 1 and inputs[0] in functions else "logic"

    def flip_flop(self):
        """The area of the smallest flip-flop."""
        return min(cell.number("area") for cell, _ in self.cells.values() if cell.all("ff"))

    def nand2(self):
        """The area of the smallest NAND gate of two inputs, which areas are counted in; None
        where no cell is called so."""
        return min((cell.number("area") for name, (cell, _) in self.cells.items()
                    if re.search(r"nand2(?!\d*b)", name, re.IGNORECASE)), default=None)

    def pins(self, cell):
        """The groups of its pins and buses, by name."""
        return {name: group for group in self.cells[cell][0].groups
                if group.name in ("pin", "bus") for name in group.arguments}

    def exclusive_or(self):
        """The smallest cell that may be used and is an exclusive or of two: (cell, input, input,
        output); None where there is none."""
        found = []
        for name, (cell, _) in self.cells.items():
            ways = self.directions(name)
            inputs = tuple(port for port, way in ways.items() if way == "input")
            outs = [(port, self.pins(name)[port].values.get("function"))
                    for port in ways if port not in inputs]
            if (self.kind(name) == "logic" and cell.values.get("dont_use") != "true"
                    and len(inputs) == 2 and len(outs) == 1 and outs[0][1]
                    and truth(outs[0][1], inputs) == "0110"):
                found.append((cell.number("area"), name, *inputs, outs[0][0]))
        return min(found)[1:] if found else None

    def buffer_ports(self, cell):
        """(input, output) of a buffer."""
        directions = self.directions(cell)
        into, = (port for port, direction in directions.items() if direction == "input")
        out, = (port for port, direction in directions.items() if direction == "output")
        return into, out

    def gate(self):
        """The smallest clock gate without a test pin for flip-flops of the rising edge: (cell,
        enable, clock, output); None where there is none."""
        found = []
        for name, (cell, _) in self.cells.items():
            if cell.values.get("clock_gating_integrated_cell") == "latch_posedge":
                ports = _gate_ports(cell)
                if ports:
                    found.append((cell.number("area"), name, *ports))
        return min(found)[1:] if found else None

    def gated_clock(self, cell, port):
        """The output at which the clock leaves that comes in at ``port``; None elsewhere."""
        group = self.cells[cell][0]
        if "clock_gating_integrated_cell" not in group.values:
            return None
        ports = _gate_ports(group)
        return ports[2] if ports and ports[1] == port else None

    def gate_ports(self, cell):
        """(enable, clock, output) of a clock gate."""
        return _gate_ports(self.cells[cell][0])


def _gate_ports(cell):
    """(enable, clock, output) of a clock gate."""
    roles = {}
    for pin in cell.all("pin"):
        for role in ("enable", "clock", "out", "test"):
            if pin.values.get(f"clock_gate_{role}_pin") == "true" and pin.arguments:
                roles[role] = pin.arguments[0]
    if "test" in roles or len(roles) < 3:
        return None
    return roles["enable"], roles["clock"], roles["out"]


@cache
def truth(function, inputs):
    """The truth table of a Liberty function, a string of bits: that of input values k first at 0.

    >>> truth("!(A*B)", ("A", "B")), truth("A B' + C", ("A", "B", "C")), truth("A^B", ("A", "B"))
    ('1110', '01001111', '0110')

    Errors: `LibertyError` for a function of other names, or none at all.
    """
    # A name after a name, a bracket or a prime is a product that is not written.
    text = re.sub(r"\s*([()!'&*|+^])\s*", r"\1", function.strip())
    text = re.sub(r"(?<=[\w)'])(?=[\w(!])(?<!\w)|(?<=\w)(?=[(!])|\s+", "&", text)
    text = re.sub(r"(\w+|\)|')'", r"\1'", text)
    while "'" in text:  # A' is !A; (...)' is !(...)
        at = text.index("'")
        start = at - 1
        if text[start] == ")":
            depth = 0
            while True:
                depth += {")": 1, "(": -1}.get(text[start], 0)
                if not depth:
                    break
                start -= 1
        else:
            while start and re.match(r"\w", text[start - 1]):
                start -= 1
        text = f"{text[:start]}(!{text[start:at]}){text[at + 1:]}"
    # Python's precedence of ~ & ^ | is Liberty's.
    text = text.replace("*", "&").replace("+", "|").replace("!", "~")
    try:
        code = compile(text, function, "eval")
        return "".join(
            str(eval(code, {"__builtins__": {}},
                     {name: value >> k & 1 for k, name in enumerate(inputs)}) & 1)
            for value in range(1 << len(inputs)))
    except (NameError, SyntaxError, TypeError):
        raise LibertyError(f"Function must be one of {', '.join(inputs) or 'no pin'}, not "
                           f"{function!r}") from None


@cache
def read(path):
    """The `Group` ``library`` of the file.

    Errors: `LibertyError` where it cannot be read, does not parse, or has no numbers where they
    must be.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise LibertyError(f"Liberty {path} must be a file that can be read, which it is not "
                           f"({error.strerror})") from error
    try:
        group = parse(text)
    except LibertyError as error:
        raise LibertyError(f"Liberty {path} must be complete, but {error}") from None
    cells = group.all("cell")
    if group.name != "library" or not cells or not all(cell.arguments for cell in cells):
        raise LibertyError(f"Liberty {path} must be a library of cells, which it is not")
    try:
        _numbers(group)
        for name in _UNITS:
            unit(group, name)
    except LibertyError as error:
        raise LibertyError(f"Liberty {path}: {error}") from None
    return group


def unit(group, name, prefix=""):
    """What a library's unit is: a ``time_unit`` in seconds, a ``capacitive_load_unit`` in farads, a
    ``leakage_power_unit`` in watts; or in n, p, m of these.

    >>> unit(parse('library (a) { capacitive_load_unit (10, ff); }'), "capacitive_load_unit", "p")
    0.01

    Errors: `LibertyError` for one that is none.
    """
    given = group.values.get(name, _UNITS[name])
    letter = _UNITS[name][-1]
    match = re.fullmatch(rf"(\d+(?:\.\d+)?)([{''.join(_PREFIXES)}]?){letter}", "".join(given),
                         re.IGNORECASE)
    if not match or not float(match[1]):
        raise LibertyError(f"{name} of {group} must be like {_UNITS[name]}, not "
                           f"{''.join(given)!r}")
    return float(match[1]) * 10.0 ** (_PREFIXES[match[2].lower()] - _PREFIXES[prefix])


def _numbers(group):
    """Refuses what must be a number and is none, here, where the file is known."""
    for name in _NUMBERS & group.values.keys():
        group.number(name)
    for below in group.groups:
        _numbers(below)


def parse(text):
    """The first `Group` of a text.

    >>> found = parse('cell (inv) { area : 2; pin (A, B) { max : 3; } table ("1, 2", "3"); }')
    >>> found.arguments, found.groups[0].arguments, found.numbers("table")
    (['inv'], ['A', 'B'], [1.0, 2.0, 3.0])
    """
    tokens = _Tokens(text)
    name, kind, line = next(tokens)
    if kind != "word":
        raise LibertyError(f"line {line} has {name!r} in place of a group's name")
    made = _statement(name, tokens)
    if not isinstance(made, Group):
        raise LibertyError(f"it begins with {name!r}, which is no group")
    return made


class _Tokens:
    """(text, kind, line) of each token; at the end for ever ``("", "end", line)``. ``line`` is that
    of the next one."""

    def __init__(self, text):
        self._text, self._at, self.line = text, 0, 1
        self._skip()

    def __iter__(self):
        return self

    def __next__(self):
        if self._at >= len(self._text):
            return "", "end", self.line
        match, line = self._match(), self.line
        self._take(match)
        self._skip()
        return match[match.lastgroup], match.lastgroup, line

    def _skip(self):
        while self._at < len(self._text):
            match = self._match()
            if match.lastgroup != "skip":
                return
            self._take(match)

    def _match(self):
        match = _TOKEN.match(self._text, self._at)
        if not match:
            raise LibertyError(f"line {self.line} has a string or a comment without an end")
        return match

    def _take(self, match):
        self.line += match[0].count("\n")
        self._at = match.end()


def _statement(name, tokens):
    """What follows a name: (name, value) of an attribute, or a `Group`."""
    token, _, line = next(tokens)
    if token == ":":
        words = []
        for token, kind, line in tokens:
            if kind == "mark" and token == ";":
                return name, " ".join(words)
            if kind == "end" or (kind == "mark" and token in "{}"):
                raise LibertyError(f"line {line} has no ';' after {name}")
            words.append(token)
            if kind == "string" and tokens.line != line:
                return name, token  # some of IHP's lack the ';'
    if token != "(":
        raise LibertyError(f"line {line} has {token!r} after {name}")
    arguments, glue = [], False
    for token, kind, line in tokens:
        if kind == "mark" and token == ")":
            break
        if kind == "end" or (kind == "mark" and token not in ",:"):
            raise LibertyError(f"line {line} has no ')' after {name}")
        if token == ":" or glue:  # a range of pins: D[7:0]
            arguments[-1:] = ["".join([*arguments[-1:], token])]
        elif kind != "mark":
            arguments.append(token)
        glue = token == ":"
    token, kind, line = next(tokens)
    if token == ";":
        return name, arguments
    if token != "{" or kind != "mark":
        raise LibertyError(f"line {line} has {token!r} after {name}(...)")
    return _body(Group(name, arguments), tokens)


def _body(group, tokens):
    for token, kind, line in tokens:
        if kind == "mark" and token == "}":
            return group
        if kind == "mark" and token == ";":
            continue
        if kind != "word":
            raise LibertyError(f"line {line} has {token!r} in {group.name}" if token else
                               f"it ends within {group.name}")
        made = _statement(token, tokens)
        if isinstance(made, Group):
            group.groups.append(made)
        else:
            name, value = made
            group.values[name] = value
            if isinstance(value, list):
                group.lists.setdefault(name, []).append(value)
    raise AssertionError("tokens never end")
