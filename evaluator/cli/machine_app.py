"""The commands for the machine that scores: data, models, cache, judge and doctor."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli.options import Lock, Models, Store, device_name

data_app = typer.Typer(
    no_args_is_help=True, help="Check reference files and write id manifests.", rich_markup_mode=None
)
models_app = typer.Typer(
    no_args_is_help=True, help="List, fetch, verify and compare the metrics' weights.", rich_markup_mode=None
)
cache_app = typer.Typer(
    no_args_is_help=True, help="Inspect or shrink the cache of encoder results.", rich_markup_mode=None
)
quota_app = typer.Typer(
    no_args_is_help=True, help="Show the runner's ledger of runs on withheld datasets.", rich_markup_mode=None
)
judge_app = typer.Typer(
    no_args_is_help=True, help="Run the engine that serves an LLM judge.", rich_markup_mode=None
)


class Role(StrEnum):
    """From whose point of view the doctor checks."""

    host = "host"
    scorer = "scorer"


class Engine(StrEnum):
    """Engines that can serve a judge."""

    vllm = "vllm"
    transformers = "transformers"


class Container(StrEnum):
    """Engines that run a participant's image."""

    podman = "podman"
    docker = "docker"


@data_app.command("check")
def data_check(
    directory: Annotated[Path, typer.Argument(help="Directory of reference files.")],
) -> None:
    """Verify the reference files in a directory: counts, digest of the ids, sections present."""
    from evaluator.cli.machine import run_data_check

    raise typer.Exit(run_data_check(directory))


@data_app.command("manifest")
def data_manifest(
    directory: Annotated[Path, typer.Argument(help="Directory of reference files.")],
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write to (default: the same).")] = None,
) -> None:
    """Write the id manifests that a hosted runner needs for coverage checks."""
    from evaluator.cli.machine import run_data_manifest

    raise typer.Exit(run_data_manifest(directory, out or directory))


@models_app.command("list")
def models_list(models: Models = None) -> None:
    """List every model: revision, licence, size, and whether it is present and verified."""
    from evaluator.cli.machine import run_models_list

    raise typer.Exit(run_models_list(models))


@models_app.command("fetch")
def models_fetch(
    keys: Annotated[
        list[str] | None, typer.Argument(help="Model keys; all that are open by default.")
    ] = None,
    models: Models = None,
    lock: Lock = None,
) -> None:
    """Download weights at full commits, resume interrupted downloads, and verify every digest. Revisions not pinned in weights.toml are looked up on the hub once and written to models.lock. Files that are present and correct are kept."""
    from evaluator.cli.machine import run_models_fetch

    raise typer.Exit(run_models_fetch(keys or [], models, lock))


@models_app.command("record")
def models_record(
    models: Models = None,
    out: Annotated[Path | None, typer.Option("--out", help="File (default: standard output).")] = None,
) -> None:
    """Write the size and digests of the local weights, for a second maintainer."""
    from evaluator.cli.machine import run_models_record

    raise typer.Exit(run_models_record(models, out))


@models_app.command("compare")
def models_compare(
    file: Annotated[
        Path, typer.Argument(help="Output of `models record` from another machine, or a models.lock.")
    ],
    models: Models = None,
    lock: Lock = None,
    confirm: Annotated[
        bool,
        typer.Option("--confirm", help="Add files that match on both and are not pinned yet to models.lock."),
    ] = False,
) -> None:
    """Compare the local weights with another maintainer's, file by file."""
    from evaluator.cli.machine import run_models_compare

    raise typer.Exit(run_models_compare(file, models, lock, confirm=confirm))


@models_app.command("verify")
def models_verify(models: Models = None) -> None:
    """Verify the digests of the local weights."""
    from evaluator.cli.machine import run_models_verify

    raise typer.Exit(run_models_verify(models))


@cache_app.command("info")
def cache_info(store: Store = None) -> None:
    """Show how many encoder results are cached and how much space they take."""
    from evaluator.cli.machine import run_cache_info

    raise typer.Exit(run_cache_info(store))


@cache_app.command("prune")
def cache_prune(
    max_gb: Annotated[
        float, typer.Option("--max-gb", min=0, help="Keep at most this many gigabytes.")
    ] = 20.0,
    store: Store = None,
) -> None:
    """Delete the least recently used encoder results."""
    from evaluator.cli.machine import run_cache_prune

    raise typer.Exit(run_cache_prune(store, max_gb))


@quota_app.command("show")
def quota_show(store: Store = None) -> None:
    """Show each team's runs on withheld datasets in the window and in the year, and its next slot."""
    from evaluator.cli.machine import run_quota_show

    raise typer.Exit(run_quota_show(store))


@quota_app.command("grant")
def quota_grant(
    team: Annotated[str, typer.Argument(help="Team slug.")],
    dataset: Annotated[str, typer.Argument(help="Dataset id.")],
    digest: Annotated[str, typer.Argument(help="SHA-256 of the prediction file.")],
    store: Store = None,
) -> None:
    """Allow exactly these predictions to be scored once more; counts as a run of the team."""
    from evaluator.cli.machine import run_quota_grant

    raise typer.Exit(run_quota_grant(team, dataset, digest, store))


