"""The judges of a machine, in one TOML file: which model answers for which metric, and how it is started.

    [green]
    model = "green"
    revision = "7adba1f37836459369f9ab574aa382581679f7fa"
    token_ids = true
    [green.serve]
    weights = "/srv/rexrank/models/green"
    python = "/srv/vllm/bin/python"
    port = 8001
    gpu_memory = 0.4

    [fineradscore]
    base_url = "http://127.0.0.1:8002/v1"
    model = "judge"
    max_cost = 50.0

A judge's `base_url` follows from `serve` when an engine is started here. `control_prompts` names a private
file of adversarial texts, one per line, that are used as controls in addition to the public ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, create_model, model_validator

from evaluator.core.host_files import read_host_file
from evaluator.core.problems import MAX_TEXT, InputError, visible
from evaluator.core.typed import Line, Typed, Wrong, disagreement, form
from evaluator.datasets.registry import dataset_ids
from evaluator.models.judges.serve import RunningEngine, ServeOptions, base_url, served
from evaluator.models.judges.settings import JudgeSettings

MAX_PROMPTS: Final = 200
MAX_PROMPT: Final = 2_000
"""Most characters in one control prompt."""
Size = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Price = Annotated[float, Field(ge=0, le=1e6)]
JUDGE_ADDRESS: Final = r"https?://[^\s/?#@]+(?:/[^\s?#]*)?"
BaseUrl = Annotated[
    str,
    form(JUDGE_ADDRESS, "an address such as http://127.0.0.1:8001/v1", longest=300),
]
Revision = Annotated[str, form("[A-Za-z0-9._/:+-]{0,200}", "a commit or a version")]
VariableName = Annotated[str, form("[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")]


class ServeConfig(Typed):
    """The engine that serves a judge on this machine."""

    weights: Line = Field(description="Folder of the model, or its id on the hub.")
    engine: Literal["vllm", "transformers"] = Field(default="vllm", description="The engine that serves it.")
    revision: Revision = Field(default="", description="Commit on the hub; not used for a folder.")
    port: Annotated[int, Field(ge=1, le=65_535)] = Field(default=8000, description="Local port.")
    tensor_parallel: Size = Field(default=1, description="GPUs that share one copy of the model.")
    data_parallel: Size = Field(default=1, description="Copies of the model.")
    max_model_len: Size | None = Field(
        default=None, description="Longest prompt and answer together, in tokens."
    )
    dtype: Line = Field(default="float16", description="Type of the weights in memory.")
    gpu_memory: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.9, description="Fraction of a GPU's memory."
    )
    seed: Seed = Field(default=0, description="Seed of the engine.")
    python: Line | None = Field(default=None, description="Interpreter of the engine's environment.")
    tokenizer: Line | None = Field(
        default=None, description="Folder of a tokenizer other than the model's own."
    )
    device: Annotated[str, form("cpu|cuda(?::[0-9]{1,2})?", "cpu, cuda or cuda:0")] = Field(
        default="cpu", description="For transformers only."
    )


class JudgeConfig(Typed):
    """Which model answers for a metric, on which terms, and how it is started."""

    model: Line = Field(description="The name by which the endpoint knows the model.")
    base_url: BaseUrl | None = Field(
        default=None, description="The endpoint; derived from serve if that is given."
    )
    revision: Revision = Field(default="", description="Commit of the model's weights.")
    api_key_env: VariableName | None = Field(
        default=None, description="The environment variable with the key; a local server needs none."
    )
    concurrency: Annotated[int, Field(ge=1, le=1_024)] = Field(
        default=16, description="Concurrent questions."
    )
    timeout: Annotated[float, Field(gt=0, le=86_400)] = Field(
        default=120.0, description="Seconds to wait for an answer."
    )
    max_retries: Annotated[int, Field(ge=0, le=100)] = Field(default=4, description="Retries per question.")
    max_tokens: Size = Field(default=1024, description="Longest answer, in tokens.")
    max_total_tokens: Annotated[int, Field(ge=0, le=10**12)] | None = Field(
        default=None, description="Cap on the tokens of new questions and answers."
    )
    max_cost: Price | None = Field(
        default=None, description="Cap on their cost, in the currency of the prices."
    )
    prompt_price: Price = Field(default=0.0, description="Price of a million prompt tokens.")
    completion_price: Price = Field(default=0.0, description="Price of a million completion tokens.")
    hosted_ok_for: Annotated[tuple[Line, ...], Field(strict=False)] = Field(
        default=(), description="Datasets whose texts may go to a public host."
    )
    structured: bool = Field(default=False, description="Request JSON that follows a schema.")
    token_ids: bool | None = Field(
        default=None,
        description="Send GREEN's prompt as token ids; the default when the engine serves GREEN's own tokenizer.",
    )
    reasoning: bool = Field(
        default=False,
        description="A hosted reasoning model: its thinking counts as part of the answer, and it takes no temperature.",
    )
    seed: Seed = Field(default=0, description="Sampling seed.")
    control_prompts: Line | None = Field(
        default=None, description="Private file of adversarial texts, one per line, used as further controls."
    )
    serve: ServeConfig | None = Field(default=None, description="The engine to start here.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wrongs: list[Wrong] = [
            (
                ("hosted_ok_for", i),
                f"unknown dataset {name!r}",
                f"one of {', '.join(dataset_ids())}",
                "correct it",
            )
            for i, name in enumerate(self.hosted_ok_for)
            if name not in dataset_ids()
        ]
        if self.serve is None and self.base_url is None:
            wrongs.append(
                ((), "neither base_url nor serve", "the address of the judge", "add one of the two")
            )
        if wrongs:
            raise disagreement(wrongs)
        return self


class JudgesFile(Typed):
    """The judges of a machine, by the metric that asks them.

    Its fields are generated from the metrics (`judges_form`).
    """

    @property
    def judges(self) -> dict[str, JudgeConfig]:
        """The judges in the file, by metric key."""
        tables = {key: getattr(self, key) for key in type(self).model_fields}
        return {key: judge for key, judge in tables.items() if judge is not None}

    @model_validator(mode="after")
    def _one_port_each(self) -> Self:
        ports: dict[int, str] = {}
        for key, judge in self.judges.items():
            if judge.serve and ports.setdefault(judge.serve.port, key) != key:
                found = f"the port of {ports[judge.serve.port]} too"
                raise disagreement(
                    [((key, "serve", "port"), found, "a port of its own", "choose another one")]
                )
        return self


@dataclass(frozen=True)
class Judges:
    """Settings per metric key, and the engines to start, by metric key."""

    settings: Mapping[str, JudgeSettings]
    engines: Mapping[str, ServeOptions]


def judges_form(titles: Iterable[tuple[str, str]]) -> type[JudgesFile]:
    """The form of the file for metrics by key and title: one optional table each."""
    fields: dict[str, Any] = {
        key: (JudgeConfig | None, Field(default=None, description=f"{title}'s judge."))
        for key, title in titles
    }
    return create_model("JudgesFile", __base__=JudgesFile, __doc__=JudgesFile.__doc__, **fields)


def read_judges(path: Path, form: type[JudgesFile]) -> Judges:
    """The judges of a TOML file, with the control prompts it refers to.

    Raises `InvalidFile` with every problem of the file, `RexrankError` for prompts that cannot be used.
    """
    judges = read_host_file(path, form, form="TOML").judges
    engines = {key: _engine(judge, judge.serve) for key, judge in judges.items() if judge.serve}
    settings = {
        key: replace(_settings(judge, engines.get(key)), control_prompts=_prompts(path, key, judge))
        for key, judge in judges.items()
    }
    return Judges(settings, engines)


def _prompts(file: Path, key: str, judge: JudgeConfig) -> tuple[str, ...]:
    """The lines of a private file of control prompts.

    Messages never quote a line: a prompt that participants could read would be useless as a control.
    """
    if judge.control_prompts is None:
        return ()
    where = f"{file}: [{key}] control_prompts: {visible(judge.control_prompts, MAX_TEXT)}"
    try:
        with Path(judge.control_prompts).open("rb") as stream:
            data = stream.read(4 * MAX_PROMPTS * MAX_PROMPT + 1)
        prompts = tuple(line.strip() for line in data.decode("utf-8").split("\n") if line.strip())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{where} cannot be read ({type(error).__name__}). Correct the path.") from error
    if not 0 < len(prompts) <= MAX_PROMPTS or max(map(len, prompts)) > MAX_PROMPT:
        raise InputError(
            f"{where} has {len(prompts)} lines; wanted 1 to {MAX_PROMPTS}, each of at most {MAX_PROMPT:,} characters."
        )
    return prompts


def _engine(judge: JudgeConfig, serve: ServeConfig) -> ServeOptions:
    options = serve.model_dump(exclude_unset=True, exclude_none=True, exclude={"weights"})
    return ServeOptions(model=serve.weights, served_name=judge.model, **options)


def _settings(judge: JudgeConfig, engine: ServeOptions | None) -> JudgeSettings:
    fields = judge.model_dump(
        exclude_unset=True, exclude_none=True, exclude={"serve", "hosted_ok_for", "control_prompts"}
    )
    if engine is not None:
        fields |= {"base_url": fields.get("base_url", base_url(engine)), "served": engine.model}
        fields.setdefault("revision", engine.revision)
    return JudgeSettings(**fields, hosted_ok_for=frozenset(judge.hosted_ok_for))


@contextmanager
def running(judges: Judges, wait_seconds: float = 900.0) -> Iterator[list[RunningEngine]]:
    """The engines of the file, running.

    They start one after the other, so that none takes memory another needs. All are stopped when the block
    ends. Raises `JudgeVoid` if one does not start.
    """
    with ExitStack() as stack:
        yield [
            stack.enter_context(served(options, wait_seconds=wait_seconds))
            for options in judges.engines.values()
        ]


__all__ = ["Judges", "judges_form", "read_judges", "running"]
