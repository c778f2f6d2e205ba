"""One client for every judged metric, against any OpenAI-compatible server.

Concurrency is bounded, transient failures are retried with growing, jittered pauses that honour Retry-After,
answers are stored as they arrive, and a token or cost cap stops the run in a way that can be resumed.
Decoding is greedy, and only new tokens are returned.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from evaluator.core.files import sha256_bytes
from evaluator.core.problems import MetricUnavailable, visible
from evaluator.models.judges.identity import JudgeVoid, identify
from evaluator.models.judges.settings import JudgeSettings, is_loopback, refuse_hosted
from evaluator.models.judges.transcripts import Answer, Request, Transcripts

RETRIED_STATUS: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
FATAL_STATUS: Final = frozenset({401, 403, 404, 405})
"""Statuses that would be the same for every question: no key, no such model, no such endpoint."""
MAX_PAUSE: Final = 60.0
MAX_WORDS_OF_SERVER: Final = 120
"""Characters of a server's own message that an error quotes."""
PROBE_SECONDS: Final = 2.0
CHARACTERS_PER_TOKEN: Final = 3.0
"""A low estimate, so that the caps are respected before the server has counted."""


class JudgeBudgetSpent(MetricUnavailable):
    """A cap was reached; the answers so far are stored, and the same command resumes."""


class NoTextError(Exception):
    """The server's answer has no text; asking again would not change that."""


