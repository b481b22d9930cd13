// A digit that one may repaint, a target and an allowance; two networks are attacked at once.
//
// data = { nets: [{ name, W, b, V, c }, ...], digits: [[64 grey values in 1/16], ...] };
// state = { x, label, target, eps, steps }, target -1 means "any other class". compute gives for
// every network [attacked picture, logits before, logits after]: signed steps of eps / 4 up the
// lead of the strongest wrong class over the label, or of the target over the strongest other.
const dot = (w, x) => w.reduce((total, v, i) => total + v * x[i], 0);
const best = (z, not) =>
  z.reduce((top, v, i) => i !== not && (top < 0 || v > z[top]) ? i : top, -1);
const clamp = (v, low, high) => Math.min(high, Math.max(low, v));
function forward({ W, b, V, c }, x) {
  const h = W.map((row, i) => Math.max(0, dot(row, x) + b[i]));
  return [h, V.map((row, j) => dot(row, h) + c[j])];
}
function attack(net, { x, label, target, eps, steps }) {
  let now = x.slice();
  for (let k = 0; k < steps; k++) {
    const [h, z] = forward(net, now);
    const [up, down] = target < 0 ? [best(z, label), label] : [target, best(z, target)];
    const back = h.map((v, i) => v > 0 ? net.V[up][i] - net.V[down][i] : 0);
    now = now.map((v, p) => {
      const g = net.W.reduce((total, row, i) => total + row[p] * back[i], 0);
      return clamp(v + eps / 4 * Math.sign(g), Math.max(0, x[p] - eps), Math.min(1, x[p] + eps));
    });
  }
  return [now, forward(net, x)[1], forward(net, now)[1]];
}
function compute(data, state) {
  return data.nets.map(net => attack(net, state));
}

// From here on what is seen.
const SIDE = 8, CELL = 16, BAR = 26, HIGH = 92;
const softmax = z => {
  const e = z.map(v => Math.exp(v - Math.max(...z))), total = e.reduce((a, b) => a + b);
  return e.map(v => v / total);
};
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const CSS = `
.attack { --good: #0072b2; --bad: #d55e00; font-size: .9rem;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .attack, [data-jp-theme-light="false"] .attack {
  --good: #56b4e9; --bad: #f08a3c; }
.attack .panel { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1rem;
  margin: .35rem 0; }
.attack :is(select, button) { font: inherit; color: inherit; background: #8882;
  cursor: pointer; border: 1px solid #8888; border-radius: .4rem; padding: .25rem .6rem; }
.attack option { color: #000; background: #fff; }
.attack input { accent-color: var(--good); width: 11rem; vertical-align: middle; }
.attack figure { margin: 0; } .attack figcaption { font-size: .85rem; min-height: 1.4em; }
.attack svg { display: block; } .attack .pad { cursor: crosshair; touch-action: none; }
.attack .pad:focus-visible { outline: 3px solid var(--good); outline-offset: 2px; }
.attack .net { border-top: 1px solid #8886; padding-top: .35rem; align-items: flex-end; }
.attack .net > b { flex: 1 0 100%; font-weight: 600; }
.attack text { fill: currentColor; font-size: 12px; text-anchor: middle; }`;
const option = ([v, words]) => `<option value="${v}">${words}</option>`;
const choice = (name, values) =>
  `<label>${name} <select>${values.map(option).join("")}</select></label>`;
const grey = v => `rgb(${Array(3).fill(Math.round(255 * clamp(v, 0, 1))).join()})`;
const pixels = (values, colour) => values.map((v, p) => `<rect x="${p % SIDE * CELL}"
  y="${Math.floor(p / SIDE) * CELL}" width="${CELL + .4}" height="${CELL + .4}"
  fill="${colour(v)}"/>`).join("");
const signed = most => v => v < 0 ? `rgba(0,114,178,${Math.min(1, -v / most)})`
  : `rgba(213,94,0,${Math.min(1, v / most)})`;
const BOX = SIDE * CELL, WIDE = 152;
const image = (kind, words) => `<figure><svg class="${kind}" viewBox="0 0 ${BOX} ${BOX}"
  width="${WIDE}" height="${WIDE}" ${kind === "pad" ? 'tabindex="0"' : ""} role="img"></svg>
  <figcaption>${words}</figcaption></figure>`;

