"""The scorer's own view, from behind the door that `isolate.sh` is: what it cannot reach, and what it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evaluator.doctor.findings import Check, Finding, Section, Untold, facts, listed, section, unsettled

PROCESSES: Final = 40
"""More processes than the scorer, its shells and a judge's engine have."""
DOOR: Final = "isolate.sh is not what runs here, or it is another one: sudo runner/setup.sh"
FORBIDDEN: Final = ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "PUSH_TOKEN", "HF_TOKEN", "SUDO_UID", "BASH_ENV", "LD_PRELOAD")  # fmt: skip
MAY: Final = {"references": "rx", "models": "rx", "store": "rwx"}
"""What the scorer may do with its places; with every other one nothing."""
VERBS: Final = {"r": "read", "w": "written", "x": "entered"}


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

    `egress`: `connected` or the kind of refusal by address; `access`: letters of `rwx` by place; `writable`: where
    it could leave something; `hidden`: what it sees in folders that should be empty; `judges`: what is wrong with
    each metric's judge, `None` without a file of judges.
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
    hidden: tuple[str, ...]
    data: tuple[Data, ...]
    weights: tuple[Weights, ...]
    device: str
    torch: str | None
    gpu: str | None
    gpu_error: str = ""
    judges: Mapping[str, str] | None = None


def check_inside(inside: Inside) -> list[Section]:
    """Every finding from inside."""
    return [
        section("The scorer, from inside", ISOLATION, inside),
        Section("What the scorer works with", tuple(_work(inside))),
    ]


def _user(inside: Inside) -> list[str]:
    others = sorted(inside.groups - {inside.scorer, "video", "render"})
    return facts({
        f"it is {inside.user}": inside.user != inside.scorer,
        **{f"it is in {group}": True for group in others},
        f"capabilities {inside.capabilities:x}": inside.capabilities,
        "it may gain privileges": not inside.no_new_privileges,
    })  # fmt: skip


def _network(inside: Inside) -> list[str]:
    # A packet that is dropped on its way was let out first.
    words = {"connected": "answers", "timeout": "is lost on the way, not refused"}
    doors = [f"the interface {name}" for name in inside.interfaces if name != "lo"]
    doors += [f"{where} {words[outcome]}" for where, outcome in inside.egress.items() if outcome in words]
    return doors + facts({"names are resolved": inside.resolves})


def _access(inside: Inside) -> list[str]:
    known = {
        place: (set(inside.access.get(place, "")), set(MAY.get(place, "")))
        for place in {**MAY, **inside.access}
    }
    less = [
        f"{place} may not be {VERBS[c]}"
        for place, (there, wanted) in known.items()
        for c in sorted(wanted - there)
    ]
    return less + [
        f"{place} may be {VERBS[c]}"
        for place, (there, wanted) in known.items()
        for c in sorted(there - wanted)
    ]


ISOLATION: Final[tuple[Check[Inside], ...]] = (
    Check("RD401", "account", _user, lambda i: f"{i.scorer}, no capabilities, no new privileges", DOOR,
          lambda i: f"{i.user}, without capabilities or a way to gain any"),
    Check("RD402", "network", _network, "no interface but loopback, no route", DOOR,
          lambda i: f"loopback only ({listed(f'{where}: {outcome}' for where, outcome in i.egress.items())})"),
    Check("RD403", "processes", lambda i: facts({f"{i.processes} processes": i.processes > PROCESSES}), "its own alone", DOOR, lambda i: f"{i.processes}, its own"),
    Check("RD404", "environment", lambda i: facts({f"{n} came along": n in i.environment for n in FORBIDDEN} | {"there is no salt": not i.salt_characters}),
          "only what isolate.sh sets", DOOR, lambda i: f"{len(i.environment)} variables, none of the caller's; the salt is there"),
    Check("RD405", "what it may read and write", _access, "references and weights read-only, the store, nothing else", "the owners and modes of RD205 to RD209"),
    Check("RD406", "where it could leave something", lambda i: i.writable, "nothing to write but store and job", DOOR),
    Check("RD407", "hidden folders", lambda i: i.hidden, "HIDE of runner.conf: empty inside", "name the folder in HIDE", "empty"),
)  # fmt: skip


def _work(inside: Inside) -> Iterator[Finding]:
    yield from (DATA.finding(d, f"references of {d.id}") for d in inside.data)
    if not any(d.here for d in inside.data):
        yield unsettled(
            "RD501", "references", "none: only the sandbox can be scored", "References in the guide"
        )
    yield from (WEIGHTS.finding(w, f"weights of {w.key}") for w in inside.weights)
    yield GPU.finding(inside)
    if inside.judges is None:
        yield unsettled("RD505", "judges", "none: no judged metric is computed", "The judges in the guide")
    yield from (JUDGE.finding(wrong, f"judge of {key}") for key, wrong in (inside.judges or {}).items())


def _references(data: Data) -> list[str]:
    if not data.here:
        raise Untold("not here: this runner does not score it", "References in the guide")
    if not (data.wrong or data.known) and data.manifest:
        look = f"record ids_digest {data.digest} in evaluator/datasets/{data.id}.yaml"
        raise Untold(f"{data.studies:,} studies; the registry knows no digest of its ids", look)
    return [*data.wrong, *facts({"no list of its study ids": not data.manifest})]


def _gpu(inside: Inside) -> list[str]:
    if inside.torch is not None and not inside.device.startswith("cuda"):
        raise Untold(
            f"DEVICE={inside.device}: encoders run on the processor (torch {inside.torch})",
            "DEVICE in runner.conf",
        )
    none = inside.gpu_error or f"torch {inside.torch} sees none"
    return facts({"torch cannot be imported": inside.torch is None, none: inside.torch and not inside.gpu})


def _cure(weights: Weights) -> str:
    fetch = weights.gated or f"rexrank models fetch {weights.key} --models DIR, as root"
    pinned = "rexrank models fetch in the checkout pins them in models.lock (Weights in the guide); until then no score counts"
    return {
        "stand-in": "put the real ones there; until then only the sandbox board is filled", "unverified": pinned,
        "wrong": "delete the folder, fetch again, and tell the others: a file was changed",
    }.get(weights.state, fetch)  # fmt: skip


DATA: Final[Check[Data]] = Check(
    "RD502", "", _references, lambda d: "the file that the registry describes" if d.wrong else f"{d.id}.manifest.json beside it",
    lambda d: "rexrank data check DIR; check split and version" if d.wrong else "rexrank data manifest DIR",
    lambda d: f"{d.studies:,} studies, ids as in the registry ({d.digest[:12]})",
)  # fmt: skip
WEIGHTS: Final[Check[Weights]] = Check(
    "RD503", "", lambda w: facts({w.state: w.state != "verified"}), "every file with its recorded digest", _cure, "verified, file by file",
)  # fmt: skip
GPU: Final[Check[Inside]] = Check(
    "RD504", "GPU", _gpu, lambda i: f"a GPU that torch can use as {i.device}",
    "nvidia-smi as the scorer; the CUDA build of torch (the line of RD303); the scorer's groups video and render",
    lambda i: f"{i.gpu} (torch {i.torch})",
)  # fmt: skip
JUDGE: Final[Check[str]] = Check(
    "RD505", "", lambda wrong: facts({wrong: wrong}), "an engine that lists the model",
    "judges.toml; LOGS/isolate.log has the engine's words", "it answers, on loopback",
)  # fmt: skip
