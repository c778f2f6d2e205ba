"""`rexrank metric` and `rexrank metrics`: scores for any pairs of texts, and the available metrics."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evaluator.cli.progress import progress
from evaluator.cli.score import known_keys
from evaluator.core.console import print_data
from evaluator.core.counts import count_text
from evaluator.core.files import dump_json, write_bytes, write_text
from evaluator.core.installation import install_hint
from evaluator.core.problems import ExitCode, InputError
from evaluator.metrics.registry import get_metric, in_dependency_order, metric_keys, presets, text_metric_keys

if TYPE_CHECKING:
    from evaluator.datasets.protocol import ProtocolName
    from evaluator.models.judges.settings import JudgeSettings
    from evaluator.scoring.result import Result

PROTOCOLS: Final[Mapping[ProtocolName, str]] = {
    "clean": "both texts are normalised, as on the boards",
    "compat": "the texts unmodified, as in the official code",
}


def run_metric(
    keys: Sequence[str],
    pairs: Path,
    out: Path | None,
    protocol: ProtocolName,
    models: Path | None,
    device: str,
    batch_size: int | None,
    variants: Sequence[str],
    judges: Mapping[str, JudgeSettings],
    cache: Path | None,
    form: str,
    *,
    details: bool,
) -> int:
    """0 after scoring a file of pairs, 3 if a metric could not run, 2 if none could.

    A table of means goes to standard output if that is a terminal or if the scores go to a file; a pipe gets
    the scores as JSON, and the table goes to standard error. Raises `InputError` if nothing can be done.
    """
    from evaluator.scoring.scorer import Scorer
    from evaluator.submissions.pairs import read_pairs

    known_keys(keys)
    write = _writer(out)
    rows = read_pairs(pairs, lambda note: print(f"note: {note}.", file=sys.stderr))
    with progress() as show:
        try:
            scorer = Scorer(
                keys,
                models=models,
                device=device,
                cache=cache,
                protocol=protocol,
                batch_size=batch_size,
                details=details,
                variants=parse_variants(variants),
                judge=judges,
                progress=show,
                partial=True,
            )
            result = scorer.score(rows)
        except ValueError as error:
            raise InputError(str(error)) from error
    if result.scores:
        as_json = form == "json" or (form == "auto" and write is None and not sys.stdout.isatty())
        print(summary(result, protocol), file=sys.stderr if as_json else sys.stdout)
        if write is not None:
            write(result)
        if as_json:
            print_data(dump_json(result.to_dict()))
    for key, reason in result.unavailable.items():
        print(f"rexrank: {key} was not computed: {reason}", file=sys.stderr)
    if absent := absent_weights(result.unavailable, models, parse_variants(variants)):
        print(
            f"rexrank: to fetch all missing weights: rexrank models fetch {' '.join(absent)}", file=sys.stderr
        )
    if result.unavailable:
        return ExitCode.PARTIAL if result.scores else ExitCode.FAILURE
    return ExitCode.DONE


def absent_weights(keys: Iterable[str], models: Path | None, variants: Mapping[str, str]) -> list[str]:
    """The models that metrics and their parts need but that are missing here."""
    from evaluator.models.runtime import Run
    from evaluator.models.weights import models_directory

    root, run = models_directory(models), Run(variants=variants)
    names = dict.fromkeys(m for key in in_dependency_order(keys) for m in get_metric(key).needs(run))
    return [model for model in names if not (root / model).is_dir()]


def _writer(out: Path | None) -> Callable[[Result], object] | None:
    """A function that writes a result to a file in the format of its suffix; raises `InputError` for another suffix."""
    if out is None:
        return None
    writers: dict[str, Callable[[Result], object]] = {
        ".json": lambda r: write_text(out, dump_json(r.to_dict())),
        ".csv": lambda r: write_text(out, r.to_frame().to_csv(lineterminator="\n")),
        ".parquet": lambda r: write_bytes(out, r.to_frame().to_parquet()),
    }
    if out.suffix.lower() not in writers:
        raise InputError(f"--out {out}: wanted a name that ends in {', '.join(writers)}.")
    return writers[out.suffix.lower()]


def summary(result: Result, protocol: ProtocolName) -> str:
    """Means with intervals as lines of text, below the settings they were computed with."""
    groups = len(set(result.patients)) if result.patients else 0
    lines = [
        count_text(len(result.ids), "pair") + (f" of {count_text(groups, 'patient')}" if groups else ""),
        f"protocol {protocol}: {PROTOCOLS[protocol]}",
        "",
        f"  {'metric':<18} {'mean':>9}  95 % interval",
    ]
    for key, (mean, low, high) in result.intervals().items():
        span = "" if low is None or high is None else f"[{low:.4f}, {high:.4f}]"
        failed = int(result.scores[key].failed.sum())
        notes = [
            "" if get_metric(key).higher_is_better else "lower is better",
            f"{failed:,} failed, counted as worst" if failed else "",
        ]
        lines.append(f"  {key:<18} {mean:>9.4f}  {span:<20} {'; '.join(n for n in notes if n)}".rstrip())
    if not any(low is not None for _, low, _ in result.intervals().values()):
        lines.append(f"  No intervals: fewer than 30 {'patients' if groups else 'pairs'}.")
    return "\n".join(lines)


def chosen_keys(keys: Sequence[str], preset: str, *, everything: bool) -> tuple[str, ...]:
    """The metrics given by name, by a preset or by `--all`; raises `InputError` unless exactly one way is used."""
    if sum((bool(keys), bool(preset), everything)) != 1:
        raise InputError(
            "choose metrics by key (rexrank metric bleu_2 …), --preset NAME or --all; use only one of these. Presets: {', '.join(presets())}. `rexrank metrics` lists the keys."
        )
    if preset and preset not in presets():
        raise InputError(f"there is no preset {preset!r}; available: {', '.join(presets())}.")
    return text_metric_keys() if everything else presets()[preset] if preset else tuple(keys)


def parse_variants(items: Sequence[str]) -> dict[str, str]:
    """`{"ratescore": "0.5.0"}` of `["ratescore=0.5.0"]`; raises `InputError` for another form or name."""
    pairs = [item.partition("=") for item in items]
    if bad := next((i for i, p in zip(items, pairs, strict=True) if not p[1] or not p[2]), None):
        raise InputError(f"--variant {bad!r}: wanted KEY=NAME, for example ratescore=0.5.0.")
    known_keys([key for key, _, _ in pairs])
    for key, _, name in pairs:
        known = get_metric(key).variants
        if name not in known:
            raise InputError(f"{key} has no variant {name!r}; known: {', '.join(known) or 'none'}")
    return {key: name for key, _, name in pairs}


def run_metrics(models: Path | None, form: str) -> int:
    """0 after listing the metrics: title, range, weights with their state, judge, variants, presets."""
    facts = [_facts(key, models) for key in metric_keys()]
    if form == "json":
        print_data(dump_json(facts))
        return ExitCode.DONE
    for fact in facts:
        print(f"{fact['key']:<18} {fact['title']}; {fact['direction']}")
        for name in ("needs", "variants", "presets"):
            if fact[name]:
                print(f"{'':<18} {name}: {', '.join(fact[name])}")
    return ExitCode.DONE


def _facts(key: str, models: Path | None) -> dict[str, str | list[str]]:
    metric = get_metric(key)
    return {
        "key": key,
        "title": metric.title,
        "family": metric.family,
        "direction": "higher is better" if metric.higher_is_better else "lower is better",
        "needs": [
            *(_weights(k, models) for k in metric.weights),
            *(
                f"{_weights(k, models)} for variant {variant}"
                for variant, keys in metric.variant_weights.items()
                for k in keys
            ),
            *metric.composes,
            *_judge(metric.family),
            *_extra(key),
        ],
        "variants": list(metric.variants),
        "presets": [name for name, keys in presets().items() if key in keys],
    }


def _extra(key: str) -> list[str]:
    """The extra of this package that a metric, or a part of it, needs, and whether it is installed."""
    parts = [get_metric(k) for k in in_dependency_order([key])]
    packages = {name for m in parts for name in (*m.packages, *["torch"] * bool(m.weights))}
    absent = any(find_spec(name) is None for name in packages)
    state = f"absent: {install_hint('score')}" if absent else "installed"
    return [f"the extra score ({state})"] if packages else []


def _judge(family: str) -> list[str]:
    return ["an LLM judge (--judge-url, --judges)"] if family == "judge" else []


def _weights(key: str, models: Path | None) -> str:
    from evaluator.core.problems import MetricUnavailable
    from evaluator.models.weights import weights_label

    try:
        state = weights_label(key, models).state
    except MetricUnavailable:
        state = f"absent: rexrank models fetch {key}"  # type: ignore[assignment]
    return f"weights of {key} ({state})"
