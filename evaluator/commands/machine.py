"""`rexrank data`, `models` and `cache`."""

from __future__ import annotations

from pathlib import Path

from evaluator.datasets.references import check_references, load_references, manifest
from evaluator.datasets.registry import dataset_ids, get_dataset
from evaluator.files import dump_json, write_text
from evaluator.problems import RexrankError
from evaluator.runs import store_directory


def _datasets_in(directory: Path) -> list[str]:
    found = [d for d in dataset_ids() if (directory / f"{d}.json").is_file()]
    if not found:
        names = ", ".join(f"{d}.json" for d in dataset_ids() if not get_dataset(d).synthetic)
        raise RexrankError(f"no reference file in {directory}; looked for {names}.")
    return found


def run_data_check(directory: Path) -> int:
    """0 when every reference file is the expected one, 2 when one is not (it is never a submitter's)."""
    wrong = False
    for name in _datasets_in(directory):
        report = check_references(load_references(get_dataset(name), directory))
        tracks = ", ".join(f"{t} {n}" for t, n in report["tracks"].items())
        known = "agrees with the registry" if report["ids_digest_known"] else "not in the registry yet"
        print(f"{name}: {report['studies']} studies of {report['patients']} patients")
        print(
            f"  sections: findings {report['findings']}, impression {report['impressions']}; tracks: {tracks}"
        )
        print(f"  ids digest {report['ids_digest']} ({known})")
        print(f"  file digest {report['file_digest']}")
        for problem in report["problems"]:
            wrong = True
            print(f"  wrong: {problem}")
    return 2 if wrong else 0


def run_data_manifest(directory: Path, out: Path) -> int:
    """0 after writing `<dataset>.manifest.json` for every reference file of the directory."""
    for name in _datasets_in(directory):
        path = out / f"{name}.manifest.json"
        write_text(path, dump_json(manifest(load_references(get_dataset(name), directory))))
        note = "" if get_dataset(name).ids_public else " (private: keep it off the public repository)"
        print(f"wrote {path}{note}")
    return 0


def run_cache_info(store: Path | None) -> int:
    """0 after printing the size of the encoder cache."""
    from evaluator.encoders.cache import TextCache

    root = store_directory(store) / "texts"
    info = TextCache(root).info()
    print(f"{root}: {info['entries']} entries, {info['bytes'] / 1e9:.3f} GB")
    return 0


def run_cache_prune(store: Path | None, max_gb: float) -> int:
    """0 after deleting the entries that were not used for longest."""
    from evaluator.encoders.cache import TextCache

    done = TextCache(store_directory(store) / "texts").prune(int(max_gb * 1e9))
    print(f"removed {done['removed']} entries, kept {done['kept']} ({done['bytes'] / 1e9:.3f} GB)")
    return 0
