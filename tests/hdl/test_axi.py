import re
from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from golden.design import Stream
from golden.formats import Format
from hdl.axi import AxiStreamTop
from hdl.formats import shape
from hdl.verilog import emit
from tests.hdl.streams import run


def layout(element, elements, **flags):
    return data.StructLayout({"data": data.ArrayLayout(element, elements), "last": 1, **flags})


class Wire(wiring.Component):
    """Passes beats on, elements in reverse order; with a ``w`` stream it waits for one beat of it
    before each."""

    def __init__(self, port, weights=False):
        element, self.elements = shape(port.format), port.elements
        members = {"i": In(stream.Signature(layout(element, port.elements))),
                   "o": Out(stream.Signature(layout(element, port.elements, error=1)))}
        if weights:
            members["w"] = In(stream.Signature(layout(32, 1)))
        self.weights = weights
        super().__init__(members)

    def elaborate(self, _platform):
        m = Module()
        go = self.w.valid if self.weights else 1
        m.d.comb += [self.o.valid.eq(self.i.valid & go), self.i.ready.eq(self.o.ready & go),
                     self.o.p.last.eq(self.i.p.last), self.o.p.error.eq(self.i.p.last)]
        if self.weights:
            m.d.comb += self.w.ready.eq(self.i.valid & self.o.ready)
            m.d.comb += self.o.p.error.eq(self.w.p.data[0][31] ^ self.w.p.last)
        for index in range(self.elements):
            m.d.comb += self.o.p.data[index].eq(self.i.p.data[-1 - index])
        return m


@dataclass(eq=False)
class Ports:
    """AXI4-Stream ports as a stream whose payload is a list of signals."""

    payload: list
    valid: object
    ready: object


def as_stream(top, name, *fields):
    return Ports([getattr(top, f"{name}_{field}") for field in fields],
                 getattr(top, f"{name}_tvalid"), getattr(top, f"{name}_tready"))


PORTS = [Stream(Format(5, 0), 3), Stream(Format(8, 7), 1), Stream(Format(1, 0, False), 9),
         Stream(Format(12, 4), 4)]


@pytest.mark.parametrize("port", PORTS, ids=str)
@pytest.mark.parametrize("idle, stall", [(0, 0), (0.4, 0.6)])
def test_packing_is_golden(port, idle, stall):
    rng = np.random.default_rng(3)
    beats = rng.integers(port.format.minimum, port.format.maximum + 1, (40, port.elements))
    top = AxiStreamTop(Wire(port))
    junk = ~((1 << (port.elements * port.format.width)) - 1) & ((1 << port.width) - 1)
    words = [word | junk for word in port.pack(beats)]  # unused bits in are ignored
    source, sink = top_streams(top)
    (seen,), (taken, given) = run(top, {source: [(w, i % 8 == 7) for i, w in enumerate(words)]},
                                  {sink: len(words)}, idle=idle, stall=stall)
    np.testing.assert_array_equal(port.unpack([word for word, _, _ in seen]), beats[:, ::-1])
    assert all(word >> (port.elements * port.format.width) == 0 for word, _, _ in seen)
    assert [(last, user) for _, last, user in seen] == [(i % 8 == 7,) * 2 for i in range(40)]
    if not stall:
        assert given == [cycle + 1 for cycle in taken]


def top_streams(top):
    return (as_stream(top, "s_axis", "tdata", "tlast"),
            as_stream(top, "m_axis", "tdata", "tlast", "tuser"))


def test_weights():
    port = Stream(Format(8, 0))
    top = AxiStreamTop(Wire(port, weights=True))
    source, sink = top_streams(top)
    weights = as_stream(top, "s_axis_w", "tdata", "tlast")
    (seen,), _ = run(top, {source: [(i, 0) for i in range(30)],
                           weights: [(i << 31 & 0xFFFFFFFF, i >> 1 & 1) for i in range(30)]},
                     {sink: 30}, idle=0.3, stall=0.3)
    assert seen == [(i, 0, (i ^ (i >> 1)) & 1) for i in range(30)]


@pytest.mark.parametrize("reset_at", [3, 9, 14])
def test_reset(reset_at):
    port = Stream(Format(8, 0, False))
    top = AxiStreamTop(Wire(port))
    source, sink = top_streams(top)
    (seen,), _ = run(top, {source: [(i, 0) for i in range(30)]}, {sink: 30}, idle=0.2, stall=0.6,
                     reset_at=reset_at)
    assert [word for word, _, _ in seen] == list(range(30))


@pytest.mark.parametrize("weights", [False, True])
def test_port_names(weights):
    text = emit(AxiStreamTop(Wire(Stream(Format(5, 0), 3), weights)), "chip").text
    head = re.search(r"^module chip\((.*?)\);", text, re.M | re.S)[1]
    inputs = {"clk", "rst", "s_axis_tdata", "s_axis_tvalid", "s_axis_tlast", "m_axis_tready"}
    outputs = {"s_axis_tready", "m_axis_tdata", "m_axis_tvalid", "m_axis_tlast", "m_axis_tuser"}
    if weights:
        inputs |= {"s_axis_w_tdata", "s_axis_w_tvalid", "s_axis_w_tlast"}
        outputs |= {"s_axis_w_tready"}
    assert set(head.split(", ")) == inputs | outputs
    body = text[text.index("module chip("):].split("endmodule")[0]
    for names, direction in ((inputs, "input"), (outputs, "output")):
        assert {name for _, name in re.findall(rf"^  {direction} (\[\d+:0\] )?(\w+);", body, re.M)
                } == names
    assert "input [15:0] s_axis_tdata;" in body
