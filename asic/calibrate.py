"""Constants of the energy model from a kit's own cells and memories, as ``energy.json`` has them.

`ternstone bench asic` measures products of several widths, each with its accumulation, on netlists
of cells with random numbers; here the model's power law is fitted to them, and the main memory's
access is what its Liberty says. All other constants stay the paper's.
"""

import math
import re
from pathlib import Path

from asic.liberty import Library

__all__ = ["FILE", "MAIN", "access_pj", "constants", "fitted"]

#: What ``ternstone energy --constants`` takes; ``python -m docs.energy`` writes it.
FILE = Path(__file__).with_name("energy-sg13g2.json")
#: The memory that stands for the main on-chip one: 16 kbit, words of 16 bits, one port.
MAIN = "RM_IHPSG13_1P_1024x16"


def fitted(products):
    """(pJ at 16 bits, exponent) of the power law nearest to ``products``, (weight bits, operand
    bits) -> pJ, in the mean square of logarithms. Bits that differ count as their root.

    >>> fitted({(1, 1): 1.0, (2, 8): 4.0, (16, 16): 16.0})
    (16.0, 1.0)
    """
    points = [(math.log(math.sqrt(a * b) / 16), math.log(pj)) for (a, b), pj in products.items()]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    slope = sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
    return round(math.exp(y - slope * x), 4), round(slope, 4)


def access_pj(path, write):
    """pJ that port A of a memory takes for a word, by its Liberty's table of the clock's edge.

    Errors: RuntimeError where the Liberty has none.
    """
    library = Library(path)
    cell, = (name for name, (group, _) in library.cells.items() if group.all("memory"))
    wanted = {"A_MEN", *(("A_WEN", "!A_REN") if write else ("!A_WEN", "A_REN"))}
    for group in library.pins(cell)["A_CLK"].all("internal_power"):
        if set(re.sub(r"[\s()]", "", group.values.get("when", "")).split("&")) == wanted:
            table, = group.all("rise_power")
            return table.numbers("values")[0]
    raise RuntimeError(f"Liberty {path} must say what an access costs, and does not")


def constants(products, read, write, command):
    """What the file holds.

    products:     (weight bits, operand bits) -> pJ of a product and its accumulation
    read, write:  pJ of a word of `MAIN`
    command:      that measured them
    """
    mac, exponent = fitted(products)
    table = ", ".join(f"{1000 * pj:g} fJ at {a} x {b}" for (a, b), pj in products.items())
    cells = f"SG13G2, typical corner, 160 MHz, before layout: {table} bits ({command})"
    return {"constants": {
        "mac_pj": {"value": mac, "unit": "pJ for a multiply-accumulate of 16 bits, by the law",
                   "source": cells, "trust": "measured"},
        "mac_exponent": {"value": exponent, "source": cells, "trust": "measured",
                         "unit": "power of bits / 16 that a multiply-accumulate goes by"},
        "main": {"value": round(read / mac, 4), "trust": "measured",
                 "unit": "access of the main on-chip memory, in multiply-accumulates",
                 "source": f"{MAIN}: {read:g} pJ to read a word of 16 bits, {write:g} to write "
                           f"one, by its Liberty ({command})"}}}
