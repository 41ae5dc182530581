"""``ternstone generate``: files, description, cache."""

import json
from pathlib import Path

import pytest

from hdl.verilog import Verilog
from ternstone import designs, generate
from ternstone.designs import open_design
from ternstone.errors import BadInput
from ternstone.generate import identifier, lanes, memories

FILES = ["fake-adder.v", "generate.json", "ports.json"]


def folder(tmp_path):
    (found,) = (tmp_path / "build" / "fake-adder").iterdir()
    return found


def test_files(ternstone, tmp_path):
    answer = ternstone("generate", "fake.adder", "--json")
    assert answer.status == 0
    report = answer.json
    assert report["cached"] is False
    assert Path(report["folder"]) == folder(tmp_path).relative_to(tmp_path)
    assert sorted(path.name for path in folder(tmp_path).iterdir()) == FILES
    text = (tmp_path / report["verilog"]).read_text()
    assert text.count("\n") == report["lines"]
    assert str(tmp_path) not in text and str(designs.MODELS.parent) not in text
    assert report["memory_bits"] == 8
    assert [(m["words"], m["width"], m["rom"]) for m in report["memories"]] == [(2, 4, True)]


def test_ports(ternstone, tmp_path):
    ternstone("generate", "fake.adder", "--param", "lanes=3")
    described = json.loads((folder(tmp_path) / "ports.json").read_text())
    assert described["module"] == "fake_adder"
    assert described["params"]["lanes"] == 3
    found = {port["name"]: port for port in described["ports"]}
    assert set(found) == {"s_axis_tdata", "s_axis_tvalid", "s_axis_tready", "s_axis_tlast",
                          "m_axis_tdata", "m_axis_tvalid", "m_axis_tready", "m_axis_tlast",
                          "m_axis_tuser", "clk", "rst"}
    assert found["s_axis_tdata"] == {
        "name": "s_axis_tdata", "direction": "input", "width": 16,
        "meaning": "3 x s4.0, element 0 in the least significant bits, zero-padded",
        "elements": 3, "format": {"width": 4, "fraction": 0, "signed": True}}
    assert found["m_axis_tready"]["direction"] == "input"
    assert all(port["width"] == 1 for name, port in found.items() if "tdata" not in name)


def test_second_call_makes_nothing(ternstone, tmp_path, monkeypatch):
    first = ternstone("generate", "fake.adder", "--json").json
    monkeypatch.setattr(generate, "emit", None)  # a call would fail
    before = {path: path.stat().st_mtime_ns for path in folder(tmp_path).iterdir()}
    second = ternstone("generate", "fake.adder", "--json").json
    assert second == {**first, "cached": True}
    assert {path: path.stat().st_mtime_ns for path in folder(tmp_path).iterdir()} == before


@pytest.mark.parametrize("name, harm", [
    *((name, "not what was written") for name in FILES),
    *(("generate.json", harm) for harm in ("", "{}", "[]"))])
def test_harmed_files_are_made_anew(ternstone, tmp_path, name, harm):
    ternstone("generate", "fake.adder")
    path = folder(tmp_path) / name
    good = path.read_text()
    path.write_text(harm)
    assert ternstone("generate", "fake.adder", "--json").json["cached"] is False
    if name != "generate.json":  # that has the time it took
        assert path.read_text() == good


def test_changed_generator_is_not_served_from_the_cache(ternstone, tmp_path, monkeypatch):
    ternstone("generate", "fake.adder")
    monkeypatch.setattr(designs, "_generator", lambda: "another")
    assert ternstone("generate", "fake.adder", "--json").json["cached"] is False
    assert len(list((tmp_path / "build" / "fake-adder").iterdir())) == 2


