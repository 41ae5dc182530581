"""Files that are written whole or not at all."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

__all__ = ["write_json", "write_whole"]


def write_whole(path, content):
    """Put ``content`` (str or bytes) into ``path``, or leave what was there untouched.

    The bytes go to a file beside it, which takes the name only when it is complete: a reader, or
    an interrupted run, never sees half a file. Missing folders are made.

    Errors: OSError, with the file's name, when the folder cannot be made or written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        content = content.encode()
    try:
        _write(path, content)
    except OSError as error:  # nobody knows the other file's name, and a full disk gives none
        raise OSError(error.errno, error.strerror, str(path)) from error
    return path


def _write(path, content):
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp gives 0600, a plain open would not
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_json(path, content):
    """`write_whole` of ``content`` as indented JSON, keys in the order given."""
    return write_whole(path, json.dumps(content, indent=2) + "\n")
