"""Ways in which a file of the leaderboard can be damaged."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

Damage = Callable[[Path], object]


def text(content: str) -> Damage:
    """Other text in place of the file."""
    return lambda path: path.write_text(content, "utf-8")


def data(content: bytes) -> Damage:
    """Other bytes in place of the file."""
    return lambda path: path.write_bytes(content)


def cut(share: float) -> Damage:
    """The first part of the file, as after a full disk."""
    return lambda path: path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def conflict(path: Path) -> None:
    """Both sides of an unfinished merge."""
    lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
    middle = "".join(lines[1:])
    path.write_text(f"{lines[0]}<<<<<<< HEAD\n{middle}=======\n{middle}>>>>>>> other\n", "utf-8")


def instead(make: Callable[[Path], object]) -> Damage:
    """Something other than a file in place of the file."""

    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def full_folder(path: Path) -> None:
    """A folder with a file in it."""
    path.mkdir()
    (path / "x.json").write_text("{}")


def flipped(path: Path) -> None:
    """One bit flipped in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x80
    path.write_bytes(content)


DAMAGE: Final[dict[str, Damage]] = {
    "gone": Path.unlink,
    "empty": text(""),
    "white space": text(" \n\n"),
    "a quarter": cut(0.25),
    "half": cut(0.5),
    "all but the end": cut(0.97),
    "twice": lambda path: path.write_bytes(path.read_bytes() * 2),
    "conflict marks": conflict,
    "null": text("null"),
    "a list": text("[]\n"),
    "a list of objects": text('[{"dataset": "sandbox"}]'),
    "a number": text("1"),
    "a string": text('"rexrank"'),
    "an empty object": text("{}"),
    "true": text("true"),
    "NaN": text('{"dataset": NaN}'),
    "infinite": text('{"n": 1e999}'),
    "deep": text("[" * 100_000),
    "a key twice": text('{"dataset": 1, "dataset": 2}'),
    "a mark of byte order": lambda path: path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes()),
    "UTF-16": lambda path: path.write_bytes(path.read_text("utf-8", "replace").encode("utf-16")),
    "binary": data(bytes(range(256))),
    "zeros": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "a bit": flipped,
    "not JSON": text("rank,name\n1,x\n"),
    "HTML": text("<!doctype html><title>502</title>"),
    "a folder": instead(Path.mkdir),
    "a full folder": instead(full_folder),
    "a link to nothing": instead(lambda path: path.symlink_to("nowhere")),
    "a link to itself": instead(lambda path: path.symlink_to(path.name)),
    "a pipe": instead(os.mkfifo),
}


def change_json(change: Callable[[dict[str, object]], object]) -> Damage:
    """Valid JSON with other content."""

    def damage(path: Path) -> None:
        value = json.loads(path.read_text("utf-8"))
        change(value)
        path.write_text(json.dumps(value), "utf-8")

    return damage


def state(folder: Path) -> dict[str, bytes | str]:
    """Every file below a folder and its bytes; other things by their kind."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() and not p.is_symlink() else "other"
        for p in sorted(folder.rglob("*"))
        if not p.is_dir() or p.is_symlink()
    }


def copy(folder: Path, to: Path) -> Path:
    """A copy of a leaderboard that may be damaged."""
    shutil.copytree(folder, to)
    return to
