// Gradient descent, heavy ball, Nesterov and Adam race from a start that one drags over a
// landscape f(x, y); beside it the map of momentum, on which one drags their setting.
//
// data is the state it opens with, state = { landscape, start: [x, y], eta, beta, steps };
// compute(data, state) = [paths, radii]: paths[method][step] = [x, y], steps + 1 points for
// each of the METHODS; radii: heavy ball's spectral radius at eta * curvature for each of the
// landscape's curvatures. A point with a coordinate beyond LIMIT is not taken: copies of the
// last point fill the path.
const LIMIT = 1e6;
// Every minimum has height 0. curvatures: the smallest and the largest second derivative at
// a minimum; adam: Adam's step size; size: half the map's width; start: where one begins.
const LANDSCAPES = {
  bowl: { curvatures: [1, 1], adam: 0.1, size: 3, start: [-2.4, 1.5],
    f: (x, y) => (x * x + y * y) / 2, gradient: (x, y) => [x, y] },
  valley: { curvatures: [1, 20], adam: 0.1, size: 3, start: [-2.6, 1.2],
    f: (x, y) => (x * x + 20 * y * y) / 2, gradient: (x, y) => [x, 20 * y] },
  saddle: { curvatures: [1, 2], adam: 0.1, size: 2, start: [-1.7, 0.02], // minima (0, ±1)
    f: (x, y) => x * x / 2 + (y * y - 1) ** 2 / 4, gradient: (x, y) => [x, y * (y * y - 1)] },
  Himmelblau: { adam: 0.2, size: 6, start: [0, -1], // four minima, among them these two:
    curvatures: [54 - 20 * Math.sqrt(2), 133.785615213067], // (3, 2) and (-3.779, -3.283)
    f: (x, y) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
    gradient: (x, y, a = x * x + y - 11, b = x + y * y - 7) =>
      [4 * x * a + 2 * b, 2 * a + 4 * y * b] },
};

const descend = (p, { g, eta }, slope = g(...p)) => p.map((x, i) => x - eta * slope[i]);
const METHODS = { // what follows p; last is the point before it, first p itself; t = 1, 2, …
  "gradient descent": (p, last, s) => descend(p, s),
  "heavy ball": (p, last, s) => descend(p, s).map((x, i) => x + s.beta * (p[i] - last[i])),
  "Nesterov": (p, last, s) => descend(p.map((x, i) => x + s.beta * (x - last[i])), s),
  "Adam": (p, last, { g, adam, m, v }, t) => p.map((x, i) => {
    const slope = g(...p)[i];
    m[i] = 0.9 * m[i] + 0.1 * slope;
    v[i] = 0.999 * v[i] + 0.001 * slope * slope;
    const mean = m[i] / (1 - 0.9 ** t), square = v[i] / (1 - 0.999 ** t);
    return x - adam * mean / (Math.sqrt(square) + 1e-8);
  }),
};
// The larger modulus of the roots of z² - (1 + beta - h) z + beta, where h = eta * curvature.
const radius = (h, beta, s = 1 + beta - h, d = s * s - 4 * beta) =>
  d < 0 ? Math.sqrt(beta) : (Math.abs(s) + Math.sqrt(d)) / 2;

function compute(data, { landscape, start, eta, beta, steps }) {
  const { gradient, adam, curvatures } = LANDSCAPES[landscape];
  const paths = Object.values(METHODS).map(method => {
    const path = [start], setting = { g: gradient, eta, beta, adam, m: [0, 0], v: [0, 0] };
    while (path.length <= steps) {
      const p = path.at(-1), next = method(p, path.at(-2) ?? p, setting, path.length);
      if (!next.every(x => Math.abs(x) <= LIMIT)) break;
      path.push(next);
    }
    return [...path, ...Array(steps + 1 - path.length).fill(path.at(-1))];
  });
  return [paths, curvatures.map(c => radius(eta * c, beta))];
}

