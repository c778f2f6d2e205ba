"""Every file a host writes: each way to get it wrong is a list of problems with fixes, and never another exception."""

from __future__ import annotations

import json
import os
import re
import threading
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.damage import DAMAGE

from evaluator.core.host_files import InvalidFile, read_host_file
from evaluator.core.problems import RexrankError
from evaluator.datasets.challenge import Challenge, Policy
from evaluator.datasets.references import Planted
from evaluator.datasets.registry import read_dataset
from evaluator.leaderboard.eligibility import read_releases
from evaluator.metrics.judges import read_judges
from evaluator.models.manifest import read_weights

ROOT = Path(__file__).parents[2]
DATASET = (ROOT / "evaluator/datasets/mimic-cxr.yaml").read_text("utf-8")
CHALLENGE = json.dumps(tomllib.loads((ROOT / "challenge.toml").read_text("utf-8")))
RELEASES = json.dumps({"a" * 64: {"by": "octocat", "why": "templates by design"}})
JUDGES = (ROOT / "runner/judges.toml.example").read_text("utf-8")
WEIGHTS = (ROOT / "evaluator/models/weights.toml").read_text("utf-8")

FILES = {
    "dataset": ("made-up.yaml", DATASET, lambda folder: read_dataset(folder / "made-up.yaml", "made-up")),
    "challenge": (
        "challenge.json",
        CHALLENGE,
        lambda folder: read_host_file(folder / "challenge.json", Challenge),
    ),
    "quota": ("quota.json", '{"runs": 2}', lambda folder: read_host_file(folder / "quota.json", Policy)),
    "releases": ("releases.json", RELEASES, read_releases),
    "planted": (
        "x.planted.json",
        '{"strings": ["a-b"], "swapped": ["s1"]}',
        lambda folder: read_host_file(folder / "x.planted.json", Planted),
    ),
    "judges": ("judges.toml", JUDGES, lambda folder: read_judges(folder / "judges.toml")),
    "weights": ("weights.toml", WEIGHTS, lambda folder: read_weights(folder / "weights.toml")),
}


def problems(folder: Path, kind: str, content: str | bytes) -> list[tuple[str, str, str]]:
    """Code, pointer and finding of every problem; empty for a valid file."""
    name, _, reader = FILES[kind]
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    (folder / name).write_bytes(data)
    try:
        reader(folder)
    except InvalidFile as error:
        failure = error
    else:
        return []
    assert len(failure.problems) > 0
    assert all(p.wanted and p.fix and p.file and p.found in str(failure) for p in failure.problems)
    return [(p.code, p.pointer, p.found) for p in failure.problems]


@pytest.mark.parametrize("kind", FILES)
def test_a_valid_file_is_read(tmp_path, kind):
    assert problems(tmp_path, kind, FILES[kind][1]) == []
    assert problems(tmp_path, kind, FILES[kind][1].replace("\n", "\r\n")) == []


DAMAGES = {
    "empty": ("", "RX602"),
    "blank": (" \n\n", "RX602"),
    "half a file": (None, "RX602"),
    "a byte order mark": (b"\xef\xbb\xbf", "RX601"),
    "UTF-16": ("utf-16", "RX601"),
    "cp1252": (b"# caf\xe9\n", "RX601"),
    "too large": ("#" * 5_000_000, "RX601"),
    "deep": ("[" * 50_000, "RX602"),
    "deep in a field": (None, "RX602"),
    "NUL": ("\x00", "RX602"),
    "conflict marks": ("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nc: 3\n>>>>>>> main\n", "RX602"),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damages(tmp_path, kind, damage):
    usual, code = DAMAGES[damage]
    sound = FILES[kind][1]
    content = {
        "half a file": f'{sound[: len(sound) // 2]}\nx: "',
        "deep in a field": ("x = " if kind in {"judges", "weights"} else "") + "[" * 17 + "]" * 17,
        "a byte order mark": b"\xef\xbb\xbf" + sound.encode(),
        "UTF-16": sound.encode("utf-16"),
        "cp1252": b"# caf\xe9\n" + sound.encode(),
    }.get(damage, usual)
    assert problems(tmp_path, kind, content)[0][0] == code


@pytest.mark.parametrize("kind", ["dataset", "judges", "weights"])
def test_a_missing_file_is_reported(tmp_path, kind):
    with pytest.raises(InvalidFile, match="No such file") as failure:
        FILES[kind][2](tmp_path)
    assert [p.code for p in failure.value.problems] == ["RX601"]


def test_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "challenge.json").mkdir()
    with pytest.raises(InvalidFile, match="Is a directory"):
        FILES["challenge"][2](tmp_path)


