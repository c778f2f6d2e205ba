"""Commits FOLDER/leaderboard onto main and pushes it, beside the token that may write main: python3 -I push.py FOLDER.

FOLDER/base.json: main's submissions/ and leaderboard/ when the files were checked; null where nothing is to be published.
"""

import base64, json, os, re, subprocess, sys  # noqa: E401
from pathlib import Path

MAX_FILES, MAX_FILE_BYTES, MAX_BYTES = 20_000, 64_000_000, 1_000_000_000
NAME = re.compile(r"leaderboard(/[A-Za-z0-9_][A-Za-z0-9._-]{0,120}){1,6}")
SERVER = os.environ["GITHUB_SERVER_URL"]
BASIC = base64.b64encode(f"x-access-token:{os.environ['PUSH_TOKEN']}".encode()).decode()
BOT = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
       (("NAME", "rexrank-bot"), ("EMAIL", "rexrank-bot@users.noreply.github.com"))}  # fmt: skip
SAFE = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{SERVER}/.extraheader", "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {BASIC}",
        "GIT_INDEX_FILE": f"{os.environ['RUNNER_TEMP']}/push.index"}  # fmt: skip
URL, MESSAGE = (
    f"{SERVER}/{os.environ['GITHUB_REPOSITORY']}",
    "Leaderboard: records and tables of what main holds",
)


def git(*args: str, given: str = "", check: bool = True) -> str | None:
    """What git prints; `None` where it fails and that is allowed."""
    done = subprocess.run(["git", "-c", "core.hooksPath=/dev/null", *args], input=given.encode(), stdout=subprocess.PIPE, timeout=600,
                          check=check, env=os.environ | SAFE | BOT)  # fmt: skip
    return None if done.returncode else done.stdout.decode().strip()


def main(folder: Path) -> str:
    """What was done, in words; raises `SystemExit` for what must not be pushed and for a push that is refused."""
    base, before = json.loads((folder / "base.json").read_text("utf-8")), ""
    paths = sorted(p for p in (folder / "leaderboard").rglob("*") if p.is_symlink() or not p.is_dir())
    names, sizes = [p.relative_to(folder).as_posix() for p in paths], [p.lstat().st_size for p in paths]
    if len(paths) > MAX_FILES or max(sizes, default=0) > MAX_FILE_BYTES or sum(sizes) > MAX_BYTES:
        raise SystemExit("the files are larger than a leaderboard can be.")
    if any(p.is_symlink() or not p.is_file() for p in paths) or not all(map(NAME.fullmatch, names)):
        raise SystemExit("something is no regular file, or bears a name that no leaderboard needs.")
    oids = git(
        "hash-object", "-w", "--no-filters", "--stdin-paths", given="".join(f"{p.resolve()}\n" for p in paths)
    ).split()
    entries = "".join(f"100644 {oid}\t{name}\n" for oid, name in zip(oids, names, strict=True))
    while base is not None:
        git("fetch", "-q", "--no-tags", "--depth=1", URL, "refs/heads/main")
        head = git("rev-parse", "FETCH_HEAD")
        if git("ls-tree", head, "submissions") != base["submissions"]:
            break
        if head == before or git("ls-tree", head, "leaderboard") != base["leaderboard"]:
            raise SystemExit("main refused the push, or its leaderboard/ moved. Run the workflow again.")
        git("read-tree", head)
        git("rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", "leaderboard")
        git("update-index", "--index-info", given=entries)
        commit = git("commit-tree", git("write-tree"), "-p", head, "-m", MESSAGE)
        changes = [
            line.split("\t")
            for line in git("diff-tree", "-r", "--raw", "--no-renames", head, commit).splitlines()
        ]
        if any(
            not path.startswith("leaderboard/") or meta.split()[1] not in ("100644", "000000")
            for meta, path in changes
        ):
            raise SystemExit("the commit would change something outside leaderboard/.")
        if not changes or git("push", "-q", URL, f"{commit}:refs/heads/main", check=False) is not None:
            return f"published {commit}" if changes else "nothing to publish"
        before = head
    return "nothing to publish: main holds other submissions, and the run that they started publishes those"


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]))}\n")
