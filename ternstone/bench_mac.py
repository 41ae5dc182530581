"""Area of multiply-accumulate structures on standard cells, each product of a cycle.

What is counted is a lane of `hdl.mac.array` (selections, adder, accumulator), and of
what all lanes share their part: its registers and adders, and buffers on every net that leads to
the lanes. Memories of weights, and what takes sums out, are not: they are the same for all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from asic.area import area, cell_area
from asic.pdk import PdkError, find_pdk
from fpga.tools import find_yosys
from golden.formats import Format
from golden.mac.params import ArrayParams
from golden.weights import WeightKind, accumulator_width
from hdl.formats import shape
from hdl.mac.array import Lane, Shared, sums_layout
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone.bench import Part, Row, Say, at_least, at_most, figure, side_by_side
from ternstone.errors import bad_input

__all__ = ["CASES", "CLOCK_NS", "LANES", "PARTS", "POWERS", "SWEEP", "WIDE", "Case", "arrays",
           "measure", "measured", "missing", "powers", "ratios", "shares", "smallest", "sweep",
           "with_kit"]

#: Case -> what `measured` says of it.
Found = dict["Case", dict[str, Any]]

#: What ABC sizes for, and the longest path that is allowed (160 MHz).
TARGET_NS, CLOCK_NS = 5.0, 6.25
#: Lanes that have a shared part between them, few (as many as a buffer drives) and many.
LANES, WIDE = 32, 128
#: When a register's or a buffer's output is there, after the clock edge or its input.
ARRIVES_NS = 0.3
#: Products of a sum, rounded down to whole beats.
LENGTH = 256


@dataclass(frozen=True)
class Case:
    """One structure: weight kind, operand bits, terms a cycle, shared columns, lanes; ``plain``
    leaves the product to Yosys' ``*``; to ``serial`` lanes operands come bit by bit."""

    weights: str
    bits: int
    terms: int
    share: int = 1
    plain: bool = False
    lanes: int = LANES
    serial: bool = False

    @property
    def length(self) -> int:
        return self.terms if self.serial else LENGTH // self.terms * self.terms

    @property
    def buffers(self) -> int:
        """Buffers on a net that leads to the lanes, all behind its register."""
        return -(-self.lanes // LANES)

    def __str__(self) -> str:
        how = ("Yosys *" if self.plain else self.weights if "int" not in self.weights
               else f"{self.weights} Booth" if self.share == 1 else f"{self.weights} in planes")
        return (f"{how}, {self.bits}-bit operands{' bit by bit' if self.serial else ''}, "
                f"{self.terms} term{'s'[:self.terms - 1]}"
                f"{f', shared sums of {self.share}' if self.share > 1 else ''}"
                f"{f', {self.lanes} lanes' if self.lanes != LANES else ''}")


class PlainLane(wiring.Component):
    """``total += value * weight``, as one writes it down: the reference of one multiplier a lane.

    **Latency** 1 cycle. It never waits.
    """

    def __init__(self, operand: Format, kind: WeightKind, length: int) -> None:
        super().__init__({"value": In(shape(operand)), "weight": In(signed(kind.bits)),
                          "step": In(1), "first": In(1),
                          "total": Out(signed(accumulator_width(operand, kind, length)))})

    def elaborate(self, _platform: object) -> Module:
        m = Module()
        kept = Signal.like(self.total, reset_less=True)
        with m.If(self.step):
            m.d.sync += kept.eq(Mux(self.first, 0, kept) + self.value * self.weight)
        m.d.comb += self.total.eq(kept)
        return m


def _booth(bits: int, *terms: int) -> list[Case]:
    return [Case(f"int{bits}", bits, n) for n in terms]


#: The references: 12-bit and 8-bit multipliers, alone and several terms under one adder.
PLAIN = {bits: Case(f"int{bits}", bits, 1, plain=True) for bits in (12, 8)}
BOOTH12, BOOTH8 = _booth(12, 1, 4), _booth(8, 1, 4, 8, 16, 32)
FEW = [Case(*given) for given in (
    ("binary", 12, 1), ("binary", 12, 4), ("binary", 12, 8), ("binary", 12, 12, 3),
    ("binary", 12, 24, 3), ("binary", 12, 60, 3),
    ("ternary", 12, 1), ("ternary", 12, 8), ("ternary", 12, 42, 2),
    ("binary", 8, 48, 3), ("ternary", 8, 32, 2), ("ternary", 8, 80, 2))]
POWERS = [Case(f"powers{bits}", 8, n) for bits in (3, 4) for n in (1, 4, 8)]
MANY = [Case(weights, 8, terms, share, lanes=WIDE) for weights, terms, share in (
    ("int8", 48, 1), ("int8", 64, 1), ("binary", 84, 3), ("binary", 126, 3), ("ternary", 84, 2),
    ("ternary", 128, 2))]
#: The same products otherwise: a plane of each bit of the weights, and operands bit by bit.
PLANES = [Case("int12", 12, 4, 2), Case("int12", 12, 6, 3), Case("int12", 12, 12, 3),
          Case("int8", 8, 24, 3, lanes=WIDE)]
SERIAL = [Case("binary", 8, 256, serial=True), Case("binary", 12, 256, serial=True),
          Case("ternary", 8, 256, 2, serial=True)]
CASES = [*PLAIN.values(), *BOOTH12, *BOOTH8, *FEW, *MANY, *PLANES, *SERIAL, *POWERS]
#: What `golden.mac.best` chooses from: shares of each kind of weights, and terms a cycle of each.
TERMS = {1: (1, 2, 4, 8, 16), 2: (2, 4, 8, 16, 32, 64), 3: (3, 6, 12, 24, 48)}
SWEEP = [Case(weights, bits, terms, share) for weights, shares in {
    "binary": (1, 2, 3), "ternary": (1, 2), "int4": (1,), "int8": (1,), "int12": (1,),
    "powers3": (1,), "powers4": (1,)}.items()
    for bits in (8, 12) for share in shares for terms in TERMS[share]]


def measured(case: Case) -> dict[str, Any]:
    """Areas, um2: ``each`` product of a cycle, of which ``lane`` x terms and ``shared`` (for all
    lanes, with its buffers); ``ns``, ``structure``: the first that keeps the clock, or the last.

    Errors: as `asic.area.area`, `find_pdk` and `find_yosys`.
    """
    pdk, yosys = find_pdk(), find_yosys()
    assert pdk is not None
    operand = Format(case.bits, case.bits - 1)
    clock = {"clock_ns": TARGET_NS, "input_ns": ARRIVES_NS, "few_loads": True}
    if case.plain:
        kind = WeightKind(case.weights)
        lane = area(emit(PlainLane(operand, kind, case.length)), pdk, yosys, **clock)
        # The operand's register is shared, as everywhere.
        params, structure = ArrayParams(case.weights, operand, case.lanes, 1, case.length), "-"
    else:
        for structure in ("ripple", "carry-save"):
            params = ArrayParams(case.weights, operand, case.lanes, case.terms, case.length,
                                 case.share, structure, serial=case.serial)
            lane = area(emit(Lane(params)), pdk, yosys, **clock)
            if lane["ns"] is None or lane["ns"] <= CLOCK_NS:
                break
    shared = area(emit(Shared(params)), pdk, yosys, **clock)
    buffers = sums_layout(params).size * case.buffers
    common = shared["um2"] + buffers * cell_area(pdk, pdk.buffer)
    return {"case": str(case), "lane": lane["um2"],
            "each": (lane["um2"] + common / case.lanes) / case.terms * params.cycles_per_beat,
            "shared": common, "structure": structure,
            "ns": max(lane["ns"] or 0, shared["ns"] or 0) or None, "timing": lane["timing"],
            "pdk": str(pdk), "tool": lane["tool"], "version": lane["version"],
            "flow": lane["flow"]}


def sweep(say: Say) -> list[dict[str, Any]]:
    """Of `SWEEP` what keeps the clock, as `golden.mac.best` reads it."""
    return [{"weights": case.weights, "bits": case.bits, "terms": case.terms, "share": case.share,
             "structure": answer["structure"], "lane": round(answer["lane"], 1),
             "shared": round(answer["shared"], 1)}
            for case, answer in measure(say, SWEEP).items() if _fits(answer)]


def missing() -> str:
    """Why nothing can be measured, or nothing."""
    try:
        find_yosys()
        return "" if find_pdk() else "PDK_ROOT must be set, to a folder that holds ihp-sg13g2"
    except (ToolError, PdkError) as error:
        return str(error)


def measure(say: Say, cases: list[Case]) -> Found:
    """What `measured` finds of each case."""
    return dict(zip(cases, side_by_side(measured, cases, say, "MAC lanes"), strict=True))


def _each(found: Found) -> Iterator[Row]:
    for case, answer in found.items():
        late = "" if _fits(answer) else f", over the {CLOCK_NS} of 160 MHz"
        yield figure("um2 a product and cycle", str(case), round(answer["each"], 1),
                     f"{answer['structure']}, {answer['ns']} ns by {answer['timing']}{late}; lane "
                     f"{answer['lane']:,.0f}, shared {answer['shared']:,.0f}; {answer['pdk']}, "
                     f"{answer['tool']} {answer['version']}")


def _fits(answer: dict[str, Any]) -> bool:
    return answer["ns"] is None or answer["ns"] <= CLOCK_NS


def smallest(found: Found, weights: str, bits: int, lanes: int = LANES) -> Case:
    """Of the cases of these weights, operands and lanes that keep the clock, the smallest a
    product."""
    return min((case for case, answer in found.items() if not case.plain and _fits(answer)
                and (case.weights, case.bits, case.lanes) == (weights, bits, lanes)),
               key=lambda case: found[case]["each"])


def ratios(found: Found) -> Iterator[Row]:
    """The best binary and ternary arrays against each reference of as many lanes."""
    for reference, name, limits in (
            (BOOTH12[1], "12x12 Booth, 4 terms", {"binary": 12, "ternary": 9}),
            (PLAIN[12], "a 12x12 multiplier a lane", {"binary": 22, "ternary": 17}),
            (min(PLANES[:3], key=lambda case: found[case]["each"]), "12x12 in planes",
             {"binary": None, "ternary": None}),
            (smallest(found, "int8", 8, WIDE), "our best 8x8", {"binary": 8, "ternary": 6.5}),
            (smallest(found, "int8", 8), f"8x8, {LANES} lanes", {"binary": None, "ternary": None})):
        whole = found[reference]
        for weights, limit in limits.items():
            case = smallest(found, weights, reference.bits, reference.lanes)
            each = found[case]["each"]
            given = (f"products an area against {name}", str(case), round(whole["each"] / each, 2))
            how = (f"{whole['each']:,.0f} um2 ({reference}, {whole['structure']}, "
                   f"{whole['ns']} ns) / {each:,.0f}")
            yield at_least(*given, limit, how) if limit else figure(*given, how)


def shares(found: Found) -> Iterator[Row]:
    """Powers of two against an 8x8 Booth array of as many terms."""
    for case in POWERS:
        whole = found[next(other for other in BOOTH8 if other.terms == case.terms)]["each"]
        each = found[case]["each"]
        given = ("area of 8x8 Booth at equal terms", str(case), round(each / whole, 3))
        how = f"{each:,.0f} um2 / {whole:,.0f}"
        if case.terms == 8:
            yield at_most(*given, 0.5 if case.weights == "powers3" else 0.55, how)
        else:
            yield figure(*given, how)


def arrays(say: Say) -> Iterator[Row]:
    """Binary and ternary arrays against multipliers of the same flow."""
    if missing():
        yield figure("products an area", "binary, ternary", None, f"not measured: {missing()}")
        return
    found = measure(say, [case for case in CASES if case not in POWERS])
    yield from _each(found)
    yield from ratios(found)


def powers(say: Say) -> Iterator[Row]:
    """Powers of two against an 8x8 Booth array of as many terms."""
    if missing():
        yield figure("area of 8x8 Booth at equal terms", "powers of two", None,
                     f"not measured: {missing()}")
        return
    found = measure(say, [*BOOTH8, *POWERS])
    yield from _each(found)
    yield from shares(found)


def with_kit(part: Part, say: Say) -> Iterator[Row]:
    """``part``, if the environment's kit is there, or there is no word of one.

    Errors: `BadInput` for a ``PDK_ROOT`` that does not hold it.
    """
    with bad_input("", (PdkError,)):
        find_pdk()
    yield from part(say)


PARTS: dict[str, Part] = {"mac arrays": partial(with_kit, arrays),
                          "powers of two": partial(with_kit, powers)}
