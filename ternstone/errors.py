"""What a user can mend, as one line."""

import contextlib
import re
from collections.abc import Iterator

__all__ = ["BadInput", "Unreadable", "bad_input"]


class BadInput(Exception):
    """A message for the user: what is wrong, what is allowed, how to mend. Exit status 2."""

    def __str__(self) -> str:
        # A message of several lines (a library's) still makes one.
        return re.sub(r"\s*\n\s*", "; ", super().__str__().strip())


class Unreadable(BadInput):
    """Text that is no value of its parameter's kind, whatever the others are."""


@contextlib.contextmanager
def bad_input(subject: str = "", kinds: tuple[type[BaseException], ...] = (
        TypeError, ValueError, OSError)) -> Iterator[None]:
    """Turn errors of ``kinds`` into `BadInput`, with ``subject`` before their message.

    To be put around a call that judges what the user handed in, and around nothing more: the same
    errors from elsewhere are faults of ours, and keep their traceback, but for what folders and
    disks refuse anywhere (`ternstone.__main__`).
    """
    try:
        yield
    except kinds as error:
        text = str(error)
        if isinstance(error, OSError) and error.strerror:
            text = error.strerror[:1].lower() + error.strerror[1:]
            if error.filename and str(error.filename) not in subject:
                text = f"{error.filename}: {text}"
        named = not subject or text.startswith(subject)
        raise BadInput(text if named else f"{subject}: {text}") from error
