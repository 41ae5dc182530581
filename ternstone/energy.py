"""A design's layers, or a table of them, to the energy of a frame by the model of `asic.energy`."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asic.energy import CONSTANTS, Layer, constants, energy, read_table
from ternstone import report
from ternstone.designs import Design
from ternstone.errors import BadInput, bad_input

__all__ = ["PARTS", "estimate", "layers_of", "print_answer"]

PARTS = ("compute", "weights", "activations", "off_chip")


def layers_of(design: Design) -> list[Layer]:
    """The layer table of a design, every product counted, zero or not.

    Errors: `BadInput` for a block that is none of multiply-accumulates.
    """
    if design.block.name not in _TABLES:
        raise BadInput(f"Block of {design.name} must be one of {', '.join(_TABLES)}, not "
                       f"{design.block.name} (or give a --table)")
    return _TABLES[design.block.name](design.block.params)


def _recurrent(params: Any) -> list[Layer]:
    layers = []
    for n, layer in enumerate(params.layers):
        # A symbol adds one column, and takes one place in the input map.
        given = 1 if layer.one_hot else layer.inputs
        layers.append(Layer(
            f"layer {n}", params.steps * layer.rows * (given + layer.hidden),
            layer.rows * (layer.inputs + layer.hidden), params.steps * given,
            params.steps * layer.hidden, layer.kind.bits, layer.activation.width))
    if params.head:
        times = params.steps if params.per_step else 1
        layers.append(Layer("head", times * params.head.outputs * params.head.inputs,
                            params.head.outputs * params.head.inputs, times * params.head.inputs,
                            times * params.head.outputs, params.head.kind.bits,
                            params.head.input.width))
    return layers


def _convolutions(params: Any) -> list[Layer]:
    return [Layer(f"layer {n}", layer.macs, layer.filters * layer.terms,
                  layer.channels * layer.height * layer.width,
                  layer.filters * layer.out_height * layer.out_width, layer.kind.bits,
                  layer.input.width)
            for n, layer in enumerate(params.layers)]


_TABLES: dict[str, Callable[[Any], list[Layer]]] = {
    "lstm.network": _recurrent, "sparse_conv.joint": _convolutions}


def estimate(design: Design | None, table: Path | None, bits: Sequence[int], sram_kbit: int,
             file: Path | None) -> dict[str, Any]:
    """Energy of a frame for each of ``bits`` (weights and activations alike; none: as they are).

    The first of them has the layers one by one; all have totals, and the first one's share.

    Errors: `BadInput` for a table, constants or a design that do not do.
    """
    with bad_input():
        layers = read_table(table) if table else layers_of(design) if design else []
        values = constants(file or CONSTANTS)
    runs = []
    widths: list[int | None] = [*bits] or [None]
    for width in widths:
        with bad_input("--bits"):
            changed = [dataclasses.replace(layer, weight_bits=width, bits=width)
                       if width is not None else layer for layer in layers]
        rows = energy(changed, values, sram_bits=1000 * sram_kbit)
        totals = {part: sum(row[part] for row in rows) for part in PARTS}
        runs.append({"bits": width, "layers": rows, **totals, "total": sum(totals.values())})
    for run in runs:
        run["relative"] = run["total"] / runs[0]["total"]
    return {"name": design.name if design else str(table), "sram_kbit": sram_kbit,
            "constants": str(file or "asic/energy.json"), "values": values,
            "table": [dataclasses.asdict(layer) for layer in layers], "runs": runs}


def print_answer(answer: Mapping[str, Any]) -> None:
    """Layers where there is one precision, else totals of each."""
    first, *more = answer["runs"]
    title = f"{answer['name']}, {answer['sram_kbit']:,} kbit on chip: model, pJ a frame"
    head = ["compute", "weight access", "map access", "off chip"]
    if more:
        report.print_table(title, ["bits", *head, "total", "relative"],
                           [[run["bits"], *(round(run[part]) for part in PARTS),
                             round(run["total"]), run["relative"]] for run in answer["runs"]])
    else:
        rows = [[row["layer"], layer["macs"], layer["weights"],
                 *(round(row[part]) for part in PARTS), sum(row[part] for part in PARTS)
                 / first["total"]]
                for row, layer in zip(first["layers"], answer["table"], strict=True)]
        rows.append(["all", sum(layer["macs"] for layer in answer["table"]),
                     sum(layer["weights"] for layer in answer["table"]),
                     *(round(first[part]) for part in PARTS), 1.0])
        report.print_table(title, ["layer", "MACs", "weights", *head, "share"], rows)
    report.stderr.print(f"constants: {answer['constants']}; recalled ones are not verified: "
                        "take ratios, not joules", highlight=False, soft_wrap=True)
