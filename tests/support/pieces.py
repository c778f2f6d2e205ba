"""What an addition to the project consists of: each piece with its path, as the pages of site/contributing name them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]


@cache
def _read(root: Path, path: str) -> str:
    return (root / path).read_text("utf-8") if (root / path).is_file() else ""


@cache
def _paths(root: Path, pattern: str) -> tuple[str, ...]:
    return tuple(sorted(p.relative_to(root).as_posix() for p in root.glob(pattern)))


class Tree:
    """The project's files, with some of them changed (a text) or left out (`None`)."""

    def __init__(self, changes: Mapping[str, str | None] | None = None, root: Path = ROOT) -> None:
        self.root, self.changes = root, dict(changes or {})

    def read(self, path: str) -> str:
        """The text of a file, empty for a missing one."""
        return self.changes[path] or "" if path in self.changes else _read(self.root, path)

    def paths(self, pattern: str) -> tuple[str, ...]:
        """The files that match a pattern, changed ones included."""
        new = {p for p in self.changes if PurePosixPath(p).match(pattern)}
        return (*_paths(self.root, pattern), *sorted(new - {*_paths(self.root, pattern)}))

    def any(self, pattern: str, words: str, but: str = "") -> bool:
        """Whether a file of the pattern, but for one, holds the words, a regular expression."""
        return any(re.search(words, self.read(p)) for p in self.paths(pattern) if p != but)


Pieces = Iterator[tuple[str, str, bool]]
"""Where a piece belongs, what it is, and whether it exists."""
FACTS = ("key", "title", "family", "higher_is_better", "lower_bound", "upper_bound", "worst")


REGISTRY, CHALLENGE = "evaluator/metrics/registry.py", "challenge.toml"


def metric(tree: Tree, key: str) -> Pieces:
    line = re.search(rf'"{key}": "evaluator\.metrics\.(\w+):(\w+)"', tree.read(REGISTRY))
    yield REGISTRY, f'the line "{key}": "evaluator.metrics.MODULE:CLASS"', line is not None
    homes = (
        p
        for p in tree.paths("evaluator/metrics/*.py")
        if re.search(rf'^    key\b.* = "{key}"', tree.read(p), re.MULTILINE)
    )
    module, name = line.groups() if line else (Path(next(homes, key)).stem, "")
    path = f"evaluator/metrics/{module}.py"
    yield (
        path,
        f"the class {name or 'of the metric'}",
        bool(re.search(rf"^class {name}\b", tree.read(path), re.MULTILINE)),
    )
    # Facts may be on a class that the metric extends, next to it or in a module that its own names.
    bases = re.findall(r"from evaluator\.metrics\.(\w+) import", tree.read(path))
    texts = [tree.read(path), *(tree.read(f"evaluator/metrics/{b}.py") for b in bases if b != "base")]
    for fact in FACTS:
        yield (
            path,
            f"the fact `{fact}`",
            any(re.search(rf"^    {fact}\b.*=", text, re.MULTILINE) for text in texts),
        )
    template = re.findall(r'summary: .* = (".*")', tree.read("evaluator/cli/templates/metric.txt"))
    own = not any(words in tree.read(path) for words in template)
    yield path, "a `summary` of your own in place of the template's", own
    tests = f"tests/metrics/test_{module}.py"
    yield tests, f"tests of {key}", bool(tree.read(tests))


def dataset(tree: Tree, name: str) -> Pieces:
    path = f"evaluator/datasets/{name}.yaml"
    text = tree.read(path)
    yield path, "the dataset's file", bool(text)
    synthetic = re.search(r"^synthetic: true", text, re.MULTILINE)
    match = re.search(r"^datasets = \[[^\]]*\]", tree.read(CHALLENGE), re.MULTILINE)
    yield CHALLENGE, f"{name} under datasets", bool(synthetic or (match and f'"{name}"' in match[0]))
    template = tree.read("evaluator/cli/templates/dataset.txt")
    lines = [line for line in template.splitlines() if line.endswith("in a sentence.") and line in text]
    yield (
        path,
        f"words of your own for {', '.join(line.partition(':')[0] for line in lines) or 'every line'}",
        not lines,
    )
    names = re.search(r"^training_names: \[(.*)\]", text, re.MULTILINE)
    known = tree.read("evaluator/submissions/rules/training_data.txt").split()
    for training in re.findall(r"[\w.-]+", names[1] if names else ""):
        yield (
            "evaluator/submissions/rules/training_data.txt",
            f"the training set {training}",
            training in known,
        )
    if re.search(r"^access: public", text, re.MULTILINE) and not re.search(
        r"^synthetic: true", text, re.MULTILINE
    ):
        ids = f"evaluator/datasets/manifests/{name}.manifest.json"
        yield ids, "the ids (rexrank data manifest)", bool(tree.read(ids))


