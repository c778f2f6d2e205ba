"""The participants' guide works: its commands run, and its quotes match the bot's messages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rehearsal.git import Change, git
from rehearsal.seed import ROOT
from rehearsal.state import Pull
from rehearsal.submissions import submission
from rehearsal.world import World
from support.comments import Drawn

from evaluator.datasets.registry import get_dataset, study_ids
from evaluator.site.identity import places

GUIDE = (ROOT / "site" / "submit.md").read_text("utf-8").replace("{{ example }}", places()["example"])
FOLDER = "submissions/my-team/my-model"
COMMANDS = re.findall(r"^\.venv/bin/rexrank .+$", GUIDE, re.MULTILINE)
QUOTES = [
    line for block in re.findall(r"(?:^>.*\n)+", GUIDE, re.MULTILINE) for line in re.split(r"\n>\s*\n", block)
]


def words(text: str) -> str:
    return " ".join(text.split())


def rexrank(clone: Path, *arguments: str) -> str:
    """A command's output, run with the clone's own code; callers check the exit status."""
    start = "from evaluator.cli import main; main()"
    process = subprocess.run(
        [sys.executable, "-c", start, *arguments],
        cwd=clone,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(clone), "HOME": str(clone.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in process.stderr, process.stderr
    return process.stdout + process.stderr


def typed(clone: Path, name: str) -> str:
    """The output of one of the guide's commands, as written there."""
    (line,) = [c for c in COMMANDS if c.split()[1] == name or c.split()[1:3] == ["pr", name]]
    import shlex

    return rexrank(clone, *shlex.split(line)[1:])


def files(clone: Path) -> dict[str, Change]:
    return {
        p.relative_to(clone).as_posix(): p.read_bytes()
        for p in sorted((clone / FOLDER).rglob("*"))
        if p.is_file()
    }


def fill_in(clone: Path) -> None:
    """The card as a participant fills it in, by its own comments."""
    path = clone / FOLDER / "model.yaml"
    text = path.read_text()
    for field, value in {
        "institution": "A university",
        "license": "MIT",
        "year": 2026,
        "contact": ["stranger"],
    }.items():
        text = re.sub(
            rf"^{field}:[^#\n]*", f"{field}: {json.dumps(value)} ", text, count=1, flags=re.MULTILINE
        )
    assert yaml.safe_load(text)["year"] == 2026
    path.write_text(text)


@pytest.fixture
def clone(published: World, tmp_path: Path) -> Path:
    """A participant's clone, with the predictions that step 2 begins with."""
    folder = tmp_path / "challenge"
    git(tmp_path, "clone", "-q", str(published.state.bare), str(folder))
    ids = study_ids(get_dataset("iu-xray"), None)
    assert ids
    phrases = ("clear", "hyperinflated", "well expanded")
    texts = {
        study: {
            "model_prediction": f"Findings: The lungs are {phrases[n % 3]}. Impression: No acute disease."
        }
        for n, study in enumerate(sorted(ids))
    }
    (folder / "predictions.json").write_text(json.dumps(texts))
    return folder


def said(world: World, *pulls: Pull) -> str:
    return words("\n".join(_plain(c.body) for p in pulls for c in world.bot_comments(p)))


def _plain(body: str) -> str:
    parser = Drawn(body)
    return re.sub(r"<[^>]+>", "", re.sub(r"</(?:th|td|p|li|h3)>", "\n", parser.html)).replace("&quot;", '"')


def test_every_step_of_the_guide_works(published: World, clone: Path) -> None:
    assert len(COMMANDS) == 4
    assert f"wrote {FOLDER}/model.yaml" in typed(clone, "new")
    assert "590 reports split into findings and impression" in typed(clone, "convert")
    assert "Not valid: 4 problems" in typed(clone, "validate")
    first = published.open_pull(files(clone), branch="my-model")
    heard = [said(published, first)]
    fill_in(clone)
    assert "Valid: 1 submission checked" in typed(clone, "validate")
    published.push_to_pull(first, files(clone))
    heard.append(said(published, first))
    published.say(first, f"/score {first.head_sha}", author="stranger")
    heard.append(said(published, first))
    # IU X-ray cannot be scored here; the rest is tested on the sandbox and the private dataset.
    again = published.open_pull(submission(writer="near-copy", seed=5, private=True), branch="again")
    published.say(again, f"/score {again.head_sha}")
    gone = published.open_pull(dict.fromkeys(submission(private=True, answers=True)), branch="gone")
    shutil.rmtree(clone / "submissions/strangers", ignore_errors=True)
    assert "Next: open a pull request" in typed(clone, "withdraw")
    heard.append(said(published, published.state.pulls[1], again, gone))
    everything = "\n".join(heard)
    for quote in QUOTES:
        for line in quote.splitlines():
            wanted = words(line.lstrip("> "))
            pattern = ".{1,90}?".join(re.escape(part) for part in wanted.split("…"))
            assert re.search(pattern, everything), wanted


def test_the_guide_names_the_limits_that_are_checked() -> None:
    from evaluator.datasets.challenge import challenge
    from evaluator.submissions.rules import files as of_files
    from evaluator.submissions.rules import text

    policy = challenge().quota
    assert (
        f"at most {of_files.MAX_PREDICTIONS_BYTES // 10**6} MB and {of_files.MAX_CARD_BYTES // 10**3} kB"
        in GUIDE
    )
    assert (
        f"{text.MAX_WORDS} words and {text.MAX_CHARACTERS:,} characters, no word above {text.MAX_TOKEN}"
        in GUIDE
    )
    assert (policy.runs, policy.window_days, policy.runs_per_year) == (1, 30, 6)
    assert "once in 30 days and 6 times in a year" in GUIDE


def test_every_status_in_the_guide_occurs() -> None:
    from evaluator.cli import pull_request as pull
    from evaluator.github import api
    from evaluator.github import validation_comment as messages

    sources = "".join(Path(module.__file__).read_text() for module in (pull, messages, api))
    quoted = re.findall(r'^\| \w+: "([^"]+)"', GUIDE, re.MULTILINE)
    quoted += re.findall(r'^\| green: "([^"]+)"', GUIDE, re.MULTILINE)
    assert len(set(quoted)) == 4
    assert all(f'"{q}"' in sources for q in quoted), quoted


def test_every_code_in_the_guide_exists_and_is_called_by_its_name() -> None:
    from evaluator.submissions.rules.codes import RULES

    linked = re.findall(r"\[(RX\d+)\]\(codes\.md#(rx\d+)\) ([A-Z][^.,*]*[a-zA-Z])", GUIDE)
    assert len(linked) >= 8
    for code, anchor, title in linked:
        assert anchor == code.lower()
        assert title == RULES[code].title
