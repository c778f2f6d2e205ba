"""Submissions: the bytes of both files, their values, their location; the oracle reads them by its own rules."""

from __future__ import annotations

import codecs
import json
import re
import shutil

import yaml
from support.fuzz import Verdict, command, damage_bytes, damage_value, fuzz, obstruct, remove
from support.submissions import GOOD_CARD, dump, good_studies

TEXTS = (
    "The heart is normal.",
    "No effusion.",
    "Lungs are clear, no change.",
    "",
    "Mild edema.\nNo fracture.",
)
CARD = yaml.safe_load(GOOD_CARD)
CARD_VALUES = (
    # (field, value, whether a card may contain it)
    ("year", 2026.0, False), ("year", 2026.5, False), ("year", "2026", False), ("year", True, False), ("year", 2014, False),
    ("year", 2101, False), ("year", None, False), ("year", [2026], False), ("year", 1e400, False), ("year", 2024, True),
    ("name", "", False), ("name", "x" * 61, False), ("name", 5, False), ("name", "A model", True), ("name", "a\u202eb", False),
    ("contact", [], False), ("contact", "octocat", False), ("contact", ["-a"], False), ("contact", ["a", "a"], False),
    ("contact", ["octocat"], True), ("contact", [1], False), ("description", None, False), ("description", "x" * 1001, False),
    ("deterministic", "yes", False), ("deterministic", 1, False), ("deterministic", False, True),
    ("uses_external_llm", None, False), ("uses_external_llm", True, True), ("status", "gone", False), ("status", "withdrawn", False),
    ("status", "superseded", False), ("parameters", "7B", True), ("parameters", "7 B", False), ("parameters", 7, False),
    ("parameters", None, True), ("links", {"paper": "http://arxiv.org"}, False), ("links", {"paper": "https://arxiv.org/abs/1"}, True),
    ("links", {"blog": "https://arxiv.org"}, False), ("links", [], False), ("links", {"code": "https://10.0.0.1/x"}, False),
    ("inputs", {"views": "all"}, False), ("inputs", {"views": "all", "context": "none"}, True), ("inputs", "all", False),
    ("training_data", ["no-such-set"], False), ("training_data", ["other: mine"], True), ("training_data", "other: mine", False),
    ("license", 3, False), ("license", "MIT", True), ("rank", 1, False), ("institution", ["x"], False), ("reason", "", False),
)  # fmt: skip


def predictions_usable(data: bytes, ids: set[str]) -> bool | None:  # noqa: PLR0911 - one a rule
    """Whether a prediction file may be used; `None` if only the characters in its texts could rule it out."""

    def unique(pairs):
        if len({k for k, _ in pairs}) < len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    def constant(name):
        raise ValueError(name)

    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except (ValueError, RecursionError):
        return False
    if (
        not isinstance(value, dict)
        or set(value) != ids
        or not all(isinstance(v, dict) for v in value.values())
    ):
        return False
    if not all("findings" in v and v.keys() <= {"findings", "impression"} for v in value.values()):
        return False
    if not all(isinstance(t, str) for v in value.values() for t in v.values()):
        return False
    if len({len(v) for v in value.values()}) > 1:
        return False
    texts = [t for v in value.values() for t in v.values()]
    if any(re.search("[\ud800-\udfff\x00-\x08\x0e-\x1f\x7f]", t) for t in texts):
        return False
    known = {*TEXTS, *(t for v in good_studies().values() for t in v.values())}
    return True if all(t in known for t in texts) else None


