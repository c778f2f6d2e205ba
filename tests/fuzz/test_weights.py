"""Damaged weights: a sentence names the file, other metrics' scores keep every bit, no damaged model scores.

What must be refused follows from the damage itself, or from a reading of the file without the package: JSON
by `json`, safetensors by their published layout, archives by `zipfile` and `tarfile`.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
from pathlib import Path

import pytest
from support.fuzz import Verdict, as_nobody, command, fuzz
from support.needs import reason
from support.spoilt_weights import needed, spoil_file

MODELS = {
    "distilroberta-base": "bertscore",
    "chexbert": "semb_score",
    "radgraph": "radgraph_f1",
    "ratescore-ner": "ratescore",
    "biolord": "ratescore",
}
METRICS = ("bleu_2", "bertscore", "semb_score", "radgraph_f1", "ratescore")
PAIRS = (
    (
        "1",
        "The heart is mildly enlarged. No pleural effusion.",
        "Mild cardiomegaly. There is a small left effusion.",
    ),
    ("2", "Lungs are clear without consolidation.", "The lungs are clear."),
)
NOT_READ = {"STAND-IN", "spm.model", "README.md"}


def bases() -> dict[str, list[Path]]:
    """Intact folders of each model: the stand-ins, and the parity set's in their published formats."""
    root = Path(__file__).parents[2]
    shared = Path(os.environ.get("REXRANK_SHARED", root.parent / "shared")) / "parity/models"
    roots = [root / "evaluator/datasets/sandbox/models", *([shared] if shared.is_dir() else [])]
    return {key: [r / key for r in roots if (r / key).is_dir()] for key in MODELS}


class Kitchen:
    """A models directory in which one folder at a time is damaged, and the scores of the intact ones."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "models"
        self.root.mkdir(parents=True)
        self.pairs = folder / "pairs.jsonl"
        rows = [{"id": i, "reference": r, "prediction": p} for i, r, p in PAIRS]
        self.pairs.write_text("".join(json.dumps(r) + "\n" for r in rows))
        self.whole, self.made = bases(), 0
        for key, folders in self.whole.items():
            (self.root / key).symlink_to(folders[0])
        self.usual = json.loads(self.score(METRICS).out)

    def score(self, keys):
        return command("metric", *keys, "--pairs", self.pairs, "--models", self.root)

    def spoil(self, rng: random.Random) -> tuple[str, str, bool | None, bool]:
        """(model, what was done, whether it can be used or `None`, whether to run as nobody).

        A copy replaces the folder.
        """
        key = rng.choice(list(MODELS))
        base = rng.choice(self.whole[key])
        folder = self.root / key
        folder.unlink()
        shutil.copytree(base, folder)
        self.made += 1
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(
                path, ns=(self.made, self.made)
            )  # times differ, so that no two folders are taken for the same one
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in NOT_READ)
        path = rng.choice(files)
        what, usable, nobody = spoil_file(rng, path)
        name = path.relative_to(folder).as_posix()
        if usable is False and name not in needed(key, base):
            usable = None
        return key, f"{key} ({base.parent.name}), {name}: {what}", usable, nobody

    def mend(self, key: str) -> None:
        folder = self.root / key
        folder.chmod(0o755)
        shutil.rmtree(folder)
        folder.symlink_to(self.whole[key][0])


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    pytest.importorskip("torch", reason=reason("score"))
    return Kitchen(tmp_path_factory.mktemp("weights"))


def test_weights(kitchen, inputs, seed):
    def one(rng):
        key, what, usable, nobody = kitchen.spoil(rng)
        metric = MODELS[key]
        try:
            if nobody and os.geteuid() != 0:
                nobody = False  # an account that cannot become nobody is one that cannot read the file anyway
            if nobody:
                for folder in (kitchen.pairs.parent, *kitchen.pairs.parents[:4]):
                    if folder.stat().st_uid == 0 and folder != Path("/"):
                        folder.chmod(folder.stat().st_mode | 0o055)
                with as_nobody():
                    result = kitchen.score(
                        ("bleu_2", metric, "semb_score" if metric != "semb_score" else "bertscore")
                    )
            else:
                result = kitchen.score(
                    ("bleu_2", metric, "semb_score" if metric != "semb_score" else "bertscore")
                )
        finally:
            kitchen.mend(key)
        return judged(result, kitchen, key, metric), usable, what

    fuzz("weights", inputs(40), seed, one)
    assert not Path("/tmp/rexrank-fuzz-evil").exists()


def judged(done, kitchen: Kitchen, key: str, metric: str) -> Verdict:
    """The verdict on the damaged model; raises `AssertionError` for what no damage may cause."""
    assert "unexpected failure" not in done.err, done.err
    assert "Traceback" not in done.err, done.err
    assert done.out.strip(), f"the other metrics' scores are lost: {done.err}"
    result = json.loads(done.out)
    for other in set(result["scores"]) - {metric}:
        assert result["scores"][other] == kitchen.usual["scores"][other], f"{other} has moved"
    assert len(result["scores"]) >= 2, f"another metric is lost: {done.err}"
    if metric in result["scores"]:
        assert done.code == 0, done
        values = result["scores"][metric].values()
        assert all(isinstance(v, float) and math.isfinite(v) for v in values), values
        here = result["signatures"][metric]
        assert (
            here != kitchen.usual["signatures"][metric]
            or result["scores"][metric] == kitchen.usual["scores"][metric]
        ), "other scores, signed alike"
        assert "@unverified" in here or "@stand-in" in here, here
        return Verdict(taken=True)
    assert done.code == 3, done.code
    words = [line for line in done.err.splitlines() if metric in line]
    assert len(words) == 1, f"no one sentence on {metric}: {done.err}"
    assert str(kitchen.root / key) in words[0], f"no file is named: {words[0]}"
    assert "rexrank models" in words[0], f"no cure is named: {words[0]}"
    return Verdict(taken=False, words=words[0])
