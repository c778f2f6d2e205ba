// What the modules of the pages share. Text goes in as text and can never become markup.
export const element = (name, options = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === "text") made.textContent = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
};

export const drawn = (name, options, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(options)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

// Three decimals with a real minus sign; `sign` also shows a plus.
export const number = (v, sign = false) => {
  if (v === null || v === undefined) return "–";
  const text = Math.abs(v).toFixed(3);
  const zero = Number(text) === 0;
  return (zero ? "" : v < 0 ? "−" : sign ? "+" : "") + text;
};

// The number of a board's cell as it is shown, without its interval and notes; empty where there is none.
export const shownValue = (cell) => {
  const marked = cell.querySelector(":scope > .rx-wrong")?.textContent;
  return marked ?? [...cell.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data).join("").trim();
};

// A labelled choice of [value, words] pairs; `changed` gets the value.
export const choice = (label, name, options, value, changed) => {
  const select = element("select", { name, "aria-label": label });
  for (const [key, words] of options) select.append(element("option", { value: key, text: words }));
  select.value = value;
  select.addEventListener("change", () => changed(select.value));
  return element("label", {}, `${label} `, select);
};

// Keeps the state of a page in its address. The theme keeps its own object in the history; losing it would break
// its scrolling.
export const keepInAddress = (query) => {
  const words = query.toString().replaceAll("%2F", "/").replaceAll("%2C", ",");
  history.replaceState(history.state, "", `${location.pathname}${words ? `?${words}` : ""}${location.hash}`);
};

// The JSON of an answer. A packed file arrives packed from most servers; some say that it is packed, and then the browser
// has unpacked it already: its first bytes tell.
const json = async (answer) => {
  const body = await answer.blob();
  const [first, second] = new Uint8Array(await body.slice(0, 2).arrayBuffer());
  if (first !== 0x1f || second !== 0x8b) return JSON.parse(await body.text());
  return new Response(body.stream().pipeThrough(new DecompressionStream("gzip"))).json();
};

// An address is fetched once; a failure is forgotten, so that the next try asks again.
const fetched = new Map();
export const load = (url) => {
  const key = String(url);
  if (!fetched.has(key)) {
    const answer = fetch(url).then((r) => {
      if (!r.ok) throw new Error(`${r.status} for ${url}`);
      return json(r);
    });
    answer.catch(() => fetched.delete(key));
    fetched.set(key, answer);
  }
  return fetched.get(key);
};
