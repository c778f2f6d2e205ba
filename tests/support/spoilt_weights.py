"""Ways in which weights come to harm, each with what must follow where that is known."""

from __future__ import annotations

import gzip
import io
import json
import math
import os
import pickle
import random
import re
import struct
import tarfile
import zipfile
from pathlib import Path

from support.fuzz import damage_bytes, damage_value, flipped, obstruct

USED = {
    "distilroberta-base": ("config.json", "vocab.json", "merges.txt"),
    "chexbert": ("config.json", "vocab.txt", "chexbert.pth"),
    "radgraph": ("encoder/config.json", "encoder/vocab.txt", "model.tar.gz"),
    "ratescore-ner": ("config.json", "tokenizer.json", "model.safetensors"),
    "biolord": ("config.json", "tokenizer.json", "model.safetensors"),
}
"""Files without which a model is none; the weights of distilroberta-base have two names."""


def needed(key: str, base: Path) -> set[str]:
    weights = {p.name for p in base.iterdir() if p.name in {"model.safetensors", "pytorch_model.bin"}}
    return {*USED[key], *weights}


def spoil_file(rng: random.Random, path: Path) -> tuple[str, bool | None, bool]:  # noqa: PLR0911 - one a kind
    """(what was done, whether the file can still be used or `None`, whether only as somebody else)."""
    kind = rng.randrange(10)
    if kind == 0:
        return obstruct(rng, path), False, False
    if kind == 1:
        path.chmod(0)
        return "no permission", False, True
    if kind == 2:
        path.write_bytes(b"")
        return "empty", False, False
    if kind <= 4:
        path.write_bytes(damage_bytes(rng, path.read_bytes()))
        return "bytes", sound(path), False
    if path.suffix == ".json":
        path.write_text(json.dumps(damage_value(rng, json.loads(path.read_text("utf-8")))))
        return "a value", None, False
    if path.suffix == ".txt":
        return spoil_lines(rng, path), None, False
    return *spoil_tensors(rng, path), False


def sound(path: Path) -> bool | None:
    """False for a file that is surely no file of its kind, read here by its published format."""
    data = path.read_bytes()
    try:
        if path.suffix == ".json":
            json.loads(data.decode("utf-8"))
        elif path.suffix == ".txt":
            data.decode("utf-8")
        elif path.suffix == ".safetensors":
            (length,) = struct.unpack("<Q", data[:8])
            header = json.loads(data[8 : 8 + length].decode("utf-8"))
            ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
            if max(ends) != len(data) - 8 - length:
                return False
        elif path.name == "model.tar.gz":
            with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as archive:
                if not {"config.json", "weights.th"} <= {m.name.removeprefix("./") for m in archive}:
                    return False
        elif path.suffix in {".pth", ".bin"}:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if not any(n.endswith("data.pkl") for n in archive.namelist()):
                    return False
    except Exception:  # noqa: BLE001 - whatever another reader says of it, it is no such file
        # zipfile and tarfile are stricter than torch in what they do not need.
        return None if path.suffix in {".pth", ".bin"} else False
    return None


def spoil_lines(rng: random.Random, path: Path) -> str:
    lines = path.read_text("utf-8").split("\n")
    k = rng.randrange(len(lines))
    kind = rng.choice(
        ["lost lines", "doubled lines", "more lines", "no line breaks", "mixed lines", "odd line"]
    )
    if kind == "lost lines":
        del lines[k : k + rng.randrange(1, 50)]
    elif kind == "doubled lines":
        lines[k:k] = lines[k : k + 20]
    elif kind == "more lines":
        lines += [f"word{i}" for i in range(rng.choice([1, 1000]))]
    elif kind == "no line breaks":
        lines = ["".join(lines)]
    elif kind == "mixed lines":
        rng.shuffle(lines)
    else:
        lines[k] = rng.choice(["a b c d", "\x00", "a", "é" * 5000, "", "# x", "##" * 500])
    path.write_text("\n".join(lines), "utf-8")
    return kind


