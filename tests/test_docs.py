"""The documentation: links lead somewhere, commands exist, examples run, tables are up to date."""

import importlib.util
import inspect
import random
import re
import shlex

import numpy as np
import pytest
import typer

from docs import (
    asic_tables,
    energy,
    fpga_tables,
    invertible_circuits,
    invertible_search,
    ising,
    joint_tables,
    link_tables,
    lstm_curves,
    mac_area,
    nullhop_tables,
    pages,
    peers,
    sparse_conv,
    sparse_conv_structured,
    stochastic_curves,
)
from golden import modelfile
from golden.lstm.build import network
from golden.lstm.network import Network
from ternstone.catalogue import BENCHES, BLOCKS, DESIGNS
from ternstone.cli import app
from ternstone.designs import open_design
from ternstone.generate import generate
from ternstone.simulate import simulate

ROOT = pages.ROOT
#: What writes tables and curves; README.md is the first one's.
SCRIPTS = [lstm_curves, stochastic_curves, invertible_circuits, invertible_search, ising,
           sparse_conv, sparse_conv_structured, nullhop_tables, joint_tables, fpga_tables, mac_area,
           peers, energy, link_tables, asic_tables]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")),
         *(ROOT / room / "README.md" for room in ("fpga", "asic"))]
VERBS = typer.main.get_command(app).commands


def page_id(path):
    return str(path.relative_to(ROOT))


def fences(text):
    """(language, body) of every code block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def without_fences(text):
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text):
    """The headings' anchors, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", without_fences(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", without_fences(page.read_text())):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        other = (page.parent / file).resolve() if file else page
        assert other.is_file(), target
        assert not anchor or anchor in anchors(other.read_text()), target


def commands(text):
    """Everything that stands as a command in code, inline or in a block."""
    lines = [line for language, body in fences(text) if not language for line in body.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", without_fences(text))
    # A command ends where its explanation begins: two spaces, or a comment.
    return [re.split(r"\s{2,}|\s#", line.strip())[0] for line in lines
            if re.match(r"(\w+=\S+ )?(ternstone|make|python) [a-z-]", line.strip())]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_exist(page):
    targets = re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands(page.read_text()):
        words = [w for w in shlex.split(command) if not re.match(r"[A-Z_]+=", w)]
        program, first, *rest = words
        if program == "make":
            assert first in targets, command
        elif program == "python":
            target = rest[0] if first == "-m" else first
            found = importlib.util.find_spec(target) if first == "-m" else (ROOT / target).is_file()
            assert found, command
        else:
            assert first in VERBS, command
            options = {o for p in VERBS[first].params for o in p.opts if o.startswith("-")}
            for word in rest:
                if word.startswith("-"):
                    assert word in options, command
            name = next(iter(rest), "--")
            if first in ("invert", "anneal") and "/" in name:
                assert (ROOT / name).is_file(), command
            elif not name.startswith("-") and name.islower():
                assert name in {*DESIGNS, *BLOCKS, *BENCHES}, command


def test_commands_are_found():
    found = commands((ROOT / "README.md").read_text())
    assert {"make sim", "make test", "ternstone list", "ternstone bench lstm"} <= set(found)
    assert commands("`make it`\n```python\nmake = 1\n```\n\n```\nternstone list   all\n```\n`x`"
                    ) == ["ternstone list", "make it"]


@pytest.fixture(scope="module")
def readme_model(tmp_path_factory):
    """The model file of the README's example, and the names that it leaves."""
    (source,) = [body for language, body in fences((ROOT / "README.md").read_text())
                 if language == "python"]
    folder, names = tmp_path_factory.mktemp("readme"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(source, "README.md", "exec"), names)
    return folder / "reader.safetensors", names


def test_readme_example(readme_model):
    path, names = readme_model
    block, params, tensors, info = modelfile.load(path)
    assert (block, info) == ("lstm.network", {"task": "digits-rows"})
    assert params.layers[0].weights == "ternary"
    feed = open_design(None, path, {}).feed(200, 0)
    accuracy, counted = feed.score(params, Network(params, tensors).run(feed.frames))
    assert counted == 200 and set(names["held_out"]).isdisjoint(names["train"])
    assert accuracy > 93


def test_readme_example_generates(readme_model, tmp_path):
    made = generate(open_design(None, readme_model[0], {}), tmp_path / "out")
    assert (tmp_path / "out" / f"{made['design']}.v").is_file()


@pytest.mark.slow
def test_readme_example_simulates(readme_model):
    verdict = simulate(open_design(None, readme_model[0], {}), frames=20, idle=0, stall=0, seed=0,
                       simulator="verilator", wave=False)
    assert verdict["passed"], verdict["failure"]


@pytest.mark.parametrize("script, page", [(script, page) for script in SCRIPTS
                                          for page in script.PAGES])
def test_tables_are_up_to_date(script, page):
    text = (ROOT / page).read_text()
    assert "<!-- table: " in text
    assert pages.fill(text, script.TABLES) == text, f"run: python -m {script.__name__}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_table_is_used(script):
    text = "".join((ROOT / page).read_text() for page in script.PAGES)
    assert set(re.findall(r"<!-- table: ([\w-]+) -->", text)) == set(script.TABLES)


@pytest.mark.parametrize("script", SCRIPTS)
def test_curves_are_up_to_date(script, tmp_path):
    pages.draw(script.CURVES, tmp_path)
    for name in script.CURVES:
        assert (tmp_path / name).read_bytes() == (ROOT / "docs" / name).read_bytes(), (
            f"{name}: run python -m {script.__name__}")


@pytest.mark.parametrize("source", [body for language, body in fences(
    (ROOT / "docs" / "invertible.md").read_text()) if language == "python"])
def test_examples_of_the_page(source):
    exec(compile(source, "invertible.md", "exec"), {})


def test_parameters_of_the_page():
    text = (ROOT / "docs" / "lstm.md").read_text()
    table = text.partition("## Parameters")[2].partition("`LayerParams` adds")[0]
    names = [name for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
             for name in re.findall(r"`(\w+)`", line)]
    assert sorted(names) == sorted(inspect.signature(network).parameters)


def test_closed_form_of_the_page():
    rng, seen = random.Random(0), {True: 0, False: 0}
    for _ in range(600):
        cell, gates = rng.choice([("lstm", 4), ("gru", 3)])
        intervals = [1, gates, gates + 2, 16] + ([2] if gates == 4 else [])
        p = lstm_curves.layer_params(
            inputs=rng.randint(1, 80), hidden=rng.randint(2, 200), cell=cell,
            lanes=gates * rng.randint(1, 60), columns=rng.choice([1, 1, 2, 3]),
            interval=rng.choice(intervals))
        if cell == "lstm":
            p = p.replace(joint=rng.random() < 0.3, cell_norm=rng.random() < 0.3)
        if p.words_h == 1:
            continue
        cycles = lstm_curves.step_cycles(p, np.ones(p.words_h, bool), p.words_x)
        assert (cycles == lstm_curves.dense_step(p)) == lstm_curves.flows(p), p
        seen[lstm_curves.flows(p)] += 1
    assert min(seen.values()) > 50, seen
