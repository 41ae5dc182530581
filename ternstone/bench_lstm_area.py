"""Area: the MAC array alone, and whole designs beside what peers' take for the same work.

Cells are counted by Yosys (`fpga.area`); a peer's figures come from ``peers.json``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fpga.area import ice40
from fpga.tools import find_yosys
from golden.design import Block
from golden.formats import Format
from golden.lstm.dense import Dense
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams
from golden.weights import WeightKind, accumulator_width
from hdl.lstm.mac_array import MacArray
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone.bench import PEERS, Row, Say, at_most, figure, side_by_side, verified
from ternstone.bench_lstm_states import set_states
from ternstone.designs import Design

__all__ = ["ARRAYS", "DESIGNS", "Beside", "array", "block_of", "peers", "step_cycles",
           "vector_cycles"]

# -- the array alone

#: Lanes are copies of each other; more of them cost a synthesis minutes and the figure nothing.
LANES, TERMS = 4, 256
ARRAYS = [(kind, columns) for kind in ("binary", "ternary", "int4", "int8", "int12")
          for columns in (1, 2, 4, 8)]


def array(say: Say) -> Iterator[Row]:
    """LUTs of the array per product and cycle, without multiplier blocks."""
    try:
        find_yosys()
    except ToolError as error:
        yield figure("array, LUTs a MAC", "all", None, f"not measured: {error}")
        return
    yield from side_by_side(_array, ARRAYS, say, "MAC arrays")


def _array(case: tuple[str, int]) -> Row:
    kind, columns = WeightKind(case[0]), case[1]
    operand = Format(8, 7)
    width = accumulator_width(operand, kind, TERMS)
    area = ice40(emit(MacArray(kind=kind, lanes=LANES, columns=columns, batch=1, operand=operand,
                               widths={"x": width})), dsp=False)
    return figure("array, LUTs a MAC", f"{kind.name}, {columns} columns",
                  round(area["LUT4"] / LANES / columns, 1),
                  f"iCE40, {LANES} lanes: {area['LUT4']} LUTs, {area['FF']} FFs; accumulators of "
                  f"{width} bits for {TERMS} terms; {_tool(area)}")


def _tool(area: dict[str, Any]) -> str:
    return f"{area['tool']} {area['version']}, {area['flow'].replace(' -top top', '')}"


# -- beside the peers

@dataclass(frozen=True)
class Beside:
    """One design of ours for a peer's work, and what it must reach.

    params:   of the design, as short names that `block_of` expands
    limits:   figure -> (share of the peer's figure): ``LUT4``, ``cycles``, ``MAC16``, ``RAM``, and
              ``LUT4 x cycles``
    """

    name: str
    peer: str
    params: LayerParams | DenseParams
    limits: dict[str, float]
    head: DenseParams | None = None
    dsp: bool = True


_FORMATS: dict[str, Any] = {"joint": True, "shift": 6, "pre": Format(8, 4),
                            "state": Format(12, 8), "input": Format(8, 7), "scale_width": 8}
_HEAD: dict[str, Any] = {"shift": 6, "scale_width": 8, "output": Format(8, 4)}
_TERNARY: dict[str, Any] = {**_FORMATS, "weights": "ternary", "interval": 1, "sum_shift": 2,
                            "bias_width": 14}
_INT8: dict[str, Any] = {**_FORMATS, "weights": "int8", "lanes": 4, "interval": 8, "sum_shift": 5,
                         "bias_width": 16}
_TENTH = {"LUT4 x cycles": 0.1}
_NO_MORE = {"cycles": 0.55, "LUT4": 1, "MAC16": 1, "RAM": 1}

DESIGNS = (
    Beside("lstm-1-20-ternary", "lstm-1-20", LayerParams(1, 20, lanes=40, **_TERNARY), _TENTH,
           DenseParams(20, 1, weights="ternary", bias_width=14, **_HEAD)),
    Beside("lstm-1-20-int8", "lstm-1-20", LayerParams(1, 20, **_INT8), _NO_MORE,
           DenseParams(20, 1, weights="int8", sum_shift=5, bias_width=16, **_HEAD)),
    Beside("lstm-8-16-ternary", "lstm-8-16", LayerParams(8, 16, lanes=32, **_TERNARY), _TENTH),
    Beside("lstm-8-16-int8", "lstm-8-16", LayerParams(8, 16, **_INT8), _NO_MORE),
    Beside("dense-64-64-ternary", "dense-64-64", DenseParams(
        64, 64, weights="ternary", raw=True, lanes=64, store="stream"),
        {"LUT4": 0.5, "cycles": 1}, dsp=False),
)

#: Sequences of the peer's own measurement, and steps in each; vectors of a dense product.
SEQUENCES, STEPS, VECTORS = 500, 10, 200
#: Steps of the two sequences whose difference is the steady state.
SHORT, LONG = 8, 16


def peers(say: Say) -> Iterator[Row]:
    """Our designs for the work of the closest peers: bits, cycles, cells."""
    for rows in side_by_side(_beside, DESIGNS, say, "beside the peers"):
        yield from rows


def block_of(case: Beside, steps: int) -> Block:
    rng = np.random.default_rng(0)
    if isinstance(case.params, DenseParams):
        return Dense.random(case.params, rng)
    return Network.random(NetworkParams((case.params,), case.head, steps), rng)


def _beside(case: Beside) -> list[Row]:
    block = block_of(case, STEPS)
    rng = np.random.default_rng(1)
    frames = block.random_frames(VECTORS if isinstance(block, Dense) else SEQUENCES, rng)
    peer = PEERS[case.peer]
    rows = [_mismatches(case, f"bench-{case.name}", block, frames, peer)]
    if isinstance(block, Dense):
        rows.append(_mismatches(case, f"bench-{case.name}", block, frames[:50], peer, 0.3))
        cycles, how = vector_cycles(block, frames)
    else:
        cycles, how = step_cycles(case)
    measured = {"cycles": cycles}
    hows = {"cycles": how}
    try:
        area = ice40(emit(Design(case.name, block).component()), dsp=case.dsp)
    except ToolError as error:
        missing = f"not measured: {error}"
    else:
        measured |= {name: area[name] for name in ("LUT4", "RAM", "MAC16")}
        measured["LUT4 x cycles"] = area["LUT4"] * cycles
        cells = (f"{area['LUT4']} LUTs, {area['FF']} FFs, {area['MAC16']} MAC16, "
                 f"{area['RAM']} RAM, {cycles:g} cycles; {_tool(area)}")
        hows |= dict.fromkeys(("LUT4", "RAM", "MAC16", "LUT4 x cycles"), cells)
    beside = f"{peer['peer']}, {peer['tool']} {peer['version']}, {peer['trust']}"
    for name, share in case.limits.items():
        whole = peer["LUT4"] * peer["cycles"] if name == "LUT4 x cycles" else peer[name]
        of = f"{share:g} of the {whole:,} of {beside}"
        if name in measured:
            rows.append(at_most(name, case.name, measured[name], share * whole,
                                f"{hows[name]}; {of}"))
        else:
            rows.append(figure(name, case.name, None, missing,
                               target=f"<= {share * whole:,.10g}"))
    return rows


def _mismatches(case: Beside, name: str, block: Block, frames: list[np.ndarray],
                peer: dict[str, Any], pause: float = 0) -> Row:
    setting = f"{case.name}, {'stalled' if pause else 'back to back'}"
    verdict = verified(name, block, frames, idle=pause, stall=pause)
    if not verdict["passed"]:
        return figure("mismatches", setting, verdict.get("mismatches"), verdict["failure"],
                      target="0", met=False)
    cycles = "" if pause else f", {verdict['cycles']} cycles as golden says"
    return figure("mismatches", setting, verdict["mismatches"],
                  f"{len(frames)} random frames, random tensors, {verdict['beats']} beats{cycles}; "
                  f"{peer['peer']}: {peer['exactness']}",
                  target="0", met=verdict["mismatches"] == 0)


def vector_cycles(block: Block, frames: list[np.ndarray]) -> tuple[float, str]:
    """Cycles from vector to vector: of golden's formula, which the simulation confirmed."""
    half = len(frames) // 2
    cycles = (block.cycles(frames) - block.cycles(frames[:half])) / (len(frames) - half)
    return cycles, "a vector, back to back"


def step_cycles(case: Beside) -> tuple[float, str]:
    """Cycles from step to step in one sequence with neither a zero state nor a zero input,
    simulated: what data cannot make longer."""
    block = block_of(case, LONG)
    assert isinstance(block, Network)
    # Without the weights' sums the biases alone set the states.
    still = {name: np.zeros_like(value) if "scale" in name else value
             for name, value in block.tensors.items()}
    cycles = {}
    frame = np.random.default_rng(2).integers(1, 128, (LONG * case.params.inputs, 1))
    for steps in (SHORT, LONG):
        dense = set_states(Network(block.params.replace(steps=steps), still),
                           np.zeros(case.params.hidden, dtype=bool))
        frames = [frame[:steps * case.params.inputs]]
        assert all((h != 0).all() for h in dense.trace(frames))
        if steps == LONG:
            verdict = verified(f"bench-{case.name}-dense", dense, frames)
            assert verdict["passed"], verdict["failure"]
        cycles[steps] = dense.cycles(frames)
    return ((cycles[LONG] - cycles[SHORT]) / (LONG - SHORT),
            "a step, nothing zero, in the steady state of a sequence")
