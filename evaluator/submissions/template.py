"""The model card that `rexrank new` writes: commented, and valid once the empty fields are filled in."""

from __future__ import annotations

from typing import Final

from evaluator.datasets.challenge import challenge

_CARD: Final = """\
# Model card of {team}/{model}. Every field is explained at the schema named here; editors read it.
{schema}

name: "{model}"                # as readers see it, at most 60 characters
institution:                   # who made it
contact: []                    # GitHub handles that may change this submission, without @
year:                          # year of the model
description: >-
  What the model is, in a few sentences of plain text.

#authors:                       # whom to cite, in this order; orcid and affiliation are optional
#  - name: Josiah Carberry
#    orcid: 0000-0002-1825-0097
#    affiliation: Brown University

links: {{}}                      # paper, code, weights: https only, each optional
#  paper: https://arxiv.org/abs/…
#  code: https://github.com/…
#  weights: https://huggingface.co/…

license:                       # of the model, or proprietary
parameters: null               # 7B, 350M, …
inputs:
  views: frontal               # frontal | all | none
  context: none                # none | indication | indication+history | indication+prior | all
#inference:                     # lets the organisers run the model on images that cannot be shared
#  image: registry.example.org/team/model@sha256:…
training_data: []              # registry names (mimic-cxr, chexpert, iu-xray, …) or other:<text>
uses_external_llm: false       # did a hosted language model take part?
deterministic: true            # does a second run give the same reports?
status: active                 # active | superseded (then superseded_by) | withdrawn (then reason)
"""


def card_template(team: str, model: str) -> str:
    """The text of a new model card."""
    return _CARD.format(team=team, model=model, schema=schema_line())


def schema_line() -> str:
    """The comment that tells editors which schema a card follows."""
    return f"# yaml-language-server: $schema={challenge().site}data/schemas/model-card-v1.schema.json"
