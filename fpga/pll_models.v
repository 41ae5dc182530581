// Behavioural models of the PLLs, for simulation: the clock goes through unchanged, so that the
// bench's clock is the design's, and the lock comes after a few cycles. Whether the dividers are the
// right ones no simulation shows.
module pll_model (input clk, input stopped, output lock);
  reg [3:0] count;
  initial count = 0;
  always @(posedge clk) count <= stopped ? 4'd0 : count[3] ? count : count + 4'd1;
  assign lock = count[3];
endmodule

module SB_PLL40_PAD #(
    parameter FEEDBACK_PATH = "SIMPLE", DELAY_ADJUSTMENT_MODE_FEEDBACK = "FIXED",
    DELAY_ADJUSTMENT_MODE_RELATIVE = "FIXED", PLLOUT_SELECT = "GENCLK",
    parameter [1:0] SHIFTREG_DIV_MODE = 0, parameter [3:0] FDA_FEEDBACK = 0, FDA_RELATIVE = 0,
    DIVR = 0, parameter [6:0] DIVF = 0, parameter [2:0] DIVQ = 0, FILTER_RANGE = 0,
    parameter ENABLE_ICEGATE = 0, TEST_MODE = 0)
    (input PACKAGEPIN, RESETB, BYPASS, EXTFEEDBACK, LATCHINPUTVALUE, SDI, SCLK,
     input [7:0] DYNAMICDELAY, output PLLOUTGLOBAL, PLLOUTCORE, LOCK, SDO);
  assign {PLLOUTGLOBAL, PLLOUTCORE} = {2{PACKAGEPIN}};
  pll_model model (.clk(PACKAGEPIN), .stopped(!RESETB), .lock(LOCK));
endmodule

module SB_PLL40_CORE #(
    parameter FEEDBACK_PATH = "SIMPLE", DELAY_ADJUSTMENT_MODE_FEEDBACK = "FIXED",
    DELAY_ADJUSTMENT_MODE_RELATIVE = "FIXED", PLLOUT_SELECT = "GENCLK",
    parameter [1:0] SHIFTREG_DIV_MODE = 0, parameter [3:0] FDA_FEEDBACK = 0, FDA_RELATIVE = 0,
    DIVR = 0, parameter [6:0] DIVF = 0, parameter [2:0] DIVQ = 0, FILTER_RANGE = 0,
    parameter ENABLE_ICEGATE = 0, TEST_MODE = 0)
    (input REFERENCECLK, RESETB, BYPASS, EXTFEEDBACK, LATCHINPUTVALUE, SDI, SCLK,
     input [7:0] DYNAMICDELAY, output PLLOUTGLOBAL, PLLOUTCORE, LOCK, SDO);
  assign {PLLOUTGLOBAL, PLLOUTCORE} = {2{REFERENCECLK}};
  pll_model model (.clk(REFERENCECLK), .stopped(!RESETB), .lock(LOCK));
endmodule

module EHXPLLL #(parameter FEEDBK_PATH = "CLKOP", CLKI_DIV = 1, CLKFB_DIV = 1,
                 CLKOP_ENABLE = "ENABLED", CLKOP_DIV = 1, CLKOP_CPHASE = 0, CLKOP_FPHASE = 0)
    (input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG,
     PLLWAKESYNC, ENCLKOP, output CLKOP, LOCK);
  assign CLKOP = CLKI;
  pll_model model (.clk(CLKI), .stopped(RST), .lock(LOCK));
endmodule
