"""A submission with many mistakes, to show what a refusal looks like."""

from __future__ import annotations

import json
from pathlib import Path

from evaluator.core.files import write_text
from evaluator.datasets.sandbox.generate import card, predictions


def write_broken(folder: Path) -> Path:
    """The folder of a submission that breaks about a dozen rules at once, written below `folder`."""
    target = folder / "Acme Labs" / "model"
    studies = {
        s: {"findings": r.findings, "impression": r.impression} for s, r in predictions("paraphrase").items()
    }
    del studies["sandbox-0003"]
    studies["SANDBOX_0007"] = studies.pop("sandbox-0007")
    studies["sandbox-9999"] = {"findings": "Not in the dataset.", "impression": ""}
    studies["sandbox-0010"] = {"findings": None}
    studies["sandbox-0011"]["findings"] = "No \u202eeffusion\u202c."
    studies["sandbox-0012"]["findings"] = "word " * 700
    studies["sandbox-0013"] = {"findings": "", "impression": ""}
    text = json.dumps(studies, indent=0)
    text = (
        text[:-1].rstrip()
        + ',\n"sandbox-0001": {"findings": "A second one."}, "sandbox-0020": {"findings": NaN}}\n'
    )
    write_text(target / "sandbox.json", text)
    broken_card = card("paraphrase").replace("links: {}", "links: {paper: 'http://example.org/x'}")
    broken_card = broken_card.replace("year: 2026", "year: soon").replace("[synthetic]", "[my-secret-set]")
    write_text(target / "model.yaml", broken_card)
    write_text(target / "run.sh", "echo no code here\n")
    return target
