"""A block small enough to simulate in a test of the front door: every element plus an offset."""

from dataclasses import asdict, dataclass, replace

import numpy as np
from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from golden.check import require_int, require_type
from golden.design import Block, Stream
from golden.formats import Format
from ternstone.catalogue import BlockEntry

__all__ = ["ENTRY", "Fake", "FakeHardware", "FakeParams"]

ENTRY = BlockEntry("tests.ternstone.fake:FakeParams", "tests.ternstone.fake:Fake",
                   "tests.ternstone.fake:FakeHardware", "adds an offset", defaults={"lanes": 2})


@dataclass(frozen=True)
class FakeParams:
    lanes: int
    steps: int = 4
    format: Format = Format(4, 0)
    wrong: bool = False  # hardware that adds one more

    def __post_init__(self):
        require_int("Fake lanes", self.lanes, 1, 16)
        require_int("Fake steps", self.steps, 1, 100)
        require_type("Fake format", self.format, Format)

    def to_dict(self):
        return asdict(self)

    @classmethod
    def from_dict(cls, given):
        given = dict(given)
        if isinstance(given.get("format"), dict):
            given["format"] = Format.from_dict(given["format"])
        return cls(**given)

    def replace(self, **changes):
        return replace(self, **changes)


class Fake(Block):
    name = "fake.adder"

    @staticmethod
    def shapes(params):
        return {"offset": (1,)}

    @property
    def input(self):
        return Stream(self.params.format, self.params.lanes)

    output = input

    def run(self, frames):
        mask = (1 << self.params.format.width) - 1
        sums = [(frame + self.tensors["offset"]) & mask for frame in frames]
        return [np.where(s > self.params.format.maximum, s - mask - 1, s) for s in sums]

    def cycles(self, frames):
        return sum(map(len, frames)) + 1

    @classmethod
    def random(cls, params, rng):
        return cls(params, {"offset": rng.integers(0, 7, 1)})

    def random_frames(self, count, rng):
        low, high = self.params.format.minimum, self.params.format.maximum
        return list(rng.integers(low, high + 1, (count, self.params.steps, self.params.lanes)))


class FakeHardware(wiring.Component):
    """One register: a beat leaves in the cycle after it comes, and back to back."""

    def __init__(self, params, tensors):
        self.params, self.tensors = params, tensors
        width = Fake(params, tensors).input.width
        super().__init__({
            "s_axis_tdata": In(width), "s_axis_tvalid": In(1), "s_axis_tready": Out(1),
            "s_axis_tlast": In(1), "m_axis_tdata": Out(width), "m_axis_tvalid": Out(1),
            "m_axis_tready": In(1), "m_axis_tlast": Out(1), "m_axis_tuser": Out(1)})

    def elaborate(self, _platform):
        m = Module()
        offset = int(self.tensors["offset"][0]) + self.params.wrong
        width = self.params.format.width
        # A memory for the sake of the report; its words are what is added.
        m.submodules.offsets = offsets = Memory(shape=width, depth=2, init=[offset] * 2)
        port = offsets.read_port(domain="comb")
        data = Cat((self.s_axis_tdata.word_select(n, width) + port.data)[:width]
                   for n in range(self.params.lanes))
        m.d.comb += [port.addr.eq(self.s_axis_tlast),
                     self.s_axis_tready.eq(~self.m_axis_tvalid | self.m_axis_tready)]
        with m.If(self.s_axis_tready):
            m.d.sync += [self.m_axis_tvalid.eq(self.s_axis_tvalid), self.m_axis_tdata.eq(data),
                         self.m_axis_tlast.eq(self.s_axis_tlast)]
        return m
