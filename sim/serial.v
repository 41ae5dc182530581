`timescale 1ns / 1ps
// The far end of a device's serial line: sends what it is told, bit by bit, and notes what comes.
//
// Bytes come and go by hundreds: sim/cocotb_serial.py looks every few hundred cycles. The line's
// bits are not in step with the device's clock: each side has a phase accumulator of its own, and
// rates that need not be what the device thinks.
//
// Macros:  DUT   name of the device's top module: clk, rst, rx, tx
//          WAVE  compiled with waves

module bench (
    input wire clk,
    input wire rst,
    input wire [31:0] send_step,      // bits in a clock cycle, times 2**32
    input wire [31:0] receive_step,
    // To the device: `count` commands, taken when `send` changes and none is left.
    input wire send,
    input wire [9:0] count,
    input wire [8191:0] commands,     // of 16 bits; see SEND below
    output reg sent,                  // follows `send` when the last of them is done
    // From the device: bytes, with bit 8 set for a missing stop bit; `take` clears them.
    input wire take,
    output reg [9:0] received_count,
    output reg [8191:0] received,     // 16 bits each
    output reg lost                   // a byte came while there was no room
);
    localparam [3:0] SEND = 0, IDLE = 1, SEND_BROKEN = 3;  // and 2, low: see sim/serial.py

    wire tx;
    reg rx = 1;
    `DUT dut (.clk(clk), .rst(rst), .rx(rx), .tx(tx));

    reg [31:0] phase;
    reg tick;
    reg [11:0] bits_left;
    reg [9:0] shift;
    reg [9:0] index;
    reg [15:0] command;
    always @(posedge clk) begin
        {tick, phase} <= {1'b0, phase} + {1'b0, send_step};
        if (tick && bits_left > 1) begin
            shift <= {shift[9], shift[9:1]};
            rx <= shift[1];
            bits_left <= bits_left - 1;
        end else if (tick) begin
            rx <= 1;
            bits_left <= 0;
            if (send != sent && index != count) begin
                command = commands[{index[8:0], 4'd0}+:16];
                index <= index + 1;
                case (command[15:12])
                    SEND, SEND_BROKEN: begin
                        shift <= {command[15:12] == SEND, command[7:0], 1'b0};
                        bits_left <= 10;
                        rx <= 0;
                    end
                    IDLE: begin
                        shift <= 10'h3ff;
                        bits_left <= command[11:0];
                    end
                    default: begin  // low
                        shift <= 0;
                        bits_left <= command[11:0];
                        rx <= 0;
                    end
                endcase
            end else begin
                index <= 0;
                sent <= send;
            end
        end
        if (rst) begin
            {tick, phase} <= 0;
            bits_left <= 0;
            index <= 0;
            sent <= 0;
            rx <= 1;
        end
    end

    reg [31:0] receive_phase;
    reg receive_tick, busy, waiting, taken;
    reg [3:0] position;
    reg [7:0] data;
    initial received = 0;
    always @(posedge clk) begin
        if (take != taken) begin
            taken <= take;
            received_count = 0;
        end
        if (tx) waiting <= 0;
        if (!busy) begin
            receive_tick <= 0;
            receive_phase <= 32'h80000000 + receive_step;  // seen a cycle late
            position <= 0;
            busy <= !tx && !waiting;
        end else begin
            {receive_tick, receive_phase} <= {1'b0, receive_phase} + {1'b0, receive_step};
            if (receive_tick) begin
                position <= position + 1;
                data <= {tx, data[7:1]};
                if (position == 0 && tx) busy <= 0;
                if (position == 9) begin
                    busy <= 0;
                    waiting <= !tx;
                    if (received_count == 512) lost <= 1;
                    else begin
                        received[{received_count[8:0], 4'd0}+:16] <= {7'd0, !tx, data};
                        received_count = received_count + 1;
                    end
                end
            end
        end
        if (rst) begin
            {busy, waiting, taken, lost} <= 0;
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
