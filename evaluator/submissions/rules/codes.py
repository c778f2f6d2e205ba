"""Every rule's code, title and explanation: the documentation page is made of this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: stable code, short title, what it asks and why, and how a submitter mends it."""

    code: str
    title: str
    about: str
    cure: str


_RULES: Final = (
    Rule("RX101", "Folder name", "Team and model names are lower-case letters, digits, dots and hyphens, 1 to 40 characters and without a dot at the end, so that they are safe in URLs and file names. Names that Windows keeps for devices (`con`, `aux`, `nul`, `com1`, also before a dot) and names of pages and rows of the site (`index`, `readme`, `baseline`) are refused.", "Rename the folder: lower case, hyphens for spaces and underscores; the message suggests a name."),
    Rule("RX102", "Unknown file", "A submission folder holds `model.yaml` and one `<dataset>.json` per dataset, and nothing else.", "Remove the file; link code, weights and images from the model card."),
    Rule("RX103", "File too large", "A prediction file has at most 20 MB, a model card 64 kB. Larger files are not even opened.", "Keep the reports only. 10,000 reports take about 5 MB."),
    Rule("RX104", "Not a regular file", "Links, submodules and devices could point outside the submission and are refused.", "Commit the file itself in the link's place."),
    Rule("RX105", "Git LFS pointer", "The file's content lies in Git LFS and did not come along. Commit the file itself.", "Run `git lfs untrack '*.json'`, then remove the file from the index and add it again."),
    Rule("RX106", "Encoding", "Files are UTF-8 without a byte order mark.", 'Save the file as plain UTF-8, in Python with `open(path, "w", encoding="utf-8")`.'),
    Rule("RX107", "Nested folder", "Submissions lie exactly two folders deep: `submissions/<team>/<model>/`.", "Move the files up, or remove the folder."),
    Rule("RX108", "Missing file", "A submission needs a model card and at least one prediction file.", "Start the card with `rexrank new TEAM MODEL`, the predictions with `rexrank convert`."),
    Rule("RX201", "Not JSON", "The file must be one JSON object.", "Write the file with a JSON library; `rexrank convert` does."),
    Rule("RX202", "Duplicate key", "A JSON reader silently keeps the last of two equal keys; a study would be lost.", "Keep one of the copies."),
    Rule("RX203", "NaN token", "NaN and Infinity are not JSON. A study without a report has an empty string.", "Write an empty string where the model gave nothing."),
    Rule("RX204", "Nested too deep", "Prediction files have two levels. Deep nesting only serves to exhaust a reader.", "Write the flat form; `rexrank convert` does."),
    Rule("RX205", "Lone surrogate", "Half of a Unicode character cannot be written as UTF-8.", "Re-encode the text from the model's output."),
    Rule("RX206", "Wrong shape", "Each study is an object with the sections that a track needs: findings, and impression for the report track.", 'Write `{"findings": "…"}` for each study; `rexrank convert` does.'),
    Rule("RX207", "Not a string", "Reports are strings. Null, numbers and lists are refused; an empty report is an empty string.", "Put the text in quotes, or an empty string where the model gave nothing."),
    Rule("RX208", "Unknown field", "Only findings and impression travel in a submission. Fields named like a reference are RX209.", "Remove the other fields; `rexrank convert` does."),
    Rule("RX209", "References in the file", "ReXrank's old example file and many evaluation scripts carry the references along (`section_findings`, `gt_findings`, `reference`, `label`). They must not be published, and a scorer must not read the truth from a submission.", "Run the `rexrank convert` command given in the message; it writes only the predictions."),
    Rule("RX210", "Impression for all or none", "A model enters the report track with an impression for every study, or the findings track with none.", "Add the missing impressions (empty where the model gave none), or remove the field everywhere."),
    Rule("RX211", "Order of studies", "Sorted keys, one study a line, make changes readable. A warning.", "Run the `rexrank convert` command given in the message; it rewrites the file in place."),
    Rule("RX212", "Too many values", "A file of millions of small values would fill the memory. 100,000 studies are let through; the largest dataset has 10,000.", "Keep the studies of the dataset only."),
    Rule("RX220", "Not an answer", "An answer to a multiple-choice question is one of the Latin letters A to D, or an empty string. A text, another letter or one of another script that looks like it is refused.", "Write only the letter, or an empty string where the model gave none; `rexrank convert` finds the letter in a text."),
    Rule("RX221", "Question id", "The id of a question has 1 to 200 printable ASCII characters and no spaces at its ends.", "Write the ids exactly as in the dataset."),
    Rule("RX222", "Answer normalised", "An answer in lower case, or with spaces around it, is read as its capital letter. A warning that counts them.", "Nothing to do."),
    Rule("RX223", "Unanswered", "A question without an answer counts as wrong, and the board shows how many there are. A warning.", "Nothing, if the model gave none; otherwise look how its letter is found."),
    Rule("RX224", "One letter for nearly all", 'Nine answers in ten are the same letter, as a parser makes them that takes the word "A" of a sentence for an answer. The integrity check C24 holds such an entry. A warning.', "Look how the letter is found in the model's text."),
    Rule("RX213", "No track for these sections", "A file enters the tracks of its dataset whose sections every study has. An impression alone is a track of few datasets; the page of each says which tracks it has.", "Add the section that is missing, with an empty string where the model gave nothing."),
    Rule("RX301", "Unknown dataset", "The file is named after a dataset of the registry.", "Rename the file after its dataset."),
    Rule("RX302", "Missing studies", "Every study of the dataset must be there: leaving hard ones out would raise a mean.", "Add the studies, with an empty string where the model gave nothing."),
    Rule("RX303", "Unknown studies", "Only studies of the dataset may be there.", "Remove the studies; check that the predictions are for the right split."),
    Rule("RX304", "Misspelt study id", "An unknown id that differs from a missing one by case, spaces, leading zeros or a slip.", "Write the ids exactly as in the dataset."),
    Rule("RX305", "Coverage not checked here", "The ids of this dataset are not public and no manifest is at hand; coverage is checked on the runner. A warning.", "Nothing to do. If you have the data, give `--references DIR` to check now."),
    Rule("RX306", "Copies of references", "With `--references DIR`, the integrity checks C11 to C13 are run before anything becomes public: reports that repeat their own reference. A warning, in the words that the comment with the scores would use.", "Look at the studies named. If the model saw the test set, do not submit it; if the wrong column was converted, convert again."),
    Rule("RX401", "Control characters", "Only line breaks and tabs may control a report's layout.", "Remove the characters from the model's output before writing the file."),
    Rule("RX402", "Invisible characters", "Zero-width and formatting characters hide text from readers but not from metrics. The selector behind an emoji is fine.", "Remove the characters from the model's output before writing the file; `rexrank convert` does."),
    Rule("RX403", "Bidirectional controls", "They make text read differently from how it is stored.", "Remove the characters from the model's output before writing the file."),
    Rule("RX404", "Unassigned characters", "Private-use and unassigned characters have no meaning that readers share.", "Remove the characters from the model's output before writing the file."),
    Rule("RX405", "Very long token", "Words of more than 60 characters are no words: a rule of dashes, or a script without spaces. Metrics read each as one word; the longest in the references has 34. A warning.", "Put spaces between the words, or leave it if it is meant."),
    Rule("RX406", "Long section", "Of a section only the first 600 words and 4,000 characters are scored, about twice the longest reference, so that one report whose decoder did not stop holds up nothing. A warning.", "Check the model's stopping rule."),
    Rule("RX407", "Long report", "GREEN reads the first 300 words only, and a prompt that fills the context of its judge scores 0. A warning.", "Shorten the report if what follows the 300th word matters."),
    Rule("RX408", "Empty report", "Allowed, and scored as the worst value of every metric; the integrity check C2 shows it, and holds the entry above 1 % of the studies. A warning.", "Nothing, if the model gave no report."),
    Rule("RX409", "Heading from a judge's answer", "Headings and fields of a judge's answer, such as `[Matched Findings]`, have no place in a report; C21 would refuse the entry.", "Remove the words from the report."),
    Rule("RX410", "Placeholder for nothing", "A report that says only nan, none or null most likely was a missing value. The default protocol scores nan and none as an empty report. A warning.", "Write an empty string where the model gave nothing."),
    Rule("RX411", "Look-alike letters", "A word that mixes Latin letters with Cyrillic or Greek ones, or is made of look-alikes, reads as one word and is scored as another. Medical Greek is fine: a letter by itself, beside capitals or in a unit (TNFα, NFκB, kΩ, μm).", "Write the word with Latin letters."),
    Rule("RX412", "Decoder tokens", "Tokens of a decoder, tokenizer or chat template (`</s>`, `<unk>`, `<end_of_turn>`, `<image>`, `[PAD]`) were left in. Every metric scores them as words. A warning.", "Decode without special tokens (`skip_special_tokens=True`), or let `rexrank convert` remove them."),
    Rule("RX413", "Text for the judge", "Instructions to whoever grades the report. They gain nothing, since judges are asked with controls before and after; C21 shows them as a badge. A warning.", "Remove them, if they are none of the report's."),
    Rule("RX414", "Text around the report", "A chat model's preamble, reasoning, refusal, Markdown, JSON or a second section's header inside the text. Metrics score them as words of the report. A warning.", "Keep the report alone; `rexrank convert` takes most of it away."),
    Rule("RX415", "Flagged at scoring", "What the integrity checks will say of the reports as a whole, in their words: length (C5), other scripts (C7), repetition (C9), few distinct reports (C10). A warning.", "Check whether it is intended; the message gives the consequence."),
    Rule("RX501", "Not YAML", "The model card is plain YAML.", "Fix the location named, or start again from `rexrank new TEAM MODEL`."),
    Rule("RX502", "Model card", "A field of the card is missing, unknown or of the wrong form.", "Fill in, fix or remove the field named."),
    Rule("RX503", "Link", "Links start with https:// and name a public host.", "Give the https address, or remove the link."),
    Rule("RX504", "Training data", "Training sets are named from the registry, or as `other:<text>`, so that contamination can be marked.", "Choose a name from the registry, or write `other: <text>`."),
    Rule("RX505", "ORCID iD", "The last character of an ORCID iD is a check digit. One that does not fit the others is a slip of the pen, and would credit nobody or somebody else.", "Copy the iD from its owner's page at orcid.org, or remove the field."),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {rule.code: rule for rule in _RULES}


def anchor(code: str) -> str:
    """The rule's anchor on the documentation page."""
    return code.lower()
