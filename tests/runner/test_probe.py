"""The probe of the first live run claims all that the hook reads, and is refused by what GitHub itself sets."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

NAME = "rexrank/challenge"


def test_the_probe_dresses_up_as_what_the_hook_reads(tmp_path):
    """Its claims would let it in; the values set by GitHub itself do not."""
    root = Path(__file__).parents[2]
    raw = yaml.safe_load((root / "runner" / "probe.yml").read_text())
    hook = (root / "runner" / "hooks" / "job-started.sh").read_text()
    names = {
        n
        for n in ("GITHUB_REPOSITORY", "GITHUB_REF", "GITHUB_EVENT_NAME", "GITHUB_WORKFLOW_REF")
        if f"{{{n}-}}" in hook
    }
    assert names < set(raw["env"])
    claimed = {k: v.replace("${{ github.repository }}", NAME) for k, v in raw["env"].items() if k in names}
    (tmp_path / "hooks").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "hooks" / "job-started.sh").write_text(hook)
    (tmp_path / "etc" / "runner.conf").write_text(f"REPOSITORY={NAME}\n")
    usual = {"PATH": "/usr/bin:/bin"}
    true = {
        **claimed,
        "GITHUB_REF": "refs/pull/13/merge",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_WORKFLOW_REF": f"{NAME}/.github/workflows/probe.yml@refs/pull/13/merge",
    }
    for env, status in ((claimed, 0), (true, 1)):
        process = subprocess.run(
            ["bash", "-e", str(tmp_path / "hooks" / "job-started.sh")],
            env=usual | env,
            capture_output=True,
            check=False,
        )
        assert process.returncode == status
    assert raw["jobs"]["probe"]["steps"][1]["if"] == "always()"
    assert set(raw["jobs"]["probe"]["runs-on"]) == {"self-hosted", "gpu", "rexrank-scoring"}
    assert all("must not run" in s["name"] for s in raw["jobs"]["probe"]["steps"])
