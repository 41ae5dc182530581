"""``ternstone``, and ``python -m ternstone``: runs the command line and gives its exit status."""

import errno
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer

from sim.tools import ToolError
from ternstone import report
from ternstone.errors import BadInput

__all__ = ["main"]

#: click's exceptions, by way of typer: it carries a click of its own, or imports one.
_CLICK_ERROR: type[Any] = typer.BadParameter.__mro__[2]
#: What a user's folders and disk refuse: permissions, a file in a folder's place or a folder in a
#: file's, no room. Any command may meet it at any file; other errors of the system are faults of
#: ours, and keep their traceback.
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR,
            errno.ENOTEMPTY, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENAMETOOLONG,
            errno.ELOOP}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 fine, 1 a mismatch or failed verdict, 2 bad input (one line on standard error)."""
    from ternstone.cli import app

    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        # Without `standalone_mode` click leaves the wording of errors and the status to us.
        status = app(given or ["--help"], prog_name="ternstone", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except (BadInput, ToolError) as error:
        report.error(error, as_json)
    except _CLICK_ERROR as error:
        message = str(error.format_message()).replace("\n", " ").rstrip(".")
        message = message.replace(": Value error, ", ": ")  # which kind of error is of no use
        context = getattr(error, "ctx", None)
        where = f" (see: {context.command_path} --help)" if context else ""
        report.error(message + where, as_json)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        # The reader went away (`| head`); keep the interpreter from complaining on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        report.error(f"{error.filename or 'A file'} must be free to read and write, and is not: "
                     f"{os.strerror(error.errno).lower()}", as_json)
    return 2


if __name__ == "__main__":
    sys.exit(main())
