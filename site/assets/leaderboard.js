// Sorting, filters and column presets for the server-rendered boards, with their state in the address.
// Without it the tables stand in rank order and read the same. Ranks are never computed anew.
const PRESETS = {
  all: ["All metrics", null],
  clinical: ["Clinical content", ["radcliq_v1", "semb_score", "radgraph_f1", "ratescore", "green", "fineradscore", "crimson"]],
  wording: ["Wording", ["radcliq_v1", "bleu_2", "rouge_l", "bertscore"]],
  ranking: ["Ranking metric only", []],
};

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

const value = (row, index) => {
  const raw = row.cells[index]?.dataset.value;
  return raw === undefined || raw === "" ? null : Number(raw);
};

const makeSortable = (table, header) => {
  const button = document.createElement("button");
  button.className = "rx-sort";
  button.type = "button";
  button.append(...header.childNodes);
  header.append(button);
  header.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    // Best first, then worst first, then back to the order of ranks.
    sort(table, header, { best: "worst", worst: "rank" }[header.dataset.rxOrder] ?? "best");
    table.dispatchEvent(new Event("rx-change"));
  });
};

const sort = (table, header, next) => {
  for (const th of table.querySelectorAll("th[aria-sort]")) {
    th.setAttribute("aria-sort", "none");
    delete th.dataset.rxOrder;
  }
  if (next !== "rank") {
    header.dataset.rxOrder = next;
    header.setAttribute("aria-sort", shownOrder(header, next));
  }
  const sign = (header.dataset.rxBetter === "high") === (next === "best") ? -1 : 1;
  const index = header.cellIndex;
  for (const body of table.tBodies) {
    const rows = [...body.rows];
    rows.forEach((row, i) => (row.dataset.rxPlace ??= i));
    rows.sort((a, b) => {
      const back = a.dataset.rxPlace - b.dataset.rxPlace;
      if (next === "rank") return back;
      const [x, y] = [value(a, index), value(b, index)];
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

const field = (label, control, name) => {
  const wrap = document.createElement("label");
  control.name = name;
  wrap.append(...(control.type === "checkbox" ? [control, ` ${label}`] : [`${label} `, control]));
  return wrap;
};

const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

const choice = (options) => {
  const select = document.createElement("select");
  for (const [key, label] of options) select.add(new Option(label, key));
  return select;
};

const makeControls = (table) => {
  const form = make("form", { className: "rx-controls" });
  form.setAttribute("aria-label", "Filter the board");
  const inputs = [...new Set([...table.tBodies[0].rows].map((r) => r.dataset.rxInputs))].sort();
  form.append(
    field("Search", make("input", { type: "search", autocomplete: "off" }), "q"),
    field("Inputs", choice([["", "any"], ...inputs.map((i) => [i, i])]), "inputs"),
    field("Columns", choice(Object.entries(PRESETS).map(([k, [label]]) => [k, label])), "cols"),
    field("Open weights", make("input", { type: "checkbox" }), "open"),
    field("Not trained on this source", make("input", { type: "checkbox" }), "clean"),
    field("Shade the cells", make("input", { type: "checkbox" }), "heat"),
    make("button", { type: "reset", textContent: "Show all" }),
  );
  const said = make("p", { className: "rx-count" });
  said.setAttribute("role", "status");
  table.closest(".rx-scroll").before(form, said);
  const state = read(table, form);
  const update = () => {
    apply(table, form, said);
    write(table, form);
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", update);
  form.addEventListener("reset", () => {
    const header = table.querySelector("th[data-rx-order]");
    if (header) sort(table, header, "rank");
    setTimeout(update); // the fields are empty only after the event
  });
  table.addEventListener("rx-change", () => write(table, form));
  if (state.sort) sort(table, state.sort, state.order);
  apply(table, form, said);
};

const read = (table, form) => {
  const query = new URLSearchParams(location.search);
  for (const name of ["q", "inputs", "cols"]) {
    const control = form.elements[name];
    if (!query.has(name)) continue;
    if (control.options && ![...control.options].some((o) => o.value === query.get(name))) continue;
    control.value = query.get(name);
  }
  for (const name of ["open", "clean", "heat"]) form.elements[name].checked = query.get(name) === "1";
  const sorted = [...table.querySelectorAll("th[data-rx-key]")].find((th) => th.dataset.rxKey === query.get("sort"));
  return { sort: sorted, order: query.get("dir") === "worst" ? "worst" : "best" };
};

const write = (table, form) => {
  const url = new URL(location.href);
  const set = (name, text) => (text ? url.searchParams.set(name, text) : url.searchParams.delete(name));
  const { q, inputs, cols, open, clean, heat } = form.elements;
  set("q", q.value.trim());
  set("inputs", inputs.value);
  set("cols", cols.value === "all" ? "" : cols.value);
  for (const box of [open, clean, heat]) set(box.name, box.checked ? "1" : "");
  const header = table.querySelector("th[data-rx-order]");
  set("sort", header?.dataset.rxKey);
  set("dir", header?.dataset.rxOrder === "worst" ? "worst" : "");
  history.replaceState(history.state, "", url); // the theme keeps the scroll position in the state
};

const apply = (table, form, said) => {
  const { q, inputs, cols, open, clean, heat } = form.elements;
  const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  for (const row of rows) {
    const name = row.querySelector(".rx-model").textContent.toLowerCase();
    row.hidden =
      !words.every((w) => name.includes(w)) ||
      (inputs.value !== "" && row.dataset.rxInputs !== inputs.value) ||
      (open.checked && row.dataset.rxOpen !== "1") ||
      (clean.checked && row.dataset.rxSeen === "1");
  }
  const headers = [...table.querySelectorAll("th[data-rx-key]")];
  const wanted = PRESETS[cols.value][1];
  headers.forEach((header, place) => {
    // The first column is the ranking metric; it always stays.
    const hidden = wanted !== null && place > 0 && !wanted.includes(header.dataset.rxKey);
    for (const row of table.rows) if (row.cells[header.cellIndex]) row.cells[header.cellIndex].hidden = hidden;
  });
  table.toggleAttribute("data-rx-shaded", heat.checked);
  const shown = rows.filter((r) => !r.hidden).length;
  said.textContent = `${shown} of ${rows.length} models shown; ranks are those of the whole board.`;
};

if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
