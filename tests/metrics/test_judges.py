"""Which metrics ask a judge: their classes say so, and nothing else does."""

from __future__ import annotations

import pytest

from evaluator.core.host_files import InvalidFile
from evaluator.metrics import registry
from evaluator.metrics.green import Green
from evaluator.metrics.judges import by_metric, judged_keys, judges_form, read_judges
from evaluator.models.judges.settings import JudgeSettings

CACHES = (judged_keys, judges_form, registry.get_metric)
NEW = '[fact_judge]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\n'


class FactJudge(Green):
    """A judged metric that a contributor adds: a class, and one line in the registry."""

    key = "fact_judge"
    title = "FactJudge"


def forget():
    for cached in CACHES:
        cached.cache_clear()


@pytest.fixture
def added(monkeypatch):
    monkeypatch.setitem(registry._METRICS, "fact_judge", f"{__name__}:FactJudge")
    forget()
    yield
    forget()


def test_the_judged_metrics():
    known = ("green", "crimson", "fineradscore")
    assert tuple(k for k in judged_keys() if k in known) == known
    assert tuple(judges_form().model_fields) == judged_keys()


def test_a_judged_metric_is_one_file_and_one_line(tmp_path, added):
    (tmp_path / "judges.toml").write_text(NEW, "utf-8")
    assert list(read_judges(tmp_path / "judges.toml").settings) == ["fact_judge"]
    assert judges_form().model_fields["fact_judge"].description == "FactJudge's judge."
    assert "fact_judge" in by_metric(JudgeSettings("http://127.0.0.1:1/v1", "m"))


def test_an_unknown_metric_has_no_judge(tmp_path):
    (tmp_path / "judges.toml").write_text(NEW, "utf-8")
    with pytest.raises(InvalidFile, match="unknown field 'fact_judge'"):
        read_judges(tmp_path / "judges.toml")


def test_one_judge_for_all_or_one_each():
    judge = JudgeSettings("http://127.0.0.1:1/v1", "m")
    assert by_metric(None) == {}
    assert by_metric(judge) == dict.fromkeys(judged_keys(), judge)
    assert by_metric({"green": judge}) == {"green": judge}
