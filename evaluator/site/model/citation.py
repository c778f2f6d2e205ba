"""How to cite a model's row and the challenge, as text and as BibTeX."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evaluator.core.markdown import markdown_text
from evaluator.datasets.challenge import challenge
from evaluator.scoring.record import Record
from evaluator.site.board.latex import latex_text
from evaluator.submissions.model_card import ORCID


@dataclass(frozen=True, slots=True)
class Citation:
    """A model's row as something to cite: the address of the model's own paper, and BibTeX of its row."""

    paper: str
    bibtex: str


def citation(name: str, record: Record, site_url: str) -> Citation:
    """The citation of a model's row."""
    return Citation((record.card.links or {}).get("paper", ""), bibtex(name, record, site_url))


def bibtex(name: str, record: Record, site_url: str) -> str:
    """A BibTeX entry for a model's row; every text of the card is escaped for LaTeX."""
    card, version = record.card, record.provenance.evaluator_version
    title = latex_text(card.name or name)
    # Braces keep a name together: `and` inside one would split it into two authors.
    makers = [a.name for a in card.authors or ()] or [card.institution or name]
    maker = " and ".join(f"{{{latex_text(m)}}}" for m in makers)
    return "\n".join(
        [
            f"@misc{{rexrank-{name.replace('/', '-')},",
            f"  title        = {{{{{title}}} on the {{{latex_text(challenge().name)}}}}},",
            f"  author       = {{{maker}}},",
            f"  year         = {{{(record.submitted or '')[:4]}}},",
            f"  howpublished = {{\\url{{{site_url}models/{name}/}}}},",
            f"  note         = {{Scored {record.submitted} with evaluator {version}}}",
            "}",
        ]
    )


def orcid_address(orcid: str | None) -> str:
    """The address of an ORCID iD's page; empty without one, and for an invalid one (cards of earlier versions)."""
    return f"https://orcid.org/{orcid}" if orcid and re.match(ORCID, orcid) else ""


def badge_markdown(name: str, board: str, site_url: str) -> str:
    """The Markdown that shows a model's rank on a board in its README."""
    address = f"{site_url}data/badges/{name}/{board}.json"
    return f"[![{markdown_text(challenge().short)}](https://img.shields.io/endpoint?url={address})]({site_url}models/{name}/)"
