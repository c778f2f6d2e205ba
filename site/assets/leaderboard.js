// What a script adds to the server-rendered boards: sorting, filters, columns, marks over the rows shown, a choice of
// models to compare, and the view as a file. The state stands in the address. Ranks are never computed anew.
import { element, keepInAddress, shownValue } from "./page.js";
import { stickyHead } from "./sticky.js";
import { exportView } from "./view.js";

const TEXTS = ["find", "views", "context"]; // "q" would open the theme's search
const BOXES = ["open", "clean", "heat", "plain"];
const MOST = 3; // models that the compare page takes
const FIRST = 25; // rows before "show all"; the server marks the others
const ROW = 32; // pixels that a row takes at least
const STAYING = [...TEXTS, ...BOXES, "cols", "sort", "dir"]; // what another board takes over

const mount = () => {
  for (const table of document.querySelectorAll("table.rx-board:not([data-rx-on])")) {
    for (const header of table.querySelectorAll("th[data-rx-better]")) makeSortable(table, header);
    if ("rxMain" in table.dataset) makeControls(table);
    else if (table.classList.contains("rx-overall")) stickyHead(table, table.closest(".rx-scroll"));
    table.dataset.rxOn = "1";
  }
  // The theme wraps plain tables in a scroller of its own; without this not a key reaches it on a phone.
  for (const wrap of document.querySelectorAll(".md-typeset__scrollwrap")) {
    if (wrap.scrollWidth > wrap.clientWidth) wrap.tabIndex = 0;
  }
};

// Rows that move in one frame: as many as a screen holds, and all that are shown before "show all". The screen's height,
// unlike the window's, is known without a layout.
const screenful = () => Math.max(FIRST, Math.ceil(screen.height / ROW));
const afterFrame = (then) => requestAnimationFrame(() => setTimeout(then));

// Sorting

const value = (row, index) => {
  const raw = row.cells[index]?.getAttribute("data-value");
  return raw ? Number(raw) : null;
};

// A group's heading and its rows as the server placed them; looked up once, as a long board has ten thousand elements.
const placed = new WeakMap();
const placesOf = (body) => {
  if (!placed.has(body)) {
    const [rows, headings] = [false, true].map((wanted) => [...body.rows].filter((r) => r.classList.contains("rx-group") === wanted));
    placed.set(body, { rows, headings });
  }
  return placed.get(body);
};

const makeSortable = (table, header) => {
  const rest = [...header.querySelectorAll("small, .rx-what")];
  const button = element("button", { class: "rx-sort", type: "button" }, ...[...header.childNodes].filter((n) => !rest.includes(n)));
  header.prepend(button);
  header.setAttribute("aria-sort", "none");
  button.addEventListener("click", () => {
    sort(table, header, header.dataset.rxOrder === "best" ? "worst" : "best");
    table.dispatchEvent(new Event("rx-change"));
  });
};

// Sorts every group of rows by a column, `order` being "best" or "worst" first; without a column, back to the ranks.
// The first rows are in place at once, those of a long board follow frame by frame.
const sort = (table, header, order) => {
  for (const th of table.tHead.querySelectorAll("th[aria-sort]")) {
    th.setAttribute("aria-sort", "none");
    delete th.dataset.rxOrder;
  }
  if (header) {
    header.dataset.rxOrder = order;
    header.setAttribute("aria-sort", shownOrder(header, order));
  }
  const sign = (header?.dataset.rxBetter === "high") === (order === "best") ? -1 : 1;
  for (const body of table.tBodies) {
    const index = header?.cellIndex;
    const keyed = placesOf(body).rows.map((row, place) => ({ row, place, key: header ? value(row, index) : 0 }));
    keyed.sort((a, b) => {
      const back = a.place - b.place;
      if (a.key === null || b.key === null) return (a.key === null) - (b.key === null) || back; // unknown comes last either way
      return sign * (a.key - b.key) || back;
    });
    arrange(body, keyed.map((k) => k.row));
  }
};