def card_usable(data: bytes) -> bool | None:  # noqa: PLR0911 - one a rule
    """Whether a card may be used, by PyYAML's plain reading and the certain ones of the fields' rules."""
    if data.startswith(codecs.BOM_UTF8):
        return False  # PyYAML skips it; RX106 asks for files without one
    try:
        text = data.decode("utf-8")
        value, tree = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except (ValueError, yaml.YAMLError, RecursionError, OverflowError):
        return False
    if isinstance(tree, yaml.MappingNode) and len({k.value for k, _ in tree.value}) < len(tree.value):
        return False  # PyYAML keeps the last of two equal keys
    if not isinstance(value, dict) or not CARD.keys() - {"links", "parameters"} <= value.keys():
        return False
    if type(value["year"]) is not int or not 2015 <= value["year"] <= 2100:
        return False
    for key, limit in (("name", 60), ("institution", 100), ("description", 1000), ("license", 60)):
        if not isinstance(value[key], str) or not 1 <= len(value[key]) <= limit:
            return False
    handles = value["contact"]
    if (
        not isinstance(handles, list)
        or not handles
        or not all(isinstance(h, str) and re.fullmatch(r"[A-Za-z0-9-]+", h) for h in handles)
    ):
        return False
    if type(value["deterministic"]) is not bool or type(value["uses_external_llm"]) is not bool:
        return False
    return True if value == CARD and not re.search(r"[&*!]", text) else None


def test_validate(tmp_path, inputs, seed):
    ids = set(good_studies())
    folder = tmp_path / "submissions/team/model"
    card, file = folder / "model.yaml", folder / "sandbox.json"

    def one(rng):
        remove(tmp_path / "submissions")
        folder.mkdir(parents=True)
        card.write_text(GOOD_CARD)
        studies = good_studies()
        for study in rng.sample(sorted(studies), 3):
            studies[study] = {"findings": rng.choice(TEXTS), "impression": rng.choice(TEXTS)}
        file.write_text(dump(studies))
        usable, what = spoil(rng, folder, studies, ids)
        result = command("validate", folder, "--format", "json")
        assert result.code in {0, 1}, result
        report = json.loads(result.out)
        assert report["valid"] == (result.code == 0)
        words = "; ".join(
            f"{p['code']} {p['found']} {p['wanted']} {p['fix']}" for p in report["problems"][:5]
        )
        assert all(p["found"] and p["wanted"] and p["fix"] and p["file"] for p in report["problems"])
        assert (result.code == 1) == any(p["severity"] == "error" for p in report["problems"]), "no reason"
        return Verdict(result.code == 0, words), usable, what

    fuzz("validate", inputs(100), seed, one)


# A few overlong texts and a decoder's tokens give warnings, not errors: for them either will do.
def spoil(rng, folder, studies, ids):  # noqa: PLR0911 - one a rule
    """(whether the folder may be used, what was done)."""
    card, file = folder / "model.yaml", folder / "sandbox.json"
    kind = rng.choice(
        [
            "nothing",
            "value",
            "value",
            "bytes",
            "bytes",
            "card value",
            "card value",
            "card bytes",
            "place",
            "more",
            "text",
        ]
    )
    if kind == "value":
        data = json.dumps(damage_value(rng, studies)).encode()
        file.write_bytes(data)
        return predictions_usable(data, ids), kind
    if kind == "bytes":
        data = damage_bytes(rng, file.read_bytes())
        file.write_bytes(data)
        return predictions_usable(data, ids), kind
    if kind == "card value":
        field, value, fine = rng.choice(CARD_VALUES)
        card.write_text(yaml.safe_dump({**CARD, field: value}, allow_unicode=True))
        return fine, f"card: {field} = {value!r}"[:200]
    if kind == "card bytes":
        data = damage_bytes(rng, GOOD_CARD.encode())
        card.write_bytes(data)
        return card_usable(data), f"card {data[:200]!r}"
    if kind == "place":
        path = rng.choice([card, file])
        return False, f"{path.name}: {obstruct(rng, path)}"
    if kind == "more":
        name = rng.choice(
            ["notes.txt", "run.py", "other.json", "a/b.json", ".hidden", "model.yml", "SANDBOX.json"]
        )
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(file, folder / name)
        return False, f"a file {name}"
    if kind == "text":
        study, field = rng.choice(sorted(studies)), rng.choice(["findings", "impression"])
        text, fine = rng.choice([
            ("a\x00b", False), ("a\u202eb", False), ("\ud800", False), ("x" * 61, None), ("word " * 601, None),
            ("<|assistant|> no errors", None), ("Normal heart size.", True), ("Size 3 cm.", True), (None, False), (5, False),
        ])  # fmt: skip
        studies[study][field] = text
        file.write_text(dump(studies))
        return fine, f"{study} {field} = {text!r}"[:200]
    return True, "nothing"
