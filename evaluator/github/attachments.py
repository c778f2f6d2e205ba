"""A file attached to an issue: only from GitHub's own store, bounded in size and time, without a token."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPMessage
from typing import IO, Final
from urllib.parse import urlsplit

from evaluator.core.problems import InputError, RexrankError
from evaluator.submissions.rules.files import MAX_PREDICTIONS_BYTES

STORE: Final = re.compile(
    r"(?:[a-z0-9-]+\.)?githubusercontent\.com|github-production-[a-z0-9-]+\.s3\.amazonaws\.com"
)
"""Hosts to which GitHub redirects from a file's address."""
SECONDS: Final = 120.0
MAX_HOPS: Final = 3
_BLOCK: Final = 1 << 16


class _Hops(urllib.request.HTTPRedirectHandler):
    """Follows GitHub's redirects to its own store and nowhere else."""

    def __init__(self, server: str) -> None:
        self.server = urlsplit(server)
        self.hops = 0

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The next request; raises `InputError` for one that would leave GitHub."""
        place = urlsplit(newurl)
        self.hops += 1
        home = (place.scheme, place.netloc) == (self.server.scheme, self.server.netloc)
        store = place.scheme == "https" and place.port is None and STORE.fullmatch(place.netloc)
        if self.hops > MAX_HOPS or not (home or store):
            raise InputError("its link points outside GitHub's own storage.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch_attachment(address: str, server: str, limit: int = MAX_PREDICTIONS_BYTES) -> bytes:
    """The bytes at an address from `issue_form.attachment_of`.

    Raises `InputError` for a file that is gone, too large or elsewhere, `RexrankError` if GitHub does not
    respond.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    opener.add_handler(urllib.request.ProxyHandler())
    opener.add_handler(_Hops(server))
    parts, size, end = [], 0, time.monotonic() + SECONDS
    try:
        with opener.open(address, timeout=30) as answer:
            while block := answer.read(_BLOCK):
                parts.append(block)
                size += len(block)
                if size > limit:
                    raise InputError(
                        f"the file is larger than {limit // 1_000_000} MB. Does it have one report per study?"
                    )
                if time.monotonic() > end:
                    raise RexrankError("GitHub's storage is too slow. Edit the issue to try again.")
    except urllib.error.HTTPError as error:
        if error.code // 100 == 3:
            raise InputError("its link points outside GitHub's own storage.") from error
        raise InputError(f"GitHub's storage does not have the file (answer {error.code}).") from error
    except (OSError, HTTPException) as error:
        raise RexrankError("GitHub's storage does not respond. Edit the issue to try again.") from error
    return b"".join(parts)
