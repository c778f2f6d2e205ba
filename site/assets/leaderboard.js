// Sorting for the server-rendered boards. Without it the tables stand in rank order and read the same.
const mount = () => {
  for (const table of document.querySelectorAll("table.rx-board:not([data-rx-on])")) {
    table.dataset.rxOn = "1";
    for (const header of table.querySelectorAll("th[data-rx-better]")) makeSortable(table, header);
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
  button.addEventListener("click", () => sort(table, header));
};

// Best first, then worst first, then back to the order of ranks.
const sort = (table, header) => {
  const next = { best: "worst", worst: "rank" }[header.dataset.rxOrder] ?? "best";
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

if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
