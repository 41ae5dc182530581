// The full adder, which stays a cell of its own: five spins, where gates would take nine.
(* blackbox *)
module ternstone_full_adder(input A, input B, input C, output S, output CO);
endmodule
