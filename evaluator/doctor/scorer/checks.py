"""The scorer's own view, from inside `isolate.sh`: what it cannot reach, and what it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from evaluator.core.problems import InputError, RexrankError
from evaluator.datasets.references import check_references, load_references
from evaluator.datasets.registry import Dataset, dataset_ids, get_dataset, study_ids
from evaluator.doctor.findings import Check, NotCheckable, Section, differences, facts
from evaluator.doctor.host.machine import Machine
from evaluator.metrics.judges import read_judges
from evaluator.models.download import states
from evaluator.scoring.machines import describe, leave_note, other_machines, unlike

PROCESSES: Final = 40
"""An upper limit for the scorer, its shells and a judge's engine together."""
DOOR: Final = "this is not running in isolate.sh, or its version differs: sudo runner/setup.sh"
FORBIDDEN: Final = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "PUSH_TOKEN", "HF_TOKEN", "SUDO_UID", "BASH_ENV", "LD_PRELOAD")  # fmt: skip
ADDRESSES: Final = (
    ("192.0.2.1", 443),
    ("1.1.1.1", 443),
    ("2606:4700:4700::1111", 443),
    ("169.254.169.254", 80),
)
"""A documentation address, two public ones, and the metadata address where clouds serve credentials."""
SHARED: Final = (
    "/tmp", "/var/tmp", "/run", "/run/lock", "/var/lock", "/dev", "/dev/mqueue", "/var/crash", "/var/spool/cron",  # noqa: S108
    "/var/spool/cron/crontabs", "/var/mail", "/opt", "/srv", "/var/lib", "/var/log", "/etc", "/usr/local", "/",
)  # fmt: skip
MAY: Final = {"references": "rx", "models": "rx", "store": "rwx"}
"""What the scorer may do with its folders; nothing with any other."""
VERBS: Final = {"r": "read", "w": "written", "x": "entered"}
CURES: Final = {
    "stand-in": "install the real weights; until then only the sandbox board gets scores",
    "unverified": "rexrank models fetch in the checkout pins them in models.lock (guide: Weights); until then no score counts",
    "wrong": "delete the folder, fetch again, and tell the other maintainers: a file has changed",
}
"""The fix for each state of weights, if it is not to fetch them."""
GUIDE: Final = "guide: References"


def check_inside(m: Machine) -> list[Section]:
    """Every finding from inside; raises `InputError` outside `isolate.sh`."""
    if not m.env.get("REXRANK_SCORER"):
        raise InputError("this inspects as the scorer: call it through isolate.sh doctor, as root.")
    parts = {"The scorer, from inside": ISOLATION, "What the scorer works with": _work(m)}
    return [Section(title, tuple(check.finding(m) for check in checks)) for title, checks in parts.items()]


def _user(m: Machine) -> list[str]:
    user, scorer = m.word("id", "-un"), m.env["REXRANK_SCORER"]
    groups = (m.output("id", "-Gn") or "?").split()
    status = dict(line.split(":\t", 1) for line in m.lines("/proc/self/status") if ":\t" in line)
    capabilities = int(status.get("CapPrm", "0"), 16) | int(status.get("CapBnd", "0"), 16)
    wrong = {f"it is {user}": user != scorer, f"capabilities {capabilities:x}": capabilities}
    wrong |= {f"it is in {group}": group not in {scorer, "video", "render"} for group in groups}
    return facts(wrong | {"it can gain privileges": status.get("NoNewPrivs") != "1"})


def _network(m: Machine) -> list[str]:
    names = {line.partition(":")[0].strip() for line in m.lines("/proc/self/net/dev") if ":" in line}
    outcomes = {f"{host}:{port}": m.reached(host, port) for host, port in ADDRESSES}
    # A packet dropped on the way has left the machine first.
    words = {"connected": "answers", "timeout": "times out instead of being refused"}
    return [
        *(f"the interface {name}" for name in sorted(names - {"lo"})),
        *(f"{where} {words[outcome]}" for where, outcome in outcomes.items() if outcome in words),
        *facts({"names are resolved": m.output("getent", "hosts", "github.com")}),
    ]


