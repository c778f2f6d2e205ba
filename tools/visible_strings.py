"""Every string that users may read, with its file and line: `python tools/visible_strings.py > strings.txt`.

Four rooms: the site, what the bot and the workflows say on GitHub, the command line, and the documents of the
repository. Made on demand, since a committed file would be out of date with every change;
`tests/tools/test_visible_strings.py` collects it in the gate and searches it for the phrases in
`banned_phrases.txt`.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).parents[1]
BANNED: Final = Path(__file__).with_name("banned_phrases.txt")
ROOMS: Final = {
    "site": (
        "site/**/*.md",
        "site/assets/*.js",
        "overrides/**/*.html",
        "mkdocs.yml",
        "evaluator/site/**/*.*",
        "evaluator/datasets/*.yaml",
        "evaluator/datasets/tasks/*.py",
        "evaluator/metrics/*.py",
        "evaluator/leaderboard/*.py",
        "evaluator/statistics/*.py",
    ),
    "GitHub": (
        ".github/**/*.md",
        ".github/**/*.yml",
        ".github/**/*.py",
        "evaluator/github/*.py",
        "evaluator/submissions/**/*.py",
        "evaluator/scoring/**/*.py",
    ),
    "command line": (
        "evaluator/cli/**/*.*",
        "evaluator/core/*.py",
        "evaluator/datasets/*.py",
        "evaluator/models/**/*.py",
        "evaluator/doctor/**/*.py",
        "evaluator/schemas/*.json",
        "runner/*",
        "run.py",
        "rexrank.py",
    ),
    "documents": (
        "*.md",
        "CITATION.cff",
        "benchmarks/README.md",
        "tests/pipeline/README.md",
    ),
}
"""Files by where their strings are read."""
WORDS: Final = re.compile(r"[A-Za-z]{2,}[,;:.…]? \(?[A-Za-z…{]|^[A-Z][a-z]+[.:]?$")
"""Strings that count as visible: two words, or a single one with a capital letter."""
SCRIPT: Final = re.compile(
    r"//[^\n]*|/\*.*?\*/|(?<=[(,=:&|] )/(?:\\.|[^/\n\\])+/|(?<=\()/(?:\\.|[^/\n\\])+/"
    r"|\"((?:\\.|[^\"\n\\])*)\"|'((?:\\.|[^'\n\\])*)'|`((?:\\.|[^`\n\\])*)`",
    re.DOTALL,
)
"""A comment or a pattern of a script, which are skipped, or one of its strings."""
OWN_WORDS: Final = ("site/contributing/style.md", "CHANGELOG.md")
"""Files that quote phrases to avoid, or keep old ones."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A string in its file: `line` counts from 1, `text` keeps the line breaks."""

    file: str
    line: int
    text: str

    def line_of(self, place: int) -> int:
        """The file's line of the character at `place` in the text."""
        return self.line + self.text.count("\n", 0, place)

    @property
    def shown(self) -> str:
        """The string on one line."""
        return " ".join(self.text.split())


@dataclass(frozen=True, slots=True)
class Banned:
    """A phrase to avoid, as a pattern, and what to write instead."""

    pattern: re.Pattern[str]
    phrase: str
    instead: str


