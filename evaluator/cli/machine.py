"""`rexrank data`, `models`, `judge`, `cache` and `quota`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

from pydantic import JsonValue

from evaluator.cli.exit_codes import each
from evaluator.cli.output import add_results, result
from evaluator.core.counts import count_text
from evaluator.core.files import dump_json, write_text
from evaluator.core.problems import ExitCode, InputError, RexrankError
from evaluator.core.typed import view
from evaluator.core.workspace import store_directory
from evaluator.datasets.challenge import challenge
from evaluator.datasets.references import check_references, load_references, manifest
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.datasets.tasks.task import get_task
from evaluator.models.judges.serve import ServeOptions, base_url, plain_tokenizer

DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _datasets_in(directory: Path) -> list[str]:
    datasets = [d for d in dataset_ids() if (directory / f"{d}.json").is_file()]
    if not datasets:
        names = ", ".join(f"{d}.json" for d in dataset_ids() if not get_dataset(d).synthetic)
        raise InputError(f"no reference file in {directory}; looked for {names}.")
    return datasets


def run_data_check(directory: Path) -> int:
    """0 if every reference file is the expected one, 1 if one is not."""
    wrong = False
    rows: list[JsonValue] = []
    for name in _datasets_in(directory):
        report = check_references(load_references(get_dataset(name), directory))
        tracks = ", ".join(f"{t} {n}" for t, n in report.tracks.items())
        known = "agrees with the registry" if report.ids_digest_known else "not in the registry yet"
        task = get_task(get_dataset(name).task)
        print(
            f"{name}: {count_text(report.items, task.item, task.items)} of {count_text(report.patients, 'patient')}"
        )
        others = ", ".join(f"{k} {n}" for k, n in report.others.items())
        print(f"  {f'sections: {others}; ' if others else ''}tracks: {tracks}")
        print(f"  ids digest {report.ids_digest} ({known})")
        print(f"  file digest {report.file_digest}")
        for problem in report.problems:
            wrong = True
            print(f"  wrong: {problem}")
        facts: dict[str, JsonValue] = {
            "items": report.items,
            "ids_digest": report.ids_digest,
            "file_digest": report.file_digest,
        }
        rows.append({"dataset": name, **facts, "problems": list(report.problems)})
    result(rows)
    return ExitCode.INPUT if wrong else ExitCode.DONE


def run_data_manifest(directory: Path, out: Path) -> int:
    """0 after writing `<dataset>.manifest.json` for every reference file of the directory."""
    paths: list[JsonValue] = []
    for name in _datasets_in(directory):
        path = out / f"{name}.manifest.json"
        write_text(path, dump_json(view(manifest(load_references(get_dataset(name), directory)))))
        note = (
            "" if get_dataset(name).exposure.studies else " (not public: keep it off the public repository)"
        )
        print(f"wrote {path}{note}")
        paths.append(str(path))
    result(paths)
    return 0


def run_cache_info(store: Path | None) -> int:
    """0 after printing the size of the encoder cache."""
    from evaluator.models.text_cache import TextCache

    root = store_directory(store) / "texts"
    info = TextCache(root).info()
    result({"folder": str(root), **info})
    print(f"{root}: {count_text(info['entries'], 'entry', 'entries')}, {info['bytes'] / 1e9:.3f} GB")
    return 0


def run_cache_prune(store: Path | None, max_gb: float) -> int:
    """0 after deleting the least recently used entries."""
    from evaluator.models.text_cache import TextCache

    counts = TextCache(store_directory(store) / "texts").prune(int(max_gb * 1e9))
    result({**counts})
    print(
        f"removed {count_text(counts['removed'], 'entry', 'entries')}, kept {counts['kept']} ({counts['bytes'] / 1e9:.3f} GB)"
    )
    return 0


def run_models_list(override: Path | None) -> int:
    """0 after printing every model of the manifest and its local state."""
    from evaluator.models.download import states
    from evaluator.models.weights import models_directory

    print(f"models directory: {models_directory(override)}")
    models = states(override)
    result([{"model": i.spec.key, "state": i.state, "revision": i.spec.revision} for i in models])
    for item in models:
        spec = item.spec
        gated = ", gated" if spec.gated else ""
        print(f"{spec.key:<20} {item.state:<11} {spec.size_mb:>6} MB  {spec.title} ({spec.licence}{gated})")
        print(f"{'':<20} for {', '.join(spec.metrics)}; revision {spec.revision[:12] or 'not recorded'}")
        for words in filter(None, (spec.gated, spec.other)):
            print(f"{'':<20} {words}")
    return 0


def run_models_fetch(keys: list[str], override: Path | None, lock: Path | None) -> int:
    """0 after downloading, 3 if some of the models are not available; raises `RexrankError` if none is.

    Without keys, all open models are fetched, and the others are listed with instructions.
    """
    from evaluator.cli.progress import progress
    from evaluator.models.download import Fetcher, open_models, state_of
    from evaluator.models.lock import lock_path, read_lock
    from evaluator.models.manifest import model_specs

    path = lock_path(lock)
    before = read_lock(path)
    with progress() as show:
        fetcher = Fetcher(override, lock=path, progress=show)

        def work(key: str) -> ExitCode:
            folder = fetcher.fetch(key)
            state = state_of(model_specs()[key], folder, read_lock(path))
            add_results([{"model": key, "folder": str(folder), "state": state.state}])
            print(f"{key}: {folder} ({state.state})")
            for name in (n for n, s in state.files.items() if s == "unverified"):
                print(f"  {name}: not pinned; compare it with a second maintainer's (rexrank models compare)")
            return ExitCode.DONE

        status = each(keys or list(open_models()), work)
    if read_lock(path) != before:
        print(f"wrote {path}: the commits and digests not pinned in weights.toml. Commit it.")
    if not keys:
        _name_the_rest()
    return status


def _name_the_rest() -> None:
    """Prints the models, or editions of them, that have to be requested."""
    from evaluator.models.manifest import model_specs

    for spec in model_specs().values():
        if spec.gated:
            print(f"{spec.key}: not fetched (gated). {spec.gated}")
        if spec.other:
            print(f"{spec.key}: another edition exists. {spec.other}")


def run_models_verify(override: Path | None) -> int:
    """0 if there are weights and none of their files is wrong, unreadable or missing from a set, else 2."""
    from evaluator.models.download import states
    from evaluator.models.weights import models_directory

    root, bad = models_directory(override), 0
    models = states(override)
    result([{"model": i.spec.key, "state": i.state, "files": {**i.files}} for i in models])
    for item in models:
        print(f"{item.spec.key}: {item.state}")
        for name, state in item.files.items():
            if item.state not in {"absent", "stand-in"}:
                print(f"  {name}: {state}")
        bad += item.state in {"wrong", "unreadable", "incomplete"}
    if all(item.state == "absent" for item in models):
        print(
            f"there are no weights in {root}. Fetch them with: rexrank models fetch, or name another --models"
        )
        return 2
    if bad:
        print(f"{count_text(bad, 'model')} cannot be used. Fetch again with: rexrank models fetch KEY")
    return ExitCode.FAILURE if bad else ExitCode.DONE


def run_models_record(override: Path | None, out: Path | None) -> int:
    """0 after writing the size and digests of every weights file here, for another maintainer to compare with.

    Raises `RexrankError` if there are no weights.
    """
    from evaluator.models.comparison import recorded
    from evaluator.models.weights import models_directory

    lock = recorded(override)
    if not lock.root:
        raise RexrankError(f"there are no weights in {models_directory(override)} to record.")
    text = dump_json(lock.model_dump(mode="json"))
    result(lock.model_dump(mode="json"))
    if out is None:
        print(text, end="")
        return 0
    write_text(out, text)
    print(
        f"wrote {out}: {count_text(sum(map(len, lock.root.values())), 'file')} of {count_text(len(lock.root), 'model')}"
    )
    return 0


def run_models_compare(file: Path, override: Path | None, lock: Path | None, *, confirm: bool) -> int:
    """0 if every common file is the same, 1 if one is not; `confirm` adds agreed files to the lock."""
    from evaluator.core.host_files import read_host_file
    from evaluator.models import comparison
    from evaluator.models.lock import MAX_BYTES, ModelsLock, lock_path

    there = read_host_file(file, ModelsLock, limit=MAX_BYTES, form="JSON")
    differences = comparison.compare(comparison.recorded(override), there)
    result([{"model": d.key, "file": d.name, "agreement": d.agreement} for d in differences])
    for d in differences:
        print(f"{d.key}/{d.name}: {d.agreement}")
        if d.agreement == "different" and d.here and d.there:
            print(f"  here   {d.here.sha256} {d.here.size:>14,} bytes")
            print(f"  there  {d.there.sha256} {d.there.size:>14,} bytes")
    wrong = sum(d.agreement == "different" for d in differences)
    if wrong:
        print(
            f"{count_text(wrong, 'file differs', 'files differ')}: nothing was confirmed. Fetch them again on both machines."
        )
        return ExitCode.INPUT
    if confirm:
        path = lock_path(lock)
        print(
            f"{count_text(comparison.confirm(differences, path), 'file')} added to {path}. Commit it, naming who compared them."
        )
    return 0


def run_judge_serve(options: ServeOptions, models: Path | None, file: Path | None) -> int:
    """0 after serving until a signal ends the command.

    `file` names all engines to start; without it, the one in `options`, whose model may be `green`. Raises
    `RexrankError` if an engine does not start, `InputError` for a file that starts none.
    """
    from evaluator.core.problems import MetricUnavailable
    from evaluator.metrics.judges import read_judges
    from evaluator.models.judges.config import Judges, running

    with TemporaryDirectory() as scratch:
        try:
            if file is not None:
                judges = read_judges(file)
                if not judges.engines:
                    raise InputError(f"{file} starts no engine: no judge has a .serve table.")
                options_text = f"--judges {file}"
            else:
                options = _published(options, models, Path(scratch))
                judges = Judges({}, {"": options})
                options_text = f"--judge-url {base_url(options)} --judge-model {options.served_name}"
                options_text += f" --judge-revision {options.revision}" if options.revision else ""
            engines = {
                key: _published(engine, models, Path(scratch)) for key, engine in judges.engines.items()
            }
            with running(Judges(judges.settings, engines)) as running_engines:
                names = ", ".join(engine.model for engine in engines.values())
                result({"engines": [engine.model for engine in engines.values()], "options": options_text})
                print(f"serving {names}. Score with: {options_text}  (Ctrl-C stops it)", flush=True)
                while not Event().wait(1.0):
                    for engine in running_engines:
                        engine.check()
        except MetricUnavailable as error:
            raise RexrankError(str(error)) from error
    return 0


def _published(options: ServeOptions, models: Path | None, scratch: Path) -> ServeOptions:
    """The options that serve a model; GREEN's, by key or folder, with its intended context length and token ids."""
    from evaluator.metrics.green import CONTEXT
    from evaluator.models.manifest import model_specs
    from evaluator.models.weights import model_directory

    folder = model_directory("green", models) if options.model == "green" else Path(options.model)
    if options.model == "green" or (folder / "tokenization_chexagent.py").is_file():
        if not (folder / "config.json").is_file():
            raise RexrankError(
                f"{folder} contains GREEN's tokenizer but not its weights. Download "
                f"{model_specs()['green'].files['tokenizer.model'].hub} at its pinned revision into it."
            )
        return replace(
            options,
            model=str(folder),
            revision=options.revision or model_specs()["green"].revision,
            tokenizer=options.tokenizer or plain_tokenizer(folder, scratch),
            max_model_len=options.max_model_len or CONTEXT,
        )
    return options