def changed(old: str, new: str) -> str:
    assert old in DATASET
    return DATASET.replace(old, new)


TRACKS = "tracks: {findings: 2347, report: 2347}"
DATASETS = {
    "YAML 1.1 booleans": (
        changed("synthetic: false", "synthetic: n"),
        [("RX603", "/synthetic", "the field 'synthetic' is 'n'")],
    ),
    "off": (changed("synthetic: false", "synthetic: off"), [("RX603", "/synthetic", "the field 'synthetic' is 'off'")]),
    "a number for a boolean": (
        changed("synthetic: false", "synthetic: 0"),
        [("RX603", "/synthetic", "the field 'synthetic' is 0")],
    ),
    "access misspelt": (
        changed("access: restricted", "access: publick"),
        [("RX603", "/access", "the field 'access' is 'publick'")],
    ),
    "access empty": (changed("access: restricted", "access:"), [("RX603", "/access", "the field 'access' is empty")]),
    "tracks as a list": (
        changed(TRACKS, "tracks: [findings]"),
        [("RX603", "/tracks", "the field 'tracks' is ['findings']")],
    ),
    "a track misspelt": (
        changed(TRACKS, "tracks: {finding: 50}"),
        [("RX604", "/tracks/finding", "'finding' is none of the tracks")],
    ),
    "no track": (changed(TRACKS, "tracks: {}"), [("RX603", "/tracks", "the field 'tracks' is {}")]),
    "a track with more than there are": (
        changed(TRACKS, "tracks: {impression: 2348}"),
        [("RX604", "/tracks/impression", "2,348 of 2,347 studies")],
    ),
    "a task that is not there": (
        f"task: vpa\n{DATASET}",
        [("RX603", "/task", "the field 'task' is 'vpa'")],
    ),
    "a section that no track needs": (
        re.sub(r"sections: \{.*\}", "sections: {conclusion: 5}", DATASET),
        [("RX604", "/sections/conclusion", "'conclusion' is none of the sections")],
    ),
    "a number as text": (
        changed(TRACKS, 'tracks: {findings: "2347", report: 2347}'),
        [("RX603", "/tracks/findings", "the field 'tracks.findings' is '2347'")],
    ),
    "octal": (changed("n_patients: 289", "n_patients: 0289"), [("RX603", "/n_patients", "the field 'n_patients' is '0289'")]),
    "sexagesimal": (changed("n_patients: 289", "n_patients: 4:49"), [("RX603", "/n_patients", "the field 'n_patients' is '4:49'")]),
    "NaN": (changed("n_studies: 2347", "n_studies: .nan"), [("RX603", "/n_studies", "the field 'n_studies' is nan")]),
    "a float": (changed("n_studies: 2347", "n_studies: 2347.0"), [("RX603", "/n_studies", "the field 'n_studies' is 2347.0")]),
    "more patients than studies": (
        changed("n_patients: 289", "n_patients: 2348"),
        [("RX604", "/n_patients", "2,348 of 2,347 studies")],
    ),
    "two at once": (
        changed("licence: ", "license: ").replace("split: test", "split: ' '"),
        [
            ("RX603", "/split", "the field 'split' is ' '"),
            ("RX603", "/licence", "the field 'licence' is missing"),
            ("RX603", "/license", "unknown field 'license'"),
        ],
    ),
    "an id of its own": (
        f"id: mimic\n{DATASET}",
        [("RX603", "/id", "unknown field 'id': the file's location says it")],
    ),
    "a list": ("- a\n- b\n", [("RX603", "", "the file contains ['a', 'b']")]),
    "http": (
        changed("https://pmc", "http://pmc"),
        [("RX603", "/links/its paper", "the field 'links.its paper' is 'http://pmc.ncbi.nlm.nih.gov/articles/PMC6908718'")],
    ),
    "a digest with a line break": (
        changed("ids_digest: null", f'ids_digest: "{"a" * 64}\\n"'),
        [("RX603", "/ids_digest", f"the field 'ids_digest' is '{'a' * 64}\\n'")],
    ),
    "a date": (changed("split: test", "split: 2026-01-01"), []),
}  # fmt: skip


