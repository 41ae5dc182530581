"""Feeds streams of a component in Amaranth's simulator, and collects from them."""

import random

from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

__all__ = ["run"]


def _set(ctx, target, value):
    if isinstance(target, list):
        for part, bits in zip(target, value, strict=True):
            ctx.set(part, bits)
    else:
        ctx.set(target, value)


def _get(ctx, target):
    if isinstance(target, list):
        return tuple(ctx.get(part) for part in target)
    value = ctx.get(target)
    return value if isinstance(value, int) else value.as_bits()


def run(component, inputs, outputs, *, idle=0.0, stall=0.0, seed=0, reset_at=None, limit=20000):
    """What ``component`` answers.

    inputs: stream -> payloads; outputs: stream -> number of payloads to wait for; idle, stall:
    probability that a source waits, that a sink waits, in a cycle; reset_at: a cycle in which reset
    is asserted, upon which the sources begin again and what came before is forgotten.

    Returns (payloads of each output, cycles of the transfers on each input and then each output). A
    payload that changes or is withdrawn before it is taken fails. Struct payloads come as bits.
    """
    m = Module()
    m.domains.sync = domain = ClockDomain()
    m.submodules.component = component
    seen = {id(port): [] for port in [*inputs, *outputs]}
    times = {id(port): [] for port in [*inputs, *outputs]}

    async def testbench(ctx):
        source = random.Random(seed)
        position = dict.fromkeys(map(id, inputs), 0)
        offered = dict.fromkeys(map(id, inputs), False)
        waiting = {}
        for cycle in range(limit):
            reset = cycle == reset_at
            for port, payloads in inputs.items():
                at = position[id(port)]
                # Once offered, a payload stays until it is taken.
                offered[id(port)] |= at < len(payloads) and source.random() >= idle
                ctx.set(port.valid, offered[id(port)])
                if offered[id(port)]:
                    _set(ctx, port.payload, payloads[at])
            for port in outputs:
                ctx.set(port.ready, source.random() >= stall)
            ctx.set(domain.rst, reset)
            for port in outputs:
                if ctx.get(port.valid):
                    payload = _get(ctx, port.payload)
                    assert waiting.get(id(port), payload) == payload, "a payload changed"
                    if ctx.get(port.ready):
                        seen[id(port)].append(payload)
                        times[id(port)].append(cycle)
                        waiting.pop(id(port), None)
                    else:
                        waiting[id(port)] = payload
                else:
                    assert id(port) not in waiting, "a payload was withdrawn"
            for port in inputs:
                if offered[id(port)] and ctx.get(port.ready):
                    times[id(port)].append(cycle)
                    position[id(port)] += 1
                    offered[id(port)] = False
            if reset:
                for port in [*inputs, *outputs]:
                    seen[id(port)].clear()
                    times[id(port)].clear()
                position = dict.fromkeys(position, 0)
                offered = dict.fromkeys(offered, False)
                waiting.clear()
            elif (reset_at is None or cycle > reset_at) and all(
                    len(seen[id(port)]) >= count for port, count in outputs.items()) and all(
                    position[id(port)] == len(payloads) for port, payloads in inputs.items()):
                break
            await ctx.tick()
        else:
            raise AssertionError(f"nothing more after {limit} cycles, seen {seen}")
        for _ in range(10):  # nothing may follow
            for port in inputs:
                ctx.set(port.valid, 0)
            for port in outputs:
                ctx.set(port.ready, 1)
            await ctx.tick()
            for port in outputs:
                assert not ctx.get(port.valid), "a payload too many"

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return ([seen[id(port)] for port in outputs], [times[id(port)] for port in [*inputs, *outputs]])
