"""Commits the folder's leaderboard/ onto main, whose trees must be those of its base.json, and pushes it.

In the same push, the branch `pairwise` becomes one commit of its pairwise/: pairs need no history.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

MAX_FILES, MAX_FILE_BYTES, MAX_BYTES = 20_000, 64_000_000, 1_000_000_000
NAME = re.compile(r"leaderboard(/[A-Za-z0-9_][A-Za-z0-9._-]{0,120}){1,6}|pairwise/[a-z0-9][a-z0-9.-]{0,120}")
SERVER = os.environ["GITHUB_SERVER_URL"]
URL = f"{SERVER}/{os.environ['GITHUB_REPOSITORY']}"
BASIC = base64.b64encode(f"x-access-token:{os.environ['PUSH_TOKEN']}".encode()).decode()
CONFIG = {"core.hooksPath": os.devnull, f"http.{SERVER}/.extraheader": f"AUTHORIZATION: basic {BASIC}"}
BOT = tomllib.loads(Path(__file__).parents[1].joinpath("challenge.toml").read_text("utf-8"))["bot"]
# Git 2.51 packs a table beside its own last version then; else beside any file whose name ends in the same 16 letters.
CONFIG |= {"user.name": BOT, "user.email": f"{BOT}@users.noreply.github.com", "pack.usePathWalk": "true"}
SAFE = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
SAFE |= {"GIT_INDEX_FILE": f"{os.environ['RUNNER_TEMP']}/push.index", "GIT_CONFIG_COUNT": str(len(CONFIG))}
for number, (key, value) in enumerate(CONFIG.items()):
    SAFE |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}


def git(*args: str, given: str = "") -> str:
    """Git's output; raises `CalledProcessError` if it fails."""
    return subprocess.check_output(["git", *args], env=SAFE, input=given.encode()).decode().strip()


def stage(start: str, entries: dict[str, str], drop: int = 0) -> None:
    """Adds the files whose names begin with `start` to git's index, without the first `drop` letters of their names."""
    lines = (f"100644 {oid}\t{name[drop:]}\n" for name, oid in entries.items() if name.startswith(start))
    git("update-index", "--index-info", given="".join(lines))


def newest(branch: str) -> str:
    """The tree at the head of a branch, empty if there is no such branch."""
    if not git("ls-remote", URL, f"refs/heads/{branch}"):
        return ""
    git("fetch", "-q", "--no-tags", "--depth=1", URL, f"refs/heads/{branch}")
    return git("rev-parse", "FETCH_HEAD^{tree}")


def main(folder: Path) -> str:
    """What was done. Git refuses a push onto another parent than main's head: then everything is checked again."""
    base = json.loads((folder / "base.json").read_text("utf-8"))
    found = [p for part in ("leaderboard", "pairwise") for p in (folder / part).rglob("*")]
    paths = sorted(p for p in found if p.is_symlink() or not p.is_dir())
    names, sizes = [p.relative_to(folder).as_posix() for p in paths], [p.lstat().st_size for p in paths]
    if len(paths) > MAX_FILES or max(sizes, default=0) > MAX_FILE_BYTES or sum(sizes) > MAX_BYTES:
        raise SystemExit("the files are larger than a leaderboard can be.")
    if any(p.is_symlink() or not p.is_file() for p in paths) or not all(map(NAME.fullmatch, names)):
        raise SystemExit("something is not a regular file, or has a name that no leaderboard needs.")
    oids = git("hash-object", "-w", "--no-filters", "--stdin-paths", given="\n".join(map(str, paths))).split()
    for _ in range(5):
        git("fetch", "-q", "--no-tags", "--depth=1", URL, "refs/heads/main")
        head = git("rev-parse", "FETCH_HEAD")
        if base is None or git("ls-tree", head, "submissions") != base["submissions"]:
            return "nothing to publish: main contains other submissions, which their own run publishes"
        if git("ls-tree", head, "leaderboard") != base["leaderboard"]:
            raise SystemExit("main's leaderboard/ moved since the check. Run the workflow again.")
        entries = dict(zip(names, oids, strict=True))
        git("read-tree", "--empty")
        stage("pairwise/", entries, drop=len("pairwise/"))
        pairwise = git("write-tree")
        git("read-tree", head)
        git("rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", "leaderboard")
        stage("leaderboard/", entries)
        # This checkout lacks submissions/: git would fetch each of its files to check whether it exists.
        tree = git("write-tree", "--missing-ok")
        commit = git("commit-tree", tree, "-p", head, "-m", "Leaderboard: what main gives")
        raw = git("diff-tree", "-r", "--raw", "--no-renames", head, commit)
        for meta, path in (line.split("\t") for line in raw.splitlines()):
            if not path.startswith("leaderboard/") or meta.split()[1] not in ("100644", "000000"):
                raise SystemExit("the commit would change something outside leaderboard/.")
        refs = [f"{commit}:refs/heads/main"] if raw else []
        if pairwise != newest("pairwise"):
            alone = git("commit-tree", pairwise, "-m", f"Pairwise differences of {commit if raw else head}")
            refs.append(f"+{alone}:refs/heads/pairwise")
        if not refs or not subprocess.call(["git", "push", "-q", "--atomic", URL, *refs], env=SAFE):
            return f"published {commit}" if raw else "nothing to publish"
    raise SystemExit("main moved during every attempt. Run the workflow again.")


sys.stdout.write(f"{main(Path(sys.argv[1]).resolve())}\n")
