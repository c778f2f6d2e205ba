"""A file of predictions in, reports and words out."""

from __future__ import annotations

import json

import pytest

from evaluator.cli.submit import run_convert
from evaluator.submissions.convert import Wanted

STUDIES = ("CXR1004_IM-0005", "CXR1005_IM-0006")
PREDICTED = "The lungs are clear. No effusion."
REFERENCE = "REFERENCE text that must not travel."


@pytest.fixture
def door(tmp_path, capsys):
    """A function: the file's content and options to (exit code, what was printed, the reports or None)."""

    def run(content, name="predictions", dataset="iu-xray", references=None, *, keep=False, **options):
        source = tmp_path / name
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        source.write_bytes(content)
        out = tmp_path / "out" / f"{dataset}.json"
        out.unlink(missing_ok=True)
        wanted = Wanted(**{k.removesuffix("_column"): v for k, v in options.items()})
        code = run_convert(source, dataset, out, wanted, references, keep=keep)
        output = capsys.readouterr()
        reports = json.loads(out.read_text("utf-8")) if out.exists() else None
        assert (code == 0) == (reports is not None)
        return code, output.out + output.err, reports

    return run
