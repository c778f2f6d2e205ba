"""An example of each file that the site serves, for its schema and the page on the API."""

from __future__ import annotations

from typing import Final

OVERVIEW: Final = {
    "schema": "rexrank/overview/v1",
    "boards": [
        {
            "dataset": "iu-xray",
            "track": "findings",
            "title": "IU X-ray",
            "n": 590,
            "n_models": 2,
            "rehearsal": False,
            "best_group": [{"id": "some-team/some-model", "name": "Some Model"}],
            "best_display": {"value": 2.0, "low": 1.842, "high": 2.183, "note": ""},
        }
    ],
}
HISTORY: Final = {
    "schema": "rexrank/history/v1",
    "events": [
        {
            "date": "2026-01-02",
            "id": "some-team/some-model",
            "name": "Some Model",
            "event": "entered",
            "dataset": "iu-xray",
            "track": "findings",
            "rank": [1, 2],
            "primary": "radcliq_v1",
            "shown": 2.0,
            "previous": None,
            "pull_request": 7,
            "scores_sha256": "0f4b7e7d3cf0b2b8a0e1a3c1e1c0d3a86a0d7bde0f3c5ec9e4f1f3a1d2c3b4a5",
        }
    ],
}
