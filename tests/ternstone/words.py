"""What an answer to a wrong word must look like."""

import re

__all__ = ["assert_one_line", "nothing_left"]


def assert_one_line(answer, message):
    """Exit status 2, one line on standard error that matches, nothing on standard output."""
    assert answer.status == 2
    assert re.fullmatch(rf"error: {message}\n", answer.err), answer.err
    assert answer.out == ""


def nothing_left(folder):
    return not [path for path in folder.rglob("*") if path.is_file()]