@judge_app.command("serve")
def judge_serve(
    model: Annotated[
        str, typer.Argument(help="`green`, or a folder or hub id of weights; omit with --judges.")
    ] = "",
    engine: Annotated[Engine, typer.Option("--engine", help="vllm, or transformers.")] = Engine.vllm,
    name: Annotated[str, typer.Option("--name", help="Model name for --judge-model.")] = "judge",
    revision: Annotated[str, typer.Option("--revision", help="Hub revision.")] = "",
    port: Annotated[int, typer.Option("--port", help="Local port.")] = 8000,
    tensor_parallel: Annotated[
        int, typer.Option("--tensor-parallel", min=1, help="GPUs that share one copy of the model (vllm).")
    ] = 1,
    data_parallel: Annotated[
        int,
        typer.Option("--data-parallel", min=1, help="Copies of the model, each on its own GPUs (vllm)."),
    ] = 1,
    max_model_len: Annotated[
        int | None,
        typer.Option(
            "--max-model-len", min=1, help="Maximum number of prompt and answer tokens together (vllm)."
        ),
    ] = None,
    gpu_memory: Annotated[
        float, typer.Option("--gpu-memory", help="Share of a GPU's memory that the engine may take (vllm).")
    ] = 0.9,
    dtype: Annotated[str, typer.Option("--dtype", help="Precision on a GPU.")] = "float16",
    tokenizer: Annotated[str, typer.Option("--tokenizer", help="Folder of another tokenizer.")] = "",
    device: Annotated[
        str, typer.Option("--device", callback=device_name, help="Device of the transformers engine.")
    ] = "cpu",
    python: Annotated[
        str, typer.Option("--python", help="Interpreter of the engine's environment.")
    ] = sys.executable,
    models: Models = None,
    judges: Annotated[
        Path | None, typer.Option("--judges", help="TOML file of judges: start every engine it names.")
    ] = None,
) -> None:
    """Start the engine, wait until it responds, and keep it running until stopped."""
    from evaluator.cli.machine import run_judge_serve
    from evaluator.models.judges.serve import ServeOptions

    if bool(model) == (judges is not None):
        raise typer.BadParameter("name a model, or a file with --judges")
    options = ServeOptions(
        model=model,
        served_name=name,
        engine=engine.value,
        revision=revision,
        port=port,
        tensor_parallel=tensor_parallel,
        data_parallel=data_parallel,
        max_model_len=max_model_len,
        gpu_memory=gpu_memory,
        dtype=dtype,
        tokenizer=tokenizer,
        device=device,
        python=python,
    )
    raise typer.Exit(run_judge_serve(options, models, judges))


def doctor(
    prefix: Annotated[Path, typer.Option("--prefix", help="Where the runner kit is installed.")] = Path(
        "/opt/rexrank"
    ),
    role: Annotated[
        Role, typer.Option("--role", help="scorer: from inside, called by isolate.sh doctor.")
    ] = Role.host,
    workflows: Annotated[
        Path | None,
        typer.Option("--workflows", help="Checkout whose workflows the runner takes (default: this one)."),
    ] = None,
    github: Annotated[
        bool,
        typer.Option(
            "--github", help="Check the repository's settings instead, with GITHUB_TOKEN or GH_TOKEN."
        ),
    ] = False,
    repository: Annotated[str, typer.Option("--repository", help="OWNER/NAME on GitHub.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count undetermined checks as failures.")] = False,
) -> None:
    """Check the scoring runner (hook, accounts, isolation, packages, weights, GPU) or the settings on GitHub."""
    from evaluator.cli.doctor import run_doctor, run_inside, run_settings

    if github:
        raise typer.Exit(run_settings(repository, json=json, strict=strict))
    if role is Role.scorer:
        raise typer.Exit(run_inside(json=json, strict=strict))
    raise typer.Exit(run_doctor(prefix, workflows, json=json, strict=strict))


def infer(
    folder: Annotated[
        Path, typer.Argument(help="Submission folder with model.yaml: submissions/TEAM/MODEL.")
    ],
    dataset: Annotated[str, typer.Option("--dataset", help="Dataset id.")],
    studies: Annotated[Path, typer.Option("--studies", help="The dataset's studies.json.")],
    images: Annotated[Path, typer.Option("--images", help="Folder of its images, and of nothing else.")],
    engine: Annotated[Container, typer.Option("--engine", help="podman or docker.")] = Container.podman,
    log: Annotated[Path, typer.Option("--log", help="File for the container's output.")] = Path(
        "inference.log"
    ),
    hours: Annotated[float, typer.Option("--hours", min=0.001, help="How long it may run.")] = 6.0,
    memory: Annotated[int, typer.Option("--memory", min=1, help="Gigabytes of memory.")] = 32,
    cpus: Annotated[int, typer.Option("--cpus", min=1, help="Processors.")] = 8,
    pids: Annotated[int, typer.Option("--pids", min=1, help="Processes and threads.")] = 1024,
    scratch: Annotated[int, typer.Option("--scratch", min=1, help="Gigabytes of scratch in memory.")] = 16,
    gpu: Annotated[bool, typer.Option("--gpu", help="Give it this machine's GPUs.")] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Then open the pull request, as rexrank submit does.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Submit without asking; it becomes public.")] = False,
    repository: Annotated[str, typer.Option("--repository", help="OWNER/NAME on GitHub.")] = "",
) -> None:
    """For organisers: run a card's container image on images that cannot be shared; never on the scoring machine."""
    from evaluator.cli.infer import run_infer
    from evaluator.submissions.inference.engine import Limits
    from evaluator.submissions.inference.infer import InferRequest

    limits = Limits(hours * 3600, memory, cpus, pids, scratch, gpu=gpu)
    request = InferRequest(folder, dataset, studies, images, log)
    raise typer.Exit(run_infer(request, engine.value, limits, send=send, sure=yes, repository=repository))
