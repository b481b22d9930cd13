// What a page does beyond being read. Without script every fold still opens by itself.
(() => {
  const MEMORY = "book-code"; // "open" or "folded"
  const folds = () => document.querySelectorAll("details.fold");

  // The switch: "code: folded · open", in the bar at the top of a page that has folds.
  function addSwitch() {
    const bar = document.querySelector(".header-article-items__end");
    if (!bar || !folds().length) return;
    const box = document.createElement("div");
    box.className = "fold-switch";
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Code");
    box.append("code: ");
    const buttons = ["folded", "open"].map(state => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = state;
      button.addEventListener("click", () => set(state, true));
      return button;
    });
    box.append(buttons[0], " · ", buttons[1]);
    function set(state, asked) {
      buttons.forEach(b => b.setAttribute("aria-pressed", b.textContent === state));
      folds().forEach(fold => (fold.open = state === "open"));
      if (asked) remember(state);
    }
    bar.prepend(box);
    const state = recall();
    buttons.forEach(b => b.setAttribute("aria-pressed", b.textContent === state));
    if (state === "open") set(state, false);
  }
  // A browser may forbid storage: then the switch works and is not remembered.
  function remember(state) { try { localStorage.setItem(MEMORY, state); } catch {} }
  function recall() {
    try { return localStorage.getItem(MEMORY) === "open" ? "open" : "folded"; }
    catch { return "folded"; }
  }

  // A link to something inside a fold opens it.
  function reveal() {
    let target = null;
    try { target = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch {}
    if (!target) return;
    let opened = false;
    for (let at = target.closest("details"); at; at = at.parentElement.closest("details")) {
      opened ||= !at.open;
      at.open = true;
    }
    if (opened) target.scrollIntoView();
  }

  // What is wider than the page scrolls by itself, and the keyboard must reach it to do so.
  const WIDE = "pre, span.math, div.math, .pst-scrollable-table-container, div.output";
  function reach(root) {
    const boxes = [...root.querySelectorAll(WIDE)];
    // first all reading, then all writing: else each box would lay out the page anew
    const wide = boxes.map(box => box.scrollWidth > box.clientWidth + slack(box) && scrolls(box));
    boxes.forEach((box, k) => {
      if (wide[k]) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    });
  }
  const slack = box => (box.matches("span.math") ? 3 : 1); // a hat stands out by as much
  const scrolls = box => ["auto", "scroll"].includes(getComputedStyle(box).overflowX);

  // "Report a mistake" at the top, too, where it knows which section is being read.
  function addReport() {
    const bar = document.querySelector(".header-article-items__end");
    const below = document.querySelector("a.report");
    if (!bar || !below) return;
    const link = below.cloneNode();
    link.textContent = "report a mistake";
    link.addEventListener("click", () => {
      const heads = [...document.querySelectorAll("article h2")];
      const read = heads.filter(h => h.getBoundingClientRect().top < innerHeight / 2).pop();
      const address = new URL(below.href);
      const title = address.searchParams.get("title");
      const section = read ? ", " + read.innerText.replace(/#\s*$/, "") : "";
      address.searchParams.set("title", (title + section).trim());
      link.href = address;
    });
    bar.prepend(link);
  }

  // A page opened from a disk may not read others: search then lists titles alone.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  addSwitch();
  addReport();
  reveal();
  addEventListener("hashchange", reveal);
  const article = document.querySelector("article") || document.body;
  reach(article);
  addEventListener("load", () => reach(article));
  document.fonts.addEventListener("loadingdone", () => reach(article)); // letters change widths
  let pause = 0;
  addEventListener("resize", () => {
    clearTimeout(pause);
    pause = setTimeout(() => reach(article), 150);
  });
  article.addEventListener("toggle", event => event.target.open && reach(event.target), true);
})();
