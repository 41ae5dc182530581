"""The command line as a function, in a folder of its own, with a block made for tests."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from ternstone.__main__ import main
from ternstone.catalogue import BLOCKS
from tests.ternstone.fake import ENTRY


@dataclass
class Answer:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object of standard output; anything beside it is an error."""
        return json.loads(self.out)


@pytest.fixture
def ternstone(tmp_path, monkeypatch, capfd):
    """Runs ``ternstone ARGUMENTS`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(BLOCKS, "fake.adder", ENTRY)

    def call(*arguments):
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return Answer(status, *capfd.readouterr())

    return call