function render({ model, el }) {
  const { nets, digits } = model.get("data"), classes = [...Array(10).keys()];
  el.innerHTML = `<style>${CSS}</style><div class="attack" role="group"><div class="panel">
    ${choice("digit", classes.map(d => [d, d]))}
    ${choice("to be read as", [[-1, "anything else"], ...classes.map(d => [d, d])])}
    <label>ε <input type="range" min="0" max="0.4" step="0.01" value="0.15">
    <output></output></label>
    <button type="button">undo the painting</button></div>
    <div class="panel">${image("pad", "the digit; paint on it")}<span role="status"></span></div>
    ${nets.map(({ name }) => `<div class="panel net"><b>${name}</b>
      ${image("after", "")}${image("change", "change")}
      <figure><svg class="bars" viewBox="0 0 ${10 * BAR} ${HIGH + 32}" width="${10 * BAR}"
      role="img"></svg><figcaption>probabilities (line: before)</figcaption></figure></div>`)
      .join("")}
    </div>`;
  const $ = selector => el.querySelector(selector);
  const all = selector => [...el.querySelectorAll(selector)];
  const [digit, target] = all("select"), eps = $("input"), pad = $(".pad");
  let x, spot = [3, 3];
  $(".attack").ariaLabel = model.get("alt");
  const draw = () => {
    const state = { x, label: +digit.value, target: +target.value, eps: +eps.value, steps: 20 };
    const results = compute({ nets }, state), words = [];
    pad.innerHTML = pixels(x, grey) + (pad.matches(":focus-visible") ? `<rect x="${spot[0] * CELL}"
      y="${spot[1] * CELL}" width="${CELL}" height="${CELL}" fill="none" stroke="#d55e00"
      stroke-width="2"/>` : "");
    pad.ariaLabel = `digit ${state.label}, eight by eight pixels; arrow keys move, space paints`;
    $("output").textContent = state.eps.toFixed(2);
    eps.ariaValueText = state.eps.toFixed(2);
    results.forEach(([after, z0, z1], k) => {
      const p0 = softmax(z0), p1 = softmax(z1), says = best(z1, -1);
      const [seen, change, bars] = ["after", "change", "bars"].map(name => all(`.${name}`)[k]);
      seen.innerHTML = pixels(after, grey);
      change.innerHTML = `<rect width="${BOX}" height="${BOX}" fill="#fff"/>`
        + pixels(after.map((v, p) => v - x[p]), signed(0.4));
      bars.innerHTML = p1.map((p, j) => `<rect x="${j * BAR + 4}" y="${14 + HIGH * (1 - p)}"
        width="${BAR - 8}" height="${HIGH * p}"
        fill="var(--${j === state.label ? "good" : "bad"})"/>
        <path d="M${j * BAR + 1} ${14 + HIGH * (1 - p0[j])}h${BAR - 2}" stroke="currentColor"
        stroke-width="2"/><text x="${(j + .5) * BAR}" y="${HIGH + 29}">${j}</text>`).join("");
      const said = `reads ${says} with ${p1[says].toFixed(2)}`;
      seen.nextElementSibling.textContent = said;
      seen.ariaLabel = `attacked picture, network trained ${nets[k].name} ${said}`;
      change.ariaLabel = "change of each pixel, blue darker, orange brighter";
      bars.ariaLabel = p1.map((p, j) => `${j}: ${p.toFixed(2)}`).join(", ");
      words.push(`${nets[k].name}: ${best(z0, -1)} → ${says}`);
    });
    $("[role=status]").textContent = words.join("; ");
  };
  const restart = () => draw(x = digits[+digit.value].map(v => v / 16));
  const paint = (column, row, by) => {
    const p = clamp(row, 0, 7) * SIDE + clamp(column, 0, 7);
    x = x.map((v, i) => i === p ? clamp(v + by, 0, 1) : v);
    draw();
  };
  let last;
  const under = event => {
    const { x: left, y: top, width } = pad.getBoundingClientRect(), size = width / SIDE;
    const at = [event.clientX - left, event.clientY - top].map(v => Math.floor(v / size));
    if (last !== at.join()) paint(...at, x[clamp(at[1], 0, 7) * SIDE + clamp(at[0], 0, 7)] > .9
      && last === undefined ? -1 : .5);
    last = at.join();
  };
  pad.onpointerdown = event => {
    last = undefined;
    if (event.isTrusted) pad.setPointerCapture(event.pointerId);
    under(event);
  };
  pad.onpointermove = event => event.buttons && under(event);
  pad.onkeydown = event => {
    const way = WAYS[event.key];
    if (way) spot = spot.map((v, i) => clamp(v + way[i], 0, 7));
    if (event.key === " ") paint(...spot, x[spot[1] * SIDE + spot[0]] > .9 ? -1 : .5);
    if (way || event.key === " ") event.preventDefault(), draw();
  };
  pad.onfocus = pad.onblur = draw;
  for (const e of all("select, input, .pad")) e.dataset.lmSuppressShortcuts = true;
  [target.onchange, eps.oninput] = [draw, draw];
  [digit.onchange, $("button").onclick] = [restart, restart];
  restart();
}

export default { compute, render };