def _access(m: Machine) -> Iterator[str]:
    places = {name: m.env.get(f"REXRANK_{name.upper()}", "") for name in MAY}
    places |= {path: path for path in ("/etc/shadow", *m.env.get("REXRANK_SHUT", "").split(":")) if path}
    for name, path in places.items():
        there, wanted = ([VERBS[c] for c in letters] for letters in (m.able(path), MAY.get(name, "")))
        yield from differences(there, wanted, f"{name} can be {{}}", f"{name} cannot be {{}}")


def _writable(m: Machine) -> list[str]:
    # Really creates a file and removes it.
    leave = ("/bin/sh", "-c", 'rm -- "$(mktemp -- "$1/XXXXXXXXXX")"', "sh")
    return [place for place in SHARED if m.output(*leave, place) is not None]


def _hidden(m: Machine) -> Iterator[str]:
    for folder in filter(None, m.env.get("REXRANK_HIDE", "").split(":")):
        yield from (f"{folder} contains {Path(p).name}" for p in m.paths(f"{folder}/*", f"{folder}/.*")[:1])


ISOLATION: Final[tuple[Check[Machine], ...]] = (
    Check("RD401", "account", _user, lambda m: f"{m.env['REXRANK_SCORER']}, no capabilities, no new privileges", DOOR),
    Check("RD402", "network", _network, "no interface but loopback, no route", DOOR),
    Check("RD403", "processes", lambda m: [f"{n} processes" for n in [len(m.paths("/proc/[0-9]*"))] if n > PROCESSES], "only its own", DOOR),
    Check("RD404", "environment", lambda m: facts({f"{n} is set": n in m.env for n in FORBIDDEN} | {"there is no salt": not m.env.get("REXRANK_SALT")}),
          "only what isolate.sh sets, with the salt", DOOR),
    Check("RD405", "what it can read and write", _access, "references and weights read-only, the store, nothing else", "the owners and modes of RD205 to RD209"),
    Check("RD406", "writable folders", _writable, "only the store and the job's folder", DOOR),
    Check("RD407", "hidden folders", _hidden, "every folder of HIDE in runner.conf is empty inside", "add the folder to HIDE"),
)  # fmt: skip


def _work(m: Machine) -> Iterator[Check[Machine]]:
    for dataset in filter(lambda d: not d.synthetic, map(get_dataset, dataset_ids())):
        wanted = f"the file described in the registry, with {dataset.id}.manifest.json next to it"
        fix = "rexrank data check DIR; check split and version; if there is no manifest: rexrank data manifest DIR"
        wrong = partial(_references, dataset=dataset)
        yield Check("RD502", f"references of {dataset.id}", wrong, wanted, fix)
    yield Check("RD501", "references", _any_references, "at least one dataset's", GUIDE)
    for model in states(None):
        cure = model.spec.gated or f"rexrank models fetch {model.spec.key} --models DIR, as root"
        what, state = f"weights of {model.spec.key}", facts({model.state: model.state != "verified"})
        fix = CURES.get(model.state, cure)
        yield Check("RD503", what, partial(_told, wrong=state), "every file with its recorded digest", fix)
    yield GPU
    fix = "judges.toml; LOGS/isolate.log has the engine's output"
    for key, silent in judges(m.env.get("REXRANK_JUDGES", "")).items():
        wanted = "an engine on loopback that lists the model"
        yield Check("RD505", f"judge of {key}", partial(_told, wrong=silent), wanted, fix)
    yield ALIKE


def _told(_: Machine, wrong: list[str] | None) -> list[str]:
    if wrong is None:
        raise NotCheckable("none: judged metrics are not computed", "guide: The judges")
    return wrong


