"""The `rexrank` command: one file of what it does and one of its options for each group of commands."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the entry point of the console script."""
    from evaluator.cli.app import main as run

    run()
