"""RadGraph annotations compared with the `radgraph` package, on the same reports and weights, in one run.

    python benchmarks/radgraph.py PAIRS.jsonl --peer PYTHON [--limit N] [--weights DIR] [--threads 2] [--rounds 1]

PYTHON is the interpreter of an environment with `radgraph==0.1.18 transformers==4.45.2 "numpy<2"`. An
archive of the published size (12 x 768 encoder, heads of 2 x 150) with random weights is built once in DIR;
as much is found as the published model finds (`calibration.py`). Both load before the clock runs; ours has no cache.
Prints CPU seconds, the ratio of every round, and how many annotations differ.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import calibration
import encoders
from peers import in_peer, setting

from evaluator.models.radgraph import annotate_texts, words_of
from evaluator.models.runtime import Run

VOCABULARY = 30_522
LABELS = ("", "ANAT-DP", "OBS-DP", "OBS-DA", "OBS-U")
RELATIONS = ("modify", "located_at", "suggestive_of")
INDEXER = {"max_length": 512, "type": "pretrained_transformer_mismatched"}
MODEL: dict[str, Any] = {
    "type": "dygie",
    "embedder": {},
    "initializer": {},
    "module_initializer": {},
    "feature_size": 20,
    "feedforward_params": {"dropout": 0.4, "hidden_dims": 150, "num_layers": 2},
    "loss_weights": {"coref": 0, "events": 0, "ner": 0.2, "relation": 1},
    "max_span_width": 8,
    "target_task": "relation",
    "modules": {
        "coref": {"coref_prop": 0, "max_antecedents": 100, "spans_per_word": 0.3},
        "events": {
            "argument_spans_per_word": 0.8,
            "loss_weights": {"arguments": 1, "trigger": 0.2},
            "trigger_spans_per_word": 0.3,
        },
        "ner": {},
        "relation": {"spans_per_word": 0.5},
    },
}

BUILD = """
import sys
import torch
from radgraph import RadGraph
from radgraph.dygie.models import dygie
torch.manual_seed(0)
def keep(model, state, strict=True):
    torch.save(model.state_dict(), sys.argv[1] + "/radgraph/weights.th")
dygie.DyGIE.load_state_dict = keep
torch.save({}, sys.argv[1] + "/radgraph/weights.th")
RadGraph(model_type="radgraph", model_cache_dir=sys.argv[1], cuda=-1)
"""

PEER = """
import json, sys, time
import torch
torch.set_num_threads(int(sys.argv[2]))
from radgraph import RadGraph
peer = RadGraph(model_type="radgraph", model_cache_dir=sys.argv[1], cuda=-1)
reports = json.load(sys.stdin)
with torch.inference_mode():
    peer(reports[:4])
    started = time.process_time()
    found = peer(reports)
    seconds = time.process_time() - started
print(json.dumps([seconds, [found[str(i)] for i in range(len(reports))]]))
"""


def build(root: Path, peer: str, reports: list[str]) -> None:
    """The archive, its encoder and their vocabulary, with the package's own initial values."""
    import torch
    from transformers import BertConfig, BertModel

    folder = root / "radgraph"
    encoder = folder / "encoder"
    encoder.mkdir(parents=True)
    words = sorted({w.lower() for r in reports for w in words_of(r)})
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *(w for w in words if w.isalnum()),
        *"/,:.!?()-;%'",
    ]
    pieces += [f"[unused{i}]" for i in range(VOCABULARY - len(pieces))]
    (encoder / "vocab.txt").write_text("\n".join(pieces) + "\n", "utf-8")
    (encoder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512})
    )
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=VOCABULARY)).save_pretrained(encoder)
    for name, labels in (("ner", LABELS), ("relation", RELATIONS)):
        path = folder / "vocabulary" / f"radgraph__{name}_labels.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(labels) + "\n")
    (folder / "vocabulary" / "non_padded_namespaces.txt").write_text("*labels\n*tags\n")
    indexer = INDEXER | {"model_name": str(encoder)}
    model = MODEL | {"embedder": {"token_embedders": {"bert": indexer}}}
    reader = {"type": "dygie", "max_span_width": 8, "token_indexers": {"bert": indexer}}
    (folder / "config.json").write_text(json.dumps({"dataset_reader": reader, "model": model}))
    in_peer(peer, BUILD, str(root))
    calibration.radgraph(folder, reports)


def main() -> None:
    options, pairs = setting(__doc__, "benchmark-radgraph")
    reports = [t for p in pairs for t in (p.reference, p.prediction)]
    if not (options.weights / "radgraph" / "weights.th").is_file():
        build(options.weights, options.peer, reports)
    run = Run(models=options.weights)
    annotate_texts(reports[:4], "radgraph-package", run)
    print(f"{len(reports)} reports, {len(set(reports))} distinct, {options.threads} threads", flush=True)
    bare = encoders.bare_seconds(encoders.bare_passes(pairs, "radgraph_f1", run), "cpu")
    for _ in range(options.rounds):
        started = time.process_time()
        ours = annotate_texts(reports, "radgraph-package", run)
        seconds = time.process_time() - started
        said = in_peer(
            options.peer, PEER, str(options.weights), str(options.threads), text=json.dumps(reports)
        )
        theirs_seconds, theirs = json.loads(said.splitlines()[-1])
        differ = sum(
            ours[t].view() != {k: a[k] for k in ("text", "entities")}
            for t, a in zip(reports, theirs, strict=True)
        )
        entities = sum(len(a["entities"]) for a in theirs) / len(theirs)
        print(
            f"ours {seconds:.1f} s ({seconds / bare:.2f} of the bare forward passes), package {theirs_seconds:.1f} s: {theirs_seconds / seconds:.1f} times; "
            f"{differ} annotations differ; {entities:.0f} entities a report",
            flush=True,
        )


if __name__ == "__main__":
    main()
