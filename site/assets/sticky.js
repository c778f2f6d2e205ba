// The head of a table stays in sight while the page scrolls. A table that fits lets CSS do it; one that scrolls sideways
// has a scroller of its own, in which nothing sticks to the page, so that its head is moved along.
const HEADER = ".md-header";

export const stickyHead = (table, box) => {
  const life = new AbortController();
  const head = table.tHead;
  const move = () => {
    if (!table.isConnected) return life.abort();
    if (box.hasAttribute("data-rx-fits")) return;
    const top = document.querySelector(HEADER)?.getBoundingClientRect().bottom ?? 0;
    const { top: start, bottom: end } = box.getBoundingClientRect();
    const most = end - start - 2 * head.offsetHeight;
    const by = Math.max(0, Math.min(Math.max(0, top) - start, most));
    head.style.transform = by ? `translateY(${by}px)` : "";
  };
  const fit = () => {
    if (!table.isConnected) return life.abort();
    box.toggleAttribute("data-rx-fits", table.scrollWidth <= box.clientWidth + 1);
    head.style.transform = "";
    move();
  };
  addEventListener("scroll", move, { passive: true, signal: life.signal });
  addEventListener("resize", fit, { signal: life.signal });
  table.addEventListener("rx-shown", fit, { signal: life.signal });
  document.fonts?.ready.then(fit);
  fit();
};
