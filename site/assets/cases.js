// The case browser of a model page: reference beside report, worst first, fetched when asked for.
// Every text goes into the page as text; what a report says can never become markup.
import { choice, element, keepInAddress, load, number } from "./page.js";
import { differences } from "./marks.js";

const PAGE = 10;
const FINDABLE = 3;

const marked = (text, other, side) => {
  const block = element("p", { class: "rx-report" });
  for (const piece of differences(text, other)) {
    if (piece.kind === "same") block.append(piece.text);
    else if (piece.kind === "new") block.append(element("mark", { title: `no similar sentence in the ${side}`, text: piece.text }));
    else {
      const parts = piece.parts.map((p) => (p.differs ? element("mark", { title: `not in the matching ${side} sentence`, text: p.text }) : p.text));
      block.append(element("span", { class: "rx-near" }, ...parts));
    }
  }
  if (!text.trim()) block.append(element("em", { text: "(empty)" }));
  return block;
};

// The places of the studies to show, in order. `other` is the index of the model beside, or null.
const ordered = (state, index, other, found) => {
  let places = index.ids.map((_, i) => i);
  if (state.study) return places.filter((i) => index.ids[i] === state.study);
  const [axis, value] = state.only.split("=");
  const group = index.groups.find((g) => g.axis === axis);
  if (group) places = places.filter((i) => group.values[group.of[i]] === value);
  if (found) places = places.filter(found);
  const metric = index.metrics.find((m) => m.key === state.sort);
  if (!metric) return state.order === "best" ? places.reverse() : places;
  const own = index.scores[metric.key];
  const theirs = other?.scores[metric.key];
  const gap = theirs && (state.order === "behind" || state.order === "ahead");
  const worth = gap ? (i) => own[i] - theirs[i] : (i) => own[i];
  const first = state.order === "best" || state.order === "ahead" ? -1 : 1;
  const sign = metric.higher_is_better ? first : -first;
  return places.sort((a, b) => sign * (worth(a) - worth(b)) || a - b);
};

const mountOne = (root) => {
  root.dataset.rxOn = "1";
  const wanted = new URLSearchParams(location.search);
  const button = element("button", { type: "button", class: "md-button", text: "Browse the cases" });
  root.append(button);
  const start = async (asked) => {
    button.disabled = true;
    root.querySelector('[role="alert"]')?.remove();
    try {
      const base = new URL(root.dataset.rxBase, location.href);
      const [index, { models }] = await Promise.all([load(new URL(`${root.dataset.rxModel}/index.json.gz`, base)), load(new URL("models.json", base))]);
      button.remove();
      browse(root, base, index, models, wanted.get("cases") === root.dataset.rxCases ? wanted : new URLSearchParams());
      if (asked) root.querySelector("select")?.focus();
      else root.scrollIntoView();
    } catch (error) {
      button.disabled = false;
      root.append(element("p", { role: "alert", text: `The cases could not be loaded (${error.message}). Try again.` }));
    }
  };
  button.addEventListener("click", () => start(true));
  if (wanted.get("cases") === root.dataset.rxCases) start(false);
};

