"""A withdrawal as an edit of the card."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import RexrankError
from evaluator.github.withdraw import withdraw, withdrawn_card


def test_a_card_is_changed_in_two_lines(tmp_path, card_bytes):
    path = tmp_path / "t/m/model.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes(card_bytes())
    assert withdraw(tmp_path, "t/m", "Wrong  split.\n") == path
    card = yaml.safe_load(path.read_text())
    assert (card["status"], card["reason"]) == ("withdrawn", "Wrong split.")
    assert withdraw(tmp_path, "t/m", "Another reason.").read_text().count("reason:") == 1


@pytest.mark.parametrize("name", ["t/x", "../m", "t/../m", "t", "", "T/m"])
def test_only_an_existing_model_can_be_withdrawn(tmp_path, card_bytes, name):
    (tmp_path / "t/m").mkdir(parents=True)
    (tmp_path / "t/m/model.yaml").write_bytes(card_bytes())
    with pytest.raises(RexrankError):
        withdraw(tmp_path, name, "x")


@pytest.mark.parametrize("reason", ["", " ", "x" * 301])
def test_a_reason_that_the_card_rejects_changes_nothing(tmp_path, card_bytes, reason):
    path = tmp_path / "t/m/model.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes(card_bytes())
    with pytest.raises(RexrankError, match="would not be valid"):
        withdraw(tmp_path, "t/m", reason)
    assert path.read_bytes() == card_bytes()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_reason_is_only_text(reason):
    card = yaml.safe_load(withdrawn_card("name: A\nstatus: active\n", reason))
    assert card == {"name": "A", "status": "withdrawn", "reason": " ".join(reason.split())}
