// The compare page: two or three models of a board, from files computed when the board was ranked.
import { drawn, element, keepInAddress, load, number } from "./page.js";

const MOST = 3;
const ALPHA = 0.05;
// On a withheld set a p-value is the number of its class, of which it is known only what it is below.
const LEVELS = [0.001, 0.01, 0.05];
const pText = (board, p) => {
  const level = (board.p_classes ? LEVELS : LEVELS.slice(0, 1)).find((l) => p < l);
  return level ? `< ${level}` : board.p_classes ? "≥ 0.05" : p.toFixed(3);
};
const chance = (board, p) => `p ${/^\d/.test(pText(board, p)) ? "= " : ""}${pText(board, p)}`;
const span = (low, high, sign = false) => `${number(low, sign)} to ${number(high, sign)}`;

const mountOne = async (root) => {
  root.dataset.rxOn = "1";
  const base = new URL(root.dataset.rxBase, location.href);
  const form = root.querySelector("form");
  const picks = root.querySelector(".rx-models");
  const status = root.querySelector(".rx-status");
  const result = root.querySelector(".rx-result");
  let index;
  try {
    index = await load(new URL("index.json", base));
  } catch (error) {
    status.textContent = `The models could not be loaded (${error.message}).`;
    return;
  }
  const { state, unknown } = asked(index, new URLSearchParams(location.search));
  const note = element("p", { role: "alert", class: "rx-status", text: unknown });
  if (unknown) status.before(note);
  const boards = form.elements.board;
  boards.value = state.board.id;
  boards.addEventListener("change", () => {
    state.board = index.boards.find((b) => b.id === boards.value);
    // Models that stand on both boards stay chosen.
    state.models = filled(state.board, state.models.filter((m) => listed(state.board).some((x) => x.id === m)));
    choices();
    show();
  });
  picks.addEventListener("change", () => {
    state.models = [...new Set([...picks.querySelectorAll("select")].map((s) => s.value).filter(Boolean))];
    note.remove();
    show();
  });

  // The server's choices do nothing without this script, and one made before it has loaded would be lost.
  for (const control of form.elements) control.disabled = false;

  const choices = () => {
    [...picks.querySelectorAll("select")].forEach((select, place) => {
      const group = (label, models) => (models.length ? [element("optgroup", { label }, ...models.map((m) => element("option", { value: m.id, text: m.name })))] : []);
      select.replaceChildren(...(place < 2 ? [] : [element("option", { value: "", text: "none" })]), ...group("Models", state.board.models), ...group("Baselines", state.board.baselines));
      select.value = state.models[place] ?? "";
    });
  };

  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    keepInAddress(new URLSearchParams({ board: state.board.id, m: state.models.join(",") }));
    if (state.models.length < 2) {
      status.textContent = "Choose two different models.";
      result.replaceChildren();
      result.removeAttribute("aria-busy");
      return;
    }
    // Until their files are here, those chosen before stand there.
    result.setAttribute("aria-busy", "true");
    try {
      const models = await Promise.all(state.models.map((id) => load(new URL(`${state.board.id}/${id.replace("/", "__")}.json.gz`, base))));
      if (mine !== turn) return;
      const pairs = models.flatMap((a, i) => models.slice(i + 1).map((b) => [a, b]));
      const rehearsal = element("p", { class: "rx-rehearsal", text: "Rehearsal: scored with stand-ins; these scores are not results." });
      result.replaceChildren(
        ...(state.board.rehearsal ? [rehearsal] : []),
        ...pairs.map(([a, b]) => duel(state.board, a, b, pairOf(state.board, a, b))),
        side(state.board, models),
      );
      status.textContent = `${models.map((m) => m.name).join(", ")} on ${grouped(state.board.n)} studies of ${grouped(state.board.n_clusters)} patients.`;
    } catch (error) {
      if (mine !== turn) return;
      status.textContent = `The models could not be loaded (${error.message}).`;
    }
    result.removeAttribute("aria-busy");
  };
  choices();
  show();
};

const grouped = (n) => n.toLocaleString("en-US");
const listed = (board) => [...board.models, ...board.baselines];
const BACK = { better: "worse", better_by_less: "worse_by_less", open: "open", worse_by_less: "better_by_less", worse: "better" };
const minus = (v) => (v === null ? null : 0 - v);

