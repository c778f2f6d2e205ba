"""Files that a host writes: judges and the challenge."""

from __future__ import annotations

import json
import tomllib

import pytest
from support.fuzz import Verdict, command, damage_bytes, fuzz, obstruct, remove

from evaluator.core.host_files import InvalidFile
from evaluator.datasets.challenge import Challenge, challenge, challenge_file, read_challenge

PAIR = '{"id": "1", "reference": "a", "prediction": "a"}\n'
JUDGE = {"base_url": "http://127.0.0.1:8000/v1", "model": "judge"}
NUMBERS = {"timeout", "max_cost", "prompt_price", "completion_price"}
COUNTS = {"concurrency", "max_retries", "max_tokens", "max_total_tokens", "seed"}
TEXTS = {"base_url", "model", "revision", "api_key_env"}
FLAGS = {"structured", "token_ids"}
VALUES = (
    "text", "", 0, 1, 7, -1, 1.5, -0.5, True, False, [], ["sandbox"], [1], {}, {"a": 1}, float("nan"), 10**30,
)  # fmt: skip


def toml(tables) -> str:
    def shown(value):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{k} = {shown(v)}" for k, v in value.items()) + "}"
        return "nan" if value != value else json.dumps(value)  # noqa: PLR0124

    return "".join(
        f"[{key}]\n" + "".join(f"{k} = {shown(v)}\n" for k, v in table.items())
        for key, table in tables.items()
    )


def judge_fits(key: str, value: object) -> bool | None:
    """Whether a field of a judge may have a value; `None` if either answer will do."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if key in TEXTS:
        return None if isinstance(value, str) else False
    if key in COUNTS:
        return False if not whole or value < 0 else None if value < 1 or value > 10**6 else True
    if key in NUMBERS:
        return (
            (None if value == 0 or value > 10**6 else value > 0)
            if whole or isinstance(value, float)
            else False
        )
    if key in FLAGS:
        return isinstance(value, bool)
    if key == "hosted_ok_for":
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    return False


def judges_usable(text: str) -> bool | None:
    """Whether a file of judges may be used, by an independent reading."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    answers: list[bool | None] = []
    for key, table in tables.items():
        if key not in {"green", "fineradscore"} or not isinstance(table, dict):
            return False
        if "serve" in table:
            answers.append(None if isinstance(table["serve"], dict) else False)
        elif not {"base_url", "model"} <= table.keys():
            return False
        answers += [judge_fits(k, v) for k, v in table.items() if k != "serve"]
    return False if False in answers else None if None in answers or not answers else True


def test_judges(tmp_path, inputs, seed):
    pairs, path = tmp_path / "pairs.jsonl", tmp_path / "judges.toml"
    pairs.write_text(PAIR)
    names = [*NUMBERS, *COUNTS, *TEXTS, *FLAGS, "hosted_ok_for", "cache_dir", "stand_in", "serve", "colour"]

    def one(rng):
        tables = {
            rng.choice(["green", "fineradscore", "green", "bleu_2"]): dict(JUDGE)
            for _ in range(rng.randrange(1, 3))
        }
        for table in tables.values():
            for _ in range(rng.randrange(3)):
                table[rng.choice(names)] = rng.choice(VALUES)
            if rng.random() < 0.1:
                table.pop(rng.choice(list(table)))
        remove(path)
        data = toml(tables).encode()
        if rng.random() < 0.4:
            data = damage_bytes(rng, data)
        path.write_bytes(data)
        try:
            usable = judges_usable(data.decode("utf-8"))
        except ValueError:
            usable = False
        what = repr(data[:300])
        if rng.random() < 0.05:
            what, usable = obstruct(rng, path), False
            if what == "a pipe":
                remove(path)
        result = command("metric", "bleu_2", "--pairs", pairs, "--judges", path)
        assert result.code in {0, 1, 2}, result
        assert not result.code or str(path) in result.err, result.err
        return Verdict(result.code == 0, result.err), usable, what

    fuzz("judges", inputs(100), seed, one)


def test_challenge(tmp_path, inputs, seed):
    path, sound = tmp_path / "challenge.toml", challenge()
    shipped = challenge_file().read_bytes()

    def one(rng):
        data = damage_bytes(rng, shipped)
        path.write_bytes(data)
        try:
            value = read_challenge(path)
        except InvalidFile as error:
            return Verdict(taken=False, words=str(error)), None, repr(data[:80])
        assert isinstance(value, Challenge)
        assert value.quota == sound.quota or b"runs = 1\nwindow_days = 30\nruns_per_year = 6" not in data
        return Verdict(taken=True), None, repr(data[:80])

    fuzz("challenge", inputs(60), seed, one)


@pytest.fixture(autouse=True)
def no_folders_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
