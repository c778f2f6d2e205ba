// The compare page: two or three models of a board, from files computed when the board was ranked.
import { element, load } from "./page.js";

const MOST = 3;
const SVG = "http://www.w3.org/2000/svg";
const drawn = (name, options) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(options)) made.setAttribute(key, value);
  return made;
};
const number = (v, sign = false) => {
  if (v === null || v === undefined) return "–";
  const text = Math.abs(v).toFixed(3);
  return (v < 0 ? "−" : sign && Number(text) !== 0 ? "+" : "") + text;
};

const mountOne = async (root) => {
  root.dataset.rxOn = "1";
  const base = new URL(root.dataset.rxBase, location.href);
  let index;
  try {
    index = await load(new URL("index.json", base));
  } catch (error) {
    root.append(element("p", { role: "alert", text: `The models could not be loaded (${error.message}).` }));
    return;
  }
  const wanted = new URLSearchParams(location.search);
  const state = { board: index.boards.find((b) => b.id === wanted.get("board")) ?? index.boards[0], models: [] };
  state.models = (wanted.get("m") ?? "").split(",").filter((id) => state.board.models.some((m) => m.id === id)).slice(0, MOST);
  if (state.models.length < 2) state.models = state.board.models.slice(0, 2).map((m) => m.id);

  const boards = element("select", { name: "board", "aria-label": "Board" });
  for (const board of index.boards) boards.append(element("option", { value: board.id, text: board.title }));
  boards.value = state.board.id;
  const picks = element("div", { class: "rx-controls" });
  const status = element("p", { role: "status", class: "rx-status" });
  const result = element("div", { class: "rx-result" });
  root.replaceChildren(element("div", { class: "rx-controls" }, element("label", {}, "Board ", boards)), picks, status, result);

  const choices = () => {
    picks.replaceChildren(...[0, 1, 2].map((place) => {
      const select = element("select", { name: `model-${place + 1}`, "aria-label": `Model ${place + 1}` });
      if (place === 2) select.append(element("option", { value: "", text: "none" }));
      for (const model of state.board.models) select.append(element("option", { value: model.id, text: model.name }));
      select.value = state.models[place] ?? "";
      select.addEventListener("change", () => {
        const chosen = [...picks.querySelectorAll("select")].map((s) => s.value).filter(Boolean);
        state.models = [...new Set(chosen)];
        show();
      });
      return element("label", {}, `Model ${place + 1} `, select);
    }));
  };
  boards.addEventListener("change", () => {
    state.board = index.boards.find((b) => b.id === boards.value);
    state.models = state.board.models.slice(0, 2).map((m) => m.id);
    choices();
    show();
  });

  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    const query = new URLSearchParams({ board: state.board.id, m: state.models.join(",") });
    // The theme keeps its own state object in the history; losing it would break its scrolling.
    history.replaceState(history.state, "", `${location.pathname}?${query.toString().replaceAll("%2F", "/").replaceAll("%2C", ",")}${location.hash}`);
    if (state.models.length < 2) {
      status.textContent = "Choose two different models.";
      result.replaceChildren();
      return;
    }
    try {
      const models = await Promise.all(state.models.map((id) => load(new URL(`${state.board.id}/${id.replace("/", "__")}.json`, base))));
      if (mine !== turn) return;
      const pairs = models.flatMap((a, i) => models.slice(i + 1).map((b) => [a, b]));
      result.replaceChildren(
        ...(state.board.rehearsal ? [element("p", { class: "rx-rehearsal", text: "Rehearsal: scored with stand-ins; these numbers are not results." })] : []),
        side(state.board, models),
        ...pairs.map(([a, b]) => difference(state.board, a, b)),
      );
      status.textContent = `${models.map((m) => m.name).join(", ")} on ${state.board.n} studies of ${state.board.n_clusters} patients.`;
    } catch (error) {
      status.textContent = `The models could not be loaded (${error.message}).`;
    }
  };
  choices();
  show();
};

