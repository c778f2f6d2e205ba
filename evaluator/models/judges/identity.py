"""The identity of a judge: what the server reports about itself, and what pins the model that answers.

A name is not an identity: two engines can serve different weights under the same one. A local engine is
pinned by the digest of the folder it serves, any other by the model's id with a revision or a dated version.
If nothing pins it, the label says `unpinned`, and none of its scores may enter a real table.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from evaluator.core.files import sha256_bytes
from evaluator.core.problems import MetricUnavailable
from evaluator.models.judges.settings import JudgeSettings, is_loopback
from evaluator.models.weights import STAND_IN_MARK, folder_digest

MAX_BYTES: Final = 1_000_000
"""Most bytes that are read of a server's description of itself."""
SECONDS: Final = 10.0

Pin = Literal["sha256", "version", "stand-in", "unpinned", "unknown"]

_DATE: Final = re.compile(r"(?<![0-9])(?:20[0-9]{2}-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12][0-9]|3[01]))(?![0-9])")
_REVISION: Final = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOVING: Final = re.compile(
    r"(?:main|master|head|latest|dev|nightly|stable|preview|trunk)(?![a-z0-9])", re.IGNORECASE
)
_ODD: Final = re.compile(r"[^A-Za-z0-9._:/-]")
_PATH: Final = re.compile(r"^(?:[/~.\\]|[A-Za-z]:[/\\])|\\|://|/.*/")
_ADDRESS: Final = re.compile(r"^(?:localhost|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[^/]*:[0-9]{2,5})(?:/|$)")
_PASSING: Final = frozenset({"created", "permission"})
"""Fields of a model's entry that engines generate for each request."""


class JudgeVoid(MetricUnavailable):
    """The judge failed its controls or cannot be reached: none of its answers may be used."""


@dataclass(frozen=True, slots=True)
class JudgeLabel:
    """What a signature calls a judge: `name@sha256:…`, `name@version:…`, `name@stand-in`, `name@unpinned`.

    `unknown` is a pin in another form, from before judges were distinguished: such scores are stale.
    """

    name: str
    pin: Pin
    value: str = ""

    def __str__(self) -> str:
        if self.pin == "unknown":
            return f"{self.name}@{self.value}" if self.value else self.name
        return f"{self.name}@{self.pin}" + (f":{self.value}" if self.value else "")

    @property
    def trusted(self) -> bool:
        """Whether something pins the model that answers."""
        return self.pin in {"sha256", "version"}

    @property
    def stale(self) -> bool:
        """Whether the label has a form that does not distinguish engines."""
        return self.pin == "unknown"

    @classmethod
    def parse(cls, text: str) -> JudgeLabel:
        """The label parsed from its text form; one without a known pin is `unknown`."""
        name, at, rest = text.partition("@")
        pin, colon, value = rest.partition(":")
        if not colon and rest in {"stand-in", "unpinned"}:
            return cls(name, "stand-in" if rest == "stand-in" else "unpinned")
        if pin == "sha256" and re.fullmatch("[0-9a-f]{12}", value):
            return cls(name, "sha256", value)
        if pin == "version" and _pins(value):
            return cls(name, "version", value)
        return cls(name, "unknown", rest) if at and rest else cls(text, "unknown")


@dataclass(frozen=True, slots=True)
class Identity:
    """The label of a judge, and the digest of everything that distinguishes it."""

    label: JudgeLabel
    digest: str


def identify(settings: JudgeSettings) -> Identity:
    """The judge that answers now. Raises `JudgeVoid` when its server cannot be reached.

    The digest covers the label and everything the server reports about itself; if nothing pins the model, the
    address as well.
    """
    says = server_says(settings)
    label = _label(settings, says)
    content: dict[str, Any] = {"label": str(label), "says": says}
    if not label.trusted:
        content["address"] = settings.base_url
    return Identity(label, sha256_bytes(json.dumps(content, sort_keys=True).encode()))


def judge_label(settings: JudgeSettings) -> JudgeLabel:
    """Only the judge's label; asks the server only if it may serve a folder on this machine.

    For a server that is gone, only the settings count: it gives no answers that could be signed wrongly.
    """
    says = None
    if not settings.stand_in and not settings.served and is_loopback(settings.base_url):
        with suppress(JudgeVoid):
            says = server_says(settings)
    return _label(settings, says)


def served_model(settings: JudgeSettings) -> Path | str:
    """The folder that a local engine serves, or the hub id it names; empty if it names none.

    Raises `JudgeVoid` when its server cannot be reached.
    """
    says = None if settings.served else server_says(settings)
    if folder := _served_folder(settings, says):
        return folder
    root = settings.served or _entry(says, settings.model).get("root")
    return root if isinstance(root, str) and not _PATH.search(root) else ""


