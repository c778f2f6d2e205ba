"""Looks around as the scorer would: run by `isolate.sh doctor`, where nothing may be reached."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.datasets.references import check_references, load_references
from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset, study_ids
from evaluator.doctor.host.read import named
from evaluator.doctor.scorer.checks import Data, Inside, Weights
from evaluator.models.download import states
from evaluator.models.judges.config import read_judges

ADDRESSES: Final = (
    ("192.0.2.1", 443),
    ("1.1.1.1", 443),
    ("2606:4700:4700::1111", 443),
    ("169.254.169.254", 80),
)
"""A documentation address, two public ones, and the one where clouds hand out credentials."""
SECONDS: Final = 3.0
SHARED: Final = (
    "/tmp", "/var/tmp", "/run", "/run/lock", "/var/lock", "/dev", "/dev/mqueue", "/var/crash", "/var/spool/cron",  # noqa: S108
    "/var/spool/cron/crontabs", "/var/mail", "/opt", "/srv", "/var/lib", "/var/log", "/etc", "/usr/local", "/",
)  # fmt: skip


def look_inside() -> Inside:
    """What this process finds around it; raises `InputError` outside the door."""
    env = os.environ
    if not env.get("REXRANK_SCORER"):
        raise InputError("this looks around as the scorer: call it through isolate.sh doctor, as root.")
    references = Path(env["REXRANK_REFERENCES"]) if env.get("REXRANK_REFERENCES") else None
    device = env.get("REXRANK_DEVICE", "cpu")
    torch, gpu, error = _torch(device)
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    places = {name: env.get(f"REXRANK_{name.upper()}", "") for name in ("references", "models", "store")}
    shut = {path: path for path in ("/etc/shadow", *env.get("REXRANK_SHUT", "").split(":")) if path}
    return Inside(
        user=pwd.getpwuid(os.geteuid()).pw_name,
        scorer=env.get("REXRANK_SCORER", ""),
        groups=frozenset(named(grp.getgrgid, g) for g in {*os.getgroups(), os.getegid()}),
        capabilities=int(status.get("CapPrm", "0"), 16) | int(status.get("CapBnd", "0"), 16),
        no_new_privileges=status.get("NoNewPrivs") == "1",
        processes=sum(p.name.isdigit() for p in Path("/proc").iterdir()),
        interfaces=tuple(sorted(name for _, name in socket.if_nameindex())),
        egress={f"{host}:{port}": connect(host, port) for host, port in ADDRESSES},
        resolves=_resolves(),
        environment=frozenset(env),
        salt_characters=len(env.get("REXRANK_SALT", "")),
        access={name: _able(path) for name, path in (places | shut).items()},
        writable=tuple(writable()),
        hidden=tuple(_not_empty(env.get("REXRANK_HIDE", ""))),
        data=tuple(_data(get_dataset(d), references) for d in dataset_ids() if not get_dataset(d).synthetic),
        weights=tuple(Weights(s.spec.key, s.state, s.spec.gated) for s in states(None)),
        device=device,
        torch=torch,
        gpu=gpu,
        gpu_error=error,
        judges=_judges(Path(env["REXRANK_JUDGES"])) if env.get("REXRANK_JUDGES") else None,
    )


def connect(host: str, port: int) -> str:
    """`connected`, `timeout`, or the name of the error that refused a connection."""
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return "connected"


def _resolves() -> bool:
    try:
        return bool(socket.getaddrinfo("github.com", 443))
    except OSError:
        return False


def _able(path: str) -> str:
    letters = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}
    return "".join(letter for letter, mode in letters.items() if path and os.access(path, mode))


def writable() -> list[str]:
    """The shared places where a file can really be left."""
    places = []
    for place in (p for p in SHARED if Path(p).is_dir()):
        with suppress(OSError), tempfile.NamedTemporaryFile(dir=place):
            places.append(place)
    return places


def _not_empty(hide: str) -> list[str]:
    items = []
    for folder in (Path(f) for f in hide.split(":") if f):
        with suppress(OSError):
            items += [f"{folder} holds {item.name}" for item in folder.iterdir()][:1]
    return items


def _data(dataset: Dataset, directory: Path | None) -> Data:
    if directory is None or not (directory / f"{dataset.id}.json").is_file():
        return Data(dataset.id, here=False)
    try:
        counts = check_references(load_references(dataset, directory))
        manifest = study_ids(dataset, directory) is not None
    except RexrankError as error:
        return Data(dataset.id, here=True, wrong=(str(error),))
    return Data(
        dataset.id, True, counts.items, counts.problems, counts.ids_digest, counts.ids_digest_known, manifest
    )


def _torch(device: str) -> tuple[str | None, str | None, str]:
    """Torch's version, the GPU's name, and why there is none."""
    try:
        import torch
    except (ImportError, OSError):
        return None, None, ""
    if not device.startswith("cuda") or not torch.cuda.is_available():
        return torch.__version__, None, ""
    try:
        # A GPU that is listed may still refuse to compute.
        side = torch.ones((64, 64), device=device)
        total = float((side @ side).sum())
    except RuntimeError as error:
        return torch.__version__, None, str(error).splitlines()[0]
    if total != 64.0**3:
        return torch.__version__, None, "it computes wrong sums"
    memory = torch.cuda.get_device_properties(device).total_memory / 1e9
    return torch.__version__, f"{torch.cuda.get_device_name(device)}, {memory:.0f} GB", ""


def _judges(path: Path) -> dict[str, str]:
    """What is wrong with the judge of each metric, empty for nothing."""
    try:
        judges = read_judges(path).settings
    except RexrankError as error:
        return {"every metric": str(error)}
    return {key: _asked(judge.base_url, judge.model) for key, judge in judges.items()}


def _asked(url: str, model: str) -> str:
    import requests

    try:
        models = requests.get(f"{url}/models", timeout=10).json()["data"]
    except (requests.RequestException, LookupError, TypeError, ValueError) as error:
        return f"{url} does not answer ({type(error).__name__})"
    return "" if model in [item.get("id") for item in models] else f"{url} does not serve {model}"
