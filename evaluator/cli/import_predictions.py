"""`rexrank import`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from evaluator.cli.output import result
from evaluator.core.counts import count_text
from evaluator.core.problems import ExitCode
from evaluator.submissions import outcome
from evaluator.submissions.import_manifest import read_manifest
from evaluator.submissions.importing import Plan, carry_out, plan


def run_import(
    manifest: Path, root: Path, references: Path | None, *, skip_invalid: bool, dry_run: bool
) -> int:
    """0 after writing every submission of a manifest, 1 if nothing was written, 3 if some were left out."""
    rows = read_manifest(manifest)
    imports = plan(rows, manifest.resolve().parent, root, references)
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    sys.stdout.write(outcome.problem_text(imports.report.problems, colour=colour))
    for entry in imports.report.found:
        print(f"{entry.team}/{entry.model}: {'; '.join(map(outcome.describe_file, entry.files))}")
    for note in imports.notes:
        print(f"note: {note}")
    models = [] if dry_run else carry_out(imports, root, skip_invalid=skip_invalid)
    result({"written": [*models], "left_out": [*imports.invalid], "there_already": [*imports.same]})
    for model in models:
        print(f"wrote {root / model}")
    if imports.same:
        print(f"{count_text(len(imports.same), 'file already exists', 'files already exist')}, byte for byte")
    return _ending(imports, models, root, skip_invalid=skip_invalid, dry_run=dry_run)


def _ending(made: Plan, changed: list[str], root: Path, *, skip_invalid: bool, dry_run: bool) -> int:
    if made.invalid and not skip_invalid:
        print(
            f"Nothing was written: {', '.join(made.invalid)} cannot be imported. Fix them, or add --skip-invalid."
        )
        return ExitCode.INPUT
    if dry_run:
        print("Nothing was written (--dry-run).")
    elif changed:
        print(
            f"Next: as a maintainer, one pull request with these folders of {root} and nothing else. It is checked as one "
            "change, and everything in it is scored once it is merged."
        )
    if made.invalid:
        print(f"left out: {', '.join(made.invalid)}")
        return ExitCode.PARTIAL if set(made.files) - set(made.invalid) else ExitCode.INPUT
    return ExitCode.DONE
