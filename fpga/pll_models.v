// Behavioural models of the PLLs, for simulation: the clock goes through unchanged, so that the
// bench's clock is the design's, and the lock comes after a few cycles.
module pll_model (input clk, output lock);
  reg [3:0] count;
  initial count = 0;
  always @(posedge clk) if (!count[3]) count <= count + 4'd1;
  assign lock = count[3];
endmodule

module SB_PLL40_PAD #(parameter FEEDBACK_PATH = "SIMPLE", parameter [3:0] DIVR = 0,
                      parameter [6:0] DIVF = 0, parameter [2:0] DIVQ = 0,
                      parameter [2:0] FILTER_RANGE = 0)
    (input PACKAGEPIN, input RESETB, input BYPASS, output PLLOUTGLOBAL, output PLLOUTCORE,
     output LOCK);
  assign {PLLOUTGLOBAL, PLLOUTCORE} = {2{PACKAGEPIN}};
  pll_model model (.clk(PACKAGEPIN), .lock(LOCK));
endmodule

module SB_PLL40_CORE #(parameter FEEDBACK_PATH = "SIMPLE", parameter [3:0] DIVR = 0,
                       parameter [6:0] DIVF = 0, parameter [2:0] DIVQ = 0,
                       parameter [2:0] FILTER_RANGE = 0)
    (input REFERENCECLK, input RESETB, input BYPASS, output PLLOUTGLOBAL, output PLLOUTCORE,
     output LOCK);
  assign {PLLOUTGLOBAL, PLLOUTCORE} = {2{REFERENCECLK}};
  pll_model model (.clk(REFERENCECLK), .lock(LOCK));
endmodule

module EHXPLLL #(parameter FEEDBK_PATH = "CLKOP", parameter CLKI_DIV = 1, parameter CLKFB_DIV = 1,
                 parameter CLKOP_ENABLE = "ENABLED", parameter CLKOP_DIV = 1,
                 parameter CLKOP_CPHASE = 0, parameter CLKOP_FPHASE = 0)
    (input CLKI, input CLKFB, input RST, input STDBY, input PHASESEL0, input PHASESEL1,
     input PHASEDIR, input PHASESTEP, input PHASELOADREG, input PLLWAKESYNC, input ENCLKOP,
     output CLKOP, output LOCK);
  assign CLKOP = CLKI;
  pll_model model (.clk(CLKI), .lock(LOCK));
endmodule
