// The one script of every page: fetches what the page has something to mount, and nothing else. Each module subscribes to
// the theme's navigation itself, so that it is fetched once.
const MODULES = [
  ["table.rx-board, .md-typeset__scrollwrap", "./leaderboard.js"],
  ["[data-rx-tabs], details[data-rx-part], .rx-figure, [popover].rx-pop", "./parts.js"],
  ['[data-rx="models"], .rx-picker, .rx-file', "./models.js"],
  ['[data-rx="cases"]', "./cases.js"],
  ['[data-rx="compare"]', "./compare.js"],
];

// `data-rx-mounted` on the root says that a page is as its reader will have it.
const mount = async () => {
  const root = document.documentElement;
  delete root.dataset.rxMounted;
  await Promise.allSettled(MODULES.filter(([selector]) => document.querySelector(selector)).map(([, module]) => import(module)));
  root.dataset.rxMounted = "";
};
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