def spoil_tensors(rng: random.Random, path: Path) -> tuple[str, bool | None]:
    """What was done to the tensors of a checkpoint, in its own file format; whether it can be used."""
    import torch
    from safetensors.torch import load_file, save_file

    if path.name == "model.tar.gz":
        return spoil_archive(rng, path)
    if path.suffix == ".safetensors":
        if rng.random() < 0.3:
            return spoil_safetensors_header(rng, path), None
        what, state, usable = spoil_state(rng, load_file(path))
        save_file(
            {k: v.contiguous() for k, v in state.items() if hasattr(v, "shape") and not v.is_sparse}, path
        )
        return what, usable if all(hasattr(v, "shape") and not v.is_sparse for v in state.values()) else None
    if path.suffix not in {".pth", ".bin"}:
        path.write_bytes(bytes(flipped(rng, path.read_bytes(), 0, path.stat().st_size)))
        return "bits", None
    if rng.random() < 0.3:
        return spoil_pickle(rng, path), False
    whole = torch.load(path, map_location="cpu", weights_only=True)
    inner = whole.get("model_state_dict", whole)
    what, state, usable = spoil_state(rng, inner)
    torch.save(
        {**whole, "model_state_dict": state} if "model_state_dict" in whole else state,
        path,
        _use_new_zipfile_serialization=rng.random() < 0.7,
    )
    return what, usable


def spoil_state(rng: random.Random, state: dict) -> tuple[str, dict, bool | None]:  # noqa: C901, PLR0911, PLR0912 - one a kind
    """(what was done, the changed tensors, False where no model can be had of them)."""
    import torch

    state = dict(state)
    floats = [
        k
        for k, v in state.items()
        if v.is_floating_point() and v.numel() > 1 and not re.search("pooler|position_ids|lm_head", k)
    ]
    key = rng.choice(floats)
    value = state[key]
    kind = rng.choice(
        ["lost", "renamed", "turned", "longer", "shorter", "flat", "not a number", "infinite", "huge", "halves", "whole numbers",
         "complex", "sparse", "a number for a tensor", "one more", "all zero", "empty", "no tensor at all"]
    )  # fmt: skip
    if kind == "lost":
        del state[key]
    elif kind == "renamed":
        state[f"x.{key}"] = state.pop(key)
    elif kind == "turned":
        state[key] = (
            value.T.contiguous() if value.dim() == 2 and value.shape[0] != value.shape[1] else value[None]
        )
    elif kind == "longer":
        state[key] = torch.cat([value, value[:1]])
    elif kind == "shorter":
        state[key] = value[:-1].clone()
    elif kind == "flat":
        state[key] = value.flatten()[None]
    elif kind in {"not a number", "infinite"}:
        copy = value.clone()
        copy.view(-1)[rng.randrange(value.numel())] = math.nan if kind == "not a number" else math.inf
        state[key] = copy
    elif kind == "huge":
        state[key] = torch.full_like(value, 3e38)
        return f"{kind} {key}", state, None
    elif kind == "halves":
        return kind, {k: v.half() if v.is_floating_point() else v for k, v in state.items()}, None
    elif kind == "whole numbers":
        state[key] = value.to(torch.int8)
        return f"{kind} {key}", state, None
    elif kind == "complex":
        state[key] = value.to(torch.complex64)
    elif kind == "sparse":
        state[key] = value.to_sparse()
    elif kind == "a number for a tensor":
        state[key] = 1.0
    elif kind == "one more":
        state["more.weight"] = value.clone()
        return f"{kind} {key}", state, None
    elif kind == "all zero":
        state[key] = torch.zeros_like(value)
        return f"{kind} {key}", state, None
    elif kind == "empty":
        state[key] = value.new_zeros((0,))
    else:
        return kind, {}, False
    # A model that is cut to its first layers has no use for the others' tensors.
    return f"{kind} {key}", state, None if "encoder.layer." in key or "encoder.layers." in key else False


def spoil_safetensors_header(rng: random.Random, path: Path) -> str:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    kind = rng.choice(["length", "value", "offsets", "shape", "dtype"])
    if kind == "length":
        path.write_bytes(
            struct.pack("<Q", rng.choice([0, 1, length - 1, length + 1, 10**9, 2**63, 2**64 - 1])) + data[8:]
        )
        return "header of another length"
    key = rng.choice([k for k in header if k != "__metadata__"])
    if kind == "value":
        header = damage_value(rng, header)
    elif kind == "offsets":
        header[key]["data_offsets"] = rng.choice([[0, 0], [0, 10**15], [-1, 4], [4, 0], [0], "x", [0, 4]])
    elif kind == "shape":
        header[key]["shape"] = rng.choice([[10**9, 10**9], [0], [-1], [], "x", [2**63]])
    else:
        header[key]["dtype"] = rng.choice(["F64", "I8", "BF16", "F8_E4M3", "x", None])
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    return f"header with another {kind}"


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/rexrank-fuzz-evil",)