const arrangements = new WeakMap();
const arrange = (body, rows) => {
  arrangements.set(body, rows);
  let last = null; // the last row that is where it belongs
  let next = 0;
  const move = () => {
    if (arrangements.get(body) !== rows || !body.isConnected) return; // sorted anew, or left
    const start = next;
    for (let room = screenful(); room > 0 && next < rows.length; next++) room -= !rows[next].hidden;
    const batch = rows.slice(start, next);
    if (last) last.after(...batch);
    else body.prepend(...placesOf(body).headings, ...batch);
    last = batch.at(-1);
    if (next < rows.length) afterFrame(move);
  };
  move();
};

// The direction a reader sees: a reciprocal is shown the other way round than the mean it is sorted by.
const shownOrder = (header, order) => {
  const higher = header.dataset.rxArrow ? header.dataset.rxArrow === "↑" : header.dataset.rxBetter === "high";
  return higher === (order === "best") ? "descending" : "ascending";
};

// Controls

const rowsOf = (table) => [...table.querySelectorAll("tbody tr[data-rx-id]")];
const models = (table) => rowsOf(table).filter((r) => r.dataset.rxKind !== "null");
const ranked = (table) => [...table.querySelectorAll('tbody[data-rx-group="rows"] tr[data-rx-id]')].filter((r) => r.dataset.rxKind !== "null");
const headers = (table) => [...table.querySelectorAll("th[data-rx-metric]")];
const picks = (table) => [...table.querySelectorAll(".rx-pick")];
const columnBoxes = (form) => [...form.querySelectorAll('input[name="col"]')];
const isReported = (table) => table.classList.contains("rx-reported");

const makeControls = (table) => {
  const box = table.closest(".rx-scroll");
  const page = box.parentElement;
  const parts = {
    form: page.querySelector("form.rx-toolbar"),
    said: page.querySelector(".rx-count"),
    chips: page.querySelector(".rx-chips"),
    compare: page.querySelector(".rx-compare-link"),
    more: page.querySelector(".rx-more-rows"),
    toggle: page.querySelector(".rx-toggle"),
  };
  parts.count = parts.said.textContent;
  parts.toggle.addEventListener("click", () => {
    const open = parts.toggle.getAttribute("aria-expanded") !== "true";
    parts.toggle.setAttribute("aria-expanded", String(open));
    parts.form.dataset.rxFolded = String(!open);
  });
  makeChecks(table);
  listen(table, parts);
  exportView(table, parts.form, parts.said);
  stickyHead(table, box);
};

const makeChecks = (table) => {
  const rows = ranked(table);
  if (rows.length < 2 || isReported(table)) return;
  for (const row of [...rows, ...table.querySelectorAll('tr[data-rx-kind="null"]')]) {
    const check = element("input", { type: "checkbox", class: "rx-pick" });
    check.setAttribute("aria-label", `Compare ${row.querySelector(".rx-name").textContent}`);
    row.cells[0].prepend(check);
  }
};

const listen = (table, parts) => {
  const { form } = parts;
  const update = (what) => {
    apply(table, parts, what);
    write(table, form);
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    if (event.target.name === "col") form.elements.cols.value = "own";
    else if (event.target.name === "cols") tick(table, form, wanted(table, form));
    update(event.target.name.startsWith("col") ? "columns" : "rows");
  });
  parts.chips.addEventListener("click", (event) => {
    const name = event.target.dataset?.rxClear;
    if (name === undefined) return;
    for (const control of name ? [form.elements[name]] : [...TEXTS, ...BOXES].map((n) => form.elements[n]).filter(Boolean)) {
      if (control.type === "checkbox") control.checked = false;
      else control.value = "";
    }
    if (!name) {
      form.elements.cols.value = "";
      tick(table, form, wanted(table, form));
      sort(table, null);
      for (const check of picks(table)) check.checked = false;
    }
    update("all");
    form.elements.find.focus();
  });
  parts.more.addEventListener("click", () => {
    parts.all = !parts.all;
    limit(table, parts);
    table.dispatchEvent(new Event("rx-shown"));
  });
  table.addEventListener("rx-change", () => {
    apply(table, parts, "order");
    afterFrame(() => write(table, form)); // first the rows, then the address
  });
  table.addEventListener("change", (event) => event.target.classList.contains("rx-pick") && update("picks"));
  read(table, form);
  apply(table, parts, "all");
  carry(form);
};

