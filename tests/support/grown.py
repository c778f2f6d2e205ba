"""A challenge that has grown: a withheld board and a public one with any number of models, ready to be ranked.

Records, per-study scores, texts and submissions as the pipeline writes them (`write_record` rounds them), so
that ranking, publisher and site run on them directly. Scores are drawn; BLEU-2 of the public board is
computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import yaml

from evaluator.core.files import dump_json
from evaluator.core.types import Pair
from evaluator.datasets.protocol import clean_section
from evaluator.datasets.registry import get_dataset
from evaluator.datasets.report import StudyReport, dump_predictions
from evaluator.datasets.tasks.report_generation import TASK
from evaluator.metrics.registry import get_metric
from evaluator.models.runtime import Run
from evaluator.scoring.case_texts import CASES_SCHEMA
from evaluator.scoring.corpus import count_columns, frame_value
from evaluator.scoring.record import RECORD_SCHEMA, Record
from evaluator.scoring.records import FAILED_PREFIX, NULL_TEAM, SUBGROUP_PREFIX, Board, write_record
from support.crowd import CONTEXTS, INSTITUTIONS, VIEWS, board_keys

WITHHELD: Final = Board(get_dataset("rexgradient"), "findings")
PUBLIC: Final = Board(get_dataset("iu-xray"), "findings")
TRACK: Final = "findings"
AXES: Final = {
    "age_group": ("0-39", "40-64", "65-79", "80+"),
    "findings": ("0", "1-2", "3+"),
    "length": ("short", "middle", "long"),
    "normal": ("yes", "no"),
    "prior": ("yes", "no"),
    "sex": ("F", "M"),
    "view": ("AP", "PA", "frontal+lateral"),
}
SENTENCES: Final = (
    "The lungs are clear.",
    "No pleural effusion or pneumothorax is seen.",
    "The heart is normal in size.",
    "There is mild pulmonary edema.",
    "A small left pleural effusion is present.",
    "Patchy opacity in the right lower lobe may be atelectasis.",
    "The mediastinal contours are unremarkable.",
    "Degenerative changes of the thoracic spine are noted.",
)
PACKAGES: Final = ("numpy", "pandas", "torch", "transformers", "tokenizers", "scipy", "nltk", "safetensors")


@dataclass(frozen=True, slots=True)
class Grown:
    """The folders of a grown challenge: a checkout of main, and the runner's store."""

    root: Path
    store: Path
    studies: int = 10_000

    @property
    def leaderboard(self) -> Path:
        """Main's leaderboard."""
        return self.root / "leaderboard"

    def add_baselines(self) -> None:
        """Puts the baselines on both boards."""
        for place, model in enumerate(list(TASK.baselines)[:2]):
            for board in (WITHHELD, PUBLIC):
                self._enter(board, NULL_TEAM, model, -0.3 - 0.1 * place, {"name": TASK.baselines[model]}, 0)

    def add_model(self, number: int, *boards: Board, place: float | None = None) -> str:
        """The name of model `number`, put on the boards, with its submission; as good as its `place`, the number itself by default: the first is the best."""
        team, skill = f"team{number:03d}", 1.0 / (1 + 0.02 * (number if place is None else place))
        card = _card(number)
        folder = self.root / "submissions" / team / "model"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.yaml").write_text(yaml.safe_dump(card), "utf-8")
        for board in boards:
            self._enter(board, team, "model", skill, card, number + 1)
        return f"{team}/model"

    def _enter(
        self, board: Board, team: str, model: str, skill: float, card: Mapping[str, Any], number: int
    ) -> None:
        public = board.dataset.exposure.studies
        rng = np.random.default_rng([number, public, len(model)])
        ids = self._ids(board)
        frame = _frame(board, ids, skill, rng)
        predictions = b"{}"
        if public:
            truth, reports = _reports(ids, 0, 1.0), _reports(ids, 1 + number, skill)
            pairs = [Pair(i, t, reports[i]) for i, t in truth.items()]
            frame["bleu_2"] = get_metric("bleu_2").score(pairs, Run()).values
            predictions = dump_predictions(
                {i: StudyReport(t, "Stable.") for i, t in reports.items()}
            ).encode()
            self._texts(board, "references", truth)
            if team != NULL_TEAM:
                self._texts(board, f"{team}__{model}", reports)
        if team != NULL_TEAM:
            predictions = predictions if public else f'{{"study": "{team}"}}'.encode()
            path = self.root / "submissions" / team / model / f"{board.dataset.id}.json"
            path.write_bytes(predictions)
        record = _record(board, team, model, card, frame, number, hashlib.sha256(predictions).hexdigest())
        write_record(self.leaderboard, self.store, board, record, frame)

    def _ids(self, board: Board) -> list[str]:
        n = board.dataset.tracks[TRACK] or self.studies
        return [f"study-{i:05d}" for i in range(n)]

    def _texts(self, board: Board, name: str, texts: Mapping[str, str]) -> None:
        path = self.leaderboard / "cases" / board.dataset.id / TRACK / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {"schema": CASES_SCHEMA, "dataset": board.dataset.id, "track": TRACK, "protocol": "clean"}
        value = {**head, "references_sha256": "0" * 64, "texts": dict(texts)}
        path.write_text(dump_json(value), "utf-8")