// From here on what is seen. A map is a square of SIDE units and a margin for its axes.
const SIDE = 356, MOMENTUM = [[0, 0], [4, 1]], BLUE = [0, 114, 178], RED = [213, 94, 0];
const LABELS = [[312, 374, "ηλ"], [-20, 50, "β"], [32, 350, "monotone"], [158, 350, "ripples"],
  [200, 40, "oscillating"], [285, 280, "diverging"]];
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SHAPES = ["M-5 0A5 5 0 1 1-5 .1z", "M-5-5h9v9h-9z", "M0-7L7 0 0 7-7 0z", "M0-7L6 5H-6z"];
const CSS = `
.race { --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #c98500;
  color: var(--pst-color-text-base, var(--jp-ui-font-color1)); font-size: .9rem; }
html[data-theme="dark"] .race, [data-jp-theme-light="false"] .race { --c0: #56b4e9; }
.race > *, .race :is(label, li) { display: flex; flex-wrap: wrap; align-items: center;
  gap: .5rem 1rem; margin: .3rem 0; padding: 0; }
.race :is(select, button) { font: inherit; color: inherit; background: #8882; cursor: pointer;
  border: 1px solid #8888; border-radius: .4rem; padding: .3rem .8rem; }
.race .maps > * { flex: 1 1 18rem; text-align: center; }
.race li { flex: 1 1 9rem; flex-wrap: nowrap; } .race b { display: block; } .race li svg { width: 2.4rem; }
.race [data-map] { width: 100%; user-select: none; cursor: crosshair; overflow: visible; }
.race text { fill: currentColor; font-size: 13px; text-anchor: middle; }
.race path { fill: none; stroke: var(--c); stroke-width: 2; }
.race .dots { stroke-width: 4.5; stroke-linecap: round; }
.race .end { fill: var(--c); stroke: #fff; stroke-width: 1.5; }
.race .edge { stroke: currentColor; stroke-width: 1.4; stroke-opacity: .7; }
.race .grip { cursor: grab; touch-action: none; outline: none; fill: transparent; }
.race .knob { fill: #fff; stroke: #16191d; stroke-width: 2.5; }
.race .grip:focus-visible .knob { stroke: var(--c0); stroke-width: 5; }`;
const show = v => (v && Math.abs(v) < 0.01 || Math.abs(v) > 1e4 ? v.toExponential(1)
  : `${+v.toPrecision(3)}`).replaceAll("-", "−");
const text = (x, y, words) => `<text x="${x}" y="${y}">${words}</text>`;
const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const toMap = ([low, high], p) => p.map((v, i) => (v - low[i]) / (high[i] - low[i]))
  .map((u, i) => clamp(SIDE * (i ? 1 - u : u), -1e4, 1e4));
const fromMap = ([low, high], p) => p.map((v, i) => i ? 1 - v / SIDE : v / SIDE)
  .map((u, i) => low[i] + (high[i] - low[i]) * u);
// A map's ground: a line where the level is a whole number, tint(level) between; ticks.
function ground(box, level, tint, words, n = 2 * SIDE) {
  const canvas = Object.assign(document.createElement("canvas"), { width: n, height: n });
  const pen = canvas.getContext("2d"), image = pen.createImageData(n, n);
  const at = (i, j) => level(...fromMap(box, [i / 2, j / 2]));
  for (let k = 0; k < n * n; k++) {
    const i = k % n, j = Math.floor(k / n), l = at(i, j), [colour, alpha] = tint(l);
    const slope = Math.hypot(at(i + 1, j) - l, at(i, j + 1) - l);
    const line = clamp(1.5 - Math.abs(l - Math.round(l)) / slope, 0, 1);
    image.data.set([...colour, 255 * Math.max(alpha, 0.45 * line)], 4 * k);
  }
  pen.putImageData(image, 0, 0);
  const ticks = [0, 1, 2, 3, 4].map(k => k * SIDE / 4).flatMap(at => fromMap(box, [at, at])
    .map((v, i) => i ? [-20, at + 5, show(v)] : [at, SIDE + 18, show(v)]));
  return `<image width="${SIDE}" height="${SIDE}" href="${canvas.toDataURL()}"/><path class="edge"
    d="M0 0V${SIDE}H${SIDE}"/>${[...ticks, ...words].map(word => text(...word)).join("")}`;
}

const panel = (name, label) => `<div><svg data-map="${name}" viewBox="-38 -12 408 396">
  <g class="ground"></g><svg width="${SIDE}" height="${SIDE}"></svg><g class="moving"></g>
  <g class="grip" tabindex="0" role="slider" aria-label="${label}" aria-valuemin="-6"
  aria-valuemax="6"><circle r="24"/><circle class="knob" r="8"/></g></svg><div></div></div>`;
const HTML = `<style>${CSS}</style>
  <div class="race" role="group"><div><label>landscape <select>
  ${Object.keys(LANDSCAPES).map(name => `<option>${name}</option>`).join("")}</select></label>
  <button type="button">▶ play</button><button type="button">step</button><label>steps <input
  type="range" min="5" max="200" step="5"></label></div><div class="maps">
  ${panel("race", "start")}${panel("momentum", "step size and momentum")}</div><ul></ul></div>`;

