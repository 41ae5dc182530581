"""``ternstone bench peers``: our designs for the peers' work, on the same device.

The same shapes, widths and boundary; where they differ, the row says how. Ours are built for an
ECP5-85 (`fpga.build`, block alone) and simulated; the peers' figures come from ``peers.json``.
LUTs are LUT4s and what carry cells (two each) and LUT RAMs (four each) take of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fpga.area import ecp5
from fpga.boards import BOARDS
from fpga.build import build
from fpga.tools import system_yosys
from golden.design import Block
from golden.formats import Format
from golden.invertible.build import network as spins
from golden.invertible.network import Job
from golden.invertible.network import Network as Spins
from golden.invertible.params import NetworkParams as SpinParams
from golden.lstm.dense import Dense
from golden.lstm.network import Network
from golden.lstm.params import DenseParams, LayerParams, NetworkParams
from golden.stochastic.mac import Mac, MacParams
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone import bench_invertible_area, bench_sparse_conv_array
from ternstone.bench import PEERS, Part, Row, Say, at_most, figure, verified
from ternstone.bench_lstm_area import DESIGNS, block_of, step_cycles, vector_cycles
from ternstone.designs import Design
from ternstone.fpga import CACHE, figures, outline

__all__ = ["PARTS", "TWINS", "Twin", "cost", "luts"]

BOARD, MHZ = BOARDS["ulx3s-85f"], 100.0
#: Of place and route. The peers' are of one; so the slowest of ours is what counts.
SEEDS = range(1, 4)

#: Block, frames, cycles for one piece of the peer's work, and what that piece is.
Made = tuple[Block, list[np.ndarray], float, str]


@dataclass(frozen=True)
class Twin:
    """One of ours beside one of theirs.

    make:      makes `Made`
    boundary:  what is not the same
    ranked:    whether it must be ahead on LUTs x cycles / Fmax
    dsp:       whether multiplications may become multipliers of the device
    """

    name: str
    peer: str
    make: Callable[[], Made]
    boundary: str
    ranked: bool = False
    dsp: bool = True


def _recurrent(name: str) -> Made:
    case = next(case for case in DESIGNS if case.name == name)
    block = block_of(case, 10)
    cycles, what = step_cycles(case)
    return block, block.random_frames(20, np.random.default_rng(1)), cycles, what


def _ternary() -> Made:
    params = next(case.params for case in DESIGNS if case.name == "dense-64-64-ternary")
    assert isinstance(params, DenseParams)
    return _dense(params)


def _dense(params: DenseParams) -> Made:
    rng = np.random.default_rng(0)
    block = Dense.random(params, rng)
    frames = block.random_frames(200, rng)
    return block, frames, *vector_cycles(block, frames)


def _gru() -> Made:
    """Two layers, eight multiplications a cycle between them, as the peer's."""
    sizes: dict[str, Any] = {"cell": "gru", "weights": "int8", "input": Format(16, 15),
                             "activation": Format(16, 15), "state": Format(20, 16), "sum_shift": 8,
                             "scale_width": 12, "shift": 12, "interval": 6}
    params = NetworkParams((LayerParams(8, 16, lanes=3, **sizes),
                            LayerParams(16, 16, lanes=3, columns=2, **sizes)), None, 16)
    rng = np.random.default_rng(0)
    block = Network.random(params, rng)
    frames = block.random_frames(40, rng)
    steps = params.steps * len(frames)
    return (block, frames, round(block.cycles(frames) / steps, 1),
            f"a step, of {steps} in frames of {params.steps}, random inputs")


def _convolution(weights: str) -> Made:
    case = next(case for case in bench_sparse_conv_array.PEER if case[1] == weights)
    block, frames = bench_sparse_conv_array.beside(*case[1:])
    return (block, frames, block.cycles(frames),
            "one frame, first beat to the last of the answer, nothing zero")


def _spins(params: SpinParams) -> Made:
    block = Spins(params, {})
    free = [Job(((1000, 1, 0),)).frame(params) for _ in range(3)]
    return block, free, len(params.turns), "a sweep"


def _mac() -> Made:
    block = Mac(MacParams(), {})
    frames = block.random_frames(100, np.random.default_rng(0))
    return block, frames, block.cycles(frames[:1]), "a sum of 16 products, loading included"


def _and() -> SpinParams:
    return spins("and", 1, scale=1, range=6, noise_bits=2, count_bits=20,
                 segments=1).replace(gates=())


