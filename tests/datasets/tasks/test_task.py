"""Every task's declaration is complete: names that other rooms know, and tracks that belong to one task alone."""

from __future__ import annotations

import re

import pytest

from evaluator.core.problems import InputError
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks import task as tasks
from evaluator.datasets.tasks.task import Task, all_tracks, get_task, load, task_ids, track_title
from evaluator.metrics.registry import get_metric, metric_keys, task_metrics

TASKS = tuple(map(get_task, task_ids()))


def test_report_generation_comes_first():
    assert task_ids()[0] == "report-generation"
    assert get_task("report-generation").track_ids == ("findings", "report", "impression")


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.id)
def test_a_task_names_existing_objects(task: Task):
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", task.id)
    metrics = task_metrics(task.id)
    names = (*task.metrics, task.primary, *task.stand_by, *task.aggregated, *task.compared)
    assert set(names) <= set(metric_keys())
    assert {*task.metrics, task.primary} <= set(metrics)
    assert [k for k in metric_keys() if k in metrics] == list(metrics), "not in table order"
    assert {get_metric(k).family for k in task.aggregated} <= {get_metric(k).family for k in metrics}
    assert all(t.title and t.about.endswith(".") and t.needs for t in task.tracks)
    assert all(re.fullmatch(r"C[0-9]{1,2}", code) for code in task.checks)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,39}", slug) for slug in task.baselines)


def test_a_track_says_its_task():
    assert [t for task in TASKS for t in task.track_ids] == list(all_tracks())
    assert all_tracks()["impression"].id == "report-generation"
    assert (track_title("report"), track_title("of-old")) == ("findings + impression", "of-old")


def test_two_tasks_cannot_share_a_track(monkeypatch):
    monkeypatch.setattr(tasks, "task_ids", lambda: ("report-generation", "report-generation"))
    with pytest.raises(ValueError, match="both declare the track 'findings'"):
        all_tracks.__wrapped__()


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(InputError, match="Did you mean report-generation"):
        get_task("report-genaration")


def test_tracks_of_a_dataset_come_in_the_order_of_its_task():
    for dataset in map(get_dataset, dataset_ids()):
        order = get_task(dataset.task).track_ids
        assert list(dataset.tracks) == [t for t in order if t in dataset.tracks]


def test_objects_that_a_task_names_are_loaded_on_demand():
    assert load("evaluator.datasets.tasks.task:Task") is Task
