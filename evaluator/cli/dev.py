"""The actions of `rexrank dev`: starting files for contributions to the project."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Final

from evaluator.cli.options import MetricKind
from evaluator.cli.output import result
from evaluator.core.files import write_text
from evaluator.core.problems import InputError
from evaluator.core.stopping import unbroken
from evaluator.datasets.challenge import NAME, dataset_files, with_dataset
from evaluator.datasets.references import check_references, load_references
from evaluator.datasets.registry import read_dataset
from evaluator.metrics.registry import metric_keys

_TEMPLATES: Final[Mapping[MetricKind, str]] = {
    "mean": "metric",
    "corpus": "metric_corpus",
    "judged": "metric_judged",
}
KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
REGISTRY: Final = Path("evaluator/metrics/registry.py")
_LAST_METRIC: Final = re.compile(r'(_METRICS: Final\[dict\[str, str\]\] = \{\n(?:    "[^\n]*\n)*)')


def say(lines: Sequence[str]) -> None:
    """Prints what was written and what is left to do."""
    result([*lines])
    print("\n".join(lines))


def new_metric(root: Path, key: str, kind: MetricKind = "mean") -> list[str]:
    """What was written, and what is left to do: a metric, its tests, and its line in the registry.

    Raises `InputError` for a name that cannot be a key or is taken, and outside a checkout.
    """
    _checkout(root)
    if not KEY.fullmatch(key):
        raise InputError(
            f"{key!r} is not a valid key: use lower-case letters, digits and underscores, starting with a letter."
        )
    if keyword.iskeyword(key) or hasattr(builtins, key):
        raise InputError(f"{key!r} is a word of Python: choose a longer key, such as {key}_score.")
    code, tests = Path(f"evaluator/metrics/{key}.py"), Path(f"tests/metrics/test_{key}.py")
    _free(root, key, metric_keys(), (code, tests))
    words = key.split("_")
    name = "".join(w.capitalize() for w in words)
    registry = (root / REGISTRY).read_text("utf-8")
    line = f'    "{key}": "evaluator.metrics.{key}:{name}",\n'
    more = _LAST_METRIC.sub(lambda found: found[1] + line, registry, count=1)
    if more == registry:
        raise InputError(f"{REGISTRY} has an unexpected format: add the line yourself:\n{line}")
    values = {"key": key, "name": name, "title": " ".join(w.capitalize() for w in words)}
    _write(
        root,
        {
            code: _filled(_TEMPLATES[kind], values),
            tests: _filled(f"{_TEMPLATES[kind]}_test", values),
            REGISTRY: more,
        },
    )
    return [
        f"wrote {code}: metadata and `score`, for you to replace",
        f"wrote {tests}: for you to fill with the values of the official code",
        f"added one line to {REGISTRY}: {line.strip()}",
        f"test it: pytest -q tests/metrics/test_{key}.py tests/test_extensions.py",
        "the rest, boards and pages: site/contributing/metric.md",
    ]


def new_dataset(root: Path, dataset: str, references: Path | None) -> list[str]:
    """What was written, and what is left to do: a dataset's file, with counts from its references if given.

    Raises `InputError` as `new_metric` does, and for references that cannot be read.
    """
    _checkout(root)
    if not ID.fullmatch(dataset):
        raise InputError(f"{dataset!r} is not a valid id: use lower-case letters, digits and hyphens.")
    path = Path(f"evaluator/datasets/{dataset}.yaml")
    _free(root, dataset, dataset_files(), (path,))
    values = {
        "id": dataset,
        "title": dataset.replace("-", " ").title(),
        "n_studies": "1",
        "ids_digest": "null",
    }
    values |= dict.fromkeys(("findings", "report", "impression"), "null")
    if references is not None:
        values |= _counts(dataset, references, values)
    whole = root / NAME
    entry = with_dataset(whole.read_text("utf-8"), dataset) if whole.is_file() else None
    _write(root, {path: _filled("dataset", values), **({Path(NAME): entry} if entry else {})})
    return [
        f"wrote {path}: what is known about the dataset; review every line",
        f"{NAME}: {'put it last' if entry else 'put it'} under datasets, the order of tables and pages",
        "count and digest: rexrank data check DIR"
        if references is None
        else "counts and digest are those of its references",
        "the rest, ids and pages: site/contributing/dataset.md",
    ]


def _counts(dataset: str, references: Path, values: dict[str, str]) -> dict[str, str]:
    """Counts and digest of `<references>/<dataset>.json`."""
    if not (references / f"{dataset}.json").is_file():
        raise InputError(
            f"there is no {dataset}.json in {references}: references are named after their dataset."
        )
    with TemporaryDirectory() as scratch:
        draft = Path(scratch) / f"{dataset}.yaml"
        write_text(draft, _filled("dataset", values))
        content = load_references(read_dataset(draft, dataset), references)
    counts = check_references(content)
    return {
        "n_studies": str(counts.items),
        "ids_digest": counts.ids_digest,
        "report": str(counts.tracks["report"]),
        "findings": str(counts.others["findings"]),
        "impression": str(counts.others["impression"]),
    }


def _checkout(root: Path) -> None:
    if not (root / REGISTRY).is_file():
        raise InputError("this is not a checkout of the project: run it in the folder with pyproject.toml.")


def _free(root: Path, name: str, taken: Sequence[str], paths: Sequence[Path]) -> None:
    if name in taken:
        raise InputError(f"{name} already exists.")
    for path in paths:
        if (root / path).exists():
            raise InputError(f"{path} already exists; nothing was written.")


def _filled(template: str, values: Mapping[str, str]) -> str:
    text = resources.files("evaluator.cli").joinpath("templates", f"{template}.txt").read_text("utf-8")
    return Template(text).substitute(values)


def _write(root: Path, files: Mapping[Path, str]) -> None:
    with unbroken():  # only some of them would block the next try
        for path, text in files.items():
            write_text(root / path, text)
