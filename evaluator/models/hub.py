"""The model hub: the files of a repository at a commit, and downloads that can be resumed.

`huggingface_hub` gives metadata, addresses and headers. It restarts the download of a killed process from the
beginning (each process has temporary files of its own), so the bytes are streamed here: an existing part is
resumed with a range request, and what has arrived is kept when the network fails.
"""

from __future__ import annotations

import difflib
import fcntl
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evaluator.core.installation import install_hint
from evaluator.core.problems import RexrankError, visible

RETRIED_STATUS: Final = frozenset({408, 416, 425, 429, 500, 502, 503, 504})
TRIES: Final = 5
"""Attempts in a row that bring nothing new."""
MAX_PAUSE: Final = 30.0
SECONDS: Final = 30.0
"""How long the hub may be silent."""
Show = Callable[[int, int], None]
"""Called with (bytes here, bytes in all, 0 where unknown)."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository at a full commit, as the hub describes it.

    `size`: bytes, or `None` if unknown. `sha256`: of large files, `blob` (git blob id): of small ones; empty
    where unknown.
    """

    hub: str
    name: str
    revision: str
    size: int | None = None
    sha256: str = ""
    blob: str = ""

    def __str__(self) -> str:
        return f"{self.name} of {self.hub} at {self.revision[:12]}"


class _CutShortError(Exception):
    """The hub closed the connection before the last byte."""


