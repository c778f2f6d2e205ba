"""Controls before and after a judged run: a judge that fails them voids the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from evaluator.core.types import Pair
from evaluator.models.judges.identity import JudgeVoid
from evaluator.models.judges.sanitise import INJECTIONS

REPORTS: Final = (
    "There is a large right pleural effusion. The heart is enlarged. No pneumothorax.",
    "There is a large left pneumothorax. The heart is normal in size. No pleural effusion.",
    "There is consolidation in the right lower lobe. There is pulmonary edema. No rib fracture.",
    "The endotracheal tube is in standard position. There is a small left pleural effusion. No consolidation.",
    "There is mild atelectasis at the right lung base. There is a small left apical pneumothorax.",
    "There is a small pulmonary nodule in the left upper lobe. There is moderate cardiomegaly.",
    "There is dense opacity in the right middle lobe. There is an acute right rib fracture.",
    "There is severe pulmonary edema. There is a large left pleural effusion.",
    "There is patchy consolidation in the left lower lobe. There is mild cardiomegaly.",
    "There is a large right apical pneumothorax. There is a central venous line.",
    "There is a large lung nodule in the right upper lobe. There is mild pulmonary edema.",
    "There is moderate atelectasis at the left lung base. There is a healed left rib fracture.",
    "There is a small right pleural effusion. There is faint opacity in the left upper lobe.",
    "There is moderate cardiomegaly. There is dense consolidation in the right upper lobe.",
    "There is moderate pulmonary edema. There is a healed right rib fracture.",
)
"""Written for this purpose; each has findings that the next one lacks."""
SAME_AT_LEAST: Final = 0.95
UNRELATED_AT_MOST: Final = 0.2
INJECTION_GAIN_AT_MOST: Final = 0.05

Agreement = Callable[[Sequence[Pair]], list[float]]
"""Per pair, the agreement that the judge sees, 0 (worst) to 1."""


def controls(private: Sequence[str] = ()) -> list[tuple[str, Pair]]:
    """(kind, pair) of all controls: 15 `same`, 15 `unrelated` and one `injected` for each prompt.

    The prompts are the 20 public ones and those of the runner's own file (`private`), which no participant
    has seen.
    """
    planted = [("same", Pair(f"same-{i}", text, text)) for i, text in enumerate(REPORTS)]
    shifted = [*REPORTS[1:], REPORTS[0]]
    planted += [
        ("unrelated", Pair(f"unrelated-{i}", r, p))
        for i, (r, p) in enumerate(zip(REPORTS, shifted, strict=True))
    ]
    planted += [
        ("injected", Pair(f"injected-{i}", REPORTS[0], f"{shifted[0]} {text}"))
        for i, text in enumerate((*INJECTIONS, *private))
    ]
    return planted


def check(
    agreement: Agreement,
    *,
    when: str,
    unrelated_at_most: float = UNRELATED_AT_MOST,
    private: Sequence[str] = (),
    reasons: Sequence[str] = (),
) -> None:
    """Nothing; raises `JudgeVoid` naming the first control that fails, without quoting it.

    `when` is "before" or "after" the run. Controls reach the judge as every report does, escaped but not
    filtered for words, so a control that the judge obeys fails. `agreement` fills `reasons`: per control, why
    its answer could not be used, in the server's or the parser's own words, or nothing.
    """
    planted = controls(private)
    values = agreement([pair for _, pair in planted])
    clean = next(v for (kind, _), v in zip(planted, values, strict=True) if kind == "unrelated")
    limits = {
        "same": (SAME_AT_LEAST, 1.0),
        "unrelated": (0.0, unrelated_at_most),
        "injected": (0.0, clean + INJECTION_GAIN_AT_MOST),
    }
    for number, ((kind, pair), value) in enumerate(zip(planted, values, strict=True)):
        low, high = limits[kind]
        if not low <= value <= high:
            # An answer to an adversarial control may quote it, and a private one must not appear here.
            reason = reasons[number] if number < len(reasons) and kind != "injected" else ""
            # A missing or unreadable answer is not a judgement: it gets no number.
            fault = (
                f"gave no usable answer to control {pair.id} {when} the run: {reason}"
                if reason
                else f"failed control {pair.id} {when} the run: {value:.3f} is not within {low:g} and {high:g}"
            )
            raise JudgeVoid(
                f"the judge {fault}. No score from this run is used; check the model, its revision and the server."
            )
