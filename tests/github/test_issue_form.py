"""The form as GitHub writes it into an issue: what is read, what is refused, and which links are followed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.core.problems import InputError
from evaluator.github.issue_form import FormError, attachment_of, is_form, read_form

SERVER = "https://github.com"
LINK = f"{SERVER}/user-attachments/files/123/preds.json"
ANSWERS = {
    "Team": "acme",
    "Model": "m1",
    "Dataset": "iu-xray",
    "Predictions": f"[preds.json]({LINK})",
    "Name": "M1",
    "Institution": "A university",
    "Contact": "@octocat",
    "Year": "2026",
    "Description": "It looks.",
    "Licence": "MIT",
    "Images": "frontal",
    "Other text": "none",
    "Training data": "mimic-cxr",
    "External language model": "no",
    "Deterministic": "yes",
    "Parameters": "_No response_",
    "Text column": "report",
    "Consent": "- [X] I agree",
}


def text(**changes):
    return "\r\n\r\n".join(f"### {k}\r\n\r\n{v}" for k, v in (ANSWERS | changes).items())


def test_a_form_is_read():
    form = read_form(text(), SERVER)
    assert (form.team, form.model, form.dataset, form.attachment) == ("acme", "m1", "iu-xray", LINK)
    assert (form.draft.contact, form.draft.parameters, form.draft.deterministic) == (("octocat",), None, True)
    assert (form.id_column, form.text_column) == (None, "report")
    assert is_form(text())
    assert not is_form("### Team\n\nWhat is a team?")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Team": "../x"}, "Team is '../x'"),
        ({"Team": "a\n\n### Model\n\nb"}, "the heading 'Model' appears twice"),
        ({"Model": "_No response_"}, "Model is ''"),
        ({"Dataset": "mimic"}, "wanted one of"),
        ({"Year": "soon"}, "four digits"),
        ({"Consent": "- [ ] I agree"}, "tick the box"),
        ({"Licence": " "}, "Licence: this one is needed"),
        ({"Predictions": "none"}, "drag exactly one file"),
    ],
)
def test_problems_are_named_with_their_heading(changes, words):
    with pytest.raises(FormError) as failure:
        read_form(text(**changes), SERVER)
    assert any(words in p for p in failure.value.problems), failure.value.problems
    everything = dict.fromkeys(ANSWERS, "?")
    with pytest.raises(FormError) as failure:
        read_form(text(**everything), SERVER)
    assert len(failure.value.problems) >= 8


@given(st.text(max_size=200))
def test_no_answer_leaves_its_field(team):
    try:
        form = read_form(text(Team=team), SERVER)
    except FormError:
        return
    assert form.team == team.strip()
    assert form.model == "m1"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://example.org/preds.json",
        "https://github.com.example.org/user-attachments/files/1/a.json",
        "http://github.com/user-attachments/files/1/a.json",
        "https://github.com@example.org/user-attachments/files/1/a.json",
        "https://github.com/user-attachments/assets/1/a.json",
        "https://github.com/user-attachments/files/1/../../x/y",
        "https://github.com/user-attachments/files/1/a.json?x=1",
        "https://github.com/user-attachments/files/1/a.json#x",
        "https://github.com/user-attachments/files/1/%2e%2e",
        "https://github.com/acme/x/raw/main/a.json",
        f"{LINK} {LINK.replace('123', '124')}",
        f"{LINK} https://example.org/x",
    ],
)
def test_only_one_file_of_github_s_own_store_is_an_attachment(words):
    with pytest.raises(InputError, match="exactly one file"):
        attachment_of(words, SERVER)


@pytest.mark.parametrize("words", [LINK, f"[a]({LINK})", f"[a]({LINK}) and\n[b]({LINK})"])
def test_the_attachment_is_found(words):
    assert attachment_of(words, SERVER) == LINK
