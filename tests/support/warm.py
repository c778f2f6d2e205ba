"""A Python that has read the libraries already: each command is a fork of it, and imports its own code alone.

Half of a scenario's time would be spent on reading numpy, pandas and the like a dozen times, and NLTK alone
takes seconds. A command has its own process, environment, folder and streams all the same, and nothing of the project is in memory before.

    python -P warm.py serve SOCKET           until standard input ends
    python warm.py run SOCKET CODE ARG…      as `python -P -c CODE ARG…` would
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import sys

LIBRARIES = (
    "github", "http.server", "jsonschema", "numpy", "pandas", "pyarrow.parquet", "pydantic.main", "pydantic.root_model",
    "pydantic.type_adapter", "requests", "rich.console", "rich.table", "rouge_score.rouge_scorer", "statistics",
    "tomllib", "typer", "yaml",
)  # fmt: skip


def call(
    place: str, code: str, arguments: list[str], cwd: str, env: dict[str, str], streams: list[int]
) -> int:
    """The exit status of `code` with its arguments, environment, folder and three streams."""
    request = json.dumps({"code": code, "arguments": arguments, "cwd": cwd, "env": env}).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(place)
        socket.send_fds(connection, [struct.pack("!I", len(request))], streams)
        connection.sendall(request)
        answer = connection.recv(1)
    return answer[0] if answer else 137


def serve(place: str) -> None:
    """Forks for every caller, until standard input ends."""
    import gc
    import importlib
    import select

    for name in LIBRARIES:
        with contextlib.suppress(ModuleNotFoundError):  # of an extra that is not installed
            importlib.import_module(name)
    assert "evaluator" not in sys.modules
    # A fork keeps one thread only: locks that others hold would never be given back. Arrow's allocator
    # has a thread of its own and knows of forks.
    threads = {_read(f"/proc/self/task/{t}/comm") for t in os.listdir("/proc/self/task")}  # noqa: PTH208
    assert len(threads - {"jemalloc_bg_thd"}) == 1, threads
    # What all commands share is not searched for garbage by each of them.
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
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
                if os.fork() == 0:
                    listener.close()
                    _become(connection)
                connection.close()


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the client starts without pathlib
        return file.read().strip()


def _become(connection: socket.socket) -> None:
    """This process becomes the command that the caller asked for, and ends."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    length, parts = struct.unpack("!I", head)[0], []
    while length:
        parts.append(connection.recv(length))
        length -= len(parts[-1])
    request = json.loads(b"".join(parts))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    # What Python knew of the old streams, a file that can be sought in, does not hold for a pipe.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.path[:0] = [p for p in request["env"].get("PYTHONPATH", "").split(":") if p]
    sys.pycache_prefix = request["env"].get("PYTHONPYCACHEPREFIX")
    sys.argv = ["-c", *request["arguments"]]
    status = _status(request["code"])
    connection.sendall(bytes([status & 255]))
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
