// A network of up to two hidden layers of tanh units learns points that one paints; beside
// it its graph, with the activities on the way forward or the signals on the way back.
//
// data is the state it opens with and start = [[W, b], ...] of the largest network, 2-8-8-1;
// state = { points: [[x, y, ±1], ...], hidden: [units, ...], eta, steps, probe: [x, y, ±1] };
// compute(data, state) = [losses, xs, bars, gradients]: the loss before each step of descent
// with momentum; then every layer's activities, signals and weight gradients at the probe.
const MOMENTUM = 0.9;
const sum = (values, f) => values.reduce((total, v, i) => total + f(v, i), 0);
// A smaller network starts with the upper left corners of the largest one's matrices.
function begin(start, hidden) {
  const m = [2, ...hidden, 1], stored = [...start.slice(0, hidden.length), start[2]];
  return m.slice(1).map((k, l) => ({ b: stored[l][1].slice(0, k), vb: Array(k).fill(0),
    W: stored[l][0].slice(0, k).map(row => row.slice(0, m[l])),
    vW: Array.from({ length: k }, () => Array(m[l]).fill(0)) }));
}
function forward(net, x) {
  const xs = [x];
  net.forEach(({ W, b }, l) => {
    const z = W.map((row, i) => b[i] + sum(row, (w, j) => w * xs[l][j]));
    xs.push(l < net.length - 1 ? z.map(Math.tanh) : z);
  });
  return xs;
}
function backward(net, xs, bar) { // the signals of all layers
  const bars = [bar];
  for (let l = net.length - 1; l > 0; l--) {
    const next = bars[0], { W } = net[l];
    bars.unshift(xs[l].map((x, j) => (1 - x * x) * sum(next, (d, i) => d * W[i][j])));
  }
  return bars;
}
function learn(net, points, eta) { // one step; returns the loss before it
  let loss = 0, n = points.length;
  net.forEach(({ vW, vb }) => [vb, ...vW].forEach(row =>
    row.forEach((v, j) => { row[j] = MOMENTUM * v; })));
  for (const [x, y, label] of points) {
    const xs = forward(net, [x, y]), error = xs.at(-1)[0] - label;
    loss += error * error / 2 / n;
    backward(net, xs, [error / n]).forEach((bar, l) => bar.forEach((d, i) => {
      net[l].vb[i] += d;
      xs[l].forEach((a, j) => { net[l].vW[i][j] += d * a; });
    }));
  }
  net.forEach(({ W, b, vW, vb }) => [b, ...W].forEach((row, i) =>
    row.forEach((_, j) => { row[j] -= eta * (i ? vW[i - 1] : vb)[j]; })));
  return loss;
}
function look(net, [x, y, label]) { // activities, signals, the weights' gradients there
  const xs = forward(net, [x, y]), bars = backward(net, xs, [xs.at(-1)[0] - label]);
  return [xs, bars, bars.map((bar, l) => bar.flatMap(d => xs[l].map(x => d * x)))];
}
function compute(data, { points, hidden, eta, steps, probe }) {
  const net = begin(data.start, hidden);
  const losses = Array.from({ length: steps }, () => learn(net, points, eta));
  return [losses, ...look(net, probe)];
}

// From here on what is seen. Map and graph are squares of SIDE units.
const SIDE = 356, CELLS = 44, BLUE = [0, 114, 178], RED = [213, 94, 0];
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const arm = turn => Array.from({ length: 28 }, (_, k) => [0.12 + 0.03 * k, turn + 0.24 * k])
  .map(([r, a]) => [r * Math.cos(a), r * Math.sin(a)]);
const SETS = { // [points of -1, points of +1]
  "exclusive or": [[[-.7, -.7], [.7, .7]], [[-.7, .7], [.7, -.7]]],
  "two spirals": [arm(0), arm(Math.PI)], none: [],
};
const CSS = `
.network { --neg: #0072b2; --pos: #d55e00; --ground: #fff; font-size: .9rem;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); }
html[data-theme="dark"] .network, [data-jp-theme-light="false"] .network {
  --neg: #56b4e9; --pos: #f08a3c; --ground: #16191d; }
.network > div { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .9rem;
  margin: .3rem 0; }
.network :is(select, button) { font: inherit; color: inherit; background: #8882;
  cursor: pointer; border: 1px solid #8888; border-radius: .4rem; padding: .25rem .6rem; }
.network .maps > * { flex: 1 1 17rem; display: grid; }
.network .maps > * > * { grid-area: 1 / 1; width: 100%; height: 100%; aspect-ratio: 1; }
.network [data-map] { cursor: crosshair; touch-action: none; user-select: none; }
.network .dot { stroke: #fff; stroke-width: 1.5; } .network .unit { stroke: currentColor; }
.network text { fill: currentColor; font-size: 13px; text-anchor: middle; }
.network .ring { fill: #fff5; stroke: currentColor; stroke-width: 2.5; outline: none;
  cursor: grab; } .network .ring:focus-visible { stroke-width: 6; }`;
