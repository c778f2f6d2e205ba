// What a script adds to the server-rendered boards: sorting, filters, columns, marks over the rows shown, a choice of
// models to compare, and the view as a file. The state stands in the address. Ranks are never computed anew.
import { element, keepInAddress } from "./page.js";
import { viewControls } from "./view.js";

const PRESETS = {
  all: ["all metrics", null],
  clinical: ["clinical content", ["radcliq_v1", "semb_score", "radgraph_f1", "chexbert_micro_f1_14", "chexbert_macro_f1_14", "chexbert_micro_f1_5", "chexbert_macro_f1_5", "ratescore", "green", "crimson", "fineradscore"]],
  wording: ["wording", ["bleu_2", "rouge_l", "bertscore"]],
  ranking: ["ranking metric only", []],
};
const TEXTS = ["find", "inputs"]; // "q" would open the theme's search
const BOXES = ["open", "clean", "heat", "plain"];
const MOST = 3; // models that the compare page takes

const mount = () => {
  for (const table of document.querySelectorAll("table.rx-board:not([data-rx-on])")) {
    table.dataset.rxOn = "1";
    for (const header of table.querySelectorAll("th[data-rx-better]")) makeSortable(table, header);
    if ("rxMain" in table.dataset) makeControls(table);
  }
  // The theme wraps plain tables in a scroller of its own; without this no key reaches it on a phone.
  for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0;
  }
};

// Sorting

const value = (row, index) => {
  const raw = row.cells[index]?.dataset.value;
  return raw === undefined || raw === "" ? null : Number(raw);
};

const makeSortable = (table, header) => {
  const words = header.querySelector("small");
  const button = element("button", { class: "rx-sort", type: "button" }, ...[...header.childNodes].filter((n) => n !== words));
  header.prepend(button);
  header.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    sort(table, header, header.dataset.rxOrder === "best" ? "worst" : "best");
    table.dispatchEvent(new Event("rx-change"));
  });
};

// Sorts every group of rows by a column, `order` being "best" or "worst" first; without a column, back to the ranks.
const sort = (table, header, order) => {
  for (const th of table.querySelectorAll("th[aria-sort]")) {
    th.setAttribute("aria-sort", "none");
    delete th.dataset.rxOrder;
  }
  if (header) {
    header.dataset.rxOrder = order;
    header.setAttribute("aria-sort", shownOrder(header, order));
  }
  const sign = (header?.dataset.rxBetter === "high") === (order === "best") ? -1 : 1;
  for (const body of table.tBodies) {
    const rows = [...body.rows].filter((row) => !row.classList.contains("rx-group"));
    rows.forEach((row, i) => (row.dataset.rxPlace ??= i));
    rows.sort((a, b) => {
      const back = a.dataset.rxPlace - b.dataset.rxPlace;
      if (!header) return back;
      const [x, y] = [value(a, header.cellIndex), value(b, header.cellIndex)];
      if (x === null || y === null) return (x === null) - (y === null) || back; // unknown comes last either way
      return sign * (x - y) || back;
    });
    body.append(...rows);
  }
};

// The direction a reader sees: a reciprocal is shown the other way round than the mean it is sorted by.
const shownOrder = (header, order) => {
  const higher = (header.dataset.rxBetter === "high") !== ("rxReciprocal" in header.dataset);
  return higher === (order === "best") ? "descending" : "ascending";
};

// Controls

const field = (label, control, name) => {
  control.name = name;
  return element("label", {}, ...(control.type === "checkbox" ? [control, ` ${label}`] : [`${label} `, control]));
};

const box = (label, name) => field(label, element("input", { type: "checkbox" }), name);

const choice = (options) => {
  const select = element("select");
  for (const [key, label] of options) select.add(new Option(label, key));
  return select;
};

const models = (table) => [...table.querySelectorAll('tbody:not([data-rx-group="nulls"]) tr[data-rx-id]')];
const ranked = (table) => [...table.querySelectorAll('tbody[data-rx-group="rows"] tr[data-rx-id]')];
const metricHeaders = (table) => [...table.querySelectorAll("th[data-rx-metric]")];

