"""A fork becomes a challenge of its own by what README says, and names the original's addresses nowhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from support.challenges import changed
from typer.testing import CliRunner

from evaluator.cli.app import app
from evaluator.cli.host_addresses import mend_addresses, other_addresses
from evaluator.core.problems import InputError
from evaluator.datasets.challenge import challenge
from evaluator.datasets.registry import read_dataset
from evaluator.datasets.sandbox import generate

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("tests/", "benchmarks/", "evaluator/datasets/sandbox/models/", "leaderboard/records")
ORIGINAL = re.compile(
    r"rexrank\.github\.io|github\.com/rexrank|rexrank/challenge|@rexrank/|rexrank-bot|ReXrank challenge"
)
WHO = ("--name", 'The "North" of CXR', "--repository", "north/cxr", "--steward", "The North", "--maintainers", "@north/crew")  # fmt: skip
SEVERAL = """
import json, sys
from evaluator.cli import main
for words in json.loads(sys.stdin.read()):
    sys.argv = ["rexrank", *words]
    print("$", *words)
    try:
        main()
    except SystemExit as end:
        print("exit", end.code)
        if end.code:
            break
"""
COMMENTS = """
from pathlib import Path
from evaluator.submissions.outcome import as_markdown
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.template import card_template
from evaluator.github.score_comment import score_comment
from evaluator.cli.app import app
from evaluator.core.problems import InputError
from evaluator.datasets.challenge import challenge
import sys
sys.path.insert(0, sys.argv[1])
import runpy
made = runpy.run_path(f"{sys.argv[1]}/github/test_score_comment.py")
board, result = made["board"], made["result"]
print(as_markdown(validate_paths([Path(sys.argv[2])], None)))
print(card_template("a", "b"))
print(score_comment(result(board()), challenge().repository_url))
"""


def environment(root: Path) -> dict[str, str]:
    variables = {k: v for k, v in os.environ.items() if not k.startswith(("REXRANK_", "GITHUB_"))}
    return variables | {
        "PYTHONPATH": str(root),
        "XDG_CACHE_HOME": str(root.parent / "cache"),
        "NO_COLOR": "1",
    }


def rexrank(root: Path, *commands: tuple[str, ...]) -> str:
    """What commands print, one after the other in one process; the last one's status is at the end."""
    process = subprocess.run(
        [sys.executable, "-P", "-c", SEVERAL], cwd=root, env=environment(root), input=json.dumps(commands),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return process.stdout + process.stderr


def references(n: int) -> dict[str, dict[str, object]]:
    studies = json.loads((Path(generate.__file__).parent / "sandbox.json").read_text("utf-8"))
    return {f"ms{i:03}": s for i, s in enumerate(list(studies.values())[:n])}


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    """A fork of the repository as git has it, with references of a made-up set of 50 studies and one submission."""
    root = tmp_path_factory.mktemp("host") / "fork"
    process = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"],
        capture_output=True,
        check=True,
    )
    for name in process.stdout.decode().split("\0")[:-1]:
        if not name.startswith(LEFT_OUT) and (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    git = ("git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-qm", "The original")):
        subprocess.run([*git, *words], check=True)
    (root / "references").mkdir()
    (root / "references/my-set.json").write_text(json.dumps(references(50)))
    model = root / "submissions/my-team/my-model"
    model.mkdir(parents=True)
    shutil.copy(root / "submissions/rexrank-sandbox/shuffled/model.yaml", model)
    reports = [{"id": i, "report": s["section_findings"]} for i, s in references(50).items()]
    (root / "predictions.json").write_text(json.dumps(reports))
    return root


@pytest.fixture(scope="module")
def hosted(fork):
    """What README's commands printed, typed one after the other."""
    readme = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"## Run your own challenge\n.*?```bash\n(.*?)```", readme, re.DOTALL)[1]
    commands = [tuple(shlex.split(line, comments=True)[1:]) for line in block.splitlines()]
    assert commands[0][:2] == ("host", "init")
    output = rexrank(fork, (*commands[0], *WHO))
    convert = ("convert", "predictions.json", "--dataset", "my-set", "--out", "submissions/my-team/my-model")
    return output + rexrank(fork, convert, *commands[1:])


def test_readme_works_as_printed_on_a_set_of_50_studies(fork, hosted):
    assert hosted.count("exit 0") == 8, hosted
    assert "my-set: 50 studies of 42 patients (by subject_id); tracks: findings 50, report 50" in hosted
    assert "agrees with the registry" in hosted
    table = json.loads((fork / "leaderboard/tables/my-set.findings.json").read_text())
    # They are the references themselves, which no model writes: the row is held.
    assert [r["id"] for r in (*table["rows"], *table["incomplete"])] == ["my-team/my-model"]
    assert (fork / "_site/leaderboards/my-set/findings/index.html").is_file()
    assert not (fork / "_site/leaderboards/mimic-cxr").exists()


