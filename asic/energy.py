"""Energy of a network from its layers alone, before there is any hardware.

The model of Moons et al., *Minimum Energy Quantized Neural Networks* (arXiv 1711.00215): compute,
on-chip memory and off-chip memory, of a generic accelerator whose multiply-accumulate units are as
many as fit beside each other at a precision. Its equations and constants are recalled, not verified
(``energy.json`` says which is what): good for ratios between networks and precisions, not for
joules. For N MACs, W weights and A outputs of a layer, at Q bits, with p = parallel 16 / Q units:

    E_mac      = mac_pj (Q / 16)**mac_exponent
    compute    = E_mac (N + operations A)
    weights    = E_main W + E_local N / sqrt(p)
    activations = 2 E_main A + E_local N / sqrt(p)        E_main = main E_mac, E_local = local E_mac
    off chip   = dram_pj_bit (bits of the input, and of what does not fit on chip)

Ours: Q is sqrt(weight bits x activation bits) where they differ; maps have the on-chip memory
first, and weights what the largest layer's maps leave; a weight that has no room is fetched once a
frame, a map element once by each layer that makes or takes it.
"""

import csv
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path

from golden.check import require_int

__all__ = ["COLUMNS", "CONSTANTS", "Layer", "constants", "energy", "read_table"]

#: The file of constants, each with unit, source and trust.
CONSTANTS = Path(__file__).with_name("energy.json")
#: Of a layer table; the last two may be left out.
COLUMNS = ("name", "macs", "weights", "inputs", "outputs", "weight_bits", "bits")
#: Of what a layer counts, at most.
MOST = 10**15


@dataclass(frozen=True)
class Layer:
    """What a frame asks of a layer.

    macs:             multiply-accumulates
    weights:          numbers stored
    inputs, outputs:  elements of its maps
    weight_bits, bits: of a weight, and of an element
    """

    name: str
    macs: int
    weights: int
    inputs: int
    outputs: int
    weight_bits: int = 8
    bits: int = 8

    def __post_init__(self):
        for name in COLUMNS[1:5]:
            require_int(f"Layer {name}", getattr(self, name), 0 if name == "weights" else 1, MOST)
        for name in COLUMNS[5:]:
            require_int(f"Layer {name}", getattr(self, name), 1, 32)

    precision = property(lambda self: math.sqrt(self.weight_bits * self.bits))
    map_bits = property(lambda self: (self.inputs + self.outputs) * self.bits)


def constants(path=CONSTANTS):
    """Name -> value, of a file as ``energy.json``; what it does not name is that file's.

    Errors: ValueError for a name that is not known or a value that is no number above 0; OSError.
    """
    own = {name: entry["value"] for name, entry in
           json.loads(CONSTANTS.read_text())["constants"].items()}
    if path == CONSTANTS:
        return own
    try:
        given = {name: entry["value"] for name, entry in
                 json.loads(Path(path).read_text())["constants"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"Constants {path} must be JSON as asic/energy.json, which it is not "
                         f"({error})") from error
    for name, value in given.items():
        if name not in own:
            raise ValueError(f"Constant {name!r} is not known: allowed: {', '.join(own)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            raise ValueError(f"Constant {name} must be a number above 0, not {value!r}")
    return own | given


def energy(layers, values=None, *, sram_bits):
    """For each `Layer` ``compute``, ``weights``, ``activations``, ``off_chip`` in pJ a frame.

    values:     of `constants`; by default the file's
    sram_bits:  on-chip memory
    """
    require_int("On-chip memory", sram_bits, 0)
    c = values or constants()
    room = max(0, sram_bits - max(layer.map_bits for layer in layers))
    stored = sum(layer.weights * layer.weight_bits for layer in layers)
    fetched = max(0, stored - room) / stored if stored else 0
    rows = []
    for n, layer in enumerate(layers):
        mac = c["mac_pj"] * (layer.precision / 16) ** c["mac_exponent"]
        units = c["parallel"] * 16 / layer.precision
        local = c["local"] * mac * layer.macs / math.sqrt(units)
        outside = fetched * layer.weights * layer.weight_bits + max(0, layer.map_bits - sram_bits)
        if n == 0:
            outside += layer.inputs * c["image_bits"]
        rows.append({
            "layer": layer.name,
            "compute": mac * (layer.macs + c["operations"] * layer.outputs),
            "weights": c["main"] * mac * layer.weights + local,
            "activations": 2 * c["main"] * mac * layer.outputs + local,
            "off_chip": c["dram_pj_bit"] * outside})
    return rows


def read_table(path, **defaults):
    """Layers of a CSV file with the `COLUMNS` as its head; ``defaults`` for those left out.

    Errors: ValueError, which names the line; OSError.
    """
    layers = []
    try:  # with the mark that Excel puts before UTF-8
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"Table {path} must be UTF-8 text, which it is not ({error})") from error
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    try:
        head = tuple(reader.fieldnames or ())
        if set(COLUMNS[:5]) - set(head) or set(head) - set(COLUMNS):
            raise ValueError(f"Table {path} must have the columns {', '.join(COLUMNS[:5])} (and "
                             f"{' and '.join(COLUMNS[5:])} if need be), not {', '.join(head)}")
        for row in reader:
            try:
                layers.append(Layer(row["name"], **{**defaults, **_counts(row)}))
            except ValueError as error:
                raise ValueError(f"Table {path}, line {reader.line_num}: {error}") from error
    except csv.Error as error:
        raise ValueError(f"Table {path} must be CSV, which it is not ({error})") from error
    if not layers:
        raise ValueError(f"Table {path} must have a layer, and has none")
    return layers


def _counts(row):
    """What a row of a table says of a layer besides its name."""
    if None in row:
        raise ValueError(f"Layer must have a value for each column, and has {len(row[None])} more")
    given = {}
    for name, text in row.items():
        if name != "name" and text:
            try:
                given[name] = int(text)
            except ValueError:
                raise ValueError(f"Layer {name} must be an integer, not {text[:40]!r}") from None
        elif name in COLUMNS[1:5]:
            raise ValueError(f"Layer {name} must be given, and is missing")
    return given
