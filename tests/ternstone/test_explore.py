"""``ternstone explore``: every point, the front, a search that goes on, and every wrong word."""

import dataclasses
import json
from pathlib import Path

import pytest

from fpga.boards import DEVICES
from ternstone import explore as work
from tests.fpga.small import needs_tools
from tests.ternstone.words import assert_one_line, nothing_left

FAKE = ["explore", "fake.adder", "--board", "hx8k"]


@needs_tools
def test_every_point(ternstone):
    """Of a block whose lanes cost cells alone, the least is the whole front."""
    answer = ternstone(*FAKE, "--over", "lanes=1,2,4", "--quick", "--json")
    assert answer.status == 0, answer.err
    made = answer.json
    cells = {row["given"]["lanes"]: row["logic_cells"] for row in made["points"]}
    # A register of 4 bits a lane, valid, last, and what stands before them.
    assert list(cells) == ["1", "2", "4"]
    assert cells["4"] - cells["2"] >= 2 * 4 and cells["2"] - cells["1"] >= 4
    assert [row["front"] for row in made["points"]] == [True, False, False]
    assert [row["cells"]["FF"] for row in made["points"]] == [6, 10, 18]
    assert json.loads(Path(made["file"]).read_text())["points"] == made["points"]
    page = Path(made["page"]).read_text()
    assert "<svg" in page and "lanes=1" in page and "lanes=4" not in page


@needs_tools
def test_routed_and_left_out(ternstone):
    """Placed and routed; a point that is no block is named."""
    answer = ternstone(*FAKE, "--over", "lanes=2,99", "--param", "steps=5")
    assert answer.status == 0, answer.err
    assert "left out: lanes=99: " in answer.err and "between 1 and 16, not 99" in answer.err
    assert "Fmax MHz" in answer.out and "frames/s" in answer.out


@needs_tools
def test_a_search_goes_on(ternstone):
    """Two searches of a study: no point twice, and the second has the first's."""
    pytest.importorskip("optuna")
    search = [*FAKE, "--over", "lanes=1..4", "--quick", "--json", "--jobs", 1, "--trials"]
    first = ternstone(*search, 2)
    assert first.status == 0, first.err
    points = [row["given"]["lanes"] for row in first.json["points"]]
    assert len(set(points)) == 2
    second = ternstone(*search, 3)
    assert second.status == 0, second.err
    found = [row["given"]["lanes"] for row in second.json["points"]]
    assert found[:2] == points and sorted(found) == ["1", "2", "3", "4"]
    assert Path("build/fake-adder/explore.db").is_file()


@pytest.mark.parametrize("rows, kept", [
    ([(1, 1), (2, 2), (2, 1)], [(1, 1), (2, 2)]),
    ([(1, 1), (1, 1)], [(1, 1), (1, 1)]),
    ([(3, 3)], [(3, 3)])])
def test_front(rows, kept):
    found = work.front([{"cells": a, "rate": b} for a, b in rows], {"cells": -1, "rate": 1})
    assert [(row["cells"], row["rate"]) for row in found] == kept


@pytest.mark.parametrize("arguments, message", [
    (["--over", "lanes"], r"--over must be name=value,value .*, not 'lanes'"),
    (["--over", "lanes="], r"--over must be name=value,value .*, not 'lanes='"),
    (["--over", "lanes=1,lanes=2"], r"--over must name each parameter once, which .* does not"),
    (["--over", "lanes=1", "--over", "lanes=2"],
     r"--over must name each parameter once, which 'lanes=2' does not"),
    (["--over", "lanes=4..1"], r"--over must have ranges that rise, .* not '4\.\.1'"),
    (["--over", "lanse=1,2"], r"Parameter 'lanse' is not one of fake.adder: did you mean lanes\?"),
    (["--over", "lanes=1,x"], r"Parameter lanes must be an integer, not 'x'"),
    (["--over", "lanes=99,x"], r"Parameter lanes must be an integer, not 'x'"),
    (["--over", "steps=1..100,lanes=1..16"],
     r"--over must span at most 200 points, not 1,600 \(.*--trials 40.*\)"),
    (["--over", "lanes=1", "--trials", 0], r"--trials must be at least 1, not 0"),
    (["--over", "lanes=1", "--jobs", 0], r"--jobs must be at least 1, not 0"),
    (["--over", "lanes=1", "--storage", "sqlite:///x"], r"--storage is of a search .*"),
    (["--over", "lanes=1", "--trials", 1, "--storage", "nonsense"], r"Storage nonsense: .*"),
])
def test_wrong_words(ternstone, tmp_path, arguments, message):
    if "--storage" in arguments:
        pytest.importorskip("optuna")
    assert_one_line(ternstone(*FAKE, *arguments), message)
    assert nothing_left(tmp_path)


@needs_tools
def test_nothing_fits(ternstone, monkeypatch):
    small = dataclasses.replace(DEVICES["iCE40HX8K"], LUT4=5)
    monkeypatch.setitem(DEVICES, "iCE40HX8K", small)
    answer = ternstone(*FAKE, "--quick", "--over", "lanes=2,1")
    assert_one_line(answer, r"A point must fit hx8k, but of 2 none does: lanes=2: takes "
                            r"\d+ of 5 LUT4")
