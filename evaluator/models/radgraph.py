"""RadGraph annotations of reports: entities and relations, each distinct text once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from evaluator.models.batches import one_core_each
from evaluator.models.loading import check_ids, namespace, wordpiece_tokenizer
from evaluator.models.radgraph_network import Network
from evaluator.models.runtime import Run
from evaluator.models.unique_texts import encode_unique
from evaluator.models.weights import model_directory, weights_digest

MODEL: Final = "radgraph"
XL: Final = "radgraph-xl"
_PUNCTUATION: Final = "/,:.!?()"
_BEFORE: Final = re.compile(rf"(?<! )(?=[{re.escape(_PUNCTUATION)}])")
_AFTER: Final = re.compile(rf"(?<=[{re.escape(_PUNCTUATION)}])(?! )")


@dataclass(frozen=True, slots=True)
class Entity:
    """Words that name something: first and last position, label, and relations as (name, entity's number)."""

    tokens: str
    label: str
    start_ix: int
    end_ix: int
    relations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Annotation:
    """A report's words joined by spaces, and its entities by number, from "1" on."""

    text: str
    entities: Mapping[str, Entity]

    def view(self) -> Any:
        """The annotation as JSON, in the official form."""
        entities = {
            number: {
                "tokens": e.tokens,
                "label": e.label,
                "start_ix": e.start_ix,
                "end_ix": e.end_ix,
                "relations": [list(r) for r in e.relations],
            }
            for number, e in self.entities.items()
        }
        return {"text": self.text, "entities": entities}

    @classmethod
    def read(cls, value: Any) -> Annotation:
        """The annotation parsed from the output of `view`."""
        entities = {
            number: Entity(
                e["tokens"],
                e["label"],
                e["start_ix"],
                e["end_ix"],
                tuple((name, target) for name, target in e["relations"]),
            )
            for number, e in value["entities"].items()
        }
        return cls(value["text"], entities)


def words_of(text: str) -> list[str]:
    """The official words: a space on both sides of `/ , : . ! ? ( )`, then split at whitespace.

    >>> words_of("Right-sided 2.5cm.")
    ['Right-sided', '2', '.', '5cm', '.']
    """
    return _AFTER.sub(" ", _BEFORE.sub(" ", text)).split()


def package_words_of(text: str) -> list[str]:
    """The words of the `radgraph` package for this model: the official ones, an empty text being "None"."""
    return words_of(text or "None")


_ESCAPES: Final = (("\\n", "  "), ("\\f", "  "), ("\\u2122", " " * 6), ("\n", " "), ('\\"', "``"))
"""Sequences that the package replaces before it splits words; all but the line break are a literal backslash
and letter."""
_APART: Final = ((").", ") ."), ("%.", "% ."), (".'", ". '"), ("%,", "% ,"), ("%)", "% )"))


def xl_words_of(text: str) -> list[str]:
    """The `radgraph` package's words for RadGraph-XL: runs of letters and digits, and of other characters.

    >>> xl_words_of("Right-sided 2.5cm (50%).")
    ['Right', '-', 'sided', '2', '.', '5cm', '(', '50', '%', ')', '.']
    """
    text = text or "None"
    for escape, meant in _ESCAPES:
        text = text.replace(escape, meant)
    line = " ".join(re.findall(r"\w+|[^\w\s]+", text))
    for together, apart in _APART:
        line = line.replace(together, apart)
    return line.split()


PREPARATIONS: Final = {
    "rexrank": words_of,
    "radgraph-package": package_words_of,
    "radgraph-package-xl": xl_words_of,
}


class Annotator:
    """Text to annotation with one network."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.network = network
        self.tokenizer = wordpiece_tokenizer(folder / "encoder", folder.name)
        check_ids(self.tokenizer.get_vocab(), network.bert, folder / "encoder/vocab.txt", folder.name)
        self.begin, self.end = (self.tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]"))
        self._known: dict[str, list[int]] = {}

    def pieces(self, words: Sequence[str]) -> tuple[list[int], list[tuple[int, int]]]:
        """All word pieces, and per word the half-open range of its own (empty for a word without any)."""
        ids: list[int] = []
        ranges = []
        for word in words:
            own = self._known.get(word)
            if own is None:
                plain = "." if word == "/." else "?" if word == "/?" else word
                own = self._known[word] = self.tokenizer.encode(plain, add_special_tokens=False).ids
            ranges.append((len(ids), len(ids) + len(own)))
            ids += own
        return ids, ranges

    def windows(self, ids: list[int]) -> list[list[int]]:
        """Consecutive windows of pieces, each between [CLS] and [SEP]."""
        step = self.network.window
        return [[self.begin, *ids[i : i + step], self.end] for i in range(0, len(ids), step)]

    def annotate(self, texts: list[str]) -> list[Annotation]:
        """The annotations of texts that consist of words joined by single spaces."""
        import torch

        documents = [(t.split(" ") if t else [], *self.pieces(t.split(" ") if t else [])) for t in texts]
        windows = [(i, w) for i, (_, ids, _) in enumerate(documents) for w in self.windows(ids)]
        hidden: dict[int, list[torch.Tensor]] = {}
        for (i, _), vectors in zip(windows, self.network.encode([w for _, w in windows]), strict=True):
            hidden.setdefault(i, []).append(vectors)
        annotations = [Annotation("", {})] * len(documents)

        def heads(i: int) -> None:
            words, _, ranges = documents[i]
            with torch.inference_mode():  # applies to the thread that enters it
                annotations[i] = self._document(words, ranges, hidden.get(i, []))

        one_core_each(heads, range(len(documents)))
        return annotations

    def _document(self, words: list[str], ranges: list[tuple[int, int]], hidden: list[Any]) -> Annotation:
        import torch

        if not words:
            return Annotation("", {})
        size = int(self.network.bert.config.hidden_size)
        pieces = torch.cat(hidden) if hidden else torch.zeros((0, size))
        vectors = torch.stack(
            [pieces[a:b].sum(dim=0) / (b - a) if b > a else pieces.new_zeros(size) for a, b in ranges]
        )
        spans = self.network.spans(len(words))
        entities = self.network.entities(vectors, spans)
        relations = self.network.relations(vectors, spans) if entities else []
        return annotation(words, entities, relations)


def annotation(
    words: Sequence[str],
    entities: Sequence[tuple[int, int, str, float]],
    relations: Sequence[tuple[int, int, int, int, str, float]],
) -> Annotation:
    """The official form: relations with a span that is not an entity are dropped."""
    number = {(s, e): str(i) for i, (s, e, _, _) in enumerate(entities, start=1)}
    related: dict[tuple[int, int], list[tuple[str, str]]] = {span: [] for span in number}
    for s1, e1, s2, e2, name, _ in relations:
        if (s1, e1) in number and (s2, e2) in number:
            related[s1, e1].append((name, number[s2, e2]))
    official = {
        number[s, e]: Entity(" ".join(words[s : e + 1]), label, s, e, tuple(related[s, e]))
        for s, e, label, _ in entities
    }
    return Annotation(" ".join(words), official)


@lru_cache(maxsize=2)
def _network(folder: Path, digest: str, device: str) -> Network:  # noqa: ARG001 - the digest keys the memo
    return Network(folder, device)


def annotator(run: Run, model: str = MODEL) -> Annotator:
    """The annotator of a model in the run's models directory. Raises `MetricUnavailable` if it is missing."""
    folder = model_directory(model, run.models)
    return Annotator(folder, _network(folder, weights_digest(model, run.models), run.device))


def annotate_texts(
    texts: Sequence[str], preparation: str, run: Run, model: str = MODEL
) -> dict[str, Annotation]:
    """The annotation of each distinct text, by the text as given. Blank text has no entity."""
    engine = annotator(run, model)
    prepared = {t: " ".join(PREPARATIONS[preparation](t)) for t in set(texts)}
    space = namespace(model, "radgraph-annotation", run)

    def encode(batch: list[str]) -> list[Any]:
        return [a.view() for a in engine.annotate(batch)]

    values = encode_unique(list(prepared.values()), space, encode, run, model)
    return {t: Annotation.read(values[p]) for t, p in prepared.items()}
