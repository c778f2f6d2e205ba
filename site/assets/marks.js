// How one text differs from another, sentence by sentence and word by word.
const NEAR = 0.5;
// Words that say nothing of a finding neither make sentences alike nor are marked; "no" and "or" do say something.
const SMALL = new Set("a an and are been has have in is of seen the there this was were with".split(" "));

// A sentence ends with a full stop, question or exclamation mark before a space, or with a line; "1.5 cm" is one piece.
export const sentences = (text) => text.match(/(?:[^.!?\n]|[.!?](?!\s|$))+[.!?]*\s*|[.!?\s]+/g) ?? [];
const words = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

// Dice's share of telling words that two sentences have in common.
const telling = (found) => new Set(found.filter((w) => !SMALL.has(w)));
const alike = (a, b) => (2 * [...a].filter((w) => b.has(w)).length) / (a.size + b.size || 1);

// Pieces of `text` in order. `same`: the other text has this sentence. `near`: it has one with mostly these words, and
// `parts` says which words are not in it. `new`: it has none like it.
export const differences = (text, other) => {
  const theirs = sentences(other).map(words).filter((w) => w.length).map((w) => ({ key: w.join(" "), words: telling(w) }));
  return sentences(text).map((sentence) => {
    const own = words(sentence);
    if (!own.length || theirs.some((t) => t.key === own.join(" "))) return { kind: "same", text: sentence };
    const set = telling(own);
    const best = theirs.map((t) => ({ share: alike(set, t.words), words: t.words })).sort((a, b) => b.share - a.share)[0];
    if (!best || best.share < NEAR) return { kind: "new", text: sentence };
    const pieces = sentence.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}]+/gu);
    const parts = pieces.map((p) => ({ text: p, differs: /[\p{L}\p{N}]/u.test(p) && !best.words.has(p.toLowerCase()) && !SMALL.has(p.toLowerCase()) }));
    return { kind: "near", text: sentence, parts };
  });
};
