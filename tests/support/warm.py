"""A Python that has read libraries and code already: each command is a fork of it.

Most of a scenario's time would be spent on importing numpy, pandas and the like a dozen times, and the project's
own modules. A command has its own process, environment, folder and streams all the same. The project's modules
come from the command's own checkout: one process is kept for each path and content of a checkout, and has
imported what the commands before needed.

    python -P warm.py serve SOCKET           until standard input ends
    python warm.py run SOCKET CODE ARG…      as `python -P -c CODE ARG…` would
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys

TYPE_CHECKING = False  # as in typing, which the client starts without
if TYPE_CHECKING:
    from typing import Any, NoReturn

LIBRARIES = (
    "github", "http.server", "jsonschema", "numpy", "pandas", "pyarrow.parquet", "pydantic.main", "pydantic.root_model",
    "pydantic.type_adapter", "requests", "rich.console", "rich.table", "rouge_score.rouge_scorer", "statistics",
    "tomllib", "typer", "yaml",
)  # fmt: skip
CHECKOUTS = 6
"""Most checkouts whose code is kept."""


def call(
    place: str, code: str, arguments: list[str], cwd: str, env: dict[str, str], streams: list[int]
) -> int:
    """The exit status of `code` with its arguments, environment, folder and three streams."""
    request = json.dumps({"code": code, "arguments": arguments, "cwd": cwd, "env": env}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        _send(connection, request, streams)
        answer = connection.recv(1)
    return answer[0] if answer else 137


def serve(place: str) -> None:
    """Hands every caller to the process that has read its checkout's code, until standard input ends."""
    for name in LIBRARIES:
        with contextlib.suppress(ModuleNotFoundError):  # of an extra that is not installed
            importlib.import_module(name)
    assert "evaluator" not in sys.modules
    _settle()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    readers: dict[tuple[str, ...], socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen(64)
        os.write(1, b"ready\n")
        while True:
            readable, _, _ = select.select([listener, 0], [], [])
            if 0 in readable and not os.read(0, 1):
                return
            if listener in readable:
                connection, _ = listener.accept()
                text, streams = _received(connection)
                passed = [connection.detach(), *streams]
                environment = json.loads(text)["env"]
                key = (environment.get("PYTHONPATH", ""), environment.get("PYTHONPYCACHEPREFIX", ""))
                reader = _reader(readers, (*key, _content(key[0])), [listener.fileno(), *passed])
                _send(reader, text, passed)
                _close(passed)


def _reader(
    readers: dict[tuple[str, ...], socket.socket], key: tuple[str, ...], foreign: list[int]
) -> socket.socket:
    """The line to the process for a path, a cache and a content; it is started if there is none."""
    if key not in readers:
        if len(readers) == CHECKOUTS:
            readers.pop(next(iter(readers))).close()
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            ours.close()
            _close([*foreign, *(r.fileno() for r in readers.values())])
            _read_code(theirs, key[0], key[1])
        theirs.close()
        readers[key] = ours
    return readers[key]


def _read_code(requests: socket.socket, path: str, cache: str) -> NoReturn:
    """Forks for every request, after importing what commands have reported, until no request can come."""
    sys.path[:0] = [p for p in path.split(":") if p]
    sys.pycache_prefix = cache or None
    reports, reported = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    while True:
        text, passed = _received(requests)
        if not passed:
            os._exit(0)
        # Now and not before: between two commands, a job's checkout comes and goes.
        while select.select([reports], [], [], 0)[0]:
            importlib.invalidate_caches()
            for name in reports.recv(1 << 18).decode().split():
                importlib.import_module(name)
            _settle()
        if os.fork() == 0:
            _close([requests.fileno(), reports.fileno()])
            _become(json.loads(text), passed, reported)
        _close(passed)


def _settle() -> None:
    """Makes sure that a fork can go on, and that no fork searches for garbage what all share."""
    # A fork keeps one thread only: locks that others hold would never be given back. Arrow's allocator
    # has a thread of its own and knows of forks.
    threads = {_read(f"/proc/self/task/{t}/comm") for t in os.listdir("/proc/self/task")}  # noqa: PTH208
    assert len(threads - {"jemalloc_bg_thd"}) == 1, threads
    gc.freeze()


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the client starts without pathlib
        return file.read().strip()


def _content(path: str) -> str:
    """A digest of every file that modules under the path may read when they are imported."""
    import hashlib  # the client starts without it

    digest = hashlib.sha256()
    for checkout in path.split(":"):
        for folder, folders, names in os.walk(f"{checkout or os.devnull}/evaluator"):
            folders[:] = sorted({*folders} - {"__pycache__", "models" if folder.endswith("sandbox") else ""})
            for name in sorted(names):
                with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123
                    digest.update(f"{folder}/{name}\0".encode() + hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def _send(line: socket.socket, text: bytes, passed: list[int]) -> None:
    socket.send_fds(line, [struct.pack("!I", len(text))], passed)
    line.sendall(text)


def _received(line: socket.socket) -> tuple[bytes, list[int]]:
    """A request and the files that came with it; both empty at the end."""
    head, passed, _, _ = socket.recv_fds(line, 4, 4)
    length, parts = struct.unpack("!I", head)[0] if head else 0, []
    while length:
        parts.append(line.recv(length))
        assert parts[-1], "the caller ended in the middle of its request"
        length -= len(parts[-1])
    return b"".join(parts), passed


def _close(numbers: list[int]) -> None:
    for number in numbers:
        os.close(number)


def _become(request: dict[str, Any], passed: list[int], reported: socket.socket) -> NoReturn:
    """This process becomes the command that the caller asked for, and ends."""
    connection, *streams = passed
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    _close(streams)
    # What Python knew of the old streams, a file that can be sought in, does not hold for a pipe.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["-c", *request["arguments"]]
    before = {*sys.modules}
    status = _status(request["code"])
    os.write(connection, bytes([status & 255]))
    new = [m for m in {*sys.modules} - before if m.startswith("evaluator")]
    if new:
        reported.send(" ".join(sorted(new)).encode())
    os._exit(0)


def _status(code: str) -> int:
    import atexit
    import traceback

    try:
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    except BaseException:  # noqa: BLE001 - as an interpreter does at its end
        traceback.print_exc()
        return 1
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(call(sys.argv[2], sys.argv[3], sys.argv[4:], os.getcwd(), dict(os.environ), [0, 1, 2]))  # noqa: PTH109
