// Clamp the sum to find which of the eight numbers make it up:
// ternstone invert subset_sum.v --clamp sum=137
module subset_sum (
  input  [7:0] take,
  output [8:0] sum
);
  assign sum = (take[0] ? 9'd13 : 9'd0) + (take[1] ? 9'd22 : 9'd0)
             + (take[2] ? 9'd29 : 9'd0) + (take[3] ? 9'd37 : 9'd0)
             + (take[4] ? 9'd41 : 9'd0) + (take[5] ? 9'd50 : 9'd0)
             + (take[6] ? 9'd58 : 9'd0) + (take[7] ? 9'd63 : 9'd0);
endmodule
