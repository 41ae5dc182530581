// Clamp the product to factorise it: ternstone invert multiplier.v --clamp product=143
module multiplier #(parameter WIDTH = 4) (
  input  [WIDTH-1:0]   a, b,
  output [2*WIDTH-1:0] product
);
  assign product = a * b;
endmodule