@dataclass(slots=True)
class TokenUse:
    """Tokens that new calls have used, and that calls under way may still use."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0
    reserved_prompt: int = 0
    reserved_completion: int = 0


class Judge:
    """Asks questions of one judge. Raises `MetricUnavailable` for a hosted judge without opt-in."""

    def __init__(self, settings: JudgeSettings) -> None:
        refuse_hosted(settings)
        self.settings = settings
        self.spent = TokenUse()
        self._transcripts = Transcripts(settings.cache_dir) if settings.cache_dir else None
        self._identity = ""

    def ask(
        self, requests: Sequence[Request], progress: Callable[[int, int], None] | None = None
    ) -> list[Answer]:
        """One answer per request, in order; equal requests are asked once.

        Raises `JudgeBudgetSpent` when a cap stops the run, after the calls under way have been stored, and
        `JudgeVoid` when the server cannot be reached or is no longer the one that answered before.
        """
        s = self.settings
        who = self._who() if requests else ""
        keys = [r.key(s.model, who, s.seed + r.attempt) for r in requests]
        known: dict[str, Answer] = {}
        todo: dict[str, Request] = {}
        for key, request in zip(keys, requests, strict=True):
            if key in known or key in todo:
                continue
            answer = self._transcripts.get(key) if self._transcripts else None
            if answer is None:
                todo[key] = request
            else:
                known[key] = answer
        if todo:
            total = len(known) + len(todo)
            n_done = len(known)

            def step() -> None:
                nonlocal n_done
                n_done += 1
                if progress:
                    progress(n_done, total)

            known |= asyncio.run(self._ask_all(todo, step))
        return [known[key] for key in keys]

    def _who(self) -> str:
        """The digest of the judge that answers.

        Raises `JudgeVoid` if the engine changed since the first question. For a server that is gone, the
        digest of the last judge that answered: its stored answers remain usable.
        """
        s = self.settings
        place = sha256_bytes(f"{s.base_url}\n{s.model}\n{s.revision}\n{s.served}".encode())
        try:
            digest = identify(s).digest
        except JudgeVoid:
            last = self._transcripts.last(place) if self._transcripts else None
            if last is None:
                raise
            digest = last
        else:
            if self._transcripts:
                self._transcripts.remember(place, digest)
        if self._identity not in {"", digest}:
            raise JudgeVoid("the engine changed during the run. Run scoring again.")
        self._identity = digest
        return digest

    async def _ask_all(self, todo: dict[str, Request], step: Callable[[], None]) -> dict[str, Answer]:
        from openai import AsyncOpenAI

        api_key = os.environ.get(self.settings.api_key_env, "") if self.settings.api_key_env else ""
        gate = asyncio.Semaphore(self.settings.concurrency)
        answers: dict[str, Answer] = {}
        over: MetricUnavailable | None = None
        async with AsyncOpenAI(
            base_url=self.settings.base_url,
            api_key=api_key or "none",
            timeout=self.settings.timeout,
            max_retries=0,
        ) as client:

            async def one(key: str, request: Request) -> None:
                nonlocal over
                async with gate:
                    if over:
                        return
                    estimate = _estimate(request)
                    if spent := self._cap(estimate, request.max_tokens):
                        over = JudgeBudgetSpent(spent)
                        return
                    self._reserve(estimate, request.max_tokens)
                    try:
                        answer = await self._call(client, request)
                    except JudgeVoid as void:
                        over = void
                        return
                    finally:
                        self._reserve(-estimate, -request.max_tokens)
                    self._count(answer)
                    if self._transcripts:
                        self._transcripts.put(key, request, answer, self.settings.model)
                    answers[key] = answer
                    step()

            await asyncio.gather(*(one(k, r) for k, r in todo.items()))
        if over:
            cure = "raise the cap" if isinstance(over, JudgeBudgetSpent) else "fix that"
            note = f" {len(answers)} answers were stored;" if self._transcripts else ""
            raise type(over)(f"{over}.{note} {cure} and run again.")
        return answers

    def _cap(self, prompt: int, completion: int) -> str:
        """The cap that one more call could exceed, or an empty string."""
        s, u = self.settings, self.spent
        prompt += u.prompt_tokens + u.reserved_prompt
        completion += u.completion_tokens + u.reserved_completion
        if s.max_total_tokens is not None and prompt + completion > s.max_total_tokens:
            return f"the cap of {s.max_total_tokens} tokens would be exceeded"
        cost = (prompt * s.prompt_price + completion * s.completion_price) / 1e6
        if s.max_cost is not None and cost > s.max_cost:
            return f"the cost cap of {s.max_cost:g} would be exceeded"
        return ""

    def _reserve(self, prompt: int, completion: int) -> None:
        self.spent.reserved_prompt += prompt
        self.spent.reserved_completion += completion

    def _count(self, answer: Answer) -> None:
        self.spent.prompt_tokens += answer.prompt_tokens
        self.spent.completion_tokens += answer.completion_tokens
        self.spent.calls += 1

    async def _call(self, client: Any, request: Request) -> Answer:
        """The answer to one question, with retries where they may help.

        Raises `JudgeVoid` for an error that every question would get.
        """
        import openai

        # The last four mean that the body is not a completion; a retry may fix that.
        unreadable = (ValueError, LookupError, TypeError, AttributeError)
        failure: Exception | None = None
        for attempt in range(self.settings.max_retries + 1):
            try:
                return await self._send(client, request)
            except (NoTextError, openai.OpenAIError, *unreadable) as error:
                failure = error
            if not self._may_pass(failure) or attempt == self.settings.max_retries:
                break
            pause = _retry_after(failure)
            if pause is None:
                # Jitter spreads retries over time; nothing here is a secret.
                pause = self.settings.backoff * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311
            await asyncio.sleep(min(pause, MAX_PAUSE))
        return Answer(text=None, error=_words(failure))

    def _may_pass(self, failure: Exception) -> bool:
        """Whether a retry may help. Raises `JudgeVoid` if no question would be answered."""
        import openai

        if isinstance(failure, openai.APIStatusError):
            if failure.status_code in FATAL_STATUS:
                raise JudgeVoid(
                    f"the judge at {self._host} refuses every question with {_words(failure)}"
                ) from failure
            return failure.status_code in RETRIED_STATUS
        if isinstance(failure, openai.APIConnectionError) and _nobody_listens(self.settings.base_url):
            # An engine on this machine that has ended: waiting is pointless. A busy one may drop a
            # connection.
            raise JudgeVoid(f"the judge at {self._host} no longer responds") from failure
        return not isinstance(failure, NoTextError)

    @property
    def _host(self) -> str:
        return urlsplit(self.settings.base_url).netloc or "its address"

    async def _send(self, client: Any, request: Request) -> Answer:
        s = self.settings
        common: dict[str, Any] = {"model": s.model}
        if s.reasoning:
            common |= {"max_completion_tokens": request.max_tokens}
        else:
            common |= {"temperature": 0, "seed": s.seed + request.attempt, "max_tokens": request.max_tokens}
        if request.prompt_ids:
            response = await client.completions.create(prompt=list(request.prompt_ids), **common)
            choice = response.choices[0]
            text = choice.text
        else:
            if request.schema:
                schema = {"name": "answer", "schema": json.loads(request.schema), "strict": True}
                common["response_format"] = {"type": "json_schema", "json_schema": schema}
            messages = [{"role": role, "content": content} for role, content in request.messages]
            response = await client.chat.completions.create(messages=messages, **common)
            choice = response.choices[0]
            text = choice.message.content
            if text is None and "content" in choice.message.model_fields_set:
                raise NoTextError(
                    f"the server's answer has no text (content: null, finish_reason: {choice.finish_reason}); "
                    "a reasoning model may need more max_tokens"
                )
        if not isinstance(text, str):
            raise TypeError("the answer has no text")
        usage = response.usage
        return Answer(
            text=text,
            finish_reason=str(choice.finish_reason or ""),
            prompt_tokens=int(usage.prompt_tokens) if usage else _estimate(request),
            completion_tokens=int(usage.completion_tokens) if usage else request.max_tokens,
        )


def _nobody_listens(url: str) -> bool:
    """Whether an address on this machine refuses connections: no engine is running."""
    place = urlsplit(url)
    if not is_loopback(url):
        return False
    try:
        port = place.port or (443 if place.scheme == "https" else 80)
        with socket.create_connection((place.hostname or "", port), PROBE_SECONDS):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def _words(failure: Exception | None) -> str:
    """A failure in a few words: the server's own if it gave any."""
    import openai

    if isinstance(failure, openai.APIStatusError):
        return f"status {failure.status_code}{_server_words(failure)}{_hint(failure)}"
    if isinstance(failure, openai.APIConnectionError):
        return type(failure).__name__
    return (
        str(failure) if isinstance(failure, NoTextError) else f"unreadable answer ({type(failure).__name__})"
    )


def _server_words(failure: Any) -> str:
    """The server's reason for refusing a request, short and printable, after a colon; or nothing."""
    body = failure.body  # the value of "error", or the whole body without one
    message = body.get("message") if isinstance(body, dict) else body
    return f": {visible(message.rstrip('.'), MAX_WORDS_OF_SERVER)}" if isinstance(message, str) else ""


def _hint(failure: Any) -> str:
    """What to set for a model that takes other parameters, if the server names one of them."""
    body = failure.body if isinstance(failure.body, dict) else {}
    if body.get("param") in {"max_tokens", "temperature", "seed"}:
        return " (a reasoning model: set reasoning = true in the judges file)"
    return ""


def _estimate(request: Request) -> int:
    characters = sum(len(content) for _, content in request.messages)
    return len(request.prompt_ids) + int(characters / CHARACTERS_PER_TOKEN) + 1


def _retry_after(failure: Any) -> float | None:
    """The seconds that a server asks clients to wait, or `None` if it does not give seconds."""
    response = getattr(failure, "response", None)
    value = response.headers.get("retry-after") if response is not None else None
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
