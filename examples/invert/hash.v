// Three rounds of addition, rotation and exclusive or on 8 bits: a toy, but one-way in its form.
// Clamp the digest to find a message: ternstone invert hash.v --clamp digest=0x5f
module hash (
  input  [7:0] message,
  output [7:0] digest
);
  function [7:0] round(input [7:0] x, input [7:0] word);
    reg [7:0] sum;
    begin
      sum = x + {word[3:0], word[7:4]};
      round = {sum[4:0], sum[7:5]} ^ word;
    end
  endfunction

  assign digest = round(round(round(8'h6a, message), message), message);
endmodule
