"""RadEvalBERTScore against bert-score 0.3.13 itself, on a small random ModernBERT that the test builds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.needs import reason
from typer.testing import CliRunner

from evaluator.core.problems import MetricUnavailable
from evaluator.core.types import Pair
from evaluator.metrics.bertscore import BertScore
from evaluator.metrics.registry import get_metric
from evaluator.models.runtime import Run

SPECIAL = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
PAIRS = (
    ("Mild cardiomegaly. No effusion.", "Heart is mildly enlarged; no pleural effusion."),
    ("The lungs are clear.", "The lungs are clear."),
    ("  Two  spaces\n and a line. ", "Two spaces and a line."),
    ("[SEP] opacity [MASK] left", "opacity left"),
    ("clear [CLS]lungs", "clear lungs"),
    ("Ödem, 3 cm <mask> \u200b", "Edema of 3 cm"),
    ("effusion " * 60, "word " * 9),
)
EMPTY = (("", "clear"), (" \n", "clear"), ("clear", ""), ("", ""), ("[SEP]", "[SEP]"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch = pytest.importorskip("torch", reason=reason("score"))
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from transformers import ModernBertConfig, ModernBertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "radeval-modernbert"
    tokens = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=list(SPECIAL), initial_alphabet=alphabet)
    tokens.train_from_iterator([t for pair in PAIRS for t in pair], trainer)
    begin, end, pad = (tokens.token_to_id(t) for t in ("[CLS]", "[SEP]", "[PAD]"))
    tokens.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", begin), ("[SEP]", end)]
    )
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        mask_token="[MASK]",
        model_max_length=48,
        **names,
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = ModernBertConfig(
        vocab_size=tokens.get_vocab_size(), hidden_size=16, intermediate_size=24, num_hidden_layers=22,
        num_attention_heads=2, max_position_embeddings=64, local_attention=8, initializer_range=0.6,
        pad_token_id=pad, cls_token_id=begin, sep_token_id=end, bos_token_id=begin, eos_token_id=end,
    )  # fmt: skip
    ModernBertModel(config).save_pretrained(folder)
    return Run(protocol="compat", models=folder.parent, variants={"bertscore": "radeval"})


def scores(pairs: tuple[tuple[str, str], ...], run: Run) -> list[float]:
    rows = [Pair(str(i), r, p) for i, (r, p) in enumerate(pairs)]
    return [float(v) for v in BertScore().score(rows, run).values]


@pytest.mark.filterwarnings("ignore")
def test_equals_the_package_with_the_settings_of_radeval(run):
    bert_score = pytest.importorskip("bert_score", reason=reason("score"))
    package = bert_score.BERTScorer(
        model_type=str(run.models / "radeval-modernbert"), num_layers=22, use_fast_tokenizer=True,
        lang="en", rescale_with_baseline=False, idf=False, device="cpu",
    )  # fmt: skip
    # One pair at a time: the package lets the padding of a batch take part where all cosines are negative.
    wanted = [float(package.score([p], [r])[2]) for r, p in PAIRS]
    assert scores(PAIRS, run) == pytest.approx(wanted, abs=1e-5)
    assert max(wanted) - min(wanted) > 0.05


def test_a_text_without_tokens_of_its_own_scores_nothing(run):
    assert scores(EMPTY, run) == [0.0] * len(EMPTY)


def test_signature_and_radcliq(run):
    signature = str(BertScore().signature(run))
    assert signature.startswith("bertscore|v1|variant:radeval|radeval-modernbert@unverified:")
    assert signature.endswith("|layer22|raw|idf:no|protocol:compat")
    with pytest.raises(MetricUnavailable, match="fitted to BERTScore's own"):
        get_metric("radcliq_v1").signature(run)


def test_another_depth_is_refused(run, tmp_path):
    target = tmp_path / "radeval-modernbert"
    target.mkdir()
    for path in (run.models / "radeval-modernbert").iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    config = json.loads((target / "config.json").read_text())
    (target / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 21}))
    with pytest.raises(MetricUnavailable, match="22 layers"):
        BertScore().score([Pair("1", "a", "b")], replace(run, models=tmp_path))


def test_command(run, tmp_path: Path):
    from evaluator.cli.app import app

    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"id": "1", "reference": PAIRS[0][0], "prediction": PAIRS[0][1]}) + "\n")
    command = ["metric", "bertscore", "--variant", "bertscore=radeval", "--protocol", "compat"]
    command += ["--format", "json", "--pairs", str(pairs), "--models"]
    result = CliRunner().invoke(app, [*command, str(run.models)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scores"]["bertscore"]["1"] == pytest.approx(scores(PAIRS[:1], run)[0])
    absent = CliRunner().invoke(app, [*command, str(tmp_path)])
    assert absent.exit_code == 2
    assert "rexrank models fetch radeval-modernbert" in absent.output
    assert "distilroberta" not in absent.output
