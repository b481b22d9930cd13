// A graph that one draws and edits. Step by step: the colours of Weisfeiler and Leman are
// refined, the messages of one node travel, features are smoothed.
//
// data = { graphs: { name: { edges: [[i, j], ...], places: [[x, y], ...] } }, open: name },
// places in [0, 1]²; state = { n, edges, source, rounds };
// compute(data, state) = [colours, parts]: colours[k][i] is the rank of node i's colour after
// k rounds, parts[k][i] = (Âᵏ)[i][source], Â = D̃^(-1/2) (A + I) D̃^(-1/2), k = 0 … rounds.
const compare = (a, b) => { // lexicographic, a beginning comes before what it begins
  const k = a.findIndex((v, i) => v !== b[i]);
  return k < 0 ? a.length - b.length : k < b.length ? a[k] - b[k] : 1;
};
const neighbours = (n, edges) => {
  const near = Array.from({ length: n }, () => []);
  for (const [i, j] of edges) near[i].push(j), near[j].push(i);
  return near;
};
function compute(data, { n, edges, source, rounds }) {
  const near = neighbours(n, edges), root = near.map(list => Math.sqrt(list.length + 1));
  const colours = [Array(n).fill(0)], parts = [root.map((_, i) => +(i === source))];
  for (let k = 0; k < rounds; k++) {
    const now = colours[k], x = parts[k];
    const seen = near.map((list, i) => [now[i], ...list.map(j => now[j]).sort((a, b) => a - b)]);
    const order = [...seen].sort(compare).filter((s, i, all) => !i || compare(s, all[i - 1]));
    colours.push(seen.map(s => order.findIndex(t => !compare(s, t))));
    parts.push(near.map((list, i) =>
      [i, ...list].reduce((sum, j) => sum + x[j] / (root[i] * root[j]), 0)));
  }
  return [colours, parts];
}

// From here on what is seen.
const W = 700, H = 340, MOST = 24, ROUNDS = 40, R = 17;
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#a95a8b", "#8a6d00", "#56b4e9", "#666666"];
const VIEWS = ["colours", "messages", "features"];
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CSS = `
.msg { color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
.msg .panel { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .6rem;
  margin: .4rem 0; }
.msg :is(select, button) { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .7rem; }
.msg [aria-pressed=true] { background: #0072b2; color: #fff; border-color: #0072b2; }
.msg svg { width: 100%; border: 1px solid #8884; border-radius: .5rem; user-select: none; }
.msg .paper { fill: transparent; cursor: crosshair; }
.msg line { stroke: currentColor; stroke-opacity: .45; stroke-width: 2.5; }
.msg line.sent { stroke: #d55e00; stroke-opacity: 1; stroke-width: 4; }
.msg .node { cursor: grab; touch-action: none; outline: none; }
.msg .node circle { stroke: currentColor; stroke-width: 1.2; }
.msg .node .halo { fill: none; stroke: none; pointer-events: all; }
.msg .node .ring { fill: none; stroke: #d55e00; stroke-width: 3; }
.msg .node .armed { stroke-dasharray: 5 3; }
.msg .node:focus-visible .halo { stroke: currentColor; stroke-width: 2.5; }
.msg text { font-size: 12px; text-anchor: middle; dominant-baseline: central;
  pointer-events: none; }
.msg .value { fill: currentColor; font-size: 12.5px; }
@media (max-width: 520px) { .msg text, .msg .value { font-size: 20px; } }`;
const HTML = `<style>${CSS}</style><div class="msg" role="group"><div class="panel">
  <label>graph <select></select></label><span class="panel views" role="group"
  aria-label="what is shown"></span></div><svg viewBox="0 0 ${W} ${H}" role="group"
  aria-label="the graph"></svg><div class="panel"><button data-do="back">◀ back</button>
  <button data-do="step">step ▶</button><button data-do="play">▶▶ play</button>
  <label>round <input type="range" min="0" max="${ROUNDS}" value="0"></label>
  <button data-do="start">start again</button><button data-do="add">add a node</button>
  <button data-do="drop">remove ringed node</button></div>
  <div role="status" aria-live="polite"></div></div>`;
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));

