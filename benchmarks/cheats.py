"""The gains of simulated cheats and honest models, and what the integrity checks say about them.

`python benchmarks/cheats.py` scores them on the sandbox's references as on a real dataset; `--iu-xray FOLDER`
on IU X-ray's public test set (`ReXRank_IUXray_test.json`, `predictions/*.json` and `moerad/preds.csv` below
FOLDER). Each goes through its own scoring run with BLEU-2; everything is drawn from one seed. Prints the
tables of `site/integrity.md`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from evaluator.datasets.references import References, parse_references
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport
from evaluator.datasets.report_references import Reference
from evaluator.datasets.sandbox.generate import card, predictions
from evaluator.datasets.sandbox.studies import references
from evaluator.scoring.null_reports import NORMAL_FINDINGS
from evaluator.scoring.run import ScoreSettings, score_submission
from evaluator.submissions.model_card import ModelCard
from evaluator.submissions.submission import Predictions, Submission

SEED = 20_241_122
DATASET = get_dataset("iu-xray")
CARD = ModelCard.model_validate(yaml.safe_load(card("template")))
KEYWORDS = (
    "heart size normal cardiomegaly lungs clear opacity effusion pneumothorax consolidation edema atelectasis"
)
HEDGES = (
    "Cardiomegaly cannot be excluded. There may be a small pleural effusion. Atelectasis or consolidation is possible. "
    "A pneumothorax is not excluded. The lungs may be clear. The heart may be normal in size."
)
SYNONYMS = {
    "heart": "cardiac silhouette", "cardiac": "heart", "lungs": "lung fields", "normal": "unremarkable",
    "clear": "free of disease", "no": "without", "is": "appears", "are": "appear", "seen": "identified",
    "effusion": "fluid", "pneumothorax": "pleural air", "size": "dimensions", "acute": "new", "focal": "localised",
    "consolidation": "airspace opacity", "mild": "slight", "right": "right-sided", "left": "left-sided",
    "opacity": "density", "contours": "outlines", "bony": "osseous", "abnormality": "finding", "stable": "unchanged",
    "unchanged": "stable", "large": "big", "small": "minor", "and": "as well as", "there": "here", "within": "inside",
    "limits": "range", "degenerative": "wear", "spine": "vertebral column", "evidence": "sign", "of": "for",
}  # fmt: skip
Texts = Mapping[str, str]
Cheat = Callable[[str, str, random.Random], str]


@dataclass(frozen=True)
class Outcome:
    """A scoring run's BLEU-2 and what the integrity checks say."""

    bleu: float
    said: str


def sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=[.?!])\s+", text.strip()) if s]


def words_changed(n: int) -> Cheat:
    def change(reference: str, honest: str, rng: random.Random) -> str:
        words, others = reference.split(), honest.split() or ["clear"]
        for i in rng.sample(range(len(words)), min(n, len(words))):
            words[i] = rng.choice(others)
        return " ".join(words)

    return change


def shuffled(reference: str, _: str, rng: random.Random) -> str:
    found = sentences(reference)
    rng.shuffle(found)
    return " ".join(found)


def synonyms(reference: str, _: str, __: random.Random) -> str:
    return re.sub(r"[a-z]+", lambda m: SYNONYMS.get(m[0], m[0]), reference.lower())


def mixed(reference: str, honest: str, _: random.Random) -> str:
    return " ".join([*sentences(reference)[::2], *sentences(honest)[1::2]])


def some_studies(share: float) -> Cheat:
    return lambda reference, honest, rng: reference if rng.random() < share else honest


FROM_REFERENCES: Mapping[str, Cheat] = {
    "references, one word changed": words_changed(1),
    "references, three words changed": words_changed(3),
    "references, one sentence added": lambda r, h, _: f"{r} {(sentences(h) or ['Clear.'])[0]}",
    "references, a word inserted every 25": lambda r, *_: " ".join(
        f"also {w}" if i % 25 == 0 else w for i, w in enumerate(r.split())
    ),
    "references, sentences shuffled": shuffled,
    "references, synonyms": synonyms,
    "every other sentence of the reference, honest ones between": mixed,
    "one study in ten copied, the others honest": some_studies(0.1),
    "three studies in ten copied, the others honest": some_studies(0.3),
}
FROM_NOTHING: Mapping[str, Cheat] = {
    "one normal template for every study": lambda *_: NORMAL_FINDINGS,
    "a list of keywords": lambda *_: KEYWORDS,
    "hedging: any finding may be present": lambda *_: HEDGES,
    "honest reports, each repeated three times": lambda _, h, __: " ".join([h] * 3),
}


