// Sorting for the server-rendered boards. Without it the tables stand in rank order and read the same.
const mount = () => {
  for (const table of document.querySelectorAll("table.rx-board:not([data-rx-on])")) {
    table.dataset.rxOn = "1";
    for (const header of table.querySelectorAll("th[data-rx-better]")) makeSortable(table, header);
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
  header.setAttribute("aria-sort", header.dataset.rxSorted ?? "none");
  button.addEventListener("click", () => sort(table, header));
};

const sort = (table, header) => {
  const now = header.getAttribute("aria-sort");
  const first = header.dataset.rxBetter === "high" ? "descending" : "ascending";
  const other = first === "descending" ? "ascending" : "descending";
  const next = now === first ? other : first;
  for (const th of table.querySelectorAll("th[aria-sort]")) th.setAttribute("aria-sort", "none");
  header.setAttribute("aria-sort", next);
  const sign = next === "ascending" ? 1 : -1;
  const index = header.cellIndex;
  for (const body of table.tBodies) {
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a, index), value(b, index)];
      if (x === null || y === null) return (x === null) - (y === null); // unknown comes last either way
      return sign * (x - y);
    });
    body.append(...rows);
  }
};

if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