// What is known of two models: a pair stands in the file of the model that comes first on the board, and is turned round
// for the other. `versus`: by metric its difference, low, high, p, q, which the files count in ten-thousandths.
const UNIT = 10000;
const pairOf = (board, a, b) => {
  const from = (own, other) => {
    const place = own.others.indexOf(other.id);
    if (place < 0) return null;
    const versus = Object.fromEntries(Object.entries(own.versus).filter(([, pairs]) => pairs[place]).map(([key, pairs]) => [key, pairs[place].map((v) => (v === null ? null : v / UNIT))]));
    return { p: own.ranked_against[place], standing: own.standing[place], versus };
  };
  const straight = from(a, b);
  if (straight) return straight;
  const back = from(b, a);
  if (!back) return { p: null, standing: null, versus: {} };
  const versus = Object.fromEntries(Object.entries(back.versus).map(([key, [d, low, high, p, q]]) => [key, [0 - d, minus(high), minus(low), p, q]]));
  return { p: back.p, standing: BACK[back.standing] ?? null, versus };
};

// What the address asks for, with what it lacks filled in, and in words what of it is not there.
const asked = (index, wanted) => {
  const board = index.boards.find((b) => b.id === wanted.get("board"));
  const state = { board: board ?? index.boards[0] };
  const ids = [...new Set((wanted.get("m") ?? "").split(",").filter(Boolean))];
  const known = ids.filter((id) => listed(state.board).some((m) => m.id === id));
  state.models = filled(state.board, known.slice(0, MOST));
  const lost = ids.filter((id) => !known.includes(id));
  const unknown = [
    ...(wanted.get("board") && !board ? [`There is no board ${wanted.get("board")} with two ranked models.`] : []),
    ...(lost.length ? [`Not ranked on ${state.board.title}: ${lost.join(", ")}.`] : []),
    ...(known.length > MOST ? [`Only the first ${MOST} models are shown.`] : []),
  ].join(" ");
  return { state, unknown };
};

const filled = (board, ids) => {
  const more = board.models.map((m) => m.id).filter((id) => !ids.includes(id));
  return ids.length < 2 ? [...ids, ...more].slice(0, 2) : ids;
};

const table = (label, heads, rows) => {
  const head = element("tr", {}, ...heads.map((h) => (h === "" ? element("td") : element("th", { scope: "col" }, h))));
  const made = element("table", { class: "rx-table" }, element("caption", { class: "rx-said", text: label }), element("thead", {}, head), element("tbody", {}, ...rows));
  return element("div", { class: "rx-plain", tabindex: "0", role: "region", "aria-label": label }, made);
};

const rank = ([low, high]) => (low === null ? "–" : low === high ? `${low}` : `${low}–${high}`);

const side = (board, models) => {
  const fact = (name, of) => element("tr", {}, element("th", { scope: "row", text: name }), ...models.map((m) => element("td", { text: of(m) })));
  const rows = [
    fact("Institution", (m) => m.institution ?? "–"),
    fact("Rank", (m) => rank(m.rank)),
    fact("Reads", (m) => m.reads),
    fact("Trained on this source", (m) => (m.kind === "null" ? "–" : m.trained_on_dataset ? "yes, according to its card" : "not according to its card")),
  ];
  for (const metric of board.metrics) {
    const means = models.map((m) => m.metrics[metric.key]?.mean).filter((v) => v !== undefined);
    const best = metric.higher_is_better ? Math.max(...means) : Math.min(...means);
    rows.push(element("tr", {}, element("th", { scope: "row", text: metric.display_title }), ...models.map((m) => {
      const entry = m.metrics[metric.key];
      if (!entry) return element("td", { text: "not scored" });
      const shown = entry.display;
      const value = shown.value === null ? `mean ${number(entry.mean)}` : number(shown.value);
      const cell = element("td", {}, entry.mean === best ? element("strong", { text: value }) : value);
      // Where 1/mean has no meaning, the mean stands there with its own interval.
      const [low, high] = shown.value === null ? [entry.low, entry.high] : [shown.low, shown.high];
      if (low !== null || high !== null) cell.append(element("small", { text: `${low === null ? "−∞" : number(low)} to ${high === null ? "∞" : number(high)}` }));
      // A skill is shown with the mean it is made of and with 1/mean, which has none at or below 0.
      if (shown.mean !== undefined && shown.mean !== null) {
        const over = shown.reciprocal === null ? "1/mean is undefined at or below 0" : `1/mean ${number(shown.reciprocal)}`;
        cell.append(element("small", { text: `mean ${number(shown.mean)}, ${over}` }));
      }
      return cell;
    })));
  }
  const names = models.map((m) => (m.kind === "null" ? m.name : element("a", { href: new URL(`../models/${m.id}/`, location.href).pathname, text: m.name })));
  return element("section", { class: "rx-side" }, element("h2", { text: "Side by side" }), table("Side by side", ["", ...names], rows));
};