def rule(tree: Tree, code: str) -> Pieces:
    codes = "evaluator/submissions/rules/codes.py"
    yield codes, f"the row of {code}: title, reason, cure", f'Rule("{code}"' in tree.read(codes)
    places = tree.any("evaluator/**/*.py", f'"{code}"', but=codes)
    yield "evaluator/submissions/rules/", f"a function that adds {code}", places
    tested = tree.any("tests/submissions/**/*.py", rf"\b{code}\b")
    yield "tests/submissions/test_validate.py", f"a bad fixture of {code}", tested


def _checks_of(text: str) -> Iterator[str]:
    """The codes that a task declares, including ranges of numbers."""
    words = re.search(r"checks=\((.*)\),\n    references_by", text, re.DOTALL)
    yield from re.findall(r'"(C\d+)"', words[1] if words else "")
    for first, end in re.findall(r"range\((\d+), (\d+)\)", words[1] if words else ""):
        yield from (f"C{n}" for n in range(int(first), int(end)))


def _functions(tree: Tree, code: str) -> Iterator[str]:
    """The functions of the integrity checks that give a flag, and what calls them in their room."""
    for room in ("scoring/integrity", "submissions/rules"):
        for path in tree.paths(f"evaluator/{room}/*.py"):
            for part in re.split(r"(?m)^(?=def )", tree.read(path)):
                if f'"{code}"' in part:
                    yield part.partition("(")[0].removeprefix("def ").strip()


def check(tree: Tree, code: str) -> Pieces:
    mention = any(
        tree.any(f"evaluator/{room}/*.py", rf'"{code}"')
        for room in ("scoring/integrity", "submissions/rules")
    )
    yield "evaluator/scoring/integrity/", f"a function that gives the flag {code}", mention
    calls = [rf"(?<!def )\b{name}\(" for name in _functions(tree, code)]
    called = any(tree.any("evaluator/**/*.py", words) for words in calls)
    yield (
        "evaluator/scoring/reports.py",
        f"a call of the function of {code} in `diagnose`, or in choice.py",
        called,
    )
    codes = {c for p in tree.paths("evaluator/datasets/tasks/*.py") for c in _checks_of(tree.read(p))}
    yield "evaluator/datasets/tasks/", f"{code} among the `checks` of a task that has it", code in codes
    page = "site/integrity.md"
    yield page, f"the row of {code} with its anchor", f'id="{code.lower()}"' in tree.read(page)
    runs = "tests/scoring/integrity/test_every_rule.py"
    # Checks of answers have their runs in a separate table.
    mark = f'"{code} ' in tree.read(runs) or f'"{code}"' in tree.read("tests/scoring/test_choice.py")
    yield runs, f"a run that {code} marks", mark


def column(tree: Tree, key: str) -> Pieces:
    columns, row = "evaluator/leaderboard/columns.py", "evaluator/leaderboard/row.py"
    ranking = "evaluator/leaderboard/ranking.py"
    derived = re.search(rf"^    def {key}\(self", tree.read(row), re.MULTILINE)
    field = re.search(rf"^    {key}: ", tree.read(row), re.MULTILINE)
    yield columns, f"the line of {key} in COLUMNS", f'FactColumn("{key}"' in tree.read(columns)
    yield row, f"the field {key}", bool(derived or field)
    yield (
        ranking,
        f"the value of {key}",
        bool(derived or re.search(rf"^ +{key}=", tree.read(ranking), re.MULTILINE)),
    )
    schema = "evaluator/schemas/table-v2.schema.json"
    yield schema, f"{key} (rexrank dev schemas)", bool(derived or f'"{key}": ' in tree.read(schema))


