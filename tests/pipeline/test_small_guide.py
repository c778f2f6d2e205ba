"""A fork becomes a challenge with only the printed text: the guide to a small one and README's block, line by
line in a shell.

GitHub is served on loopback. Nothing that a user sees afterwards names the original.
"""

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
from rehearsal.endpoints_apply import fresh
from rehearsal.endpoints_settings import settings
from rehearsal.git import git
from rehearsal.github_server import GitHubServer
from rehearsal.machines import ENTRY
from rehearsal.state import REPOSITORY, State, Token
from support import warm as warm_python

from evaluator.datasets.registry import read_dataset
from evaluator.datasets.sandbox import generate

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "site/maintainers/small.md"
LEFT_OUT = ("tests/", "benchmarks/", "evaluator/datasets/sandbox/models/", "leaderboard/records")
MACHINE = 'git commit -am "One machine scores"\n'
"""The first line of the guide's last block, before which a reader edits `challenge.toml`."""
NAME = 'The "North" of CXR'
ORIGINAL = re.compile(
    r"rexrank\.github\.io|github\.com/rexrank|rexrank/challenge|@rexrank/|rexrank-bot"
    r"|ReXrank challenge|ReXrank as a|--dataset iu-xray"
)
"""The original's addresses, people and name, and a dataset that the fork does not have."""
PAPER = re.compile(r"zhang2024rexrank|\{?ReXrank\}?: A Public Leaderboard|the ReXrank paper")
"""Where the paper is cited, which a fork does as well."""
STUBS = {
    "python3": '#!/bin/sh\n[ "$*" = "-m venv .venv" ] && mkdir -p .venv/bin && : >.venv/bin/activate && cp "$(command -v pip)" .venv/bin/pip\n',
    "pip": '#!/bin/sh\n[ "$*" = "install -c requirements/constraints.txt -e ." ]\n',
    "gh": '#!/bin/sh\n[ "$*" = "auth token" ] && echo "$REHEARSAL_TOKEN"\n',
}
"""Parts of a host's machine that no test can fetch: packages, and gh."""
SEEN = """
import sys, tempfile
from pathlib import Path
from PIL.ImageDraw import ImageDraw
from evaluator.cli.app import app
from evaluator.cli.usage import commands, furnished
from evaluator.datasets.challenge import challenge
from evaluator.github.score_comment import score_comment
from evaluator.site.cards import write_cards
from evaluator.site.content import read_content
from evaluator.submissions.outcome import as_markdown
from evaluator.submissions.reading import validate_paths
from evaluator.submissions.template import card_template
import runpy
sys.path.insert(0, sys.argv[1])
made = runpy.run_path(f"{sys.argv[1]}/github/test_score_comment.py")
board, result = made["board"], made["result"]
print(as_markdown(validate_paths([Path(sys.argv[2])], None)))
print(card_template("a", "b"))
print(score_comment(result(board()), challenge().repository_url))
for name, command in commands(furnished(app)):
    print(name, command.help, command.epilog, *(getattr(p, "help", "") for p in command.params))
words = ImageDraw.text
def noted(self, place, text, *rest, **more):
    print("card:", text)
    return words(self, place, text, *rest, **more)
ImageDraw.text = noted
with tempfile.TemporaryDirectory() as docs:
    write_cards(read_content(Path("leaderboard"), challenge().site), Path("site"), Path(docs))
"""
"""Prints what a fork says in comments, in the help of every command, and on social cards."""


def references(n):
    studies = json.loads((Path(generate.__file__).parent / "sandbox.json").read_text("utf-8"))
    return {f"ms{i:03}": s for i, s in enumerate(list(studies.values())[:n])}


@pytest.fixture(scope="module")
def github(tmp_path_factory):
    state = State(root=tmp_path_factory.mktemp("github"))
    server = GitHubServer(state)
    fresh(state)
    yield state
    server.close()
    assert state.violations == []


