"""How fast the bench is: ``python -m sim.speed`` measures it against the clock alone.

The device takes and gives 64 elements of 8 bits in every cycle, so that source, sink and checks
work in every cycle too: the bench's worst case. The same compiled model is timed with cocotb's
Clock alone, in the same process. The aim is a third of that or better.
"""

import statistics
import sys

import numpy as np

from golden.design import Block, Stream
from golden.formats import Format
from sim.bench import Scenario, _judge, _simulate, _Vectors
from sim.build import build

__all__ = ["measure"]

LANES = 64

DEVICE = f"""
module top (
    input wire clk, input wire rst,
    input wire [{8 * LANES - 1}:0] s_axis_tdata, input wire s_axis_tvalid,
    output wire s_axis_tready, input wire s_axis_tlast,
    output reg [{8 * LANES - 1}:0] m_axis_tdata, output reg m_axis_tvalid,
    input wire m_axis_tready, output reg m_axis_tlast, output wire m_axis_tuser
);
    integer i;
    assign s_axis_tready = !m_axis_tvalid || m_axis_tready;
    assign m_axis_tuser = 0;
    always @(posedge clk) begin
        if (s_axis_tready) begin
            m_axis_tvalid <= s_axis_tvalid;
            m_axis_tlast <= s_axis_tlast;
            for (i = 0; i < {8 * LANES}; i = i + 8)
                m_axis_tdata[i+:8] <= s_axis_tdata[i+:8] + 8'd1;
        end
        if (rst) m_axis_tvalid <= 0;
    end
endmodule
"""


class _Increment(Block):
    name = "sim.speed"
    input = output = Stream(Format(8), LANES)

    @staticmethod
    def shapes(params):
        return {}

    def run(self, frames):
        return [(frame + 129) % 256 - 128 for frame in frames]

    def cycles(self, frames):
        return sum(map(len, frames)) + 1

    @classmethod
    def random(cls, params, rng):
        return cls(params, {})

    def random_frames(self, count, rng):
        return [rng.integers(-128, 128, (256, LANES)) for _ in range(count)]


def measure(simulator="verilator", frames=1000, runs=5, workdir="build/sim"):
    """Cycles per second of the bench and of the clock alone: medians of ``runs``."""
    block = _Increment(None, {})
    vectors = _Vectors(block, block.random_frames(frames, np.random.default_rng(1)), ())
    made = build({"device.v": DEVICE}, top="top", widths=vectors.widths, simulator=simulator,
                 workdir=workdir)
    bench, clock = [], []
    for _ in range(runs):
        seen, log = _simulate(made, vectors, [Scenario()], clock_only=vectors.in_beats)
        verdict = _judge(vectors, Scenario(), seen[0], log,
                         {"name": block.name, "simulator": str(made.tool), "device": "RTL"})
        if not verdict.ok:
            raise AssertionError(str(verdict))
        bench.append(verdict.cycles_per_second)
        clock.append(vectors.in_beats / seen[0]["clock_seconds"])
    return statistics.median(bench), statistics.median(clock)


if __name__ == "__main__":
    name = sys.argv[1] if len(sys.argv) > 1 else "verilator"
    rate, alone = measure(name, 1000 if name == "verilator" else 20)
    sys.stdout.write(f"{LANES} lanes, a beat in every cycle: {rate:,.0f} cycles/s in the bench, "
                     f"{alone:,.0f} with the clock alone ({rate / alone:.0%})\n")
