// The case browser of a model page: reference beside report, worst first, fetched when asked for.
// Every text goes into the page as text; what a report says can never become markup.
import { element, load } from "./page.js";

const PAGE = 10;

// Sentences end with a full stop, question or exclamation mark before a space.
const sentences = (text) => text.match(/[^.!?]+(?:[.!?]+(?=\s|$)|[.!?]+\S*|$)\s*/g) ?? (text ? [text] : []);
const key = (sentence) => sentence.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

const marked = (text, other, label) => {
  const known = new Set(sentences(other).map(key));
  const block = element("p", { class: "rx-report" });
  for (const sentence of sentences(text)) {
    if (key(sentence) && !known.has(key(sentence))) block.append(element("mark", { title: label, text: sentence }));
    else block.append(document.createTextNode(sentence));
  }
  if (!text.trim()) block.append(element("em", { text: "(empty)" }));
  return block;
};

const mountOne = (root) => {
  root.dataset.rxOn = "1";
  const base = new URL(root.dataset.rxBase, location.href);
  const button = element("button", { type: "button", class: "md-button", text: "Browse the cases" });
  root.append(button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const index = await load(new URL(`${root.dataset.rxModel}/index.json`, base));
      button.remove();
      open(root, base, index);
    } catch (error) {
      button.disabled = false;
      root.append(element("p", { role: "alert", text: `The cases could not be loaded (${error.message}). Try again.` }));
    }
  });
};

const open = (root, base, index) => {
  const state = { metric: index.metrics[0]?.key ?? "", order: "worst", start: 0, search: "" };
  const choose = (label, name, options) => {
    const select = element("select", { name, "aria-label": label });
    for (const [value, words] of options) select.append(element("option", { value, text: words }));
    select.addEventListener("change", () => { state[name] = select.value; state.start = 0; show(); });
    return element("label", {}, `${label} `, select);
  };
  const search = element("input", { type: "search", name: "search", size: "14", autocomplete: "off", "aria-label": "Study id" });
  search.addEventListener("input", () => { state.search = search.value.trim().toLowerCase(); state.start = 0; show(); });
  const status = element("p", { role: "status", class: "rx-status" });
  const list = element("div", { class: "rx-case-list" });
  const back = element("button", { type: "button", class: "md-button", text: "Earlier" });
  const next = element("button", { type: "button", class: "md-button", text: "Next" });
  const move = (by) => () => { state.start += by; show(); status.scrollIntoView({ block: "nearest" }); };
  back.addEventListener("click", move(-PAGE));
  next.addEventListener("click", move(PAGE));
  root.append(
    element("div", { class: "rx-controls" },
      choose("Sort by", "metric", [...index.metrics.map((m) => [m.key, m.title]), ["", "study id"]]),
      choose("Order", "order", [["worst", "worst first"], ["best", "best first"]]),
      element("label", {}, "Study id ", search)),
    status, list, element("div", { class: "rx-controls" }, back, next),
    element("p", { class: "rx-legend", text: `Marked: sentences that the other side does not have in these words. Texts as scored (${index.protocol} protocol). Reference texts: ${index.licence}` }),
  );

  const order = () => {
    let places = index.ids.map((_, i) => i);
    if (state.search) places = places.filter((i) => index.ids[i].toLowerCase().includes(state.search));
    const metric = index.metrics.find((m) => m.key === state.metric);
    if (metric) {
      const values = index.scores[metric.key];
      const sign = metric.higher_is_better === (state.order === "worst") ? 1 : -1;
      places.sort((a, b) => sign * (values[a] - values[b]) || a - b);
    } else if (state.order === "best") places.reverse();
    return places;
  };

  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    const places = order();
    const shown = places.slice(state.start, state.start + PAGE);
    const shard = (folder, i) => load(new URL(`${folder}/${Math.floor(i / index.shard)}.json`, base));
    try {
      const texts = await Promise.all(shown.map((i) => Promise.all([shard("references", i), shard(root.dataset.rxModel, i)])));
      if (mine !== turn) return; // a later choice was faster
      list.replaceChildren(...shown.map((i, k) => card(i, texts[k][0][i % index.shard], texts[k][1][i % index.shard])));
      status.textContent = places.length
        ? `${state.start + 1} to ${state.start + shown.length} of ${places.length} cases`
        : "No case has this id.";
    } catch (error) {
      status.textContent = `The texts could not be loaded (${error.message}).`;
    }
    back.disabled = state.start === 0;
    next.disabled = state.start + PAGE >= places.length;
  };

  const card = (i, reference, report) => {
    const scores = element("p", { class: "rx-scores" });
    for (const metric of index.metrics) {
      scores.append(element("span", { class: metric.key === state.metric ? "rx-chosen" : "", text: `${metric.title} ${index.scores[metric.key][i].toFixed(3).replace("-", "−")}` }), " ");
    }
    return element("article", { class: "rx-case" },
      element("h4", { text: index.ids[i] }),
      element("div", { class: "rx-pair" },
        element("div", {}, element("h5", { text: "Reference" }), marked(reference, report, "not in the report")),
        element("div", {}, element("h5", { text: "Report" }), marked(report, reference, "not in the reference"))),
      scores);
  };
  show();
};

const mount = () => document.querySelectorAll('[data-rx="cases"]:not([data-rx-on])').forEach(mountOne);
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