class Hub:
    """A model hub. `endpoint`: its address, by default `HF_ENDPOINT` or the public hub."""

    def __init__(self, endpoint: str | None = None, *, pause: float = 1.0) -> None:
        self.endpoint = endpoint or os.environ.get("HF_ENDPOINT") or None
        self.pause = pause

    @property
    def address(self) -> str:
        """The hub's address, for messages."""
        return self.endpoint or "https://huggingface.co"

    def files(self, repository: str, revision: str) -> Mapping[str, HubFile]:
        """Every file of a repository at a revision (an empty one: the newest), by name, with the full commit.

        Raises `RexrankError`, whose message says what to do.
        """
        api = _huggingface_hub().HfApi(endpoint=self.endpoint)
        try:
            info = api.model_info(repository, revision=revision or None, files_metadata=True, timeout=SECONDS)
        except Exception as error:
            raise self._refusal(f"{repository}", error) from error
        commit = str(info.sha or "")
        if len(commit) != 40 or (revision and commit != revision):
            raise RexrankError(
                f"{self.address} names no full commit for {repository} at {revision or 'main'}."
            )
        return {
            s.rfilename: HubFile(
                repository,
                s.rfilename,
                commit,
                s.lfs.size if s.lfs else s.size,
                s.lfs.sha256 if s.lfs else "",
                "" if s.lfs else s.blob_id or "",
            )
            for s in info.siblings or ()
        }

    def download(self, file: HubFile, part: Path, most: int, show: Show) -> None:
        """Completes `part`, resuming from what is there; the caller checks digests.

        `most`: the largest allowed size where the hub names none. Raises `RexrankError`; what has arrived is
        kept.
        """
        with part.open("ab") as guard:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RexrankError(f"{file} is being fetched by another process. Wait for it.") from error
            tries, furthest = 0, part.stat().st_size
            while True:
                try:
                    self._stream(file, part, most, show)
                except RexrankError:
                    raise
                except Exception as error:
                    # Only new bytes count as progress: a server may stop at the same place for ever.
                    size = part.stat().st_size
                    tries, furthest = (0 if size > furthest else tries + 1), max(size, furthest)
                    if tries >= TRIES or not _transient(error):
                        raise self._refusal(str(file), error) from error
                    time.sleep(min(self.pause * 2**tries, MAX_PAUSE))
                else:
                    return

    def _stream(self, file: HubFile, part: Path, most: int, show: Show) -> None:
        """One request for the missing rest of a part."""
        library = _huggingface_hub()
        have = part.stat().st_size
        if file.size is not None and have == file.size:
            return
        if have > (most if file.size is None else file.size):
            os.truncate(part, have := 0)
        url = library.hf_hub_url(file.hub, file.name, revision=file.revision, endpoint=self.endpoint)
        headers = library.utils.build_hf_headers() | {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with library.get_session().stream("GET", url, headers=headers, timeout=SECONDS) as response:
            if response.status_code == 416:  # the part is not the beginning of the file
                os.truncate(part, 0)
            library.utils.hf_raise_for_status(response)
            if have and not _continues(response, have):
                os.truncate(part, have := 0)
            length = response.headers.get("content-length", "")
            total = file.size or (have + int(length) if length.isdecimal() else 0)
            limit = most if file.size is None else file.size
            for block in response.iter_bytes():
                have += len(block)
                if have > limit:
                    part.unlink()
                    raise RexrankError(
                        f"{self.address} sends more of {file} than its {limit:,} bytes. It was deleted."
                    )
                _append(part, block)
                show(have, total)
        if have < total:
            raise _CutShortError

    def _refusal(self, what: str, error: Exception) -> RexrankError:
        """The error, with a message that says what to do."""
        errors = _huggingface_hub().errors
        repository = what.rpartition(" of ")[2].partition(" at ")[0]
        page = f"{self.address}/{repository}"
        if isinstance(error, errors.GatedRepoError):
            text = f"it is gated. Accept its terms at {page}, set HF_TOKEN to a token of that account, and run it again."
        elif isinstance(error, errors.RepositoryNotFoundError):
            text = f"there is no such repository, or it is private. Look at {page}; for a private one set HF_TOKEN."
        elif isinstance(error, errors.RevisionNotFoundError):
            text = f"the hub does not know that commit. Look at {page}/commits/main."
        elif isinstance(error, errors.EntryNotFoundError):
            text = f"the hub has no such file at that commit. Look at {page}/tree/main."
        elif getattr(getattr(error, "response", None), "status_code", None) == 416:
            text = "the hub sends fewer bytes than it states for the file. Do not use it, and tell the maintainers."
        elif isinstance(error, errors.HfHubHTTPError):
            text = f"the hub responds with status {error.response.status_code}. Try again later."
        else:
            kind = (
                "the connection was interrupted"
                if isinstance(error, _CutShortError)
                else type(error).__name__
            )
            text = f"{kind}. What arrived is kept: check the network and run the same command again. For a machine without a network, copy the models directory from another one."
        return RexrankError(f"cannot fetch {what} from {self.address}: {text}")


def _append(part: Path, block: bytes) -> None:
    # The hub's own errors are OSErrors too; disk errors are told from them here.
    try:
        with part.open("ab") as out:
            out.write(block)
    except OSError as error:
        raise RexrankError(
            f"cannot write {part}: {error.strerror or error}. Free some disk space, then run the same command again."
        ) from error


def lacking(names: Mapping[str, HubFile], name: str, repository: str) -> RexrankError:
    """The error for a file that a repository does not contain."""
    near = difflib.get_close_matches(name, names, n=3) or sorted(names)[:8]  # tie: none, names differ
    nearest = visible(", ".join(near), 200) or "nothing"
    return RexrankError(
        f"{repository} has no {name}; it has {nearest}. Correct weights.toml, or put the file into the folder by hand."
    )


def _continues(response: Any, have: int) -> bool:
    """Whether a response begins where the part ends; a server may send the whole file instead."""
    start = str(response.headers.get("content-range", "")).removeprefix("bytes ").partition("-")[0]
    return response.status_code == 206 and start == str(have)


def _transient(error: Exception) -> bool:
    """Whether a retry may help."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status is None or status in RETRIED_STATUS


def _huggingface_hub() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ModuleNotFoundError as error:
        raise RexrankError(f"fetching needs huggingface_hub. Install: {install_hint('score')}") from error
    return huggingface_hub
