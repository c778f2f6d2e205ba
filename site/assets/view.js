// The board as it is shown – its rows, order and columns – as CSV, JSON, LaTeX or Markdown. The links beside it lead to
// the whole board with all digits.
import { element, shownValue } from "./page.js";

const FORMATS = { md: "Markdown", tex: "LaTeX", csv: "CSV", json: "JSON" };
const TYPES = { md: "text/markdown", tex: "application/x-tex", csv: "text/csv", json: "application/json" };

export const exportView = (table, form, said) => {
  const tell = (words) => (said.textContent = words);
  form.addEventListener("click", async (event) => {
    const { rxCopy: copy, rxSave: save } = event.target.dataset ?? {};
    const share = event.target.classList?.contains("rx-share");
    if (copy || share) {
      try {
        await navigator.clipboard.writeText(share ? location.href : render(table, copy));
        tell(share ? "Link to this view copied." : `Copied as ${FORMATS[copy]}.`);
      } catch {
        tell(share ? "Your browser does not allow copying; copy the link from the address bar." : "Your browser does not allow copying; use Save instead.");
      }
    } else if (save) {
      const url = URL.createObjectURL(new Blob([render(table, save)], { type: TYPES[save] }));
      const link = element("a", { href: url, download: `${table.dataset.rxBoard}.view.${save}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
      tell(`Saved ${link.download}.`);
    }
  });
};

// Rows of the view: one object a row, numbers as text with a plain minus sign, empty for what is not there.
const rowsOf = (table) => {
  const headers = [...table.querySelectorAll("th[data-rx-metric]")].filter((h) => !h.hidden);
  const rows = [...table.querySelectorAll("tbody tr[data-rx-id]")].filter((r) => !r.hidden);
  const intervals = !table.hasAttribute("data-rx-plain");
  return rows.map((row) => ({
    rank: plain(row.querySelector(".rx-rank").textContent),
    model: row.querySelector(".rx-name").textContent,
    id: row.dataset.rxId,
    kind: row.dataset.rxKind === "submission" ? row.closest("tbody").dataset.rxGroup : row.dataset.rxKind,
    metrics: headers.map((header) => {
      const cell = row.cells[header.cellIndex];
      const ends = intervals ? cell.querySelector("small:not(.rx-note)")?.textContent ?? "" : "";
      const [low, high] = ends.split(" to ").map(plain);
      const mark = ["best", "second"].find((m) => cell.classList.contains(`rx-${m}`)) ?? "";
      return { name: header.dataset.rxName, title: header.dataset.rxMetric, arrow: header.dataset.rxArrow, single: "rxSingle" in header.dataset, mark,
        beside: header.dataset.rxBeside ? { name: header.dataset.rxBeside, value: plain(cell.dataset.rxBeside ?? "") } : null,
        value: plain(shownValue(cell)), low: low ?? "", high: high ?? "", note: note(cell) };
    }),
  }));
};

const plain = (text) => text.trim().replaceAll("−", "-").replace(/^–$/, "");
const note = (cell) => [...cell.querySelectorAll(".rx-note")].map((n) => n.textContent).join("; ");
const KINDS = { rows: "", null: " (baseline)", reported: "", incomplete: " (not ranked)", withdrawn: " (withdrawn)" };
const kindOf = (r) => ({ rows: "ranked", null: "baseline" })[r.kind] ?? r.kind;
const captionOf = (table) => table.caption.textContent;
const source = () => location.href;
const spanned = (m) => m.low || m.high;
const shown = (m) => (m.value === "" ? "–" : spanned(m) ? `${m.value} [${m.low}, ${m.high}]` : m.value);

export const render = (table, format) => {
  const rows = rowsOf(table);
  return { csv, json, tex, md }[format](rows, captionOf(table), table);
};

// A cell that no spreadsheet takes for a formula.
const cell = (text, isNumber) => {
  const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

// Columns are named as in the file of the whole board: the headline, its mean, each with its interval where it has one.
const csv = (rows) => {
  const columns = (m) => [m.name, ...(m.single ? [] : [`${m.name}_low`, `${m.name}_high`]), ...(m.beside ? [m.beside.name] : [])];
  const values = (m) => [m.value, ...(m.single ? [] : [m.low, m.high]), ...(m.beside ? [m.beside.value] : [])];
  const lines = rows.map((r) => [
    ...[r.rank, r.id, r.model, kindOf(r)].map((t) => cell(t)),
    ...r.metrics.flatMap(values).map((t) => cell(t, true)),
  ]);
  const head = ["rank", "id", "name", "kind", ...(rows[0]?.metrics ?? []).flatMap(columns).map((t) => cell(t))];
  return [head, ...lines].map((l) => l.join(",")).join("\n") + "\n";
};

const json = (rows, title) =>
  JSON.stringify(
    {
      title,
      source: source(),
      rows: rows.map((r) => ({
        rank: r.rank || null,
        id: r.id,
        name: r.model,
        kind: kindOf(r),
        metrics: Object.fromEntries(r.metrics.map((m) => [m.name, { title: m.title, value: digits(m.value), ...(m.single ? {} : { low: digits(m.low), high: digits(m.high) }), ...(m.note ? { note: m.note } : {}) }])),
      })),
    },
    null,
    1,
  ) + "\n";

const digits = (text) => (text === "" || text.includes("∞") ? null : Number(text));

const LATEX = { "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "%": "\\%", "#": "\\#", _: "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "–": "--", "−": "$-$", "∞": "$\\infty$", "<": "\\textless{}", ">": "\\textgreater{}" };
const latex = (text) => [...text.replace(/\s+/g, " ")].map((c) => LATEX[c] ?? c).join("");
const latexNumber = (text) => latex(text.replaceAll("-", "−"));

const ARROWS = { "↑": "$\\uparrow$", "↓": "$\\downarrow$" };
const latexCell = (m) => {
  if (m.value === "") return "--";
  const value = latexNumber(m.value);
  const marked = { best: `\\textbf{${value}}`, second: `\\underline{${value}}` }[m.mark] ?? value;
  return spanned(m) ? `${marked} {\\scriptsize (${latexNumber(m.low)} to ${latexNumber(m.high)})}` : marked;
};

// A float with booktabs: best in bold, second underlined, as on the page.
const tex = (rows, caption, table) => {
  const metrics = rows[0]?.metrics ?? [];
  const intervals = rows.some((r) => r.metrics.some(spanned));
  const marks = rows.some((r) => r.metrics.some((m) => m.mark));
  const lines = rows.map((r) => [r.rank ? latex(r.rank) : "--", latex(r.model + KINDS[r.kind]), ...r.metrics.map(latexCell)].join(" & ") + " \\\\");
  const told = [`${latex(caption)}.`, intervals ? "95\\,\\% intervals in parentheses; a rank is the range the tests cannot rule out." : "", marks ? "Best in bold, second best underlined." : ""];
  return [
    "% needs \\usepackage{booktabs} and, for the citation, the BibTeX entry of the site's page on citing",
    `% ${source()}`,
    "\\begin{table}",
    "\\centering",
    `\\caption{${told.filter(Boolean).join(" ")} ${table.dataset.rxChallenge}~\\cite{${table.dataset.rxCite}}.}`,
    `\\label{tab:${table.dataset.rxBoard}}`,
    `\\begin{tabular}{ll${"r".repeat(metrics.length)}}`,
    "\\toprule",
    ["Rank", "Model", ...metrics.map((m) => `${latex(m.title)} ${ARROWS[m.arrow] ?? ""}`.trim())].join(" & ") + " \\\\",
    "\\midrule",
    ...lines,
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
    "",
  ].join("\n");
};

const escaped = (text) => text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]()<>#+\-.!|~@:&]/g, (c) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;" })[c] ?? `\\${c}`);

const md = (rows, title) => {
  const titles = (rows[0]?.metrics ?? []).map((m) => m.title);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    `${escaped(title)}. <${source()}>`,
    "",
    line(["Rank", "Model", ...titles]),
    `|---|---|${"---:|".repeat(titles.length)}`,
    ...rows.map((r) => line([r.rank || "–", escaped(r.model) + KINDS[r.kind], ...r.metrics.map((m) => shown(m).replaceAll("-", "−"))])),
    "",
  ].join("\n");
};
