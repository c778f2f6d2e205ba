"""The judge client against a stub server that misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from support.needs import reason

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.base import Metric
from evaluator.metrics.fineradscore import FineRadScore
from evaluator.metrics.green import Green
from evaluator.metrics.judges import by_metric
from evaluator.models.judges.client import Judge, JudgeBudgetSpent
from evaluator.models.judges.identity import JudgeVoid
from evaluator.models.judges.settings import JudgeSettings, is_local
from evaluator.models.judges.stub_server import Message, completion, listening
from evaluator.models.judges.transcripts import Request
from evaluator.models.runtime import Run

pytest.importorskip("openai", reason=reason("score"))

Reply = tuple[int, dict[str, str], Any]


class Stub:
    """Answers the nth call with `script(n, body)`; records bodies and how many ran at once."""

    def __init__(self, script: Callable[[int, dict[str, Any]], Reply], delay: float = 0.0) -> None:
        self.script, self.delay = script, delay
        self.bodies: list[dict[str, Any]] = []
        self.most = self._now = 0
        self._lock = Lock()

    def call(self, body: dict[str, Any]) -> Reply:
        with self._lock:
            self.bodies.append(body)
            number = len(self.bodies)
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(self.delay)
        with self._lock:
            self._now -= 1
        return self.script(number, body)


@contextmanager
def serving(stub: Stub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, headers, reply = stub.call(body)
            data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            try:
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client gave up waiting, which is the test

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with listening(Handler) as url:
        yield url


def good(_: int, body: dict[str, Any]) -> Reply:
    return (
        200,
        {},
        completion(
            f"echo {body['messages'][-1]['content']}", [Message(m["content"]) for m in body["messages"]]
        ),
    )


def failing_first(
    status: int, headers: dict[str, str] | None = None, body: Any = None
) -> Callable[..., Reply]:
    def script(number: int, asked: dict[str, Any]) -> Reply:
        return (
            (status, headers or {}, body or {"error": {"message": "no"}})
            if number == 1
            else good(number, asked)
        )

    return script


def settings(url: str, **more: Any) -> JudgeSettings:
    defaults: dict[str, Any] = {"base_url": url, "model": "m", "backoff": 0.01, "timeout": 120.0}
    return JudgeSettings(**(defaults | more))


def requests(n: int) -> list[Request]:
    return [Request(messages=(("user", f"q{i}"),), max_tokens=10) for i in range(n)]


def test_answers_keep_their_order_and_concurrency_is_bounded() -> None:
    stub = Stub(good, delay=0.02)
    with serving(stub) as url:
        answers = Judge(settings(url, concurrency=3)).ask(requests(10))
    assert [a.text for a in answers] == [f"echo q{i}" for i in range(10)]
    assert stub.most <= 3
    assert all(b["temperature"] == 0 for b in stub.bodies)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_transient_failures_are_retried(status: int) -> None:
    stub = Stub(failing_first(status))
    with serving(stub) as url:
        assert Judge(settings(url)).ask(requests(1))[0].text == "echo q0"
    assert len(stub.bodies) == 2


def test_retry_after_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    stub = Stub(failing_first(429, {"retry-after": "7.5"}))
    with serving(stub) as url:
        Judge(settings(url)).ask(requests(1))
    assert pauses == [7.5]


@pytest.mark.parametrize("body", [b"not json", b"{}", b'{"choices": []}', b'{"choices": [{"message": {}}]}'])
def test_a_body_that_is_not_a_completion_is_retried(body: bytes) -> None:
    stub = Stub(failing_first(200, None, body))
    with serving(stub) as url:
        assert Judge(settings(url)).ask(requests(1))[0].text == "echo q0"


def test_a_lasting_failure_is_an_answer_without_text() -> None:
    stub = Stub(lambda *_: (500, {}, {}))
    with serving(stub) as url:
        answer = Judge(settings(url, max_retries=2)).ask(requests(1))[0]
    assert (answer.text, answer.error, len(stub.bodies)) == (None, "status 500", 3)


def test_a_refused_request_is_not_repeated() -> None:
    stub = Stub(lambda *_: (400, {}, {}))
    with serving(stub) as url:
        assert Judge(settings(url)).ask(requests(1))[0].error == "status 400"
    assert len(stub.bodies) == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"error": {"message": "too long\u202e" + "x" * 500}}, "status 400: too long\\u202e" + "x" * 110),
        (400, {"message": "default chat template is no longer allowed", "code": 400}, "status 400: default chat"),
        (422, {"detail": []}, "status 422"),
        (
            400,
            {"error": {"message": "Unsupported parameter", "param": "max_tokens", "code": "unsupported_parameter"}},
            "status 400: Unsupported parameter (a reasoning model: set reasoning = true",
        ),
    ],
)  # fmt: skip
def test_an_error_repeats_what_the_server_said(status: int, body: object, message: str) -> None:
    stub = Stub(lambda *_: (status, {}, json.dumps(body).encode()))
    with serving(stub) as url:
        assert Judge(settings(url)).ask(requests(1))[0].error.startswith(message)
    assert len(stub.bodies) == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, {"object": "error", "message": "The model `m` does not exist.", "code": 404}, "status 404: The model `m` does not exist"),
        (401, {"error": "Unauthorized"}, "status 401: Unauthorized"),
        (403, "no", "status 403"),
        (405, {}, "status 405"),
    ],
)  # fmt: skip
def test_an_error_that_every_question_would_get_stops_the_run(
    status: int, body: object, message: str, tmp_path: Path
) -> None:
    stub = Stub(lambda *_: (status, {}, json.dumps(body).encode()))
    with serving(stub) as url:
        judge = Judge(settings(url, concurrency=1, cache_dir=tmp_path))
        with pytest.raises(JudgeVoid, match=f"refuses every question with {message}.*0 answers were stored"):
            judge.ask(requests(20))
    assert len(stub.bodies) == 1


def test_an_engine_that_dies_is_noticed_at_once_and_its_answers_kept(tmp_path: Path) -> None:
    with serving(Stub(good)) as url:
        judge = Judge(settings(url, backoff=60.0, cache_dir=tmp_path))
        judge.ask(requests(2))
    with pytest.raises(JudgeVoid, match=r"no longer responds.*0 answers were stored"):
        judge.ask(requests(5))
    assert [a.text for a in judge.ask(requests(2))] == ["echo q0", "echo q1"]


def test_a_busy_engine_that_drops_a_connection_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    send, calls = Judge._send, 0

    async def dropping(self: Judge, client: Any, request: Request) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise openai.APIConnectionError(request=None)  # type: ignore[arg-type]
        return await send(self, client, request)

    monkeypatch.setattr(Judge, "_send", dropping)
    with serving(Stub(good)) as url:
        assert Judge(settings(url)).ask(requests(1))[0].text == "echo q0"
    assert calls == 2


def test_an_answer_without_text_is_not_asked_for_again() -> None:
    message = {"role": "assistant", "content": None, "reasoning_content": "thinking"}
    stub = Stub(
        lambda *_: (
            200,
            {},
            completion("", []) | {"choices": [{"index": 0, "finish_reason": "length", "message": message}]},
        )
    )
    with serving(stub) as url:
        answer = Judge(settings(url)).ask(requests(1))[0]
    assert (answer.text, len(stub.bodies)) == (None, 1)
    assert "content: null, finish_reason: length" in answer.error


def test_a_reasoning_model_is_asked_in_its_own_terms() -> None:
    stub = Stub(good)
    with serving(stub) as url:
        judge = settings(url, reasoning=True)
        assert Judge(judge).ask(requests(1))[0].text == "echo q0"
    body = stub.bodies[0]
    assert body["max_completion_tokens"] == 10
    assert not {"temperature", "seed", "max_tokens"} & body.keys()
    assert judge.decoding == "reasoning,chat,max1024"


@pytest.mark.parametrize("metric", [Green(), FineRadScore()])
@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "refuses every question with status 404: no such"), (400, "no usable answer to control same-0 before the run: status 400: no such")],
)  # fmt: skip
def test_a_void_run_names_what_was_wrong_with_the_answer(metric: Metric, status: int, message: str) -> None:
    stub = Stub(lambda *_: (status, {}, b'{"message": "no such"}'))
    with serving(stub) as url:
        run = Run(judges=by_metric(settings(url)))
        with pytest.raises(JudgeVoid, match=message) as void:
            metric.score([Pair("a", "Clear.", "Clear.")], run)
    assert "0.000" not in str(void.value)


def test_timeouts_end() -> None:
    stub = Stub(good, delay=0.5)
    with serving(stub) as url:
        answer = Judge(settings(url, timeout=0.1, max_retries=1)).ask(requests(1))[0]
    assert (answer.text, answer.error) == (None, "APITimeoutError")


def test_nothing_is_paid_for_twice(tmp_path: Path) -> None:
    stub = Stub(good)
    with serving(stub) as url:
        config = settings(url, cache_dir=tmp_path)
        first = Judge(config).ask(requests(3) + requests(3))
        again = Judge(config).ask(requests(3))
        other = Judge(settings(url, cache_dir=tmp_path, model="n")).ask(requests(1))
    assert len(stub.bodies) == 4
    assert [a.text for a in first[:3]] == [a.text for a in first[3:]] == [a.text for a in again]
    assert all(a.cached for a in again)
    assert not other[0].cached


def test_damaged_transcripts_count_as_absent(tmp_path: Path) -> None:
    stub = Stub(good)
    with serving(stub) as url:
        config = settings(url, cache_dir=tmp_path)
        Judge(config).ask(requests(1))
        next(tmp_path.rglob("*.json")).write_text("{")
        assert not Judge(config).ask(requests(1))[0].cached


@pytest.mark.parametrize(
    "cap", [{"max_total_tokens": 40}, {"max_cost": 0.04, "prompt_price": 1000.0, "completion_price": 1000.0}]
)
def test_a_cap_stops_the_run_and_the_next_resumes(tmp_path: Path, cap: dict[str, Any]) -> None:
    stub = Stub(good)
    with serving(stub) as url:
        with pytest.raises(JudgeBudgetSpent, match="stored"):
            Judge(settings(url, cache_dir=tmp_path, concurrency=1, **cap)).ask(requests(30))
        paid = len(stub.bodies)
        assert 0 < paid < 30
        answers = Judge(settings(url, cache_dir=tmp_path)).ask(requests(30))
    assert len(stub.bodies) == 30
    assert sum(a.cached for a in answers) == paid


def test_token_ids_go_to_the_completions_endpoint() -> None:
    def script(_: int, body: dict[str, Any]) -> Reply:
        assert body["prompt"] == [1, 2, 3]
        choice = {"index": 0, "finish_reason": "stop", "text": "done", "logprobs": None}
        return (
            200,
            {},
            {"id": "x", "object": "text_completion", "created": 0, "model": "m", "choices": [choice]},
        )

    with serving(Stub(script)) as url:
        answer = Judge(settings(url)).ask([Request(prompt_ids=(1, 2, 3))])[0]
    assert answer.text == "done"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://10.1.2.3/v1", True),
        ("http://192.168.0.4/v1", True),
        ("https://api.example.com/v1", False),
        ("http://8.8.8.8/v1", False),
        ("http://localhost.example.com/v1", False),
        ("http://127.0.0.1.example.com/v1", False),
        ("http://127.0.0.1@example.com/v1", False),
        ("http://0.0.0.0/v1", False),
        ("http://[::ffff:8.8.8.8]/v1", False),
        ("http://[::ffff:10.1.2.3]/v1", True),
        ("http://192.0.0.9/v1", False),
        ("http://198.18.0.1/v1", False),
        ("http://172.32.0.1/v1", False),
        ("http://[fd00::1]/v1", True),
        ("http://[2001:db8::1]/v1", False),
        ("nonsense", False),
    ],
)
def test_what_is_local(url: str, *, local: bool) -> None:
    assert is_local(url) is local


def test_hosted_judges_are_refused_unless_the_dataset_is_named() -> None:
    hosted: dict[str, Any] = {"base_url": "https://api.example.com/v1", "model": "m"}
    with pytest.raises(MetricUnavailable, match="hosted_ok_for"):
        Judge(JudgeSettings(**hosted))
    with pytest.raises(MetricUnavailable, match="mimic-cxr"):
        Judge(JudgeSettings(**hosted, dataset="mimic-cxr", hosted_ok_for=frozenset({"iu-xray"})))
    assert Judge(JudgeSettings(**hosted, dataset="iu-xray", hosted_ok_for=frozenset({"iu-xray"})))