def _label(settings: JudgeSettings, says: Any) -> JudgeLabel:
    if settings.stand_in:
        return JudgeLabel(_plain(settings.model), "stand-in")
    if folder := _served_folder(settings, says):
        name = _plain(settings.model)
        if (folder / STAND_IN_MARK).is_file():
            return JudgeLabel(name, "stand-in")
        return JudgeLabel(name, "sha256", folder_digest(folder, name)[:12])
    # The hub id says more than the name under which the model is served.
    name = settings.served if settings.served and not _PATH.search(settings.served) else settings.model
    if _pins(settings.revision):
        return JudgeLabel(_plain(name), "version", settings.revision)
    if (date := _DATE.search(name)) and not _PATH.search(name):
        return JudgeLabel(_plain(name), "version", date[0])
    return JudgeLabel(_plain(name), "unpinned")


def _pins(revision: str) -> bool:
    """Whether a revision names a fixed state: a commit, a version or a date, not a branch."""
    return bool(_REVISION.fullmatch(revision)) and not _MOVING.match(revision)


def _plain(name: str) -> str:
    """A model's name as a signature may show it: never a path or an address."""
    if _PATH.search(name) or _ADDRESS.match(name):
        name = re.split(r"[/\\]", urlsplit(name).path.rstrip("/\\") if "://" in name else name.rstrip("/\\"))[
            -1
        ]
    if _ADDRESS.match(name):
        name = ""
    return _ODD.sub("-", name).lstrip("./~-")[:100] or "judge"


def _served_folder(settings: JudgeSettings, says: Any) -> Path | None:
    """The folder that a local engine serves: as configured, else as it reports; `None` without one."""
    if settings.served:
        folder = Path(settings.served)
        return folder if folder.is_dir() else None
    if not is_loopback(settings.base_url):
        return None
    entry = _entry(says, settings.model)
    for value in (entry.get("root"), entry.get("id"), settings.model):
        # Whatever a server names, only a model folder is read.
        if isinstance(value, str) and Path(value).is_absolute() and (Path(value) / "config.json").is_file():
            return Path(value)
    return None


def _entry(says: Any, model: str) -> dict[str, Any]:
    models = says.get("models") if isinstance(says, dict) else None
    entries = [m for m in models if isinstance(m, dict)] if isinstance(models, list) else []
    return next((m for m in entries if m.get("id") == model), entries[0] if len(entries) == 1 else {})


def server_says(settings: JudgeSettings) -> dict[str, Any]:
    """What the server reports: its version, and its entry for the model (all entries if there is none).

    Empty for a server that reports nothing. Raises `JudgeVoid` when it cannot be reached.
    """
    address = settings.base_url.rstrip("/")
    answer: dict[str, Any] = {}
    listing = _get(f"{address}/models", settings)
    models = listing.get("data") if isinstance(listing, dict) else None
    if isinstance(models, list):
        entries = [{k: v for k, v in m.items() if k not in _PASSING} for m in models if isinstance(m, dict)]
        ours = [m for m in entries if m.get("id") == settings.model]
        # tie: equal texts are equal entries
        answer["models"] = ours or sorted(entries, key=lambda m: json.dumps(m, sort_keys=True))
    version = _get(f"{address.removesuffix('/v1')}/version", settings)
    if isinstance(version, dict):
        answer["version"] = version
    return answer


class _Unmoved(urllib.request.HTTPRedirectHandler):
    """Follows no redirects: the key is only for the configured address."""

    def redirect_request(self, *_: object) -> None:
        """No request, so that the redirect's own status is the answer."""


def _get(url: str, settings: JudgeSettings) -> Any:
    """The JSON value at an address, or `None` if the server has none."""
    key = os.environ.get(settings.api_key_env, "") if settings.api_key_env else ""
    opener = urllib.request.build_opener(_Unmoved)
    host = urlsplit(settings.base_url).hostname or "its address"
    try:
        # The client accepts no other scheme either.
        if not url.startswith(("http://", "https://")):
            raise urllib.error.URLError("not a web address")
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {key}"} if key else {})  # noqa: S310
        with opener.open(request, timeout=SECONDS) as response:
            data = response.read(MAX_BYTES + 1)
        return json.loads(data) if len(data) <= MAX_BYTES else None
    except urllib.error.HTTPError:
        return None
    except (OSError, http.client.HTTPException) as error:
        raise JudgeVoid(
            f"the judge at {host} cannot be reached ({type(error).__name__}). Start it, or correct its address."
        ) from error
    except (ValueError, RecursionError):
        return None
