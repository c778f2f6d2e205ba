"""Every rule's code, title and explanation: the documentation page is made of this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: stable code, short title, what it asks and why."""

    code: str
    title: str
    about: str


_RULES: Final = (
    Rule("RX101", "Folder name", "Team and model names are lower-case letters, digits, dots and hyphens, 1 to 40 characters, so that they are safe in URLs and file names."),
    Rule("RX102", "Unknown file", "A submission folder holds model.yaml and one <dataset>.json per dataset, and nothing else."),
    Rule("RX103", "File too large", "A prediction file has at most 20 MB, a model card 64 kB. Larger files are not even opened."),
    Rule("RX104", "Not a regular file", "Links, submodules and devices could point outside the submission and are refused."),
    Rule("RX105", "Git LFS pointer", "The file's content lies in Git LFS and did not come along. Commit the file itself."),
    Rule("RX106", "Encoding", "Files are UTF-8 without a byte order mark."),
    Rule("RX107", "Nested folder", "Submissions lie exactly two folders deep: submissions/<team>/<model>/."),
    Rule("RX108", "Missing file", "A submission needs a model card and at least one prediction file."),
    Rule("RX201", "Not JSON", "The file must be one JSON object."),
    Rule("RX202", "Duplicate key", "A JSON reader silently keeps the last of two equal keys; a study would be lost."),
    Rule("RX203", "NaN token", "NaN and Infinity are not JSON. A study without a report has an empty string."),
    Rule("RX204", "Nested too deep", "Prediction files have two levels. Deep nesting only serves to exhaust a reader."),
    Rule("RX205", "Lone surrogate", "Half of a Unicode character cannot be written as UTF-8."),
    Rule("RX206", "Wrong shape", "Each study is an object with findings and, for the report track, impression."),
    Rule("RX207", "Not a string", "Reports are strings. Null, numbers and lists are refused; an empty report is an empty string."),
    Rule("RX208", "Unknown field", "Only findings and impression travel in a submission."),
    Rule("RX209", "Old ReXrank format", "ReXrank's example file carries the references along. They must not be published, and a scorer must not read the truth from a submission."),
    Rule("RX210", "Impression for all or none", "A model enters the report track with an impression for every study, or the findings track with none."),
    Rule("RX211", "Order of studies", "Sorted keys, one study a line, make changes readable. A warning."),
    Rule("RX301", "Unknown dataset", "The file is named after a dataset of the registry."),
    Rule("RX302", "Missing studies", "Every study of the dataset must be there: leaving hard ones out would raise a mean."),
    Rule("RX303", "Unknown studies", "Only studies of the dataset may be there."),
    Rule("RX304", "Misspelt study id", "An unknown id that differs from a missing one by case, spaces, leading zeros or a slip."),
    Rule("RX305", "Coverage not checked here", "The ids of this dataset are not public and no manifest is at hand; coverage is checked on the runner. A warning."),
    Rule("RX401", "Control characters", "Only line breaks and tabs may control a report's layout."),
    Rule("RX402", "Invisible characters", "Zero-width and formatting characters hide text from readers but not from metrics."),
    Rule("RX403", "Bidirectional controls", "They make text read differently from how it is stored."),
    Rule("RX404", "Unassigned characters", "Private-use and unassigned characters have no meaning that readers share."),
    Rule("RX405", "Very long token", "No word has more than 60 characters; the longest in the references has 34."),
    Rule("RX406", "Report too long", "A report has at most 600 words and 4,000 characters, twice the longest reference. Metrics cut text at different places; a limit makes them see the same."),
    Rule("RX407", "Long report", "GREEN reads the first 300 words only. A warning."),
    Rule("RX408", "Empty report", "Allowed, and scored as the worst value of every metric. A warning."),
    Rule("RX409", "Instructions to a judge", "Chat-template tokens, section headers of a judge's answer and instructions do not belong in a report."),
    Rule("RX501", "Not YAML", "The model card is plain YAML."),
    Rule("RX502", "Model card", "A field of the card is missing, unknown or of the wrong form."),
    Rule("RX503", "Link", "Links start with https:// and name a public host."),
    Rule("RX504", "Training data", "Training sets are named from the registry, or as other:<text>, so that contamination can be marked."),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {rule.code: rule for rule in _RULES}


def anchor(code: str) -> str:
    """The rule's anchor on the documentation page."""
    return code.lower()
