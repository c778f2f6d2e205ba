"""The `rexrank` command: one file of what it does and one of its options for each group of commands."""

from __future__ import annotations

import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command; failures print what is wrong and exit as `ExitCode` says, without a traceback.

    A signal ends the command with 128 + its number; a reader of our output that went away, with 141.
    """
    from evaluator.core.console import prepare_streams
    from evaluator.core.problems import ExitCode, MetricUnavailable, RexrankError
    from evaluator.core.stopping import Stopped, stop_on_signals

    # Before the libraries are loaded, which takes a moment in which the command may be stopped too.
    prepare_streams()
    stop_on_signals()
    import typer

    code: int = ExitCode.FAILURE
    try:
        try:
            from evaluator.cli.app import app

            # Not in Typer's standalone mode: that exits 2 for a mistyped option, which is the user's mistake.
            code = app(prog_name="rexrank", standalone_mode=False)
        finally:
            sys.stdout.flush()
    except typer.TyperException as mistake:
        mistake.show()  # type: ignore[attr-defined]  # each one that Typer raises has it
        code = ExitCode.INPUT
    except typer.Abort:
        print("Aborted!", file=sys.stderr)
        code = ExitCode.INPUT
    except RexrankError as error:
        print(f"rexrank: {error}", file=sys.stderr)
        code = error.exit_code
    except MetricUnavailable as error:
        print(f"rexrank: {error}", file=sys.stderr)
    except Stopped as stop:
        print(
            f"rexrank: stopped by {stop.reason}; nothing half-written is left. "
            "Run the same command again to go on.",
            file=sys.stderr,
        )
        code = int(stop.code or 2)
    except BrokenPipeError:
        code = 141
        _drop_output()
    except Exception as error:
        if os.environ.get("REXRANK_DEBUG"):
            raise
        code = ExitCode.FAILURE
        name = type(error).__name__
        print(
            f"rexrank: an unexpected failure of ours ({name}: {str(error)[:300]}). "
            "Run again with REXRANK_DEBUG=1 for the traceback and open an issue with it.",
            file=sys.stderr,
        )
        if isinstance(error, OSError) and not _flushed():
            _drop_output()
    sys.exit(code)


def _flushed() -> bool:
    """Whether standard output takes what is left for it: a full disk does not."""
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _drop_output() -> None:
    """Nothing is left to be written: Python would complain once more as it flushes at exit, and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
