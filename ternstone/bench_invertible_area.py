"""Area of invertible networks, beside the paper's and the closest peer's.

Whole designs with their stream ports, counted by Yosys (`fpga.area`); the others' figures come from
``peers.json``.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from asic.area import area, cell_area
from asic.pdk import find_pdk
from fpga.area import ecp5, xc7
from fpga.tools import Tool, find_yosys, system_yosys
from golden.invertible.build import network
from golden.invertible.network import Job, simulate
from golden.invertible.params import NetworkParams
from hdl.invertible.network import Network
from hdl.verilog import Verilog, emit
from sim.tools import ToolError
from ternstone.bench import PEERS, Row, Say, at_least, at_most, figure, side_by_side
from ternstone.bench_mac import missing as no_kit

__all__ = ["MULTIPLIERS", "NETWORKS", "PEER", "compared", "multipliers", "peer", "published",
           "shares", "standard_cells", "xc7_cells"]

# -- beside the paper

#: Peer, circuit, width.
NETWORKS = (("invertible-and", "and", 1), ("invertible-full-adder", "full-adder", 1),
            ("invertible-adder-32", "adder", 32))
MULTIPLIERS = (2, 3, 4, 5)


def compared(circuit: str, width: int, finds: bool = False) -> NetworkParams:
    """What is counted: accumulators of a range of 8, noise of 4 bits, two segments, counters of 20
    bits, as a run of the paper's 2**20 cycles takes; ``finds``: also hits and valid states."""
    params = network(circuit, width, scale=1, range=8, noise_bits=4, count_bits=20, segments=2)
    return params if finds else params.replace(gates=())


def xc7_cells(case: tuple[str, int, bool]) -> dict[str, Any]:
    """Cells of a network, given `compared`'s arguments."""
    params = compared(*case)
    return {"spins": params.spins, **xc7(emit(Network(params), "top"), dsp=False)}


def _missing() -> str | None:
    """None, or why cells cannot be counted."""
    try:
        find_yosys()
    except ToolError as error:
        return f"not measured: {error}"
    return None


def published(say: Say) -> Iterator[Row]:
    """LUTs and registers of the circuits of the paper's table 3."""
    if why := _missing():
        yield figure("LUTs and registers", "table 3", None, why)
        return
    cases = [(circuit, width, False) for _, circuit, width in NETWORKS]
    for (name, *_), cells in zip(NETWORKS, side_by_side(xc7_cells, cases, say, "table 3"),
                                 strict=True):
        other = PEERS[name]
        how = (f"{cells['spins']} spins, stream ports and generators included, {_tool(cells)}; "
               f"{other['peer']}: {other['LUT']:,} LUTs, {other['FF']:,} registers, "
               f"{other['trust']}")
        for cell, title in (("LUT", "LUTs"), ("FF", "registers")):
            yield at_most(title, other["work"], cells[cell], other[cell] - 1, how)


def _tool(cells: dict[str, Any]) -> str:
    return f"{cells['tool']} {cells['version']}, {cells['flow'].replace(' -top top', '')}"


def multipliers(say: Say) -> Iterator[Row]:
    """Cells of a multiplier and of each of its spins, for the widths of the paper's table 2."""
    if why := _missing():
        yield figure("LUTs and registers", "table 2", None, why)
        return
    other = PEERS["invertible-multipliers"]
    cases = [("multiplier", width, False) for width in MULTIPLIERS]
    for width, cells in zip(MULTIPLIERS, side_by_side(xc7_cells, cases, say, "multipliers"),
                            strict=True):
        area, spins = other["area"][str(width)], cells["spins"]
        how = (f"{spins} spins, {_tool(cells)}; {other['peer']}: {area:,} um2, {area / spins:,.0f} "
               f"a node, as {area / spins / other['NAND2']:,.0f} NAND2")
        for cell, title in (("LUT", "LUTs"), ("FF", "registers")):
            yield figure(title, f"{width} x {width}", cells[cell], how)
            yield figure(f"{title} a spin", f"{width} x {width}", round(cells[cell] / spins, 1),
                         how)


#: What a cell is counted in, and the clock that ABC sizes for: 200 MHz, as the paper's chip.
NAND2, CLOCK_NS = "sg13g2_nand2_1", 5.0


def _on_cells(width: int) -> dict[str, Any]:
    """NAND2 equivalents of a multiplier's network, whole, on standard cells."""
    pdk = find_pdk()
    assert pdk is not None
    params = compared("multiplier", width)
    found = area(emit(Network(params, {})), pdk, find_yosys(), clock_ns=CLOCK_NS)
    return {**found, "pdk": str(pdk), "spins": params.spins,
            "NAND2": found["um2"] / cell_area(pdk, NAND2)}