// One pair: in words whether the difference is real, then every metric with its interval on one common scale.
const duel = (board, a, b, pair) => {
  const rows = board.metrics.map((metric) => ({ metric, sign: metric.higher_is_better ? 1 : -1, numbers: pair.versus[metric.key] }));
  const shares = rows.filter((r) => r.numbers).flatMap(({ metric, numbers }) => [numbers[0], numbers[1] ?? 0, numbers[2] ?? 0].map((v) => Math.abs(v) / board.spread[metric.key]));
  const reach = Math.max(...shares.filter(Number.isFinite), 1e-9);
  const body = rows.map(({ metric, sign, numbers }) => {
    const name = element("th", { scope: "row", text: metric.title });
    if (!numbers) {
      const without = [a, b].filter((m) => !m.metrics[metric.key]).map((m) => m.name).join(" and ");
      return element("tr", {}, name, element("td", { colspan: "5", text: without ? `no comparison: not scored for ${without}` : "no comparison" }));
    }
    const [d, low, high, p, q] = numbers;
    const better = { 1: a.name, "-1": b.name }[favours(metric, numbers)];
    const slightly = { 1: a.name, "-1": b.name }[Math.sign(sign * d)];
    const said = better ? [element("strong", { text: better })]
      : significant(q) ? [slightly, element("small", { text: "within the equivalence margin" })]
      : [q === null ? "not tested" : "tied"];
    const difference = element("td", { class: "rx-difference" }, element("span", { text: number(d, true) }));
    if (low !== null) difference.append(element("small", { text: span(low, high, true) }));
    else if (q !== null) difference.append(element("small", { text: "too few patients for an interval" }));
    return element("tr", {}, name, difference,
      element("td", { class: "rx-picture" }, low === null || !(board.spread[metric.key] > 0) ? "–" : bar(metric, sign, numbers, board.spread[metric.key] * reach)),
      element("td", {}, ...said),
      ...[p, q].map((v) => element("td", { class: "rx-p", text: v === null ? "–" : pText(board, v) })));
  });
  const picture = element("span", { class: "rx-sides" }, element("span", { text: `◀ ${b.name} better` }), element("span", { text: `${a.name} better ▶` }));
  const heads = ["Metric (mean)", "Difference, 95 % interval", picture, "Better", "p", "q"];
  const [first, second] = [a.id, b.id].map(encodeURIComponent);
  const reports = element("a", { href: new URL(`../models/${a.id}/?cases=${board.id}&beside=${second}&order=behind`, location.href).href, text: `Read both reports where ${a.name} trails most` });
  const back = element("a", { href: new URL(`../models/${b.id}/?cases=${board.id}&beside=${first}&order=behind`, location.href).href, text: `where ${b.name} does` });
  return element("section", { class: "rx-duel" },
    element("h2", {}, element("bdi", { text: a.name }), " and ", element("bdi", { text: b.name })),
    element("p", { class: "rx-verdict" }, ...verdict(board, a, b, pair)),
    table(`${a.name} minus ${b.name}`, heads, body),
    ...(board.cases.includes(a.id) && board.cases.includes(b.id) ? [element("p", {}, reports, ", or ", back, ".")] : []));
};

