"""Area of stochastic networks: against the classic design and binary radix at equal accuracy, and
of the paper's large network, part by part.

Cells are counted by Yosys for a Xilinx 7 (`fpga.area`), the paper's family. There is no place and
route behind them.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from fpga.area import xc7
from fpga.tools import find_yosys
from golden.design import Block
from golden.formats import Format
from golden.stochastic import timing
from golden.stochastic.arithmetic import RadixParams
from golden.stochastic.cascade import Cascade, split
from golden.stochastic.network import Network
from golden.stochastic.params import Generators, NetworkParams
from golden.stochastic.radix import Radix
from golden.stochastic.tasks import MODELS, TASKS, Task, network_params, train
from golden.stochastic.trainable import with_states
from hdl.formats import shape
from hdl.popcount import BitSum
from hdl.stochastic.generators import NumberBank
from hdl.stochastic.head import Head
from hdl.stochastic.layer import StateMachine, WeightStreams
from hdl.stochastic.network import Network as Top
from hdl.stochastic.network import terms
from hdl.stochastic.radix import Radix as RadixTop
from hdl.verilog import emit
from sim.tools import ToolError
from ternstone.bench import PEERS, Row, Say, at_least, at_most, figure, side_by_side, verified
from ternstone.bench_stochastic_models import RESULTS
from ternstone.designs import Design, open_design

__all__ = ["CLASSIC", "baselines", "estimate", "regenerated"]

#: The classic design: bipolar streams of range 1, XNOR, and shift registers shared by nobody, since
#: sharing costs it accuracy.
CLASSIC: dict[str, Any] = {"coding": "bipolar", "product": "xnor", "m": 1}


def _found() -> str | None:
    """None, or why cells cannot be counted."""
    try:
        find_yosys()
    except ToolError as error:
        return f"not measured: {error}"
    return None


# -- at equal accuracy

def baselines(say: Say) -> Iterator[Row]:
    """Ours, the classic design and binary radix: 64-32-10 on digits, lengths of equal accuracy."""
    why = _found()
    file = RESULTS / "stochastic-accuracy.json"
    table = json.loads(file.read_text()) if file.is_file() else {}
    lacking = [part for part in ("length", "goal", "early") if part not in table]
    if why or lacking:
        yield figure("area and latency against the classic design", "digits", None, why or
                     f"{file.name} has no {', '.join(lacking)}: python -m "
                     f"golden.stochastic.accuracy docs/results/{file.name} {' '.join(lacking)}")
        return
    rows = table["length"]["rows"]
    classic = max((row for row in rows if row["coding"] == "classic"),
                  key=lambda row: row["accuracy"]["mean"])
    ours = [row for row in rows if row["coding"] == "sign" and row["m"] == 1]
    equal = _shortest(ours, classic["accuracy"]["mean"])
    real = max(row["accuracy_float"]["mean"] for row in table["goal"]["rows"])
    # Early decision, at no more than a tenth of a point below the float network.
    stopping = min((row for row in table["early"]["rows"] if row["m"] == 1
                    and row["stop"] == "margin" and row["accuracy"] >= real - 0.1),
                   key=lambda row: row["cycles"], default=None)
    say("training and counting cells")
    plain = TASKS["digits"]
    cases: list[tuple[str, Task, dict[str, Any]]] = [
        ("classic", plain.replace(**CLASSIC, length=classic["length"], tune=0), {}),
        ("ours", plain.replace(m=1, length=equal["length"], tune=equal["tune"]), {}),
        ("binary radix", plain, {})]
    if stopping:
        cases.append(("ours, early decision", plain.replace(m=1), {
            "stop": "margin", "margin": stopping["margin"], "earliest": stopping["earliest"],
            "columns": 4}))
    area = dict(side_by_side(_cells, cases, say, "baselines"))
    for name, row in (("classic", classic), ("ours", equal)):
        yield figure("LUTs", name, area[name]["LUT"],
                     f"{area[name]['FF']} FFs, {area[name]['cycles']} clock cycles of latency, "
                     f"accuracy {row['accuracy']['mean']:.2f} % by cross-validation at "
                     f"{row['length']} stream cycles; {area[name]['flow']}")
    yield at_least("area saved", "beside the classic design",
                   _saved(area["ours"]["LUT"], area["classic"]["LUT"]), 0.45,
                   "1 less the ratio of LUTs, at no lower accuracy")
    yield at_least("latency saved", "beside the classic design",
                   _saved(area["ours"]["cycles"], area["classic"]["cycles"]), 0.62,
                   "1 less the ratio of clock cycles, last input beat to class")
    radix = area["binary radix"]
    yield figure("LUTs", "binary radix", radix["LUT"],
                 f"{radix['FF']} FFs, {radix['period']} clock cycles a frame; weights and hidden "
                 "values of as many bits as ours, its accuracy taken for the float network's, "
                 f"{real:.2f} %")
    if not stopping:
        yield at_least("area x cycles saved", "beside binary radix", 0, 0.21,
                       "no margin is within a tenth of a point of the float network")
        return
    own = area["ours, early decision"]
    yield figure("LUTs", "ours, early decision", own["LUT"],
                 f"{own['FF']} FFs, {own['period']:.1f} clock cycles a frame over 360 held-out "
                 f"digits, accuracy {stopping['accuracy']:.2f} % by cross-validation, stopping at "
                 f"a margin of {stopping['margin']}")
    yield at_least("area x cycles saved", "beside binary radix",
                   _saved(own["LUT"] * own["period"], radix["LUT"] * radix["period"]), 0.21,
                   f"{own['LUT'] * own['period']:,.0f} beside {radix['LUT'] * radix['period']:,} "
                   "LUTs x clock cycles a frame; stands for energy until there is a measurement "
                   "on cells")


def _saved(ours: float, theirs: float) -> float:
    return round(1 - ours / theirs, 3)


def _shortest(rows: list[dict[str, Any]], wanted: float) -> dict[str, Any]:
    """The row of the shortest streams that are accurate enough, else the most accurate one."""
    enough = [row for row in rows if row["accuracy"]["mean"] >= wanted]
    return min(enough, key=lambda row: row["length"]) if enough else max(
        rows, key=lambda row: row["accuracy"]["mean"])


def _cells(case: tuple[str, Task, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    name, task, changes = case
    if name == "binary radix":
        return name, _radix(task.weight_bits + 1)
    params, tensors = train(task).quantise()
    params = params.replace(**changes)
    if name == "classic":
        params = params.replace(
            x=Generators("lfsr", params.inputs, seed=0),
            layers=tuple(part.replace(w=Generators("lfsr", part.terms, seed=n + 1))
                         for n, part in enumerate(params.layers)))
    design = Design(name, Network(params, tensors), "digits")
    frames = design.feed(360, seed=0).frames
    cells = xc7(emit(Top(params, tensors), "top"))
    return name, {**cells, "cycles": params.length + timing.depth(params) + 1,
                  "period": design.block.cycles(frames) / len(frames)}


def _radix(bits: int) -> dict[str, Any]:
    """Both layers with a multiplier a neuron, an input a clock cycle, and no multiplier blocks."""
    total: dict[str, Any] = {"LUT": 0, "FF": 0, "period": 0}
    rng = np.random.default_rng(0)
    for inputs, outputs, code in ((64, 32, Format(5, 4, signed=False)),
                                  (32, 10, Format(bits, bits, signed=False))):
        params = RadixParams(inputs, outputs, weights=f"int{bits}", input=code, lanes=outputs,
                             shift=12, scale_width=8, bias_width=20, width=bits)
        block = Radix.random(params, rng)
        cells = xc7(emit(RadixTop(params, block.tensors), "top"), dsp=False)
        total["LUT"] += cells["LUT"]
        total["FF"] += cells["FF"]
        total["period"] = max(total["period"], inputs, outputs)
    return total


# -- streams made anew

def regenerated(say: Say) -> Iterator[Row]:
    """digits-stochastic, all streams of 64 cycles: handed on, and made anew before the head."""
    why = _found()
    ready = open_design("digits-stochastic", None, {})
    plain = ready.block.params.replace(length=64, columns=8)
    blocks: dict[str, Block] = {
        "handed on": Network(plain, ready.block.tensors),
        "made anew": Cascade.of(split(plain, [64, 64]), ready.block.tensors)}
    for name, block in blocks.items():
        say(f"streams {name}")
        design = Design("bench-regenerated", block, "digits", ready.info)
        frames = design.feed(360, seed=0).frames
        verdict = verified(design.name, block, frames)
        yield figure("mismatches", f"streams {name}", verdict.get("mismatches"),
                     verdict["failure"] or f"360 digits, {verdict['cycles']} clock cycles as "
                     f"golden says, {block.cycles(frames[:1])} for the first",
                     target="0", met=verdict["passed"])
        if why:
            yield figure("LUTs", f"streams {name}", None, why)
            continue
        cells = xc7(emit(design.component(), "top"))
        yield figure("LUTs", f"streams {name}", cells["LUT"],
                     f"{cells['FF']} FFs; {cells['flow']}")


# -- the paper's network

def estimate(say: Say) -> Iterator[Row]:
    """784-100-200-10 in parallel: generators, weights, products, neurons, head, added up."""
    why = _found()
    for m, length in ((1, 1024), (2, 512), (4, 256)):
        other = PEERS[f"stochastic-784-m{m}"]
        setting = f"784-100-200-10, m = {m}, {length} stream cycles"
        if why:
            yield figure("LUTs, estimated", setting, None, why)
            continue
        yield from _estimate(say, setting, m, length, other)


def _estimate(say: Say, setting: str, m: int, length: int,
              other: dict[str, Any]) -> Iterator[Row]:
    task = TASKS["mnist"].replace(m=m, length=length)
    params = network_params(task)
    block, whence = _weights(params)
    params = block.params
    jobs: list[tuple[str, NetworkParams, dict[str, np.ndarray], int]] = [
        (part, params, block.tensors, n) for n in range(3) for part in ("weights", "neurons")]
    jobs += [("inputs", params, block.tensors, 0), ("head", params, block.tensors, 2)]
    parts = {"inputs and their numbers": 0, "numbers and levels of weights": 0, "products": 0,
             "neurons": 0, "head": 0}
    registers = 0
    names = {"weights": "numbers and levels of weights", "neurons": "neurons",
             "inputs": "inputs and their numbers", "head": "head"}
    for (part, *_), cells in zip(jobs, side_by_side(_part, jobs, say, setting), strict=True):
        parts[names[part]] += cells["LUT"]
        registers += cells["FF"]
    for part, weight in zip(params.layers, terms(params, block.tensors), strict=True):
        # An AND a bit; what of it a neuron's first look-up table could take in is not deducted.
        parts["products"] += sum(len(np.unique(column[column != 0])) * part.m.bit_length()
                                 for column in weight.T)
    total = sum(parts.values())
    how = ", ".join(f"{count:,} {name}" for name, count in parts.items())
    yield at_most("LUTs, estimated", setting, total, round(other["LUT"] * 2 / 3),
                  f"{how}; {registers:,} FFs; weights {whence}; at most two thirds of the "
                  f"{other['LUT']:,} of {other['peer']}, {other['trust']}")
    yield figure("clock cycles of latency", setting, length + timing.depth(params) + 1,
                 f"the paper's: {other['cycles']}")


def _weights(params: NetworkParams) -> tuple[Network, str]:
    """The trained network where there is one; weights of its shape otherwise."""
    from golden import modelfile
    from ternstone.designs import MODELS as FOLDER

    path = FOLDER / "mnist-stochastic.safetensors"
    if "mnist-stochastic" in MODELS and path.is_file():
        _, trained, tensors, _ = modelfile.load(path)
        # Trained with one stream a weight: m of them have m times the variance.
        layers = tuple(with_states(part.replace(weight_bits=own.weight_bits), own.states * part.m)
                       for part, own in zip(params.layers, trained.layers, strict=True))
        return Network(params.replace(layers=layers), tensors), "of mnist-stochastic"
    return Network.random(params, np.random.default_rng(0)), "random, normal"


class _Inputs(wiring.Component):
    """Some inputs' registers and comparators, and the numbers."""

    def __init__(self, params: NetworkParams, inputs: int):
        self.params, self.inputs = params, inputs
        super().__init__({
            "write": In(1), "begin": In(1), "step": In(1), "first": In(1),
            "i": In(shape(params.input)), "o": Out(inputs)})

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        p = self.params
        loaded = Signal(self.inputs * p.input.width, reset_less=True)
        codes = Signal(data.ArrayLayout(unsigned(p.input.width), self.inputs), reset_less=True)
        with m.If(self.write):
            m.d.sync += loaded.eq(Cat(loaded, self.i)[p.input.width:])
        with m.If(self.begin):
            m.d.sync += codes.as_value().eq(loaded)
        m.submodules.numbers = bank = NumberBank(p.x, p.input.fraction, p.length)
        m.d.comb += [bank.step.eq(self.step), bank.first.eq(self.first)]
        m.d.sync += [self.o[n].eq(codes[n] > bank.o[n % p.x.count]) for n in range(self.inputs)]
        return m


