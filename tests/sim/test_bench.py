"""The bench passes a right device and catches each kind of wrong one."""

import json
import re
import shutil

import numpy as np
import pytest

import sim
from hdl.verilog import Verilog
from sim.bench import Scenario, grid
from sim.build import Build

icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is missing")
SIMULATORS = ["verilator", pytest.param("icarus", marks=icarus)]


@pytest.fixture
def run(echo, workdir):
    """Runs the loadable device in one scenario."""
    def run(bug="none", frames=echo.frames, **options):
        return sim.run(echo.Block(bug), echo.verilog(), frames=frames, workdir=workdir,
                       name=f"echo-{bug}", **options)
    return run


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("loaded", [False, True])
def test_right_device(echo, workdir, simulator, loaded):
    block = echo.Block(loaded=loaded)
    verdicts = sim.check(block, echo.verilog(loaded), frames=echo.frames, workdir=workdir,
                         simulator=simulator)
    assert len(verdicts) == 11
    assert all(v.ok and v.beats >= 40 and v.failure is None and v.wave is None for v in verdicts)
    plain = verdicts[0]
    assert (plain.cycles, plain.expected_cycles, plain.idle, plain.stalled) == (41, 41, 0, 0)
    most = verdicts[8]
    assert most.idle + most.stalled > 300 and most.cycles <= 41 + most.idle + most.stalled
    for verdict in verdicts[9:]:
        assert verdict.resets == 3 and verdict.beats > 40
    assert json.loads(json.dumps(plain.to_dict()))["ok"] is True
    assert plain.simulator.startswith("Verilator" if simulator == "verilator" else "Icarus")
    assert plain.cycles_per_second > 0


def test_same_seed_same_run(run):
    first, again, other = (run(idle=0.4, stall=0.4, seed=seed) for seed in (5, 5, 6))
    counts = [(v.cycles, v.idle, v.stalled) for v in (first, again, other)]
    assert counts[0] == counts[1] != counts[2]


def test_idles_and_stalls_come_as_often_as_asked(echo, run):
    frames = echo.Block().random_frames(500, np.random.default_rng(1))
    idle, stall = run(frames=frames, idle=0.3), run(frames=frames, stall=0.3)
    assert idle.idle / idle.cycles == pytest.approx(0.3, abs=0.05)
    assert stall.stalled / stall.cycles == pytest.approx(0.3, abs=0.05)
    assert (idle.stalled, stall.idle) == (0, 0)


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("bug, options, message", [
    ("data", {}, r"1 of 40 beats differ, first: output beat 13 \(frame 3, beat 1\) must be .*"
                 r"; element 1 must be -?\d+, not -?\d+$"),
    ("last", {}, r"10 of 40 beats differ, .*frame 0, beat 3\) must be tdata \S+ tlast 1, tuser 0,"
                 r" not tdata \S+ tlast 0, tuser 0$"),
    ("drop", {"stall": 0.3}, r".*no end after \d+ cycles: .*m_axis valid=0 ready=[01] at beat \d+"
                             r" of 40; a waiting beat of m_axis changed, \d+ times$"),
    ("stuck", {}, r"no end after \d+ cycles: s_axis_w valid=0 ready=0 at beat 2 of 2, s_axis "
                  r"valid=1 ready=0 at beat 7 of 40, m_axis valid=0 ready=1 at beat 7 of 40$"),
    ("slow", {}, r"cycles must be golden's 41, not 42$"),
    ("slow", {"stall": 0.05, "seed": 4}, r"cycles must be at most 41 \+ 0 idle \+ \d+ stalled, "
                                         r"not \d+$"),
    ("withdraw", {"stall": 0.9}, r".*m_axis_tvalid fell before the transfer, 1 times$"),
    ("unstable", {"stall": 0.3}, r".*a waiting beat of m_axis changed, \d+ times$"),
    ("mute", {}, r"no end after \d+ cycles: .* s_axis valid=0 ready=1 at beat 40 of 40, m_axis "
                 r"valid=0 ready=1 at beat 0 of 40$"),
    ("extra", {}, r"1 beats came after the last expected one$"),
    ("repeat", {}, r".*beats differ, first: output beat 9 .*$"),
    ("no_clear", {"resets": (8, 19)}, r"\d+ of \d+ beats differ, .*tuser 1$"),
    ("keeps_weights", {"resets": (20,)}, r"40 of \d+ beats differ, first: output beat 0 .*$"),
    ("no_load", {"resets": (20,)}, r"no end after \d+ cycles: s_axis_w valid=1 ready=0 at beat 0 "
                                   r"of 2, s_axis valid=0 .*$"),
    ("peek", {"idle": 0.9}, r"\d+ of 40 beats differ, .*$"),
])
def test_wrong_device(run, simulator, bug, options, message):
    verdict = run(bug, simulator=simulator, **options)
    assert not verdict.ok
    assert re.match(message, verdict.failure), verdict.failure
    assert (verdict.mismatches > 0) == (verdict.first_mismatch is not None)
    # The waves of a failure are kept, and hold the device's own signals.
    with open(verdict.wave) as wave:
        head = wave.read(20000)
    assert "$enddefinitions" in head and "s_axis_tdata" in head and "position" in head


