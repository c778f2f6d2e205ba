"""`rexrank doctor`: whether runner and repository are what the trust boundary needs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from evaluator.doctor.findings import Section, as_json, as_text, exit_status


def run_doctor(prefix: Path, *, json: bool, strict: bool) -> int:
    """0 when nothing on this runner is bad, else 1; raises `RexrankError` without root's rights."""
    from evaluator.doctor.checks import check_host
    from evaluator.doctor.kit import nothing_installed
    from evaluator.doctor.look import ask_inside, look

    if not prefix.is_dir():
        return _say([Section("The kit", (nothing_installed(str(prefix)),))], json=json, strict=strict)
    sections = check_host(look(prefix))
    return _say([*sections, *ask_inside(prefix)], json=json, strict=strict)


def run_inside(*, json: bool, strict: bool) -> int:
    """0 when nothing is bad as the scorer sees it; what `isolate.sh doctor` calls."""
    from evaluator.doctor.inside import check_inside
    from evaluator.doctor.look_inside import look_inside

    return _say(check_inside(look_inside()), json=json, strict=strict)


def _say(sections: Sequence[Section], *, json: bool, strict: bool) -> int:
    sys.stdout.write(as_json(sections) if json else as_text(sections))
    return exit_status(sections, strict=strict)