const choice = (name, values, chosen) => `<label>${name} <select>${values.map(v =>
  `<option${v === chosen ? " selected" : ""}>${v}</option>`).join("")}</select></label>`;
const show = v => (v && Math.abs(v) < .01 ? v.toExponential(0) : v.toFixed(2)).replaceAll("-", "−");
const colour = v => v < 0 ? "var(--neg)" : "var(--pos)";

function render({ model, el }) {
  const given = model.get("data"), units = [...Array(9).keys()];
  el.innerHTML = `<style>${CSS}</style><div class="network" role="group"><div>
    <button type="button">▶ train</button><button type="button">step</button>
    <button type="button">start again</button><span role="status"></span></div><div>
    ${choice("first layer", units, given.hidden[0] ?? 0)}
    ${choice("second layer", units, given.hidden[1] ?? 0)}
    ${choice("learning rate", [0.01, 0.03, 0.1, 0.3], given.eta)}</div><div>
    ${choice("points", ["a ring", ...Object.keys(SETS)], "a ring")}
    ${choice("brush", ["paint +1", "paint -1", "erase"], "paint +1")}
    ${choice("graph", ["activities →", "← signals"], "activities →")}</div>
    <div class="maps"><div><canvas width="${CELLS}" height="${CELLS}"></canvas>
    <svg data-map viewBox="0 0 ${SIDE} ${SIDE}"><g></g><circle class="ring" r="11" tabindex="0"
    role="slider" aria-label="the example that is followed" aria-valuemin="-1" aria-valuemax="1"/>
    </svg></div><div><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img"></svg></div></div></div>`;
  const $ = selector => el.querySelector(selector);
  const [train, step, again] = el.querySelectorAll("button");
  const [first, second, rate, set, brush, mode] = el.querySelectorAll("select");
  const map = $("[data-map]"), ring = $(".ring"), pen = $("canvas").getContext("2d");
  let points = given.points, net, taken, loss, timer, spot = given.probe.slice(0, 2), act;
  $(".network").ariaLabel = model.get("alt");
  const place = ([x, y]) => [(x + 1) * SIDE / 2, (1 - y) * SIDE / 2];
  const gap = (p, q) => Math.hypot(p[0] - q[0], p[1] - q[1]); // the nearest point's label:
  const near = p => points.reduce((a, b) => gap(a, p) <= gap(b, p) ? a : b, [9, 9, 1])[2];
  const drawMap = () => {
    const image = pen.createImageData(CELLS, CELLS);
    for (let k = 0; k < CELLS * CELLS; k++) {
      const [i, j] = [k % CELLS, Math.floor(k / CELLS)].map(v => 2 * (v + 0.5) / CELLS - 1);
      const out = forward(net, [i, -j]).at(-1)[0];
      image.data.set([...(out < 0 ? BLUE : RED), 30 + 120 * Math.min(1, Math.abs(out))], 4 * k);
    }
    pen.putImageData(image, 0, 0);
    map.firstElementChild.innerHTML = points.map(p => {
      const [x, y] = place(p);
      return p[2] < 0 ? `<circle class="dot" r="5" cx="${x}" cy="${y}" fill="var(--neg)"/>`
        : `<path class="dot" d="M${x - 6} ${y + 5}h12L${x} ${y - 7}z" fill="var(--pos)"/>`;
    }).join("");
    place(spot).forEach((v, i) => ring.setAttribute(["cx", "cy"][i], v));
    Object.assign(ring, { ariaValueNow: spot[0],
      ariaValueText: `(${spot.map(show).join(", ")}), target ${near(spot)}` });
  };
  const drawGraph = () => {
    const [xs, bars, grads] = look(net, [...spot, near(spot)]), back = mode.value[0] === "←";
    const values = back ? [null, ...bars] : xs, last = xs.length - 1;
    const at = (l, i) => [30 + l * (SIDE - 60) / last,
      SIDE / 2 + (i - (xs[l].length - 1) / 2) * Math.min(62, (SIDE - 50) / xs[l].length)];
    const most = Math.max(1e-9, ...grads.flat().map(Math.abs)) / 2;
    const lines = net.flatMap(({ W }, l) => W.flatMap((row, i) => row.map((w, j) => {
      const v = back ? grads[l][i * row.length + j] / most : w;
      return `<path d="M${at(l, j)}L${at(l + 1, i)}" stroke="${colour(v)}" stroke-opacity=".75"
        stroke-width="${Math.min(6, 0.3 + 2 * Math.abs(v))}"/>`;
    })));
    const nodes = xs.flatMap((x, l) => x.map((_, i) => {
      const v = values[l]?.[i], [cx, cy] = at(l, i);
      const full = Math.min(1, Math.abs(v ?? 0)) * 0.75, where = `cx="${cx}" cy="${cy}" r="13"`;
      return `<circle ${where} fill="var(--ground)"/><circle class="unit" ${where} fill="${colour(v)}"
        fill-opacity="${full}"/><text x="${cx}" y="${cy - 16}">${v == null ? "" : show(v)}</text>`;
    }));
    Object.assign($("[role=img]"), { innerHTML: lines.join("") + nodes.join(""), ariaLabel:
      `${mode.value} ${(back ? bars : xs).map(layer => layer.map(show).join(", ")).join("; ")}` });
    $("[role=status]").textContent = `step ${taken}, loss ${loss == null ? "–" : show(loss)}; `
      + `ŷ − y at the ring ${show(xs.at(-1)[0] - near(spot))}`;
  };
  const draw = () => drawGraph(drawMap());
  const advance = n => {
    for (let k = 0; k < n && points.length; k++, taken++) loss = learn(net, points, +rate.value);
    loss < 1e6 ? draw() : restart(); // it blew up
  };
  const run = (on, stop = cancelAnimationFrame(timer)) => {
    timer = on ? requestAnimationFrame(() => el.isConnected && run(!advance(4))) : 0;
    train.textContent = on ? "❚❚ pause" : "▶ train";
  };
  const restart = () => {
    const hidden = [+first.value, +first.value && +second.value].filter(k => k > 0);
    [net, taken, loss] = [begin(given.start, hidden), 0, undefined];
    draw();
  };
  const inside = v => Math.max(-1, Math.min(1, v)), follow = p => draw(spot = p);
  const under = ({ clientX, clientY }) => { // the point of the square under the finger
    const { x, y, width } = map.getBoundingClientRect();
    return [inside(2 * (clientX - x) / width - 1), inside(1 - 2 * (clientY - y) / width)];
  };
  const use = p => {
    const far = points.filter(q => gap(p, q) > 0.1), free = far.length === points.length;
    if (brush.value === "erase") points = far;
    draw(points = free && brush.value !== "erase" ? [...far, [...p, +brush.value.slice(6)]] : points);
  };
  map.onpointerdown = event => { // a drag that begins on the ring moves it, others paint
    act = event.target === ring ? follow : use;
    if (event.isTrusted) map.setPointerCapture(event.pointerId);
    act(under(event));
  };
  map.onpointermove = event => event.buttons && act?.(under(event));
  ring.onkeydown = event => {
    const way = WAYS[event.key], by = event.shiftKey ? 0.2 : 0.05;
    if (event.key === "Enter") use(spot);
    if (way) event.preventDefault(), follow(spot.map((v, i) => inside(v + by * way[i])));
  };
  [train.onclick, step.onclick] = [() => run(!timer), () => advance(1, run(false))];
  again.onclick = () => restart(run(false));
  for (const e of el.querySelectorAll("select, .ring")) e.dataset.lmSuppressShortcuts = true;
  [mode.onchange, first.onchange, second.onchange] = [draw, restart, restart];
  set.onchange = () => {
    points = set.value === "a ring" ? given.points
      : SETS[set.value].flatMap((group, k) => group.map(p => [...p, 2 * k - 1]));
    restart();
  };
  restart();
}

export default { compute, render };
