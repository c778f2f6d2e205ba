"""One step of a job: an action's stand-in, or a script in bash with what a runner gives it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rehearsal.actions import ActionError, composite, run_action
from rehearsal.commands import parse_commands, read_file_command
from rehearsal.machines import runner_environment
from rehearsal.runs import JobRun

STEP_LIMIT: Final = 240
SYSTEM_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def run_step(
    job: JobRun, step: Mapping[str, Any], number: str, contexts: dict[str, Any], base: Path
) -> tuple[bool, dict[str, str]]:
    own = {k: job.executor.expressions.text(v, contexts) for k, v in step.get("env", {}).items()}
    contexts = {**contexts, "env": {**contexts["env"], **own}}
    if "uses" in step:
        inputs = {k: job.executor.expressions.text(v, contexts) for k, v in step.get("with", {}).items()}
        job.log += f"\n##[group]Run {step['uses']}\n"
        try:
            if step["uses"].startswith("./"):
                return _composite(job, step["uses"], number, {**contexts, "inputs": inputs}, base)
            return True, run_action(job, step["uses"], inputs)
        except ActionError as error:
            job.log += f"##[error]{error}\n"
            return False, {}
    script = base / f"step{number}.sh"
    script.write_text(job.executor.expressions.text(step["run"], contexts))
    files = {n: base / f"{n}-{number}" for n in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE")}
    for file in files.values():
        file.touch()
    default = job.raw.get("defaults", job.run.workflow.raw.get("defaults", {})).get("run", {})
    shell = step.get("shell", default.get("shell"))
    flags = ["--noprofile", "--norc", "-eo", "pipefail"] if shell == "bash" else ["-e"]
    folder = job.executor.expressions.text(
        step.get("working-directory", default.get("working-directory", ".")), contexts
    )
    process = subprocess.run(
        ["bash", *flags, str(script)],
        cwd=job.workspace / folder,
        env={**_machine(job, contexts, base, files), **contexts["env"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=STEP_LIMIT,
        check=False,
    )
    text = process.stdout.decode("utf-8", "replace")
    lines = "".join(f"  {k}: {v}\n" for k, v in own.items())
    job.log += f"\n##[group]Run {step.get('name', step['run'])}\n{step['run']}\nenv:\n{lines}{text}"
    job.commands += (commands := parse_commands(text))
    outputs = {
        c.parameters["name"]: c.message for c in commands if c.name == "set-output" and "name" in c.parameters
    }
    job.masks += [c.message for c in commands if c.name == "add-mask" and c.message]
    outputs |= read_file_command(files["OUTPUT"].read_text("utf-8"))
    job.extra_env |= read_file_command(files["ENV"].read_text("utf-8"))
    job.path[:0] = files["PATH"].read_text("utf-8").split()
    job.summary += files["STEP_SUMMARY"].read_text("utf-8")
    if process.returncode:
        job.log += f"##[error]Process completed with exit code {process.returncode}.\n"
    return process.returncode == 0, outputs


def _composite(
    job: JobRun, uses: str, number: str, contexts: dict[str, Any], base: Path
) -> tuple[bool, dict[str, str]]:
    """The steps of the repository's own action, in the job that uses it."""
    raw = composite(job, uses)
    defaults = {k: v.get("default", "") for k, v in (raw.get("inputs") or {}).items()}
    contexts = {**contexts, "inputs": {**defaults, **contexts["inputs"]}, "steps": {}}
    for index, step in enumerate(raw["runs"]["steps"]):
        here = {**contexts, "env": {**contexts["env"], **job.extra_env}}
        status = {"success": True, "failure": False, "cancelled": False, "always": True}
        if not job.executor.expressions.condition(step.get("if"), here, status):
            continue
        if "run" in step and "shell" not in step:
            raise AssertionError(f"{uses}: a step of a composite action names its shell")
        ok, outputs = run_step(job, step, f"{number}.{index}", here, base)
        if not ok:
            return False, {}
        if "id" in step:
            contexts["steps"][step["id"]] = {
                "outputs": outputs,
                "outcome": "success",
                "conclusion": "success",
            }
    wanted = raw.get("outputs") or {}
    return True, {k: job.executor.expressions.text(v["value"], contexts) for k, v in wanted.items()}


def _machine(job: JobRun, contexts: dict[str, Any], base: Path, files: Mapping[str, Path]) -> dict[str, str]:
    """The environment that a runner gives to a step, without anything of this machine's own."""
    github = contexts["github"]
    variables = {
        "PATH": ":".join([*job.path, *_own_tools(job), SYSTEM_PATH]),
        "HOME": str(base / "home"),
        "LANG": "C.UTF-8",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "OMP_NUM_THREADS": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "RUNNER_TEMP": str(job.temp),
        "RUNNER_TOOL_CACHE": str(base / "tools"),
        "RUNNER_OS": "Linux",
        "RUNNER_ARCH": "X64",
        "RUNNER_NAME": f"gpu-{job.machine + 1}" if job.self_hosted else "hosted",
        "RUNNER_ENVIRONMENT": contexts["runner"]["environment"],
    }
    variables |= {f"GITHUB_{n}": str(p) for n, p in files.items()}
    names = (
        "actor", "api_url", "base_ref", "event_name", "event_path", "head_ref", "job", "ref", "ref_name", "ref_type",
        "repository", "repository_owner", "run_attempt", "run_id", "run_number", "server_url", "sha",
        "triggering_actor", "workflow", "workflow_ref", "workflow_sha", "workspace",
    )  # fmt: skip
    variables |= {f"GITHUB_{n.upper()}": str(github[n]) for n in names}
    if job.self_hosted:
        variables |= runner_environment(job.executor, job.machine)
    return {**variables, **job.extra_env}


def _own_tools(job: JobRun) -> list[str]:
    """The runner's `sudo`; a hosted machine has nothing of the project before a job sets it up."""
    runner = job.executor.runner
    return (
        [str(runner.numbered(job.machine).folder / "sudo")] if job.self_hosted and runner is not None else []
    )
