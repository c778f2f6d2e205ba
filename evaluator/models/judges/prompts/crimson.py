"""CRIMSON's prompt, read from the published wheel: the text is not stored here, and no code of it runs.

The wheel `crimson-score` 0.2.2 is kept in the models directory like weights and is pinned by its digest. The
constants of its modules are read with `ast`; each must have the digest recorded here. Stand-in judges get a
short text of this project's own instead.
"""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Final

from evaluator.core.files import sha256_bytes
from evaluator.models.lock import Pin
from evaluator.models.manifest import model_specs
from evaluator.models.weights import WeightsLabel, damaged, matching_pin, model_directory

MODEL: Final = "crimson"
MAX_MODULE: Final = 1_000_000
SYSTEM: Final = "16c21919ad5b716b63bf5784d120e9a260dd93c38e846c533cea568c00797171"
"""SHA-256 of the system message."""
SECTIONS: Final = {
    "OBJECTIVE": "3dd856098f21313d718266732a7e615bcf13ea209f699351467f6e7a0088fb4e",
    "TASK_STEPS": "c2c9c765dd85977ff5ce73c128f562879f03b14f972059d7cc4657bcccf7fa1f",
    "CLINICAL_SIGNIFICANCE_LEVELS": "aac9f6411d42d4ddd57b163b70fa45d272501f072f090f8ca7d82e72056e7018",
    "SIGNIFICANCE_EXAMPLES": "f2b2ee5f487790db4c2fce73d8d41af275b1f952c5d9ee767282145539469875",
    "SIGNIFICANCE_APPLICATION": "24b09f54638ec8e9fba192cff74c5b4fdddf1ec1da751dbd469367b0ecc47ede",
    "ATTRIBUTE_SEVERITY_LEVELS": "cdeffa349380e346163e6a7fe2ff178291d83956d0d820b5806bb0e6633d91a8",
    "ERROR_CATEGORIES": "c79e8005d8f4f4662d7f2fb1a75bad558d6f9b21122234e1690c8c86622f482d",
    "MATCHING_CRITERIA": "a7042629763e2c6cd7a8c0b66c32b6bb5561d81ca11e69a7d158b9a882a886d1",
    "ATTRIBUTE_ERROR_INSTRUCTIONS": "2c95e262a8d15c415e016c17eb67820678aec237e203bac09c546835880b4bd2",
    "ATTRIBUTE_SEVERITY_GUIDELINES": "08f666df31dd9f4c18169a0568bfcc4bef4918419209031637c8411c05f5a941",
    "CONTEXT_GUIDELINES": "15f22ab6497921a917bda9c3b5bc86f36ffdd268a7abef2dd756926187f9b2fa",
    "OUTPUT_FORMAT": "122935fa38f8e29b7e090d6b1525e0c8d25d08ebcfdc33d27d390fe6e361cd9c",
    "IMPORTANT_NOTES": "89f06829ef8327ee56ef9b8f5705b0936bb322895395cc83fe62d1460cd808d8",
}
"""SHA-256 of each section, in the order of the user message."""
GUIDELINES: Final = ("SIGNIFICANCE_EXAMPLES", "ATTRIBUTE_SEVERITY_GUIDELINES")
"""Sections that only the long prompt has; it also has `CONTEXT_GUIDELINES` where a context is given."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The system message and the sections by name."""

    system: str
    sections: Mapping[str, str]

    def messages(
        self, reference: str, prediction: str, context: Mapping[str, str], *, guidelines: bool
    ) -> tuple[tuple[str, str], ...]:
        """The two messages about one pair; `context` is empty where none is given."""
        patient = "".join(f"    {key}: {value}\n" for key, value in context.items())
        parts = [
            self.sections["OBJECTIVE"],
            f"Patient Context:\n{patient}" if context else "",
            f"Reference Findings (Ground Truth):\n{reference}",
            f"Predicted Findings (Candidate):\n{prediction}",
        ]
        for name, text in list(self.sections.items())[1:]:
            optional = name in GUIDELINES or name == "CONTEXT_GUIDELINES"
            wanted = guidelines and (name != "CONTEXT_GUIDELINES" or bool(context))
            parts.append(text if wanted or not optional else "")
        return ("system", self.system), ("user", "\n\n".join(part for part in parts if part))


def wheel(models: Path | None) -> Path:
    """The wheel in the models directory.

    Raises `MetricUnavailable` unless it exists and is the pinned one.
    """
    spec, folder = model_specs()[MODEL], model_directory(MODEL, models)
    name, source = next(iter(spec.files.items()))
    if matching_pin(folder / name, [Pin("", source.sha256, "")]) is None:
        raise damaged(folder / name, MODEL, "it is missing or not the published file")
    return folder / name


def prompt_label(models: Path | None) -> WeightsLabel:
    """What a signature calls the prompt: the digest of the wheel. Raises `MetricUnavailable` without it."""
    wheel(models)
    return WeightsLabel(MODEL, "verified", next(iter(model_specs()[MODEL].files.values())).sha256[:12])


def published(models: Path | None) -> Prompt:
    """The published prompt. Raises `MetricUnavailable` if the wheel is missing or contains another one."""
    return _read(wheel(models))


@lru_cache(maxsize=1)
def _read(path: Path) -> Prompt:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _constants(_module(archive, "CRIMSON/prompt_parts.py"))
            texts = _strings(_module(archive, "CRIMSON/generate_score.py"))
    except (OSError, ValueError, SyntaxError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        raise damaged(path, MODEL, error) from error
    system = next((t for t in texts if sha256_bytes(t.encode()) == SYSTEM), None)
    wrong = [n for n, digest in SECTIONS.items() if sha256_bytes(parts.get(n, "").encode()) != digest]
    if wrong or system is None:
        raise damaged(path, MODEL, f"not the published text: {', '.join(wrong) or 'system message'}")
    return Prompt(system, {name: parts[name] for name in SECTIONS})


def _module(archive: zipfile.ZipFile, name: str) -> ast.Module:
    if archive.getinfo(name).file_size > MAX_MODULE:
        raise ValueError(f"{name} is too large")
    return ast.parse(archive.read(name))


def _constants(module: ast.Module) -> dict[str, str]:
    """The string constants that a module defines."""
    return {
        target.id: node.value.value
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _strings(module: ast.Module) -> list[str]:
    return [n.value for n in ast.walk(module) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def stand_in_messages(reference: str, prediction: str) -> tuple[tuple[str, str], ...]:
    """The message of a rehearsal about one pair."""
    text = (
        resources.files("evaluator.models.judges.prompts").joinpath("crimson_stand_in.txt").read_text("utf-8")
    )
    before, rest = text.split("{reference}")
    between, after = rest.split("{prediction}")
    return (("user", f"{before}{reference}{between}{prediction}{after}"),)


def stand_in_label() -> WeightsLabel:
    """What a signature calls the prompt of rehearsals."""
    text = resources.files("evaluator.models.judges.prompts").joinpath("crimson_stand_in.txt").read_bytes()
    return WeightsLabel(MODEL, "stand-in", sha256_bytes(text)[:12])
