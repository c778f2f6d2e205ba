"""Validation of a 10,000-study file, and start-up: seconds and memory.

    python benchmarks/validate.py

Targets on two cores: at most 1 s and 300 MB for the file, 0.3 s for `rexrank --help`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from evaluator.datasets.sandbox.generate import card, predictions
from evaluator.submissions.tree import read_directory
from evaluator.submissions.validate import validate

N = 10_000


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "acme" / "m1"
        folder.mkdir(parents=True)
        (folder / "model.yaml").write_text(card("near-copy").replace("[synthetic]", "[]"))
        reports = list(predictions("near-copy").values())
        ids = [f"study-{i:05}" for i in range(N)]
        lines = [
            f"{json.dumps(s)}: {json.dumps({'findings': reports[i % 60].findings * 2, 'impression': reports[i % 60].impression})}"
            for i, s in enumerate(ids)
        ]
        path = folder / "rexgradient.json"
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
        start = time.perf_counter()
        report = validate(
            read_directory(folder, "submissions/acme/m1"), ["submissions/acme/m1"], lambda _: set(ids)
        )
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        assert report.ok, list(report.problems)[:3]
        print(
            f"validate {N:,} studies, {path.stat().st_size / 1e6:.1f} MB: {seconds:.2f} s, peak {peak:.0f} MB"
        )
    rexrank = Path(sys.executable).with_name("rexrank")
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([rexrank, "--help"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    print(f"rexrank --help: {min(times):.2f} s (best of 5), {max(times):.2f} s (worst)")


if __name__ == "__main__":
    main()