class Host:
    """A host's machine: a home with nothing but the references' file, and a fork as cloned by git."""

    def __init__(self, folder, github, warm):
        self.folder, self.home, self.bare = folder, folder / "home", folder / "fork.git"
        self.fork = self.home / "challenge"
        self.home.mkdir()
        tree, tools = folder / "tree", folder / "tools"
        for name in git(ROOT, "ls-files", "-z", "-co", "--exclude-standard").split("\0"):
            if name and not name.startswith(LEFT_OUT) and (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        git(tree, "init", "-q", "-b", "main")
        git(tree, "add", "-A")
        git(tree, "commit", "-qm", "The original")
        git(tree, "push", "-q", str(self.bare), "main")
        (self.home / "my-set.json").write_text(json.dumps(references(50)))
        reports = [{"id": i, "report": s["section_findings"]} for i, s in references(50).items()]
        (self.home / "predictions.json").write_text(json.dumps(reports))
        tools.mkdir()
        start = (
            f'export PYTHONPATH="$PWD"\nexec "{sys.executable}" -I -S "{warm_python.__file__}" run "{warm}"'
        )
        programs = {"rexrank": ENTRY, "seen": SEEN}
        stubs = {n: f'#!/bin/sh\n{start} {shlex.quote(code)} "$@"\n' for n, code in programs.items()}
        for name, text in (STUBS | stubs).items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        variables = {
            k: v for k, v in os.environ.items() if not k.startswith(("REXRANK_", "GITHUB_", "GH_", "GIT_"))
        }
        self.environment = variables | {
            "HOME": str(self.home), "PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1", "XDG_CACHE_HOME": str(self.home / ".cache"),
            "GITHUB_API_URL": f"{github.base_url}/api/v3", "GIT_CONFIG_COUNT": "3", "TMPDIR": str(folder),
            "REHEARSAL_TOKEN": github.mint(Token("me", {"administration": "write"}, "user")),
            "GIT_CONFIG_KEY_0": f"url.{self.bare}.insteadOf", "GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}",
            "GIT_CONFIG_KEY_1": "user.name", "GIT_CONFIG_VALUE_1": "me", "GIT_CONFIG_KEY_2": "user.email", "GIT_CONFIG_VALUE_2": "me@example.org",
        }  # fmt: skip

    def run(self, lines, folder=None):
        """The output of shell lines, both streams together, after each line; raises if one fails."""
        process = subprocess.run(
            ["bash", "-exc", lines], cwd=folder or self.fork, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stdout[-3000:]
        return process.stdout


def readme_lines():
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"## Run your own challenge\n.*?```bash\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [shlex.split(line, comments=True) for line in block[1].splitlines()]


def guide_lines():
    blocks = re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return "".join(blocks)


@pytest.fixture(scope="module")
def host(tmp_path_factory, github, warm):
    return Host(tmp_path_factory.mktemp("host"), github, warm)


@pytest.fixture(scope="module")
def guided(host):
    """The output of the guide's blocks, in one shell, with a reader's own names for those on the page."""
    lines = guide_lines().replace("ME/my-challenge", REPOSITORY).replace("cd my-challenge", "cd challenge")
    lines = lines.replace("/tmp/try", str(host.folder / "try"))
    first, last = lines.replace('"My challenge"', shlex.quote(NAME)).split(MACHINE)
    output = host.run(first, host.home)
    (line,) = re.findall(r"^```toml\n(.*?\n)```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    path = host.fork / "challenge.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace('profile = "small"\n', f'profile = "small"\n{line}'), "utf-8")
    return output + host.run(f"export GH_TOKEN=$(gh auth token)\n{MACHINE}{last}")


@pytest.fixture(scope="module")
def scored(host, guided):
    """What README's lines printed from the score on, which the guide has not, with a model's predictions in the fork."""
    assert guided
    guide = [set(shlex.split(line)) for line in guide_lines().splitlines()]
    lines = readme_lines()
    first = next(i for i, words in enumerate(lines) if words[1] == "score")
    assert all(any({*words} <= k for k in guide) for words in lines[:first]), (
        "they are the guide's, with more options"
    )
    rest = lines[first:]
    convert = "rexrank convert ../predictions.json --dataset my-set --out submissions/my-team/my-model"
    sandbox = "submissions/rexrank-sandbox/shuffled/model.yaml"
    card = f"sed s/rexrank-sandbox/somebody/ {sandbox} >submissions/my-team/my-model/model.yaml"
    return host.run("\n".join([convert, card, *map(shlex.join, rest)]))


def test_every_command_of_the_guide_runs_as_printed(host, guided, github):
    assert "my-set: 50 studies of 42 patients (by subject_id); tracks: findings 50, report 50" in guided
    assert "agrees with the registry" in guided
    assert "Nothing was sent" in guided
    assert settings(github)["/actions/variables/REXRANK_PROFILE"]["value"] == "small"
    assert settings(github)["/actions/variables/REXRANK_RUNNER"]["value"] == '["self-hosted", "gpu"]'
    assert (
        "RD635 the machine that scores: a runner that is online, with the labels self-hosted, gpu" in guided
    )
    pushed = git(host.bare, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {"challenge.toml", "evaluator/datasets/my-set.yaml", "references/my-set.json"} <= set(pushed)
    assert not [n for n in pushed if n.startswith(("_site", ".venv", "leaderboard/records"))]


def test_the_files_are_whole(host, guided):
    assert guided
    output = tomllib.loads(git(host.bare, "show", "main:challenge.toml"))
    assert (output["name"], output["repository"], output["profile"], output["datasets"]) == (
        NAME, REPOSITORY, "small", ["my-set"],
    )  # fmt: skip
    dataset = read_dataset(host.fork / "evaluator/datasets/my-set.yaml", "my-set")
    assert (dataset.access, dataset.n_studies, dataset.n_patients, dataset.cluster) == ("public", 50, 42, "subject_id")  # fmt: skip
    assert dataset.ids_digest is not None
    assert (host.fork / "evaluator/datasets/manifests/my-set.manifest.json").is_file()
    people = (host.fork / ".github/CODEOWNERS").read_text("utf-8")
    assert "@ME" in people
    assert "rexrank" not in people
    form = yaml.safe_load((host.fork / ".github/ISSUE_TEMPLATE/submission.yml").read_text("utf-8"))
    (choice,) = (f["attributes"]["options"] for f in form["body"] if f.get("id") == "dataset")
    assert choice == ["my-set", "sandbox"]
    assert (
        "my-set" in (host.fork / "evaluator/submissions/rules/training_data.txt").read_text("utf-8").split()
    )
    cited = yaml.safe_load((host.fork / "CITATION.cff").read_text("utf-8"))
    assert (cited["title"], cited["authors"]) == (NAME, [{"name": "My lab"}])
    deposit = json.loads((host.fork / ".zenodo.json").read_text("utf-8"))
    assert (deposit["title"], deposit["creators"]) == (NAME, [{"name": "My lab"}])


def test_readme_works_as_printed_on_a_set_of_50_studies(host, scored):
    assert "50 of 50 studies of my-set" in scored
    table = json.loads((host.fork / "leaderboard/tables/my-set.findings.json").read_text("utf-8"))
    # They are the references themselves, so the row is held.
    assert [r["id"] for r in (*table["rows"], *table["incomplete"])] == ["my-team/my-model"]
    assert (host.fork / "_site/leaderboards/my-set/findings/index.html").is_file()
    assert not (host.fork / "_site/leaderboards/mimic-cxr").exists()


def original(text):
    """The original's addresses and name in a text, wherever it does not cite the paper."""
    return ORIGINAL.findall(PAPER.sub("", text))


def test_what_a_person_sees_of_a_fork_names_the_original_nowhere(host, scored):
    assert scored
    texts = {}
    for path in (host.fork / "_site").rglob("*"):
        if path.suffix in {".html", ".json", ".xml", ".js", ".txt", ".tex", ".csv", ".md", ".yaml", ".css"}:
            texts[path.relative_to(host.fork).as_posix()] = path.read_text("utf-8")
    for name in git(host.fork, "ls-files", "-co", "--exclude-standard").splitlines():
        if name != "LICENSE":  # of the software, whose notice is kept
            texts[name] = (host.fork / name).read_bytes().decode("utf-8", "replace")
    assert {n: w for n, t in texts.items() if (w := original(t))} == {}
    assert not [n for n, t in texts.items() if n.startswith("_site/") and "Reported by ReXrank" in t]
    assert "In this challenge a merge scores." in texts["_site/submit/index.html"]
    page = texts["_site/index.html"]
    assert f"https://github.com/{REPOSITORY}" in page
    assert "of CXR: leaderboard" in page
    assert "Reports are ranked by" in page
    # Generated files and the challenge's own never contain the name, not even for the paper's metrics.
    own = [
        n
        for n in texts
        if n.startswith(("_site/feed", "_site/data/")) or n in {".zenodo.json", "challenge.toml"}
    ]
    assert len(own) > 30
    assert {
        n: re.findall("ReXrank", PAPER.sub("", texts[n])) for n in own if "ReXrank" in PAPER.sub("", texts[n])
    } == {}


def test_what_a_fork_s_commands_say_and_send_names_the_original_nowhere(host, scored):
    assert scored
    output = host.run(f"seen {ROOT / 'tests'} submissions/my-team/my-model 2>&1")
    owner, name = REPOSITORY.split("/")
    assert f"{owner}.github.io/{name}/leaderboards/sandbox/findings/" in output
    assert f"https://github.com/{REPOSITORY}" in output
    assert f"card: {NAME}" in output
    assert original(output) == []
    bundle = "rexrank export codabench my-set --image registry.example.org/x:1 --references references --out ../bundle.zip"
    host.run(f"{bundle}\nrexrank export boards --out ../release")
    (archive,) = (host.home / "release").glob("*.zip")
    for path in (host.home / "bundle.zip", archive):
        shutil.unpack_archive(path, host.home / "unpacked" / path.stem)
    files = [
        p
        for f in ("unpacked", "release")
        for p in (host.home / f).rglob("*")
        if p.suffix in {".yaml", ".md", ".json", ".py", ".cff"}
    ]
    assert {f.name for f in files} >= {"competition.yaml", "zenodo.json", "notes.md"}
    assert {f.name: w for f in files if (w := original(f.read_text("utf-8")))} == {}


def test_nothing_of_a_host_s_is_overwritten(host, scored):
    assert scored
    path = host.fork / "challenge.toml"
    path.write_text(path.read_text("utf-8") + "\n# mine\n")
    before = path.read_bytes()
    again = "rexrank host init --dataset my-set --references references"
    assert "nothing to write" in host.run(again)
    other = f"{again} --name x --repository south/cxr --steward s --maintainers @s || true"
    assert "holds changes that git does not have" in host.run(other)
    elsewise = f"{again} --repository {REPOSITORY} --steward somebody || true"
    assert "edit it there: --steward is 'somebody', challenge.toml says 'My lab'" in host.run(elsewise)
    assert path.read_bytes() == before
