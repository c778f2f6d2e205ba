"""The encoder metrics at full size, against the bare forward passes that they need.

    python benchmarks/encoders.py PAIRS.jsonl [--limit N] [--threads 1] [--device cpu] [--weights DIR]
        [--metrics bertscore,ratescore] [--rounds 1] [--second]

PAIRS is a file of id, reference, prediction; `distinct_reports.py` writes one without repeated texts. Weights
of full size with random values are built once in DIR (by default in the user's cache): shapes are those of
the published models; the numbers are meaningless. For every metric: CPU seconds, those of its encoders alone
on the same token rows, one at a time, and the ratio (target 1.15). `--second`: how long the bundle takes for
a second submission whose references are cached, against the first (target 0.55).
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable
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

ENCODED = ("bertscore", "semb_score", "radgraph_f1", "ratescore")
BUNDLE = ("bleu_2", "bertscore", "semb_score", "radgraph_f1", "radcliq_v1", "ratescore")
BERT = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
SIZES = {
    "distilroberta-base": {**BERT, "num_hidden_layers": 6},
    "chexbert": BERT,
    "ratescore-ner": BERT
    | {"initializer_range": 0.002},  # otherwise all pieces of a sentence get the same label
    "biolord": BERT,
}


def build(root: Path, texts: list[str], keys: tuple[str, ...] = (*SIZES, "radgraph")) -> Path:
    """Full-size random weights of models with the stand-ins' vocabularies, built if missing."""
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
    """The words of every sentence in reverse: another text of the same length."""
    return ". ".join(" ".join(reversed(s.split())) for s in text.split(".")).strip()


def bare_passes(pairs: list[Pair], key: str, run: Run) -> list[tuple[Any, Any]]:
    """The encoders of a metric, each with a row of tokens that it must read: no heads, no matching."""
    import torch

    from evaluator.metrics import bertscore
    from evaluator.metrics.sentences import split_sentences
    from evaluator.models import chexbert, radgraph, ratescore_ner

    texts = sorted({t for p in pairs for t in (p.reference, p.prediction)})
    if key == "bertscore":
        roberta = bertscore.Encoder(run)
        return [(roberta.model, torch.tensor([roberta.ids(bertscore.prepare(t))])) for t in texts]
    if key == "semb_score":
        chex = chexbert.encoder(run)
        return [(chex.model, torch.tensor([chex.ids(chexbert.prepare(t))])) for t in texts]
    if key == "radgraph_f1":
        rad = radgraph.annotator(run)
        windows = [w for t in texts for w in rad.windows(rad.pieces(radgraph.words_of(t))[0])]
        return [(rad.network.bert, torch.tensor([w])) for w in windows]
    ner, synonyms = ratescore_ner._Ner(run), ratescore_ner._Embedder(run)  # noqa: SLF001 - their networks alone
    sentences = sorted({s for t in texts for s in split_sentences(t)})
    found = ratescore_ner.sentence_entities(sentences, run)
    names = [e for entities in found.values() for e, _ in entities]
    pieces = sorted(set(ratescore_ner.entity_pieces(names, run).values()))
    return [
        *((ner.model, ner.tokenizer([s], return_tensors="pt")["input_ids"]) for s in sentences),
        *((synonyms.model, torch.tensor([synonyms._ids(p)])) for p in pieces),  # noqa: SLF001
    ]


def seconds_of(work: Callable[[], object], device: str) -> float:
    """CPU seconds of one piece of work; on a GPU wall seconds, because the processor waits there."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    started = clock()
    work()
    if device != "cpu":
        import torch

        torch.cuda.synchronize()
    return clock() - started


def bare_seconds(passes: list[tuple[Any, Any]], device: str) -> float:
    """Seconds of forward passes, one row at a time."""
    import torch

    def work() -> None:
        with torch.inference_mode():
            for model, ids in passes:
                model(ids.to(device))

    return seconds_of(work, device)


def second_submission(pairs: list[Pair], run: Run) -> None:
    """Prints the time of the bundle for another model's reports, equally long and all unseen."""
    with tempfile.TemporaryDirectory() as scratch:
        cached = replace(run, cache=TextCache(Path(scratch)))
        moved = [Pair(p.id, p.reference, other_words(p.prediction)) for p in pairs]
        first, second = (seconds_of(lambda p=p: score(p, BUNDLE, cached), run.device) for p in (pairs, moved))
    print(
        f"first submission {first:.1f} s, second with cached references {second:.1f} s: {second / first:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--metrics", default=",".join(ENCODED))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--second", action="store_true")
    parser.add_argument("--weights", type=Path, default=Path.home() / ".cache/rexrank/benchmark-weights")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    pairs = as_pairs(read_pairs(options.pairs), "clean")[: options.limit]
    texts = [t for p in pairs for t in (p.reference, p.prediction)]
    run = Run(models=build(options.weights, texts), device=options.device)
    print(f"{len(pairs)} pairs, {len(set(texts))} distinct texts of {len(texts)}, ", end="")
    print(f"{options.threads} threads, {options.device}", flush=True)
    for key in options.metrics.split(","):
        passes = bare_passes(pairs, key, run)
        score(pairs[:2], (key,), run)  # load everything before the clock runs
        for _ in range(options.rounds):
            bare = bare_seconds(passes, options.device)
            ours = seconds_of(lambda key=key: score(pairs, (key,), run), options.device)
            rows = f"{len(passes)} rows of {sum(ids.shape[1] for _, ids in passes) / len(passes):.0f} tokens"
            print(
                f"{key} {ours:.1f} s, bare forward passes {bare:.1f} s ({rows}): {ours / bare:.2f}",
                flush=True,
            )
    if options.second:
        second_submission(pairs, run)


if __name__ == "__main__":
    main()
