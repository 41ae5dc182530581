"""``ternstone sim``: verdicts, exit status, what is written, with a block of one line."""

import json
import shutil

import pytest

from ternstone import report
from ternstone.generate import BUILD

#: Icarus where it is: it compiles in no time, and what these tests look at is the same.
QUICK = ("--simulator", "icarus" if shutil.which("iverilog") else "verilator")

KEYS = {"design", "block", "hash", "task", "passed", "failure", "netlist", "scenario", "frames",
        "beats", "mismatches", "first_mismatch", "cycles", "expected_cycles", "stalled", "idle",
        "resets", "seed", "idle_probability", "stall_probability", "total_cycles",
        "cycles_per_second", "simulator", "device", "wave", "score", "utilisation", "seconds",
        "tools"}

SIMULATORS = [
    "verilator",
    pytest.param("icarus", marks=pytest.mark.skipif(
        shutil.which("iverilog") is None, reason="Icarus Verilog is not installed"))]


def folder(tmp_path):
    (found,) = (tmp_path / "build" / "fake-adder").iterdir()
    return found


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_equal(ternstone, tmp_path, simulator):
    answer = ternstone("sim", "fake.adder", "--frames", "5", "--simulator", simulator, "--json")
    assert answer.status == 0, answer.err
    verdict = answer.json
    assert set(verdict) == KEYS
    assert verdict["passed"] is True
    assert (verdict["frames"], verdict["beats"], verdict["mismatches"]) == (5, 20, 0)
    assert verdict["cycles"] == verdict["expected_cycles"] == 21
    assert verdict["score"] is None
    assert json.loads((folder(tmp_path) / "sim.json").read_text()) == verdict


def test_table_stalls_and_waves(ternstone, tmp_path):
    answer = ternstone("sim", "fake.adder", "--stall", "0.5", "--idle", "0.5", "--wave", *QUICK)
    assert answer.status == 0, answer.err
    assert "equal" in answer.out
    kept = json.loads((folder(tmp_path) / "sim.json").read_text())
    assert kept["stalled"] > 0 and kept["idle"] > 0
    assert "waves in" in answer.err
    assert (tmp_path / kept["wave"]).read_text().startswith("$")


def test_mismatch_is_status_1(ternstone, tmp_path):
    answer = ternstone("sim", "fake.adder", "--param", "wrong=true", *QUICK, "--json")
    assert answer.status == 1
    assert answer.json["passed"] is False
    assert answer.json["mismatches"] > 0
    assert "score" not in answer.json
    assert json.loads((folder(tmp_path) / "sim.json").read_text()) == answer.json
    answer = ternstone("sim", "fake.adder", "--param", "wrong=true", *QUICK)
    assert answer.status == 1
    assert "FAILED" in answer.out and "fake-adder: " in answer.err


def test_netlist(ternstone, tmp_path):
    wrong = ternstone("generate", "fake.adder", "--param", "wrong=true", "--json").json
    answer = ternstone("sim", "fake.adder", "--netlist", wrong["verilog"], *QUICK, "--json")
    assert answer.status == 1
    assert answer.json["netlist"] == wrong["verilog"]
    assert answer.json["device"] == "netlist"
    kept = list((tmp_path / BUILD / "fake-adder" / answer.json["hash"]).iterdir())
    assert "sim-netlist.json" in [path.name for path in kept]


def test_netlist_that_does_not_compile(ternstone, tmp_path):
    (tmp_path / "bad.v").write_text("module fake_adder(; endmodule\n")
    answer = ternstone("sim", "fake.adder", "--netlist", "bad.v", *QUICK)
    assert answer.status == 2
    assert answer.err.startswith("error: Netlist bad.v: ")
    assert answer.err.count("\n") == 1


def test_missing_tools(ternstone, monkeypatch):
    from sim import tools

    for find in (tools.find_verilator, tools.find_icarus, tools.find_make, tools.find_compiler):
        find.cache_clear()
    monkeypatch.setenv("PATH", "")
    for simulator, said in (("verilator", r"perl|Verilator"), ("icarus", "Icarus Verilog")):
        answer = ternstone("sim", "fake.adder", "--simulator", simulator)
        assert answer.status == 2
        assert answer.err.startswith("error: ")
        assert answer.err.count("\n") == 1
        assert any(word in answer.err for word in said.split("|"))
    for find in (tools.find_verilator, tools.find_icarus, tools.find_make, tools.find_compiler):
        find.cache_clear()


def test_a_model_of_another_task_is_fed_at_random(ternstone, tmp_path):
    from golden.lstm.dense import Dense
    from golden.lstm.params import DenseParams
    from golden.modelfile import save
    from ternstone.designs import open_design

    params = DenseParams(inputs=2, outputs=1, raw=True)
    path = save(tmp_path / "mine.safetensors", "lstm.dense", params, {"weight": [[1, -1]]},
                {"task": "weather"})
    design = open_design(None, path, {})
    assert (design.name, design.task) == ("mine", None)
    assert isinstance(design.block, Dense)
    feed = design.feed(3, 0)
    assert len(feed.frames) == 3
    assert design.score(feed) == (None, None, 0)


def test_shorten():
    assert report.shorten(1234567) == "1,234,567"


def test_memory_images_are_found(ternstone, monkeypatch):
    from hdl import verilog

    monkeypatch.setattr(verilog, "EXTERNAL_BITS", 0)
    answer = ternstone("sim", "fake.adder", *QUICK, "--json")
    assert answer.status == 0, answer.err
    images = ternstone("generate", "fake.adder", "--json").json["files"]
    assert [name for name in images if name.endswith(".mem")]


def test_ready_designs_side_by_side(ternstone, tmp_path, monkeypatch):
    from ternstone import cli

    names = ["digits-lstm-ternary", "digits-gru-ternary"]
    monkeypatch.setattr(cli, "DESIGNS", names)
    answer = ternstone("sim", "--all", "--frames", "2", "--json")
    assert answer.status == 0, answer.err
    assert answer.json["passed"] is True
    assert [verdict["design"] for verdict in answer.json["designs"]] == names
    for verdict in answer.json["designs"]:
        assert verdict["cycles"] == verdict["expected_cycles"]
        assert verdict["score"]["metric"] == "accuracy"


def test_a_design_without_its_data_is_left_out(ternstone, monkeypatch):
    """On a machine without MNIST every other design runs."""
    from golden import data
    from ternstone import cli

    def missing():
        raise FileNotFoundError("digits must be there")

    monkeypatch.setattr(data, "digits", missing)
    monkeypatch.setattr(cli, "DESIGNS", ["digits-lstm-ternary"])
    answer = ternstone("sim", "--all", "--frames", "1", "--json")
    assert answer.status == 0
    assert answer.err == "digits-lstm-ternary is left out: digits must be there\n"
    assert answer.json == {"passed": True, "designs": [],
                           "left_out": {"digits-lstm-ternary": "digits must be there"}}
    # One that is asked for by name is an error.
    answer = ternstone("sim", "digits-lstm-ternary")
    assert (answer.status, answer.err) == (
        2, "error: Frames of digits-lstm-ternary: digits must be there\n")


def test_a_missing_model_is_said_before_anything_runs(ternstone, tmp_path, monkeypatch):
    monkeypatch.setattr("ternstone.designs.MODELS", tmp_path)
    answer = ternstone("sim", "--all")
    assert answer.status == 2
    assert answer.err.startswith(f"error: Model file {tmp_path}")
    assert not list(tmp_path.iterdir())
