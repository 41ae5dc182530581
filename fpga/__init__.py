"""From Verilog to FPGAs: area by Yosys; boards and bitstreams will stand beside it."""