def test_digest_covers_sources(tmp_path, monkeypatch):
    for package in ("golden", "hdl"):
        (tmp_path / package).mkdir()
        monkeypatch.setattr(getattr(designs, package), "__path__", [str(tmp_path / package)])
    seen = set()
    for text in ("a = 1\n", "a = 2\n"):
        for package in ("golden", "hdl"):
            (tmp_path / package / "a.py").write_text(text)
            designs._generator.cache_clear()
            seen.add(designs._generator())
    designs._generator.cache_clear()
    assert len(seen) == 4


def test_identity_is_of_parameters_and_tensors_alone(monkeypatch):
    """What a board says of itself: a generator that makes the same Verilog changes no bitstream."""
    def opened(**params):
        return designs.open_design("lstm.dense", None, params)

    before = opened()
    digest = before.digest
    monkeypatch.setattr(designs, "_generator", lambda: "another")
    after, other = opened(), opened(lanes="2")
    assert before.identity == after.identity != other.identity
    assert digest != after.digest


@pytest.mark.parametrize("change", [("--param", "lanes=4"), ("--seed", "7"),
                                    ("--param", "format=u4.0")])
def test_hash_follows_content(ternstone, change):
    assert (ternstone("generate", "fake.adder", "--json").json["hash"]
            != ternstone("generate", "fake.adder", *change, "--json").json["hash"])


def test_output_folder(ternstone, tmp_path):
    report = ternstone("generate", "fake.adder", "-o", "out", "--json").json
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert not (tmp_path / "build").exists()
    assert report["folder"] == "out"
    # The same folder for other content: not what is there, but what was asked for.
    other = ternstone("generate", "fake.adder", "-o", "out", "--param", "lanes=5", "--json").json
    assert (other["cached"], other["lanes"]) == (False, [5])


def test_images_are_written_and_guarded(ternstone, tmp_path, monkeypatch):
    real = generate.emit
    monkeypatch.setattr(generate, "emit", lambda component, name: Verilog(
        real(component, name).text, {"weights.mem": "0\n1\n"}))
    assert "weights.mem" in ternstone("generate", "fake.adder", "--json").json["files"]
    (folder(tmp_path) / "weights.mem").unlink()
    assert ternstone("generate", "fake.adder", "--json").json["cached"] is False
    assert (folder(tmp_path) / "weights.mem").read_text() == "0\n1\n"


def test_table(ternstone):
    answer = ternstone("generate", "fake.adder")
    assert "fake-adder.v" in answer.out and "rom" in answer.out
    assert answer.err == ""


@pytest.mark.parametrize("name, module", [
    ("digits-lstm-ternary", "digits_lstm_ternary"), ("8", "_8"), ("größe", "gr__e"),
    ("final", "_final")])
def test_identifier(name, module):
    assert identifier(name) == module


def test_lanes_of_nested_parameters():
    assert lanes({"layers": ({"lanes": 8}, {"lanes": 4}), "head": {"lanes": 1}, "batch": 2}) == [
        8, 4, 1]


def test_memories_of_several_forms():
    text = """
module a(clk);
  reg [7:0] contents [0:15];
  always @(posedge clk)
    if (en) contents[addr][3:0] <= contents_next[3:0];
endmodule

module \\b.c (clk);
  reg state;
  reg bits [3:0];
  initial begin
    bits[0] = 1'h0;
  end
  assign x = bits[a] <= 3;
endmodule
"""
    assert memories(text) == [
        {"module": "a", "name": "contents", "words": 16, "width": 8, "bits": 128, "rom": False},
        {"module": "b.c", "name": "bits", "words": 4, "width": 1, "bits": 4, "rom": True}]


def test_a_path_of_a_blocks_parameters():
    """As for a ready design: a bare name is the builder's, a path is one place."""
    design = open_design("lstm.network", None, {"hidden": "8", "layers.0.interval": "4"})
    assert design.block.params.layers[0].interval == 4
    with pytest.raises(BadInput, match=r"^Parameter 'layers\.0\.lanse' is not one of lstm\.netw"):
        open_design("lstm.network", None, {"layers.0.lanse": "4"})
