"""`rexrank infer`."""

from __future__ import annotations

import sys

from evaluator.cli.contribute import Sending, run_submit
from evaluator.cli.output import result
from evaluator.core.problems import ExitCode
from evaluator.core.workspace import SUBMISSIONS
from evaluator.submissions import outcome
from evaluator.submissions.card_draft import CardDraft
from evaluator.submissions.inference.engine import Engine, EngineName, Limits
from evaluator.submissions.inference.infer import InferRequest, infer, refuse_scorer


def run_infer(
    asked: InferRequest, engine: EngineName, limits: Limits, *, send: bool, sure: bool, repository: str
) -> int:
    """0 after writing the predictions (and with `send`, opening the pull request); 1 after saying why not."""
    refuse_scorer()
    ran = infer(asked, Engine(engine), limits)
    result(
        {
            "image": ran.image,
            "seconds": round(ran.seconds, 1),
            "file": None if ran.file is None else str(ran.file),
        }
    )
    if ran.file is None:
        sys.stdout.write(outcome.problem_text(ran.problems, colour=False))
        print(f"Nothing was written; the container's output is in {asked.log}.")
        return ExitCode.INPUT
    print(f"ran {ran.image} in {ran.seconds:,.0f} s")
    print(f"wrote {ran.file}")
    if not send:
        print(f"Next: rexrank submit {asked.folder}")
        return ExitCode.DONE
    sending = Sending(asked.folder, asked.dataset, "", "", SUBMISSIONS, repository, sure=sure)
    return run_submit(sending, CardDraft())
