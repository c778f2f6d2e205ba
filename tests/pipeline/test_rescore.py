"""A rescoring in units over two machines with one store, one of which dies: nothing lost, the same result as on one."""

from __future__ import annotations

import json
from pathlib import Path

from rehearsal.git import paths_at
from rehearsal.runs import JobRun, Run
from rehearsal.seed import PRIVATE
from rehearsal.world import World

from evaluator.scoring.ledger import attempts

WAITING = "leaderboard/rescoring.json"


def mend_references(world: World) -> None:
    """One text of the private dataset changes on the machine with the references."""
    path = world.root / "references" / f"{PRIVATE}.json"
    texts = json.loads(path.read_text())
    texts[next(iter(texts))]["section_findings"] = "The lungs are clear. There is no effusion."
    path.write_text(json.dumps(texts))


def waiting(world: World) -> list[str]:
    """The units that main's boards wait for."""
    data = world.file(WAITING)
    return [] if data is None else [u["submission"] for u in json.loads(data)["units"]]


def digests(world: World) -> dict[str, str]:
    """The references of each record of the private dataset, by the record's file name."""
    return {n: r["provenance"]["references_sha256"] for n, r in records(world).items()}


def records(world: World) -> dict[str, dict]:
    """The records of the private dataset's findings, by file name."""
    folder = f"leaderboard/records/{PRIVATE}/findings"
    paths = paths_at(world.state.bare, "main", folder)
    return {p.rpartition("/")[2]: json.loads(world.file(p) or b"") for p in paths}


def board(world: World) -> dict[str, str]:
    """What is published, by path: without the program's commit, which is main's newest, and the machine's own folder."""
    rows = {}
    for path in paths_at(world.state.bare, "main", "leaderboard"):
        text = (world.file(path) or b"").decode("latin-1")
        if path.startswith("leaderboard/records/"):
            record = json.loads(text)
            record["provenance"].pop("evaluator_commit")
            text = json.dumps(record)
        rows[path] = text.replace(str(world.root), "")
    return rows


def rescore(world: World, runners: int = 1) -> dict[str, str]:
    """The results of the jobs of a rescoring, by name."""
    world.executor.variables = {**world.executor.variables, "REX_RUNNERS": str(runners)}
    world.dispatch("rescore", {})
    run = world.last("rescore")
    assert world.last("publish").conclusion == "success", world.last("publish").log
    return {n: j.result for n, j in run.jobs.items()}


def parts(run: Run) -> list[JobRun]:
    """The jobs of a rescoring's matrix."""
    return [j for n, j in run.jobs.items() if n.startswith("fill (")]


def test_two_machines_of_which_one_dies_end_where_one_does(published: World, tmp_path: Path) -> None:
    first = records(published)
    mend_references(published)
    before = digests(published)
    published.schedule("publish")
    assert sorted(waiting(published)) == ["baseline", "strangers/careful"]
    assert digests(published) == before, "rows that stand wait for each other"
    with published.branch_off(tmp_path / "one") as one:
        jobs = ("plan", "fill", "fill (0)", "fill (1)", "finish")
        assert rescore(one) == dict.fromkeys(jobs, "success")
        assert waiting(one) == []
        wanted = board(one)

    assert published.executor.runner is not None
    store = Path(published.executor.runner.secrets["REXRANK_STORE"])
    (store.parent / "dies").write_text(f"strangers/careful:{PRIVATE}")
    assert rescore(published, runners=2)["finish"] == "success", "what is done is published all the same"
    run = published.last("rescore")
    assert sorted(j.result for j in parts(run)) == ["failure", "success"]
    assert {j.machine for j in parts(run)} == {0, 1}
    assert "Internal failure" in run.log
    assert waiting(published) == ["strangers/careful"], "the rest is planned again"
    assert digests(published) == before
    again = rescore(published, runners=2)
    assert again == dict.fromkeys(("plan", "fill", "fill (0)", "finish"), "success")
    assert waiting(published) == []
    assert board(published) == wanted

    # Everything is for the new references and the same predictions with the same origin; no run was counted.
    (new,) = set(digests(published).values())
    assert new not in before.values()
    last = records(published)
    assert last.keys() == first.keys()
    name = "strangers__careful.json"
    for key in ("predictions_sha256", "pull_request"):
        assert last[name]["provenance"][key] == first[name]["provenance"][key]
    assert last[name]["submitted"] == first[name]["submitted"]
    assert len(attempts(store)) == 1
