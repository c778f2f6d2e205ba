"""The encoder metrics at full size, against the bare forward passes they cannot do without.

    python benchmarks/encoders.py PAIRS.csv [--limit N] [--threads 2] [--device cpu] [--weights DIR]

PAIRS is a CSV or JSONL file of id, reference, prediction. Weights of full size with random values are
built once in DIR (by default in the user's cache): shapes are those of the published models, numbers mean
nothing. Prints CPU seconds and ratios: each metric and the bundle to the bare forward passes on the same token
rows (target 1.15), and the second submission with cached references to the first (target 0.55).
`distinct_reports.py` writes pairs of which no two texts are the same.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import calibration

from evaluator.core.types import Pair
from evaluator.datasets.sandbox.shipped_weights import shipped_models
from evaluator.models.runtime import Run
from evaluator.models.text_cache import TextCache
from evaluator.scoring.engine import as_pairs, score
from evaluator.submissions.pairs import read_pairs

BUNDLE = ("bleu_2", "bertscore", "semb_score", "radgraph_f1", "radcliq_v1", "ratescore")
BERT = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
SIZES = {
    "distilroberta-base": {**BERT, "num_hidden_layers": 6},
    "chexbert": BERT,
    "ratescore-ner": BERT | {"initializer_range": 0.002},  # else all pieces of a sentence get one label
    "biolord": BERT,
}


def build(root: Path, texts: list[str], keys: tuple[str, ...] = (*SIZES, "radgraph")) -> Path:
    """Full-size random weights of models with the stand-ins' vocabularies, built where they are missing."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig, AutoModel, AutoModelForTokenClassification

    torch.manual_seed(0)
    for key, size in ((k, SIZES[k]) for k in keys if k in SIZES):
        folder = root / key
        if (folder / "config.json").is_file():
            continue
        shutil.copytree(shipped_models() / key, folder, dirs_exist_ok=True)
        config_file = folder / "config.json"
        config_file.write_text(json.dumps(json.loads(config_file.read_text()) | size))
        config = AutoConfig.from_pretrained(folder)
        if key == "chexbert":
            state = AutoModel.from_config(config).state_dict()
            saved = {f"module.bert.{k}": v for k, v in state.items()}
            for i in range(14):
                classes = 4 if i < 13 else 2
                saved[f"module.linear_heads.{i}.weight"] = torch.randn(classes, 768)
                saved[f"module.linear_heads.{i}.bias"] = torch.zeros(classes)
            torch.save(
                {"epoch": 0, "model_state_dict": saved, "optimizer_state_dict": {}}, folder / "chexbert.pth"
            )
            continue
        kind = AutoModelForTokenClassification if key == "ratescore-ner" else AutoModel
        state = {k: v.contiguous() for k, v in kind.from_config(config).state_dict().items()}
        save_file(state, str(folder / "model.safetensors"), metadata={"format": "pt"})
        if key == "ratescore-ner":
            calibration.ratescore(folder, texts)
    if "radgraph" in keys and not (root / "radgraph" / "weights.th").is_file():
        build_radgraph(root / "radgraph")
        calibration.radgraph(root / "radgraph", texts)
    return root