class Bench:
    """References, and scoring runs of reports on them, each on an empty leaderboard."""

    def __init__(self, studies: Mapping[str, Reference]) -> None:
        self.references = References(DATASET, dict(studies), "0" * 64)

    def score(self, reports: Texts, earlier: Mapping[str, Texts] | None = None) -> Outcome:
        """The outcome of one run; `earlier`: earlier models' reports."""
        found = {i: StudyReport(t) for i, t in reports.items()}
        digest = hashlib.sha256(json.dumps(dict(reports)).encode()).hexdigest()
        submission = Submission("cheat", "model", CARD, {DATASET.id: Predictions(DATASET.id, found, digest)})
        others = {n: {i: StudyReport(t) for i, t in r.items()} for n, r in (earlier or {}).items()}
        with tempfile.TemporaryDirectory() as scratch:
            settings = ScoreSettings(metrics=("bleu_2",), store=Path(scratch) / "store")
            (path,) = score_submission(
                submission, DATASET, self.references, Path(scratch) / "board", settings, earlier=others
            )
            record = json.loads(path.read_text("utf-8"))
        return Outcome(record["metrics"]["bleu_2"]["mean"], said(record["integrity"]["badges"]))

    def texts(self) -> dict[str, str]:
        """The references by study."""
        return {i: r.findings or "" for i, r in self.references.studies.items()}


def said(badges: list[dict[str, str]]) -> str:
    held = sorted({b["code"] for b in badges if b["outcome"] in {"quarantine", "reject"}})
    shown = sorted({b["code"] for b in badges if b["outcome"] == "badge"} - set(held))
    parts = [f"held: {', '.join(held)}"] if held else []
    return "; ".join(parts + ([f"badge: {', '.join(shown)}"] if shown else [])) or "passes"


def sandbox() -> tuple[Bench, dict[str, Texts]]:
    raw = references()
    studies = {
        i: Reference(i, raw[i]["section_findings"], None, raw[i]["subject_id"], {}) for i in sorted(raw)
    }
    models = {
        f"sandbox model {m}": {i: r.findings for i, r in predictions(m).items()}
        for m in ("shuffled", "template")
    }
    return Bench(studies), models


def iu_xray(folder: Path) -> tuple[Bench, dict[str, Texts]]:
    found = parse_references(DATASET, (folder / "ReXRank_IUXray_test.json").read_bytes())
    models: dict[str, Texts] = {}
    for name in ("indication-nearest-neighbour", "random-validation-report", "constant-normal"):
        given = json.loads((folder / "predictions" / f"{name}.json").read_text("utf-8"))
        models[f"baseline {name}"] = {i: given[i].get("findings", given[i].get("model_prediction")) for i in found.studies}  # fmt: skip
    with (folder / "moerad" / "preds.csv").open(encoding="utf-8", newline="") as file:
        models["MoERad-IU"] = {row["study_id"]: row["report"] for row in csv.DictReader(file)}
    return Bench(found.studies), models


def rows(bench: Bench, models: Mapping[str, Texts]) -> list[tuple[str, str, str, str]]:
    """(kind, description, BLEU-2 and gain, outcome) of every honest model and every cheat."""
    texts = bench.texts()
    base_name, base = next(iter(models.items()))
    # Every honest model with all the others as earlier ones.
    others = {
        name: {f"team{k}/model": r for k, (n, r) in enumerate(models.items()) if n != name} for name in models
    }
    honest = {name: bench.score(reports, others[name]) for name, reports in models.items()}
    out = [("honest", name, f"{o.bleu:.3f}", "", o.said) for name, o in honest.items()]

    def cheat(what: str, over: str, outcome: Outcome) -> None:
        out.append(
            ("cheat", what, f"{outcome.bleu:.3f}", f"{outcome.bleu - honest[over].bleu:+.3f}", outcome.said)
        )

    for what, make in {**FROM_REFERENCES, **FROM_NOTHING}.items():
        rng = random.Random(f"{SEED} {what}")
        cheat(what, base_name, bench.score({i: make(texts[i], base[i], rng) for i in texts}))
    for name, reports in models.items():
        if len(set(reports.values())) > 1:
            appended = {i: f"{t} There is no acute bony abnormality." for i, t in reports.items()}
            cheat(f"{name}, one sentence appended", name, bench.score(appended, {"original/model": reports}))
    return [
        (kind, what, f"{bleu} ({gain})" if gain else bleu, outcome) for kind, what, bleu, gain, outcome in out
    ]


def table(found: list[tuple[str, str, str, str]]) -> str:
    lines = ["| Kind | Reports | BLEU-2 (gain) | Outcome |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in found]).replace("-0.", "−0.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iu-xray", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    print(table(rows(*(iu_xray(given.iu_xray) if given.iu_xray else sandbox()))))