TWINS = (
    Twin("LSTM 1 to 20, head 20 to 1, int8", "lstm-1-20-ecp5",
         lambda: _recurrent("lstm-1-20-int8"), "weights baked in, both; ours has stream ports",
         ranked=True),
    Twin("LSTM 1 to 20, head 20 to 1, ternary", "lstm-1-20-ecp5",
         lambda: _recurrent("lstm-1-20-ternary"), "ours: ternary weights in place of 8 bits"),
    Twin("LSTM 8 to 16, int8", "lstm-8-16-ecp5", lambda: _recurrent("lstm-8-16-int8"),
         "weights baked in, both"),
    Twin("GRU 8 to 16 to 16, int8, 16-bit activations", "gru-8-16-16", _gru,
         "theirs: weights streamed in, sized for 1,024 units; ours: weights baked in, its size"),
    Twin("dense 64 x 64, int4 x int4, weights streamed", "dense-64-64-int4",
         lambda: _dense(DenseParams(64, 64, weights="int4", input=Format(4, 0), raw=True, lanes=64,
                                    store="stream")),
         "weights streamed in, sums of full width out, both; ours one a cycle in a stream, theirs "
         "eight side by side", ranked=True, dsp=False),
    Twin("dense 64 x 64, ternary x int8, weights streamed", "dense-64-64-ecp5",
         _ternary,
         "weights streamed in, both; ours one sum a cycle in a stream, theirs all 64 at once",
         ranked=True, dsp=False),
    Twin("convolution 8x8x16 to 16, ternary", "conv-8x8-ternary", lambda: _convolution("ternary"),
         "theirs: with its DMA and control, its narrowest setting; ours: streams"),
    Twin("convolution 8x8x16 to 16, int8", "conv-8x8-int8", lambda: _convolution("int8"),
         "theirs: with its DMA and control, its narrowest setting; ours: streams"),
    Twin("invertible 2-bit multiplier", "invertible-multiplier-2",
         lambda: _spins(bench_invertible_area.PEER),
         "ours: clamps, schedule and counters behind streams; theirs: ports, no counters",
         ranked=True, dsp=False),
    Twin("invertible AND", "invertible-and-2025", lambda: _spins(_and()),
         "ours: clamps, schedule and counters behind streams; theirs: clamped by parameters",
         dsp=False),
    Twin("stochastic MAC of 16 pairs, 256 stream cycles", "mac-16", _mac,
         "ours: operands through a stream; theirs: at its ports", dsp=False),
)


def luts(cells: Mapping[str, Any]) -> int:
    """LUT4s, with those in carry cells and in LUT RAMs."""
    return cells["LUT4"] + 2 * cells.get("carry", 0) + 4 * cells.get("LUT RAM", 0)


def cost(found: Mapping[str, Any]) -> float | None:
    """LUTs x cycles / MHz; None without an Fmax."""
    return luts(found) * found["cycles"] / found["mhz"] if found.get("mhz") else None


def twins(say: Say) -> Iterator[Row]:
    """Each twin: bits, then cells, cycles and Fmax."""
    for number, twin in enumerate(TWINS):
        say(f"{twin.name} ({number} of {len(TWINS)} done)")
        yield from _measured(twin)


def _measured(twin: Twin) -> Iterator[Row]:
    theirs = PEERS[twin.peer]
    block, frames, cycles, piece = twin.make()
    design = Design("bench-peers-" + "-".join(twin.name.replace(",", "").split()), block)
    verdict = verified(design.name, block, frames)
    yield figure("mismatches", twin.name, verdict.get("mismatches"), verdict["failure"] or
                 f"{verdict['beats']} beats, {verdict['cycles']:,} cycles as golden says; "
                 f"{theirs['peer']}: {theirs['exactness']}", target="0", met=verdict["passed"])
    beside = (f"{theirs['peer']}: {_said(theirs)}, Yosys {theirs['version']}, {theirs['flow']}, "
              f"{theirs['trust']}; {twin.boundary}")
    try:
        synthesis = outline(design, BOARD, MHZ, lambda what: None, dsp=twin.dsp)
        built = build(synthesis, CACHE, SEEDS)
    except ToolError as error:
        yield figure("LUTs x cycles / MHz", twin.name, None, f"not measured: {error}")
        return
    mhz = min(routed.slowest for routed in built.seeds)
    ours = {**synthesis.cells, "MULT18": synthesis.cells["DSP"], "cycles": cycles,
            "mhz": round(mhz, 1)}
    tools = figures(design, built)["tools"]
    how = (f"{_said(ours)} of {', '.join(f'{r.slowest:.1f}' for r in built.seeds)}; cycles: "
           f"{piece}; {tools['yosys']}, {tools['nextpnr-ecp5']}; {beside}")
    measured, limit = cost(ours), cost(theirs)
    assert measured is not None
    if twin.ranked:
        assert limit is not None
        row = at_most("LUTs x cycles / MHz", twin.name, round(measured, 1), round(limit, 1), how)
    else:
        row = figure("LUTs x cycles / MHz", twin.name, round(measured, 1), how)
    yield row | {"ours": ours, "theirs": {**theirs, "cost": limit}, "boundary": twin.boundary}
    system = system_yosys()
    if system:
        cells = ecp5(emit(design.component()), dsp=twin.dsp, yosys=system)
        yield figure(f"LUTs, {system}", twin.name,
                     luts({**cells, "LUT RAM": cells["DPR16X4"]}),
                     f"{cells['LUT4']:,} LUT4, {cells['carry']:,} CCU2C, {cells['FF']:,} FF, "
                     f"{cells['RAM']} DP16KD, {cells['MULT18']} MULT18; {beside}")


def _said(found: Mapping[str, Any]) -> str:
    mhz = f", {found['mhz']:g} MHz" if found.get("mhz") else ", no Fmax"
    return (f"{found['LUT4']:,} LUT4, {found.get('carry', 0):,} CCU2C, {found['FF']:,} FF, "
            f"{found.get('RAM', 0)} DP16KD, {found.get('MULT18', 0)} MULT18, "
            f"{found['cycles']:,} cycles{mhz}")


#: The parts, in the order in which they are shown.
PARTS: dict[str, Part] = {"twins": twins}
