# amaranth: UnusedElaboratable=no
import random

import pytest
from amaranth.hdl import signed
from amaranth.lib import data
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.stream import Queue, SkidBuffer
from hdl.verilog import emit
from tests.hdl.streams import run

STALLS = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (0.9, 0.1), (0.1, 0.9)]


def payloads(count, seed=0):
    return [random.Random(seed).randint(-2**11, 2**11 - 1) for _ in range(count)]


MAKE = {"skid": lambda: SkidBuffer(signed(12)),
        **{f"queue{depth}": lambda depth=depth: Queue(signed(12), depth)
           for depth in (2, 3, 15, 16, 17, 40)}}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@pytest.mark.parametrize("idle, stall", STALLS)
def test_order(make, idle, stall):
    component, sent = make(), payloads(150)
    (seen,), _ = run(component, {component.i: sent}, {component.o: 150}, idle=idle, stall=stall)
    assert seen == sent


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_latency_and_throughput(make):
    component, sent = make(), payloads(60)
    _, (taken, given) = run(component, {component.i: sent}, {component.o: 60})
    assert taken == list(range(60))
    assert given == [cycle + 1 for cycle in taken]


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@pytest.mark.parametrize("reset_at", [1, 2, 7, 20, 33])
def test_reset(make, reset_at):
    component, sent = make(), payloads(50)
    (seen,), _ = run(component, {component.i: sent}, {component.o: 50}, idle=0.2, stall=0.6,
                     seed=reset_at, reset_at=reset_at)
    assert seen == sent


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 40), st.floats(0, 0.9), st.floats(0, 0.9), st.integers(0, 99))
def test_queue_of_any_depth(depth, idle, stall, seed):
    queue, sent = Queue(signed(12), depth), payloads(80, seed)
    (seen,), _ = run(queue, {queue.i: sent}, {queue.o: 80}, idle=idle, stall=stall, seed=seed)
    assert seen == sent


@pytest.mark.parametrize("depth", [2, 5, 16, 21])
def test_queue_fills_and_tells_its_level(depth):
    queue = Queue(8, depth)

    async def testbench(ctx):
        ctx.set(queue.i.valid, 1)
        for count in range(depth):
            assert ctx.get(queue.level) == count
            assert ctx.get(queue.i.ready)
            ctx.set(queue.i.payload, count)
            await ctx.tick()
        assert ctx.get(queue.level) == depth
        assert not ctx.get(queue.i.ready)
        ctx.set(queue.o.ready, 1)
        await ctx.tick()
        assert ctx.get(queue.level) == depth - 1
        assert ctx.get(queue.i.ready)

    simulator = Simulator(queue)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("make", [lambda shape: Queue(shape, 2), lambda shape: Queue(shape, 16),
                                  SkidBuffer])
def test_payload_keeps_its_shape(make):
    layout = data.StructLayout({"values": data.ArrayLayout(signed(5), 3), "last": 1})
    component = make(layout)
    assert component.o.payload.shape() == layout
    sent = [{"values": [-16, i, 15], "last": i & 1} for i in range(-8, 8)]
    (seen,), _ = run(component, {component.i: sent}, {component.o: len(sent)}, stall=0.5)
    assert seen == [layout.const(payload).as_bits() for payload in sent]


def test_deep_queue_reads_synchronously():
    assert "always @(posedge clk)\n    if (r_en)" in emit(Queue(8, 16)).text
    assert "assign r_data = contents[r_addr];" in emit(Queue(8, 15)).text


def test_init_wrong():
    with pytest.raises(ValueError, match=r"^Queue depth must be at least 2, not 1$"):
        Queue(8, 1)
