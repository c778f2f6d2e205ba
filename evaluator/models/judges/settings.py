"""Which judge answers, how it is queried, and what it may cost."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from evaluator.core.problems import MetricUnavailable


@dataclass(frozen=True)
class JudgeSettings:
    """One OpenAI-compatible endpoint and the terms on which it is used.

    `api_key_env` names the environment variable with the key (a local server needs none). Caps:
    `max_total_tokens` counts prompt and completion tokens of new calls, `max_cost` is in the currency of the
    prices, which are per million tokens. `dataset` is what is being scored and `hosted_ok_for` the datasets
    whose texts may go to a public host. `token_ids` sends GREEN's prompt as token ids to the completions
    endpoint, the only way to match the official layout; `None` leaves that to GREEN, which does so if the
    engine has its tokenizer. `reasoning` is for a model that thinks first: its limit includes the thinking,
    and it takes neither a temperature nor a seed. `control_prompts` are the runner's own adversarial texts,
    used as controls in addition to the public ones.
    """

    base_url: str
    model: str
    revision: str = ""
    api_key_env: str = ""
    concurrency: int = 16
    timeout: float = 120.0
    max_retries: int = 4
    max_tokens: int = 1024
    max_total_tokens: int | None = None
    max_cost: float | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0
    cache_dir: Path | None = None
    dataset: str = ""
    hosted_ok_for: frozenset[str] = field(default_factory=frozenset)
    structured: bool = False
    token_ids: bool | None = None
    reasoning: bool = False
    seed: int = 0
    stand_in: bool = False
    served: str = field(default="", compare=False)
    """What the engine started here serves under that name: a folder or a hub id."""
    control_prompts: tuple[str, ...] = field(default=(), repr=False)
    backoff: float = 0.5
    """Seconds before the first retry; doubled, with jitter, for each later one."""

    @property
    def decoding(self) -> str:
        """How answers are sampled, for signatures: greedy or reasoning, seed, token limit, schema."""
        way = "ids" if self.token_ids else "chat"
        mode = f"reasoning,{way}" if self.reasoning else f"greedy,{way},seed{self.seed}"
        return f"{mode},max{self.max_tokens}" + (",schema-2" if self.structured else "")


# Named here, because what `is_private` means differs between patch releases of Python.
_LOCAL: Final = tuple(
    ipaddress.ip_network(n)
    for n in (
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def is_local(base_url: str) -> bool:
    """Whether the host is this machine or a private address; names other than localhost are not."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in _LOCAL)


def is_loopback(base_url: str) -> bool:
    """Whether the host is this machine itself, whose folders can be read."""
    host = urlsplit(base_url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_hosted(settings: JudgeSettings) -> None:
    """Nothing; raises `MetricUnavailable` unless the host is local or the dataset may leave the machine."""
    if is_local(settings.base_url):
        return
    if settings.dataset and settings.dataset in settings.hosted_ok_for:
        return
    host = urlsplit(settings.base_url).hostname or settings.base_url
    what = settings.dataset or "unnamed texts"
    raise MetricUnavailable(
        f"the judge at {host} is not on this machine, and {what} may not be sent there. Use a local judge "
        "(rexrank judge serve), or, where the data's licence allows it, add the dataset to hosted_ok_for."
    )
