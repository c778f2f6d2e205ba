"""What is taken from a model's card on the hub, and what happens if there is none."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from evaluator.core.problems import InputError, RexrankError
from evaluator.submissions.card_draft import CardDraft, card_problems, card_text, filled
from evaluator.submissions.hub_card import MAX_BYTES, draft_of, hub_draft

CARD = """---
license: apache-2.0
datasets:
- StanfordAIMI/chexpert
- someone/Odd_Set
---
# Model

[![badge](https://x/y.png)](https://x)

This **model** writes [reports](https://example.org) from frontal chest X-rays.

More.
"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            CARD,
            CardDraft(
                license="apache-2.0",
                training_data=("chexpert", "other:someone/Odd_Set"),
                description="This model writes reports from frontal chest X-rays.",
            ),
        ),
        ("", CardDraft()),
        ("---\nlicense: [a]\ndatasets: 7\n---\n", CardDraft()),
        ("---\nlicense: other\nlicense_name: our-own\n---\n", CardDraft(license="our-own")),
        ("---\na: &a [*a]\n---\nToo few words here\n", CardDraft()),
        ("---\nlicense: mit\nnever closed", CardDraft()),
        (
            "| a | b |\n\n<div>A paragraph in a tag of HTML</div>\n\n> A quotation that is long enough",
            CardDraft(),
        ),
    ],
)
def test_what_a_card_leads_to(text, wanted):
    known = CardDraft(name="m1", institution="acme", weights="https://huggingface.co/acme/m1")
    assert draft_of("acme/m1", text) == filled(wanted, known)


def test_a_long_description_is_cut_and_the_rest_fits_the_rules():
    draft = draft_of("acme/m1", f"---\nlicense: {'x' * 200}\n---\n{'word ' * 900}")
    assert len(draft.description or "") <= 1000
    text = card_text(draft, "acme", "m1")
    assert not {p.pointer for p in card_problems(text)} & {
        "/description",
        "/license",
        "/name",
        "/links/weights",
    }


@pytest.fixture
def hub(monkeypatch):
    answers: dict[str, tuple[int, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, data = answers.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}/")
        yield answers
        server.shutdown()


def test_the_card_is_fetched_and_bounded(hub, monkeypatch):
    hub["/acme/m1/raw/main/README.md"] = (200, CARD.encode())
    assert hub_draft("acme/m1").license == "apache-2.0"
    with pytest.raises(RexrankError, match="cannot be read"):
        hub_draft("acme/none")
    hub["/acme/m1/raw/main/README.md"] = (200, b"x" * (MAX_BYTES + 1))
    with pytest.raises(RexrankError, match="larger than"):
        hub_draft("acme/m1")
    for name in ("acme", "../etc/passwd", "acme/m1/x", "https://x/y", "acme/m 1"):
        with pytest.raises(InputError, match="owner/model"):
            hub_draft(name)
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    with pytest.raises(InputError, match="https://"):
        hub_draft("acme/m1")