const table = (label, heads, rows) => {
  const head = element("tr", {}, ...heads.map((h) => element("th", { scope: "col", text: h })));
  const made = element("table", { class: "rx-table" }, element("caption", { text: label }), element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "rx-plain", tabindex: "0", role: "region", "aria-label": label }, made);
};

const rank = ([low, high]) => (low === null ? "–" : low === high ? `${low}` : `${low}–${high}`);

const side = (board, models) => {
  const fact = (name, of) => element("tr", {}, element("th", { scope: "row", text: name }), ...models.map((m) => element("td", { text: of(m) })));
  const rows = [
    fact("Institution", (m) => m.institution ?? "–"),
    fact("Rank", (m) => rank(m.rank)),
    fact("Reads", (m) => Object.entries(m.inputs).map(([k, v]) => `${k}: ${v}`).join(", ") || "–"),
    fact("Trained on this source", (m) => (m.trained_on_dataset ? "yes" : "not said")),
  ];
  for (const metric of board.metrics) {
    const means = models.map((m) => m.metrics[metric.key]?.mean).filter((v) => v !== undefined);
    const best = metric.higher_is_better ? Math.max(...means) : Math.min(...means);
    rows.push(element("tr", {}, element("th", { scope: "row", text: metric.display_title }), ...models.map((m) => {
      const entry = m.metrics[metric.key];
      if (!entry) return element("td", { text: "–" });
      const shown = entry.display;
      const value = shown.value === null ? `mean ${number(entry.mean)}` : number(shown.value);
      const cell = element("td", {}, entry.mean === best ? element("strong", { text: value }) : value);
      if (shown.low !== null || shown.high !== null) cell.append(element("small", { text: `${number(shown.low)} to ${shown.high === null ? "∞" : number(shown.high)}` }));
      return cell;
    })));
  }
  return table("Side by side", ["", ...models.map((m) => m.name)], rows);
};

const difference = (board, a, b) => {
  const found = a.versus[b.id] ?? {};
  const rows = board.metrics.filter((m) => found[m.key]).map((metric) => {
    const [d, low, high, p, q] = found[metric.key];
    const better = q >= 0.05 ? "no difference shown" : `${(d > 0) === metric.higher_is_better ? a.name : b.name} better`;
    const picture = element("td", {}, low === null ? "–" : bar(metric, d, low, high));
    return element("tr", {},
      element("th", { scope: "row", text: metric.title }),
      element("td", { text: number(d, true) }),
      element("td", { text: low === null ? "too few patients" : `${number(low, true)} to ${number(high, true)}` }),
      picture,
      element("td", { text: p < 0.001 ? "< 0.001" : p.toFixed(3) }),
      element("td", { text: q < 0.001 ? "< 0.001" : q.toFixed(3) }),
      element("td", { text: better }));
  });
  const heads = ["Metric (mean)", "Difference", "95 % interval", "Picture, better for the first to the right", "p", "q", ""];
  return table(`${a.name} minus ${b.name}`, heads, rows);
};

// One scale a row: the interval against zero, better for the first model to the right.
const bar = (metric, d, low, high) => {
  const [width, height] = [160, 22];
  const reach = Math.max(Math.abs(low), Math.abs(high), 1e-9);
  const sign = metric.higher_is_better ? 1 : -1;
  const x = (v) => (width / 2 + (sign * v * (width / 2 - 8)) / reach).toFixed(1);
  const made = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "rx-strip", role: "img", "aria-label": `${metric.title}: ${number(d, true)}, from ${number(low, true)} to ${number(high, true)}` });
  made.append(
    drawn("line", { class: "rx-nullmark", x1: width / 2, x2: width / 2, y1: 2, y2: height - 2 }),
    drawn("line", { class: "rx-span", x1: x(low), x2: x(high), y1: height / 2, y2: height / 2 }),
    drawn("circle", { class: "rx-dot", cx: x(d), cy: height / 2, r: 4 }),
  );
  return made;
};

const mount = () => document.querySelectorAll('[data-rx="compare"]:not([data-rx-on])').forEach(mountOne);
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