def _card(number: int) -> dict[str, Any]:
    return {
        "name": f"Model {number:03d}",
        "institution": INSTITUTIONS[number % 3],
        "contact": [f"person{number:03d}"],
        "year": 2026,
        "description": "Made up: a vision encoder with a language model of its own.",
        "license": "Apache-2.0",
        "links": {
            "code": f"https://example.org/code/{number}",
            "paper": f"https://example.org/paper/{number}",
        },
        "parameters": "7B",
        "inputs": {"views": VIEWS[number % 4], "context": CONTEXTS[number % 5]},
        "training_data": ["other:in-house"],
        "uses_external_llm": False,
        "deterministic": True,
        "status": "active",
    }


def _reports(ids: Sequence[str], seed: int, skill: float) -> dict[str, str]:
    """Reports of a few sentences: the references for seed 0, else their sentences, more often for a better skill."""
    own, truth = np.random.default_rng([1, seed]), np.random.default_rng([1, 0])
    reports = {}
    for study in ids:
        wanted = truth.integers(0, len(SENTENCES), 5)
        own_words = own.random(5) < max(0.1, 0.7 * skill)
        sentences = wanted if seed == 0 else np.where(own_words, wanted, own.integers(0, len(SENTENCES), 5))
        reports[study] = clean_section(" ".join(SENTENCES[k] for k in sentences))
    return reports


def _frame(board: Board, ids: Sequence[str], skill: float, rng: np.random.Generator) -> pd.DataFrame:
    """Per-study scores in the columns that scoring writes: studies, patients and groups are the same for every model."""
    same = np.random.default_rng(7)
    n = len(ids)
    easy = same.normal(0, 0.5, n)
    patients = n if board.dataset.exposure.studies else n * 68 // 100
    columns: dict[str, Any] = {"study_id": list(ids), "patient": [f"p{i % patients:05d}" for i in range(n)]}
    for axis, groups in AXES.items():
        columns[SUBGROUP_PREFIX + axis] = pd.array(same.choice(groups, n), dtype="string")
    noise = rng.normal(0, 0.9, n)
    for place, key in enumerate(board_keys(TRACK)):
        own = 0.25 + 0.5 * skill + 0.1 * easy - 0.1 * noise + rng.normal(0, 0.04 + 0.01 * place, n)
        columns[key] = (
            1.4 - 1.42 * skill - 0.4 * easy + 0.5 * noise if key == TASK.primary else np.clip(own, 0, 1)
        )
        columns[FAILED_PREFIX + key] = np.zeros(n, dtype=bool)
        for name in count_columns(key):
            columns[name] = rng.binomial(1, 0.1 + 0.05 * max(skill, 0), n).astype(np.int64)
    return pd.DataFrame(columns)


def _record(
    board: Board,
    team: str,
    model: str,
    card: Mapping[str, Any],
    frame: pd.DataFrame,
    number: int,
    digest: str,
) -> Record:
    n = len(frame)
    metrics = {}
    for key in board_keys(TRACK):
        mean, error = frame_value(key, frame), float(frame[key].std(ddof=1) / np.sqrt(n))
        metrics[key] = {
            "mean": mean, "se": error, "low": mean - 1.96 * error, "high": mean + 1.96 * error, "n": n, "n_failed": 0,
            "signature": f"{key}|v1|" + "x" * 80 + "|protocol:clean",
        }  # fmt: skip
    provenance = {
        "evaluator_version": "1.0.0", "evaluator_commit": "0" * 40, "python": "3.11.2", "platform": "Linux x86_64",
        "packages": dict.fromkeys(PACKAGES, "1.2.3"), "device": "NVIDIA A100", "dtype": "float32",
        "predictions_sha256": digest, "references_sha256": "0" * 64, "pull_request": number or None,
        "head_commit": f"{number:040x}",
    }  # fmt: skip
    null = team == NULL_TEAM
    return Record.model_validate({
        "schema": RECORD_SCHEMA, "kind": "null" if null else "submission", "dataset": board.dataset.id, "track": TRACK,
        "team": team, "model": model, "card": dict(card), "protocol": "clean", "n": n,
        "n_clusters": frame["patient"].nunique(), "metrics": metrics, "missing": {}, "stand_in": False,
        "diagnostics": {"n_empty": 0, "distinct_fraction": 0.9, "top1_share": 0.02, "length_ratio": 1.02},
        "integrity": {"outcome": "pass", "badges": []}, "provenance": provenance,
        **({} if null else {"task": TASK.id}),
        "submitted": f"2026-{1 + number // 28 % 12:02d}-{1 + number % 28:02d}",
    })  # fmt: skip
