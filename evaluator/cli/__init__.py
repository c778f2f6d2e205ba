"""The `rexrank` command: for each group of commands, one file with its actions and one with its options."""

from __future__ import annotations

import errno
import os
import re
import sys
from typing import Any, Final, NoReturn


def main() -> NoReturn:
    """Run the command; failures print what is wrong and exit as `ExitCode` says, without a traceback.

    A signal ends the command with 128 + its number; a closed reader of its output, with 141.
    """
    from evaluator.core.console import prepare_streams
    from evaluator.core.stopping import Stopped, stop_on_signals

    # Before the libraries are loaded: that takes a moment in which the command may be stopped too.
    prepare_streams()
    stop_on_signals()
    try:
        from evaluator.cli import output

        output.begin()
        _run()
    except Stopped as stop:
        sys.stderr.write(f"{_stopped(stop.reason)}\n")
        raise


def _run() -> NoReturn:
    """Run the command given by this process's arguments."""
    import typer

    from evaluator.cli import output
    from evaluator.core.problems import ExitCode, MetricUnavailable, RexrankError
    from evaluator.core.stopping import Stopped, ignore_signals_at_exit

    code: int = ExitCode.FAILURE
    try:
        try:
            from evaluator.cli.app import app
            from evaluator.cli.usage import Call, furnished, ordered

            Call.command, Call.json = "", False
            # Not in Typer's standalone mode: that exits 2 for a mistyped option, which is the user's mistake.
            code = int(
                furnished(app).main(ordered(sys.argv[1:]), prog_name="rexrank", standalone_mode=False) or 0
            )
        finally:
            sys.stdout.flush()
    except typer.TyperException as mistake:
        _show_mistake(mistake)
        code = ExitCode.INPUT
    except typer.Abort:
        output.error("Aborted!")
        code = ExitCode.INPUT
    except RexrankError as error:
        _as_json_where_asked()
        output.error(f"rexrank: {error}")
        code = error.exit_code
    except MetricUnavailable as error:
        output.error(f"rexrank: {error}")
    except Stopped as stop:
        output.error(_stopped(stop.reason))
        code = int(stop.code or 2)
    except BrokenPipeError:
        code = 141
        _drop_output()
    except Exception as error:
        if os.environ.get("REXRANK_DEBUG"):
            raise
        code = ExitCode.FAILURE
        output.error(f"rexrank: {_unforeseen(error)}")
        if isinstance(error, OSError) and not _flushed():
            _drop_output()
    _finish(code)
    ignore_signals_at_exit()
    sys.exit(code)


def _stopped(reason: str) -> str:
    return f"rexrank: stopped by {reason}; no partial files are left. Run the same command again to resume."


def _show_mistake(mistake: Any) -> None:
    """Prints what is wrong with the command line; as JSON too if the same command line asks for it."""
    from evaluator.cli import output

    _as_json_where_asked()
    output.note(mistake.format_message())
    mistake.show()


def _as_json_where_asked() -> None:
    """Makes sure that an error is written as JSON too if a command did not get as far as its own JSON."""
    from evaluator.cli import output
    from evaluator.cli.usage import Call

    words = " ".join(sys.argv[1:])
    if not Call.json and re.search(r"--format[ =]json\b", words):
        Call.json, Call.command = True, words.partition(" -")[0]
        output.ask_for_json()


_FULL: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
"""Errors that mean a machine out of space or memory, not a bug in the program."""


def _unforeseen(error: Exception) -> str:
    """The message for an error that no part of the program expected."""
    again = "Once the machine has space again, run the same command again."
    if isinstance(error, MemoryError):
        return f"cannot continue: out of memory. {again}"
    if isinstance(error, OSError) and error.errno in _FULL:
        place = f" ({error.filename})" if error.filename else ""
        return f"cannot continue: {error.strerror}{place}. {again}"
    return (
        f"an unexpected internal error ({type(error).__name__}: {str(error)[:300]}). "
        "Run again with REXRANK_DEBUG=1 for the traceback and open an issue with it."
    )


def _finish(code: int) -> None:
    """Writes the requested JSON, or the output of a quiet command that failed."""
    from evaluator.cli import output
    from evaluator.cli.usage import Call

    try:
        output.finish(Call.command, code, json=Call.json)
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        sys.exit(141)


def _flushed() -> bool:
    """Whether standard output accepts the remaining output: a full disk does not."""
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _drop_output() -> None:
    """Discards pending output: Python would otherwise complain again when it flushes at exit, and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
