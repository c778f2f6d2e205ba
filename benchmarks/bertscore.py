"""BERTScore compared with bert-score 0.3.13, on the same pairs and weights, in one run.

    python benchmarks/bertscore.py PAIRS.jsonl [--limit N] [--weights DIR] [--threads 1]

The package runs here, with the tokenizer that gives it back its prefix space on transformers 5. Weights of full size
with random values are built in DIR (see `encoders.py`). Both load before the clock runs. Prints CPU seconds, the
ratios to the package and to the bare forward passes, and how far the scores differ.
"""

from __future__ import annotations

import time
from importlib import resources

import encoders
from bert_score import BERTScorer
from peers import setting
from transformers import AutoTokenizer

from evaluator.metrics.bertscore import MODEL, BertScore, prepare
from evaluator.models.runtime import Run


def main() -> None:
    options, pairs = setting(__doc__, "benchmark-weights", peer=False)
    models = encoders.build(
        options.weights, [t for p in pairs for t in (p.reference, p.prediction)], (MODEL,)
    )
    run = Run(protocol="compat", models=models)
    baseline = resources.files("bert_score").joinpath(f"rescale_baseline/en/{MODEL}.tsv")
    package = BERTScorer(
        model_type=str(models / MODEL), num_layers=5, rescale_with_baseline=True, lang="en",
        baseline_path=str(baseline), device="cpu",
    )  # fmt: skip
    package._tokenizer = AutoTokenizer.from_pretrained(  # noqa: SLF001 - it has no other door
        models / MODEL, add_prefix_space=True, model_max_length=512
    )
    references, predictions = [prepare(p.reference) for p in pairs], [prepare(p.prediction) for p in pairs]
    BertScore().score(pairs[:1], run)
    package.score(predictions[:1], references[:1])
    bare = encoders.bare_seconds(encoders.bare_passes(pairs, "bertscore", run), "cpu")
    started = time.process_time()
    ours = BertScore().score(pairs, run).values
    seconds = time.process_time() - started
    started = time.process_time()
    theirs = package.score(predictions, references)[2].tolist()
    theirs_seconds = time.process_time() - started
    gap = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
    print(
        f"{len(pairs)} pairs, {len({*references, *predictions})} distinct texts, {options.threads} threads: "
        f"ours {seconds:.1f} s ({seconds / bare:.2f} of the bare forward passes), "
        f"package {theirs_seconds:.1f} s: {theirs_seconds / seconds:.1f} times; largest difference {gap:.1e}"
    )


if __name__ == "__main__":
    main()