@pytest.mark.parametrize("case", DATASETS)
def test_datasets(tmp_path, case):
    content, wanted = DATASETS[case]
    assert problems(tmp_path, "dataset", content) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\tn_studies: 3", "cannot start any token"),
        ("n_studies: 3\nn_studies: 4", "the key 'n_studies' appears twice"),
        ("a: &a [x]\nb: [*a, *a]", "anchors are not allowed"),
        ("title: !!python/object:os.system {}", "tags are not allowed"),
        ("1: x", "the key 1 is not text"),
        ("n_studies: " + "9" * 50, "a number with too many digits"),
        ("title: '\\ud800'\n---\ntitle: x", "but found another document"),
    ],
)
def test_yaml_that_is_more_than_plain(tmp_path, text, words):
    ((code, _, faults),) = problems(tmp_path, "dataset", text)
    assert code == "RX602"
    assert words in faults


def test_old_fields_name_their_replacement(tmp_path):
    old = changed("access: restricted", "access: Complete PhysioNet's credentialing.")
    (tmp_path / "made-up.yaml").write_text(f"{old}references_public: n\nids_public: false\n")
    with pytest.raises(InvalidFile) as failure:
        read_dataset(tmp_path / "made-up.yaml", "made-up")
    fixes = {p.pointer: p.fix for p in failure.value.problems}
    assert set(fixes) == {"/access", "/references_public", "/ids_public"}
    assert "goes to how_to_get" in fixes["/access"]
    assert "write access: public where it was true" in fixes["/references_public"]


def test_a_dataset_without_access_is_withheld(tmp_path):
    (tmp_path / "made-up.yaml").write_text(
        changed("access: restricted\n", "").replace("synthetic: false\n", "")
    )
    dataset = read_dataset(tmp_path / "made-up.yaml", "made-up")
    assert (dataset.access, dataset.synthetic, dataset.task) == ("withheld", False, "report-generation")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"window_days": 1e12}', [("RX603", "/window_days", "the field 'window_days' is 1000000000000.0")]),
        (
            '{"window_days": 1000000000000}',
            [("RX603", "/window_days", "the field 'window_days' is 1000000000000")],
        ),
        ('{"runs": 0}', [("RX603", "/runs", "the field 'runs' is 0")]),
        ('{"runs": true}', [("RX603", "/runs", "the field 'runs' is True")]),
        ('{"runs": "1"}', [("RX603", "/runs", "the field 'runs' is '1'")]),
        ('{"runs": null}', [("RX603", "/runs", "the field 'runs' is empty")]),
        ('{"run": 1}', [("RX603", "/run", "unknown field 'run'")]),
        ("[]", [("RX603", "", "the file contains []")]),
        (
            '{"runs": 1, "runs": 2}',
            [("RX602", "", "the key 'runs' appears 2 times in one object")],
        ),
        (
            '{"runs": NaN}',
            [("RX602", "", "the token NaN; it is not JSON"), ("RX603", "/runs", "the field 'runs' is empty")],
        ),
    ],
)
def test_policies(tmp_path, text, wanted):
    assert problems(tmp_path, "quota", text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"abc": {"by": "a", "why": "b"}}', [("RX603", "/abc", "the key 'abc'")]),
        (
            json.dumps({"A" * 64 + "\n": {"by": "a", "why": "b"}}),
            [("RX603", f"/{'A' * 64}\\u000a", f"the key '{'A' * 64}\\n'")],
        ),
        (f'{{"{"a" * 64}": {{"by": "a"}}}}', [("RX603", f"/{'a' * 64}/why", f"the field '{'a' * 64}.why' is missing")]),
        (
            f'{{"{"a" * 64}": {{"by": " ", "why": ["x"]}}}}',
            [
                ("RX603", f"/{'a' * 64}/by", f"the field '{'a' * 64}.by' is ' '"),
                ("RX603", f"/{'a' * 64}/why", f"the field '{'a' * 64}.why' is ['x']"),
            ],
        ),
    ],
)  # fmt: skip
def test_releases(tmp_path, text, wanted):
    assert problems(tmp_path, "releases", text) == wanted


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("size_mb = 331", 'size_mb = "331"', [("RX603", "/distilroberta-base/size_mb", "the field 'distilroberta-base.size_mb' is '331'")]),
        ('metrics = ["bertscore"]', 'metrics = "bertscore"', [("RX603", "/distilroberta-base/metrics", "the field 'distilroberta-base.metrics' is 'bertscore'")]),
        ('title = "DistilRoBERTa base"', "", [("RX603", "/distilroberta-base/title", "the field 'distilroberta-base.title' is missing")]),
        ('title = "DistilRoBERTa base"', 'key = "other"\ntitle = "D"', [("RX604", "/distilroberta-base/key", "unknown field 'key' ('other')")]),
        ('"vocab.json" =', '"../vocab.json" =', [("RX603", "/distilroberta-base/files/..~1vocab.json", "the key '../vocab.json'")]),
        ("fb53ab8802853c8e4fbdbcd0529f21fc6f459b2b", "main", [
            ("RX603", f"/distilroberta-base/files/{name}/revision", f"the field 'distilroberta-base.files.{name}.revision' is 'main'")
            for name in ("config.json", "model.safetensors", "vocab.json", "merges.txt")
        ]),
        ("[chexbert]", "[CheXbert]", None),
    ],
)  # fmt: skip
def test_weights(tmp_path, old, new, wanted):
    assert old in WEIGHTS
    wrongs = problems(tmp_path, "weights", WEIGHTS.replace(old, new))
    assert wrongs == wanted if wanted is not None else wrongs