def standard_cells(say: Say) -> Iterator[Row]:
    """NAND2 equivalents of a spin on standard cells, beside the paper's table 2."""
    other = PEERS["invertible-multipliers"]
    if why := no_kit():
        yield figure("NAND2 equivalents a spin", "table 2", None, f"not measured: {why}")
        return
    for width, found in zip(MULTIPLIERS, side_by_side(
            _on_cells, MULTIPLIERS, say, "multipliers on standard cells"), strict=True):
        theirs = other["area"][str(width)] / found["spins"] / other["NAND2"]
        yield at_most(
            "NAND2 equivalents a spin", f"{width} x {width}",
            round(found["NAND2"] / found["spins"], 1), round(theirs, 1),
            f"{found['spins']} spins, {found['um2']:,.0f} um2 with stream ports and generators, "
            f"{found['ns']} ns by {found['timing']}, {found['pdk']}, {found['tool']} "
            f"{found['version']}; {other['peer']}: {other['area'][str(width)]:,} um2")


# -- beside the closest peer

#: A 2-bit multiplier, every spin in every cycle; one random sign of weight `NOISE`.
PEER = network("multiplier", 2, scale=1, range=6, noise_bits=2, count_bits=20,
               segments=1).replace(gates=())
NOISE, RUNS, CYCLES = 3, 16, 1 << 16


def shares(products: list[int]) -> dict[int, tuple[float, int]]:
    """Product -> the share of states in which a b is the product, that is clamped, and in how many
    of `RUNS` runs of `CYCLES` cycles, from random spins, all of its factors came up."""
    clamps = np.array([Job((), {"product": product}).bits(PEER) for product in products])
    trace = simulate(PEER, ((CYCLES, NOISE, 0),), clamps.repeat(RUNS, 0), trace=True,
                     seeds=[*range(1, RUNS + 1)] * len(products)).trace
    assert trace is not None
    ports = dict(PEER.ports)
    a, b = (trace[:, 1:, 0, list(ports[name])] @ np.array([1, 2]) for name in "ab")
    found = {}
    for product, own_a, own_b in zip(products, np.split(a, len(products)),
                                     np.split(b, len(products)), strict=True):
        factors = [(x, product // x) for x in (1, 2, 3)
                   if product % x == 0 and product // x < 4]
        seen = [((own_a == x) & (own_b == y)).any(1) for x, y in factors]
        found[product] = (float((own_a * own_b == product).mean()), int(np.all(seen, 0).sum()))
    return found


def peer(say: Say) -> Iterator[Row]:
    """A 2-bit invertible multiplier: cells, cycles a sweep, how often it is right."""
    other = PEERS["invertible-multiplier-2"]
    beside = f"{other['peer']}, {other['tool']} {other['version']}, {other['trust']}"
    setting = "2 x 2"
    say("2 x 2 multiplier, shares of valid states")
    found = shares(list(map(int, other["shares"])))
    for product, share in other["shares"].items():
        measured, seen = found[int(product)]
        how = (f"of {RUNS} x {CYCLES:,} cycles, each from random spins; {beside}: {share}, "
               f"{other['exactness']}")
        yield at_least("share of cycles with a b = P", f"P = {product}", round(measured, 4), share,
                       how)
        if int(product) in (2, 3, 6):
            yield at_least("runs in which both orders came up", f"P = {product}", seen, RUNS, how)
    yield at_most("cycles a sweep", setting, len(PEER.turns), 1,
                  f"every spin moves in every cycle; {beside}: {other['cycles']}")
    say("2 x 2 multiplier, cells")
    verilog = emit(Network(PEER), "top")
    if why := _missing():
        yield figure("LUT4", setting, None, why, target=f"<= {other['LUT4'] - 1:,}")
        return
    # The system's may be the one that counted the peer's.
    for tool in filter(None, (find_yosys(), system_yosys())):
        yield from _beside(verilog, other, beside, setting, tool)


def _beside(verilog: Verilog, other: dict[str, Any], beside: str, setting: str,
            tool: Tool) -> Iterator[Row]:
    loops, cells = _loops(verilog, tool), ecp5(verilog, dsp=False, yosys=tool)
    setting = f"{setting}, Yosys {cells['version']}"
    how = (f"stream ports and generators included, {_tool(cells)}: {cells['LUT4']} LUT4, "
           f"{cells['FF']} FFs, {cells['carry']} CCU2C; {beside}: {other['LUT4']} LUT4, "
           f"{other['FF']} FFs, {other['carry']} CCU2C")
    for name in ("LUT4", "FF"):
        yield at_most(name, setting, cells[name], other[name] - 1, how)
    yield at_most("LUT4 and the LUTs of CCU2C", setting, cells["LUT4"] + 2 * cells["carry"],
                  other["LUT4"] + 2 * other["carry"] - 1, how)
    yield figure("combinational loops, undriven wires, latches", setting, loops,
                 "0 where Yosys' check -assert passes", target="0", met=loops == 0)


def _loops(verilog: Verilog, tool: Tool) -> int:
    """0, or 1 where Yosys finds a loop, a wire without one driver, or a latch."""
    with tempfile.TemporaryDirectory(prefix="ternstone-check-") as name:
        folder = Path(name)
        verilog.write(folder / "design.v")
        (folder / "check.ys").write_text(
            "read_verilog design.v\nhierarchy -top top\nproc\nflatten\ncheck -assert\n"
            "select -assert-none t:$dlatch t:$adlatch t:$dlatchsr\n")
        return int(subprocess.run([*tool.command, "-q", "-s", "check.ys"], cwd=folder, check=False,
                                  capture_output=True).returncode != 0)