def run_quota_show(store: Path | None) -> int:
    """0 after printing the runs and next slot of each team and account in the ledger, by withheld dataset."""
    from datetime import UTC, datetime

    from evaluator.scoring.ledger import attempts
    from evaluator.scoring.quota import slot

    root, policy, now = store_directory(store), challenge().quota, datetime.now(UTC)
    runs = attempts(root)
    known = sorted(
        {(h, a.dataset) for a in runs for h in a.entrant.holders}, key=_teams_first
    )  # tie: none, pairs differ
    print(f"{root}: {policy.runs} in {policy.window_days} days, {policy.runs_per_year} in a year")
    rows: list[JsonValue] = []
    for holder, dataset in known:
        place = slot(runs, holder, dataset, now, policy)
        when = "now" if place.next is None else f"from {place.next:%Y-%m-%d %H:%M} UTC"
        name = holder.removeprefix("team/")
        print(f"{name:<40} {dataset:<14} {place.used_in_window} and {place.used_in_year}, next {when}")
        counts = {"in_window": place.used_in_window, "in_year": place.used_in_year}
        rows.append({"holder": holder, "dataset": dataset, **counts, "next": when})
    result(rows)
    if not known:
        print("no runs counted yet")
    return 0


def _teams_first(place: tuple[str, str]) -> tuple[bool, str, str]:
    holder, dataset = place
    return holder.startswith("account/"), holder, dataset


def run_quota_grant(team: str, dataset: str, digest: str, store: Path | None) -> int:
    """0 after granting predictions a run; raises `InputError` if that is not possible."""
    from evaluator.scoring.quota import grant
    from evaluator.submissions.rules.files import SLUG

    if not SLUG.fullmatch(team) or not DIGEST.fullmatch(digest):
        raise InputError("wanted a team's slug and the SHA-256 of a prediction file, 64 hexadecimal digits.")
    is_new = grant(store_directory(store), get_dataset(dataset), team, digest)
    result({"team": team, "dataset": dataset, "granted": is_new})
    print(
        "granted: request scoring of a commit with these predictions"
        if is_new
        else "they can already be scored"
    )
    return 0
