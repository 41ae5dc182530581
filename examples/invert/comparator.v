// Clamp an output to draw numbers of that order: ternstone invert comparator.v --clamp less=1
module comparator (
  input  [3:0] a, b,
  output       less, equal
);
  assign less = a < b;
  assign equal = a == b;
endmodule