@pytest.mark.parametrize("bug", ["drop", "withdraw", "unstable", "peek", "no_clear",
                                 "keeps_weights", "no_load"])
def test_these_need_idles_stalls_or_resets(run, bug):
    assert run(bug).ok


@icarus
def test_unknown_values_fail(run):
    verdict = run("unknown", idle=0.9, simulator="icarus")
    assert re.match(r"(.*; )?X on m_axis_tvalid or a tready in \d+ cycles", verdict.failure)


def test_simulator_that_stops_is_a_failure(echo, workdir):
    scenarios = [Scenario("first"), Scenario("second", seed=2)]
    first, second = sim.run_scenarios(echo.Block("stop"), echo.verilog(), scenarios,
                                      frames=echo.frames, workdir=workdir)
    assert not first.ok and not second.ok and first.beats == 0
    assert re.match(r"the simulator stopped in this scenario: .*device\.v", first.failure)
    assert re.match(r"this scenario did not run, because the simulator stopped", second.failure)


def test_golden_with_wrong_cycles_fails(echo, run, monkeypatch):
    monkeypatch.setattr(echo.Block, "cycles", lambda self, frames: 42)
    assert run().failure == "cycles must be golden's 42, not 41"


def test_reset_after_the_end_of_a_pass_fails(run):
    verdict = run(resets=(10, 100000))
    assert re.match(r"1 of 2 resets came before the end of a pass \(\d+ cycles\)$",
                    verdict.failure)


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("stall", [0, 0.5])
def test_frames_of_wrong_length(echo, run, simulator, stall):
    frames = list(echo.frames)
    frames[0], frames[3], frames[4], frames[9] = map(echo.frame, (7, 1, 2, 5))
    bad = {index: echo.Block().run([frames[index][:given]])[0]
           for index, given in ((0, 4), (3, 0), (4, 1), (9, 4))}
    verdict = run(frames=frames, bad=bad, stall=stall, simulator=simulator)
    assert verdict.ok, verdict
    assert verdict.expected_cycles is None and verdict.beats == 24 + 5 + 1 + 2 + 5


def test_frame_of_wrong_length_must_be_answered_by_one_beat(echo, run):
    frames = [echo.frame(4), echo.frame(3), echo.frame(4)]
    verdict = run(frames=frames, bad={1})
    assert re.match(r"\d+ of 9 beats differ, first: output beat 4 \(frame 1, beat 0\) must be "
                    r"tdata any, tlast 1, tuser 1, not tdata \S+ tlast 0, tuser 0; .*1 beats? "
                    r"|.*", verdict.failure)
    assert not verdict.ok and verdict.mismatches
    assert run(frames=[echo.frame(1), echo.frame(4)], bad=[0]).ok


def test_error_on_a_right_frame_fails(echo, run):
    verdict = run(frames=[echo.frame(4), echo.frame(3)])
    assert re.match(r"1 of 7 beats differ, .* tuser 0, not .* tuser 1", verdict.failure)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_wave_on_request(run, simulator):
    verdict = run(wave=True, simulator=simulator)
    assert verdict.ok
    with open(verdict.wave) as wave:
        text = wave.read()
    assert "$enddefinitions" in text and text.count("\n#") > 80


def test_netlist_in_place_of_the_verilog(echo, run, tmp_path):
    netlist = tmp_path / "netlist.v"
    netlist.write_text(echo.verilog().replace("+ step", "- step"))
    verdict = run(netlist=netlist)
    assert verdict.device == "netlist" and verdict.mismatches == 40
    netlist.write_text(echo.verilog())
    assert run(netlist=[netlist]).ok


def test_device_from_a_file(echo, workdir, tmp_path):
    file = tmp_path / "echo.v"
    file.write_text(echo.verilog().replace("module top", "module echo"))
    assert sim.run(echo.Block(), file, frames=echo.frames, top="echo", workdir=workdir).ok


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize("as_file", [False, True])
def test_memory_images(echo, workdir, tmp_path, simulator, as_file):
    text = echo.verilog(loaded=False).replace("wire [7:0] step = 1,", """
        reg [7:0] steps [0:0];
        initial $readmemh("steps.mem", steps);
        wire [7:0] step = steps[0], """)

    def run(step):
        device = Verilog(text, {"steps.mem": f"{step:02x}\n"})
        if as_file:
            device.write(tmp_path / "echo.v")
        return sim.run(echo.Block(loaded=False), tmp_path / "echo.v" if as_file else device,
                       frames=echo.frames, simulator=simulator, workdir=workdir, name="images")
    assert run(1).ok
    assert run(2).mismatches == 40


# A verdict is only a verdict if the check ran.

