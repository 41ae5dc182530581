// How Yosys maps arithmetic onto full adders.

(* techmap_celltype = "$fa" *)
module _80_ternstone_fa (A, B, C, X, Y);
  parameter WIDTH = 1;
  (* force_downto *) input [WIDTH-1:0] A, B, C;
  (* force_downto *) output [WIDTH-1:0] X, Y;
  genvar i;
  generate for (i = 0; i < WIDTH; i = i + 1) begin : bits
    ternstone_full_adder cell (.A(A[i]), .B(B[i]), .C(C[i]), .S(Y[i]), .CO(X[i]));
  end endgenerate
endmodule

// A ripple of carries: to a network of spins, depth is nothing against their number.
(* techmap_celltype = "$alu" *)
module _80_ternstone_alu (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  input CI, BI;
  (* force_downto *) output [Y_WIDTH-1:0] X, Y, CO;
  (* force_downto *) wire [Y_WIDTH-1:0] wide_a, wide_b;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) of_a (.A(A), .Y(wide_a));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) of_b (.A(B), .Y(wide_b));
  wire [Y_WIDTH-1:0] b = wide_b ^ {Y_WIDTH{BI}};
  wire [Y_WIDTH:0] carry = {CO, CI};
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    ternstone_full_adder cell (.A(wide_a[i]), .B(b[i]), .C(carry[i]), .S(Y[i]), .CO(CO[i]));
  end endgenerate
  assign X = wide_a ^ b;
endmodule

// An array of N x N: N**2 ANDs and N (N - 1) adders, which are 3 N**2 spins with the inputs.
(* techmap_celltype = "$mul" *)
module _80_ternstone_mul (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] Y;
  // Signed operands are widened to the product: modulo 2**Y_WIDTH it is the same.
  localparam SIGNED = A_SIGNED && B_SIGNED;
  localparam WIDTH_A = SIGNED || A_WIDTH > Y_WIDTH ? Y_WIDTH : A_WIDTH;
  localparam WIDTH_B = SIGNED || B_WIDTH > Y_WIDTH ? Y_WIDTH : B_WIDTH;
  (* force_downto *) wire [WIDTH_A-1:0] a;
  (* force_downto *) wire [WIDTH_B-1:0] b;
  \$pos #(.A_SIGNED(SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(WIDTH_A)) of_a (.A(A), .Y(a));
  \$pos #(.A_SIGNED(SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(WIDTH_B)) of_b (.A(B), .Y(b));
  // Row by row, WIDTH_A + WIDTH_B bits each; what lies above Y is not looked at.
  localparam WIDTH = WIDTH_A + WIDTH_B;
  (* force_downto *) wire [WIDTH*WIDTH_B-1:0] total;
  assign total[WIDTH-1:0] = a & {WIDTH_A{b[0]}};
  genvar i, j;
  generate for (j = 1; j < WIDTH_B; j = j + 1) begin : rows
    wire [WIDTH_A:0] carry;
    assign carry[0] = 1'b0;
    assign total[WIDTH*j+j-1:WIDTH*j] = total[WIDTH*(j-1)+j-1:WIDTH*(j-1)];
    for (i = 0; i < WIDTH_A; i = i + 1) begin : bits
      ternstone_full_adder cell (.A(a[i] & b[j]), .B(total[WIDTH*(j-1)+i+j]), .C(carry[i]),
                                 .S(total[WIDTH*j+i+j]), .CO(carry[i+1]));
    end
    assign total[WIDTH*(j+1)-1:WIDTH*j+j+WIDTH_A] = carry[WIDTH_A];
  end endgenerate
  assign Y = total[WIDTH*WIDTH_B-1:WIDTH*(WIDTH_B-1)];
endmodule
