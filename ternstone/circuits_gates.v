// Full adders as gates: those with two constant inputs, or with GATES all of them.
module ternstone_full_adder(input A, input B, input C, output S, output CO);
  parameter _TECHMAP_CONSTMSK_A_ = 0;
  parameter _TECHMAP_CONSTMSK_B_ = 0;
  parameter _TECHMAP_CONSTMSK_C_ = 0;
`ifdef GATES
  wire _TECHMAP_FAIL_ = 0;
`else
  wire _TECHMAP_FAIL_ =
    _TECHMAP_CONSTMSK_A_ + _TECHMAP_CONSTMSK_B_ + _TECHMAP_CONSTMSK_C_ < 2;
`endif
  assign S = A ^ B ^ C;
  assign CO = A & B | A & C | B & C;
endmodule
