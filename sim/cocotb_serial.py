"""The cocotb test behind `sim.serial`: carries bytes between a socket or terminal and the line.

It looks every `POLL` cycles, so that Python costs little. When nothing has moved on the line for
``patience`` cycles the simulation sleeps until bytes come.
"""

import itertools
import json
import os
import select
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from sim.serial import COMMANDS, DONE, POLL, SYNC, unframe

PERIOD = 10  # ns


@cocotb.test()
async def carry(bench):
    plan = json.loads(Path("plan.json").read_text())
    wire, framed, patience = plan["wire"], plan["framed"], plan["patience"]
    send = take = 0
    bench.rst.value = 1
    bench.send.value, bench.take.value, bench.count.value = send, take, 0
    bench.send_step.value = plan["send_step"]
    bench.receive_step.value = plan["receive_step"]
    Clock(bench.clk, PERIOD, "ns").start()
    for _ in range(4):
        await FallingEdge(bench.clk)
    bench.rst.value = 0
    waiting, rest, quiet = [], b"", 0
    while True:
        await Timer(POLL * PERIOD, "ns")
        quiet += POLL
        count = int(bench.received_count.value)
        if count:
            received, quiet = int(bench.received.value), 0
            assert not int(bench.lost.value), "bytes came faster than they were taken"
            take = 1 - take
            bench.take.value = take
            _write(wire, [(received >> (16 * n)) & 0x1FF for n in range(count)], framed)
        idle = int(bench.sent.value) == send
        if idle and waiting and waiting[0] & 0xF000 == SYNC:
            if quiet >= ((waiting[0] & 0xFFF) * POLL or patience):
                _write(wire, [DONE], framed)
                waiting.pop(0)
        elif idle and waiting:
            batch = list(itertools.takewhile(lambda command: command & 0xF000 != SYNC,
                                             waiting[:COMMANDS]))
            del waiting[:len(batch)]
            bench.commands.value = sum(command << (16 * n) for n, command in enumerate(batch))
            bench.count.value = len(batch)
            send, quiet = 1 - send, 0
            bench.send.value = send
        if not idle:
            quiet = 0
        asleep = idle and not waiting and quiet >= patience
        if select.select([wire], [], [], None if asleep else 0)[0]:
            try:
                given = os.read(wire, 65536)
            except OSError:
                return  # the other end is gone
            if not given:
                return
            commands, rest = unframe(rest + given) if framed else (list(given), b"")
            waiting += commands


def _write(wire, words, framed):
    data = (b"".join(word.to_bytes(2, "little") for word in words) if framed
            else bytes(word & 0xFF for word in words))
    while data:
        data = data[os.write(wire, data):]
