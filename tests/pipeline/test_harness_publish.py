"""The rehearsal's writing side, on a small publisher: App tokens, racing pushes, artifacts, Pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rehearsal.expressions import Expressions
from rehearsal.seed import bare_repository, commit_tree
from rehearsal.world import World

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
APP = "actions/create-github-app-token@bcd2ba49218906704ab6c1aa796996da409d3eb1"
UPLOAD = "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
PAGES = "actions/upload-pages-artifact@fc324d3547104276b827a68afc52ff2a11cc49c9"
DEPLOY = "actions/deploy-pages@cd2ce8fcbc39b97be8ca5fce6e763baed58fa128"

PUBLISH = f"""
name: publish
on: {{push: {{branches: [main], paths: ['data/**']}}}}
permissions: {{}}
concurrency: {{group: publish, cancel-in-progress: false, queue: max}}
jobs:
  make:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
      - run: mkdir -p out && ls data | tee out/names
      - uses: {UPLOAD}
        with: {{name: names, path: out}}
  write:
    needs: make
    runs-on: ubuntu-24.04
    environment: publish
    permissions: {{contents: read}}
    steps:
      - id: app
        uses: {APP}
        with: {{client-id: "${{{{ vars.ID }}}}", private-key: "${{{{ secrets.REX_APP_PRIVATE_KEY }}}}", permission-contents: write}}
      - uses: {CHECKOUT}
        with: {{ref: main, persist-credentials: false}}
      - uses: {DOWNLOAD}
        with: {{name: names, path: received}}
      - shell: bash
        env: {{PUSH_TOKEN: "${{{{ steps.app.outputs.token }}}}"}}
        run: |
          cat received/names
          export GIT_CONFIG_COUNT=3 GIT_CONFIG_KEY_0=http.extraheader GIT_CONFIG_KEY_1=user.name GIT_CONFIG_VALUE_1=bot
          export GIT_CONFIG_KEY_2=user.email GIT_CONFIG_VALUE_2=bot@example.org
          export GIT_CONFIG_VALUE_0="Authorization: basic $(printf 'x-access-token:%s' "$PUSH_TOKEN" | base64 -w0)"
          for attempt in 1 2 3 4 5; do
            git fetch -q origin main && git reset -q --hard FETCH_HEAD
            ls data > table
            git add table && git commit -q -m "Tables" || exit 0
            git push -q origin HEAD:main && exit 0
          done
          exit 1
  site:
    needs: write
    runs-on: ubuntu-24.04
    environment: github-pages
    permissions: {{pages: write, id-token: write, contents: read}}
    steps:
      - run: mkdir _site && echo '<p>site</p>' > _site/index.html
      - uses: {PAGES}
        with: {{path: _site}}
      - uses: {DEPLOY}
"""


@pytest.fixture
def world(tmp_path: Path, expressions: Expressions, workspaces: Path, warm: Path) -> Iterator[World]:
    bare = bare_repository(tmp_path / "github")
    tree = tmp_path / "tree"
    (tree / ".github" / "workflows").mkdir(parents=True)
    (tree / ".github" / "workflows" / "publish.yml").write_text(PUBLISH)
    (tree / "data").mkdir()
    (tree / "data" / "zero").write_text("0")
    commit_tree(bare, tree, "Begin")
    with World(tmp_path / "github", expressions, workspaces, warm) as made:
        made.executor.variables = {"ID": "Iv1"}
        made.executor.environments = {"publish": {"REX_APP_PRIVATE_KEY": "the key"}}
        yield made
        assert made.state.violations == []


def test_a_merge_is_published_by_the_app(world: World) -> None:
    merged = world.merge(world.open_pull({"data/one": b"1"}))
    run = world.last("publish")
    assert run.conclusion == "success", run.log
    assert world.file("table") == b"one\nzero\n"
    assert world.main != merged
    assert "one" in run.jobs["write"].log
    assert "the key" not in run.log
    assert len(world.executor.sites) == 1
    # The App's own push changes nothing below data/ and starts nothing.
    assert len(world.runs("publish")) == 1


def test_without_the_environments_key_there_is_no_push(world: World) -> None:
    world.executor.environments = {}
    merged = world.merge(world.open_pull({"data/one": b"1"}))
    assert world.last("publish").conclusion == "failure"
    assert world.main == merged


def test_racing_publications_both_arrive(world: World) -> None:
    for name in ("one", "two"):
        world.merge(world.open_pull({f"data/{name}": b"x"}, branch=name), fire=False)
    world.settle_at_once()
    assert [r.conclusion for r in world.runs("publish")] == ["success", "success"]
    assert world.file("table") == b"one\ntwo\nzero\n"


def test_a_moved_main_refuses_the_first_push(world: World) -> None:
    late = world.open_pull({"data/late": b"x"}, branch="late")
    moves: list[str] = []
    world.state.before_push.append(lambda: moves.append(world.merge(late, fire=False)))
    world.merge(world.open_pull({"data/one": b"1"}))
    assert moves
    assert world.file("table") == b"late\none\nzero\n"
    pushes = [r for r in world.state.requests if r.path == "git/git-receive-pack"]
    assert len(pushes) >= 2
