"""A tiny block in golden and in hand-written Verilog, right or with one bug."""

from types import SimpleNamespace

import numpy as np
import pytest

from golden.design import Block, Stream
from golden.formats import Format

FRAME = 4


class Echo(Block):
    """Adds one, or a loaded constant, to each element; frames of FRAME beats."""

    name = "test.echo"
    output = input = Stream(Format(8), 3)

    def __init__(self, elements=3, constant=None):
        self.input = self.output = Stream(Format(8), elements)
        if constant is not None:
            self.load = Stream(Format(8), 1)
        self.constant = constant
        super().__init__(None, {})

    @staticmethod
    def shapes(params):
        return {}

    def image(self):
        return np.array([[0], [self.constant]])

    def run(self, frames):
        step = 1 if self.constant is None else self.constant
        return [(np.asarray(frame) + step + 128) % 256 - 128 for frame in frames]

    def cycles(self, frames):
        return sum(len(frame) for frame in frames) + 1

    @classmethod
    def random(cls, params, rng):
        return cls()

    def random_frames(self, count, rng):
        return [rng.integers(-128, 128, (FRAME, self.input.elements)) for _ in range(count)]


# A wrong length is told by one beat with tuser, after the beats that were already given.
ECHO = """
module top #(parameter WIDTH = 24) (
    input wire clk, input wire rst,
    input wire [WIDTH-1:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready,
    input wire s_axis_tlast,
`ifdef LOADED
    input wire [7:0] s_axis_w_tdata, input wire s_axis_w_tvalid, output wire s_axis_w_tready,
    input wire s_axis_w_tlast,
`endif
    output wire [WIDTH-1:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready,
    output wire m_axis_tlast, output wire m_axis_tuser
);
    reg [WIDTH-1:0] data;
    reg valid, last, user, over;
    reg [2:0] position;
    reg [7:0] count;
    integer i;
`ifdef BUG_NO_CLEAR
    initial position = 0;
`endif
`ifdef LOADED
    reg [7:0] step;
    reg loaded;
    assign s_axis_w_tready = !loaded;
    always @(posedge clk)
        if (rst) loaded <= 0;
        else if (s_axis_w_tvalid && !loaded) begin
            step <= s_axis_w_tdata;
            loaded <= s_axis_w_tlast;
        end
`ifdef BUG_KEEPS_WEIGHTS
    reg first;
    initial first = 1;
    wire [7:0] plus = first ? step : step + 8'd1;
    always @(posedge clk) if (rst && valid) first <= 0;
`else
    wire [7:0] plus = step;
`endif
`else
    wire [7:0] plus = 1;
`endif

    wire take;
`ifdef BUG_DROP
    assign s_axis_tready = 1;
`elsif BUG_STUCK
    assign s_axis_tready = (!valid || m_axis_tready) && count < 6;
`elsif BUG_SLOW
    reg pause;
    always @(posedge clk) pause <= take && s_axis_tlast && count == 7;
    assign s_axis_tready = (!valid || m_axis_tready) && !pause;
`else
    assign s_axis_tready = !valid || m_axis_tready;
`endif
    assign take = s_axis_tvalid && s_axis_tready;

    always @(posedge clk) begin
        if (m_axis_tready) valid <= 0;
`ifdef BUG_WITHDRAW
        if (count == 9) valid <= 0;
`endif
`ifdef BUG_UNSTABLE
        if (valid && !m_axis_tready) data[0] <= !data[0];
`endif
        if (take) begin
            count <= count + 1;
            position <= s_axis_tlast ? 3'd0 : position == 4 ? 3'd4 : position + 3'd1;
            for (i = 0; i < WIDTH; i = i + 8)
                data[i+:8] <= s_axis_tdata[i+:8] + plus;
`ifdef BUG_DATA
            if (count[4:0] == 13) data[10] <= !s_axis_tdata[10];
`endif
            last <= s_axis_tlast;
            user <= s_axis_tlast && position != 3;
            valid <= position != 4 || s_axis_tlast;
`ifdef BUG_LAST
            last <= 0;
`endif
`ifdef BUG_MUTE
            valid <= 0;
`endif
`ifdef BUG_ASSERT
            if (count == 5) $stop;
`endif
        end
`ifdef BUG_PEEK
        if (s_axis_tlast && s_axis_tready) position <= 0;
`endif
        if (rst) begin
            valid <= 0;
            count <= 0;
`ifndef BUG_NO_CLEAR
            position <= 0;
`endif
        end
    end
`ifdef BUG_EXTRA
    // The last beat once more, 40 cycles after it went.
    reg [5:0] quiet;
    always @(posedge clk)
        if (rst || valid || count == 0) quiet <= 0;
        else if (quiet != 41) quiet <= quiet + 1;
    assign m_axis_tvalid = valid || quiet == 40;
`elsif BUG_UNKNOWN
    reg never;
    assign m_axis_tvalid = valid || (count == 3 && never);
`else
    assign m_axis_tvalid = valid;
`endif
    assign {m_axis_tuser, m_axis_tlast, m_axis_tdata} = {user, last, data};
endmodule
"""


def echo(*bugs, width=24, loaded=False):
    """Verilog of the device, with the bugs of these names."""
    macros = [f"BUG_{bug}" for bug in bugs] + ["LOADED"] * loaded
    return ("".join(f"`define {macro}\n" for macro in macros)
            + ECHO.replace("WIDTH = 24", f"WIDTH = {width}"))


@pytest.fixture(scope="session")
def workdir(tmp_path_factory):
    """One build folder for a session: what one test compiled another takes as it is."""
    return tmp_path_factory.mktemp("sim")


@pytest.fixture
def device():
    """The block's class, the Verilog of a device, and frames for it."""
    frames = [np.random.default_rng(3).integers(-128, 128, (FRAME, 3)) for _ in range(10)]
    return SimpleNamespace(block=Echo(), verilog=echo, frames=frames, Echo=Echo)
