// The one script of every page: fetches what the page has something to mount, and nothing else. Each module subscribes to
// the theme's navigation itself, so that it is fetched once.
const MODULES = [
  ["table.rx-board, .md-typeset__scrollwrap", "./leaderboard.js"],
  ["[data-rx-tabs], details[data-rx-part], .rx-figure, [popover].rx-pop", "./parts.js"],
  ['[data-rx="models"], .rx-picker, .rx-file', "./models.js"],
  ['[data-rx="cases"]', "./cases.js"],
  ['[data-rx="compare"]', "./compare.js"],
];

const mount = () => {
  for (const [selector, module] of MODULES) if (document.querySelector(selector)) import(module);
};
if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
