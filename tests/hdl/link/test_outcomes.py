"""No fault of a line yields a wrong answer, and the frame after it is right; counted."""

import pytest

from golden.link.packet import ANSWER, Code, Kind, Packet
from tests.hdl.link.outcomes import core, outcome, run


@pytest.fixture(scope="module")
def small():
    return core()


def show(counts):
    for fault, found in counts.items():
        print(f"{fault:>8}: " + ", ".join(f"{n} {word}" for word, n in found.most_common()))


def test_outcomes(small):
    counts = run(small, 120, 1)
    show(counts)
    # Every kind of fault does damage.
    assert all(sum(found.values()) > found["right"] for found in counts.values())


@pytest.mark.slow
def test_thousands_of_outcomes(small):
    counts = run(small, 6000, 2)
    show(counts)
    assert all(sum(found.values()) == 1000 for found in counts.values())


def test_a_wrong_answer_would_be_seen():
    answer = Packet(Kind.FRAME | ANSWER, 7, b"12")
    assert outcome([answer], 7, b"12") == "right"
    assert outcome([answer], 7, b"13") == outcome([answer], 8, b"12") == "WRONG"
    error = Packet(Kind.ERROR | ANSWER, 0, bytes([Code.CRC]))
    assert outcome([error], 7, b"12") == "error CRC"
    assert outcome([error, answer], 7, b"13") == "WRONG"
    assert outcome([], 7, b"12") == "no answer"
