`timescale 1ns / 1ps
// The test bench of every design: source, weight loader, sink and checks around one device.
//
// Everything that happens in every cycle happens here; cocotb starts the clock, writes the
// registers (the inputs below), raises `go`, waits for `done` and reads the counters (the outputs).
// sim/bench.py writes the files and says what the registers mean.
//
// Macros:  DUT         name of the device's top module
//          IN_WIDTH    bits of s_axis_tdata, a multiple of 8; OUT_WIDTH likewise of m_axis_tdata
//          LOAD_WIDTH  bits of s_axis_w_tdata, only for a device with that port
//          WAVE        compiled with waves
//
// Files, in the working directory: input.bin, image.bin and expected.bin hold one record a beat,
// a byte of flags and then tdata, most significant byte first. Flags: bit 0 tlast, bit 1 tuser,
// bit 2 (expected only) any tdata will do. resets_<scenario>.txt holds the cycles of the resets,
// each counted from the start of the pass that it ends.

module bench (
    input wire clk,
    // Registers, steady while `go` is high.
    input wire go,
    input wire [31:0] scenario,
    input wire [31:0] seed,
    input wire [16:0] idle_p,      // the source holds back a beat with probability idle_p / 65536
    input wire [16:0] stall_p,     // the sink is not ready with probability stall_p / 65536
    input wire [31:0] load_beats,
    input wire beside,  // the image goes in beside the frames, not before them
    input wire [31:0] in_beats,
    input wire [31:0] out_beats,
    input wire [31:0] limit,       // cycles of a pass, those that the bench itself held up left out
    input wire [31:0] quiet,       // cycles after the last expected beat in which none may come
    input wire [31:0] wave_from,   // tick at which waves start; all ones: none
    input wire stop_early,         // end soon after the first failure
    // What was seen. Counters of a pass (from one reset to the next) start anew with it.
    output reg done,
    output reg [31:0] ticks,         // cycles of the scenario, all passes
    output reg [31:0] passes,
    output reg [31:0] resets_done,
    output reg [31:0] age,           // cycles of this pass
    output reg [31:0] cycles,        // first input transfer to last output transfer, both counted
    output reg [31:0] idle_cycles,   // of those: the source had nothing on offer, but beats left
    output reg [31:0] stall_cycles,  // of those: a beat of the device waited for the sink
    output reg [31:0] load_index,
    output reg [31:0] in_index,
    output reg [31:0] out_index,
    // Checks, over all passes.
    output reg [31:0] compared,
    output reg [31:0] mismatches,
    output reg [31:0] extra,         // beats after the last expected one
    output reg [31:0] withdrawn,     // tvalid fell before the transfer
    output reg [31:0] unstable,      // tdata, tlast or tuser changed before the transfer
    output reg [31:0] unknown,       // cycles with X on tvalid or a tready
    output reg [31:0] unreadable,    // a file that ended too soon
    output reg timeout,
    output reg [31:0] failed_at,     // tick of the first failure of any kind; all ones: none
    output reg [31:0] first_index,   // the first mismatch: {tuser, tlast, tdata}
    output reg [`OUT_WIDTH+1:0] first_got,
    output reg [`OUT_WIDTH+1:0] first_expected,
    output reg first_any,
    // The streams as they are, for the message of a timeout.
    output wire [7:0] streams
);
    localparam [31:0] NONE = 32'hffffffff;
    localparam [1:0] IDLE = 0, RESET = 1, RUN = 2, DONE = 3;

    reg [1:0] state = IDLE;
    reg rst = 0;
    reg [1:0] reset_left;
    reg [31:0] reset_at;
    reg [31:0] source_rng, sink_rng;

    reg s_valid = 0, s_last;
    reg [`IN_WIDTH-1:0] s_data;
    wire s_ready;
    wire m_valid, m_last, m_user;
    reg m_ready = 0;
    wire [`OUT_WIDTH-1:0] m_data;
    wire w_valid_now, w_ready_now;

`ifdef LOAD_WIDTH
    reg w_valid = 0, w_last;
    reg [`LOAD_WIDTH-1:0] w_data;
    reg [`LOAD_WIDTH+7:0] w_record;
    wire w_ready;
    assign w_valid_now = w_valid;
    assign w_ready_now = w_ready;
`else
    assign w_valid_now = 0;
    assign w_ready_now = 0;
`endif

    `DUT dut (
        .clk(clk),
        .rst(rst),
        .s_axis_tdata(s_data),
        .s_axis_tvalid(s_valid),
        .s_axis_tready(s_ready),
        .s_axis_tlast(s_last),
`ifdef LOAD_WIDTH
        .s_axis_w_tdata(w_data),
        .s_axis_w_tvalid(w_valid),
        .s_axis_w_tready(w_ready),
        .s_axis_w_tlast(w_last),
`endif
        .m_axis_tdata(m_data),
        .m_axis_tvalid(m_valid),
        .m_axis_tready(m_ready),
        .m_axis_tlast(m_last),
        .m_axis_tuser(m_user)
    );

    assign streams = {w_valid_now, w_ready_now, s_valid, s_ready, m_valid, m_ready, rst, 1'b0};

    // Marsaglia's xorshift, 32 bits (13, 17, 5); never zero once seeded.
    function [31:0] next_random(input [31:0] x);
        reg [31:0] a, b;
        begin
            a = x ^ (x << 13);
            b = a ^ (a >> 17);
            next_random = b ^ (b << 5);
        end
    endfunction

    integer resets_file = 0, image_file = 0, input_file = 0, expected_file = 0;
    integer got;
    reg [8*32-1:0] path;
    reg [`IN_WIDTH+7:0] s_record;
    reg [`OUT_WIDTH+7:0] record;
    reg [31:0] index;
    reg counting, held, held_last, held_user, failing;
    reg [`OUT_WIDTH-1:0] held_data;
    reg [31:0] waited, quiet_done;

    task next_reset;
        begin
            reset_at = NONE;
            got = $fscanf(resets_file, "%d", reset_at);
            if (got != 1) reset_at = NONE;
        end
    endtask

    // Reset for 1 to 3 cycles; the pass starts from the first beat of each file.
    task start_pass;
        begin
            state <= RESET;
            rst <= 1;
            reset_left <= (sink_rng[17:16] == 3) ? 2'd0 : sink_rng[17:16];
            s_valid <= 0;
            m_ready <= 0;