def _any_references(m: Machine) -> list[str]:
    if not any(m.paths(f"{m.env.get('REXRANK_REFERENCES')}/{name}.json") for name in dataset_ids()):
        raise NotCheckable("none: only the sandbox can be scored")
    return []


def _references(m: Machine, dataset: Dataset) -> list[str]:
    folder = Path(m.env.get("REXRANK_REFERENCES", ""))
    if not m.paths(f"{folder}/{dataset.id}.json"):
        raise NotCheckable("not here: this runner does not score it", GUIDE)
    try:
        there = check_references(load_references(dataset, folder))
        wrong = [
            *there.problems,
            *facts({"no manifest of its study ids": study_ids(dataset, folder) is None}),
        ]
    except RexrankError as error:
        return [str(error)]
    if not (wrong or there.ids_digest_known):
        look = f"record ids_digest {there.ids_digest} in evaluator/datasets/{dataset.id}.yaml"
        raise NotCheckable(f"{there.items:,} studies; the registry has no digest of their ids", look)
    return wrong


def _gpu(m: Machine) -> list[str]:
    try:
        import torch
    except (ImportError, OSError):
        return ["torch cannot be imported"]
    device, version = m.env.get("REXRANK_DEVICE", "cpu"), f"torch {torch.__version__}"
    if not device.startswith("cuda"):
        raise NotCheckable(f"DEVICE={device}: encoders run on the CPU ({version})", "DEVICE in runner.conf")
    if not torch.cuda.is_available():
        return [f"{version} sees none"]
    try:
        # A GPU may be listed and still fail to compute.
        side = torch.ones((64, 64), device=device)
        return facts({"it computes wrong sums": float((side @ side).sum()) != 64.0**3})
    except RuntimeError as error:
        return str(error).splitlines()[:1]


GPU: Final = Check(
    "RD504", "GPU", _gpu, "a GPU that torch can use, as set by DEVICE in runner.conf",
    "run nvidia-smi as the scorer; install the CUDA build of torch (fix for RD303); add the scorer to the groups video and render",
)  # fmt: skip


def _unlike(m: Machine) -> list[str]:
    """In what the machines that share the store differ from this one, after leaving this one's note there."""
    store, models = (m.env.get(f"REXRANK_{name}", "") for name in ("STORE", "MODELS"))
    path, asked = m.env.get("REXRANK_JUDGES", ""), {}
    with suppress(RexrankError):
        asked = dict(read_judges(Path(path)).settings) if path else {}
    note = describe(m.env.get("REXRANK_DEVICE", "cpu"), Path(models), asked, m.env.get("REXRANK_SALT", ""))
    leave_note(Path(store), note)
    return [line for other in other_machines(Path(store), note) for line in unlike(note, other)]


ALIKE: Final = Check(
    "RD506", "machines that share the store", _unlike, "the same GPU, salt, weights, judges and packages on each",
    "make them alike (guide: More than one GPU), then run the doctor on the other one; of a machine that is gone, remove the note in STORE/machines",
    "this one alone, or others that are like it",
)  # fmt: skip


def judges(path: str) -> dict[str, list[str] | None]:
    """What is wrong with each metric's judge; `None` if there is no judges file."""
    import requests

    if not path:
        return {"every metric": None}
    wrong: dict[str, list[str] | None] = {}
    try:
        settings = read_judges(Path(path)).settings
    except RexrankError as error:
        return {"every metric": [str(error)]}
    for key, judge in settings.items():
        try:
            models = requests.get(f"{judge.base_url}/models", timeout=10).json()["data"]
            missing = judge.model not in [item.get("id") for item in models]
            wrong[key] = facts({f"{judge.base_url} does not serve {judge.model}": missing})
        except (requests.RequestException, LookupError, TypeError, ValueError) as error:
            wrong[key] = [f"{judge.base_url} does not respond ({type(error).__name__})"]
    return wrong
