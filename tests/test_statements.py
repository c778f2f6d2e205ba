"""Every statistical sentence on the site and in comments is listed, with a test that fails if it is false."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LISTED = tomllib.loads((ROOT / "tests/statements.toml").read_text("utf-8"))["statement"]
CLAIM = re.compile(
    r"best group|ranges? (of ranks|may) .*overlap|intervals overlap|no test (shows|separates)|tests (leave|cannot rule out)|chance of any|chance of a wrong|hold 95|"
    r"aim at 95|told apart|tell apart|tell them apart|80 % power|statistically tied|separate them|by chance|be chance|false (discoveries|alarms)|standard error|rank is a range|"
    r"ranks are ranges|other patients had been drawn|below \.001",
    re.IGNORECASE,
)
"""Words that make a sentence one about chance."""
PLACES = (
    "site/*.md",
    "evaluator/site/**/*.py",
    "evaluator/site/templates/**/*.*",
    "evaluator/github/*comment*.py",
    "site/assets/compare.js",
)


def plain(text: str) -> str:
    """Words only: no Markdown or HTML marks, one space between words."""
    return " ".join(re.sub(r"<[^>]*>|[*_`|]|^\s*[-#>]+ ", " ", text, flags=re.MULTILINE).split())


def passages(path: Path) -> Iterator[str]:
    """What a file shows to readers: paragraphs of a page; string literals of a program, without docstrings."""
    text = path.read_text("utf-8")
    if "templates" in path.parts:
        plain_text = re.sub(r"{#.*?#}|{%.*?%}", "\n", text, flags=re.DOTALL)
        yield from re.sub(r"{{.*?}}", "…", plain_text, flags=re.DOTALL).splitlines()
        for tag in re.findall(r"{[{%].*?[}%]}", text):
            yield from re.findall(r'"([^"]+)"', tag)
        return
    if path.suffix == ".md":
        yield from re.split(r"\n\s*\n|\n(?=\s*[-|] )", text)
        return
    if path.suffix == ".js":
        yield from (m[1] for m in re.finditer(r'["`]([^"`\n]*)["`]', text))
        return
    tree = ast.parse(text)
    bodies = [n.body for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef)]
    skipped = {id(first.value) for body in bodies for first in body if isinstance(first, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values]
            skipped |= {id(v) for v in node.values}
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value


def claims() -> Iterator[tuple[str, str]]:
    """(file, sentence) of everything that speaks of chance."""
    for pattern in PLACES:
        for path in sorted(ROOT.glob(pattern)):
            for passage in passages(path):
                for sentence in re.split(r"(?<=[.?!:]) (?=[A-Z])", plain(passage)):
                    if CLAIM.search(sentence) and " " in sentence:
                        yield str(path.relative_to(ROOT)), sentence


def test_every_sentence_about_chance_is_listed():
    sentences = [plain(s["says"]) for s in LISTED]
    missing = [(file, s) for file, s in claims() if not any(says in s for says in sentences)]
    assert missing == []


@pytest.mark.parametrize("statement", LISTED, ids=lambda s: s["says"][:40])
def test_the_sentence_is_said_and_its_test_is_there(statement):
    for place in statement["where"]:
        text = " ".join(plain(p) for p in passages(ROOT / place))
        assert plain(statement["says"]) in text, place
    for test in statement["tests"]:
        file, _, name = test.partition("::")
        names = {
            n.name
            for n in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
            if isinstance(n, ast.FunctionDef)
        }
        assert name in names, test