// Keys of the columns beside the ranking metric, which always stays.
const wanted = (table, form) => {
  const columns = form.elements.cols.value;
  if (columns === "own") return columnBoxes(form).filter((b) => b.checked && !b.disabled).map((b) => b.value);
  const usual = headers(table).some((h) => h.classList.contains("rx-extra"));
  const inside = (h) => columns === "all" || (columns === "" && !usual) || h.dataset.rxSets.split(" ").includes(columns || "usual");
  return headers(table).filter(inside).map((h) => h.dataset.rxKey);
};

const tick = (table, form, keys) => {
  for (const b of columnBoxes(form)) b.checked = b.disabled || keys.includes(b.value);
};

// State

const read = (table, form) => {
  const query = new URLSearchParams(location.search);
  for (const name of TEXTS) {
    const control = form.elements[name];
    const given = query.get(name) ?? "";
    if (control && (!control.options || [...control.options].some((o) => o.value === given))) control.value = given;
  }
  for (const name of BOXES) if (form.elements[name]) form.elements[name].checked = query.get(name) === "1";
  const columns = query.get("cols") ?? "";
  const known = [...form.elements.cols.options].some((o) => o.value === columns && columns !== "own");
  form.elements.cols.value = known ? columns : "own";
  tick(table, form, known ? wanted(table, form) : columns.split(","));
  const picked = (query.get("pick") ?? "").split(",").slice(0, MOST);
  for (const check of picks(table)) check.checked = picked.includes(check.closest("tr").dataset.rxId);
  const header = [...table.querySelectorAll("th[data-rx-key]")].find((th) => th.dataset.rxKey === query.get("sort"));
  if (header) sort(table, header, query.get("dir") === "worst" ? "worst" : "best");
};

const write = (table, form) => {
  const query = new URLSearchParams(location.search);
  const set = (name, text) => (text ? query.set(name, text) : query.delete(name));
  for (const name of TEXTS) if (form.elements[name]) set(name, form.elements[name].value.trim());
  for (const name of BOXES) if (form.elements[name]) set(name, form.elements[name].checked ? "1" : "");
  const columns = form.elements.cols.value;
  set("cols", columns === "own" ? wanted(table, form).join(",") : columns);
  set("pick", picks(table).filter((c) => c.checked).map((c) => c.closest("tr").dataset.rxId).join(","));
  const header = table.querySelector("th[data-rx-order]");
  const resting = header?.dataset.rxKey === "rank" && header.dataset.rxOrder === "best";
  set("sort", resting ? "" : header?.dataset.rxKey);
  set("dir", header?.dataset.rxOrder === "worst" ? "worst" : "");
  keepInAddress(query);
  carry(form);
};

// Filters, order and columns go along to another dataset or track.
const carry = (form) => {
  const query = new URLSearchParams(location.search);
  for (const name of [...query.keys()]) if (!STAYING.includes(name)) query.delete(name);
  const words = query.toString().replaceAll("%2C", ",");
  for (const link of form.ownerDocument.querySelectorAll(".rx-switch a")) {
    link.setAttribute("href", link.getAttribute("href").split("?")[0] + (words ? `?${words}` : ""));
  }
};

// The view: `what` has changed, so that an order alone costs no more than an order.
const apply = (table, parts, what) => {
  const { form } = parts;
  if (what === "all" || what === "rows") {
    filter(table, form);
    table.toggleAttribute("data-rx-shaded", form.elements.heat.checked);
    table.toggleAttribute("data-rx-plain", form.elements.plain?.checked ?? false);
    mark(table, ranked(table).filter((r) => !r.hidden));
    tell(table, parts);
  }
  if (what === "all" || what === "columns") showColumns(table, wanted(table, form));
  const others = what !== "columns" && what !== "picks" && limit(table, parts);
  if (what === "all" || what === "picks") offer(table, parts.compare);
  const tellShown = () => table.dispatchEvent(new Event("rx-shown"));
  if (what !== "order") tellShown();
  else if (others) afterFrame(tellShown); // who hears it measures the table
};