def task(tree: Tree, name: str) -> Pieces:
    module = name.replace("-", "_")
    path = f"evaluator/datasets/tasks/{module}.py"
    text = tree.read(path)
    yield path, "the declaration TASK", "TASK: Final = Task(" in text
    places = {}
    rooms = {"references": "datasets", "predictions": "submissions", "scoring": "scoring"}
    for part, room in rooms.items():
        name_match = re.search(rf'{part}_by="evaluator\.([\w.]+):(\w+)"', text)
        place = (
            f"evaluator/{name_match[1].replace('.', '/')}.py"
            if name_match
            else f"evaluator/{room}/{module}.py"
        )
        places[part] = place
        there = name_match and re.search(rf"^{name_match[2]}\b.*=", tree.read(place), re.MULTILINE)
        yield place, f"the object of `{part}_by`", bool(there)
    usual = name == "report-generation"
    datasets = tree.any("evaluator/datasets/*.yaml", rf"(?m)^task: {name}$")
    yield "evaluator/datasets/", f"a dataset with `task: {name}`", usual or datasets
    match = re.search(r"^tasks = \[[^\]]*\]", tree.read(CHALLENGE), re.MULTILINE)
    yield CHALLENGE, f"{name} under tasks", bool(match and f'"{name}"' in match[0])
    primary = re.search(rf'^{name} = "\w+"', tree.read(CHALLENGE), re.MULTILINE)
    yield CHALLENGE, f"the metric that ranks {name} under [primary]", bool(primary)
    predictions = tree.read(f"evaluator/submissions/{Path(places['predictions']).name}")
    for schema in re.findall(r'^    schema\b.* = "([\w-]+)"', predictions, re.MULTILINE):
        file = f"evaluator/schemas/{schema}.schema.json"
        yield file, "the schema of its predictions (rexrank dev schemas)", bool(tree.read(file))
    tests = f"tests/datasets/tasks/test_{module}.py"
    yield tests, f"tests of {name}", bool(tree.read(tests)) or tree.any("tests/*/test_*.py", rf'"{name}"')


KINDS: dict[str, Callable[[Tree, str], Pieces]] = {
    "metric": metric, "dataset": dataset, "rule": rule, "check": check, "column": column, "task": task,
}  # fmt: skip


def additions(tree: Tree) -> list[tuple[str, str]]:
    """Kind and name of everything that has at least one piece, in the same order in every process."""
    challenge = tree.read(CHALLENGE)

    def every(pattern: str, words: str) -> Iterator[str]:
        for path in tree.paths(pattern):
            yield from re.findall(words, tree.read(path), re.MULTILINE)

    def listed(field: str) -> list[str]:
        line = re.search(rf"^{field} = \[([^\]]*)\]", challenge, re.MULTILINE)
        return re.findall(r'"([^"]+)"', line[1] if line else "")

    files = {Path(p).stem for p in tree.paths("evaluator/datasets/*.yaml") if tree.read(p)}
    tasks = {Path(p).stem.replace("_", "-") for p in tree.paths("evaluator/datasets/tasks/*.py")} - {
        "--init--",
        "task",
    }
    names: dict[str, Iterable[str]] = {
        "metric": [
            *re.findall(r'^    "(\w+)": "evaluator\.metrics\.', tree.read(REGISTRY), re.MULTILINE),
            *every("evaluator/metrics/*.py", r'^    key\b.* = "(\w+)"$'),
        ],
        "dataset": [*listed("datasets"), *sorted(files)],
        "rule": [
            *re.findall(r'Rule\("(RX\d+)"', tree.read("evaluator/submissions/rules/codes.py")),
            *every("evaluator/**/*.py", r'problems\.add\(\s*"(RX\d+)"'),
            *every("tests/submissions/test_validate.py", r"\b(RX\d{3})\b"),
        ],
        "check": [
            *(f"C{n}" for n in re.findall(r'id="c(\d+)"', tree.read("site/integrity.md"))),
            *every("evaluator/scoring/integrity/*.py", r'Flag\(\s*"(C\d+)"'),
            *every("tests/scoring/integrity/test_every_rule.py", r'^    "(C\d+) \w'),
            *(c for p in tree.paths("evaluator/datasets/tasks/*.py") for c in _checks_of(tree.read(p))),
        ],
        "column": re.findall(r'FactColumn\("(\w+)"', tree.read("evaluator/leaderboard/columns.py")),
        "task": [*listed("tasks"), *sorted(tasks), *every("evaluator/datasets/*.yaml", r"^task: ([\w-]+)$")],
    }
    return [(kind, name) for kind, of in names.items() for name in dict.fromkeys(of)]


def missing(tree: Tree, kind: str, name: str) -> list[str]:
    """What an addition lacks, one line each with the path where it belongs."""
    return [f"{path}: {what}" for path, what, there in KINDS[kind](tree, name) if not there]