class _Neuron(wiring.Component):
    """A neuron behind its products: the tree, and the FSM or a score."""

    def __init__(self, params: Any, weight: np.ndarray):
        self.params = params
        width = params.m.bit_length()
        self.terms = [(bit, -1 if value < 0 else 1) for value in weight.tolist() if value
                      for bit in range(width)]
        members = {"i": In(len(self.terms)), "step": In(1), "restart": In(1)}
        members["o"] = Out(params.sum_format.width if params.head else 1)
        super().__init__(members)

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        p = self.params
        m.submodules.tree = tree = BitSum(self.terms, p.tree_stages)
        m.d.comb += tree.i.eq(self.i)
        if p.head:
            m.d.comb += self.o.eq(tree.o)
            return m
        m.submodules.state = state = StateMachine(p)
        m.d.comb += [state.sum.eq(tree.o), state.step.eq(self.step),
                     state.restart.eq(self.restart), self.o.eq(state.o)]
        return m


#: Neurons of a layer that are synthesised; the others are taken for their mean.
SAMPLE = 3
#: Inputs that are synthesised, of 784.
INPUTS = 49


def _part(job: tuple[str, NetworkParams, dict[str, np.ndarray], int]) -> dict[str, int]:
    """LUTs and registers of one part of the whole network."""
    part, params, tensors, n = job
    layer, weight = params.layers[n], terms(params, tensors)[n]
    if part == "head":
        return _only(xc7(emit(Head(params), "top")))
    if part == "inputs":
        cells = _only(xc7(emit(_Inputs(params, INPUTS), "top")))
        return {name: round(count * params.inputs / INPUTS) for name, count in cells.items()}
    if part == "weights":
        return _only(xc7(emit(WeightStreams(layer, weight, params.length), "top")))
    picked = [row for row in weight[:: max(1, len(weight) // SAMPLE)] if np.any(row)][:SAMPLE]
    cells_of = [_only(xc7(emit(_Neuron(layer, row), "top"))) for row in picked]
    return {name: round(sum(cells[name] for cells in cells_of) / len(picked) * len(weight))
            for name in ("LUT", "FF")}


def _only(cells: dict[str, Any]) -> dict[str, int]:
    return {name: cells[name] for name in ("LUT", "FF")}