def passages(path: Path, file: str) -> Iterator[Passage]:
    """The strings of one file, depending on its type."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from _python(text, file)
    elif "templates" in path.parts or path.suffix in {".html", ".xml"}:
        yield from _template(text, file)
    elif path.suffix == ".md":
        yield from _split(text, file, r"\n\s*\n|\n(?=\s*(?:[-*|#]|\d+\.) )")
    elif path.suffix == ".js":
        for found in SCRIPT.finditer(text):
            if WORDS.search(said := next(filter(None, found.groups()), "")):
                yield Passage(file, _line(text, found.start()), said)
    elif path.suffix in {".yml", ".yaml", ".cff"}:
        yield from _yaml(text, file)
    elif path.suffix == ".json":
        for found in re.finditer(r'"description": ("(?:[^"\\]|\\.)*")', text):
            yield Passage(file, _line(text, found.start()), json.loads(found[1]))
    else:
        yield from _shell(text, file)


def collected() -> dict[str, list[Passage]]:
    """Room to its strings, in the order of the files."""
    rooms = {}
    for room, patterns in ROOMS.items():
        files = sorted({p for pattern in patterns for p in ROOT.glob(pattern) if p.is_file()})
        rooms[room] = [
            p
            for path in files
            if path.suffix not in {".css", ".svg", ".png", ".pyc", ".service"}
            for p in passages(path, path.relative_to(ROOT).as_posix())
        ]
    return rooms


def banned() -> list[Banned]:
    """The phrases in `banned_phrases.txt`; a space matches any white space."""
    rows = []
    for line in BANNED.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            phrase, _, instead = (part.strip() for part in line.partition(" -> "))
            rows.append(
                Banned(re.compile(rf"(?<!\w){phrase}".replace(" ", r"\s+"), re.IGNORECASE), phrase, instead)
            )
    return rows


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _split(text: str, file: str, between: str) -> Iterator[Passage]:
    place = 0
    for found in [*re.finditer(between, text), None]:
        part = text[place : found.start() if found else None]
        if part.strip():
            yield Passage(file, _line(text, place + len(part) - len(part.lstrip())), part.strip())
        place = found.end() if found else len(text)


def _template(text: str, file: str) -> Iterator[Passage]:
    plain = re.sub(r"{#.*?#}", lambda m: "\n" * m[0].count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(plain.splitlines(), 1):
        for tag in re.findall(r"{[{%].*?[}%]}|<[^>]*>", line):
            for said in re.findall(r'"([^"{]+)"', tag):
                if WORDS.search(said):
                    yield Passage(file, number, said)
        said = re.sub(r"{%.*?%}|<[^>]*>", " ", re.sub(r"{{.*?}}", "…", line)).strip()
        if WORDS.search(said):
            yield Passage(file, number, said)


def _python(text: str, file: str) -> Iterator[Passage]:
    tree = ast.parse(text)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            told = isinstance(node, ast.FunctionDef) and any(
                isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute) for d in node.decorator_list
            )
            skipped |= {
                id(n.value) for n in node.body if isinstance(n, ast.Expr) and not (told and n is node.body[0])
            }
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(v) for v in node.values}
        elif isinstance(node, ast.Call) and fnmatch(ast.unparse(node.func), "re.*"):
            skipped |= {id(part) for a in node.args for part in ast.walk(a)}
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            said = "".join(
                str(v.value) if isinstance(v, ast.Constant) else f"{{{ast.unparse(v.value)}}}"
                for v in node.values
                if isinstance(v, ast.Constant | ast.FormattedValue)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said = node.value
        else:
            continue
        if WORDS.search(said) and not said.startswith(("(?", "^")):
            yield Passage(file, node.lineno, said)


def _yaml(text: str, file: str) -> Iterator[Passage]:
    waiting = [yaml.compose(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += [
                value for key, value in reversed(node.value) if key.value not in {"run", "if", "uses"}
            ]
            waiting += [v for k, v in node.value if k.value == "run" and "::" in v.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        elif isinstance(node, yaml.ScalarNode) and WORDS.search(node.value):
            yield Passage(file, node.start_mark.line + 1, node.value)


def _shell(text: str, file: str) -> Iterator[Passage]:
    for number, line in enumerate(text.splitlines(), 1):
        said = re.findall(r'"([^"]*)"', line) if not line.lstrip().startswith("#") else [line.strip("# ")]
        for part in said:
            if WORDS.search(part) and " " in part:
                yield Passage(file, number, part)


def main() -> None:
    """Prints every room's strings, one per line."""
    for room, told in collected().items():
        print(f"== {room} ==")
        for passage in told:
            print(f"{passage.file}:{passage.line}: {passage.shown}")


if __name__ == "__main__":
    main()