const tell = (table, { form, said, chips, count }) => {
  const rows = ranked(table);
  const shown = rows.filter((r) => !r.hidden).length;
  const which = isReported(table) ? "models shown; positions are among all of them" : "ranked models shown; ranks are those on the full board";
  said.textContent = shown === rows.length ? count : `${shown} of ${rows.length} ${which}.`;
  const made = [...TEXTS, ...BOXES].map((name) => form.elements[name]).filter((c) => c && (c.type === "checkbox" ? c.checked : c.value.trim()));
  chips.replaceChildren(
    ...made.map((c) => {
      const words = c.type === "checkbox" ? c.parentElement.textContent.trim() : c.options ? c.selectedOptions[0].text : `“${c.value.trim()}”`;
      const chip = element("button", { type: "button", "aria-label": `Remove: ${words}`, text: words });
      chip.dataset.rxClear = c.name;
      return chip;
    }),
    ...(made.length ? [Object.assign(element("button", { type: "button", class: "rx-clear", text: "Clear all" }), {})] : []),
  );
  const clear = chips.querySelector(".rx-clear");
  if (clear) clear.dataset.rxClear = "";
};

const filter = (table, form) => {
  const { find, views, context, open, clean } = form.elements;
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of models(table)) {
    const name = words.length ? row.querySelector(".rx-model").textContent.toLowerCase() : "";
    row.hidden =
      !words.every((w) => name.includes(w)) ||
      (Boolean(views?.value) && row.dataset.rxViews !== views.value) ||
      (Boolean(context?.value) && row.dataset.rxContext !== context.value) ||
      (open?.checked && row.dataset.rxOpen !== "1") ||
      (clean?.checked && row.dataset.rxSeen === "1");
  }
  for (const body of table.tBodies) {
    const rows = [...body.querySelectorAll("tr[data-rx-id]")];
    body.hidden = rows.every((r) => r.hidden);
  }
};

// The first rows of those that the filters leave; the button shows the others. Whether other rows are shown than before.
const limit = (table, { more, all }) => {
  const body = table.querySelector('tbody[data-rx-group="rows"]');
  const rows = (arrangements.get(body) ?? [...(body?.rows ?? [])]).filter((r) => r.dataset.rxId && !r.hidden);
  const changed = rows.filter((row, i) => row.classList.contains("rx-beyond") === (all || i < FIRST));
  for (const row of changed) row.classList.toggle("rx-beyond");
  more.hidden = rows.length <= FIRST;
  const words = all ? `Show the first ${FIRST}` : `Show all ${rows.length}`;
  if (more.textContent !== words) more.textContent = words;
  return changed.length > 0;
};

const showColumns = (table, keys) => {
  const heads = headers(table);
  const hide = new Map(heads.map((h) => [h.cellIndex, !h.classList.contains("rx-headline") && !keys.includes(h.dataset.rxKey)]));
  for (const row of table.rows) {
    if (row.classList.contains("rx-group")) continue;
    for (const [index, hidden] of hide) row.cells[index].hidden = hidden;
  }
  const gone = [...hide.values()].filter(Boolean).length;
  for (const cell of table.querySelectorAll(".rx-group th")) cell.colSpan = table.tHead.rows[0].cells.length - gone;
};

// Best and second of every column among the rows shown, by what readers see.
const mark = (table, rows) => {
  if (isReported(table)) return;
  for (const header of headers(table).filter((h) => !("rxUnmarked" in h.dataset))) {
    const sign = header.dataset.rxBetter === "high" ? -1 : 1;
    const cells = rows.map((r) => r.cells[header.cellIndex]).filter((c) => c.dataset.value !== "");
    cells.sort((a, b) => sign * (Number(a.dataset.value) - Number(b.dataset.value)));
    const words = new Map(cells.map((c) => [c, shownValue(c)]));
    const order = [...new Set(words.values())];
    for (const [cell, text] of words) {
      cell.classList.toggle("rx-best", text === order[0]);
      cell.classList.toggle("rx-second", text === order[1]);
    }
  }
};

// The way to the compare page, once two or three models are chosen.
const offer = (table, link) => {
  const chosen = picks(table).filter((c) => c.checked);
  for (const check of picks(table)) check.disabled = !check.checked && chosen.length >= MOST;
  const ids = chosen.map((c) => c.closest("tr").dataset.rxId);
  link.hidden = ids.length === 0;
  link.textContent = ids.length > 1 ? `Compare ${ids.length} models` : "Select another model to compare";
  if (ids.length > 1) link.href = `${table.dataset.rxRoot}compare/?board=${table.dataset.rxBoard}&m=${ids.join(",")}`;
  else link.removeAttribute("href");
};

if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
