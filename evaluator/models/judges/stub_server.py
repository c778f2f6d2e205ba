"""A stand-in judge for rehearsals: it compares facts instead of reading, over real HTTP.

It speaks the OpenAI chat format. The class of the metric that asks recognises its own prompt by the wording
(`JudgedMetric.stand_in`) and replies in the published format, with a function of this module or one of its own, so that the client, the prompts and the parsers work as with a real model.
Its scores say nothing about a submission; its signature carries `@stand-in`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, NamedTuple, Protocol

MODEL: Final = "facts"
MAX_BODY: Final = 1_000_000


class FactLike(Protocol):
    """What a sentence says about one finding; empty strings for what it does not say."""

    @property
    def finding(self) -> str:
        """The finding's name."""

    @property
    def status(self) -> str:
        """Whether it is present, absent or uncertain."""

    @property
    def location(self) -> str:
        """Where it is."""

    @property
    def severity(self) -> str:
        """How severe it is."""

    @property
    def change(self) -> str:
        """How it has changed since the prior study."""


FactsOf = Callable[[str], Sequence[FactLike]]
Reply = Callable[[str], str]
"""The stand-in's reply to a prompt (`evaluator.metrics.judges.stand_in_reply`)."""

_ERRORS: Final = (
    "False report of a finding in the candidate",
    "Missing a finding present in the reference",
    "Misidentification of a finding's anatomic location/position",
    "Misassessment of the severity of a finding",
    "Mentioning a comparison that isn't in the reference",
    "Omitting a comparison detailing a change from a prior study",
)
_URGENT: Final = frozenset({"pneumothorax", "consolidation", "pneumonia", "edema"})


def differences(
    reference: Sequence[FactLike], candidate: Sequence[FactLike]
) -> tuple[list[list[str]], list[str]]:
    """(errors of each of the six categories, matched findings), each by the finding's name."""
    errors: list[list[str]] = [[] for _ in _ERRORS]
    matches: list[str] = []
    theirs = {f.finding: f for f in candidate}
    ours = {f.finding: f for f in reference}
    for name, wanted in ours.items():
        finding = theirs.get(name)
        if finding is None:
            # A normal finding left unmentioned is not an error.
            if wanted.status != "absent":
                errors[1].append(name)
        elif (finding.status == "absent") != (wanted.status == "absent"):
            errors[1 if finding.status == "absent" else 0].append(name)
        else:
            wrong = _wrong(wanted, finding)
            for category in wrong:
                errors[category].append(name)
            if not wrong:
                matches.append(name)
    errors[0] += [name for name, finding in theirs.items() if name not in ours and finding.status != "absent"]
    return errors, matches


def _wrong(wanted: FactLike, finding: FactLike) -> list[int]:
    wrong = []
    if wanted.location != finding.location:
        wrong.append(2)
    if wanted.severity != finding.severity or wanted.status != finding.status:
        wrong.append(3)
    if wanted.change != finding.change:
        wrong.append(5 if wanted.change else 4)
    return wrong


def green_reply(reference: Sequence[FactLike], candidate: Sequence[FactLike]) -> str:
    """The comparison in GREEN's answer format."""
    errors, matches = differences(reference, candidate)
    significant = "\n".join(
        f"({label}) {title}: {len(listing)}. {'; '.join(listing)}".rstrip()
        for label, title, listing in zip("abcdef", _ERRORS, errors, strict=True)
    )
    listing = f"{len(matches)}. {'; '.join(matches)}".rstrip() if matches else "No matched findings."
    return (
        "[Explanation]:\nThe facts of both reports were compared.\n\n"
        f"[Clinically Significant Errors]:\n{significant}\n\n"
        f"[Clinically Insignificant Errors]:\nNo errors.\n\n[Matched Findings]:\n{listing}"
    )


def fineradscore_reply(reference: Sequence[FactLike], lines: Sequence[tuple[str, Sequence[FactLike]]]) -> str:
    """The comparison in FineRadScore's answer format; `lines` are the candidate's (number, facts)."""
    errors, _ = differences(reference, [fact for _, facts in lines for fact in facts])
    at: dict[str, str] = {}
    for number, facts in lines:
        for fact in facts:
            at[fact.finding] = number
    parts: list[tuple[str, int, str]] = []
    for category, names in enumerate(errors):
        for name in names:
            grave = name in _URGENT or any(word in name for word in _URGENT)
            # Wrong findings weigh more than wrong details, dangerous ones most.
            severity = 1 if category >= 4 else 2 if category >= 2 else 3 if grave else 2
            parts.append((at.get(name, "None"), severity, f"{_ERRORS[category]}: {name}"))
    return _corrections(parts)