`ifdef LOAD_WIDTH
            w_valid <= 0;
            if (image_file != 0) $fclose(image_file);
            image_file = $fopen("image.bin", "rb");
`endif
            if (input_file != 0) $fclose(input_file);
            if (expected_file != 0) $fclose(expected_file);
            input_file = $fopen("input.bin", "rb");
            expected_file = $fopen("expected.bin", "rb");
            passes <= passes + 1;
            age <= 0;
            cycles <= 0;
            idle_cycles <= 0;
            stall_cycles <= 0;
            load_index <= 0;
            in_index <= 0;
            out_index <= 0;
            counting <= 0;
            held <= 0;
            waited <= 0;
            quiet_done <= 0;
        end
    endtask

    task start_scenario;
        begin
            source_rng = (seed * 32'd2654435761) ^ 32'h9e3779b9;
            sink_rng = (seed * 32'd2246822519) ^ 32'h85ebca6b;
            if (source_rng == 0) source_rng = 1;
            if (sink_rng == 0) sink_rng = 1;
            if (resets_file != 0) $fclose(resets_file);
            $sformat(path, "resets_%0d.txt", scenario);
            resets_file = $fopen(path, "r");
            next_reset;
            ticks <= 0;
            passes <= 0;
            resets_done <= 0;
            compared <= 0;
            mismatches <= 0;
            extra <= 0;
            withdrawn <= 0;
            unstable <= 0;
            unknown <= 0;
            unreadable <= 0;
            timeout <= 0;
            failed_at <= NONE;
            first_index <= NONE;
            first_got <= 0;
            first_expected <= 0;
            first_any <= 0;
            start_pass;
            passes <= 1;
        end
    endtask

    // A beat that is not on offer is noise: a device must not look at it.
`ifdef LOAD_WIDTH
    task run_loader;
        begin
            if (w_valid && w_ready) load_index <= load_index + 1;
            index = load_index + ((w_valid && w_ready) ? 1 : 0);
            if (!w_valid || w_ready) begin
                if (index < load_beats && {1'b0, source_rng[31:16]} >= idle_p) begin
                    got = $fread(w_record, image_file);
                    if (got != `LOAD_WIDTH / 8 + 1) unreadable <= unreadable + 1;
                    w_valid <= 1;
                    w_last <= w_record[`LOAD_WIDTH];
                    w_data <= w_record[`LOAD_WIDTH-1:0];
                end else begin
                    w_valid <= 0;
                    w_last <= source_rng[20];
                    w_data <= {(`LOAD_WIDTH / 8){source_rng[31:24]}};
                end
            end
        end
    endtask
`endif

    task run_source;
        begin
            if (s_valid && s_ready) begin
                in_index <= in_index + 1;
                counting <= 1;
            end
            index = in_index + ((s_valid && s_ready) ? 1 : 0);
            if (!s_valid || s_ready) begin
                if ((beside || load_index == load_beats) && index < in_beats
                        && {1'b0, source_rng[15:0]} >= idle_p) begin
                    got = $fread(s_record, input_file);
                    if (got != `IN_WIDTH / 8 + 1) unreadable <= unreadable + 1;
                    s_valid <= 1;
                    s_last <= s_record[`IN_WIDTH];
                    s_data <= s_record[`IN_WIDTH-1:0];
                end else begin
                    s_valid <= 0;
                    s_last <= source_rng[20];
                    s_data <= {(`IN_WIDTH / 8){source_rng[31:24]}};
                end
            end
        end
    endtask

    task run_sink;
        begin
            m_ready <= {1'b0, sink_rng[15:0]} >= stall_p;
            if (m_valid && m_ready) begin
                out_index <= out_index + 1;
                if (out_index >= out_beats) begin
                    extra <= extra + 1;
                    failing = 1;
                end else begin
                    got = $fread(record, expected_file);
                    if (got != `OUT_WIDTH / 8 + 1) unreadable <= unreadable + 1;
                    compared <= compared + 1;
                    if (m_last !== record[`OUT_WIDTH] || m_user !== record[`OUT_WIDTH+1]
                            || (!record[`OUT_WIDTH+2] && m_data !== record[`OUT_WIDTH-1:0])) begin
                        mismatches <= mismatches + 1;
                        failing = 1;
                        if (mismatches == 0) begin
                            first_index <= out_index;
                            first_got <= {m_user, m_last, m_data};
                            first_expected <= record[`OUT_WIDTH+1:0];
                            first_any <= record[`OUT_WIDTH+2];
                        end
                    end
                end
            end
        end
    endtask

    task check_rules;
        begin
            held <= m_valid && !m_ready;
            held_data <= m_data;
            held_last <= m_last;
            held_user <= m_user;
            if (held && m_valid !== 1'b1) begin
                withdrawn <= withdrawn + 1;
                failing = 1;
            end else if (held && {held_user, held_last, held_data} !== {m_user, m_last, m_data})
            begin
                unstable <= unstable + 1;
                failing = 1;
            end
            if ((^{m_valid, s_ready, w_ready_now}) === 1'bx) begin
                unknown <= unknown + 1;
                failing = 1;
            end
        end
    endtask

    task count;
        begin
            age <= age + 1;
            if (counting || (s_valid && s_ready)) begin
                if (out_index < out_beats) cycles <= cycles + 1;
                if ((!s_valid && in_index < in_beats)
                        || (beside && !w_valid_now && load_index < load_beats))
                    idle_cycles <= idle_cycles + 1;
                if (m_valid && !m_ready && out_index < out_beats) stall_cycles <= stall_cycles + 1;
            end
            if ((m_valid && !m_ready)
                    || ((beside || load_index == load_beats) && !s_valid && in_index < in_beats)
                    || (load_index < load_beats && !w_valid_now))
                waited <= waited + 1;
            if (load_index == load_beats && in_index == in_beats && out_index >= out_beats)
                quiet_done <= quiet_done + 1;
        end
    endtask

    always @(posedge clk) begin
        failing = 0;
        source_rng = next_random(source_rng);
        sink_rng = next_random(sink_rng);
        ticks <= ticks + 1;
        if (!go) begin
            state <= IDLE;
            done <= 0;
            rst <= 0;
            s_valid <= 0;
            m_ready <= 0;
        end else case (state)
            IDLE: start_scenario;
            RESET: begin
                reset_left <= reset_left - 1;
                if (reset_left == 0) begin
                    rst <= 0;
                    state <= RUN;
                end
            end
            RUN: begin
`ifdef LOAD_WIDTH
                run_loader;
`endif
                run_source;
                run_sink;
                check_rules;
                count;
                if (quiet_done >= quiet) state <= DONE;
                if (age - waited > limit) begin
                    timeout <= 1;
                    failing = 1;
                    state <= DONE;
                end
                if (age >= reset_at) begin
                    resets_done <= resets_done + 1;
                    next_reset;
                    start_pass;
                end
            end
            DONE: done <= 1;
        endcase
        if (state == RUN) begin
            if (failing && failed_at == NONE) failed_at <= ticks;
            if (stop_early && failed_at != NONE && ticks - failed_at > 50) state <= DONE;
        end
    end

`ifdef WAVE
    always @(posedge clk)
        if (go && state != IDLE && ticks == wave_from) begin
            $dumpfile("wave.vcd");
            $dumpvars(0, bench);
        end
`endif
endmodule