def test_the_files_are_whole(fork, hosted):
    assert "exit 0" in hosted
    settings = tomllib.loads((fork / "challenge.toml").read_text("utf-8"))
    assert (settings["name"], settings["profile"], settings["datasets"]) == (
        'The "North" of CXR',
        "small",
        ["my-set"],
    )
    dataset = read_dataset(fork / "evaluator/datasets/my-set.yaml", "my-set")
    assert (dataset.access, dataset.n_studies, dataset.n_patients, dataset.cluster) == (
        "public",
        50,
        42,
        "subject_id",
    )
    assert dataset.ids_digest is not None
    assert (fork / "evaluator/datasets/manifests/my-set.manifest.json").is_file()
    owners = (fork / ".github/CODEOWNERS").read_text("utf-8")
    assert "@north/crew" in owners
    assert "rexrank" not in owners.replace("/rexrank", "")
    form = yaml.safe_load((fork / ".github/ISSUE_TEMPLATE/submission.yml").read_text("utf-8"))
    (choice,) = (f["attributes"]["options"] for f in form["body"] if f.get("id") == "dataset")
    assert choice == ["my-set", "sandbox"]
    assert "my-set" in (fork / "evaluator/submissions/rules/training_data.txt").read_text("utf-8").split()


def test_a_fork_leads_nowhere_to_the_original(fork, hosted):
    assert "exit 0" in hosted
    process = subprocess.run(
        [sys.executable, "-P", "-c", COMMENTS, str(ROOT / "tests"), "submissions/my-team/my-model"],
        cwd=fork, env=environment(fork), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "north.github.io/cxr/leaderboards/sandbox/findings/" in process.stdout, process.stderr
    assert "https://github.com/north/cxr" in process.stdout
    assert ORIGINAL.findall(process.stdout) == []
    places = {}
    for path in (fork / "_site").rglob("*"):
        if path.suffix in {".html", ".json", ".xml", ".js", ".txt", ".tex", ".csv", ".md", ".yaml", ".css"}:
            places[path.relative_to(fork).as_posix()] = ORIGINAL.findall(path.read_text("utf-8"))
    assert {p: f for p, f in places.items() if f} == {}
    page = (fork / "_site/index.html").read_text("utf-8")
    assert "https://github.com/north/cxr" in page
    assert "of CXR</title>" in page
    names = [p for p in (".github/ISSUE_TEMPLATE/config.yml", "README.md", "runner/runner.conf.example", ".github/push.py")
            if ORIGINAL.search((fork / p).read_text("utf-8"))]  # fmt: skip
    assert names == []


def test_nothing_of_a_host_s_is_overwritten(fork, hosted):
    assert "exit 0" in hosted
    before = (fork / "challenge.toml").read_bytes()
    again = ("host", "init", "--dataset", "my-set", "--references", "references", *WHO)
    assert "describes north/cxr already; edit it, nothing was written" in rexrank(fork, again)
    other = (*again[:-4], "--repository", "south/cxr", *again[-4:])
    assert "holds changes that git does not have" in rexrank(fork, other)
    assert (fork / "challenge.toml").read_bytes() == before


WRONG = {
    "nothing said": ((), ["--name", "--repository", "--steward", "--maintainers", "--dataset", "--references"]),
    "no references": (("--dataset", "my-set", "--references", "nowhere", *WHO), ["there is no nowhere/my-set.json", "section_findings"]),
    "an id that is none": (("--dataset", "My Set", "--references", "references", *WHO), ["lower-case letters"]),
    "a repository that is none": (("--dataset", "other", "--references", "references", *WHO, "--repository", "x"), ["/repository", "OWNER/NAME"]),
    "private references without protection": (("--dataset", "other", "--references", "references", "--profile", "small", *WHO), ["is for --access public", "--profile fortress"]),
    "a task that is none": (("--dataset", "other", "--references", "references", "--task", "report-writing", *WHO), ["there is no task"]),
    "questions that are no reports": (("--dataset", "words", "--references", "references", *WHO), ["words.json must hold an object of studies"]),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_missing_or_wrong_is_said_before_anything_is_written(tmp_path, monkeypatch, case):
    (tmp_path / "evaluator/datasets").mkdir(parents=True)
    (tmp_path / "references").mkdir()
    (tmp_path / "references/other.json").write_text(json.dumps(references(3)))
    (tmp_path / "references/words.json").write_text('["a"]')
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    arguments, words = WRONG[case]
    result = CliRunner().invoke(app, ["host", "init", *arguments])
    assert isinstance(result.exception, InputError)
    assert [w for w in words if w not in str(result.exception)] == []
    assert sorted(tmp_path.rglob("*")) == before


def test_addresses_of_this_repository_lead_here():
    assert other_addresses(ROOT, challenge()) == []


LEADING = {
    "README.md": ("pipx install git+https://github.com/old/one  # x", "old/one"),
    "site/submit.md": ("[form](https://github.com/old/one/issues/new?template=x.yml)", "old/one"),
    "site/api.md": ("`https://old.github.io/one/data/index.json`", "https://old.github.io/one/"),
    "runner/runner.conf.example": ("REPOSITORY=old/one", "old/one"),
    ".github/ISSUE_TEMPLATE/config.yml": (
        "    url: https://github.com/old/one/security/advisories/new",
        "old/one",
    ),
    ".github/CODEOWNERS": ("/a/ @old/team", "@old/team"),
    ".pre-commit-hooks.yaml": ("# - repo: https://github.com/old/one, rev: a tag", "old/one"),
}


def test_every_line_that_leads_elsewhere_is_named_and_mended(tmp_path):
    north = changed(repository="north/cxr", site="https://north.github.io/cxr/", maintainers=["@north/a"])
    for name, (line, _) in LEADING.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"first\n{line}\nsee https://github.com/jbdel/RadEval\n")
    lines = {a.file: (a.line, a.found) for a in other_addresses(tmp_path, north)}
    assert lines == {name: (2, words) for name, (_, words) in LEADING.items()}
    mend_addresses(tmp_path, north)
    assert [a.file for a in other_addresses(tmp_path, north)] == [".github/CODEOWNERS"]
    assert "https://north.github.io/cxr/data/index.json" in (tmp_path / "site/api.md").read_text()


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A checkout with nothing in it but the folder of datasets, and references of reports and of questions."""
    (tmp_path / "evaluator/datasets").mkdir(parents=True)
    folder = tmp_path / "references"
    folder.mkdir()
    (folder / "first.json").write_text(json.dumps(references(40)))
    nameless = {i: {k: v for k, v in s.items() if k != "subject_id"} for i, s in references(35).items()}
    (folder / "second.json").write_text(json.dumps(nameless))
    questions = (Path(generate.__file__).parent / "sandbox-vqa.json").read_bytes()
    (folder / "asked.json").write_bytes(questions)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*arguments):
    result = CliRunner().invoke(
        app, ["host", "init", "--references", "references", *arguments], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_dataset_is_private_unless_said_otherwise(bare):
    output = init("--dataset", "first", *WHO)
    dataset = read_dataset(bare / "evaluator/datasets/first.yaml", "first")
    assert dataset.access == "withheld"
    assert not (bare / "evaluator/datasets/manifests").exists()
    assert "rexrank data manifest references" in output
    assert "REXRANK_SALT" in output
    challenge_text = tomllib.loads((bare / "challenge.toml").read_text("utf-8"))
    assert (challenge_text["profile"], "overall" in challenge_text) == ("fortress", False)
    assert (bare / ".github/CODEOWNERS").read_text("utf-8") == "* @north/crew\n"


def test_several_datasets_make_one_order(bare):
    output = init("--dataset", "first", "--dataset", "second", "--access", "restricted", *WHO)
    assert "second: 35 studies, each taken for a patient of its own" in output
    text = tomllib.loads((bare / "challenge.toml").read_text("utf-8"))
    assert text["datasets"] == text["overall"]["boards"] == ["first", "second"]
    second = read_dataset(bare / "evaluator/datasets/second.yaml", "second")
    assert (second.cluster, second.n_patients, second.access) == (None, None, "restricted")


def test_questions_are_counted_as_items(bare):
    init("--dataset", "asked", "--task", "vqa", "--access", "public", *WHO)
    dataset = read_dataset(bare / "evaluator/datasets/asked.yaml", "asked")
    sandbox = read_dataset(ROOT / "evaluator/datasets/sandbox-vqa.yaml", "sandbox-vqa")
    assert (dataset.size, dataset.n_studies, dataset.n_patients, dataset.tracks) == (
        sandbox.size, sandbox.n_studies, sandbox.n_patients, sandbox.tracks,
    )  # fmt: skip
    assert dataset.ids_digest is not None
    assert tomllib.loads((bare / "challenge.toml").read_text())["primary"] == {"vqa": "accuracy_macro"}


def test_a_terminal_is_asked(bare, monkeypatch):
    answers = iter(["Northern CXR", "north/cxr", "The North", "@north/crew @north/two"])
    monkeypatch.setattr("evaluator.cli.host.at_terminal", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    init("--dataset", "first")
    text = tomllib.loads((bare / "challenge.toml").read_text("utf-8"))
    assert (text["short"], text["site"], text["maintainers"]) == (
        "Northern", "https://north.github.io/cxr/", ["@north/crew", "@north/two"],
    )  # fmt: skip