def spoil_pickle(rng: random.Random, path: Path) -> str:
    """A pickle that would run something, or that holds something else than tensors."""
    import torch

    kind = rng.choice(["code", "plain code", "a list", "a text", "numbers", "module", "nested"])
    if kind == "plain code":
        path.write_bytes(pickle.dumps({"model_state_dict": Evil()}))
        return "a plain pickle with code"
    value = {
        "code": {"model_state_dict": Evil()},
        "a list": [1, 2],
        "a text": "weights",
        "numbers": {"model_state_dict": {"a": 1}, "b": 2},
        "module": torch.nn.Linear(2, 2),
        "nested": {"model_state_dict": {"model_state_dict": {}}},
    }[kind]
    torch.save(value, path)
    return f"a pickle with {kind}"


def spoil_archive(rng: random.Random, path: Path) -> tuple[str, bool | None]:  # noqa: C901, PLR0912 - one a kind
    """The RadGraph archive packed anew with one thing wrong."""
    import torch

    with tarfile.open(path, "r:gz") as archive:
        members = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}
    usable: bool | None = False
    kind = rng.choice(
        [
            "tensors",
            "tensors",
            "config",
            "labels",
            "lost",
            "renamed",
            "kinds",
            "code",
            "twice",
            "deep",
            "cut",
            "bomb",
        ]
    )
    what = kind
    if kind == "tensors":
        name = next(n for n in members if n.endswith("weights.th"))
        what, state, usable = spoil_state(rng, torch.load(io.BytesIO(members[name]), weights_only=True))
        heads = ("_ner.", "_relation.", "_endpoint_span_extractor.", "_embedder.")
        if not any(h in what for h in heads) or "._module" in what:
            usable = None if usable is False and "no tensor" not in what else usable
        buffer = io.BytesIO()
        torch.save(state, buffer)
        members[name] = buffer.getvalue()
    elif kind == "config":
        name = next(n for n in members if n.endswith("config.json"))
        members[name] = json.dumps(damage_value(rng, json.loads(members[name]))).encode()
        usable = None
    elif kind == "labels":
        name = rng.choice([n for n in members if "vocabulary/" in n])
        members[name] = rng.choice([b"", b"\xff", b"a\n" * 50, b"x", members[name] + b"more\n"])
        usable = None
    elif kind == "lost":
        name = rng.choice(
            [
                n
                for n in members
                if n.endswith(("config.json", "weights.th", "_ner_labels.txt", "relation_labels.txt"))
            ]
        )
        del members[name]
        what = f"without {name}"
    elif kind == "renamed":
        members = {f"../{k.lstrip('./')}": v for k, v in members.items()}
    elif kind == "code":
        name = next(n for n in members if n.endswith("weights.th"))
        members[name] = pickle.dumps(Evil())
    elif kind == "cut":
        packed = path.read_bytes()
        path.write_bytes(packed[: rng.randrange(1, len(packed) // 2)])
        return "an archive cut short", False
    elif kind in {"twice", "deep"}:
        usable = None
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            for _ in range(2 if kind == "twice" else 1):
                info = tarfile.TarInfo(f"a/../{name}" if kind == "deep" else name)
                info.size = len(content)
                if kind == "kinds":
                    info.size, info.type, info.linkname = (
                        0,
                        rng.choice([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]),
                        "/etc/passwd",
                    )
                    archive.addfile(info)
                elif kind == "bomb" and name.endswith("weights.th"):
                    info.size = 200_000_000
                    archive.addfile(info, io.BufferedReader(Zeros(info.size)))
                else:
                    archive.addfile(info, io.BytesIO(content))
    return f"an archive, {what}", usable


class Zeros(io.RawIOBase):
    """A stream of zeros."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        n = min(len(buffer), self.left)
        buffer[:n] = bytes(n)
        self.left -= n
        return n