function render({ model, el }) {
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), data = model.get("data"), svg = $("svg");
  $(".msg").ariaLabel = model.get("alt");
  $("select").innerHTML = Object.keys(data.graphs).map(name => `<option>${name}</option>`).join("");
  $(".views").innerHTML = VIEWS.map(v => `<button data-view="${v}">${v}</button>`).join("");
  let edges, places, source, armed, round = 0, view = "colours", clock = 0, held = null;
  const pieces = near => { // the connected piece of each node
    const piece = near.map(() => -1);
    const fill = (i, k) => piece[i] < 0 && (piece[i] = k, near[i].forEach(j => fill(j, k)));
    let count = 0;
    near.forEach((_, i) => piece[i] < 0 && fill(i, count++));
    return [piece, count];
  };
  const told = (colours, parts, near, limit) => { // the words below the picture
    const n = near.length, [piece, count] = pieces(near), kinds = new Set(colours).size;
    if (!n) return "Tap the field to add nodes.";
    if (view === "messages") {
      const heard = parts.filter(v => v > 0).length;
      return `Round ${round}: ${heard} of ${n} nodes have heard from the ringed one; `
        + "in each stands how much of it, in per cent.";
    }
    if (view === "features") {
      const off = Math.hypot(...parts.map((v, i) => v - limit[i])) / Math.hypot(...limit);
      return `Round ${round}: distance to the limit, relative: ${off.toPrecision(2)}. `
        + "In the nodes: value, after the stroke the limit, in per cent.";
    }
    const all = Array.from({ length: count }, (_, p) => Array.from({ length: kinds },
      (_, c) => colours.filter((v, i) => v === c && piece[i] === p).length));
    const words = all.map((list, p) => `piece ${p + 1}: ${list.map((v, c) => v ? `${v}×${c}` : "")
      .filter(v => v).join(" + ")}`).join("; ");
    const same = all.every(list => `${list}` === `${all[0]}`);
    return `Round ${round}: ${kinds} colour${kinds > 1 ? "s" : ""}. ${words}. `
      + (count > 1 ? same ? "The colours of the pieces agree." : "The colours differ." : "");
  };
  const draw = () => {
    const n = places.length, near = neighbours(n, edges);
    const [all, flow] = compute(data, { n, edges, source, rounds: round });
    const colours = all[round], parts = flow[round], before = flow[Math.max(0, round - 1)];
    const [piece] = pieces(near), weight = near.map(list => list.length + 1);
    const total = weight.reduce((s, v, i) => s + (piece[i] === piece[source] ? v : 0), 0);
    const limit = weight.map((v, i) => piece[i] === piece[source]
      ? Math.sqrt(v * weight[source]) / total : 0);
    const fills = parts.map((v, i) => view === "colours" ? PALETTE[colours[i] % 7]
      : `rgba(0,114,178,${clamp(v / Math.max(...parts), 0, 1)})`);
    const percent = v => v && v < 0.005 ? "<1" : `${Math.round(100 * v)}`;
    const words = parts.map((v, i) => view === "colours" ? colours[i] : view === "messages"
      ? (v ? percent(v) : "") : `${percent(v)}|${percent(limit[i])}`);
    const sent = ([i, j]) => view === "messages" && round && (before[i] > 0 || before[j] > 0);
    const focus = el.ownerDocument.activeElement?.dataset?.node;
    svg.innerHTML = `<rect class="paper" width="${W}" height="${H}"/>` + edges.map(e =>
      `<line class="${sent(e) ? "sent" : ""}" x1="${places[e[0]][0] * W}" y1="${
        places[e[0]][1] * H}" x2="${places[e[1]][0] * W}" y2="${places[e[1]][1] * H}"/>`).join("")
      + places.map(([x, y], i) => `<g class="node" data-node="${i}" tabindex="0" role="button"
        aria-label="node ${i}, ${near[i].length} neighbours, ${view} ${words[i] || 0}"
        aria-pressed="${i === armed}" transform="translate(${x * W} ${y * H})">
        <circle class="halo" r="${R + 8}"/><circle r="${R}" style="fill: var(--pst-color-background,
        var(--jp-layout-color0, #fff))"/><circle r="${R}" fill="${fills[i]}"/>${
        i === source && view !== "colours" || i === armed
          ? `<circle class="ring ${i === armed ? "armed" : ""}" r="${R + 4}"/>` : ""}
        ${view === "features" ? `<text class="value" y="${R + 12}">${words[i]}</text>`
          : `<text fill="${view === "colours" || parts[i] > 0.5 * Math.max(...parts) ? "#fff"
            : "currentColor"}">${words[i]}</text>`}</g>`).join("");
    if (focus !== undefined) svg.querySelector(`[data-node="${focus}"]`)?.focus();
    for (const b of el.querySelectorAll("[data-view]")) b.ariaPressed = b.dataset.view === view;
    $("[data-do=play]").textContent = clock ? "❚❚ pause" : "▶▶ play";
    $("input").value = round;
    $("[role=status]").textContent = told(colours, parts, near, limit);
  };
  const go = (to, playing) => {
    clearTimeout(clock);
    round = clamp(to, 0, ROUNDS);
    clock = playing && round < ROUNDS ? setTimeout(go, 700, round + 1, true) : 0;
    draw();
  };
  const enter = name => {
    ({ edges, places } = structuredClone(data.graphs[name]));
    [source, armed] = [0, -1];
    go(0);
  };
  const tap = i => { // ring a node, or join it to the ringed one or part them
    if (armed < 0) armed = source = i;
    else if (i !== armed) {
      const has = edges.findIndex(e => e.includes(i) && e.includes(armed));
      has < 0 ? edges.push([armed, i]) : edges.splice(has, 1);
      armed = -1;
    } else armed = -1;
    draw();
  };
  const add = place => places.length < MOST && (places.push(place), draw());
  const drop = i => {
    places.splice(i, 1);
    edges = edges.filter(e => !e.includes(i)).map(e => e.map(v => v - (v > i)));
    [source, armed] = [0, -1];
    draw();
  };
  const spot = ({ clientX, clientY }) => {
    const { x, y, width, height } = svg.getBoundingClientRect();
    return [clamp((clientX - x) / width, 0.03, 0.97), clamp((clientY - y) / height, 0.06, 0.92)];
  };
  svg.onpointerdown = event => {
    const node = event.target.closest(".node");
    held = node ? { i: +node.dataset.node, from: [event.clientX, event.clientY] } : null;
    if (node) svg.setPointerCapture(event.pointerId);
  };
  svg.onclick = event => event.target.closest(".paper") && add(spot(event));
  svg.onpointermove = event => {
    const far = held && Math.hypot(event.clientX - held.from[0], event.clientY - held.from[1]);
    if (held && (held.moved ||= far > 6)) places[held.i] = spot(event), draw();
  };
  svg.onpointerup = () => { if (held && !held.moved) tap(held.i); held = null; };
  svg.onkeydown = event => {
    const node = event.target.closest(".node"), way = WAYS[event.key], i = +node?.dataset.node;
    if (!node || !(way || ["Enter", " ", "Delete"].includes(event.key))) return;
    event.preventDefault();
    if (way) places[i] = places[i].map((v, k) => clamp(v + 0.02 * way[k], 0.03, 0.94)), draw();
    else event.key === "Delete" ? drop(i) : tap(i);
  };
  const ACTIONS = { back: () => go(round - 1), step: () => go(round + 1), start: () => go(0),
    play: () => go(round + !clock, !clock), drop: () => source < places.length && drop(source),
    add: () => add([0.1 + 0.8 * Math.random(), 0.1 + 0.7 * Math.random()]) };
  for (const b of el.querySelectorAll("[data-do]")) b.onclick = ACTIONS[b.dataset.do];
  for (const b of el.querySelectorAll("[data-view]")) {
    b.onclick = () => { view = b.dataset.view; draw(); };
  }
  for (const e of el.querySelectorAll("select, svg, input")) e.dataset.lmSuppressShortcuts = true;
  $("select").oninput = () => enter($("select").value);
  $("input").oninput = () => go(+$("input").value);
  $("select").value = data.open;
  enter(data.open);
}

export default { compute, render };