def test_no_frames(run):
    with pytest.raises(ValueError, match=r"^Frames must be at least one, not 0$"):
        run(frames=[])


def test_no_comparison(echo, run, monkeypatch):
    monkeypatch.setattr(echo.Block, "run", lambda self, frames: [f[:0] for f in frames])
    with pytest.raises(ValueError, match=r"^Golden must answer with at least one beat, not 0$"):
        run()


def test_golden_with_answers_missing(echo, run, monkeypatch):
    answers = echo.Block.run
    monkeypatch.setattr(echo.Block, "run", lambda self, frames: answers(self, frames)[1:])
    with pytest.raises(ValueError, match=r"^Golden must give 10 answers to 10 frames, not 9$"):
        run()
    monkeypatch.setattr(echo.Block, "run", lambda self, frames: answers(self, frames) * 2)
    with pytest.raises(ValueError, match=r"^Golden must give 10 answers to 10 frames, not 20$"):
        run()


def test_no_scenario(echo, workdir):
    with pytest.raises(ValueError, match=r"^Scenarios must be at least one, not 0$"):
        sim.run_scenarios(echo.Block(), echo.verilog(), [], frames=echo.frames, workdir=workdir)


@pytest.mark.parametrize("command", [["true"], ["false"]])
def test_bench_that_never_started(run, monkeypatch, command):
    monkeypatch.setattr(Build, "command", lambda self, seed: command)
    with pytest.raises(sim.SimulationError, match=r"^The bench must start, but left no result:"):
        run()


@pytest.mark.parametrize("change, message", [
    ({"COCOTB_TEST_MODULES": "sim.no_such_module"}, r"^The bench must start, but left no result"),
    ({"COCOTB_TEST_FILTER": "no_such_test"}, r"^The bench must start, but left no result"),
    ({"GPI_USERS": ""}, r"^The bench must start, but left no result"),
    ({"COCOTB_RESULTS_FILE": "elsewhere.xml"}, r"Results file .*results\.xml not found"),
])
def test_cocotb_that_does_not_run(run, monkeypatch, change, message):
    environ = Build.environ
    monkeypatch.setattr(Build, "environ", lambda self: environ(self) | change)
    with pytest.raises(sim.SimulationError, match=message):
        run()


def test_user_settings_of_cocotb_do_not_matter(run, monkeypatch):
    monkeypatch.setenv("COCOTB_TEST_FILTER", "no_such_test")
    assert run().ok


def test_cocotb_test_that_fails(run, monkeypatch):
    monkeypatch.setattr("sim.bench.get_results", lambda path: (1, 1))
    with pytest.raises(sim.SimulationError, match=r"must pass once, not run 1 times and fail 1:"):
        run()


def test_files_that_end_too_soon(run, monkeypatch):
    from sim import bench
    records = bench._records
    monkeypatch.setattr(bench, "_records", lambda beats, width: records(beats, width)[:-9])
    verdict = run()
    assert not verdict.ok and "the bench's files ended too soon" in verdict.failure


def test_check_raises_with_every_failure(echo, workdir):
    scenarios = [Scenario("plain"), Scenario("stalled", stall=0.3)]
    with pytest.raises(AssertionError) as caught:
        sim.check(echo.Block("data"), echo.verilog(), scenarios=scenarios, frames=echo.frames,
                  workdir=workdir, name="echo")
    lines = str(caught.value).splitlines()
    assert [line.split(" (")[0] for line in lines] == ["echo, plain", "echo, stalled"]
    assert "[waves: " in lines[0]


def test_grid(echo):
    scenarios = grid(echo.Block(), echo.frames, seed=4)
    assert [(s.idle, s.stall) for s in scenarios[:9]] == [
        (i, s) for i in (0, 0.3, 0.9) for s in (0, 0.3, 0.9)]
    assert all(len(s.resets) == 3 for s in scenarios[9:])
    assert scenarios == grid(echo.Block(), echo.frames, seed=4)
    assert scenarios != grid(echo.Block(), echo.frames, seed=5)


@pytest.mark.parametrize("field, value, message", [
    ("idle", 1.0, r"^Scenario idle must be between 0 and 0\.99, not 1\.0$"),
    ("stall", -0.1, r"^Scenario stall must be between 0 and 0\.99, not -0\.1$"),
    ("seed", -1, r"^Scenario seed must be between 0 and 4294967295, not -1$"),
    ("resets", (-5,), r"^Scenario reset must be between 0 and 2147483648, not -5$"),
])
def test_init_wrong_scenario(field, value, message):
    with pytest.raises(ValueError, match=message):
        Scenario(**{field: value})


def test_bad_frame_out_of_range(run):
    with pytest.raises(ValueError, match=r"^Index of a bad frame must be between 0 and 9, not 10"):
        run(bad=[10])


def test_unknown_simulator(run):
    with pytest.raises(ValueError, match=r"^Simulator must be one of verilator, icarus, not 'x'"):
        run(simulator="x")
