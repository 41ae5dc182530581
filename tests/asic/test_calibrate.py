"""The energy model's own constants: the law by hand, the memory's Liberty, the committed file."""

import json

import pytest

from asic.calibrate import FILE, MAIN, access_pj, constants, fitted
from asic.energy import CONSTANTS
from asic.energy import constants as read
from docs.energy import calibrated
from tests.asic.test_memory import LIBERTY

PRODUCTS = {(12, 12): 6.0, (8, 8): 4.0, (2, 1): 0.5}


def test_access(tmp_path):
    path = tmp_path / "ram.lib"
    path.write_text(LIBERTY)
    assert (access_pj(path, False), access_pj(path, True)) == (3, 5)
    path.with_name("none.lib").write_text(LIBERTY.replace("A_WEN & !A_REN", "A_WEN & A_REN"))
    with pytest.raises(RuntimeError, match=r"^Liberty \S+ must say what an access costs, and does"):
        access_pj(path.with_name("none.lib"), True)


def test_constants():
    made = constants(PRODUCTS, 20.0, 30.0, "command")["constants"]
    mac, exponent = fitted(PRODUCTS)
    assert made["mac_pj"]["value"] == mac and made["mac_exponent"]["value"] == exponent
    assert made["main"]["value"] == pytest.approx(20 / mac, abs=1e-4)
    assert "6000 fJ at 12 x 12" in made["mac_pj"]["source"] and MAIN in made["main"]["source"]


def test_committed_file():
    """It is what the committed bench says; each constant has a unit, a source, a known trust."""
    assert json.loads(FILE.read_text()) == calibrated()
    trusts = json.loads(CONSTANTS.read_text())["trust"]
    for name, entry in json.loads(FILE.read_text())["constants"].items():
        assert entry["unit"] and entry["source"] and entry["trust"] == "measured" in trusts, name
    assert read(FILE) != read()
