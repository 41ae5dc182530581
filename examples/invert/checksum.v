// CRC-8, polynomial x^8 + x^2 + x + 1, of two bytes, the first one (high) first.
// Clamp the sum and a part of the word to find the rest of it:
// ternstone invert checksum.v --clamp crc=0x5a --clamp word=0b01000001xxxxxxxx
module checksum (
  input  [15:0] word,
  output [7:0]  crc
);
  function [7:0] update(input [7:0] state, input bit_in);
    update = {state[6:0], 1'b0} ^ (state[7] ^ bit_in ? 8'h07 : 8'h00);
  endfunction

  integer i;
  reg [7:0] state;
  always @* begin
    state = 8'h00;
    for (i = 15; i >= 0; i = i - 1) state = update(state, word[i]);
  end
  assign crc = state;
endmodule
