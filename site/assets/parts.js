// Tabs, parts that fold, tooltips of figures, and where popovers stand. Without a script all of it stands open.
import { element } from "./page.js";

const mount = () => {
  for (const tabs of document.querySelectorAll("[data-rx-tabs]:not([data-rx-on])")) makeTabs(tabs);
  for (const part of document.querySelectorAll("details[data-rx-part]:not([data-rx-on])")) makePart(part);
  for (const figure of document.querySelectorAll(".rx-figure:not([data-rx-on])")) makeTips(figure);
  for (const pop of document.querySelectorAll("[popover].rx-pop:not([data-rx-on])")) makePop(pop);
  reveal();
};

// Tabs: arrow keys move, and the address does not change.
const makeTabs = (tabs) => {
  tabs.dataset.rxOn = "1";
  const buttons = [...tabs.querySelectorAll(':scope > .rx-tablist > [role="tab"]')];
  const show = (chosen) => {
    for (const b of buttons) {
      b.setAttribute("aria-selected", String(b === chosen));
      b.tabIndex = b === chosen ? 0 : -1;
      document.getElementById(b.getAttribute("aria-controls")).hidden = b !== chosen;
    }
  };
  tabs.querySelector(".rx-tablist").addEventListener("keydown", (event) => {
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = buttons[(to + buttons.length) % buttons.length];
    show(next);
    next.focus();
  });
  for (const b of buttons) b.addEventListener("click", () => show(b));
  show(buttons[0]);
};

const makePart = (part) => {
  part.dataset.rxOn = "1";
  if (!("rxStays" in part.dataset)) part.open = false;
};

// The part that the address names opens, whatever is inside it.
const reveal = () => {
  const target = location.hash ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (target?.closest("[data-rx-part]")) target.scrollIntoView();
};

// What a dot stands for, at the pointer, under a finger and with the focus. The first touch shows it, the second follows.
const makeTips = (figure) => {
  figure.dataset.rxOn = "1";
  const points = [...figure.querySelectorAll(".rx-point")];
  if (!points.length) return;
  const tip = element("div", { class: "rx-tip", hidden: "", "aria-hidden": "true" });
  figure.style.position = "relative";
  figure.append(tip);
  let shown = null;
  let finger = false;
  const show = (point) => {
    shown = point;
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = point.getAttribute("aria-label");
    const room = figure.getBoundingClientRect();
    const dot = point.querySelector(".rx-dot").getBoundingClientRect();
    const left = Math.min(Math.max(0, dot.left - room.left + 10), Math.max(0, room.width - tip.offsetWidth));
    tip.style.left = `${left}px`;
    tip.style.top = `${dot.top - room.top - tip.offsetHeight - 6}px`;
  };
  for (const point of points) {
    point.querySelector("title")?.remove();
    point.addEventListener("pointerdown", (event) => (finger = event.pointerType === "touch" && shown !== point));
    point.addEventListener("pointerenter", (event) => event.pointerType !== "touch" && show(point));
    point.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && show(null));
    point.addEventListener("focus", () => show(point));
    point.addEventListener("blur", () => show(null));
    point.addEventListener("click", (event) => {
      if (!finger) return;
      event.preventDefault();
      finger = false;
      show(point);
    });
  }
};

// A popover stands below the button that opened it.
const makePop = (pop) => {
  pop.dataset.rxOn = "1";
  const button = document.querySelector(`[popovertarget="${CSS.escape(pop.id)}"]`);
  pop.addEventListener("toggle", (event) => {
    if (event.newState !== "open" || !button) return;
    pop.dataset.rxPlaced = "1";
    const at = button.getBoundingClientRect();
    pop.style.left = `${Math.max(8, Math.min(at.left, innerWidth - pop.offsetWidth - 8))}px`;
    pop.style.top = `${Math.max(8, Math.min(at.bottom + 4, innerHeight - pop.offsetHeight - 8))}px`;
  });
};

// Menus close when something else is clicked, or by Escape, which gives the focus back.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.rx-menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? document.querySelector("details.rx-menu[open]") : null;
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
addEventListener("hashchange", reveal);

if (typeof document$ === "undefined") mount();
else document$.subscribe(mount);
