`timescale 1ns / 1ps
// The controller of a device's SPI: clocks out the bytes that it is told, and notes what comes with
// each. The same ports and commands as serial.v, so the same cocotb test drives both.
//
// Mode 0, most significant bit first. Chip select falls two half periods before the first byte of a
// list, and rises after the last, and at an IDLE.
//
// Macros:  DUT   name of the device's top module: clk, rst, sck, cs_n, copi, cipo
//          WAVE  compiled with waves

module bench (
    input wire clk,
    input wire rst,
    input wire [31:0] send_step,      // half periods of sck in a clock cycle, times 2**32
    input wire [31:0] receive_step,   // not used
    input wire send,
    input wire [9:0] count,
    input wire [8191:0] commands,     // of 16 bits: SEND and a byte, IDLE and half periods
    output reg sent,
    input wire take,
    output reg [9:0] received_count,
    output reg [8191:0] received,
    output reg lost
);
    reg sck = 0, cs_n = 1;
    reg [7:0] out = 0;
    wire cipo;
    `DUT dut (.clk(clk), .rst(rst), .sck(sck), .cs_n(cs_n), .copi(out[7]), .cipo(cipo));

    reg [31:0] phase;
    reg tick;
    reg [11:0] halves;  // left of a byte (two for each bit), or to wait
    reg waiting, taken;
    reg [7:0] in;
    reg [9:0] index;
    reg [15:0] command;
    initial received = 0;
    always @(posedge clk) begin
        if (take != taken) begin
            taken <= take;
            received_count = 0;
        end
        {tick, phase} <= {1'b0, phase} + {1'b0, send_step};
        if (tick && halves != 0) begin
            halves <= halves - 1;
            if (!waiting) begin
                sck <= !sck;
                if (!sck) begin
                    in = {in[6:0], cipo};
                    if (halves == 2) begin
                        if (received_count == 512) lost <= 1;
                        else begin
                            received[{received_count[8:0], 4'd0}+:16] <= {8'd0, in};
                            received_count = received_count + 1;
                        end
                    end
                end else out <= {out[6:0], 1'b0};
            end
        end else if (tick) begin
            waiting <= 1;
            command = commands[{index[8:0], 4'd0}+:16];
            if (send == sent || index == count) begin
                index <= 0;
                sent <= send;
                cs_n <= 1;
                if (!cs_n) halves <= 2;
            end else if (command[15:12] != 0) begin
                index <= index + 1;
                cs_n <= 1;
                halves <= command[11:0];
            end else if (cs_n) begin
                cs_n <= 0;
                halves <= 2;
            end else begin
                index <= index + 1;
                waiting <= 0;
                out <= command[7:0];
                halves <= 16;
            end
        end
        if (rst) begin
            {tick, phase} <= 0;
            {sck, waiting, taken, lost, sent} <= 0;
            cs_n <= 1;
            halves <= 0;
            index <= 0;
            received_count = 0;
        end
    end

`ifdef WAVE
    initial begin
        $dumpfile("wave.vcd");
        $dumpvars(0, bench);
    end
`endif
endmodule