def crimson_reply(reference: Sequence[FactLike], candidate: Sequence[FactLike]) -> str:
    """The comparison in CRIMSON's answer format; normal findings are not listed."""
    errors, _ = differences(reference, candidate)
    ours, theirs = ([f for f in facts if f.status != "absent"] for facts in (reference, candidate))
    r_ids = {f.finding: f"R{i}" for i, f in enumerate(ours, 1)}
    p_ids = {f.finding: f"P{i}" for i, f in enumerate(theirs, 1)}
    both = [name for name in r_ids if name in p_ids]
    kinds = {2: "location", 3: "severity", 4: "temporal", 5: "temporal"}
    wrong = {name: sorted({kinds[c] for c in kinds if name in errors[c]}) for name in both}
    findings = [
        [
            {"id": ids[f.finding], "finding": f.finding, "clinical_significance": _significance(f.finding)}
            for f in facts
        ]
        for facts, ids in ((ours, r_ids), (theirs, p_ids))
    ]
    return json.dumps(
        {
            "reference_findings": _distinct(findings[0]),
            "predicted_findings": _distinct(findings[1]),
            "matched_findings": [{"ref_id": r_ids[n], "pred_id": p_ids[n]} for n in both],
            "errors": {
                "false_findings": [i for n, i in p_ids.items() if n not in r_ids],
                "missing_findings": [i for n, i in r_ids.items() if n not in p_ids],
                "attribute_errors": [
                    {
                        "ref_id": r_ids[n], "pred_id": p_ids[n], "severity": "significant", "error_types": types,
                        "explanation": "The facts differ.",
                    }
                    for n, types in wrong.items()
                    if types
                ],
            },
        }
    )  # fmt: skip


def _distinct(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({f["id"]: f for f in findings}.values())


def _significance(finding: str) -> str:
    return "urgent" if any(word in finding for word in _URGENT) else "actionable_not_urgent"


def _corrections(parts: list[tuple[str, int, str]]) -> str:
    labels = {1: "Not actionable", 2: "Actionable nonurgent error", 3: "Urgent error"}
    worst: dict[str, tuple[int, list[str]]] = {}
    for line, severity, comment in parts:
        old, comments = worst.get(line, (0, []))
        worst[line] = (max(old, severity), [*comments, comment])
    return json.dumps(
        {
            line: {
                "corrections": "[delete]" if line != "None" else "Insertion.",
                "clinical severity": labels[severity],
                "comments": "; ".join(comments),
                "error category": sorted({c.partition(":")[0] for c in comments}),
            }
            for line, (severity, comments) in worst.items()
        }
    )


class Message(NamedTuple):
    """One message of a chat."""

    content: str


def answer(messages: Sequence[Message], reply: Reply) -> str:
    """The stand-in's reply to the last message of a chat. Raises `ValueError` for an unknown prompt."""
    return reply(messages[-1].content)


def completion(text: str, messages: Sequence[Message]) -> Any:
    """A chat completion body as JSON; words stand for tokens."""
    prompt = sum(len(m.content.split()) for m in messages)
    usage = {"prompt_tokens": prompt, "completion_tokens": len(text.split())}
    return {
        "id": "stand-in",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": usage | {"total_tokens": sum(usage.values())},
    }


@contextmanager
def stand_in_judge(reply: Reply, name: str = MODEL, root: Path | None = None) -> Iterator[str]:
    """The base URL of a stand-in judge on a free loopback port, stopped when the block ends.

    It answers under `name` and, as engines do, reports the folder it serves if `root` is given.
    """
    entry = {"id": name, "object": "model", **({"root": str(root)} if root else {})}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            known = self.path in {"/health", "/v1/models"}
            self._reply(200 if known else 404, {"object": "list", "data": [entry]})

        def do_POST(self) -> None:
            try:
                messages = self._messages()
                self._reply(200, completion(answer(messages, reply), messages))
            except (ValueError, LookupError, TypeError) as error:
                self.close_connection = True
                self._reply(400, {"error": {"message": str(error), "type": "invalid_request_error"}})

        def _messages(self) -> list[Message]:
            size = int(self.headers.get("content-length", "0"))
            if self.path != "/v1/chat/completions" or not 0 < size <= MAX_BODY:
                raise ValueError("only chat completions of bounded size are answered")
            messages = json.loads(self.rfile.read(size))["messages"]
            return [Message(str(m["content"])) for m in messages]

        def _reply(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Does nothing: requests contain report texts and are not logged."""

    with listening(Handler) as url:
        yield url


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The base URL of the API that `handler` serves on a free loopback port, stopped when the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()
