"""Every rule's code, title and explanation: the documentation page is generated from this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: stable code, short title, what it requires and why, and how a submitter fixes it."""

    code: str
    title: str
    about: str
    cure: str


_RULES: Final = (
    Rule("RX101", "Folder name", "Team and model names are lower-case letters, digits, dots and hyphens, 1 to 40 characters and without a dot at the end, so they are safe in URLs and file names. Names that Windows reserves for devices (`con`, `aux`, `nul`, `com1`, also before a dot) and names of pages and rows on the site (`index`, `readme`, `baseline`) are refused.", "Rename the folder: lower case, hyphens for spaces and underscores; the message suggests a name."),
    Rule("RX102", "Unknown file", "A submission folder contains `model.yaml` and one `<dataset>.json` per dataset, and nothing else.", "Remove the file; link code, weights and images from the model card."),
    Rule("RX103", "File too large", "A prediction file may have at most 20 MB, a model card 64 kB. Larger files are not opened.", "Keep the reports only. 10,000 reports take about 5 MB."),
    Rule("RX104", "Not a regular file", "Links, submodules and devices could point outside the submission and are refused.", "Replace the link with the file itself."),
    Rule("RX105", "Git LFS pointer", "The file's content is in Git LFS and is not part of the commit. Commit the file itself.", "Run `git lfs untrack '*.json'`, then remove the file from the index and add it again."),
    Rule("RX106", "Encoding", "Files are UTF-8 without a byte order mark.", 'Save the file as plain UTF-8, in Python with `open(path, "w", encoding="utf-8")`.'),
    Rule("RX107", "Nested folder", "Submissions are exactly two folders deep: `submissions/<team>/<model>/`.", "Move the files up, or remove the folder."),
    Rule("RX108", "Missing file", "A submission needs a model card and at least one prediction file.", "Start the card with `rexrank new TEAM MODEL`, the predictions with `rexrank convert`."),
    Rule("RX201", "Not JSON", "The file must be one JSON object.", "Write the file with a JSON library; `rexrank convert` does."),
    Rule("RX202", "Duplicate key", "A JSON reader silently keeps the last of two equal keys; a study would be lost.", "Keep one of the copies."),
    Rule("RX203", "NaN token", "NaN and Infinity are not JSON. A study without a report has an empty string.", "Write an empty string where the model produced nothing."),
    Rule("RX204", "Nested too deep", "Prediction files have two levels. Deeper nesting could exhaust the parser.", "Write the flat form; `rexrank convert` does."),
    Rule("RX205", "Lone surrogate", "Half of a Unicode character cannot be written as UTF-8.", "Re-encode the text from the model's output."),
    Rule("RX206", "Wrong shape", "Each study is an object with the sections that a track needs: findings, and impression for the findings + impression track.", 'Write `{"findings": "…"}` for each study; `rexrank convert` does.'),
    Rule("RX207", "Not a string", "Reports are strings. Null, numbers and lists are refused; an empty report is an empty string.", "Put the text in quotes, or write an empty string where the model produced nothing."),
    Rule("RX208", "Unknown field", "A submission contains only findings and impression. For fields named like a reference, see RX209.", "Remove the other fields; `rexrank convert` does."),
    Rule("RX209", "References in the file", "ReXrank's old example file and the output of many evaluation scripts include the references (`section_findings`, `gt_findings`, `reference`, `label`). They must not be published, and the scorer must not take references from a submission.", "Run the `rexrank convert` command given in the message; it writes only the predictions."),
    Rule("RX210", "Impression for all or none", "A model enters the findings + impression track with an impression for every study, or the findings track with none.", "Add the missing impressions (empty where the model produced none), or remove the field everywhere."),
    Rule("RX211", "Order of studies", "Sorted keys, with one study per line, make changes readable. A warning.", "Run the `rexrank convert` command given in the message; it rewrites the file in place."),
    Rule("RX212", "Too many values", "A file with millions of small values would exhaust memory. The limit is 100,000 studies; the largest dataset has 10,000.", "Keep only the studies of the dataset."),
    Rule("RX220", "Not an answer", "An answer to a multiple-choice question is one of the Latin letters A to D, or an empty string. Text, other letters and look-alike letters from other scripts are refused.", "Write only the letter, or an empty string if the model gave none; `rexrank convert` extracts the letter from text."),
    Rule("RX221", "Question id", "A question id has 1 to 200 printable ASCII characters and no leading or trailing spaces.", "Write the ids exactly as in the dataset."),
    Rule("RX222", "Answer normalised", "An answer in lower case, or with spaces around it, is read as the capital letter. A warning with their number.", "Nothing to do."),
    Rule("RX223", "Unanswered", "A question without an answer counts as wrong, and the board shows how many there are. A warning.", "Nothing, if the model gave none; otherwise check how the letter is extracted."),
    Rule("RX224", "One letter for nearly all", 'Nine answers in ten are the same letter, as happens if a parser mistakes the word "A" in a sentence for an answer. The integrity check C24 holds such an entry. A warning.', "Check how the letter is extracted from the model's text."),
    Rule("RX213", "No track for these sections", "A file enters those tracks of its dataset for which every study has the required sections. Only a few datasets have a track for impressions alone; each dataset's page lists its tracks.", "Add the missing section, with an empty string where the model produced nothing."),
    Rule("RX301", "Unknown dataset", "The file must be named after a dataset in the registry.", "Rename the file after its dataset."),
    Rule("RX302", "Missing studies", "Every study of the dataset must be present: leaving out hard ones would improve the mean.", "Add the studies, with an empty string where the model produced nothing."),
    Rule("RX303", "Unknown studies", "Only studies of the dataset are allowed.", "Remove the studies; check that the predictions are for the right split."),
    Rule("RX304", "Misspelt study id", "An unknown id that differs from a missing one only by case, spaces, leading zeros or a typo.", "Write the ids exactly as in the dataset."),
    Rule("RX305", "Coverage not checked here", "The ids of this dataset are not public and no manifest is available; coverage is checked on the runner. A warning.", "Nothing to do. If you have the data, give `--references DIR` to check now."),
    Rule("RX306", "Copies of references", "With `--references DIR`, the integrity checks C11 to C13 are run before anything becomes public: reports that repeat their own reference. A warning, in the same words as in the score comment.", "Check the listed studies. If the model saw the test set, do not submit it; if the wrong column was converted, convert again."),
    Rule("RX401", "Control characters", "Line breaks and tabs are the only control characters allowed in a report.", "Remove the characters from the model's output before writing the file."),
    Rule("RX402", "Invisible characters", "Zero-width and formatting characters hide text from readers but not from metrics. The variation selector after an emoji is fine.", "Remove the characters from the model's output before writing the file; `rexrank convert` does."),
    Rule("RX403", "Bidirectional controls", "They make text read differently from how it is stored.", "Remove the characters from the model's output before writing the file."),
    Rule("RX404", "Unassigned characters", "Private-use and unassigned characters have no agreed meaning.", "Remove the characters from the model's output before writing the file."),
    Rule("RX405", "Very long token", "A word of more than 60 characters is usually a row of dashes or text without spaces. Metrics read it as one word; the longest word in the references has 34. A warning.", "Put spaces between the words, or leave it if it is intended."),
    Rule("RX406", "Long section", "Of a section only the first 600 words and 4,000 characters are scored, about twice the longest reference, so that a decoder that does not stop cannot block scoring. A warning.", "Check the model's stopping rule."),
    Rule("RX407", "Long report", "GREEN reads only the first 300 words, and a prompt that exceeds its judge's context scores 0. A warning.", "Shorten the report if the text after the 300th word matters."),
    Rule("RX408", "Empty report", "Allowed, but every metric gives it the worst score; the integrity check C2 shows it, and holds the entry above 1 % of the studies. A warning.", "Nothing, if the model produced no report."),
    Rule("RX409", "Heading from a judge's answer", "Headings and fields of a judge's answer, such as `[Matched Findings]`, do not belong in a report; C21 would refuse the entry.", "Remove the words from the report."),
    Rule("RX410", "Missing-value placeholder", "A report that says only nan, none or null was most likely a missing value. The default protocol scores nan and none as an empty report. A warning.", "Write an empty string where the model produced nothing."),
    Rule("RX411", "Look-alike letters", "A word that mixes Latin letters with Cyrillic or Greek ones, or consists of look-alikes, reads as one word but is scored as another. Medical Greek is fine: a letter by itself, next to capitals or in a unit (TNFα, NFκB, kΩ, μm).", "Write the word with Latin letters."),
    Rule("RX412", "Decoder tokens", "Tokens of a decoder, tokenizer or chat template (`</s>`, `<unk>`, `<end_of_turn>`, `<image>`, `[PAD]`) were left in. Every metric scores them as words. A warning.", "Decode without special tokens (`skip_special_tokens=True`), or let `rexrank convert` remove them."),
    Rule("RX413", "Text for the judge", "Instructions to whoever grades the report. They gain nothing, because control pairs are judged before and after; C21 gives the entry a badge. A warning.", "Remove them unless they belong to the report."),
    Rule("RX414", "Text around the report", "A chat model's preamble, reasoning, refusal, Markdown, JSON or a second section's header inside the text. Metrics score them as words of the report. A warning.", "Keep only the report; `rexrank convert` removes most of the rest."),
    Rule("RX415", "Flagged at scoring", "What the integrity checks will say about the reports as a whole: length (C5), other scripts (C7), repetition (C9), few distinct reports (C10). A warning.", "Check whether it is intended; the message gives the consequence."),
    Rule("RX501", "Not YAML", "The model card is plain YAML.", "Fix the reported location, or start again from `rexrank new TEAM MODEL`."),
    Rule("RX502", "Model card", "A field of the card is missing, unknown or in the wrong format.", "Fill in, fix or remove the field."),
    Rule("RX503", "Link", "Links start with https:// and name a public host.", "Give the https address, or remove the link."),
    Rule("RX504", "Training data", "Training datasets use names from the registry, or `other:<text>`, so that contamination can be shown.", "Choose a name from the registry, or write `other: <text>`."),
    Rule("RX505", "ORCID iD", "The last character of an ORCID iD is a check digit. A mismatch means a typo, which would credit nobody or somebody else.", "Copy the iD from its owner's page at orcid.org, or remove the field."),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {rule.code: rule for rule in _RULES}


def anchor(code: str) -> str:
    """The rule's anchor on the documentation page."""
    return code.lower()