const makeControls = (table) => {
  const inputs = [...new Set(models(table).map((r) => r.dataset.rxInputs))].sort();
  const chosen = metricHeaders(table).map((h) => {
    const label = box(h.dataset.rxMetric, "col");
    label.firstChild.value = h.dataset.rxKey;
    return label;
  });
  const form = element(
    "form",
    { class: "rx-controls" },
    field("Search", element("input", { type: "search", autocomplete: "off", placeholder: "model or institution" }), "find"),
    field("Inputs", choice([["", "any"], ...inputs.map((i) => [i, i])]), "inputs"),
    box("Open weights", "open"),
    box("Not trained on this source", "clean"),
    field("Columns", choice([...Object.entries(PRESETS).map(([k, [label]]) => [k, label]), ["own", "chosen below"]]), "cols"),
    box("Shade by score, darker is better", "heat"),
    box("Hide intervals", "plain"),
    element("button", { type: "reset", text: "Reset" }),
    element("details", { class: "rx-columns" }, element("summary", { text: "Choose columns" }), ...chosen),
  );
  form.setAttribute("aria-label", "Filter the board and choose its columns");
  const toggle = element("button", { type: "button", class: "rx-toggle", text: "Filters and columns" });
  const fold = (open) => {
    toggle.setAttribute("aria-expanded", String(open));
    form.dataset.rxFolded = String(!open);
  };
  fold(false);
  toggle.addEventListener("click", () => fold(toggle.getAttribute("aria-expanded") !== "true"));
  const said = element("span", { class: "rx-count" });
  said.setAttribute("role", "status");
  const compare = element("a", { class: "rx-compare-link", hidden: "" });
  table.closest(".rx-scroll").before(toggle, form, element("p", { class: "rx-state" }, said, " ", compare));
  document.querySelector(".rx-downloads")?.after(viewControls(table));
  makeChecks(table);
  listen(table, form, said, compare);
};

const makeChecks = (table) => {
  const rows = ranked(table);
  if (rows.length < 2) return;
  for (const row of rows) {
    const check = element("input", { type: "checkbox", class: "rx-pick" });
    check.setAttribute("aria-label", `Compare ${row.querySelector(".rx-name").textContent}`);
    row.cells[0].prepend(check);
  }
};

const listen = (table, form, said, compare) => {
  const update = () => {
    apply(table, form, said, compare);
    write(table, form);
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "col") form.elements.cols.value = "own";
    else if (event.target.name === "cols") tick(form, wanted(form));
    update();
  });
  form.addEventListener("reset", () => {
    sort(table, null);
    for (const check of picks(table)) check.checked = false;
    // The fields are empty only after the event.
    setTimeout(() => {
      tick(form, null);
      update();
    });
  });
  table.addEventListener("rx-change", update);
  table.addEventListener("change", (event) => event.target.classList.contains("rx-pick") && update());
  read(table, form);
  apply(table, form, said, compare);
};

const picks = (table) => [...table.querySelectorAll(".rx-pick")];
const columnBoxes = (form) => [...form.querySelectorAll('input[name="col"]')];

// Keys of the columns beside the ranking metric, which always stays; null for all.
const wanted = (form) => {
  const columns = form.elements.cols.value;
  return Object.hasOwn(PRESETS, columns) ? PRESETS[columns][1] : columnBoxes(form).filter((b) => b.checked && !b.disabled).map((b) => b.value);
};

const tick = (form, keys) => {
  columnBoxes(form).forEach((b, place) => {
    b.disabled = place === 0;
    b.checked = place === 0 || keys === null || keys.includes(b.value);
  });
};

// State

const read = (table, form) => {
  const query = new URLSearchParams(location.search);
  for (const name of TEXTS) {
    const control = form.elements[name];
    const given = query.get(name) ?? "";
    if (!control.options || [...control.options].some((o) => o.value === given)) control.value = given;
  }
  for (const name of BOXES) form.elements[name].checked = query.get(name) === "1";
  const columns = query.get("cols") ?? "all";
  const known = Object.hasOwn(PRESETS, columns);
  form.elements.cols.value = known ? columns : "own";
  tick(form, known ? PRESETS[columns][1] : columns.split(","));
  const picked = (query.get("pick") ?? "").split(",").slice(0, MOST);
  for (const check of picks(table)) check.checked = picked.includes(check.closest("tr").dataset.rxId);
  const header = [...table.querySelectorAll("th[data-rx-key]")].find((th) => th.dataset.rxKey === query.get("sort"));
  if (header) sort(table, header, query.get("dir") === "worst" ? "worst" : "best");
};