def leaves(value, path=()):
    """Every place of a value, with what is there."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


def put(value, path, new):
    """The value with another one at a path."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


ODD = st.one_of(
    st.none(), st.booleans(), st.floats(allow_nan=True), st.integers(-(10**20), 10**20),
    st.text(max_size=8), st.lists(st.integers(), max_size=2), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@given(data=st.data())
@pytest.mark.parametrize("kind", ["dataset", "challenge", "releases"])
def test_no_value_at_any_place_is_coerced_or_raises_otherwise(kind, data, tmp_path_factory):
    """A file with an odd value somewhere gives a list of problems, or is read with that value in place."""
    folder = tmp_path_factory.mktemp("odd")
    sound = yaml.safe_load(FILES[kind][1])
    path, _ = data.draw(st.sampled_from(list(leaves(sound))))
    odd = put(sound, path, data.draw(ODD))
    text = yaml.safe_dump(odd) if kind == "dataset" else json.dumps(odd)
    for code, _, found in problems(folder, kind, text):
        assert code in {"RX602", "RX603", "RX604"}
        assert found


def test_the_generated_schemas_accept_what_ships():
    from jsonschema import Draft202012Validator

    shipped = {"judges-v1": [tomllib.loads(JUDGES)], "weights-v1": [tomllib.loads(WEIGHTS)]}
    shipped |= {"challenge-v1": [json.loads(CHALLENGE)], "releases-v1": [json.loads(RELEASES)]}
    shipped["dataset-v1"] = [
        yaml.safe_load(p.read_text()) for p in (ROOT / "evaluator/datasets").glob("*.yaml")
    ]
    for name, values in shipped.items():
        schema = json.loads((ROOT / f"evaluator/schemas/{name}.schema.json").read_text())
        for value in values:
            Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", ["a folder", "a link to nothing", "a link to itself", "a pipe"])
def test_anything_but_a_file_is_named_without_blocking(tmp_path, kind, name):
    file, content, reader = FILES[kind]
    (tmp_path / file).write_text(content)
    DAMAGE[name](tmp_path / file)
    with pytest.raises(RexrankError, match=file if kind != "weights" else "weights"):
        reader(tmp_path)


def test_a_pipe_with_a_writer_is_read(tmp_path):
    path = tmp_path / "challenge.json"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(CHALLENGE,))
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer continues
    writer.start()
    writer.join()
    assert FILES["challenge"][2](tmp_path).quota.runs == 1
    os.close(reader)
