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

// An address is fetched once; a failure is forgotten, so that the next try asks again.
const fetched = new Map();
export const load = (url) => {
  if (!fetched.has(url)) {
    const answer = fetch(url).then((r) => {
      if (!r.ok) throw new Error(`${r.status} for ${url}`);
      return r.json();
    });
    answer.catch(() => fetched.delete(url));
    fetched.set(url, answer);
  }
  return fetched.get(url);
};
