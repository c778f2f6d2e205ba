// The list of models – search, filters, a track's columns, sorting – and the boards of one model, of which one shows at a
// time; and a button that copies a file of the page. The state stands in the address. Without a script the whole table
// and every board stand there, and files are there to download.
import { choice, element, keepInAddress } from "./page.js";

const VIEWS = [["", "any"], ["all", "all views"], ["frontal", "frontal view"], ["none", "no image"]];
const CONTEXTS = [["", "any"], ["none", "none"], ["indication", "indication"], ["indication+history", "indication, history"], ["indication+prior", "indication, prior study"], ["all", "all context"]];

// The list

const mountTable = (table) => {
  const isMain = table.dataset.rxName === "models";
  const query = new URLSearchParams(location.search);
  const state = { find: "", views: "", context: "", open: "", track: "", sort: "", dir: "", ...(isMain ? Object.fromEntries(query) : {}) };
  const rows = [...table.tBodies[0].rows];
  const tracks = [...table.querySelectorAll("th.rx-block")].map((h) => [h.dataset.rxTrack, h.textContent]);
  if (!tracks.some(([key]) => key === state.track)) state.track = tracks.length > 1 ? tracks[0][0] : "";
  const count = element("p", { class: "rx-count", role: "status" });
  const show = () => {
    const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
    for (const cell of table.querySelectorAll("[data-rx-track]")) cell.hidden = tracks.length > 1 && cell.dataset.rxTrack !== state.track;
    let shown = 0;
    for (const row of rows) {
      const named = row.cells[0].textContent.toLowerCase();
      const entered = [...row.querySelectorAll("td[data-rx-track]")].some((c) => !c.hidden && !c.querySelector(".rx-none"));
      row.hidden = !(words.every((w) => named.includes(w)) && (!state.views || row.dataset.rxViews === state.views) && (!state.context || row.dataset.rxContext === state.context) && (!state.open || "rxOpen" in row.dataset) && entered);
      shown += !row.hidden;
    }
    sortRows(table, rows, state);
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} models`;
    if (isMain) keep(state, tracks);
  };
  const change = (key) => (value) => { state[key] = value; show(); };
  const search = element("input", { type: "search", name: "find", placeholder: "model or institution" });
  search.value = state.find;
  search.addEventListener("input", () => change("find")(search.value));
  const controls = element("div", { class: "rx-controls rx-models-controls" }, element("label", {}, "Search ", search));
  if (tracks.length > 1) controls.append(choice("Track", "track", tracks, state.track, change("track")));
  if (isMain) {
    const open = element("input", { type: "checkbox", name: "open" });
    open.checked = state.open === "1";
    open.addEventListener("change", () => change("open")(open.checked ? "1" : ""));
    controls.append(choice("Views", "views", VIEWS, state.views, change("views")), choice("Context", "context", CONTEXTS, state.context, change("context")), element("label", {}, open, "Open weights"));
  }
  controls.append(count);
  table.closest(".rx-scroll").previousElementSibling.replaceChildren(controls);
  for (const header of table.querySelectorAll("th[data-rx-sort]")) makeSortable(header, state, show);
  show();
  table.dataset.rxShown = "";
};

// Withdrawn models stay last whatever the order, and cells without a value last among the others.
const sortRows = (table, rows, state) => {
  const header = state.sort && table.querySelector(`th[data-rx-key="${CSS.escape(state.sort)}"]`);
  for (const h of table.querySelectorAll("th[data-rx-sort]")) h.removeAttribute("aria-sort");
  let ordered = rows;
  if (header) {
    const sign = state.dir === "desc" ? -1 : 1;
    header.setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    const column = columnOf(table, header);
    const isNumber = header.dataset.rxSort === "number";
    const value = (row) => {
      const text = row.cells[column].dataset.value ?? row.cells[column].textContent.trim().toLowerCase();
      return text === "" ? null : isNumber ? Number(text) : text;
    };
    const keyed = rows.map((row, place) => ({ row, place, value: value(row), gone: row.dataset.rxStatus === "withdrawn" }));
    keyed.sort((a, b) => a.gone - b.gone || (a.value === null) - (b.value === null) || (a.value === b.value || a.value === null ? a.place - b.place : sign * (a.value < b.value ? -1 : 1)));
    ordered = keyed.map((k) => k.row);
  }
  table.tBodies[0].append(...ordered);
};

// The column of a head among the cells of a row: heads stand in two lines, of which the first has those at both ends.
const columnOf = (table, header) => {
  const [first, second] = table.tHead.rows;
  const before = [...first.cells].filter((c) => c.rowSpan === 2);
  const block = [...first.cells].findIndex((c) => c.rowSpan !== 2);
  const lead = before.filter((c) => [...first.cells].indexOf(c) < block);
  if (lead.includes(header)) return lead.indexOf(header);
  if (before.includes(header)) return lead.length + second.cells.length + before.indexOf(header) - lead.length;
  return lead.length + [...second.cells].indexOf(header);
};

const makeSortable = (header, state, show) => {
  const link = header.querySelector("a");
  const title = header.textContent.trim();
  const button = element("button", { class: "rx-sort", type: "button", "aria-label": `Sort by ${title}` });
  if (link) header.append(" ", button);
  else {
    button.append(...header.childNodes);
    button.removeAttribute("aria-label");
    header.append(button);
  }
  button.classList.toggle("rx-sort-mark", Boolean(link));
  button.addEventListener("click", () => {
    const key = header.dataset.rxKey;
    const usual = key === "date" ? "desc" : "asc";
    if (state.sort !== key) Object.assign(state, { sort: key, dir: usual });
    else if (state.dir === usual) state.dir = usual === "asc" ? "desc" : "asc";
    else Object.assign(state, { sort: "", dir: "" });
    show();
    button.focus();
  });
};

const keep = (state, tracks) => {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (value && !(key === "track" && value === tracks[0]?.[0])) query.set(key, value);
  }
  keepInAddress(query);
};

// The boards of one model

const mountPicker = (picker) => {
  const parts = [...document.querySelectorAll("[data-rx-part]")];
  const links = [...picker.querySelectorAll("a.rx-tile")];
  if (parts.length < 2) return;
  const choose = (id, fallback = null) => {
    const target = id ? document.getElementById(id) : null;
    const part = target?.closest("[data-rx-part]") ?? fallback;
    if (!part) return;
    for (const p of parts) p.hidden = p !== part;
    for (const link of links) {
      if (link.hash === `#${part.id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (target && target !== part) target.scrollIntoView();
  };
  const follow = () => {
    if (!picker.isConnected) removeEventListener("hashchange", follow);
    else choose(location.hash.slice(1), location.hash ? null : parts[0]);
  };
  addEventListener("hashchange", follow);
  picker.addEventListener("click", (event) => {
    const link = event.target.closest("a.rx-tile");
    if (link) choose(link.hash.slice(1));
  });
  // A link to a board's cases names the board in its query alone.
  const asked = CSS.escape(new URLSearchParams(location.search).get("cases") ?? "");
  choose(location.hash.slice(1), parts.find((p) => p.querySelector(`[data-rx-cases="${asked}"]`)) ?? parts[0]);
};

// A file to copy

const mountFile = (file) => {
  const said = element("span", { role: "status" });
  const button = element("button", { type: "button", class: "md-button", text: "Copy" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(file.textContent);
      said.textContent = " Copied.";
    } catch {
      said.textContent = " The browser does not allow copying; use the download.";
    }
  });
  file.nextElementSibling.prepend(button, " ");
  file.nextElementSibling.append(said);
};

const mount = () => {
  for (const table of document.querySelectorAll('table[data-rx="models"]:not([data-rx-ready])')) {
    table.dataset.rxReady = "1";
    mountTable(table);
  }
  for (const picker of document.querySelectorAll(".rx-picker:not([data-rx-ready])")) {
    picker.dataset.rxReady = "1";
    mountPicker(picker);
  }
  for (const file of document.querySelectorAll(".rx-file:not([data-rx-ready])")) {
    file.dataset.rxReady = "1";
    mountFile(file);
  }
};
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
