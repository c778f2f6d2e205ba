"""Kept answers of a judge: a damaged file counts as absent, and nothing in it as an answer."""

from __future__ import annotations

import json

from support.fuzz import Verdict, damage_bytes, damage_value, fuzz, obstruct, remove

from evaluator.models.judges.transcripts import Answer, Request, Transcripts

ANSWER = Answer("No error.", "stop", 12, 5)


def stored_answer(data: bytes) -> Answer | None:
    """What a stored answer says, by an independent reading; `None` for a damaged one."""
    try:
        value = json.loads(data.decode("utf-8"))
        text, reason = value["text"], value["finish_reason"]
        counts = [value["prompt_tokens"], value["completion_tokens"]]
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return None
    if not (
        isinstance(text, str) and isinstance(reason, str) and all(type(n) is int and n >= 0 for n in counts)
    ):
        return None
    return Answer(text, reason, *counts, cached=True)


def test_transcripts(tmp_path, inputs, seed):
    transcripts, request = Transcripts(tmp_path), Request(messages=(("user", "Compare."),))
    key = request.key("judge", "r1", 0)
    transcripts.put(key, request, ANSWER, "judge")
    path = transcripts.path(key)
    good = path.read_bytes()

    def one(rng):
        remove(path)
        kind = rng.random()
        path.write_bytes(good)
        if kind < 0.1:
            what, wanted = obstruct(rng, path), None
        else:
            data = (
                json.dumps(damage_value(rng, json.loads(good))).encode()
                if kind < 0.5
                else damage_bytes(rng, good)
            )
            data = b"[" * 100_000 if kind > 0.99 else data
            path.write_bytes(data)
            what, wanted = repr(data[:300]), stored_answer(data)
        answer = transcripts.get(key)
        assert answer == wanted, (answer, what)
        return Verdict(answer is not None, "counts as absent"), wanted is not None, what

    fuzz("transcripts", inputs(800), seed, one)
