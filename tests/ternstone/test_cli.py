"""The command line as a new user meets it: what is listed, and what a wrong word is answered."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from ternstone.catalogue import BLOCKS, DESIGNS
from ternstone.designs import open_design, resolve
from tests.ternstone.words import assert_one_line, nothing_left

# -- list

def test_list(ternstone):
    answer = ternstone("list")
    assert answer.status == 0 and answer.err == ""
    for name in [*BLOCKS, *DESIGNS]:
        assert name in answer.out


def test_list_json(ternstone):
    answer = ternstone("list", "--json").json
    assert set(answer["families"]) == {
        "lstm", "stochastic", "invertible", "mac", "sparse_conv", "fake"}
    assert [set(block) for block in answer["blocks"]] == [
        {"name", "family", "summary"}] * len(BLOCKS)
    assert [d["name"] for d in answer["designs"]] == list(DESIGNS)
    assert all(set(d) == {"name", "block", "task", "summary", "trained", "boards"}
               for d in answer["designs"])


def test_catalogue_points_at_what_is_there():
    for name, entry in BLOCKS.items():
        for target in (entry.params, entry.golden, entry.hdl, *filter(None, [entry.build])):
            assert callable(resolve(target))
        assert resolve(entry.golden).name == name
    for design in DESIGNS.values():
        assert design.block in BLOCKS
        if design.task is not None:
            assert design.task in resolve(f"{BLOCKS[design.block].feed}:TASKS")


def test_design_without_model():
    assert open_design("factor-5x5", None, {}).block.params.bits == 5
    changed = open_design("factor-5x5", None, {"bits": "6"})
    assert (changed.name, changed.block.params.bits) == ("factor-5x5", 6)


def test_no_arguments_helps(ternstone):
    answer = ternstone()
    assert answer.status == 0
    assert "Usage: ternstone" in answer.out


@pytest.mark.parametrize("verb", ["list", "generate", "sim", "invert", "fpga"])
def test_help_and_json_on_every_verb(ternstone, verb):
    assert "--json" in ternstone(verb, "--help").out


def test_module_and_closed_pipe(tmp_path):
    done = subprocess.run(f"{sys.executable} -m ternstone list | head -n 1", shell=True,
                          cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True,
                          check=True)
    assert done.stdout.startswith("Blocks")
    assert done.stderr == ""


# -- wrong words

@pytest.mark.parametrize("arguments, message", [
    (["lst"], r"No such command 'lst'\. Did you mean 'list'\? \(see: ternstone --help\)"),
    (["list", "--jsn"], r"No such option: --jsn.*"),
    (["generate"], r"A design must be given once: by its name \(see: ternstone list\) or by "
                   r"--model FILE\.safetensors"),
    (["sim"], r"A design must be given once: .*"),
    (["generate", "lstm.dense", "--model", "x.safetensors"], r"A design must be given once: .*"),
    (["generate", "digits-lstm-tenary"],
     r"Design 'digits-lstm-tenary' is not known: did you mean digits-lstm-ternary.*\? "
     r"\(see: ternstone list\)"),
    (["generate", "lstm.dens"], r"Design 'lstm\.dens' is not known: did you mean lstm\.dense\? .*"),
    (["sim", "zzz"], r"Design 'zzz' is not known: allowed: digits-lstm-ternary, .*"),
    (["generate", "fake.adder", "--param", "lanse=2"],
     r"Parameter 'lanse' is not one of fake\.adder: did you mean lanes\?"),
    (["generate", "fake.adder", "--param", "lanes=abc"],
     r"Parameter lanes must be an integer, not 'abc'"),
    (["generate", "fake.adder", "--param", "lanes=17"],
     r"fake\.adder: Fake lanes must be between 1 and 16, not 17"),
    (["generate", "fake.adder", "--param", "lanes"],
     r"--param must be name=value, as lanes=16, not 'lanes'"),
    (["generate", "stochastic.network", "--param", "inputs=400", "--param", "hidden=400"],
     r"Hardware of stochastic-network: Network in parallel must have at most 131072 weights x m, "
     r"not 162004: fold it, by neurons and synapses of its layers"),
    (["generate", "stochastic.network", "--param", "m=3"],
     r"stochastic\.network: Layer m must be a power of two, not 3"),
    (["sim", "stochastic.network", "--param", "kind=lfsr", "--param", "register=8"],
     r"stochastic\.network: Layer 0 w stream length must be at most 255, the period of an LFSR "
     r"of 8 stages, not 256"),
    (["generate", "lstm.network", "--param", "weights=trinary"],
     r"lstm\.network: Weight kind must be one of binary, ternary, .*, not 'trinary'"),
    (["generate", "fake.adder", "--seed", "-1"], r"--seed must be at least 0, not -1"),
    (["generate", "--all", "fake.adder"],
     r"--all takes no design, --model, --param or --output"),
    (["sim", "--all", "fake.adder"], r"--all takes no design, --model, --param or --netlist"),
    (["sim", "fake.adder", "--frames", "0"], r"--frames must be at least 1, not 0"),
    (["sim", "fake.adder", "--frames", "many"], r"Invalid value for '--frames': .*"),
    (["sim", "fake.adder", "--stall", "1.5"],
     r"--stall must be a probability between 0 and 0\.99, not 1\.5"),
    (["sim", "fake.adder", "--idle", "nan"],
     r"--idle must be a probability between 0 and 0\.99, not nan"),
    (["sim", "fake.adder", "--simulator", "vcs"],
     r"Invalid value for '--simulator': 'vcs' is not one of .*"),
    (["sim", "fake.adder", "--netlist", "no.v"],
     r"Netlist no\.v must be a Verilog file, which it is not"),
    (["train", "factor-5x5"], r"Design 'factor-5x5' must be a network that is trained, .*"),
    (["train", "zzz"], r"Design 'zzz' is not known: allowed: digits-lstm-ternary, .*"),
])
def test_wrong(ternstone, tmp_path, arguments, message):
    assert_one_line(ternstone(*arguments), message)
    assert nothing_left(tmp_path)


def test_wrong_with_json(ternstone):
    answer = ternstone("generate", "zzz", "--json")
    assert answer.status == 2
    assert list(answer.json) == ["error"]
    assert answer.err == f"error: {answer.json['error']}\n"


# -- model files

def model_file(path, **changes):
    metadata = {"format": "ternstone", "version": "1", "block": "lstm.dense",
                "params": json.dumps({"inputs": 2, "outputs": 1, "raw": True}), "info": "{}"}
    metadata = {key: value for key, value in (metadata | changes).items() if value is not None}
    path.write_bytes(safetensors.numpy.save(
        {"weight": np.array([[1, -1]], dtype=np.int8)}, metadata))
    return path


@pytest.mark.parametrize("changes, message", [
    ({"format": None}, r"Model file mine\.safetensors.* it is another program's.*"),
    ({"version": "2"}, r"Model file mine\.safetensors.* format version 1, not '2'"),
    ({"block": "lstm.none"}, r"Model file mine\.safetensors.*not 'lstm\.none'"),
    ({"params": "{"}, r"Model file mine\.safetensors.* valid parameters.*"),
    ({"params": '{"inputs": 0, "outputs": 1}'},
     r"Model file mine\.safetensors.*Dense inputs must be between 1 and 65536, not 0"),
    ({"params": '{"inputs": 3, "outputs": 1, "raw": true}'},
     r"Model file mine\.safetensors: Tensor weight must have shape \(1, 3\), not \(1, 2\)"),
    ({"info": "[]"}, r"Model file mine\.safetensors: info must be a JSON object, not \[\]"),
    ({"params": '{"inputs": 2, "outputs": 1}'},
     r"Model file mine\.safetensors: Tensors must have 'bias', which is missing"),
])
def test_foreign_model(ternstone, tmp_path, changes, message):
    model_file(tmp_path / "mine.safetensors", **changes)
    assert_one_line(ternstone("generate", "--model", "mine.safetensors"), message)


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_truncated_model(ternstone, tmp_path, length):
    path = model_file(tmp_path / "mine.safetensors")
    path.write_bytes(path.read_bytes()[:length])
    assert_one_line(ternstone("generate", "--model", "mine.safetensors"),
                    r"Model file mine\.safetensors must be whole safetensors data: .*")


def test_missing_model(ternstone, tmp_path, monkeypatch):
    assert_one_line(ternstone("generate", "--model", "no.safetensors"),
                    r"Model file no\.safetensors does not exist")
    assert_one_line(ternstone("sim", "--model", tmp_path), r"Model file .* is a folder")
    monkeypatch.setattr("ternstone.designs.MODELS", tmp_path)
    assert_one_line(ternstone("generate", "digits-lstm-binary"),
                    r"Model file .*digits-lstm-binary\.safetensors does not exist "
                    r"\(make it with: ternstone train digits-lstm-binary\)")


def test_wrong_override_of_a_model(ternstone, tmp_path):
    model_file(tmp_path / "mine.safetensors")
    assert_one_line(
        ternstone("generate", "--model", "mine.safetensors", "--param", "inputs=3"),
        r"mine with --param: Tensor weight must have shape \(1, 3\), not \(1, 2\)")


# -- folders

def test_output_is_a_file(ternstone, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert_one_line(ternstone("generate", "fake.adder", "-o", "out"),
                    r"Folder out cannot be written: .*")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_file_in_a_folders_place(ternstone, tmp_path):
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "sim").write_text("mine")
    assert_one_line(ternstone("sim", "fake.adder"),
                    r".*build/sim.* must be free to read and write, and is not: file exists")


def test_faults_of_ours_keep_their_traceback(ternstone, monkeypatch):
    def lost(*arguments):
        raise FileNotFoundError(2, "No such file or directory", "table.json")

    monkeypatch.setattr("ternstone.cli.open_design", lost)
    with pytest.raises(FileNotFoundError):
        ternstone("generate", "fake.adder")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0 and not Path("/proc").is_dir(),
                    reason="root may write anywhere, and there is no /proc")
def test_output_cannot_be_written(ternstone):
    assert_one_line(ternstone("generate", "fake.adder", "-o", "/proc/ternstone"),
                    r"Folder /proc/ternstone cannot be written: .*")
