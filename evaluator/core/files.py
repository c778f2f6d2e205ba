"""Files written whole or not at all, and digests of what is read."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import shutil
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from evaluator.core.problems import RexrankError, visible
from evaluator.core.stopping import unbroken

TEMPORARY: Final = ".tmp"
"""How the names of files that are being written end; they start with a dot."""
LINE: Final = 120
"""Characters of an object or list of texts that `dump_table` keeps on one line."""


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` only when the block ends without an error.

    Raises `RexrankError` with a sentence that says what to do when the disk is full or the folder cannot be
    written. No partial file is left in either case, nor when the command is interrupted.
    """
    # Named before it is created: a signal may arrive at any moment, and the cleanup must know what to remove.
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}{TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
            status = os.fstat(out.fileno())
        temporary.chmod(0o644)
        _rename(temporary, path, status)
    except OSError as error:
        _discard(temporary)
        raise RexrankError(
            f"cannot write {path}: {error.strerror or error}. "
            "Free some disk space or choose another folder, then run the same command again."
        ) from error
    except BaseException:
        _discard(temporary)
        raise


def _rename(temporary: Path, path: Path, written: os.stat_result) -> None:
    """As `Path.replace`; `written` is the file's own state.

    A network disk repeats a request whose reply was lost, and then cannot find the file it has already
    renamed.
    """
    try:
        temporary.replace(path)
    except FileNotFoundError:
        if not path.is_file() or not os.path.samestat(path.stat(), written):
            raise


def _discard(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> bool:
    """Whether `path` changed: writes atomically, and not at all when it already holds `data`.

    A device or a pipe, such as /dev/stdout, is written to and never replaced.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            if path.read_bytes() == data:
                return False
        elif not stat.S_ISDIR(mode):
            path.write_bytes(data)
            return True
    except OSError:
        pass
    with atomic_writer(path) as out:
        out.write(data)
    return True


def write_text(path: Path, text: str) -> bool:
    """Whether the file changed, as `write_bytes`; the text is written as UTF-8."""
    return write_bytes(path, text.encode("utf-8"))


def write_derived(root: Path, name: str, content: str | bytes) -> bool:
    """Whether `root/name`, a derived file, changed: anything else of that name is removed first.

    That can be a folder, a link, a pipe, or a file where a parent folder should be.
    """
    path = root / name
    for folder in reversed([p for p in path.parents if p != root and p.is_relative_to(root)]):
        if not folder.is_dir():
            folder.unlink(missing_ok=True)
    if path.is_symlink() or not path.is_file():
        remove(path)
    return write_bytes(path, content.encode() if isinstance(content, str) else content)


def remove(path: Path) -> None:
    """Removes a file, a link or a whole folder; a missing one is not an error.

    Raises `RexrankError` for what cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except NotADirectoryError:
        pass
    except OSError as error:
        raise RexrankError(
            f"cannot remove {path}: {error.strerror or error}. Remove it, then run the same command again."
        ) from error


def append_line(path: Path, line: str | bytes) -> None:
    """Adds a line to the end of a file in one write, on a line of its own whatever the file ends with."""
    data = line.encode() if isinstance(line, str) else line
    path.parent.mkdir(parents=True, exist_ok=True)
    with unbroken(), path.open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            data = data if file.read(1) == b"\n" else b"\n" + data
        file.write(data + b"\n")
        file.flush()
        os.fsync(file.fileno())


def load_json(path: Path) -> Any:
    """The value of a JSON file; raises `ValueError` or `OSError` that says what is wrong with it.

    Stricter than Python's own reader: no NaN or infinity, no repeated key, and regular files only.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    data = path.read_bytes()
    if re.search(rb"^(<{7}|={7}|>{7})", data, re.MULTILINE):
        raise ValueError("it contains merge conflict markers")
    return parse_strict(data)


def parse_strict(data: bytes) -> Any:
    """The value of a JSON text as `load_json` reads it; raises `ValueError` that says what is wrong."""
    if not data.strip(b" \t\r\n\0"):
        raise ValueError("it is empty")
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=whole_object,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RepeatedKeyError as error:
        raise ValueError("a key appears twice in one object") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


class RepeatedKeyError(ValueError):
    """An object repeats the key `key`; a JSON reader would silently keep its last value."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {visible(key)!r} appears twice in one object")
        self.key = key


def whole_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a JSON text, for `object_pairs_hook`; raises `RepeatedKeyError` for a repeated key."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise RepeatedKeyError(next(k for k, n in Counter(k for k, _ in pairs).items() if n > 1))
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large for a number")
    return value


def cache_folder() -> Path:
    """The user's cache folder for this program: below `XDG_CACHE_HOME`, else below the home folder.

    Raises `RuntimeError` where neither is known: no HOME, and no passwd entry for this user.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rexrank"


def dump_json(value: Any) -> str:
    """Canonical JSON text: sorted keys, two spaces, full float precision, no NaN, final newline.

    Raises `ValueError` for NaN or infinity: unknown is `None`, never a number.
    """
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def dump_table(value: Any) -> str:
    """Canonical JSON text like `dump_json`, but what holds no list or object stands on one line.

    Numbers that change together then stand together: git keeps the next version of a board in a third less. An object
    or a list of texts of more than 120 characters keeps a line for each entry.
    """
    return _lines(value, 0) + "\n"


def _lines(value: Any, depth: int) -> str:
    if not isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    entries = [*value.values()] if isinstance(value, dict) else value
    if not any(isinstance(v, dict | list | tuple) for v in entries):
        line = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
        numbers = not isinstance(value, dict) and not any(isinstance(v, str) for v in entries)
        if numbers or len(line) <= LINE:
            return line
    pad = "  " * (depth + 1)
    if isinstance(value, dict):
        parts = (f"{json.dumps(k, ensure_ascii=False)}: {_lines(value[k], depth + 1)}" for k in sorted(value))
    else:
        parts = (_lines(v, depth + 1) for v in value)
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}\n{pad}" + f",\n{pad}".join(parts) + f"\n{'  ' * depth}{end}"


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of `data`, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def git_blob_id(path: Path) -> str:
    """Git's blob id of a file's content, in lower-case hexadecimal; no protection against tampering."""
    size = path.stat().st_size
    digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
