"""A leaderboard of the sandbox made by the real pipeline, with one card and its reports hostile."""

from __future__ import annotations

import pytest
from support.boards import URL, make_leaderboard
from support.challenges import sandbox_counts, use_sandbox
from support.crowd import make_crowd
from support.site_files import data_files

from evaluator.leaderboard.rank import rank_all
from evaluator.site.build import pages, write_large, write_pages
from evaluator.site.content import read_content

HOSTILE = "Evil <script>alert(1)</script> **[x](javascript:alert(1))** {{ config }} `|` \"'>"
HOSTILE_REPORT = f"{HOSTILE} </script><img src=x onerror=alert(1)>. No effusion."


@pytest.fixture(autouse=True)
def _sandbox_counts(request, monkeypatch):
    """In tests of that leaderboard the overall rank covers the sandbox."""
    if "leaderboard" in request.fixturenames:
        use_sandbox(monkeypatch)


@pytest.fixture(scope="session")
def leaderboard(tmp_path_factory):
    folder = make_leaderboard(
        tmp_path_factory.mktemp("board"), ("near-copy", "template"), HOSTILE, HOSTILE_REPORT
    )
    with sandbox_counts():
        rank_all(folder, folder / "store", rehearsal=False)
    return folder


@pytest.fixture(scope="session")
def made(leaderboard):
    """Every page and file of the site by name, at an address below a folder."""
    with sandbox_counts():
        return pages(leaderboard, URL) | data_files(read_content(leaderboard, URL))


@pytest.fixture(scope="session")
def docs(leaderboard, tmp_path_factory):
    """The sources of the site on disk, case files included."""
    folder = tmp_path_factory.mktemp("docs")
    with sandbox_counts():
        write_pages(leaderboard, folder, URL)
        write_large(leaderboard, folder)
    return folder


@pytest.fixture(scope="session")
def crowd(tmp_path_factory):
    """Tables by (dataset, track) of twelve made-up models with every oddity, on a public and a restricted dataset."""
    boards = make_crowd(tmp_path_factory.mktemp("crowd"), ("iu-xray", "chexpert-plus"), n_models=12)
    return {(t["dataset"], t["track"]): t for t in boards}
