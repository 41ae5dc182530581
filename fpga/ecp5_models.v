// Behavioural models of the ECP5's cells of which Yosys has black boxes, in the modes that Yosys
// emits (techlibs/lattice/brams_map_16kd.v and dsp_map_18x18.v); another mode ends the simulation.
// What ports and parameters mean: Lattice FPGA-TN-02204 (memory) and FPGA-TN-02205 (multipliers).

// 18 Kbit of block RAM: two ports of 1 to 18 bits each, or one of 36 bits that writes (A) and one
// that reads (B). Ports of 1, 2 and 4 bits leave out the ninth bit of each nine.
//
// A port that reads what the other one writes in that cycle gets the complement of what was there:
// the device promises nothing, so a design that looks at it must be seen to fail.
module DP16KD (
  input
    DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
    DIA3, DIA2, DIA1, DIA0, ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
    ADA2, ADA1, ADA0, CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output
    DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4,
    DOA3, DOA2, DOA1, DOA0,
  input
    DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0, ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
    ADB2, ADB1, ADB0, CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output
    DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4,
    DOB3, DOB2, DOB1, DOB0
);
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18;
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG";
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000";
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB";
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
  parameter GSR = "ENABLED";
  // Each has 16 words of 18 bits, 20 bits apart.
  parameter [319:0]
      INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0, INITVAL_04 = 0,
      INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0, INITVAL_09 = 0,
      INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0,
      INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
      INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0, INITVAL_18 = 0,
      INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0, INITVAL_1D = 0,
      INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0,
      INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0,
      INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0, INITVAL_2C = 0,
      INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0, INITVAL_30 = 0, INITVAL_31 = 0,
      INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0,
      INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
      INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;
  localparam [20479:0] CONTENTS = {
      INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39,
      INITVAL_38, INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32,
      INITVAL_31, INITVAL_30, INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B,
      INITVAL_2A, INITVAL_29, INITVAL_28, INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24,
      INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20, INITVAL_1F, INITVAL_1E, INITVAL_1D,
      INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18, INITVAL_17, INITVAL_16,
      INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10, INITVAL_0F,
      INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
      INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01,
      INITVAL_00};

  reg [35:0] pairs [0:511];  // two words of 18 bits: what a port of 36 bits sees at once
  reg [35:0] read_a, read_b;
  integer i, j;
  initial begin
    for (i = 0; i < 512; i = i + 1) pairs[i] = {CONTENTS[40*i+20+:18], CONTENTS[40*i+:18]};
    read_a = 0;
    read_b = 0;
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG"
        || CSDECODE_A != "0b000" || CSDECODE_B != "0b000" || CLKAMUX != "CLKA"
        || CLKBMUX != "CLKB") begin
      $display("DP16KD: a mode that has no model");
      $finish;
    end
  end

  // Where in a pair a port of some width begins, and the bits that it may write: a port of 18 or 36
  // bits has an enable for each nine in place of the address' lowest bits.
  function [5:0] low(input [13:0] address, input integer width);
    low = (width < 36 ? 18 * address[4] : 0) + (width < 18 ? 9 * address[3] : 0)
        + (width < 9 ? 4 * address[2] : 0) + (width < 4 ? 2 * address[1] : 0)
        + (width < 2 ? address[0] : 0);
  endfunction
  function [35:0] ones(input integer width);
    ones = ~36'h0 >> (36 - width);
  endfunction
  function [35:0] enabled(input [13:0] address, input integer width);
    enabled = width == 36 ? {{9{address[3]}}, {9{address[2]}}, {9{address[1]}}, {9{address[0]}}}
            : width == 18 ? {18'h0, {9{address[1]}}, {9{address[0]}}} : ones(width);
  endfunction

  wire [13:0] a = {
      ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] b = {
      ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
  wire [17:0] from_a = {
      DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5,
      DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [17:0] from_b = {
      DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5,
      DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [5:0] low_a = low(a, DATA_WIDTH_A), low_b = low(b, DATA_WIDTH_B);
  // What is written, and which bits of a pair.
  wire [35:0] data_a = (DATA_WIDTH_A == 36 ? {from_b, from_a} : {18'h0, from_a}) << low_a;
  wire [35:0] data_b = {18'h0, from_b} << low_b;
  wire [35:0] mask_a = CEA && WEA && !(RSTA && RESETMODE == "SYNC")
                       ? enabled(a, DATA_WIDTH_A) << low_a : 36'h0;
  wire [35:0] mask_b = CEB && WEB && !(RSTB && RESETMODE == "SYNC")
                       && DATA_WIDTH_A != 36 ? enabled(b, DATA_WIDTH_B) << low_b : 36'h0;
  // What is there, with the bits turned over that the other port writes.
  wire same = a[13:5] == b[13:5];
  wire [35:0] seen_a = pairs[a[13:5]] ^ (same ? mask_b : 36'h0);
  wire [35:0] seen_b = pairs[b[13:5]] ^ (same ? mask_a : 36'h0);

  always @(posedge CLKA) begin
    if (|mask_a)
      for (i = 0; i < 36; i = i + 1) if (mask_a[i]) pairs[a[13:5]][i] <= data_a[i];
  end
  wire clear_a = RSTA && RESETMODE == "ASYNC";
  always @(posedge CLKA, posedge clear_a) begin
    if (clear_a || RSTA) read_a <= 0;
    else if (CEA && !(WEA && WRITEMODE_A == "NORMAL"))
      read_a <= ((WEA && WRITEMODE_A == "WRITETHROUGH" ? (seen_a & ~mask_a) | (data_a & mask_a)
                 : seen_a) >> low_a) & ones(DATA_WIDTH_A);
  end
  always @(posedge CLKB) begin
    if (|mask_b)
      for (j = 0; j < 36; j = j + 1) if (mask_b[j]) pairs[b[13:5]][j] <= data_b[j];
  end
  wire clear_b = RSTB && RESETMODE == "ASYNC";
  always @(posedge CLKB, posedge clear_b) begin
    if (clear_b || RSTB) read_b <= 0;
    else if (CEB && !(WEB && WRITEMODE_B == "NORMAL"))
      read_b <= ((WEB && WRITEMODE_B == "WRITETHROUGH" ? (seen_b & ~mask_b) | (data_b & mask_b)
                 : seen_b) >> low_b) & ones(DATA_WIDTH_B);
  end

  // A port B of 36 bits reads by the pins of both: the lower half comes out of A's.
  assign {
      DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
      DOA4, DOA3, DOA2, DOA1, DOA0}
    = DATA_WIDTH_B == 36 ? read_b[17:0] : read_a[17:0];
  assign {
      DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
      DOB4, DOB3, DOB2, DOB1, DOB0}
    = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];
endmodule

// Two numbers of 18 bits multiplied, without any of the cell's registers.
module MULT18X18D (
  input
    A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0, B17, B16, B15,
    B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0, C17, C16, C15, C14, C13, C12,
    C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0, SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
  output
    P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17,
    P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
  parameter REG_INPUTA_CLK = "NONE", REG_INPUTB_CLK = "NONE", REG_INPUTC_CLK = "NONE";
  parameter REG_PIPELINE_CLK = "NONE", REG_OUTPUT_CLK = "NONE";
  initial if (REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE" || REG_PIPELINE_CLK != "NONE"
              || REG_OUTPUT_CLK != "NONE") begin
    $display("MULT18X18D: a mode that has no model");
    $finish;
  end
  wire [17:0] a = {
      A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire [17:0] b = {
      B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
  wire [35:0] wide_a = {{18{SIGNEDA & a[17]}}, a};
  wire [35:0] wide_b = {{18{SIGNEDB & b[17]}}, b};
  assign {
      P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
      P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0}
    = wide_a * wide_b;
endmodule
