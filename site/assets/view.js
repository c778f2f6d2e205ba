// The board as it is shown – its rows, order and columns – as CSV, JSON, LaTeX or Markdown. The links beside it lead to
// the whole board with all digits.
import { element } from "./page.js";

const FORMATS = { md: "Markdown", tex: "LaTeX", csv: "CSV", json: "JSON" };
const TYPES = { md: "text/markdown", tex: "application/x-tex", csv: "text/csv", json: "application/json" };

export const viewControls = (table) => {
  const select = element("select", { name: "format" });
  for (const [key, label] of Object.entries(FORMATS)) select.add(new Option(label, key));
  const copy = element("button", { type: "button", text: "Copy" });
  const save = element("button", { type: "button", text: "Save" });
  const said = element("span", { class: "rx-count" });
  said.setAttribute("role", "status");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(render(table, select.value));
      said.textContent = "Copied.";
    } catch {
      said.textContent = "The browser does not allow copying; use Save.";
    }
  });
  save.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([render(table, select.value)], { type: TYPES[select.value] }));
    const link = element("a", { href: url, download: `${table.dataset.rxBoard}.view.${select.value}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    said.textContent = `Saved ${link.download}.`;
  });
  return element("p", { class: "rx-controls rx-view" }, element("label", {}, "This view as ", select), copy, save, said);
};

// Rows of the view: one object a row, numbers as text with a plain minus sign, empty for what is not there.
const rowsOf = (table) => {
  const headers = [...table.querySelectorAll("th[data-rx-metric]")].filter((h) => !h.hidden);
  const rows = [...table.querySelectorAll("tbody tr[data-rx-id]")].filter((r) => !r.hidden);
  return rows.map((row) => ({
    rank: plain(row.querySelector(".rx-rank").textContent),
    model: row.querySelector(".rx-name").textContent,
    id: row.dataset.rxId,
    kind: row.closest("tbody").dataset.rxGroup,
    metrics: headers.map((header) => {
      const cell = row.cells[header.cellIndex];
      const [low, high] = (cell.querySelector("small:not(.rx-note)")?.textContent ?? "").split(" to ").map(plain);
      return { title: header.dataset.rxMetric, value: plain(cell.querySelector(".rx-value")?.textContent ?? ""), low: low ?? "", high: high ?? "", note: note(cell) };
    }),
  }));
};

const plain = (text) => text.trim().replaceAll("−", "-").replace(/^–$/, "");
const note = (cell) => [...cell.querySelectorAll(".rx-note")].map((n) => n.textContent).join("; ");
const KINDS = { rows: "", nulls: " (baseline)", incomplete: " (not ranked)", withdrawn: " (withdrawn)" };
const titleOf = (table) => table.caption.textContent.split(":")[0];
const source = () => location.href;
const shown = (m) => (m.value === "" ? "–" : m.low || m.high ? `${m.value} [${m.low}, ${m.high}]` : m.value);

export const render = (table, format) => {
  const rows = rowsOf(table);
  return { csv, json, tex, md }[format](rows, titleOf(table));
};

// A cell that no spreadsheet takes for a formula.
const cell = (text, isNumber) => {
  const safe = !isNumber && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

const csv = (rows) => {
  const titles = (rows[0]?.metrics ?? []).flatMap((m) => [m.title, `${m.title} low`, `${m.title} high`]);
  const lines = rows.map((r) => [
    ...[r.rank, r.id, r.model, r.kind === "rows" ? "ranked" : r.kind].map((t) => cell(t)),
    ...r.metrics.flatMap((m) => [m.value, m.low, m.high].map((t) => cell(t, true))),
  ]);
  return [["rank", "id", "name", "kind", ...titles.map((t) => cell(t))], ...lines].map((l) => l.join(",")).join("\n") + "\n";
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
        kind: r.kind === "rows" ? "ranked" : r.kind,
        metrics: Object.fromEntries(r.metrics.map((m) => [m.title, { value: digits(m.value), low: digits(m.low), high: digits(m.high), ...(m.note ? { note: m.note } : {}) }])),
      })),
    },
    null,
    1,
  ) + "\n";

const digits = (text) => (text === "" || text.includes("∞") ? null : Number(text));

const LATEX = { "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", $: "\\$", "&": "\\&", "%": "\\%", "#": "\\#", _: "\\_", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "–": "--", "−": "$-$", "∞": "$\\infty$", "<": "\\textless{}", ">": "\\textgreater{}" };
const latex = (text) => [...text.replace(/\s+/g, " ")].map((c) => LATEX[c] ?? c).join("");
const latexNumber = (text) => latex(text.replaceAll("-", "−"));

const tex = (rows, title) => {
  const titles = (rows[0]?.metrics ?? []).map((m) => m.title);
  const lines = rows.map((r) => [r.rank ? latex(r.rank) : "--", latex(r.model + KINDS[r.kind]), ...r.metrics.map((m) => latexNumber(shown(m)))].join(" & ") + " \\\\");
  return [
    `% ${latex(title)}; 95 % intervals in brackets; a rank is the range that the tests leave open`,
    `% ${source()}`,
    `\\begin{tabular}{ll${"r".repeat(titles.length)}}`,
    "\\hline",
    ["Rank", "Model", ...titles].map(latex).join(" & ") + " \\\\",
    "\\hline",
    ...lines,
    "\\hline",
    "\\end{tabular}",
    "",
  ].join("\n");
};

const escaped = (text) => text.replace(/\s+/g, " ").replace(/[\\`*_{}[\]()<>#+\-.!|~@:&]/g, (c) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;" })[c] ?? `\\${c}`);

const md = (rows, title) => {
  const titles = (rows[0]?.metrics ?? []).map((m) => m.title);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    `${escaped(title)}; 95 % intervals in brackets. <${source()}>`,
    "",
    line(["Rank", "Model", ...titles]),
    `|---|---|${"---:|".repeat(titles.length)}`,
    ...rows.map((r) => line([r.rank || "–", escaped(r.model) + KINDS[r.kind], ...r.metrics.map((m) => shown(m).replaceAll("-", "−"))])),
    "",
  ].join("\n");
};