const write = (table, form) => {
  const query = new URLSearchParams(location.search);
  const set = (name, text) => (text ? query.set(name, text) : query.delete(name));
  for (const name of TEXTS) set(name, form.elements[name].value.trim());
  for (const name of BOXES) set(name, form.elements[name].checked ? "1" : "");
  const columns = form.elements.cols.value;
  set("cols", columns === "own" ? wanted(form).join(",") : columns === "all" ? "" : columns);
  set("pick", picks(table).filter((c) => c.checked).map((c) => c.closest("tr").dataset.rxId).join(","));
  const header = table.querySelector("th[data-rx-order]");
  const resting = header?.dataset.rxKey === "rank" && header.dataset.rxOrder === "best";
  set("sort", resting ? "" : header?.dataset.rxKey);
  set("dir", header?.dataset.rxOrder === "worst" ? "worst" : "");
  keepInAddress(query);
};

// The view

const apply = (table, form, said, compare) => {
  filter(table, form);
  showColumns(table, wanted(form));
  table.toggleAttribute("data-rx-shaded", form.elements.heat.checked);
  table.toggleAttribute("data-rx-plain", form.elements.plain.checked);
  const rows = ranked(table);
  const shown = rows.filter((r) => !r.hidden);
  mark(table, shown);
  said.textContent =
    shown.length === rows.length
      ? `${rows.length} ranked ${rows.length === 1 ? "model." : "models. Tick two or three to compare them."}`
      : `${shown.length} of ${rows.length} ranked models shown; their ranks are those of the whole board.`;
  offer(table, compare);
};

const filter = (table, form) => {
  const { find, inputs, open, clean } = form.elements;
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of models(table)) {
    const name = row.querySelector(".rx-model").textContent.toLowerCase();
    row.hidden =
      !words.every((w) => name.includes(w)) ||
      (inputs.value !== "" && row.dataset.rxInputs !== inputs.value) ||
      (open.checked && row.dataset.rxOpen !== "1") ||
      (clean.checked && row.dataset.rxSeen === "1");
  }
  for (const body of table.tBodies) {
    const rows = [...body.querySelectorAll("tr[data-rx-id]")];
    body.hidden = rows.every((r) => r.hidden);
  }
};

const showColumns = (table, keys) => {
  let hidden = 0;
  metricHeaders(table).forEach((header, place) => {
    const hide = keys !== null && place > 0 && !keys.includes(header.dataset.rxKey);
    hidden += hide;
    for (const row of table.rows) if (!row.classList.contains("rx-group")) row.cells[header.cellIndex].hidden = hide;
  });
  const span = table.tHead.rows[0].cells.length - hidden;
  for (const cell of table.querySelectorAll(".rx-group th")) cell.colSpan = span;
};

// Best and second of every column among the rows shown, by what readers see.
const mark = (table, rows) => {
  for (const header of metricHeaders(table)) {
    const sign = header.dataset.rxBetter === "high" ? -1 : 1;
    const cells = rows.map((r) => r.cells[header.cellIndex]).filter((c) => c.dataset.value !== "");
    cells.sort((a, b) => sign * (Number(a.dataset.value) - Number(b.dataset.value)));
    const words = (cell) => cell.querySelector(".rx-value").textContent;
    const order = [...new Set(cells.map(words))];
    for (const cell of cells) {
      cell.classList.toggle("rx-best", words(cell) === order[0]);
      cell.classList.toggle("rx-second", words(cell) === order[1]);
    }
  }
};

// The way to the compare page, once two or three models are chosen.
const offer = (table, link) => {
  const chosen = picks(table).filter((c) => c.checked);
  for (const check of picks(table)) check.disabled = !check.checked && chosen.length >= MOST;
  const ids = chosen.map((c) => c.closest("tr").dataset.rxId);
  link.hidden = ids.length === 0;
  link.textContent = ids.length > 1 ? `Compare ${ids.length} models` : "Choose another model to compare";
  if (ids.length > 1) link.href = `${table.dataset.rxRoot}compare/?board=${table.dataset.rxBoard}&m=${ids.join(",")}`;
  else link.removeAttribute("href");
};

if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
