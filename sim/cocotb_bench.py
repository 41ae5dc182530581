"""The cocotb test that runs inside the simulator: one call in a scenario, not in a cycle.

It reads ``plan.json`` in the working directory and leaves ``seen.json`` there, anew after every
scenario, so that a simulator that stops in the middle leaves what was seen before.
"""

import json
import time
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge, SimTimeoutError, Timer, with_timeout

from golden.files import write_json

PERIOD = 10  # ns
OUTPUTS = (
    "done", "ticks", "passes", "resets_done", "age", "cycles", "idle_cycles", "stall_cycles",
    "load_index", "in_index", "out_index", "compared", "mismatches", "extra", "withdrawn",
    "unstable", "unknown", "unreadable", "timeout", "failed_at", "first_index", "first_got",
    "first_expected", "first_any", "streams")


@cocotb.test()
async def scenarios(bench):
    plan = json.loads(Path("plan.json").read_text())
    bench.go.value = 0
    Clock(bench.clk, PERIOD, "ns").start()
    await FallingEdge(bench.clk)
    clock_only = plan.get("clock_only", 0)  # for sim.speed: the model with nothing but its clock
    begin = time.perf_counter()
    if clock_only:
        await Timer(clock_only * PERIOD, "ns")
    clock_seconds = time.perf_counter() - begin
    seen = []
    for registers in plan["scenarios"]:
        seen.append({"started": True})
        write_json("seen.json", seen)
        for name, value in registers.items():
            getattr(bench, name).value = value
        bench.go.value = 1
        begin = time.perf_counter()
        try:
            await with_timeout(RisingEdge(bench.done), plan["ceiling"] * PERIOD, "ns")
        except SimTimeoutError:
            pass  # the bench's own limit should have come first: `done` is 0, which is a failure
        seconds = time.perf_counter() - begin
        # As bits: in Icarus a value may hold X.
        seen[-1] = {name: str(getattr(bench, name).value) for name in OUTPUTS}
        seen[-1] |= {"seconds": seconds, "clock_seconds": clock_seconds}
        write_json("seen.json", seen)
        bench.go.value = 0
        await FallingEdge(bench.clk)
        await FallingEdge(bench.clk)