def build_radgraph(folder: Path) -> None:
    """The stand-in's archive, unpacked, with an encoder and heads of the published size."""
    import torch
    from transformers import BertConfig, BertModel

    from evaluator.models.radgraph_network import _BERT, read_archive

    source = shipped_models() / "radgraph"
    shutil.copytree(source / "encoder", folder / "encoder", dirs_exist_ok=True)
    with tarfile.open(source / "model.tar.gz") as archive:
        for member in (m for m in archive if m.isfile()):
            content = archive.extractfile(member)
            assert content is not None
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
    config_file = folder / "encoder" / "config.json"
    config_file.write_text(json.dumps(json.loads(config_file.read_text()) | BERT))
    raw = read_archive(source)
    old = int(raw.tensors[f"{_BERT}embeddings.word_embeddings.weight"].shape[1])
    width = int(raw.tensors["_endpoint_span_extractor._span_width_embedding.weight"].shape[1])
    tensors = {}
    for name, value in raw.tensors.items():
        if name.startswith(_BERT):
            continue
        grown = value
        if name.endswith("_linear_layers.0.weight"):
            factor = value.shape[1] // (2 * old + width)
            grown = torch.randn(value.shape[0], factor * (2 * 768 + width)) * 0.02
        tensors[name] = grown
    model = BertModel(BertConfig(**json.loads(config_file.read_text())))
    tensors |= {_BERT + k: v for k, v in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    (folder / "weights.th").write_bytes(buffer.getvalue())


def other_words(text: str) -> str:
    """The words of every sentence backwards: another text of the same length."""
    return ". ".join(" ".join(reversed(s.split())) for s in text.split(".")).strip()


def bare_seconds(pairs: list[Pair], run: Run) -> dict[str, float]:
    """By metric, CPU seconds of its encoders alone on the same token rows, one at a time: no heads, no matching."""
    import torch

    from evaluator.metrics import bertscore
    from evaluator.metrics.sentences import split_sentences
    from evaluator.models import chexbert, radgraph, ratescore_ner

    texts = sorted({t for p in pairs for t in (p.reference, p.prediction)})
    roberta, chex, rad = bertscore.Encoder(run), chexbert.encoder(run), radgraph.annotator(run)
    ner, synonyms = ratescore_ner._Ner(run), ratescore_ner._Embedder(run)  # noqa: SLF001 - their networks alone
    sentences = sorted({s for t in texts for s in split_sentences(t)})
    found = ratescore_ner.sentence_entities(sentences, run)
    pieces = sorted(
        set(ratescore_ner.entity_pieces([e for es in found.values() for e, _ in es], run).values())
    )
    windows = [w for t in texts for w in rad.windows(rad.pieces(radgraph.words_of(t))[0])]
    inputs: dict[str, list[tuple[Any, Any]]] = {
        "bertscore": [(roberta.model, torch.tensor([roberta.ids(bertscore.prepare(t))])) for t in texts],
        "semb_score": [(chex.model, torch.tensor([chex.ids(chexbert.prepare(t))])) for t in texts],
        "radgraph_f1": [(rad.network.bert, torch.tensor([w])) for w in windows],
        "ratescore": [(ner.model, ner.tokenizer([s], return_tensors="pt")["input_ids"]) for s in sentences]
        + [
            (synonyms.model, torch.tensor([synonyms.tokenizer.convert_tokens_to_ids(p.split(" "))]))
            for p in pieces
        ],
    }
    seconds = {}
    with torch.inference_mode():
        for key, passes in inputs.items():
            started = time.process_time()
            for model, ids in passes:
                model(ids.to(run.device))
            if run.device != "cpu":
                torch.cuda.synchronize()
            seconds[key] = time.process_time() - started
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--weights", type=Path, default=Path.home() / ".cache/rexrank/benchmark-weights")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    pairs = as_pairs(read_pairs(options.pairs), "clean")[: options.limit]
    models = build(options.weights, [t for p in pairs for t in (p.reference, p.prediction)])
    plain = Run(models=models, device=options.device)
    score(pairs[:2], BUNDLE, plain)  # load everything before the clock runs
    print(
        f"{len(pairs)} pairs, {len({t for p in pairs for t in (p.reference, p.prediction)})} unique texts, {options.threads} threads, {options.device}"
    )
    with tempfile.TemporaryDirectory() as scratch:
        begun: dict[str, float] = {}
        shares: dict[str, float] = {}

        def watch(what: str, done: int, total: int) -> None:
            if what in BUNDLE and done == 0:
                begun[what] = time.process_time()
            elif what in BUNDLE and done == total:
                shares[what] = time.process_time() - begun[what]

        run = replace(plain, cache=TextCache(Path(scratch)), progress=watch)
        times, first = [], {}
        for shift in (0, 1):
            # Another model's reports: the same set, each as long as before, none of them seen yet.
            moved = [
                type(p)(p.id, p.reference, other_words(p.prediction) if shift else p.prediction)
                for p in pairs
            ]
            started = time.process_time()
            scored = score(moved, BUNDLE, run)
            times.append(time.process_time() - started)
            print(", ".join(f"{k} {s:.1f} s" for k, s in shares.items()), flush=True)
            first = first or dict(shares)
            shares.clear()
            assert not scored.unavailable, scored.unavailable
        print(
            f"first submission {times[0]:.1f} s, second with cached references {times[1]:.1f} s: {times[1] / times[0]:.2f}"
        )
    bare = bare_seconds(pairs, plain)
    for key, seconds in bare.items():
        print(f"{key} {first[key]:.1f} s, bare forward passes {seconds:.1f} s: {first[key] / seconds:.2f}")
    total = sum(bare.values())
    print(f"bare forward passes {total:.1f} s; bundle / bare = {times[0] / total:.2f}")


if __name__ == "__main__":
    main()
