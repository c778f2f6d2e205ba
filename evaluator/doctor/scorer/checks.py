"""The scorer's own view, from behind the door that `isolate.sh` is: what it cannot reach, and what it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evaluator.doctor.findings import Finding, Section, bad, good, judged, listed, unsettled

PROCESSES: Final = 40
"""More processes than the scorer, its shells and a judge's engine have."""
GPU: Final = "cuda"
DOOR: Final = "isolate.sh is not what runs here, or it is another one: sudo runner/setup.sh"
FORBIDDEN: Final = (
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "PUSH_TOKEN",
    "HF_TOKEN",
    "SUDO_UID",
    "BASH_ENV",
    "LD_PRELOAD",
)


@dataclass(frozen=True, slots=True)
class Data:
    """A dataset's references as they lie there: what `rexrank data check` says of them, or why it cannot."""

    id: str
    here: bool
    studies: int = 0
    wrong: tuple[str, ...] = ()
    digest: str = ""
    known: bool = False
    manifest: bool = True


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's weights: their state as `rexrank models verify` says it, and how to get a gated one."""

    key: str
    state: str
    gated: str = ""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a process finds that was started like the scorer.

    `egress` maps each address to `connected` or the kind of refusal; `access` maps the environment's places
    (`references`, `models`, `store`) and everything else that must be shut to letters of `rwx`.
    """

    user: str
    scorer: str
    groups: frozenset[str]
    capabilities: int
    no_new_privileges: bool
    processes: int
    interfaces: tuple[str, ...]
    egress: Mapping[str, str]
    resolves: bool
    environment: frozenset[str]
    salt_characters: int
    access: Mapping[str, str]
    writable: tuple[str, ...]
    """Places beside the store and the job's folder where it could leave something."""
    hidden: tuple[str, ...]
    """What it sees in folders that should be empty."""
    data: tuple[Data, ...]
    weights: tuple[Weights, ...]
    device: str
    torch: str | None
    gpu: str | None
    gpu_error: str = ""
    judges: Mapping[str, str] | None = None
    """Per judged metric what is wrong with its judge, empty for nothing; `None` without a file of judges."""


def check_inside(inside: Inside) -> list[Section]:
    """Every finding from inside."""
    return [
        Section("The scorer, from inside", tuple(_isolation(inside))),
        Section("What the scorer works with", tuple(_work(inside))),
    ]


def _isolation(inside: Inside) -> Iterator[Finding]:
    yield _user(inside)
    yield _network(inside)
    yield judged(
        "RD403", "processes", [f"{inside.processes} processes"] if inside.processes > PROCESSES else [],
        f"{inside.processes}, its own", "its own alone", DOOR,
    )  # fmt: skip
    yield _environment(inside)
    yield _access(inside)
    yield judged(
        "RD406", "where it could leave something", list(inside.writable), "nowhere but in the store and the job's folder",
        "nothing to write but store and job", DOOR,
    )  # fmt: skip
    yield judged(
        "RD407",
        "hidden folders",
        list(inside.hidden),
        "empty",
        "HIDE of runner.conf: empty inside",
        "name the folder in HIDE",
    )


def _work(inside: Inside) -> Iterator[Finding]:
    yield from (_data(d) for d in inside.data)
    if not any(d.here for d in inside.data):
        yield unsettled(
            "RD501",
            "references",
            "none: only the sandbox can be scored",
            "References in the guide",
        )
    yield from (_weights(w) for w in inside.weights)
    yield _device(inside)
    yield from _judges(inside)


def _user(inside: Inside) -> Finding:
    wrong = [f"it is {inside.user}"] if inside.user != inside.scorer else []
    wrong += [f"it is in {g}" for g in sorted(inside.groups - {inside.scorer, "video", "render"})]
    wrong += [f"capabilities {inside.capabilities:x}"] if inside.capabilities else []
    wrong += [] if inside.no_new_privileges else ["it may gain privileges"]
    return judged(
        "RD401", "account", wrong, f"{inside.user}, without capabilities or a way to gain any",
        f"{inside.scorer}, no capabilities, no new privileges", DOOR,
    )  # fmt: skip


