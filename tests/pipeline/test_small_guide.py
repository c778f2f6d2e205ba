"""The guide to a small challenge, walked as printed: every line of its blocks is run by a shell, against GitHub on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsal.endpoints_apply import fresh
from rehearsal.endpoints_settings import settings
from rehearsal.git import git
from rehearsal.github_server import GitHubServer
from rehearsal.state import REPOSITORY, State, Token

from evaluator.datasets.sandbox import generate

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "site/maintainers/small.md"
LEFT_OUT = ("tests/", "benchmarks/", "evaluator/datasets/sandbox/models/")
STUBS = {
    "python3": '#!/bin/sh\n[ "$*" = "-m venv .venv" ] && mkdir -p .venv/bin && : >.venv/bin/activate && cp "$(command -v pip)" .venv/bin/pip\n',
    "pip": '#!/bin/sh\n[ "$*" = "install -c requirements/constraints.txt -e ." ]\n',
    "gh": '#!/bin/sh\n[ "$*" = "auth token" ] && echo "$REHEARSAL_TOKEN"\n',
    "rexrank": f"""#!/bin/sh
PYTHONPATH="$PWD" exec "{sys.executable}" -P -c 'import sys; from evaluator.cli import main; sys.argv[0] = "rexrank"; main()' "$@"
""",
}
"""What the machine of a host has that no test can fetch: packages, and gh."""


@pytest.fixture
def github(tmp_path):
    state = State(root=tmp_path / "github")
    server = GitHubServer(state)
    fresh(state)
    yield state
    server.close()
    assert state.violations == []


@pytest.fixture
def walk(github, tmp_path):
    """Runs the guide's blocks one after the other in one shell, in a home with nothing but the references' file."""
    home, bare, tree = tmp_path / "home", tmp_path / "fork.git", tmp_path / "tree"
    home.mkdir()
    names = git(ROOT, "ls-files", "-z", "-co", "--exclude-standard").split("\0")
    for name in (n for n in names if n and not n.startswith(LEFT_OUT) and (ROOT / n).is_file()):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    git(tmp_path, "init", "-q", "--bare", "-b", "main", str(bare))
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "The original")
    git(tree, "push", "-q", str(bare), "main")
    studies = json.loads((Path(generate.__file__).parent / "sandbox.json").read_text("utf-8"))
    made_up = {f"ms{i:03}": s for i, s in enumerate([*studies.values()][:50])}
    (home / "my-set.json").write_text(json.dumps(made_up))
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in STUBS.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    variables = {
        k: v for k, v in os.environ.items() if not k.startswith(("REXRANK_", "GITHUB_", "GH_", "GIT_"))
    }
    environment = variables | {
        "HOME": str(home), "PATH": f"{tools}:{os.environ['PATH']}", "NO_COLOR": "1", "XDG_CACHE_HOME": str(home / ".cache"),
        "GITHUB_API_URL": f"{github.base_url}/api/v3", "GIT_CONFIG_COUNT": "3", "TMPDIR": str(tmp_path),
        "REHEARSAL_TOKEN": github.mint(Token("me", {"administration": "write"}, "user")),
        "GIT_CONFIG_KEY_0": f"url.{bare}.insteadOf", "GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}",
        "GIT_CONFIG_KEY_1": "user.name", "GIT_CONFIG_VALUE_1": "me", "GIT_CONFIG_KEY_2": "user.email", "GIT_CONFIG_VALUE_2": "me@example.org",
    }  # fmt: skip

    def run() -> subprocess.CompletedProcess[str]:
        blocks = re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        lines = (
            "".join(blocks).replace("ME/my-challenge", REPOSITORY).replace("cd my-challenge", "cd challenge")
        )
        lines = lines.replace("/tmp/try", str(tmp_path / "try"))
        return subprocess.run(
            ["bash", "-exc", lines], cwd=home, env=environment, capture_output=True, text=True, check=False
        )

    run.home, run.bare = home, bare
    return run


@pytest.mark.slow
def test_every_command_of_the_guide_runs_as_printed(walk, github):
    output = walk()
    assert output.returncode == 0, output.stdout[-3000:] + output.stderr[-3000:]
    checkout = walk.home / "challenge"
    assert "my-set: 50 studies of 42 patients" in output.stdout
    assert "agrees with the registry" in output.stdout
    assert "Nothing was sent" in output.stdout
    assert (checkout / "_site/leaderboards/my-set/findings/index.html").is_file()
    assert settings(github)["/actions/variables/REXRANK_PROFILE"]["value"] == "small"
    pushed = git(walk.bare, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {"challenge.toml", "evaluator/datasets/my-set.yaml", "references/my-set.json"} <= set(pushed)
    assert not [n for n in pushed if n.startswith(("_site", ".venv", "leaderboard/records"))]
    text = git(walk.bare, "show", "main:challenge.toml")
    assert f'repository = "{REPOSITORY}"' in text
    assert 'profile = "small"' in text
    assert git(checkout, "status", "--porcelain") == ""