// 1 where a metric favours the first model, −1 the second, 0 where it shows no difference, or one within the margin.
const significant = (q) => q !== null && q < ALPHA;
const favours = (metric, [d, , , , q]) => (significant(q) && Math.abs(d) >= (metric.equivalence ?? 0) - 1e-6 ? Math.sign(metric.higher_is_better ? d : -d) : 0);

// Whether the difference is real, by the test that ranks, and what the other metrics say.
const verdict = (board, a, b, pair) => {
  const metric = board.metrics.find((m) => m.key === board.primary);
  const numbers = pair.versus[board.primary];
  if (!metric || !numbers || pair.p === null || pair.standing === null) return ["The ranking test does not compare these two."];
  const [d, low, high] = numbers;
  // Where numbers are shown in steps a difference may be too small to be shown: the test's own word counts.
  const [better, worse] = pair.standing.startsWith("better") ? [a, b] : [b, a];
  const ends = low === null ? "" : `, 95 % interval ${d < 0 ? span(-high, -low) : span(low, high)}`;
  const size = `${d === 0 ? "less than the precision shown" : number(Math.abs(d))} in mean ${metric.title}${ends}`;
  const family = [a, b].some((m) => m.kind === "null") ? "all models and baselines" : "all pairs of the board";
  const tested = `${chance(board, pair.p)}, adjusted for ${family}`;
  const more = others(board, a, b, pair);
  if (pair.standing === "better" || pair.standing === "worse") {
    return [element("strong", { text: `${better.name} is better than ${worse.name}: the difference is significant.` }), ` They differ by ${size} (${tested}).`, more];
  }
  if (pair.standing !== "open") {
    return [element("strong", { text: `${better.name} is better than ${worse.name}, but within the equivalence margin: the difference is too small to matter.` }),
      ` They differ by ${size} (${tested}); models closer than ${metric.equivalence} count as equivalent by convention, so the difference does not separate ranks.`, more];
  }
  const zero = low !== null && (low > 0 || high < 0)
    ? " The interval excludes 0, but with this many pairs on a board some intervals do so by chance." : "";
  const finer = board.mde_all_pairs === null ? "" : ` A tie does not mean they are equal: this board can separate two models with 80 % power only if they differ by about ${number(board.mde_all_pairs)}.`;
  return [element("strong", { text: `${a.name} and ${b.name} are statistically tied: a difference this small could be chance.` }),
    ` They differ by ${size} (${tested}).${zero}${finer}`, more];
};

const others = (board, a, b, pair) => {
  const rest = board.metrics.filter((m) => m.key !== board.primary && (pair.versus[m.key]?.[4] ?? null) !== null);
  if (!rest.length) return "";
  const found = rest.map((m) => favours(m, pair.versus[m.key]));
  const count = (side) => found.filter((f) => f === side).length;
  const said = (n, verb, rest = "") => `${n} ${verb}${n === 1 ? "s" : ""}${rest}`;
  const noun = rest.length === 1 ? "one other metric" : `${rest.length} other metrics`;
  return ` Of the ${noun}, ${said(count(1), "favour", ` ${a.name}`)}, ${said(count(-1), "favour", ` ${b.name}`)}, and ${said(count(0), "show", " no difference that matters")}.`;
};

// The interval against zero; all rows of a table share one scale, `reach` being this metric's half width.
const bar = (metric, sign, [d, low, high, , q], reach) => {
  const [width, height] = [180, 22];
  const x = (v) => (width / 2 + (sign * v * (width / 2 - 8)) / reach).toFixed(1);
  const label = `${metric.title}: ${number(d, true)}, from ${number(low, true)} to ${number(high, true)}`;
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, class: "rx-strip rx-wide", role: "img", "aria-label": label },
    drawn("line", { class: "rx-nullmark", x1: width / 2, x2: width / 2, y1: 0, y2: height }),
    drawn("line", { class: "rx-span", x1: x(low), x2: x(high), y1: height / 2, y2: height / 2 }),
    drawn("circle", { class: q < ALPHA ? "rx-dot" : "rx-dot rx-open", cx: x(d), cy: height / 2, r: 4 }));
};

const mount = () => document.querySelectorAll('[data-rx="compare"]:not([data-rx-on])').forEach(mountOne);
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
