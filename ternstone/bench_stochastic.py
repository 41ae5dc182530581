"""Headline figures of the stochastic family: each is measured on generated hardware, beside its
target."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from fpga.area import ecp5
from fpga.tools import system_yosys
from golden.stochastic.mac import Mac, MacParams
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone.bench import PEERS, Part, Row, Say, at_most, figure, verified
from ternstone.bench_stochastic_area import baselines, estimate, regenerated
from ternstone.bench_stochastic_models import accuracy, equality, faults, latency
from ternstone.designs import Design

__all__ = ["PARTS", "peer"]

#: Stream cycles of ours: the peer's, and so many that a frame and its loading take no more.
LENGTHS = (256, 128)
#: Random products in the peer's own measurement.
TRIALS = 200


def peer(say: Say) -> Iterator[Row]:
    """A multiply-accumulate of 16 pairs of 8-bit numbers, beside the closest peer's."""
    for length in LENGTHS:
        say(f"multiply-accumulate of {length} stream cycles")
        yield from _mac(MacParams(length=length), PEERS["mac-16"])


def _mac(params: MacParams, other: dict[str, Any]) -> Iterator[Row]:
    setting = f"{params.length} stream cycles"
    beside = f"{other['peer']}, {other['tool']} {other['version']}, {other['trust']}"
    block = Mac(params, {})
    frames = list(np.random.default_rng(0).integers(-128, 128, (TRIALS, params.inputs, 2)))
    verdict = verified(f"bench-mac-{params.length}", block, frames)
    if not verdict["passed"]:
        yield figure("mismatches", setting, verdict.get("mismatches"), verdict["failure"],
                     target="0", met=False)
        return
    yield figure("mismatches", setting, verdict["mismatches"], f"{TRIALS} random frames",
                 target="0", met=verdict["mismatches"] == 0)
    sums = np.array(block.run(frames)).ravel() / params.length
    exact = np.array([(frame[:, 0] * frame[:, 1]).sum() / 128**2 for frame in frames])
    error = float(np.sqrt(np.mean((sums - exact) ** 2))) / params.inputs
    yield at_most("RMSE", setting, round(error, 6), other["RMSE"],
                  f"of the mean of 16 products in -1 .. 1, {TRIALS} frames of uniform random "
                  f"numbers; {beside}")
    how = "first operand to answer, loading included; the peer's operands are at its ports"
    if params.length < other["cycles"]:
        yield at_most("cycles", setting, block.cycles(frames[:1]), other["cycles"],
                      f"{how}; {beside}")
    else:
        yield figure("cycles", setting, block.cycles(frames[:1]), how)
    yield from _cells(block, setting, other, beside)


def _cells(block: Mac, setting: str, other: dict[str, Any], beside: str) -> Iterator[Row]:
    """By our Yosys, and by the system's, which may be the one that counted the peer's."""
    verilog = emit(Design("mac", block).component())
    system = system_yosys()
    for of_system in (False, True):
        try:
            if of_system and system is None:
                raise ToolError(f"a yosys must be on PATH, best the peer's {other['version']}")
            area = ecp5(verilog, yosys=system if of_system else None)
        except ToolError as error:
            where = "the system's Yosys" if of_system else "Yosys"
            for name in ("LUT4", "FF"):
                yield figure(name, f"{setting}, {where}", None, f"not measured: {error}",
                             target=f"<= {other[name]:,}")
            continue
        where = f"Yosys {area['version']}"
        cells = (f"ECP5, {area['tool']}, {area['flow'].replace(' -top top', '')}: {area['LUT4']} "
                 f"LUT4, {area['FF']} FFs, {area['carry']} CCU2C; {beside}: {other['LUT4']} LUT4, "
                 f"{other['FF']} FFs, {other['carry']} CCU2C")
        for name in ("LUT4", "FF"):
            yield at_most(name, f"{setting}, {where}", area[name], other[name], cells)
        yield at_most("LUT4 and the LUTs of CCU2C", f"{setting}, {where}",
                      area["LUT4"] + 2 * area["carry"], other["LUT4"] + 2 * other["carry"], cells)


#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {
    "equality": equality,
    "latency": latency,
    "accuracy": accuracy,
    "faults": faults,
    "baselines": baselines,
    "regenerated": regenerated,
    "estimate": estimate,
    "peer": peer,
}