def _network(inside: Inside) -> Finding:
    wrong = [f"the interface {name}" for name in inside.interfaces if name != "lo"]
    wrong += [f"{where} answers" for where, outcome in inside.egress.items() if outcome == "connected"]
    # A packet that is dropped on its way was let out first.
    wrong += [
        f"{where} is lost on the way, not refused"
        for where, outcome in inside.egress.items()
        if outcome == "timeout"
    ]
    wrong += ["names are resolved"] if inside.resolves else []
    outcomes = listed(f"{where}: {outcome}" for where, outcome in inside.egress.items())
    return judged(
        "RD402", "network", wrong, f"loopback only ({outcomes})", "no interface but loopback, no route", DOOR
    )


def _environment(inside: Inside) -> Finding:
    wrong = [f"{name} came along" for name in FORBIDDEN if name in inside.environment]
    wrong += [] if inside.salt_characters else ["there is no salt"]
    fine = f"{len(inside.environment)} variables, none of the caller's; the salt is there"
    return judged("RD404", "environment", wrong, fine, "only what isolate.sh sets", DOOR)


def _access(inside: Inside) -> Finding:
    wanted = {"references": "rx", "models": "rx", "store": "rwx"}
    wrong = [
        f"{place} may not be {_verb(letter)}"
        for place, letters in wanted.items()
        for letter in letters
        if letter not in inside.access.get(place, "")
    ]
    for place, able in inside.access.items():
        extra = set(able) - set(wanted.get(place, ""))
        wrong += [f"{place} may be {_verb(letter)}" for letter in "rwx" if letter in extra]
    return judged(
        "RD405", "what it may read and write", wrong, "references and weights to read, the store to write",
        "references and weights read-only, the store, nothing else", "the owners and modes of RD205 to RD209",
    )  # fmt: skip


def _verb(letter: str) -> str:
    return {"r": "read", "w": "written", "x": "entered"}[letter]


def _data(data: Data) -> Finding:
    what = f"references of {data.id}"
    if not data.here:
        return unsettled("RD502", what, "not here: this runner does not score it", "References in the guide")
    if data.wrong:
        return bad(
            "RD502",
            what,
            listed(data.wrong),
            "the file that the registry describes",
            "rexrank data check DIR; check split and version",
        )
    if not data.manifest:
        return bad(
            "RD502",
            what,
            "no list of its study ids",
            f"{data.id}.manifest.json beside it",
            "rexrank data manifest DIR",
        )
    if not data.known:
        return unsettled(
            "RD502", what, f"{data.studies:,} studies; the registry knows no digest of its ids",
            f"record ids_digest {data.digest} in evaluator/datasets/{data.id}.yaml",
        )  # fmt: skip
    return good("RD502", what, f"{data.studies:,} studies, ids as in the registry ({data.digest[:12]})")


def _weights(weights: Weights) -> Finding:
    what = f"weights of {weights.key}"
    if weights.state == "verified":
        return good("RD503", what, "verified, file by file")
    fetch = weights.gated or f"rexrank models fetch {weights.key} --models DIR, as root"
    cures = {
        "stand-in": "put the real ones there; until then only the sandbox board is filled",
        "unverified": "rexrank models fetch in the checkout pins them in models.lock (Weights in the guide); "
        "until then no score counts",
        "absent": fetch,
        "incomplete": fetch,
        "wrong": "delete the folder, fetch again, and tell the others: a file was changed",
    }
    return bad(
        "RD503", what, weights.state, "every file with its recorded digest", cures.get(weights.state, fetch)
    )


def _device(inside: Inside) -> Finding:
    what = "GPU"
    if inside.torch is None:
        return bad("RD504", what, "torch cannot be imported", "torch in the environment", "the line of RD303")
    if not inside.device.startswith(GPU):
        return unsettled(
            "RD504",
            what,
            f"DEVICE={inside.device}: encoders run on the processor (torch {inside.torch})",
            "DEVICE in runner.conf",
        )
    if inside.gpu is None:
        return bad(
            "RD504", what, inside.gpu_error or f"torch {inside.torch} sees none", f"a GPU that torch can use as {inside.device}",
            "nvidia-smi as the scorer; the CUDA build of torch; the scorer's groups video and render",
        )  # fmt: skip
    return good("RD504", what, f"{inside.gpu} (torch {inside.torch})")


def _judges(inside: Inside) -> Iterator[Finding]:
    if inside.judges is None:
        yield unsettled(
            "RD505", "judges", "none: GREEN and CRIMSON are not computed", "The judges in the guide"
        )
    for key, wrong in (inside.judges or {}).items():
        yield judged(
            "RD505", f"judge of {key}", [wrong] if wrong else [], "it answers, on loopback", "an engine that lists the model",
            "judges.toml; LOGS/isolate.log has the engine's words",
        )  # fmt: skip
