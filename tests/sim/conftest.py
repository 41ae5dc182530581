"""A tiny block in golden and in hand-written Verilog, right or with a bug chosen at load time."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from golden.design import Block, Stream
from golden.formats import Format

FRAME = 4

#: The second word of the image picks a bug, so that one compiled simulator has them all.
BUGS = ("none", "data", "last", "drop", "stuck", "slow", "withdraw", "unstable", "mute", "extra",
        "repeat", "no_clear", "keeps_weights", "peek", "stop", "unknown", "no_load")


class Echo(Block):
    """Adds a loaded constant (without `load`: one) to each element; frames of FRAME beats."""

    name = "test.echo"
    input = output = Stream(Format(8), 3)

    def __init__(self, bug="none", loaded=True):
        self.bug = bug
        self.load = Stream(Format(8), 1) if loaded else None
        super().__init__(None, {})

    @staticmethod
    def shapes(params):
        return {}

    def image(self):
        return np.array([[5], [BUGS.index(self.bug)]])

    def run(self, frames):
        step = 5 if self.load else 1
        return [(np.asarray(frame) + step + 128) % 256 - 128 for frame in frames]

    def cycles(self, frames):
        return sum(len(frame) for frame in frames) + 1

    @classmethod
    def random(cls, params, rng):
        return cls()

    def random_frames(self, count, rng):
        return [rng.integers(-128, 128, (FRAME, 3)) for _ in range(count)]


# A frame of wrong length ends with a beat with tuser, after the beats that were already given.
DEVICE = """
module top (
    input wire clk, input wire rst,
    input wire [23:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    input wire s_axis_tlast,
`ifdef LOADED
    input wire [7:0] s_axis_w_tdata, input wire s_axis_w_tvalid, output wire s_axis_w_tready,
    input wire s_axis_w_tlast,
`endif
    output wire [23:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready,
    output wire m_axis_tlast, output wire m_axis_tuser
);
    reg [23:0] data;
    reg valid, last, user, pause, never;
    reg [2:0] position;
    reg [7:0] count;
    reg [5:0] quiet;
    integer i;
`ifdef LOADED
    reg [7:0] step, bug;
    reg loaded, kept;
    initial {kept, bug} = 0;
    assign s_axis_w_tready = !loaded && !(bug == NO_LOAD && kept);
    always @(posedge clk) begin
        if (s_axis_w_tvalid && s_axis_w_tready) begin
            loaded <= s_axis_w_tlast;
            if (s_axis_w_tlast) bug <= s_axis_w_tdata;
            else if (bug == KEEPS_WEIGHTS && kept) step <= step + 8'd1;
            else step <= s_axis_w_tdata;
            kept <= 1;
        end
        if (rst) loaded <= 0;
    end
`else
    wire [7:0] step = 1, bug = 0;
    wire loaded = 1;
`endif
    wire room = (!valid && !(bug == EXTRA && quiet == 40)) || m_axis_tready;
    assign s_axis_tready = loaded && (bug == DROP || (room && !(bug == STUCK && count > 6)
                                                      && !(bug == SLOW && pause)));
    wire take = s_axis_tvalid && s_axis_tready;

    always @(posedge clk) begin
        pause <= take && count == 7;
        never <= never;  // X for ever, where there is one
        if (m_axis_tready || (bug == WITHDRAW && count == 9)) valid <= 0;
        if (bug == UNSTABLE && valid && !m_axis_tready) data[0] <= !data[0];
        if (bug == PEEK && s_axis_tready && s_axis_tlast) position <= 0;
        if (take && !(bug == REPEAT && count == 9 && !s_axis_tlast && !pause)) begin
            count <= count + 1;
            position <= s_axis_tlast ? 3'd0 : position == 4 ? 3'd4 : position + 3'd1;
            for (i = 0; i < 24; i = i + 8)
                data[i+:8] <= s_axis_tdata[i+:8] + step;
            if (bug == DATA && count[4:0] == 13) data[10] <= !data[10];
            last <= s_axis_tlast && bug != LAST;
            user <= s_axis_tlast && position != 3;
            valid <= (position != 4 || s_axis_tlast) && bug != MUTE;
            if (bug == STOP && count == 5) $stop;
        end
        if (bug == REPEAT && take && count == 9) begin
            count <= 10;
            valid <= 1;
        end
        if (rst) begin
            valid <= 0;
            count <= 0;
            if (bug != NO_CLEAR) position <= 0;
        end
        quiet <= (rst || valid || count == 0) ? 6'd0 : quiet + (quiet != 41);
    end
    assign m_axis_tvalid = valid || (bug == EXTRA && quiet == 40)
                                 || (bug == UNKNOWN && count == 3 && never);
    assign {m_axis_tuser, m_axis_tlast, m_axis_tdata} = {user, last, data};
endmodule
"""


def device(loaded=True):
    """The device's Verilog."""
    text = re.sub(r"bug == ([A-Z_]+)", lambda m: f"bug == {BUGS.index(m[1].lower())}", DEVICE)
    return "`define LOADED\n" * loaded + re.sub(
        r"bug != ([A-Z_]+)", lambda m: f"bug != {BUGS.index(m[1].lower())}", text)


@pytest.fixture(scope="session")
def workdir(tmp_path_factory):
    """One build folder for a session: what one test compiled another takes as it is."""
    return tmp_path_factory.mktemp("sim")


@pytest.fixture
def echo():
    """The block's class, the device's Verilog, and frames for them."""
    rng = np.random.default_rng(3)
    return SimpleNamespace(Block=Echo, verilog=device, frames=Echo().random_frames(10, rng),
                           frame=lambda beats: rng.integers(-128, 128, (beats, 3)))