const browse = (root, base, index, models, wanted) => {
  const kept = (name, fallback, known) => (known.includes(wanted.get(name)) ? wanted.get(name) : fallback);
  const others = models.filter((m) => m.id !== index.model);
  const groups = index.groups.flatMap((g) => g.values.map((v) => [`${g.axis}=${v}`, `${g.title}: ${v}`]));
  const sorts = [...index.metrics.map((m) => [m.key, m.title]), ["id", "study id"]];
  const state = {
    sort: kept("sort", sorts[0][0], sorts.map(([k]) => k)),
    order: kept("order", "worst", ["worst", "best", "behind", "ahead"]),
    only: kept("only", "", groups.map(([k]) => k)),
    beside: kept("beside", "", others.map((m) => m.id)),
    find: wanted.get("find") ?? "",
    study: kept("study", "", index.ids),
    start: 0,
  };
  const changed = (name) => (value) => { state[name] = value; state.start = 0; state.study = ""; show(); };
  const search = element("input", { type: "search", name: "find", size: "16", autocomplete: "off", "aria-label": "Search texts and ids" });
  search.value = state.find;
  let waiting;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(() => changed("find")(search.value.trim()), 300); });
  const orders = choice("Order", "order", [["worst", "worst first"], ["best", "best first"], ["behind", "largest deficit first"], ["ahead", "largest lead first"]], state.order, changed("order"));
  const status = element("p", { role: "status", class: "rx-status", tabindex: "-1" });
  const list = element("div", { class: "rx-case-list" });
  const back = element("button", { type: "button", class: "md-button", text: "Previous" });
  const next = element("button", { type: "button", class: "md-button", text: "Next" });
  const all = element("button", { type: "button", class: "md-button", text: "Show all cases" });
  const turnTo = (change) => async () => { change(); await show(); status.focus(); };
  back.addEventListener("click", turnTo(() => { state.start -= PAGE; }));
  next.addEventListener("click", turnTo(() => { state.start += PAGE; }));
  all.addEventListener("click", turnTo(() => { state.study = ""; }));
  root.append(
    element("div", { class: "rx-controls" },
      choice("Sort by", "sort", sorts, state.sort, changed("sort")), orders,
      ...(groups.length ? [choice("Only", "only", [["", "all studies"], ...groups], state.only, changed("only"))] : []),
      ...(others.length ? [choice("Beside", "beside", [["", "no other model"], ...others.map((m) => [m.id, m.name])], state.beside, changed("beside"))] : []),
      element("label", {}, "Find ", search)),
    status, list, element("div", { class: "rx-controls" }, back, next, all),
    element("p", { class: "rx-legend" },
      element("mark", { text: "Marked" }), " are sentences with no similar sentence on the other side; in ",
      element("span", { class: "rx-near", text: "underlined" }), " matched sentences, the words missing on the other side. ",
      `Texts are as scored (${index.protocol} protocol). Reference texts: ${index.licence}`));

  const shards = (folder) => (i) => load(new URL(`${folder}/${Math.floor(i / index.shard)}.json.gz`, base)).then((texts) => texts[i % index.shard]);
  const folder = (id) => id.replace("/", "__");
  const reference = shards("references");
  const report = shards(root.dataset.rxModel);

  // Which studies are looked for: those whose id holds the words, or else those whose texts do, which are then all read.
  const holders = async () => {
    const word = state.find.toLowerCase();
    if (word.length < FINDABLE || state.study) return null;
    const named = (i) => index.ids[i].toLowerCase().includes(word);
    if (index.ids.some((_, i) => named(i))) return named;
    status.textContent = "Reading all texts…";
    const texts = await Promise.all(index.ids.map((_, i) => Promise.all([reference(i), report(i)])));
    return (i) => texts[i].some((t) => t.toLowerCase().includes(word));
  };

  // A case's own address. A plain click shows it here; the theme's navigation would take it for the page that is open.
  const linkTo = (study, href) => {
    const link = element("a", { href, title: "Link to this case", text: study });
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      turnTo(() => { state.study = study; })();
    });
    return link;
  };

  let turn = 0;
  const show = async () => {
    const mine = ++turn;
    const shared = [["cases", root.dataset.rxCases], ...["sort", "order", "only", "beside", "find"].map((k) => [k, state[k]])];
    const address = (study) => new URLSearchParams([...shared, ["study", study]].filter(([, v]) => v));
    keepInAddress(address(state.study));
    for (const option of orders.querySelectorAll('[value="behind"], [value="ahead"]')) option.hidden = option.disabled = !state.beside;
    if (!state.beside && ["behind", "ahead"].includes(state.order)) state.order = "worst";
    orders.querySelector("select").value = state.order;
    try {
      const [other, found] = await Promise.all([state.beside ? load(new URL(`${folder(state.beside)}/index.json.gz`, base)) : null, holders()]);
      const places = ordered(state, index, other, found);
      const shown = state.study ? places : places.slice(state.start, state.start + PAGE);
      const second = other && shards(folder(state.beside));
      const texts = await Promise.all(shown.map((i) => Promise.all([reference(i), report(i), second?.(i)])));
      if (mine !== turn) return; // a later choice was faster
      list.replaceChildren(...shown.map((i, k) => card(index, other, state.sort, i, texts[k], linkTo(index.ids[i], `?${address(index.ids[i])}`))));
      status.textContent = state.study ? "One case of a link."
        : places.length === 1 ? "1 case" : places.length ? `${state.start + 1} to ${state.start + shown.length} of ${places.length} cases` : "No case matches.";
      back.hidden = next.hidden = Boolean(state.study);
      all.hidden = !state.study;
      back.disabled = state.start === 0;
      next.disabled = state.start + PAGE >= places.length;
    } catch (error) {
      if (mine === turn) status.textContent = `The texts could not be loaded (${error.message}).`;
    }
  };
  show();
};

const card = (index, other, chosen, i, [reference, report, second], link) => {
  const facts = index.groups.filter((g) => g.of[i] >= 0).map((g) => `${g.title}: ${g.values[g.of[i]]}`);
  const column = (title, text, against, side, scores) =>
    element("div", {}, element("h5", {}, element("bdi", { text: title })), marked(text, against, side), ...(scores ? [scores] : []));
  const columns = [
    column("Reference", reference, report, "report"),
    column(other ? index.name : "Report", report, reference, "reference", scoresOf(index, i, chosen)),
    ...(other ? [column(other.name, second, reference, "reference", scoresOf(other, i, chosen))] : []),
  ];
  return element("article", { class: "rx-case" },
    element("h4", {}, link),
    element("p", { class: "rx-known", text: facts.join(", ") }),
    element("div", { class: "rx-pair" }, ...columns));
};

const scoresOf = (index, i, chosen) => {
  const scores = element("p", { class: "rx-scores" });
  for (const metric of index.metrics) {
    const failed = index.failed[metric.key]?.includes(i) ? " (failed; counts as the worst)" : "";
    scores.append(element("span", { class: metric.key === chosen ? "rx-chosen" : "", text: `${metric.title} ${number(index.scores[metric.key][i])}${failed}` }), " ");
  }
  return scores;
};

const mount = () => document.querySelectorAll('[data-rx="cases"]:not([data-rx-on])').forEach(mountOne);
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
