"""What GitHub's own machines install: a complete list, by digest, wheels only, without an index."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
HOSTED = (ROOT / "requirements" / "hosted.txt").read_text("utf-8")
ENTRY = re.compile(r"([a-z0-9-]+)==([0-9A-Za-z.]+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")
PINS = {name: version for name, version, _ in ENTRY.findall(HOSTED)}
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.11"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_file_holds_names_versions_and_digests_and_nothing_else():
    """No host, no option, no file, no address."""
    assert "".join(m[0] for m in ENTRY.finditer(HOSTED)) == HOSTED
    assert PINS


def test_its_versions_are_the_projects():
    addresses = re.findall(
        r"^([A-Za-z0-9._-]+)==([^\s;]+)",
        (ROOT / "requirements/constraints.txt").read_text("utf-8"),
        re.MULTILINE,
    )
    known = {(canonicalize_name(name), version) for name, version in addresses}
    assert PINS.items() <= known


def test_what_builds_a_release_is_pinned_the_same_way():
    build = (ROOT / "requirements" / "build.txt").read_text("utf-8")
    assert "".join(m[0] for m in ENTRY.finditer(build)) == build
    names = {name for name, _, _ in ENTRY.findall(build)}
    assert names == {"hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers"}


def test_everything_that_is_needed_is_in_it():
    """pip installs nothing beyond the list, so the list must be complete.

    A pinned package's needs are read if that version is installed; with the oldest versions only the rest is
    checked.
    """
    wanted = [Requirement(r) for r in project()["dependencies"]]
    pairs: set[tuple[str, frozenset[str]]] = set()
    whole = True
    while wanted:
        need = wanted.pop()
        name, extras = canonicalize_name(need.name), frozenset(need.extras)
        if (name, extras) in pairs:
            continue
        pairs.add((name, extras))
        assert name in PINS, f"{need} is not in requirements/hosted.txt: run tools/pin-hosted"
        assert need.specifier.contains(PINS[name], prereleases=True), f"{need} is not met by {PINS[name]}"
        as_pinned = metadata.version(name) == PINS[name]
        whole = whole and as_pinned
        for text in (metadata.requires(name) if as_pinned else None) or []:
            more = Requirement(text)
            marks = [{**LINUX, "extra": e} for e in (extras or {""})]
            if more.marker is None or any(more.marker.evaluate(m) for m in marks):
                wanted.append(more)
    names = {name for name, _ in pairs}
    assert names <= PINS.keys()
    assert not whole or names == PINS.keys(), "more than is needed: run tools/pin-hosted"


def test_it_contains_no_sdist_and_no_model():
    assert not {"rouge-score", "nltk", "torch", "transformers", "hatchling"} & PINS.keys()
    assert any(r.startswith("rouge-score==") for r in project()["optional-dependencies"]["score"])


def test_hosted_jobs_install_from_it_and_build_nothing():
    action = yaml.safe_load((ROOT / ".github/actions/setup/action.yml").read_text("utf-8"))
    runs = [s["run"] for s in action["runs"]["steps"] if "pip" in s.get("run", "")]
    assert len(runs) == 1
    assert {"--require-hashes", "--no-deps", "requirements/hosted.txt"} <= set(runs[0].split())
    assert "--only-binary :all:" in runs[0]
    assert not {"-e", "--editable", "."} & set(runs[0].split())


def test_the_token_that_may_write_main_meets_no_code_of_others():
    """Beside it: the checkout, two actions of GitHub's, the system's Python, and one short file."""
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items():
            if "REX_APP_PRIVATE_KEY" not in yaml.safe_dump(job):
                continue
            uses = {s["uses"].partition("@")[0] for s in job["steps"] if "uses" in s}
            assert uses == {
                "actions/checkout",
                "actions/download-artifact",
                "actions/create-github-app-token",
            }, name
            assert [s["run"] for s in job["steps"] if "run" in s] == [
                "/usr/bin/python3 -I .github/push.py checked"
            ]