function render({ model, el }) {
  el.innerHTML = HTML;
  const $ = selector => el.querySelector(selector), [play, step] = el.querySelectorAll("button");
  const select = $("select"), steps = $("input"), given = model.get("data");
  $(".race").ariaLabel = model.get("alt");
  [select.value, steps.value] = [given.landscape, given.steps];
  const here = () => LANDSCAPES[select.value], steepest = () => here().curvatures[1];
  const points = { race: given.start, momentum: [given.eta * steepest(), given.beta] };
  let seen, clock, boxes = { momentum: MOMENTUM }; // the step shown; the timer while playing
  const draw = () => {
    const { f, curvatures } = here(), [h, beta] = points.momentum, eta = h / steepest();
    const state = { landscape: select.value, start: points.race, eta, beta, steps: +steps.value };
    const [paths, radii] = compute(given, state), grips = el.querySelectorAll(".grip");
    $("[data-map=race] > svg").innerHTML = paths.map((path, k) => {
      const xy = path.slice(0, seen + 1).map(p => toMap(boxes.race, p));
      return `<g style="--c: var(--c${k})"><path d="M${xy.join("L")}"/><path class="dots"
        d="M${xy.join("h0M")}h0"/><path class="end" d="${SHAPES[k]}"
        transform="translate(${xy.at(-1)})"/></g>`;
    }).join("");
    $("[data-map=momentum] > .moving").innerHTML = curvatures.map((c, k) => {
      const [x, y] = toMap(MOMENTUM, [eta * c, beta]);
      return `<path class="edge" d="M0 ${y}H${SIDE}"/><circle class="knob" r="5" cx="${x}"
        cy="${y}"/>${text(x + 20, y + (k ? -10 : 20), k ? "λ max" : "λ min")}`;
    }).join("");
    $("ul").innerHTML = Object.keys(METHODS).map((name, k) => `<li style="--c: var(--c${k})">
      <svg viewBox="-20 -8 40 16"><path d="M-20 0H20"/><path class="end" d="${SHAPES[k]}"/></svg>
      <span><b>${name}</b> f = ${show(f(...paths[k][seen]))}</span></li>`).join("");
    const said = { race: `start (${points.race.map(show).join(", ")}), after ${seen} steps`,
      momentum: `η = ${show(eta)}, β = ${show(beta)}: heavy ball ρ = ${show(Math.max(...radii))}` };
    Object.entries(said).forEach(([name, words], k) => {
      Object.assign(grips[k], { ariaValueNow: points[name][0], ariaValueText: words });
      grips[k].setAttribute("transform", `translate(${toMap(boxes[name], points[name])})`);
      grips[k].parentNode.nextElementSibling.textContent = words;
    });
  };
  const go = (to, playing) => { // shows a step, and while it plays the next ones
    clearTimeout(clock);
    [seen, clock] = [to, playing && to < steps.value ? setTimeout(go, 80, to + 1, true) : 0];
    play.textContent = clock ? "❚❚ pause" : "▶ play";
    draw();
  };
  const whole = () => go(+steps.value);
  const enter = () => { // a landscape
    const { f, size } = here(), level = (x, y) => 14 * Math.sqrt(f(x, y) / f(size, size));
    boxes.race = [[-size, -size], [size, size]];
    $(".ground").innerHTML = ground(boxes.race, level,
      level => [BLUE, 0.45 * (1 - level / 14) ** 2], [[312, 374, "x"], [-20, 50, "y"]]);
    whole();
  };
  for (const name of Object.keys(points)) {
    const svg = $(`[data-map=${name}]`), grip = svg.querySelector(".grip");
    const move = p => { // p on the map
      points[name] = fromMap(boxes[name], p.map(v => clamp(v, 0, SIDE)));
      whole();
    };
    const follow = ({ clientX, clientY }) => {
      const { x, y, width } = svg.querySelector("image").getBoundingClientRect();
      move([clientX - x, clientY - y].map(v => v / width * SIDE));
    };
    svg.onclick = follow;
    grip.onpointerdown = ({ pointerId }) => grip.setPointerCapture(pointerId);
    grip.onpointermove = event => event.buttons && follow(event);
    grip.onkeydown = event => {
      const way = WAYS[event.key], by = SIDE / (event.shiftKey ? 20 : 100);
      if (!way) return;
      event.preventDefault();
      move(toMap(boxes[name], points[name]).map((v, i) => v + way[i] * by));
    };
  }
  play.onclick = () => go(clock ? seen : seen % steps.value, !clock);
  step.onclick = () => go(seen % steps.value + 1);
  for (const e of el.querySelectorAll("select, input, .grip")) e.dataset.lmSuppressShortcuts = true;
  steps.oninput = whole;
  select.oninput = () => enter(points.race = here().start);
  $("[data-map=momentum] .ground").innerHTML = ground(MOMENTUM,
    (h, beta) => radius(h, beta) > 1 ? 10.5 : 10 * radius(h, beta),
    level => level > 10 ? [RED, 0.25] : [BLUE, 0.75 * (1 - level / 10)], LABELS)
    + `<path class="edge" d="M0 0Q0 ${2 * SIDE} ${SIDE} 0"/>`; // beta = (1 - sqrt(h))²
  enter();
}

export default { compute, render };
