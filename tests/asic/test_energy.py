"""The energy model: its equations by hand, what does not fit on chip, and wrong tables."""

import json
import math
import re

import pytest

from asic.energy import CONSTANTS, Layer, constants, energy, read_table

HEAD = "name,macs,weights,inputs,outputs\n"
LAYER = Layer("one", macs=1000, weights=100, inputs=50, outputs=20, weight_bits=4, bits=16)


def test_by_hand():
    (row,) = energy([LAYER], sram_bits=10**6)
    mac = 3.7 * (8 / 16) ** 1.25        # the precision is the root of 4 x 16
    local = mac * 1000 / math.sqrt(64 * 16 / 8)
    assert row == {"layer": "one", "compute": pytest.approx(mac * (1000 + 3 * 20)),
                   "weights": pytest.approx(2 * mac * 100 + local),
                   "activations": pytest.approx(2 * 2 * mac * 20 + local),
                   "off_chip": 20 * 50 * 8}


@pytest.mark.parametrize("sram, weights, maps", [
    (70 * 16 + 400, 0, 0),          # both fit
    (70 * 16 + 100, 300, 0),        # of the weights' 400 bits 100 have room
    (70 * 16, 400, 0),
    (70 * 16 - 10, 400, 10),
    (0, 400, 70 * 16)])
def test_off_chip(sram, weights, maps):
    (row,) = energy([LAYER], sram_bits=sram)
    assert row["off_chip"] == pytest.approx(20 * (50 * 8 + weights + maps))


def test_weights_share_what_the_largest_map_leaves():
    second = Layer("two", macs=10, weights=300, inputs=20, outputs=1, weight_bits=4, bits=16)
    first, last = energy([LAYER, second], sram_bits=70 * 16 + 400)
    assert last["off_chip"] == pytest.approx(20 * 300 * 4 * 0.75)
    assert first["off_chip"] == pytest.approx(20 * (50 * 8 + 100 * 4 * 0.75))


def test_every_constant_has_its_source():
    known = json.loads(CONSTANTS.read_text())
    for name, entry in known["constants"].items():
        assert entry["source"] and entry["unit"] and entry["trust"] in known["trust"], name


def test_other_constants(tmp_path):
    path = tmp_path / "own.json"
    path.write_text('{"constants": {"mac_pj": {"value": 1.5}}}')
    assert constants(path) == constants() | {"mac_pj": 1.5}
    for text, message in (('{"constants": {"mac": {"value": 1}}}', "Constant 'mac' is not known"),
                          ('{"constants": {"main": {"value": 0}}}', "main must be a number above"),
                          ('{"constants": {"main": 3}}', "must be JSON as asic/energy.json"),
                          ("nonsense", "must be JSON as asic/energy.json")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            constants(path)


def test_table(tmp_path):
    path = tmp_path / "layers.csv"
    path.write_text("name, macs, weights, inputs, outputs, bits\na, 9, 8, 7, 6, 5\nb,1,0,1,1,\n")
    assert read_table(path, weight_bits=3) == [Layer("a", 9, 8, 7, 6, 3, 5), Layer(
        "b", 1, 0, 1, 1, 3)]
    for text, message in (
            ("name,macs\n", "must have the columns name, macs, weights, inputs, outputs"),
            (HEAD, "must have a layer"),
            (f"{HEAD}a,1,1,1\n", "line 2: Layer outputs must be given, and is missing"),
            (f"{HEAD}a,1,,1,1\n", "line 2: Layer weights must be given, and is missing"),
            (f"{HEAD}a,1,1,1,1,1\n", "line 2: Layer must have a value for each column, and"),
            (f"{HEAD}a,1,x,1,1\n", "line 2: Layer weights must be an integer, not 'x'"),
            (f"{HEAD}a,{'9' * 5000},1,1,1\n", "line 2: Layer macs must be an integer, not '9{40}'"),
            (f"{HEAD}a,{'9' * 300},1,1,1\n", "line 2: Layer macs must be between 1 and 10{15}"),
            (f"{HEAD}{'a' * 200_000},1,1,1,1\n", "must be CSV, which it is not "),
            (f"{HEAD}a,0,1,1,1\n", "line 2: Layer macs must be between 1 and ")):
        path.write_text(text)
        with pytest.raises(ValueError, match=rf"^Table {re.escape(str(path))}.* {message}"):
            read_table(path)
    path.write_bytes(f"{HEAD}\xe4,1,1,1,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"^Table .*layers\.csv must be UTF-8 text, which it"):
        read_table(path)


def test_table_of_excel(tmp_path):
    """Which begins UTF-8 with a mark, and ends lines in its own way."""
    path = tmp_path / "layers.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEAD}a,9,8,7,6\n".replace("\n", "\r\n").encode())
    assert read_table(path) == [Layer("a", 9, 8, 7, 6)]
